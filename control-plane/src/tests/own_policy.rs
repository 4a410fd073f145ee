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
use std::time::Duration;
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
    policy::{Command, Document},
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

    // The policy stands, the node died, and nobody came in between: the user gets it.
    let request = ada(&[base], instead());
    let (made, _) = as_if_it_had_died(&stand, "one", &request).await;
    let answer = post(&stand, &token, "one", &request).await;
    assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
    let created: Created<UserId> = serde_json::from_str(&answer.1).expect("created");
    let newer = Newer::than(created.accepted.seq, PATIENCE);
    assert_eq!(owner.user(created.id, newer).await.expect("shown").row.policies, [made]);

    // Somebody else has the name by now: the policy that would be nobody's is retired, each time alike.
    let request = CreateRequest { password: "another password".into(), ..request };
    let (made, seq) = as_if_it_had_died(&stand, "two", &request).await;
    let policy = owner.policy(made, Newer::than(seq, PATIENCE)).await.expect("shown");
    assert_eq!(policy.row.state, PolicyState::Active);
    // It is the directory's step, which follows the user's creation, that takes a name.
    let mut user = owner.user(created.id, newer).await.expect("shown");
    while user.row.steps[0].state == StepState::Pending {
        user = owner.user(created.id, Newer::than(user.seq + 1, PATIENCE)).await.expect("the step is done");
    }
    for _ in 0..2 {
        let answer = post(&stand, &token, "two", &request).await;
        assert!(answer.1.contains("user.name_taken"), "{}", answer.1);
        let mut policy = owner.policy(made, Newer::default()).await.expect("shown");
        while policy.row.state != PolicyState::Retired {
            policy = owner.policy(made, Newer::than(policy.seq + 1, PATIENCE)).await.expect("it is retired");
        }
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

/// Does what the route does, up to the moment before the user's own command. The policy, and where the log is.
async fn as_if_it_had_died(stand: &Stand, key: &str, request: &CreateRequest) -> (PolicyId, u64) {
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
            let draft = WireCommand::Policy(Command::Draft { document: office() });
            app::ask(desk.commands, desk.log, &asker, policy.into(), draft, digest).await.expect("drafted");
            let activate = WireCommand::Policy(Command::Activate);
            let (asker, of) = (asker.also("activate"), activate.digest(&policy.into()));
            let activated = app::ask(desk.commands, desk.log, &asker, policy.into(), activate, of).await;
            (policy, activated.expect("activated").seq)
        })
        .await
}
