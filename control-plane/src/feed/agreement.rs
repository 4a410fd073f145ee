//! The conditions of a window stand twice: in SQL, where pages are read, and in `api`, where a browser decides
//! about what comes live. Whatever the rows and whatever is asked, both give the same.

use super::rows;
use crate::http::rows as shown;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};
use std::collections::HashMap;
use viworks_api::{
    feed::{AuditQuery, Change, Query, RowId, SessionQuery, UserQuery},
    user::UserState,
};
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    decision::{Decision, Outcome, Recorded},
    event::{AggregateRef, Event as _, StoredEvent},
    ids::{
        CommandId, CorrelationId, Digest, GatewayId, LogId, NameId, OperatorId, PolicyId, SessionId, UserId,
    },
    personal::{DataKey, Personal, Profile},
    policy::{Document, Facts, Gate, PolicyRef, evaluate},
    session,
    user::{self, PasswordHash, Step},
};
use viworks_projections::{Database, PageRequest, Projector, Queries};

const LOG: LogIdentity = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };
const POLICIES: [PolicyId; 2] = [PolicyId([1; 16]), PolicyId([2; 16])];
const GATEWAYS: [GatewayId; 2] = [GatewayId([3; 16]), GatewayId([4; 16])];
const KINDS: [&str; 5] =
    ["user.created", "user.suspended", "user.step_done", "session.denied", "no.such_kind"];

const STATES: [UserState; 4] =
    [UserState::Provisioning, UserState::Active, UserState::Suspended, UserState::Erased];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    Create {
        name: String,
        policies: Vec<PolicyId>,
        gateways: Vec<GatewayId>,
    },
    /// Of the user at this place, if there is one.
    Provision(Index),
    Suspend(Index),
    Erase(Index),
    Deny(Index, PolicyId),
    End(Index),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    // Everything that a pattern, a quote or a fold of case could get wrong.
    let name = "[aAbB%_\\\\'\"éÉ.ıİ ]{0,5}";
    let some = |n: usize| vec(any::<bool>(), n);
    let create = (name, some(2), some(2)).prop_map(|(name, policies, gateways)| Act::Create {
        name,
        policies: POLICIES.into_iter().zip(policies).filter(|(_, is)| *is).map(|(id, _)| id).collect(),
        gateways: GATEWAYS.into_iter().zip(gateways).filter(|(_, is)| *is).map(|(id, _)| id).collect(),
    });
    let act = prop_oneof![
        3 => create,
        2 => any::<Index>().prop_map(Act::Provision),
        1 => any::<Index>().prop_map(Act::Suspend),
        1 => any::<Index>().prop_map(Act::Erase),
        3 => (any::<Index>(), select(&POLICIES[..])).prop_map(|(user, policy)| Act::Deny(user, policy)),
        1 => any::<Index>().prop_map(Act::End),
    ];
    vec(act, 1..25)
}

fn queries() -> impl Strategy<Value = Query> {
    let text = || option::of("[aAbB%_\\\\'\"éÉ.ıİ\0 ]{0,2}");
    let user = || option::of((1..8u8).prop_map(|n| UserId([n; 16])));
    let session = || option::of((1..25u8).prop_map(|n| SessionId([n; 16])));
    let policy = || option::of(select(&POLICIES[..]));
    let gateway = || option::of(select(&GATEWAYS[..]));
    prop_oneof![
        (user(), text(), option::of(select(&STATES[..])), policy(), gateway()).prop_map(
            |(id, text, state, policy, gateway)| {
                Query::Users(UserQuery { id: id.filter(|_| state.is_none()), text, state, policy, gateway })
            }
        ),
        (session(), option::of(any::<bool>()), text(), user(), gateway(), policy()).prop_map(
            |(id, active, text, user, gateway, policy)| {
                let id = id.filter(|_| user.is_none());
                Query::Sessions(SessionQuery { id, active, text, user, gateway, policy })
            }
        ),
        (user(), session(), option::of(1..25u8), option::of(select(&KINDS[..]))).prop_map(
            |(user, session, correlation, kind)| {
                Query::Audit(AuditQuery {
                    user,
                    session: session.filter(|_| user.is_none()),
                    correlation: correlation.map(|n| CorrelationId([n; 16])).filter(|_| kind.is_none()),
                    kind: kind.map(str::to_owned),
                })
            }
        ),
    ]
}

