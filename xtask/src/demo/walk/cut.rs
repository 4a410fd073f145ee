//! Step 6: cut off, by the administrator and by the policy's window.

use super::{SOON, Walk, code, see, start, tunnel, watch};
use crate::{
    clock,
    demo::{
        containers, json, netns,
        probe::Answer,
        product::{DESKTOP_1, DESKTOP_2},
    },
    exec,
    failure::{Result, bail},
    report::{self, Stopwatch},
};
use serde_json::Value;
use std::time::Duration;

/// How far ahead the third session's window closes: time enough to sign in, short enough to wait for.
const WINDOW: Duration = Duration::from_secs(25);

pub fn run(walk: &mut Walk) -> Result {
    report::headline("6  cut off");
    let Some(mut desktop) = walk.desktop.take() else { bail!("alice is not connected") };
    let product = &walk.product;
    let watch = Stopwatch::start();
    see("the administrator terminates the session; the client says why and ends", || {
        product.ask(&["session", "terminate", &walk.session, "--reason", "end of the visit"])?;
        let ended = desktop.wait_state(&["ended"], SOON)?;
        report::note(&format!(
            "  from `viworks session terminate` to the client's end: {:?}",
            watch.elapsed()
        ));
        if ended["reason"].as_str().is_none_or(str::is_empty) {
            bail!("expected the client to say why; it said {ended}");
        }
        desktop.ended(SOON).map(drop)
    })?;
    see("every layer has given its receipt, and the session is ended", || {
        let show = ["session", "show", &walk.session];
        let shown = product.ask_until(&show, "the session ended", SOON, |shown| state(shown) == "ended")?;
        receipts(&shown)
    })?;
    see("door and grants are gone, tunnel cut, container gone, path gone", || gone(walk))?;
    see("the client cannot come back with what it had: a new sign-in asks for a new code", || {
        let mut again = code::sign_in(product, &DESKTOP_1, &walk.alice)?;
        again.hang_up(SOON)?;
        tunnel::expect(product, netns::DESKTOP_1, "10.77.0.2:443", &[Answer::Silence])
    })?;
    window_closes(walk)
}

fn state(shown: &Value) -> &str {
    json::row(shown)["state"].as_str().unwrap_or_default()
}

/// Every layer that the gateway answers for; the token goes with the decision itself.
fn receipts(shown: &Value) -> Result {
    let given = json::list(json::row(shown), "receipts")?;
    for layer in ["spa", "tls", "vpn", "container", "path"] {
        if !given.iter().any(|receipt| receipt["layer"] == layer && !receipt["absence"].is_null()) {
            bail!("expected the receipt of {layer}; got {given:?}");
        }
    }
    Ok(())
}

fn gone(walk: &Walk) -> Result {
    let product = &walk.product;
    let rules = exec::succeed(netns::inside(netns::GATEWAY, "nft").args(["list", "ruleset"]))?;
    for left in [walk.address.as_str(), netns::DESKTOP_1_IP] {
        if rules.contains(left) {
            bail!("expected no rule about {left} any more; the gateway has\n{rules}");
        }
    }
    let containers = containers::running(&product.house.place)?;
    if containers.iter().any(|name| name.contains(&walk.session)) {
        bail!("expected no container of this session; running: {containers:?}");
    }
    let tunnels =
        exec::succeed(netns::inside(netns::DESKTOP_1, "ip").args(["-o", "link", "show", "type", "tun"]))?;
    if !tunnels.trim().is_empty() {
        bail!("expected no tunnel on the desktop; it has {tunnels}");
    }
    match product.house.from(netns::DESKTOP_1).get(&walk.page)? {
        Ok(page) => bail!("expected no way to the page; got {}", page.status),
        Err(_) => tunnel::expect(
            product,
            netns::DESKTOP_1,
            &tunnel::resource(netns::ALLOWED_IP),
            &[Answer::Silence, Answer::NoRoute],
        ),
    }
}

/// A session under a policy that ends in a moment ends with it, by itself.
fn window_closes(walk: &mut Walk) -> Result {
    let product = &walk.product;
    let ends = clock::unix() + WINDOW;
    let policy = see("a policy whose window closes in a moment", || {
        start::make_policy(product, "visit", &["--allow-country", "AU", "--ends-at", &tunnel::rfc3339(ends)])
    })?;
    let carol = start::user(product, "carol", &policy, &walk.gateway)?;
    super::phones::enrol(product, &carol)?;
    let mut desktop = see("carol connects under it", || {
        let mut desktop = code::sign_in(product, &DESKTOP_2, &carol)?;
        desktop.say(&code::shown_code(product, &carol.name, "AU")?)?;
        desktop.wait_state(&["connected"], SOON)?;
        Ok(desktop)
    })?;
    see("her session ends by itself when the window closes", || {
        let watch = Stopwatch::start();
        desktop.wait_state(&["ended"], WINDOW + SOON)?;
        let late = clock::unix().saturating_sub(ends);
        if clock::unix() < ends {
            bail!(
                "expected the end at the window's close; it came {:?} early",
                ends.saturating_sub(clock::unix())
            );
        }
        if late > Duration::from_secs(5) {
            bail!(
                "expected the end at the window's close; it came {late:?} late (waited {:?})",
                watch.elapsed()
            );
        }
        desktop.ended(SOON)?;
        let list = product.ask(&["session", "list", "--active"])?;
        if watch::find(&list, &carol.id).is_some() {
            bail!("expected no connected session of carol; got {list}");
        }
        Ok(())
    })
}
