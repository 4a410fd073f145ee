//! What no browser of ours does: feeds from elsewhere, without a sign-in; and what the server tells browsers to
//! refuse.

use crate::{
    browser::Browser,
    failure::{Done, ensure},
    scene::Scene,
    stage::Person,
    wire::Trust,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const POLICY: [(&str, &str); 8] = [
    ("default-src", "'none'"),
    ("script-src", "'self' 'wasm-unsafe-eval'"),
    ("style-src", "'self'"),
    ("img-src", "'self' data:"),
    ("connect-src", "'self'"),
    ("base-uri", "'none'"),
    ("form-action", "'self'"),
    ("frame-ancestors", "'none'"),
];

pub async fn the_page_is_served_with_the_strict_policy_and_nothing_more(scene: &mut Scene) -> Done {
    let answer = scene.stage.trust().answer(&["GET / HTTP/1.1".to_owned()]).await?;
    ensure!(answer.status == 200, "expected the page, got {answer:?}");
    let mut told: Vec<(String, String)> = answer
        .header("content-security-policy")
        .split(';')
        .filter_map(|part| {
            let (name, sources) = part.trim().split_once(' ')?;
            Some((name.to_owned(), sources.to_owned()))
        })
        .collect();
    let mut wanted: Vec<(String, String)> =
        POLICY.iter().map(|(name, sources)| ((*name).to_owned(), (*sources).to_owned())).collect();
    told.sort();
    wanted.sort();
    ensure!(told == wanted, "expected the policy {wanted:?}, got {told:?}");
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
        ensure!(answer.header(name) == value, "expected {name}: {value}, got {answer:?}");
    }
    Ok(())
}

pub async fn a_script_that_got_into_the_page_does_not_run(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let script = "
        const done = arguments[0];
        document.addEventListener('securitypolicyviolation', e => done({refused: e.effectiveDirective}), {once: true});
        const injected = document.createElement('script');
        injected.textContent = 'window.ran = true';
        document.body.append(injected);
        if (window.ran) done({ran: true})";
    let seen = scene[at].run_async(script, &[]).await?;
    ensure!(seen["refused"] == "script-src-elem", "expected an injected script to be refused; {seen}");
    scene[at].expect_complaint("Content Security Policy").await
}

pub async fn no_other_page_can_hold_the_console_in_a_frame(scene: &mut Scene) -> Done {
    let at = scene.open().await?;
    let url = scene.stage.url();
    let browser = &scene[at];
    // The page itself is well; only then does a frame that is not say something.
    browser.load("/").await?;
    browser.see("form[data-view=sign-in]").await?;
    browser.load_elsewhere(&format!("data:text/html,<iframe src='{url}/'></iframe>")).await?;
    browser.enter_frame().await?;
    browser
        .until("the browser's own page of refusal", "return location.protocol === 'chrome-error:'", &[])
        .await?;
    ensure!(!browser.is_seen("form").await?, "the console stands in a frame");
    Ok(())
}

pub async fn a_feed_is_refused_without_a_sign_in_and_from_other_origins(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let Some(cookie) = scene[at].cookies().await?.into_iter().next() else {
        crate::failure::fail!("expected a cookie");
    };
    let cookie = format!("{}={}", cookie.name, cookie.value);
    let own = scene.stage.url().to_owned();
    let trust = scene.stage.trust();
    let asks = [
        ("signed in, from our own page", Some(own.as_str()), Some(cookie.as_str()), 101..=101),
        ("from our own page, without a cookie", Some(own.as_str()), None, 401..=401),
        (
            "from our own page, with a made-up cookie",
            Some(own.as_str()),
            Some("__Host-viworks=guess"),
            401..=401,
        ),
        ("signed in, from another page", Some("https://evil.example"), Some(cookie.as_str()), 403..=403),
        (
            "signed in, from the same host over http",
            Some("http://10.77.0.1:8443"),
            Some(cookie.as_str()),
            403..=403,
        ),
        ("signed in, from another port", Some("https://10.77.0.1:8444"), Some(cookie.as_str()), 403..=403),
        ("signed in, from nowhere (`null`)", Some("null"), Some(cookie.as_str()), 403..=403),
        ("signed in, without an origin", None, Some(cookie.as_str()), 400..=403),
    ];
    for (who, origin, cookie, wanted) in asks {
        let status = upgrade(trust, origin, cookie).await?;
        ensure!(wanted.contains(&status), "a feed {who}: expected {wanted:?}, got {status}");
    }
    Ok(())
}

