//! Every subject, stream and inbox of the bus, formatted and parsed here and nowhere else.

use crate::identity::role::BusRole;
use std::{fmt, str::FromStr};
use viworks_domain::{
    actor::{Origin, ProcessName},
    event::{AggregateKind, AggregateRef},
    ids::{BusAccount, SessionId},
    process::AlarmKind,
};

pub const EVENTS: &str = "VW_EVENTS";
pub const COMMANDS: &str = "VW_COMMANDS";
pub const PARKED: &str = "VW_PARKED";
pub const DEADLINES: &str = "VW_DEADLINES";
pub const GATEWAY: &str = "VW_GATEWAY";
pub const REPORTS: &str = "VW_REPORTS";
pub const SEALS: &str = "VW_SEALS";
/// Key-value buckets: users' data keys, and the processes' checkpoints.
pub const KEYS: &str = "VW_KEYS";
pub const PROCESS: &str = "VW_PROCESS";

/// The durable consumers that setup makes. Those of gateways are named after their account.
pub const WORKERS: &str = "workers";
pub const INTAKE: &str = "intake";

/// One message here keeps the command queue from ever being empty: the server drops and makes anew the file of
/// an empty one, which costs more than deciding a command. No consumer matches it.
pub const COMMANDS_ANCHOR: &str = "vw.anchor.commands";

/// What a gateway's own account calls the subjects that it imports: no name in them, so none to forge.
pub mod local {
    pub const NEXT: &str = "next";
    pub const REPORT: &str = "report";
    pub const TELEMETRY: &str = "telemetry";
    pub const LEASE: &str = "lease";
    /// Prefix of a gateway's inboxes.
    pub const INBOX: &str = "_INBOX.gateway";
}

/// The header in which a sender names the inbox that waits for the outcome. (The message's own reply subject
/// is taken by the stream's acknowledgement.)
pub const REPLY_HEADER: &str = "Vw-Reply";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// `vw.evt.<aggregate>.<id>`: literal, without the event's type, so that loading stays fast.
    Event(AggregateRef),
    /// `vw.cmd.<aggregate>.<id>`
    Command(AggregateRef),
    /// `vw.parked.<from>.<reason>`
    Parked(ParkedFrom, ParkReason),
    /// `vw.due.set.<process>.<id>.<kind>`
    SetAlarm(AlarmName),
    /// `vw.due.fire.<process>.<id>.<kind>`
    FiredAlarm(AlarmName),
    /// `vw.gw.<gateway>.cmd`
    GatewayCommand(BusAccount),
    /// `vw.gw.<gateway>.report`
    GatewayReport(BusAccount),
    /// `vw.gw.<gateway>.telemetry`
    GatewayTelemetry(BusAccount),
    /// `vw.gw.<gateway>.lease`
    GatewayLease(BusAccount),
    /// `vw.seal`
    Seal,
    /// `vw.live`
    Live,
}

/// One alarm clock: `(process, instance, kind)` has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlarmName {
    pub process: ProcessName,
    pub instance: [u8; 16],
    pub kind: AlarmKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParkedFrom {
    Commands,
    Reports,
}

/// Why a message was put aside instead of being acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParkReason {
    /// No envelope of a known key and a good signature.
    Unauthentic,
    /// The envelope is genuine; its body is not what this build reads.
    Undecodable,
    /// Made for another log, or for an epoch before a restore.
    OtherLog,
    /// The subject names another aggregate or gateway than the body.
    Misaddressed,
    /// This origin may not send this command.
    NotAllowed,
    /// Preparing it failed for so long that it was given up.
    Hopeless,
}

impl ParkedFrom {
    pub const ALL: [Self; 2] = [Self::Commands, Self::Reports];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Reports => "reports",
        }
    }
}

