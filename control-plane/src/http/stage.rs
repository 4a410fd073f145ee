//! What a desktop and a phone may know of a session: neutral words, never which rule fired.

use viworks_api::{desktop::DesktopStage, device::DeviceStage};
use viworks_domain::session::{Session, Stage, Winding};

/// The same for every denial: what to do about it, without telling an attacker what was looked at.
pub const ADVICE: &str = "Access is not possible at the moment. Check that the phone is unlocked, connected and \
                          in an allowed place, then sign in again. If it stays so, ask your administrator.";

pub fn for_desktop(session: &Session) -> DesktopStage {
    let answer_by = session.origin.as_ref().map(|origin| origin.answer_by).unwrap_or_default();
    match &session.stage {
        Stage::Absent | Stage::Expired => DesktopStage::Expired,
        Stage::Challenged => DesktopStage::WaitingForPhone { answer_by },
        Stage::CodeIssued(_) => {
            DesktopStage::CodeRequired { answer_by, wrong_answers_left: session.wrong_answers_left() }
        }
        Stage::Verified(v) => match v.bootstrap.as_ref().and_then(|b| b.admitted).filter(|_| v.connected) {
            Some(address) => DesktopStage::Connected { ends_at: v.ends_at, address },
            None => DesktopStage::Verified { ends_at: v.ends_at },
        },
        // The end is told at once: the receipts are between the gateway and the auditors.
        Stage::Ending(Winding { reason, .. }) | Stage::Ended(reason) => {
            DesktopStage::Ended { reason: reason.clone() }
        }
        Stage::Denied => DesktopStage::Denied { advice: ADVICE.to_owned() },
    }
}

pub fn for_device(session: &Session) -> DeviceStage {
    match &session.stage {
        Stage::Challenged => DeviceStage::Posture,
        Stage::CodeIssued(Some(code)) => {
            DeviceStage::Code { code: code.id, sealed: code.sealed.clone(), expires_at: code.expires_at }
        }
        Stage::CodeIssued(None) => DeviceStage::CodeExpired,
        Stage::Verified(_) => DeviceStage::Verified,
        Stage::Denied => DeviceStage::Denied { advice: ADVICE.to_owned() },
        Stage::Absent | Stage::Ending(_) | Stage::Ended(_) | Stage::Expired => DeviceStage::Over,
    }
}