async fn upgrade(trust: &Trust, origin: Option<&str>, cookie: Option<&str>) -> Done<u16> {
    let mut head = vec![
        "GET /v1/feed HTTP/1.1".to_owned(),
        "Connection: Upgrade".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        "Sec-WebSocket-Protocol: viworks.feed.v1".to_owned(),
    ];
    head.extend(origin.map(|origin| format!("Origin: {origin}")));
    head.extend(cookie.map(|cookie| format!("Cookie: {cookie}")));
    Ok(trust.answer(&head).await?.status)
}

/// The cookie alone is not enough either: what changes something must come from a page of ours.
pub async fn a_change_that_another_page_sends_along_with_the_cookie_is_refused(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let Some(cookie) = scene[at].cookies().await?.into_iter().next() else {
        crate::failure::fail!("expected a cookie");
    };
    let mut head = vec![
        "POST /v1/operator/sign-out HTTP/1.1".to_owned(),
        "Content-Length: 0".to_owned(),
        "Idempotency-Key: from-elsewhere".to_owned(),
        format!("Cookie: {}={}", cookie.name, cookie.value),
        "Origin: https://evil.example".to_owned(),
    ];
    for _ in 0..2 {
        let status = scene.stage.trust().answer(&head).await?.status;
        ensure!(status == 403, "expected a refusal of {head:?}, got {status}");
        // Once more without saying from where.
        head.pop();
    }
    let (status, _) = scene[at].fetch("GET", "/v1/operator/me", &Value::Null).await?;
    ensure!(status == 200, "expected to be signed in still, got {status}");
    Ok(())
}

/// What each role may not do is not on the page, and the server refuses it to the page's own script all the same.
/// An owner goes the same way first: only what they are offered can be missing.
pub async fn a_viewer_is_offered_nothing_and_refused_all_the_same(scene: &mut Scene) -> Done {
    let (owner, viewer) = (scene.owner()?, scene.viewer()?);
    let person = scene.stage.person(&scene.unique("watched"))?;
    let suspended = scene.stage.person(&scene.unique("asleep"))?;
    scene.connect(&person)?;
    let session = scene.session_of(&person).await?;
    let (one, other) = (scene.open().await?, scene.open().await?);
    scene[one].enter(&owner, "/users").await?;
    let (status, answer) =
        scene[one].fetch("POST", &format!("/v1/users/{}/suspend", suspended.id), &json!({})).await?;
    ensure!(status == 200, "expected {} to be suspended, got {status} {answer}", suspended.name);
    scene.spoil("panel-user")?;
    let failed = scene.unique("undone");
    let id = scene.create(&scene[one], &failed).await?;
    scene[one].see(&crate::users::pill(&id, "panel", "failed")).await?;

    let way = Way { person: &person, suspended: &suspended.name, failed: &failed, session: &session };
    let all: BTreeSet<String> = OFFERED.into_iter().map(str::to_owned).chain(way.verbs()).collect();
    let to_owner = way.offered(scene, &scene[one]).await?;
    ensure!(to_owner == all, "an owner is offered {to_owner:?} of {all:?}");
    let signed_in = &scene[other];
    signed_in.enter(&viewer, "/users").await?;
    let to_viewer = way.offered(scene, signed_in).await?;
    ensure!(to_viewer.is_empty(), "a viewer is offered {to_viewer:?}");
    scene.mend("panel-user")?;

    let (user, gateway) =
        (format!("/v1/users/{}", person.id), format!("/v1/gateways/{}", scene.stage.gateway()));
    let new =
        json!({"username": "sneaked", "password": "long enough a password", "policies": [], "gateways": []});
    let asks = [
        ("/v1/users".to_owned(), new),
        (format!("{user}/retry-step"), json!({"step": "directory"})),
        (format!("{user}/phone"), json!({})),
        (format!("{user}/suspend"), json!({})),
        (format!("{user}/resume"), json!({})),
        (format!("/v1/sessions/{session}/terminate"), json!({"reason": "because"})),
        (format!("{gateway}/drain"), json!({})),
        (format!("{gateway}/retire"), json!({})),
        ("/v1/gateways".to_owned(), json!({"name": "gw9", "address": "192.0.2.9"})),
        (format!("/v1/policies/{}/retire", scene.stage.policy()), json!({})),
    ];
    for (path, body) in asks {
        let (status, answer) = scene[other].fetch("POST", &path, &body).await?;
        ensure!(status == 403, "expected a viewer to be refused {path}, got {status} {answer}");
    }
    scene.leave(&person)
}

