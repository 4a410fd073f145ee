//! What each role may publish and subscribe to. Exact; everything else is denied by the server.

use super::role::BusRole;
use crate::subject::{
    self, COMMANDS, DEADLINES, EVENTS, GATEWAY, INTAKE, KEYS, PARKED, PROCESS, REPORTS, SEALS, WORKERS,
};
use viworks_domain::actor::ProcessName;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
}

pub fn of(role: BusRole) -> Permissions {
    let publish: Vec<Vec<String>> = match role {
        BusRole::Api => vec![commands(), fold(EVENTS), bucket(KEYS)],
        BusRole::Worker => vec![
            pull(COMMANDS, WORKERS),
            texts(&["vw.evt.*.*", "vw.parked.commands.*"]),
            fold(EVENTS),
            bucket_read(KEYS),
            // Outcomes, into the inboxes of those who may send commands.
            vec![inbox_of(BusRole::Api), inbox_of(BusRole::Process), inbox_of(BusRole::Intake)],
        ],
        BusRole::Process => vec![
            commands(),
            follow(EVENTS),
            texts(&["vw.gw.*.cmd", "vw.gw.*.lease", "vw.due.set.*.*.*"]),
            ProcessName::ALL
                .iter()
                .flat_map(|process| pull(DEADLINES, &subject::alarm_consumer(*process)))
                .collect(),
            vec![format!("$JS.API.STREAM.INFO.{DEADLINES}")],
            bucket(PROCESS),
        ],
        BusRole::Projector => vec![follow(EVENTS), texts(&["vw.live"]), bucket_read(KEYS)],
        BusRole::Sealer => vec![follow(EVENTS), texts(&["vw.seal"]), fold(SEALS)],
        BusRole::Intake => {
            vec![commands(), pull(REPORTS, INTAKE), texts(&["vw.parked.reports.*"]), fold(EVENTS)]
        }
        BusRole::Admission => vec![vec![format!("$JS.API.CONSUMER.CREATE.{GATEWAY}.*.vw.gw.*.cmd")]],
        BusRole::Setup => vec![texts(&[
            "$JS.API.INFO",
            "$JS.API.STREAM.CREATE.*",
            "$JS.API.STREAM.UPDATE.*",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.CONSUMER.CREATE.>",
            "$JS.API.CONSUMER.INFO.*.*",
            subject::COMMANDS_ANCHOR,
        ])],
        // In an account of its own, whose imports say the same.
        BusRole::Reader => {
            vec![[EVENTS, SEALS, PARKED].map(|stream| format!("$JS.API.DIRECT.GET.{stream}")).into()]
        }
    };
    let mut subscribe = vec![inbox_of(role)];
    subscribe.extend(match role {
        BusRole::Api => texts(&["vw.live", "vw.gw.*.telemetry"]),
        BusRole::Worker
        | BusRole::Process
        | BusRole::Projector
        | BusRole::Sealer
        | BusRole::Intake
        | BusRole::Admission
        | BusRole::Setup
        | BusRole::Reader => vec![],
    });
    Permissions { publish: publish.concat(), subscribe }
}

/// A gateway's user: what its own account imports, and nothing else of it.
pub fn of_gateway(account: &viworks_domain::ids::BusAccount) -> Permissions {
    use subject::local;
    let consumer = subject::gateway_consumer(account);
    Permissions {
        publish: vec![
            local::NEXT.to_owned(),
            local::REPORT.to_owned(),
            local::TELEMETRY.to_owned(),
            format!("$JS.ACK.{GATEWAY}.{consumer}.>"),
        ],
        subscribe: vec![format!("{}.>", local::INBOX), local::LEASE.to_owned()],
    }
}

/// The system account's one user of the control plane: preflight, and pushing gateways' accounts.
pub fn of_system() -> Permissions {
    Permissions {
        publish: texts(&[
            "$SYS.REQ.SERVER.PING.VARZ",
            "$SYS.REQ.SERVER.PING.CONNZ",
            "$SYS.REQ.CLAIMS.UPDATE",
            "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP",
        ]),
        subscribe: vec!["_INBOX.system.>".to_owned()],
    }
}

fn texts(subjects: &[&str]) -> Vec<String> {
    subjects.iter().map(|subject| (*subject).to_owned()).collect()
}

fn inbox_of(role: BusRole) -> String {
    format!("{}.>", subject::inbox(role))
}

fn commands() -> Vec<String> {
    texts(&["vw.cmd.*.*"])
}

/// One aggregate, or the last message of a subject; and how far the stream goes.
fn fold(stream: &str) -> Vec<String> {
    vec![
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.API.STREAM.INFO.{stream}"),
    ]
}

/// Everything in order, through a short-lived consumer of one's own.
fn follow(stream: &str) -> Vec<String> {
    let mut subjects = fold(stream);
    subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}.*"));
    subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"));
    subjects
}

fn pull(stream: &str, consumer: &str) -> Vec<String> {
    vec![
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
        format!("$JS.ACK.{stream}.{consumer}.>"),
        // The longer spelling that servers are moving to.
        format!("$JS.ACK.*.*.{stream}.{consumer}.>"),
    ]
}

fn bucket_read(bucket: &str) -> Vec<String> {
    vec![format!("$JS.API.STREAM.INFO.KV_{bucket}"), format!("$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.*")]
}

fn bucket(bucket: &str) -> Vec<String> {
    let mut subjects = bucket_read(bucket);
    subjects.push(format!("$KV.{bucket}.*"));
    subjects
}
