//! Users who get countries and hours of their own with their creation.

use super::stand::{Stand, key};
use crate::{
    app::{self, Asker},
    entropy,
    http::{asker_of, digest_of},
    keys::Username,
    operators::{Desk, OWNER},
};
use http::StatusCode;
use secrecy::SecretString;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use viworks_api::{
    Created,
    client::{ApiError, Client, Newer, PageRequest},
    policy::{DraftRequest, PolicyRow, PolicyState},
    user::{CreateRequest, Instead, StepState},
};
use viworks_domain::{
    actor::Actor,
    command::WireCommand,
    ids::{CorrelationId, PolicyId, UserId},
    operator::Operator,
    personal::{Personal, Profile},
    policy::{Command, Document},
    user,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn office() -> Document {
    serde_json::from_value(serde_json::json!({
        "name": "office", "time_zone": "Australia/Sydney",
        "windows": [{ "days": ["mon"], "from_minute": 540, "to_minute": 1020 }], "not_after": null,
        "countries": { "allow": ["AU"], "deny": ["KP"] }, "posture": {}, "resources": [],
        "image": "page", "max_minutes": 60, "lease_seconds": 300, "concurrent_sessions": 1,
    }))
    .expect("a document")
}

fn instead() -> Instead {
    serde_json::from_value(serde_json::json!({
        "allowed_countries": ["AU", "NZ"],
        "windows": [{ "days": ["sat", "sun"], "from_minute": 600, "to_minute": 720 }],
    }))
    .expect("what to have instead")
}

fn ada(policies: &[PolicyId], instead: Instead) -> CreateRequest {
    CreateRequest {
        username: "ada".into(),
        password: "a good password".into(),
        policies: policies.to_vec(),
        gateways: vec![],
        instead: Some(instead),
    }
}

async fn drafted(owner: &Client, activate: bool) -> PolicyId {
    let draft = DraftRequest { document: office(), activate };
    owner.draft_policy(&key(), &draft).await.expect("drafted").id
}

async fn policies(owner: &Client, after: u64) -> Vec<PolicyRow> {
    let page = PageRequest { after: Some(after), ..PageRequest::default() };
    owner.policies(&page).await.expect("listed").rows
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    let error = result.expect_err("a refusal");
    error.code().unwrap_or_else(|| panic!("a problem; got {error:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_countries_and_hours_of_their_own_gets_a_policy_of_their_own_once() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let base = drafted(&owner, true).await;
    let (same, request) = (key(), ada(&[base], instead()));
    let created = owner.create_user(&same, &request).await.expect("created");

    let newer = Newer::than(created.accepted.seq, PATIENCE);
    let user = owner.user(created.id, newer).await.expect("shown").row;
    let [own] = *user.policies.as_slice() else { panic!("one policy; got {:?}", user.policies) };
    assert_ne!(own, base);
    let shown = owner.policy(own, newer).await.expect("shown").row;
    assert_eq!(shown.state, PolicyState::Active);
    let mut wanted = Document { name: "office for ada".into(), ..office() };
    wanted.countries.allow = instead().allowed_countries.expect("countries");
    wanted.windows = instead().windows.expect("windows");
    assert_eq!(shown.document, wanted);
    assert_eq!(owner.policy(base, newer).await.expect("shown").row.document, office(), "the base stays");

    // Asked again it is the same user with the same policy, whatever has become of the one it was made from.
    let retired = owner.retire_policy(base, &key()).await.expect("retired");
    assert_eq!(owner.create_user(&same, &request).await.expect("created"), created);
    assert_eq!(policies(&owner, retired.seq).await.len(), 2);

    // Where nothing differs, nothing is made.
    let base = drafted(&owner, true).await;
    for (name, nothing) in [
        ("bob", Instead::default()),
        ("eve", Instead { windows: Some(office().windows), ..Instead::default() }),
    ] {
        let request = CreateRequest { username: name.into(), ..ada(&[base], nothing) };
        let created = owner.create_user(&key(), &request).await.expect("created");
        let newer = Newer::than(created.accepted.seq, PATIENCE);
        assert_eq!(owner.user(created.id, newer).await.expect("shown").row.policies, [base]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_refused_before_anything_is_made() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let (base, draft) = (drafted(&owner, true).await, drafted(&owner, false).await);
    let retired = drafted(&owner, true).await;
    let last = owner.retire_policy(retired, &key()).await.expect("retired").seq;
    let denied: Instead =
        serde_json::from_value(serde_json::json!({ "allowed_countries": ["KP"] })).expect("countries");
    let backwards: Instead = serde_json::from_value(serde_json::json!({
        "windows": [{ "days": ["mon"], "from_minute": 60, "to_minute": 30 }]
    }))
    .expect("windows");
    for (request, wanted) in [
        (ada(&[], instead()), "malformed"),
        (ada(&[base, draft], instead()), "malformed"),
        (ada(&[draft], instead()), "malformed"),
        (ada(&[retired], instead()), "policy.retired"),
        (ada(&[PolicyId([9; 16])], instead()), "policy.not_found"),
        (ada(&[base], denied), "malformed"),
        (ada(&[base], backwards), "malformed"),
        (CreateRequest { password: "short".into(), ..ada(&[base], instead()) }, "malformed"),
    ] {
        assert_eq!(code(owner.create_user(&key(), &request).await), wanted, "{:?}", request.instead);
    }
    assert_eq!(policies(&owner, last).await.len(), 3, "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_key_leaves_no_policy_and_touches_none() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let base = drafted(&owner, true).await;
    let same = key();
    let created = owner.create_user(&same, &ada(&[base], instead())).await.expect("created");
    let other = Instead { windows: None, ..instead() };
    assert_eq!(code(owner.create_user(&same, &ada(&[base], other)).await), "command.reused");
    let all = policies(&owner, created.accepted.seq).await;
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|policy| policy.state == PolicyState::Active));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_in_between_asking_again_ends_as_it_would_have() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let base = drafted(&owner, true).await;
    for (name, until) in [("ada", Until::Drafted), ("bob", Until::Created)] {
        let request = CreateRequest { username: name.into(), ..ada(&[base], instead()) };
        let (made, seq) = as_if_it_had_died(&stand, name, &request, until).await;
        let policy = owner.policy(made, Newer::than(seq, PATIENCE)).await.expect("shown").row;
        assert_eq!(policy.state, PolicyState::Draft, "{until:?}: nobody may come in by it yet");
        let mut last = None;
        for _ in 0..2 {
            let answer = post(&stand, &token, name, &request).await;
            assert_eq!(answer.0, StatusCode::OK, "{until:?}: {}", answer.1);
            let created: Created<UserId> = serde_json::from_str(&answer.1).expect("created");
            let newer = Newer::than(created.accepted.seq, PATIENCE);
            assert_eq!(owner.user(created.id, newer).await.expect("shown").row.policies, [made], "{until:?}");
            assert_eq!(*last.get_or_insert_with(|| created.clone()), created, "{until:?}");
        }
        is_in(&owner, made, PolicyState::Active).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_did_with_the_policy_meanwhile_stays() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let base = drafted(&owner, true).await;
    for (name, retires) in [("ada", false), ("bob", true)] {
        let request = CreateRequest { username: name.into(), ..ada(&[base], instead()) };
        let (made, _) = as_if_it_had_died(&stand, name, &request, Until::Created).await;
        let (done, state) = if retires {
            (owner.retire_policy(made, &key()).await, PolicyState::Retired)
        } else {
            (owner.activate_policy(made, &key()).await, PolicyState::Active)
        };
        done.expect("done");
        let answer = post(&stand, &token, name, &request).await;
        assert_eq!(answer.0, StatusCode::OK, "{name}: {}", answer.1);
        is_in(&owner, made, state).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_whose_user_never_comes_to_be_never_decides() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let base = drafted(&owner, true).await;
    let request = ada(&[base], instead());
    let created = owner.create_user(&key(), &request).await.expect("created");
    // It is the directory's step, which follows the user's creation, that takes a name.
    let mut user = owner.user(created.id, Newer::than(created.accepted.seq, PATIENCE)).await.expect("shown");
    while user.row.steps[0].state == StepState::Pending {
        user = owner.user(created.id, Newer::than(user.seq + 1, PATIENCE)).await.expect("the step is done");
    }
    let request = CreateRequest { password: "another password".into(), ..request };
    let (made, _) = as_if_it_had_died(&stand, "late", &request, Until::Drafted).await;
    for _ in 0..2 {
        let answer = post(&stand, &token, "late", &request).await;
        assert!(answer.1.contains("user.name_taken"), "{}", answer.1);
    }
    // Later than all that.
    let seq = owner.suspend_user(created.id, &key()).await.expect("suspended").seq;
    let policy = owner.policy(made, Newer::than(seq, PATIENCE)).await.expect("shown");
    assert_eq!(policy.row.state, PolicyState::Draft);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_is_done_to_its_end_when_whoever_asked_has_gone() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let base = drafted(&owner, true).await;
    let body = serde_json::to_vec(&ada(&[base], instead())).expect("encodes");
    let head = format!(
        "POST /v1/users HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        stand.address,
        body.len()
    );
    let mut stream = stand.connect().await;
    stream.write_all(head.as_bytes()).await.expect("written");
    // Said when the route wants to read what is asked: from here on it is being carried out.
    let mut go_on = [0; 12];
    stream.read_exact(&mut go_on).await.expect("an answer");
    assert_eq!(&go_on, b"HTTP/1.1 100");
    stream.write_all(&body).await.expect("written");
    stream.shutdown().await.expect("closed");
    drop(stream);
    let mut page = PageRequest::default();
    let own = loop {
        let shown = owner.policies(&page).await.expect("something follows");
        let own = shown.rows.iter().find(|policy| policy.id != base);
        if let Some(own) = own.filter(|own| own.state == PolicyState::Active) {
            break own.id;
        }
        page.after = Some(shown.seq + 1);
    };
    let users = owner.users(&page).await.expect("listed").rows;
    assert_eq!(users.iter().map(|user| user.policies.clone()).collect::<Vec<_>>(), [vec![own]]);
}

/// Waits until the policy's row says so.
async fn is_in(owner: &Client, policy: PolicyId, state: PolicyState) {
    let mut shown = owner.policy(policy, Newer::default()).await.expect("shown");
    while shown.row.state != state {
        shown = owner.policy(policy, Newer::than(shown.seq + 1, PATIENCE)).await.expect("it comes to be");
    }
}

async fn post(stand: &Stand, token: &str, key: &str, request: &CreateRequest) -> (StatusCode, String) {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
    let body = serde_json::to_vec(request).expect("encodes");
    let answer = stand.send("POST", "/v1/users", &headers, &body).await;
    (answer.status, answer.body)
}

/// Where a node dies: each after what the one before has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Drafted,
    Created,
}

/// Does what the route does, that far. The policy, and where the log is.
async fn as_if_it_had_died(
    stand: &Stand,
    key: &str,
    request: &CreateRequest,
    until: Until,
) -> (PolicyId, u64) {
    stand
        .at_desk(async |desk: Desk<'_>| {
            let id = desk.keys.operator(&Username::parse(OWNER).expect("a name"));
            let version = desk.folds.fresh::<Operator>(id).await.expect("read").version;
            let creation = Asker {
                actor: Actor::Operator { id, version },
                correlation: CorrelationId(entropy::bytes()),
                key: key.as_bytes().to_vec(),
            };
            let username = Username::parse(&request.username).expect("a name");
            let digest = digest_of(desk.keys, &username, request);
            let asker = asker_of(&creation, digest);
            let policy = PolicyId(desk.keys.new_id(asker.command()));
            let user = UserId(desk.keys.new_id(creation.command()));
            let password = SecretString::from(request.password.clone());
            let hash = desk.passwords.hash(password).await.expect("hashed");
            let data_key = desk.data_keys.create(user).await.expect("made");

            let draft = WireCommand::Policy(Command::Draft { document: office() });
            let done = app::ask(desk.commands, desk.log, &asker, policy.into(), draft, digest).await;
            let drafted = done.expect("drafted");
            if until == Until::Drafted {
                return (policy, drafted.seq);
            }
            let profile = Profile { username: username.as_str().to_owned() };
            let create = WireCommand::User(user::Command::Create {
                name: desk.keys.name(&username),
                profile: Personal::seal(&profile, user, &data_key, entropy::bytes()),
                password: Personal::seal(&hash, user, &data_key, entropy::bytes()),
                policies: vec![policy],
                gateways: vec![],
            });
            let done = app::ask(desk.commands, desk.log, &creation, user.into(), create, digest).await;
            (policy, done.expect("created").seq)
        })
        .await
}
