//! The browser's way in: the console's files, the cookie, and what stands between foreign pages and the API.

use super::stand::{Raw, Stand, key};
use http::StatusCode;
use viworks_api::{
    client::AuditQuery,
    operator::{Me, Permission, SignInRequest},
};
use viworks_domain::permission::Role;

const JSON: (&str, &str) = ("content-type", "application/json");
const SIGN_IN: &str = "/v1/console/sign-in";
const SIGN_OUT: &str = "/v1/console/sign-out";
const ME: &str = "/v1/operator/me";

/// A browser with our page open.
struct Browser<'a> {
    stand: &'a Stand,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn signed_in(stand: &'a Stand, name: &str, password: &str) -> Self {
        let answer = sign_in(stand, &stand.url, name, password).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        Self { stand, cookie: cookie(&answer) }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Raw {
        let headers = [&[("cookie", self.cookie.as_str())], headers].concat();
        self.stand.send(method, path, &headers, body).await
    }

    async fn me(&self) -> StatusCode {
        self.ask("GET", ME, &[], b"").await.status
    }

    async fn sign_out(&self) -> Raw {
        self.ask("POST", SIGN_OUT, &[("origin", &self.stand.url)], b"").await
    }
}

async fn sign_in(stand: &Stand, origin: &str, name: &str, password: &str) -> Raw {
    let body = serde_json::json!({ "name": name, "password": password }).to_string();
    stand.send("POST", SIGN_IN, &[JSON, ("origin", origin)], body.as_bytes()).await
}

fn set_cookie(answer: &Raw) -> &str {
    let mut lines = answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    lines.next().unwrap_or_else(|| panic!("a cookie is set; got {}", answer.head))
}