impl ParkReason {
    pub const ALL: [Self; 6] = [
        Self::Unauthentic,
        Self::Undecodable,
        Self::OtherLog,
        Self::Misaddressed,
        Self::NotAllowed,
        Self::Hopeless,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthentic => "unauthentic",
            Self::Undecodable => "undecodable",
            Self::OtherLog => "other_log",
            Self::Misaddressed => "misaddressed",
            Self::NotAllowed => "not_allowed",
            Self::Hopeless => "hopeless",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(aggregate) => write!(f, "vw.evt.{aggregate}"),
            Self::Command(aggregate) => write!(f, "vw.cmd.{aggregate}"),
            Self::Parked(from, reason) => write!(f, "vw.parked.{}.{}", from.as_str(), reason.as_str()),
            Self::SetAlarm(alarm) => write!(f, "vw.due.set.{alarm}"),
            Self::FiredAlarm(alarm) => write!(f, "vw.due.fire.{alarm}"),
            Self::GatewayCommand(gateway) => write!(f, "vw.gw.{gateway}.cmd"),
            Self::GatewayReport(gateway) => write!(f, "vw.gw.{gateway}.report"),
            Self::GatewayTelemetry(gateway) => write!(f, "vw.gw.{gateway}.telemetry"),
            Self::GatewayLease(gateway) => write!(f, "vw.gw.{gateway}.lease"),
            Self::Seal => f.write_str("vw.seal"),
            Self::Live => f.write_str("vw.live"),
        }
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.process.as_str(), SessionId(self.instance), self.kind.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subject of this bus")]
pub struct NotASubject;

impl FromStr for Subject {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let tokens: Vec<&str> = text.split('.').collect();
        match tokens.as_slice() {
            ["vw", "evt", kind, id] => Ok(Self::Event(aggregate(kind, id)?)),
            ["vw", "cmd", kind, id] => Ok(Self::Command(aggregate(kind, id)?)),
            ["vw", "parked", from, reason] => Ok(Self::Parked(
                named(&ParkedFrom::ALL, from, ParkedFrom::as_str)?,
                named(&ParkReason::ALL, reason, ParkReason::as_str)?,
            )),
            ["vw", "due", "set", process, id, kind] => Ok(Self::SetAlarm(alarm(process, id, kind)?)),
            ["vw", "due", "fire", process, id, kind] => Ok(Self::FiredAlarm(alarm(process, id, kind)?)),
            ["vw", "gw", account, what] => {
                let account: BusAccount = account.parse().map_err(|_| NotASubject)?;
                match *what {
                    "cmd" => Ok(Self::GatewayCommand(account)),
                    "report" => Ok(Self::GatewayReport(account)),
                    "telemetry" => Ok(Self::GatewayTelemetry(account)),
                    "lease" => Ok(Self::GatewayLease(account)),
                    _ => Err(NotASubject),
                }
            }
            ["vw", "seal"] => Ok(Self::Seal),
            ["vw", "live"] => Ok(Self::Live),
            _ => Err(NotASubject),
        }
    }
}

fn aggregate(kind: &str, id: &str) -> Result<AggregateRef, NotASubject> {
    Ok(AggregateRef { kind: named(&AggregateKind::ALL, kind, AggregateKind::as_str)?, id: raw_id(id)? })
}

fn alarm(process: &str, id: &str, kind: &str) -> Result<AlarmName, NotASubject> {
    Ok(AlarmName {
        process: named(&ProcessName::ALL, process, ProcessName::as_str)?,
        instance: raw_id(id)?,
        kind: named(&AlarmKind::ALL, kind, AlarmKind::as_str)?,
    })
}

fn raw_id(text: &str) -> Result<[u8; 16], NotASubject> {
    text.parse::<SessionId>().map(|id| id.0).map_err(|_| NotASubject)
}

fn named<T: Copy>(all: &[T], text: &str, name: fn(T) -> &'static str) -> Result<T, NotASubject> {
    all.iter().copied().find(|one| name(*one) == text).ok_or(NotASubject)
}

/// Where this role's answers arrive: `_INBOX.<role>`.
pub fn inbox(role: BusRole) -> String {
    format!("_INBOX.{}", role.as_str())
}

/// Whether a reply to a command of this origin may be published to this subject: below the origin's own
/// inbox, and literal. A worker that answered anywhere would be everybody's deputy.
pub fn may_reply_to(origin: Origin, subject: &str) -> bool {
    let prefix = inbox(BusRole::of_origin(origin));
    let rest = subject.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.len() <= 128
            && rest.split('.').all(|token| {
                !token.is_empty()
                    && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            })
    })
}

/// A gateway's durable consumer on [`GATEWAY`] is named after its account.
pub fn gateway_consumer(account: &BusAccount) -> &str {
    account.as_str()
}

/// A process's durable consumer on [`DEADLINES`], and the subjects it hears.
pub fn alarm_consumer(process: ProcessName) -> String {
    format!("ring-{}", process.as_str())
}

pub fn fired_alarms(process: ProcessName) -> String {
    format!("vw.due.fire.{}.>", process.as_str())
}

pub fn set_alarms(process: ProcessName) -> String {
    format!("vw.due.set.{}.>", process.as_str())
}

/// What the subject that a delivery is acknowledged on says of it:
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or the same with
/// domain and account hash in front and a token behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPlace {
    pub deliveries: u64,
    pub stream_seq: u64,
    pub consumer_seq: u64,
    /// When the server stored it, Unix milliseconds.
    pub stored_at: viworks_domain::Millis,
    pub pending: u64,
}