/// What stands on a button for whoever may.
const OFFERED: [&str; 8] =
    ["Create user", "Retry", "Enrol phone", "Suspend", "Resume", "Terminate", "Drain", "Retire"];

const PALETTE: &str = "dialog[open][data-dialog=palette]";

/// Through every place where something is offered, with somebody there to whom each of it could be done.
struct Way<'a> {
    person: &'a Person,
    suspended: &'a str,
    failed: &'a str,
    session: &'a str,
}

impl Way<'_> {
    /// What the palette offers to do.
    fn verbs(&self) -> [String; 2] {
        ["Create user".to_owned(), format!("Terminate session of {}", self.person.name)]
            .map(|verb| format!("{verb}, in the palette"))
    }

    async fn offered(&self, scene: &Scene, browser: &Browser) -> Done<BTreeSet<String>> {
        let Self { person, suspended, failed, session } = self;
        let row = |id: &str| format!("[data-row='{id}'] [data-cell]");
        let places = [
            (format!("/users?q={}", person.name), row(&person.id)),
            (format!("/users?q={suspended}"), "[data-row][data-state=suspended] [data-step]".to_owned()),
            (format!("/users?q={failed}"), "[data-row] [data-step=panel][data-state=failed]".to_owned()),
            (format!("/users?panel=user:{}", person.id), "aside[data-panel=user] [data-step]".to_owned()),
            ("/sessions".to_owned(), row(session)),
            (
                format!("/sessions?panel=session:{session}"),
                "aside[data-panel=session] [data-rule], aside[data-panel=session] [data-receipt]".to_owned(),
            ),
            ("/gateways".to_owned(), format!("[data-gateway='{}'] [data-service]", scene.stage.gateway())),
            ("/audit".to_owned(), "[data-entry]".to_owned()),
        ];
        let mut offered = BTreeSet::new();
        for (place, complete) in places {
            browser.load(&place).await?;
            browser.live().await?;
            browser.see(&complete).await?;
            for name in OFFERED {
                if browser.offers("main, aside", name).await? {
                    offered.insert(name.to_owned());
                }
            }
        }
        // Sessions are found by their person, and what may be done to them stands beside them.
        let found = format!("Session of {}", person.name);
        for (typed, settled) in [("create user", ""), (person.name.as_str(), found.as_str())] {
            browser.chord(thirtyfour::Key::Control, 'k').await?;
            browser.see(PALETTE).await?;
            browser.keys(typed.to_owned()).await?;
            let script = "
                const palette = seen(arguments[0]);
                const options = all(arguments[0] + ' [role=option]').map(e => e.innerText);
                if (!palette || palette.querySelector('input').value !== arguments[1]) return false;
                const searching = palette.innerText.includes('Searching');
                return !searching && options.join('\\n').includes(arguments[2]) && options";
            let what = format!("what the palette finds for {typed:?}");
            let args = [json!(PALETTE), json!(typed), json!(settled)];
            let options = browser.until(&what, script, &args).await?;
            for option in options.as_array().into_iter().flatten().filter_map(Value::as_str) {
                offered.extend(self.verbs().into_iter().filter(|verb| {
                    verb.strip_suffix(", in the palette").is_some_and(|verb| option.starts_with(verb))
                }));
            }
            browser.keys(thirtyfour::Key::Escape + "").await?;
            browser.gone(PALETTE).await?;
        }
        Ok(offered)
    }
}
