//! How it ended, in words that say what to do, and as an exit code.

use super::{HelperTrouble, Refusal};
use viworks_domain::session::EndReason;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// By the person here.
    SignedOut {
        /// Whether the server could be told.
        told: bool,
    },
    /// The password, or anything else at the door.
    Refused(Refusal),
    Denied {
        advice: String,
    },
    /// The phone or the code came too late.
    Expired,
    TooManyWrongCodes,
    /// The server ended the session.
    EndedByServer(EndReason),
    /// The gateway cut it and the server could not be asked why.
    CutByGateway(String),
    /// Its time was up and nobody said so.
    TimeUp,
    ServerUnreachable,
    ServerNotTrusted,
    /// Knock after knock, no way in.
    GatewayUnreachable,
    Helper(HelperTrouble),
    /// The server or the gateway did something this version does not understand.
    Broken,
}

impl Why {
    /// For the person, with what to do about it.
    pub fn text(&self) -> String {
        match self {
            Self::SignedOut { told: true } => "signed out".into(),
            Self::SignedOut { told: false } => {
                "signed out here; the server could not be told, and ends the session by itself later".into()
            }
            Self::Refused(refusal) => refusal.text.clone(),
            Self::Denied { advice } => advice.clone(),
            Self::Expired => {
                "the sign-in was not confirmed with your phone in time, or was ended there; sign in again"
                    .into()
            }
            Self::TooManyWrongCodes => "too many wrong codes; sign in again".into(),
            Self::EndedByServer(reason) => ended(reason),
            Self::CutByGateway(said) if said.is_empty() => "ended by the gateway; sign in again".into(),
            Self::CutByGateway(said) => format!("ended by the gateway: {said}"),
            Self::TimeUp => "the session's time is up; sign in again if you need more".into(),
            Self::ServerUnreachable => {
                "the server cannot be reached; check your network and the address given with --url".into()
            }
            Self::ServerNotTrusted => {
                "the server's certificate is not under the CA given with --ca; do not go \
                                       on before your administrator has confirmed the file"
                    .into()
            }
            Self::GatewayUnreachable => {
                "the gateway does not answer; check that your network lets UDP and TCP \
                                         out to it, then sign in again"
                    .into()
            }
            Self::Helper(trouble) => helper(*trouble).into(),
            Self::Broken => {
                "the server answered in a way this version does not understand; update viworks-connect".into()
            }
        }
    }

    /// The note an administrator left, if any.
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::EndedByServer(EndReason::Terminated { note }) if !note.is_empty() => Some(note),
            _ => None,
        }
    }

    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SignedOut { .. } => "signed_out",
            Self::Refused(_) => "refused",
            Self::Denied { .. } => "denied",
            Self::Expired => "expired",
            Self::TooManyWrongCodes => "too_many_wrong_codes",
            Self::EndedByServer(reason) => match reason {
                EndReason::Terminated { .. } => "terminated",
                EndReason::SignedOut => "signed_out",
                EndReason::WindowClosed => "window_closed",
                EndReason::MaximumLength => "maximum_length",
                EndReason::LeaseLost => "lease_lost",
                EndReason::PolicyChanged => "policy_changed",
                EndReason::UserNotActive => "user_not_active",
                EndReason::TooManyWrongAnswers => "too_many_wrong_codes",
                EndReason::DeniedOnPhone => "denied_on_phone",
                EndReason::EpochRaised => "epoch_raised",
                EndReason::SignedInAgain => "signed_in_again",
            },
            Self::CutByGateway(_) => "cut_by_gateway",
            Self::TimeUp => "time_up",
            Self::ServerUnreachable => "server_unreachable",
            Self::ServerNotTrusted => "server_not_trusted",
            Self::GatewayUnreachable => "gateway_unreachable",
            Self::Helper(_) => "helper",
            Self::Broken => "broken",
        }
    }

    /// 0 signed out here; 10 refused; 11 denied; 12 not answered in time or too many wrong codes; 13 ended by
    /// an administrator; 14 its time was up; 15 ended for another reason; 20 server, 21 gateway or 22 helper
    /// cannot be reached; 70 something this version does not understand.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::SignedOut { .. } => 0,
            Self::Refused(_) => 10,
            Self::Denied { .. } => 11,
            Self::Expired | Self::TooManyWrongCodes => 12,
            Self::EndedByServer(EndReason::Terminated { .. }) => 13,
            Self::EndedByServer(EndReason::WindowClosed | EndReason::MaximumLength) | Self::TimeUp => 14,
            Self::EndedByServer(EndReason::TooManyWrongAnswers) => 12,
            Self::EndedByServer(_) | Self::CutByGateway(_) => 15,
            Self::ServerUnreachable | Self::ServerNotTrusted => 20,
            Self::GatewayUnreachable => 21,
            Self::Helper(_) => 22,
            Self::Broken => 70,
        }
    }
}

fn ended(reason: &EndReason) -> String {
    match reason {
        EndReason::Terminated { .. } => "terminated by administrator",
        EndReason::SignedOut => "signed out",
        EndReason::WindowClosed => "the time window of your access has closed",
        EndReason::MaximumLength => {
            "the session has reached its longest length; sign in again if you need more"
        }
        EndReason::LeaseLost => "the gateway lost contact with the server; sign in again",
        EndReason::PolicyChanged => "your access has changed; sign in again",
        EndReason::UserNotActive => "your account is not active; ask your administrator",
        EndReason::TooManyWrongAnswers => "too many wrong codes; sign in again",
        EndReason::DeniedOnPhone => "denied on your phone; if that was not you, tell your administrator",
        EndReason::EpochRaised => "the server was restored from a backup; sign in again",
        EndReason::SignedInAgain => "you signed in again on this desktop",
    }
    .into()
}

const fn helper(trouble: HelperTrouble) -> &'static str {
    match trouble {
        HelperTrouble::NotRunning => {
            "the tunnel helper does not answer; start viworks-tunneld, or give its socket with --tunnel-socket"
        }
        HelperTrouble::NotPermitted => {
            "the tunnel helper does not serve you; your administrator adds you to its group"
        }
        HelperTrouble::Busy => "the tunnel helper serves as many tunnels as it can; close one first",
        HelperTrouble::NoOpenVpn => {
            "the tunnel helper cannot run OpenVPN; install openvpn 2.6 or newer, or give its path with --openvpn"
        }
    }
}
