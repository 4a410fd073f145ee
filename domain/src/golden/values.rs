//! Every value of the small enums that stand inside what is stored: their order is their meaning.

use super::{Golden, events as e};
use crate::{
    actor::{Actor, Origin, ProcessName},
    decision::RefusalClass,
    event::AggregateKind,
    gateway::Health,
    gateway_bus::{Action, AdmitRefusal, Place},
    ids::OperatorId,
    permission::Role,
    policy::{Gate, KeyProtection, Protocol, Rule, Standing, Weekday},
    process::AlarmKind,
    session::{Absence, DeadlineKind, EndReason, EndsBecause, Layer},
    user::{Step, StepFailure},
};

pub fn all() -> Vec<Golden> {
    let g = |name: &str| format!("values/{name}");
    vec![
        Golden::of(g("aggregate_kind"), AggregateKind::ALL.to_vec()),
        Golden::of(g("layer"), Layer::ALL.to_vec()),
        Golden::of(g("process_name"), ProcessName::ALL.to_vec()),
        Golden::of(g("alarm_kind"), AlarmKind::ALL.to_vec()),
        Golden::of(g("origin"), vec![Origin::Api, Origin::Process, Origin::Intake]),
        Golden::of(g("actor"), actors()),
        Golden::of(g("role"), vec![Role::Owner, Role::Viewer]),
        Golden::of(g("absence"), vec![Absence::Gone, Absence::NeverExisted]),
        Golden::of(g("ends_because"), vec![EndsBecause::Window, EndsBecause::MaximumLength]),
        Golden::of(g("end_reason"), end_reasons()),
        Golden::of(
            g("deadline_kind"),
            vec![
                DeadlineKind::Challenge,
                DeadlineKind::Code,
                DeadlineKind::Bootstrap,
                DeadlineKind::Lease,
                DeadlineKind::End,
                DeadlineKind::Receipts,
            ],
        ),
        Golden::of(g("health"), vec![Health::Up, Health::Degraded, Health::Down]),
        Golden::of(g("place"), vec![Place::Vpn, Place::Panel]),
        Golden::of(g("action"), vec![Action::Create, Action::Delete]),
        Golden::of(
            g("admit_refusal"),
            vec![
                AdmitRefusal::Ended,
                AdmitRefusal::Expired,
                AdmitRefusal::OtherIncarnation,
                AdmitRefusal::BeyondCeiling,
                AdmitRefusal::Unsealable,
                AdmitRefusal::NoAddressLeft,
                AdmitRefusal::ContainerFailed,
                AdmitRefusal::ImageNotAllowed,
            ],
        ),
        Golden::of(g("step"), vec![Step::Directory, e::VPN, Step::Panel { gateway: e::GATEWAY }]),
        Golden::of(
            g("step_failure"),
            vec![
                StepFailure::NameTaken,
                StepFailure::ScriptFailed,
                StepFailure::ScriptTimedOut,
                StepFailure::ScriptTooLoud,
                StepFailure::ScriptNotAllowed,
                StepFailure::GatewayUnavailable,
            ],
        ),
        Golden::of(
            g("refusal_class"),
            vec![
                RefusalClass::Invalid,
                RefusalClass::Forbidden,
                RefusalClass::NotFound,
                RefusalClass::Conflict,
                RefusalClass::Gone,
                RefusalClass::TooMany,
            ],
        ),
        Golden::of(
            g("gate"),
            vec![Gate::Login, Gate::Posture, Gate::Code, Gate::Bootstrap, Gate::Continuous],
        ),
        Golden::of(
            g("standing"),
            vec![Standing::Holds, Standing::Violated, Standing::Noted, Standing::NotAsked],
        ),
        Golden::of(
            g("rule"),
            e::verdict(Gate::Posture).findings.iter().map(|f| f.rule).collect::<Vec<Rule>>(),
        ),
        Golden::of(
            g("key_protection"),
            vec![KeyProtection::File, KeyProtection::Browser, KeyProtection::Hardware],
        ),
        Golden::of(g("protocol"), vec![Protocol::Tcp, Protocol::Udp]),
        Golden::of(
            g("weekday"),
            vec![
                Weekday::Mon,
                Weekday::Tue,
                Weekday::Wed,
                Weekday::Thu,
                Weekday::Fri,
                Weekday::Sat,
                Weekday::Sun,
            ],
        ),
    ]
}

fn actors() -> Vec<Actor> {
    vec![
        Actor::Operator { id: OperatorId([4; 16]), version: 7 },
        Actor::User { id: e::USER },
        Actor::Device { id: e::DEVICE },
        Actor::Gateway { id: e::GATEWAY },
        Actor::Process { name: ProcessName::Enforcement },
        Actor::Machine,
        Actor::Stranger,
    ]
}

fn end_reasons() -> Vec<EndReason> {
    vec![
        EndReason::Terminated { note: "enough".into() },
        EndReason::SignedOut,
        EndReason::WindowClosed,
        EndReason::MaximumLength,
        EndReason::LeaseLost,
        EndReason::PolicyChanged,
        EndReason::UserNotActive,
        EndReason::TooManyWrongAnswers,
        EndReason::DeniedOnPhone,
        EndReason::EpochRaised,
        EndReason::SignedInAgain,
    ]
}
