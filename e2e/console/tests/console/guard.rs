//! What no browser of ours does: feeds from elsewhere, without a sign-in; and what the server tells browsers to
//! refuse.

use crate::{
    failure::{Done, ensure},
    scene::Scene,
    stage::Operator,
    wire::Trust,
};
use serde_json::{Value, json};

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
pub async fn a_viewer_is_offered_nothing_and_refused_all_the_same(scene: &mut Scene) -> Done {
    let viewer: Operator = scene.viewer()?;
    let person = scene.stage.person(&scene.unique("watched"))?;
    scene.connect(&person)?;
    let at = scene.signed_in(&viewer, &format!("/users?panel=user:{}", person.id)).await?;
    let browser = &scene[at];
    browser.see(&format!("aside[data-panel=user][data-id='{}']", person.id)).await?;
    let mut offered = Vec::new();
    let mut look = async |browser: &crate::browser::Browser, place: &str| -> Done {
        for name in ["Create user", "Retry", "Enrol phone", "Terminate", "Suspend", "Resume"] {
            if browser.offers("body", name).await? {
                offered.push(format!("{name:?} at {place}"));
            }
        }
        Ok(())
    };
    look(browser, "the user's panel").await?;
    browser.load("/sessions").await?;
    let session = format!("return rowOf('sessions', {})", json!(person.name));
    let id = browser.until("the session's row", &session, &[]).await?;
    look(browser, "sessions").await?;
    let id = id.as_str().unwrap_or_default().to_owned();
    browser.load(&format!("/sessions?panel=session:{id}")).await?;
    browser.see("aside[data-panel=session]").await?;
    look(browser, "the session's panel").await?;
    for place in ["/gateways", "/audit"] {
        browser.load(place).await?;
        browser.live().await?;
        look(browser, place).await?;
    }
    browser.chord(thirtyfour::Key::Control, 'k').await?;
    browser.see("dialog[open][data-dialog=palette]").await?;
    browser.keys("create user".to_owned()).await?;
    browser.see("dialog[open][data-dialog=palette] [role=status], dialog[open] [role=listbox]").await?;
    let said = browser.text("dialog[open][data-dialog=palette]").await?;
    if said.contains("Create user") {
        offered.push("\"Create user\" in the palette".to_owned());
    }
    ensure!(offered.is_empty(), "a viewer is offered {}", offered.join(", "));

    let user = format!("/v1/users/{}", person.id);
    let new =
        json!({"username": "sneaked", "password": "long enough a password", "policies": [], "gateways": []});
    let asks = [
        ("/v1/users".to_owned(), new),
        (format!("{user}/retry-step"), json!({"step": "directory"})),
        (format!("{user}/phone"), json!({})),
        (format!("{user}/suspend"), json!({})),
        (format!("/v1/sessions/{id}/terminate"), json!({"reason": "because"})),
    ];
    for (path, body) in asks {
        let (status, answer) = browser.fetch("POST", &path, &body).await?;
        ensure!(status == 403, "expected a viewer to be refused {path}, got {status} {answer}");
    }
    scene.leave(&person)
}