/// `name=value`, as a browser sends it back.
fn cookie(answer: &Raw) -> String {
    set_cookie(answer).split(';').next().expect("a pair").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_signed_in_by_a_cookie_that_no_script_and_no_other_site_sees() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let answer = sign_in(&stand, &stand.url, "owner", &password).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);

    let set = set_cookie(&answer);
    let attributes: Vec<_> = set.split(';').skip(1).map(str::trim).collect();
    for wanted in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(attributes.contains(&wanted), "{wanted}: {attributes:?}");
    }
    assert!(set.starts_with("__Host-viworks=") && !set.contains("Domain"), "{attributes:?}");
    let me: Me = serde_json::from_str(&answer.body).expect("who I am");
    assert_eq!((me.name.as_str(), me.role), ("owner", Role::Owner));
    assert!(me.may.contains(&Permission::ManageUsers));
    let lasts = attributes.iter().find_map(|attribute| attribute.strip_prefix("Max-Age="));
    let lasts: u64 = lasts.and_then(|text| text.parse().ok()).expect("seconds");
    let left = me.expires_at.0.saturating_sub(crate::clock::now().0) / 1000;
    assert!(lasts.abs_diff(left) < 60, "the cookie lasts {lasts} s, the sign-in {left} s");

    // The token is in the cookie and nowhere else.
    let cookie = cookie(&answer);
    let token = cookie.split_once('=').expect("a value").1;
    assert!(token.starts_with("vwo_") && !answer.body.contains(token.split_once('.').expect("a secret").1));
    let browser = Browser { stand: &stand, cookie };
    let shown = browser.ask("GET", ME, &[], b"").await;
    assert_eq!(serde_json::from_str::<Me>(&shown.body).expect("who I am"), me);

    let wrong = sign_in(&stand, &stand.url, "owner", "not it").await;
    let unknown = sign_in(&stand, &stand.url, "nobody", "not it").await;
    for refused in [&wrong, &unknown] {
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(!refused.head.contains("set-cookie"), "{}", refused.head);
    }
    let but_its_correlation = |raw: &Raw| {
        let mut body: serde_json::Value = serde_json::from_str(&raw.body).expect("a problem");
        body.as_object_mut().expect("fields").remove("correlation");
        body
    };
    assert_eq!(but_its_correlation(&wrong), but_its_correlation(&unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_lasts_as_long_as_is_set() {
    const SECONDS: u64 = 7 * 24 * 3600;
    let set = |name: &str| (name == "VIWORKS_OPERATORS_SIGN_IN_SECONDS").then(|| SECONDS.to_string());
    let stand = Stand::up_with(set).await;
    let password = stand.recover("owner").await;
    let before = crate::clock::now();
    let answer = sign_in(&stand, &stand.url, "owner", &password).await;
    let after = crate::clock::now();
    let me: Me = serde_json::from_str(&answer.body).expect("who I am");
    let began = me.expires_at.0 - SECONDS * 1000;
    assert!((before.0..=after.0).contains(&began), "{before} <= {began} <= {after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_ends_the_one_whose_cookie_it_replaces_and_no_other() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let before = Browser::signed_in(&stand, "owner", &password).await;
    let elsewhere = Browser::signed_in(&stand, "owner", &password).await;
    let origin = ("origin", stand.url.as_str());
    let body = |password: &str| serde_json::json!({ "name": "owner", "password": password }).to_string();
    let refused = before.ask("POST", SIGN_IN, &[JSON, origin], body("not it").as_bytes()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(before.me().await, StatusCode::OK, "a wrong password ends nothing");
    let answer = before.ask("POST", SIGN_IN, &[JSON, origin], body(&password).as_bytes()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let after = Browser { stand: &stand, cookie: cookie(&answer) };
    assert_eq!(before.me().await, StatusCode::UNAUTHORIZED);
    assert_eq!(after.me().await, StatusCode::OK);
    assert_eq!(elsewhere.me().await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_sign_in_and_the_cookie_also_when_it_had_ended() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let here = Browser::signed_in(&stand, "owner", &password).await;
    let elsewhere = Browser::signed_in(&stand, "owner", &password).await;
    // A page of ours that is another's would sign one out.
    let foreign = here.ask("POST", SIGN_OUT, &[("origin", "https://elsewhere.example")], b"").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(here.me().await, StatusCode::OK);
    for _ in 0..2 {
        let answer = here.sign_out().await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{}"));
        let set = set_cookie(&answer);
        assert!(set.starts_with("__Host-viworks=;") && set.contains("Max-Age=0"), "{set}");
        assert_eq!(here.me().await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(elsewhere.me().await, StatusCode::OK, "another browser stays signed in");
    let nobody = Browser { stand: &stand, cookie: "a=b".into() };
    assert_eq!(nobody.sign_out().await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_changes_nothing_unless_a_page_of_ours_asks() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let browser = Browser::signed_in(&stand, "owner", &password).await;
    let (owner, token) = stand.owner_with(&password).await;
    let end = async || owner.audit(&AuditQuery::default()).await.expect("told").rows[0].seq;
    let before = end().await;
    let body = br#"{"username":"ada","password":"a good password","policies":[],"gateways":[]}"#;
    let ours = stand.url.as_str();
    let port = stand.address.port();
    let neighbour = format!("https://{}:{}", stand.address.ip(), port.wrapping_add(1).max(1));
    let plain = ours.replace("https://", "http://");
    let longer = format!("{ours}.elsewhere.example");
    let refused: [&[(&str, &str)]; 9] = [
        &[],
        &[("origin", "null")],
        &[("origin", "https://elsewhere.example")],
        &[("origin", &neighbour)],
        &[("origin", &plain)],
        &[("origin", &longer)],
        &[("origin", ours), ("origin", "https://elsewhere.example")],
        &[("origin", ours), ("sec-fetch-site", "cross-site")],
        &[("origin", ours), ("sec-fetch-site", "same-site")],
    ];
    for headers in refused {
        let answer = browser.ask("POST", "/v1/users", &[&[JSON], headers].concat(), body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}: {}", answer.body);
        assert!(answer.body.contains("urn:viworks:problem:forbidden"), "neutral: {}", answer.body);
    }
    // Host names who is asked; who it is that a page believes to speak with must be the page's own origin.
    let other_host = format!(
        "POST /v1/users HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\ncookie: {}\r\norigin: {ours}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        browser.cookie
    );
    assert_eq!(stand.raw(other_host.as_bytes()).await.status, StatusCode::FORBIDDEN);
    // What only reads needs no Origin: browsers send none. A foreign page that asks is turned away all the same.
    assert_eq!(
        browser.ask("GET", ME, &[("sec-fetch-site", "same-origin")], b"").await.status,
        StatusCode::OK
    );
    for site in ["cross-site", "same-site"] {
        let answer = browser.ask("GET", ME, &[("sec-fetch-site", site)], b"").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
    assert_eq!(end().await, before, "nothing was recorded");

    let headers = [JSON, ("origin", ours), ("sec-fetch-site", "same-origin")];
    let answer = browser.ask("POST", "/v1/users", &headers, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    // No browser adds the header by itself: whoever has the token needs no page of ours.
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("origin", "https://elsewhere.example")];
    assert_eq!(stand.send("GET", ME, &headers, b"").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_opens_for_a_page_of_ours_that_is_signed_in_and_for_nobody_else() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let browser = Browser::signed_in(&stand, "owner", &password).await;
    let (_, token) = stand.owner_with(&password).await;
    let bearer = format!("Bearer {token}");
    let (cookie, origin) = (("cookie", browser.cookie.as_str()), ("origin", stand.url.as_str()));
    let open = async |headers: &[(&str, &str)]| {
        let mut request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n", viworks_api::feed::PATH, stand.address);
        let upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", viworks_api::feed::SUBPROTOCOL),
        ];
        for (name, value) in upgrade.iter().chain(headers) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stand.status(request.as_bytes()).await
    };
    assert_eq!(open(&[cookie, origin]).await, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(
        open(&[cookie, origin, ("sec-fetch-site", "same-origin")]).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
    for foreign in [
        &[cookie][..],
        &[cookie, ("origin", "https://elsewhere.example")],
        &[cookie, ("origin", "null")],
        &[cookie, origin, ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(open(foreign).await, StatusCode::FORBIDDEN, "{:?}", &foreign[1..]);
    }
    // A header is for programs; a WebSocket of a browser has none.
    for nobody in [&[origin][..], &[origin, ("authorization", &bearer)], &[origin, ("cookie", "a=b")]] {
        assert_eq!(open(nobody).await, StatusCode::UNAUTHORIZED, "{:?}", nobody.get(1));
    }
    browser.sign_out().await;
    assert_eq!(open(&[cookie, origin]).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_page_signs_nobody_in_here() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    for origin in ["https://elsewhere.example", "null", ""] {
        let answer = sign_in(&stand, origin, "owner", &password).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}: {}", answer.body);
        assert!(!answer.head.contains("set-cookie"));
    }
    // What a form can send without asking us first is not read.
    let form = [("content-type", "text/plain"), ("origin", stand.url.as_str())];
    let body = serde_json::json!({ "name": "owner", "password": password }).to_string();
    let answer = stand.send("POST", SIGN_IN, &form, body.as_bytes()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_by_browser_and_by_header_are_counted_together() {
    let few = |name: &str| (name == "VIWORKS_LIMITS_SIGN_INS_PER_MINUTE").then(|| "3".to_owned());
    let stand = Stand::up_with(few).await;
    let request = SignInRequest { name: "owner".into(), password: "not it".into() };
    for _ in 0..2 {
        stand.client().sign_in(&key(), &request).await.map(drop).expect_err("wrong");
    }
    assert_eq!(sign_in(&stand, &stand.url, "owner", "not it").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&stand, &stand.url, "owner", "not it").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_token_and_no_second_cookie_gets_in() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let browser = Browser::signed_in(&stand, "owner", &password).await;
    let good = browser.cookie.as_str();
    let token = good.split_once('=').expect("a value").1;
    let bad = [
        format!("viworks={token}"),
        format!("__host-viworks={token}"),
        format!("{good}; {good}"),
        format!("{good}; __Host-viworks=x"),
        good.replace("vwo_", "vws_"),
        good[..good.len() - 1].to_owned(),
        "__Host-viworks=".to_owned(),
    ];
    for cookie in bad {
        let asking = Browser { stand: &stand, cookie: cookie.clone() };
        assert_eq!(asking.me().await, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    let among_others = Browser { stand: &stand, cookie: format!("theme=dark; {good}; a=b") };
    assert_eq!(among_others.me().await, StatusCode::OK);
    // A header that is wrong is not mended by a cookie that is right.
    let both = [("authorization", "Bearer vwo_x")];
    assert_eq!(browser.ask("GET", ME, &both, b"").await.status, StatusCode::UNAUTHORIZED);
    // A new password ends what the cookie holds.
    stand.recover("owner").await;
    assert_eq!(browser.me().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_is_one_story_per_sign_in() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let (one, two) = (
        Browser::signed_in(&stand, "owner", &password).await,
        Browser::signed_in(&stand, "owner", &password).await,
    );
    let correlation = async |browser: &Browser<'_>| {
        let answer = browser.ask("GET", ME, &[("idempotency-key", "k")], b"").await;
        let head = answer.head.lines().find_map(|line| line.strip_prefix("viworks-correlation: "));
        head.expect("a correlation").to_owned()
    };
    assert_eq!(correlation(&one).await, correlation(&one).await);
    assert_ne!(correlation(&one).await, correlation(&two).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_comes_from_the_same_origin_with_its_headers_and_never_in_the_apis_place() {
    let files = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(files.path().join("assets")).expect("made");
    std::fs::write(files.path().join("index.html"), "<!doctype html>the console").expect("written");
    std::fs::write(files.path().join("assets/app-1.js"), "let it;").expect("written");
    let stand = Stand::up_with_console(files.path()).await;
    let get = async |path: &str| stand.send("GET", path, &[], b"").await;

    let page = get("/users/one").await;
    assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "<!doctype html>the console"));
    assert!(page.head.contains("content-type: text/html"), "{}", page.head);
    let script = get("/assets/app-1.js").await;
    assert!(script.head.contains("cache-control: public, max-age=31536000, immutable"), "{}", script.head);
    let head = stand.send("HEAD", "/", &[], b"").await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert!(head.head.contains("content-length: 26"), "{}", head.head);

    let policy = |raw: &Raw| {
        let line = raw.head.lines().find_map(|line| line.strip_prefix("content-security-policy: "));
        line.unwrap_or_else(|| panic!("a policy; got {}", raw.head)).to_owned()
    };
    for raw in [&page, &script, &head] {
        let policy = policy(raw);
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(raw.head.contains("x-content-type-options: nosniff"), "{}", raw.head);
    }
    for (method, path) in
        [("GET", "/v1/nowhere"), ("GET", "/v1"), ("POST", "/users"), ("GET", "/assets/none.js")]
    {
        let answer = stand.send(method, path, &[], b"").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert!(answer.body.contains("urn:viworks:problem:not_found"), "{method} {path}: {}", answer.body);
        assert_eq!(policy(&answer), "default-src 'none'; frame-ancestors 'none'");
    }
    let answer = get(ME).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(policy(&answer), "default-src 'none'; frame-ancestors 'none'");
}