#[derive(Default)]
struct Story {
    recorded: Vec<Recorded>,
    keys: HashMap<UserId, DataKey>,
    users: Vec<UserId>,
    sessions: Vec<SessionId>,
}

impl Story {
    fn of(acts: &[Act]) -> Self {
        let mut story = Self::default();
        for (n, act) in acts.iter().enumerate() {
            story.act(n as u8 + 1, act);
        }
        story
    }

    fn act(&mut self, n: u8, act: &Act) {
        let user = |place: &Index, users: &[UserId]| (!users.is_empty()).then(|| *place.get(users));
        match act {
            Act::Create { name, policies, gateways } => {
                let (id, key) = (UserId([self.users.len() as u8 + 1; 16]), DataKey([n; 32]));
                let created = user::Created {
                    name: NameId([n; 16]),
                    profile: Personal::seal(&Profile { username: name.clone() }, id, &key, [n; 24]),
                    password: Personal::seal(&PasswordHash("phc".into()), id, &key, [n; 24]),
                    policies: policies.clone(),
                    gateways: gateways.clone(),
                    steps: vec![Step::Directory],
                };
                self.keys.insert(id, key);
                self.users.push(id);
                self.add(n, id, [user::Event::from(created).store()]);
            }
            Act::Provision(place) => {
                let done = user::StepFinished { step: Step::Directory, attempt: 1 };
                self.of_user(n, user(place, &self.users), done.into());
            }
            Act::Suspend(place) => {
                self.of_user(n, user(place, &self.users), user::Suspended {}.into());
            }
            Act::Erase(place) => self.of_user(n, user(place, &self.users), user::Erased {}.into()),
            Act::Deny(place, policy) => {
                let Some(user) = user(place, &self.users) else { return };
                let session = SessionId([n; 16]);
                self.sessions.push(session);
                let policy = PolicyRef { id: *policy, version: 1 };
                let denied = session::Denied { user, policy, verdict: verdict() };
                self.add(n, session, [session::Event::from(denied).store()]);
            }
            Act::End(place) => {
                if !self.sessions.is_empty() {
                    let session = *place.get(&self.sessions);
                    // Whatever it is: the row says what its last event says.
                    let consumed =
                        session::Connected { bootstrap: viworks_domain::ids::BootstrapId([n; 16]) };
                    self.add(n, session, [session::Event::from(consumed).store()]);
                }
            }
        }
    }

    fn of_user(&mut self, n: u8, user: Option<UserId>, event: user::Event) {
        if let Some(user) = user {
            self.add(n, user, [event.store()]);
        }
    }

    fn add(&mut self, n: u8, aggregate: impl Into<AggregateRef>, events: impl Into<Vec<StoredEvent>>) {
        let seq = self.recorded.len() as u64 + 1;
        let decision = Decision {
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            aggregate: aggregate.into(),
            base_version: seq,
            command_id: CommandId(u128::from(seq).to_be_bytes()),
            command_digest: Digest([0; 32]),
            command_expires_at: Millis(0),
            origin: Origin::Api,
            actor: Actor::Operator { id: OperatorId([1; 16]), version: 1 },
            correlation: CorrelationId([n; 16]),
            causation: None,
            // Some of the same moment: ids decide then.
            at: Millis(1_000 + seq / 3),
            outcome: Outcome::Accepted,
            events: events.into(),
        };
        self.recorded.push(Recorded { seq, decision });
    }
}

