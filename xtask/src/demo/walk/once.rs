//! Still step 4: nothing works twice, nor late, nor in other hands. `viworks-connect` offers no way to try, so
//! `viworks-probe` does: it signs in twice as frank, on the second desktop.

use super::{SOON, Walk, code, phones, see, start};
use crate::{
    demo::{conversation::Conversation, product::DESKTOP_2},
    failure::{Result, bail},
};
use serde_json::Value;
use std::time::Duration;

/// A bootstrap lives for a minute.
const BOOTSTRAP: Duration = Duration::from_secs(60);

/// All but the waiting; that goes on beside the next steps.
pub fn run(walk: &mut Walk) -> Result {
    let product = &walk.product;
    let rules = ["--allow-country", "AU", "--concurrent-sessions", "2"];
    let policy = start::make_policy(product, "two at once", &rules)?;
    let frank = start::user(product, "frank", &policy, &walk.gateway)?;
    phones::enrol(product, &frank)?;
    let mut probe = product.probe(&DESKTOP_2, &frank)?;
    let type_code = |probe: &mut Conversation| -> Result {
        probe.wait_state(&["code_required"], SOON)?;
        probe.say(&code::shown_code(product, &frank.name, "AU")?)
    };
    see("a code that has verified is refused when it is used again", || {
        type_code(&mut probe)?;
        let saw = saw(&mut probe, "code_again", SOON)?;
        let status = saw["status"].as_u64().unwrap_or_default();
        if (400..500).contains(&status) { Ok(()) } else { bail!("expected a refusal; got {saw}") }
    })?;
    see("a bootstrap opens the door once: knock answered, TLS, OpenVPN answers", || {
        type_code(&mut probe)?;
        met(&mut probe, "first_use", "answered", &["openvpn answers"])
    })?;
    see("  the same again, while that stands: silence", || {
        met(&mut probe, "used_again", "silence", &["silence", "refused"])
    })?;
    see("  and again, when it no longer stands: silence", || {
        met(&mut probe, "used_again_after_it_broke", "silence", &["silence", "refused"])
    })?;
    see("another session's certificate is refused at a door that a live bootstrap opened", || {
        met(&mut probe, "foreign_certificate", "answered", &["refused"])
    })?;
    saw(&mut probe, "lying", SOON)?;
    walk.lying = Some(probe);
    Ok(())
}

/// The bootstrap that opened a door a minute ago.
pub fn after_its_time(walk: &mut Walk) -> Result {
    let Some(mut probe) = walk.lying.take() else { bail!("no bootstrap was left lying") };
    see("a bootstrap that was left lying for its 60 s is met with silence", || {
        met_within(&mut probe, "after_its_time", "silence", &["silence", "refused"], BOOTSTRAP + SOON)?;
        probe.ended(SOON).map(drop)
    })
}

fn met(probe: &mut Conversation, what: &str, knock: &str, tls: &[&str]) -> Result {
    met_within(probe, what, knock, tls, SOON)
}

fn met_within(probe: &mut Conversation, what: &str, knock: &str, tls: &[&str], within: Duration) -> Result {
    let saw = saw(probe, what, within)?;
    if saw["knock"] == knock && tls.iter().any(|wanted| saw["tls"] == *wanted) {
        Ok(())
    } else {
        bail!("expected the knock: {knock}, TLS: {}; got {saw}", tls.join(" or "))
    }
}

fn saw(probe: &mut Conversation, what: &str, within: Duration) -> Result<Value> {
    Ok(probe.wait(what, within, |line| line["saw"] == what)?["what"].clone())
}