impl DeliveryPlace {
    pub fn of_ack_subject(text: &str) -> Option<Self> {
        let tokens: Vec<&str> = text.split('.').collect();
        let rest = match tokens.as_slice() {
            ["$JS", "ACK", _stream, _consumer, rest @ ..] if rest.len() == 5 => rest,
            ["$JS", "ACK", _domain, _account, _stream, _consumer, rest @ ..] if rest.len() >= 5 => rest,
            _ => return None,
        };
        let number = |at: usize| rest.get(at).and_then(|token| token.parse::<u64>().ok());
        Some(Self {
            deliveries: number(0)?,
            stream_seq: number(1)?,
            consumer_seq: number(2)?,
            stored_at: viworks_domain::Millis(number(3)? / 1_000_000),
            pending: number(4)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aggregates() -> impl Strategy<Value = AggregateRef> {
        (prop::sample::select(AggregateKind::ALL.to_vec()), any::<[u8; 16]>())
            .prop_map(|(kind, id)| AggregateRef { kind, id })
    }

    fn alarms() -> impl Strategy<Value = AlarmName> {
        (
            prop::sample::select(ProcessName::ALL.to_vec()),
            any::<[u8; 16]>(),
            prop::sample::select(AlarmKind::ALL.to_vec()),
        )
            .prop_map(|(process, instance, kind)| AlarmName { process, instance, kind })
    }

    fn accounts() -> impl Strategy<Value = BusAccount> {
        "A[A-Z2-7]{55}".prop_map(|text| text.parse().unwrap())
    }

    fn subjects() -> impl Strategy<Value = Subject> {
        prop_oneof![
            aggregates().prop_map(Subject::Event),
            aggregates().prop_map(Subject::Command),
            (prop::sample::select(ParkedFrom::ALL.to_vec()), prop::sample::select(ParkReason::ALL.to_vec()))
                .prop_map(|(from, reason)| Subject::Parked(from, reason)),
            alarms().prop_map(Subject::SetAlarm),
            alarms().prop_map(Subject::FiredAlarm),
            accounts().prop_map(Subject::GatewayCommand),
            accounts().prop_map(Subject::GatewayReport),
            accounts().prop_map(Subject::GatewayTelemetry),
            accounts().prop_map(Subject::GatewayLease),
            Just(Subject::Seal),
            Just(Subject::Live),
        ]
    }

    proptest! {
        #[test]
        fn every_subject_parses_back_to_itself(subject in subjects()) {
            prop_assert_eq!(subject.to_string().parse(), Ok(subject));
        }

        #[test]
        fn what_parses_prints_the_same_text(text in "vw\\.[a-z]{2,6}(\\.[a-zA-Z0-9*>]{1,30}){0,4}") {
            if let Ok(subject) = text.parse::<Subject>() {
                prop_assert_eq!(subject.to_string(), text);
            }
        }
    }

    #[test]
    fn both_spellings_of_an_acknowledgement_tell_the_place() {
        let expected = DeliveryPlace {
            deliveries: 2,
            stream_seq: 17,
            consumer_seq: 9,
            stored_at: viworks_domain::Millis(1_700_000_000_000),
            pending: 4,
        };
        for text in [
            "$JS.ACK.VW_EVENTS.reader.2.17.9.1700000000000000000.4",
            "$JS.ACK._.HASH.VW_EVENTS.reader.2.17.9.1700000000000000000.4.token",
        ] {
            assert_eq!(DeliveryPlace::of_ack_subject(text), Some(expected), "{text}");
        }
        assert_eq!(DeliveryPlace::of_ack_subject("$JS.ACK.VW_EVENTS.reader.2.17"), None);
    }

    #[test]
    fn wildcards_are_no_subject() {
        for text in ["vw.evt.>", "vw.evt.user.*", "vw.gw.*.cmd", "vw.gw.>", "vw.seal.>", "", "vw", "vw.live."]
        {
            assert_eq!(text.parse::<Subject>(), Err(NotASubject), "{text}");
        }
    }

    #[test]
    fn a_reply_goes_only_to_the_origins_own_inbox() {
        assert!(may_reply_to(Origin::Api, "_INBOX.api.Nq3.7"));
        for stray in [
            "_INBOX.process.Nq3.7",
            "_INBOX.api",
            "_INBOX.api.",
            "_INBOX.api.*",
            "_INBOX.api.>",
            "_INBOX.apix.1",
            "vw.evt.user.x",
            "_INBOX.api.a b",
        ] {
            assert!(!may_reply_to(Origin::Api, stray), "{stray}");
        }
    }
}
