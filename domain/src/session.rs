//! One sign-in's way from password to published page, and its end: the heart of ViWorkS.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    Admission, Bootstrap, Command, DeadlineKind, DesktopIdentity, PreparedCode, Standing, WireCommand,
};
pub use event::{
    AdmissionRefused, Admitted, AnswerRefused, BootstrapConsumed, BootstrapExpired, BootstrapIssued,
    CodeExpired, CodeIssued, Connected, Denied, EndMoved, Ended, Ending, Event, Expired, LayerChanged,
    LeaseRenewed, Opened, PostureRecorded, ReceiptRecorded, ReceiptsOverdue, TrafficCounted, Verified,
};
pub use refusal::Refusal;
pub use state::{Admissible, LiveBootstrap, LiveCode, Origin, Session, Stage, Winding};

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// From the password to the phone's first word. Long enough to fetch a phone, short enough that an
/// unattended prompt is gone.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(300);
/// NIST 800-63B allows 10 minutes out of band; two are enough to read six digits.
pub const CODE_LIFETIME: Duration = Duration::from_secs(120);
pub const WRONG_ANSWERS_ALLOWED: u8 = 5;
/// Codes per session: with five answers in all, more codes buy no guesses; they only flood the phone.
pub const CODES_PER_SESSION: u8 = 5;
/// From issue to the pinned TLS connection.
pub const BOOTSTRAP_LIFETIME: Duration = Duration::from_secs(60);
/// Bootstraps in any ten minutes: a flapping network needs a few, a thief wants many.
pub const BOOTSTRAPS_PER_WINDOW: usize = 10;
pub const BOOTSTRAP_WINDOW: Duration = Duration::from_secs(600);
/// A receipt later than this raises an alert; the session stays `ending`.
pub const RECEIPTS_DUE: Duration = Duration::from_secs(10);

/// What a session is made of; it has ended when each is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The desktop's right to ask for anything: gone with the decision itself.
    Token,
    Spa,
    Tls,
    Vpn,
    Container,
    Path,
}

impl Layer {
    pub const ALL: [Self; 6] = [Self::Token, Self::Spa, Self::Tls, Self::Vpn, Self::Container, Self::Path];
    /// Those a gateway gives receipts for.
    pub const AT_GATEWAY: [Self; 5] = [Self::Spa, Self::Tls, Self::Vpn, Self::Container, Self::Path];
}

/// A signed promise of absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    Gone,
    NeverExisted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// By an operator, with their words.
    Terminated {
        note: String,
    },
    SignedOut,
    WindowClosed,
    MaximumLength,
    LeaseLost,
    PolicyChanged,
    UserNotActive,
    TooManyWrongAnswers,
    /// "This is not me", said on the phone.
    DeniedOnPhone,
    /// The log was restored from a backup.
    EpochRaised,
    /// The same desktop was verified again: what it had before is taken back instead of kept until its end.
    SignedInAgain,
}

/// Why `ends_at` is when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndsBecause {
    Window,
    MaximumLength,
}
