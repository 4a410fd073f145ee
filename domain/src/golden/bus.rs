//! The decision as the log holds it, and what travels between control plane and gateway.

use super::{Golden, events as e};
use crate::{
    actor::{Actor, Origin, ProcessName},
    bootstrap::Secrets,
    bytes,
    decision::{Decision, Outcome, RefusalClass, Refused},
    event::Event,
    gateway::Health,
    gateway_bus::{
        Action, Admit, AdmitRefusal, Container, End, GatewayCommand, KeySet, Machine, News, Order, Place,
        Provision, Renew, Report, Service, SessionTraffic, SignedKeySet, Telemetry,
    },
    ids::{CommandId, CorrelationId, LogId},
    session::{Absence, EndReason, Layer},
    user::{self, StepFailure},
};
use ed25519_dalek::SigningKey;
use std::net::Ipv4Addr;

pub fn all() -> Vec<Golden> {
    let mut all = decisions();
    all.extend(
        orders().into_iter().map(|(name, order)| Golden::of(format!("orders/{name}"), command(order))),
    );
    all.extend(news().into_iter().map(|(name, news)| Golden::of(format!("reports/{name}"), report(news))));
    all.push(Golden::of("bus/telemetry", telemetry()));
    all.push(Golden::of("bus/key_set", KeySet { epoch: 1, keys: vec![[1; 32]], not_after: e::AT }));
    let secrets = Secrets { spa_key: [1; 32], path: [2; 16], client_address: Ipv4Addr::LOCALHOST.into() };
    all.push(Golden::of("bus/bootstrap_secrets", secrets));
    all
}

pub fn decision(outcome: Outcome, events: &[user::Event]) -> Decision {
    Decision {
        log_id: LogId([1; 16]),
        epoch: 2,
        aggregate: e::USER.into(),
        base_version: 300,
        command_id: CommandId([3; 16]),
        command_digest: e::digest(4),
        command_expires_at: e::AT,
        origin: Origin::Process,
        actor: Actor::Process { name: ProcessName::Provisioning },
        correlation: CorrelationId([5; 16]),
        causation: Some(70_000),
        at: e::AT,
        outcome,
        events: events.iter().map(Event::store).collect(),
    }
}

fn decisions() -> Vec<Golden> {
    let refused = Refused { class: RefusalClass::TooMany, code: "user.too_many_attempts".into() };
    [
        ("accepted", decision(Outcome::Accepted, &e::user_events())),
        ("refused", decision(Outcome::Refused(refused), &[])),
        ("expired", decision(Outcome::Expired, &[])),
    ]
    .into_iter()
    .map(|(name, decision)| Golden {
        name: format!("decisions/{name}"),
        bytes: decision.to_bytes(),
        reads: Box::new(move |stored| Decision::from_bytes(stored).is_ok_and(|read| read == decision)),
    })
    .collect()
}

fn command(order: Order) -> GatewayCommand {
    GatewayCommand {
        log_id: LogId([1; 16]),
        epoch: 2,
        recipient: e::GATEWAY,
        n: 70_000 * 16 + 1,
        cause_seq: 70_000,
        issued_at: e::AT,
        order,
    }
}

fn orders() -> Vec<(&'static str, Order)> {
    let admit = Admit {
        session: e::SESSION,
        session_version: 9,
        not_after: e::AT,
        incarnation: e::INCARNATION,
        bootstrap: e::BOOTSTRAP,
        sealed: e::sealed(),
        use_before: e::AT,
        client_key: e::digest(1),
        certificate: e::digest(2),
        grants: e::grants(),
        image: "page".into(),
        ends_at: e::AT,
        lease_until: e::AT,
    };
    let renew = Renew {
        session: e::SESSION,
        session_version: 10,
        not_after: e::AT,
        incarnation: e::INCARNATION,
        lease_until: e::AT,
        ends_at: e::AT,
    };
    let end = End { session: e::SESSION, session_version: 11, end: e::END, reason: EndReason::WindowClosed };
    let provision = Provision {
        user: e::USER,
        place: Place::Panel,
        action: Action::Create,
        attempt: 1,
        not_after: e::AT,
    };
    let keys = KeySet { epoch: 1, keys: vec![[1; 32]], not_after: e::AT };
    let root = SigningKey::from_bytes(&[7; 32]);
    vec![
        ("admit", Order::Admit(admit)),
        ("renew", Order::Renew(renew)),
        ("end", Order::End(end)),
        ("provision", Order::Provision(provision)),
        ("keys", Order::Keys(SignedKeySet::sign(&keys, &root))),
    ]
}

fn report(news: News) -> Report {
    Report {
        log_id: LogId([1; 16]),
        epoch: 2,
        gateway: e::GATEWAY,
        incarnation: e::INCARNATION,
        report_n: 70_000,
        at: e::AT,
        news,
    }
}

fn news() -> Vec<(&'static str, News)> {
    let session = e::SESSION;
    let bootstrap = e::BOOTSTRAP;
    vec![
        ("started", News::Started { sessions: vec![session] }),
        ("admitted", News::Admitted { session, bootstrap, address: Ipv4Addr::new(10, 8, 0, 10) }),
        ("admit_refused", News::AdmitRefused { session, bootstrap, reason: AdmitRefusal::Unsealable }),
        ("consumed", News::Consumed { session, bootstrap }),
        ("layer", News::Layer { session, layer: Layer::Vpn, up: true }),
        ("ended_locally", News::EndedLocally { session, reason: EndReason::LeaseLost }),
        ("receipt", News::Receipt { session, end: e::END, layer: Layer::Spa, absence: Absence::Gone }),
        ("traffic", News::Traffic { session, bytes_in: 1, bytes_out: 2 }),
        (
            "step",
            News::Step {
                user: e::USER,
                place: Place::Vpn,
                action: Action::Delete,
                attempt: 2,
                result: Err(StepFailure::ScriptFailed),
            },
        ),
        ("health", News::Health { health: Health::Up }),
    ]
}

fn telemetry() -> Telemetry {
    Telemetry {
        at: e::AT,
        incarnation: Some(e::INCARNATION),
        machine: Some(Machine {
            cpu: 0.25,
            memory_used: 1,
            memory_total: 2,
            disk_used: 3,
            disk_total: 4,
            network_in: 5,
            network_out: 6,
        }),
        services: vec![Service { name: "spa".into(), up: true }],
        containers: vec![Container {
            name: "vw-1".into(),
            image: "page".into(),
            running: true,
            session: e::SESSION,
        }],
        sessions: vec![SessionTraffic { session: e::SESSION, bytes_in: 1, bytes_out: 2 }],
    }
}

#[test]
fn bytes_left_over_after_a_stored_value_are_refused() {
    let mut stored = decision(Outcome::Accepted, &[]).to_bytes();
    stored.push(0);
    assert!(Decision::from_bytes(&stored).is_err());
    let mut sent = bytes::encode(&report(News::Started { sessions: vec![] }));
    sent.push(0);
    assert_eq!(bytes::decode::<Report>(&sent), Err(bytes::Malformed::Trailing));
}