fn verdict() -> viworks_domain::policy::Verdict {
    let document: Document = serde_json::from_value(serde_json::json!({
        "name": "office", "time_zone": "UTC", "windows": [], "not_after": null,
        "countries": { "allow": [], "deny": [] }, "posture": {}, "resources": [],
        "image": "page", "max_minutes": 60, "lease_seconds": 300, "concurrent_sessions": 1,
    }))
    .expect("a document");
    let facts = Facts {
        at: Millis(1_000),
        local: Facts::local_time(&document, Millis(1_000)),
        user_active: false,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture: None,
    };
    evaluate(&document, facts, Gate::Login)
}

/// What the pages hold, in small ones: cursors are asked about too.
async fn pages(queries: &Queries, query: &Query, limit: u32) -> Vec<Change> {
    let mut request = PageRequest { cursor: None, limit: Some(limit) };
    let mut found = vec![];
    loop {
        let (rows, next): (Vec<Change>, _) = match query {
            Query::Users(query) => {
                let page = queries.users(&rows::users(query), &request).await.expect("read");
                (page.rows.into_iter().map(|row| Change::User(shown::user(row))).collect(), page.next)
            }
            Query::Sessions(query) => {
                let page = queries.sessions(&rows::sessions(query), &request).await.expect("read");
                (page.rows.into_iter().map(|row| Change::Session(shown::session(row))).collect(), page.next)
            }
            Query::Audit(query) => {
                let page = queries.audit(&rows::audits(query), &request).await.expect("read");
                (page.rows.into_iter().map(|row| Change::Audit(shown::audit(row))).collect(), page.next)
            }
            Query::Gateways | Query::Policies => unreachable!("they ask nothing"),
        };
        found.extend(rows);
        let Some(next) = next else { return found };
        request.cursor = Some(next);
    }
}

/// Every row that there is.
async fn all(queries: &Queries) -> Vec<Change> {
    let mut rows = pages(queries, &Query::Users(UserQuery::default()), 500).await;
    rows.extend(pages(queries, &Query::Sessions(SessionQuery::default()), 500).await);
    for n in 1..=25 {
        let correlation = Some(CorrelationId([n; 16]));
        let story = Query::Audit(AuditQuery { correlation, ..AuditQuery::default() });
        rows.extend(pages(queries, &story, 500).await);
    }
    rows
}

/// Newest first, as the lists have it: by time or place, then by id.
fn order(change: &Change) -> (u64, String) {
    match change {
        Change::User(row) => (row.created_at.0, row.id.to_string()),
        Change::Session(row) => (row.opened_at.0, row.id.to_string()),
        Change::Audit(row) => (row.seq, format!("{:010}", row.n)),
        Change::Gateway(_) | Change::Policy(_) | Change::Notice(_) => unreachable!("not asked for"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_row_is_in_a_window_exactly_when_the_next_page_would_hold_it(
        acts in acts(),
        asked in vec(queries(), 1..20),
        limit in 1..4u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let story = Story::of(&acts);
            let database = Database::open("sqlite::memory:").await.expect("a database");
            let mut projector =
                Projector::open(database.clone(), LOG, story.keys).await.expect("a projector");
            projector.apply(&story.recorded).await.expect("projected");
            let queries = Queries::new(database);
            let all = all(&queries).await;
            for query in &asked {
                let mut expected: Vec<_> = all.iter().filter(|row| query.matches(row)).collect();
                expected.sort_by_key(|row| std::cmp::Reverse(order(row)));
                let found = pages(&queries, query, limit).await;
                let ids = |rows: Vec<&Change>| rows.into_iter().map(Change::row_id).collect::<Vec<Option<RowId>>>();
                assert_eq!(ids(found.iter().collect()), ids(expected), "{query:?}");
                assert!(all.iter().all(|row| !query.matches(row) || query.concerns(row)));
            }
        });
    }
}
