//! The tables, cell by cell: whoever adds a command has to say here who may send it.

use super::{Role, actor_may_ask, origin_may_send, widens};
use crate::{
    actor::{Actor, Origin, ProcessName},
    command::WireCommand,
    golden::wire_commands,
    ids::{DeviceId, GatewayId, OperatorId, UserId},
    session::{self, EndReason},
};
use std::collections::BTreeSet;

/// `name: origins (a api, p process, i intake), owner, viewer, actors (u user, d device, s stranger, m machine)`.
const TABLE: &[(&str, &str, bool, bool, &str)] = &[
    ("directory.claim", "p", false, false, ""),
    ("directory.release", "p", false, false, ""),
    ("user.create", "a", true, false, ""),
    ("user.record_step", "pi", false, false, ""),
    ("user.record_step_done", "pi", false, false, ""),
    ("user.retry_step", "a", true, false, ""),
    ("user.set_password", "a", true, false, ""),
    ("user.assign_policies", "a", true, false, ""),
    ("user.assign_gateways", "a", true, false, ""),
    ("user.add_device", "a", true, false, ""),
    ("user.record_failed_login", "a", false, false, "s"),
    ("user.record_login", "a", false, false, "u"),
    ("user.reserve_attempt", "a", false, false, "u"),
    ("user.refund_attempt", "p", false, false, ""),
    ("user.suspend", "a", true, false, ""),
    ("user.resume", "a", true, false, ""),
    ("user.delete", "a", true, false, ""),
    ("user.erase", "a", true, false, ""),
    ("device.offer", "a", true, false, ""),
    ("device.enrol", "a", false, false, "s"),
    ("device.see_posture", "a", false, false, ""),
    ("device.revoke", "a", true, false, ""),
    ("operator.invite", "a", true, false, "m"),
    ("operator.set_password", "a", true, false, "m"),
    ("operator.change_role", "a", true, false, "m"),
    ("operator.sign_in", "a", false, false, "s"),
    ("operator.record_failed_sign_in", "a", false, false, "s"),
    ("operator.sign_out", "a", true, true, ""),
    ("operator.disable", "a", true, false, ""),
    ("policy.draft", "a", true, false, ""),
    ("policy.change", "a", true, false, ""),
    ("policy.activate", "a", true, false, ""),
    ("policy.retire", "a", true, false, ""),
    ("gateway.invite", "a", true, false, ""),
    ("gateway.enrol", "a", false, false, "s"),
    ("gateway.see_incarnation", "i", false, false, ""),
    ("gateway.accept_report", "i", false, false, ""),
    ("gateway.record_health", "i", false, false, ""),
    ("gateway.drain", "a", true, false, ""),
    ("gateway.retire", "a", true, false, ""),
    ("session.open", "a", false, false, "u"),
    ("session.record_posture", "a", false, false, "d"),
    ("session.issue_code", "a", false, false, "d"),
    ("session.answer", "a", false, false, "u"),
    ("session.issue_bootstrap", "a", false, false, "u"),
    ("session.record_admitted", "i", false, false, ""),
    ("session.record_admission_refused", "i", false, false, ""),
    ("session.record_consumed", "i", false, false, ""),
    ("session.record_layer", "i", false, false, ""),
    ("session.record_traffic", "i", false, false, ""),
    ("session.record_local_end", "i", false, false, ""),
    ("session.deadline", "p", false, false, ""),
    // With an operator's reason: users and devices have reasons of their own, below.
    ("session.request_end", "ap", true, false, ""),
    ("session.record_receipt", "i", false, false, ""),
];

#[test]
fn every_command_has_exactly_the_senders_of_its_row() {
    let commands = wire_commands();
    assert_eq!(
        commands.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(),
        TABLE.iter().map(|row| row.0).collect::<BTreeSet<_>>()
    );
    for (name, command) in commands {
        let row = TABLE.iter().find(|row| row.0 == name).expect("a row");
        let origins = [(Origin::Api, 'a'), (Origin::Process, 'p'), (Origin::Intake, 'i')];
        for (origin, letter) in origins {
            assert_eq!(origin_may_send(origin, &command), row.1.contains(letter), "{name} from {origin:?}");
        }
        assert_eq!(Role::Owner.may(&command), row.2, "{name} by an owner");
        assert_eq!(Role::Viewer.may(&command), row.3, "{name} by a viewer");
        let actors = [
            (Actor::User { id: UserId([1; 16]) }, 'u'),
            (Actor::Device { id: DeviceId([1; 16]) }, 'd'),
            (Actor::Stranger, 's'),
            (Actor::Machine, 'm'),
            (Actor::Gateway { id: GatewayId([1; 16]) }, '-'),
            (Actor::Process { name: ProcessName::Teardown }, '-'),
        ];
        for (actor, letter) in actors {
            assert_eq!(actor_may_ask(&actor, &command), row.4.contains(letter), "{name} for {actor:?}");
        }
        let operator = Actor::Operator { id: OperatorId([1; 16]), version: 1 };
        assert!(actor_may_ask(&operator, &command), "an operator's role decides");
    }
}

#[test]
fn each_may_end_a_session_only_in_their_own_words() {
    let end = |reason| WireCommand::Session(session::WireCommand::RequestEnd { reason });
    let user = Actor::User { id: UserId([1; 16]) };
    let device = Actor::Device { id: DeviceId([1; 16]) };
    assert!(actor_may_ask(&user, &end(EndReason::SignedOut)));
    assert!(!actor_may_ask(&user, &end(EndReason::DeniedOnPhone)));
    assert!(actor_may_ask(&device, &end(EndReason::DeniedOnPhone)));
    assert!(!actor_may_ask(&device, &end(EndReason::SignedOut)));
    assert!(!actor_may_ask(&Actor::Stranger, &end(EndReason::SignedOut)));
}

/// What a worker whose clock is off goes on deciding; everything else lets somebody in or keeps them in.
const GOES_ON: &[&str] = &[
    "directory.release",
    "user.record_step",
    "user.record_step_done",
    "user.record_failed_login",
    "user.suspend",
    "user.delete",
    "user.erase",
    "device.revoke",
    "operator.record_failed_sign_in",
    "operator.sign_out",
    "operator.disable",
    "policy.draft",
    "policy.retire",
    "gateway.see_incarnation",
    "gateway.accept_report",
    "gateway.record_health",
    "gateway.drain",
    "gateway.retire",
    "session.record_admitted",
    "session.record_admission_refused",
    "session.record_consumed",
    "session.record_layer",
    "session.record_traffic",
    "session.record_local_end",
    "session.deadline",
    "session.request_end",
    "session.record_receipt",
];

#[test]
fn what_only_narrows_or_records_is_exactly_what_goes_on_without_a_trusted_clock() {
    let lease = session::WireCommand::Deadline { kind: session::DeadlineKind::Lease, generation: 1 };
    assert!(widens(&WireCommand::Session(lease)), "a renewed lease keeps somebody in");
    for (name, command) in wire_commands() {
        assert_eq!(widens(&command), !GOES_ON.contains(&name), "{name}");
    }
}
