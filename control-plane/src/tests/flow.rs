//! The administrator's way, through the real API.

use super::stand::{Stand, key};
use http::StatusCode;
use std::time::Duration;
use viworks_api::{
    client::{ApiError, AuditQuery, Newer, PageRequest},
    gateway::{EnrolmentToken, InviteRequest},
    operator::SignInRequest,
    policy::{ChangeRequest, DraftRequest},
    user::{CreateRequest, StepState},
};
use viworks_domain::{
    gateway::Endpoint,
    ids::{PolicyId, SessionId},
    policy::{CountryRule, Document, PostureRule},
};

fn document(name: &str) -> Document {
    Document {
        name: name.into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule::default(),
        posture: PostureRule::default(),
        resources: vec![],
        image: "page".into(),
        max_minutes: 60,
        lease_seconds: 300,
        concurrent_sessions: 1,
    }
}

fn draft(name: &str) -> DraftRequest {
    DraftRequest { document: document(name), activate: false }
}

fn user(name: &str) -> CreateRequest {
    CreateRequest {
        username: name.into(),
        password: "a good password".into(),
        policies: vec![],
        gateways: vec![],
        instead: None,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    let error = result.expect_err("a refusal");
    error.code().unwrap_or_else(|| panic!("a problem; got {error:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_reads_what_was_just_written() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;

    let policy = owner.draft_policy(&key(), &draft("office")).await.expect("drafted");
    let activated = owner.activate_policy(policy.id, &key()).await.expect("activated");
    let newer = |seq| Newer::than(seq, Duration::from_secs(10));
    let shown = owner.policy(policy.id, newer(activated.seq)).await.expect("shown");
    assert_eq!(shown.row.state, viworks_api::policy::PolicyState::Active);
    assert!(shown.seq >= activated.seq);
    let change = ChangeRequest { document: document("bureau") };
    let changed = owner.change_policy(policy.id, &key(), &change).await.expect("changed");
    let shown = owner.policy(policy.id, newer(changed.seq)).await.expect("shown");
    assert_eq!((shown.row.version, shown.row.document.name.as_str()), (2, "bureau"));

    let endpoint = Endpoint { address: [10, 0, 0, 1].into(), spa_port: 62201, tls_port: 443 };
    let invite = InviteRequest { name: "gw1".into(), endpoint };
    let invited = owner.invite_gateway(&key(), &invite).await.expect("invited");
    let token = EnrolmentToken::parse(&invited.token).expect("a token");
    assert_eq!((token.gateway, token.url.as_str()), (invited.id, stand.url.as_str()));
    assert_eq!(token.ca.0, stand.ca().fingerprint().0);

    owner.retire_gateway(invited.id, &key()).await.expect("retired");
    assert_eq!(code(owner.retire_gateway(invited.id, &key()).await), "gateway.retired");
    let assigned = CreateRequest { gateways: vec![invited.id], ..user("eve") };
    assert_eq!(code(owner.create_user(&key(), &assigned).await), "gateway.retired");

    let created = owner.create_user(&key(), &user("Ada")).await.expect("created");
    let mut shown = owner.user(created.id, newer(created.accepted.seq)).await.expect("shown");
    while shown.row.steps[0].state == StepState::Pending {
        shown = owner.user(created.id, newer(shown.seq + 1)).await.expect("the directory step is done");
    }
    assert_eq!(shown.row.username.as_deref(), Some("ada"));
    assert_eq!(shown.row.steps[0].state, StepState::Done);
    let offer = owner.enrol_phone(created.id, &key()).await.expect("offered");
    let again = owner.enrol_phone(created.id, &key()).await.expect("offered");
    assert_eq!(offer.device, again.device, "an unused offer is for the same phone");
    assert_ne!(offer.payload, again.payload);

    let query = AuditQuery {
        user: Some(created.id),
        kind: Some("user.created".into()),
        page: PageRequest { after: Some(again.accepted.seq), ..PageRequest::default() },
        ..AuditQuery::default()
    };
    let told = owner.audit(&query).await.expect("told");
    assert_eq!(told.rows.len(), 1);
    assert_eq!(told.rows[0].correlation, created.accepted.correlation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_with_the_same_key_is_the_same_act() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let same = key();
    let first = owner.draft_policy(&same, &draft("office")).await.expect("drafted");
    assert_eq!(owner.draft_policy(&same, &draft("office")).await.expect("drafted"), first);
    assert_eq!(code(owner.draft_policy(&same, &draft("other")).await), "command.reused");
    assert_eq!(owner.command(first.accepted.command).await.expect("known"), first.accepted);

    // What a request draws at random does not make it another one.
    let same = key();
    let first = owner.create_user(&same, &user("ada")).await.expect("created");
    assert_eq!(owner.create_user(&same, &user("ada")).await.expect("created"), first);
    let other = CreateRequest { password: "another password".into(), ..user("ada") };
    assert_eq!(code(owner.create_user(&same, &other).await), "command.reused");
    assert_eq!(code(owner.create_user(&key(), &user("ADA")).await), "user.name_taken");

    let same = key();
    let invite = InviteRequest {
        name: "gw1".into(),
        endpoint: Endpoint { address: [10, 0, 0, 1].into(), spa_port: 1, tls_port: 2 },
    };
    let first = owner.invite_gateway(&same, &invite).await.expect("invited");
    assert_eq!(owner.invite_gateway(&same, &invite).await.expect("invited").token, first.token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_with_sign_out_and_with_a_new_password() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let password = stand.recover("owner").await;
    assert_eq!(code(owner.me().await), "not_signed_in", "a new password ends every sign-in");

    let request = SignInRequest { name: "OWNER".into(), password };
    let signed_in = stand.client().sign_in(&key(), &request).await.expect("names have no case");
    let owner = stand.client().with_token(&signed_in.token).expect("a client");
    assert_eq!(owner.me().await.expect("signed in").name, "owner");
    owner.sign_out(&key()).await.expect("signed out");
    assert_eq!(code(owner.me().await), "not_signed_in");

    for wrong in ["", "x", "vwo_", &token[..token.len() - 1], &token.replace("vwo_", "vws_")] {
        let value = format!("Bearer {wrong}");
        let answer = stand.send("GET", "/v1/operator/me", &[("authorization", &value)], b"").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_shown_yet_is_an_error_and_never_an_old_answer() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let far = Newer::than(1_000_000, Duration::from_secs(1));
    assert_eq!(code(owner.policy(PolicyId([1; 16]), far).await), "not_caught_up");
    assert_eq!(code(owner.session(SessionId([1; 16]), Newer::default()).await), "not_found");

    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    for (method, path, status) in [
        ("GET", "/v1/nowhere", StatusCode::NOT_FOUND),
        ("GET", "/assets/nothing.js", StatusCode::NOT_FOUND),
        ("POST", "/", StatusCode::NOT_FOUND),
        ("HEAD", "/v1/nowhere", StatusCode::NOT_FOUND),
        ("DELETE", "/v1/policies", StatusCode::METHOD_NOT_ALLOWED),
        ("HEAD", "/v1/policies", StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/v1/policies/not-an-id", StatusCode::NOT_FOUND),
        ("GET", "/v1/policies/%2e%2e", StatusCode::NOT_FOUND),
    ] {
        let answer = stand.send(method, path, &headers, b"").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.head.contains("viworks-correlation:"), "{method} {path}: {}", answer.head);
        if method != "HEAD" {
            assert!(answer.head.contains("application/problem+json"), "{method} {path}: {}", answer.head);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_searched_by_the_server() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let policy = owner.draft_policy(&key(), &draft("office")).await.expect("drafted").id;
    let endpoint = Endpoint { address: [10, 0, 0, 1].into(), spa_port: 62201, tls_port: 443 };
    let invite = InviteRequest { name: "gw1".into(), endpoint };
    let gateway = owner.invite_gateway(&key(), &invite).await.expect("invited").id;
    let ada = CreateRequest { policies: vec![policy], ..user("ada") };
    let adam = CreateRequest { gateways: vec![gateway], ..user("adam") };
    let mut last = 0;
    for request in [ada, adam, user("eve")] {
        last = owner.create_user(&key(), &request).await.expect("created").accepted.seq;
    }
    let bearer = format!("Bearer {token}");
    let ask = async |path: String| {
        let answer = stand.send("GET", &path, &[("authorization", &bearer)], b"").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str::<serde_json::Value>(&answer.body).expect("JSON")["rows"].clone()
    };
    let users = async |query: String| {
        let rows = ask(format!("/v1/users?after={last}&{query}")).await;
        let names = rows.as_array().expect("rows").iter().map(|row| row["username"].to_string());
        let mut names: Vec<_> = names.map(|name| name.trim_matches('"').to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    for (query, wanted) in [
        ("text=AD".to_owned(), "ada adam"),
        ("text=nobody".to_owned(), ""),
        (format!("policy={policy}"), "ada"),
        (format!("gateway={gateway}"), "adam"),
        (format!("text=ada&gateway={gateway}"), "adam"),
        ("state=suspended".to_owned(), ""),
    ] {
        assert_eq!(users(query.clone()).await, wanted, "{query}");
    }
    for query in
        ["active=true", "active=false", "text=a", &format!("policy={policy}"), &format!("gateway={gateway}")]
    {
        assert_eq!(ask(format!("/v1/sessions?{query}")).await, serde_json::json!([]), "{query}");
    }
    for wrong in
        ["/v1/users?state=happy", "/v1/users?policy=x", "/v1/users?colour=red", "/v1/sessions?policy=x"]
    {
        let answer = stand.send("GET", wrong, &[("authorization", &bearer)], b"").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}
