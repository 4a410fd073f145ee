//! From what the server says to what the person sees and may do.

use crate::{
    code::{self, NoCode, ShownCode},
    key::DeviceKey,
};
use viworks_api::device::{DeviceStage, DeviceView, WaitingSession};
use viworks_domain::ids::DeviceId;

/// What stands on the phone's screen.
#[derive(Debug)]
pub enum Screen<'a> {
    /// Nobody asks for this phone.
    Idle,
    /// Somebody signs in: show who and from where; report, or say that this is not you.
    Asked(&'a WaitingSession),
    Code(&'a WaitingSession, ShownCode),
    /// Another code may be asked for.
    CodeExpired(&'a WaitingSession),
    /// The code was typed: nothing more to do here.
    Verified,
    /// Neutral, with what the person can do about it.
    Denied {
        advice: &'a str,
    },
    Over,
}

/// # Errors
/// A code that does not open: shown to nobody.
pub fn look<'a>(view: &'a DeviceView, device: DeviceId, key: &impl DeviceKey) -> Result<Screen<'a>, NoCode> {
    let Some(session) = &view.session else { return Ok(Screen::Idle) };
    Ok(match &session.stage {
        DeviceStage::Posture => Screen::Asked(session),
        DeviceStage::Code { code, sealed, expires_at } => {
            Screen::Code(session, code::open(session.session, device, *code, sealed, *expires_at, key)?)
        }
        DeviceStage::CodeExpired => Screen::CodeExpired(session),
        DeviceStage::Verified => Screen::Verified,
        DeviceStage::Denied { advice } => Screen::Denied { advice },
        DeviceStage::Over => Screen::Over,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::tests::sealed,
        key::tests::{How, plain},
        posture::tests::waiting,
    };
    use viworks_domain::{Millis, ids::CodeId, otp};

    const DEVICE: DeviceId = DeviceId([2; 16]);

    #[test]
    fn a_code_is_shown_beside_the_desktop_that_asks() {
        let (key, code, expires_at) = (plain(How::Raw), CodeId([7; 16]), Millis(9_000));
        let session = waiting(DeviceStage::Posture);
        let boxed = sealed(&key, b"001234", &otp::sealed_aad(session.session, DEVICE, code, expires_at));
        let stage = DeviceStage::Code { code, sealed: boxed, expires_at };
        let view = DeviceView { seq: 1, session: Some(waiting(stage)) };
        match look(&view, DEVICE, &key).expect("a screen") {
            Screen::Code(session, code) => {
                assert_eq!((session.desktop_name.as_str(), code.text()), ("ada's laptop", "001234"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_other_stage_has_its_screen() {
        let key = plain(How::Raw);
        let shown = |stage| {
            let view = DeviceView { seq: 1, session: Some(waiting(stage)) };
            format!("{:?}", look(&view, DEVICE, &key).expect("a screen"))
        };
        assert!(shown(DeviceStage::Posture).starts_with("Asked"));
        assert!(shown(DeviceStage::CodeExpired).starts_with("CodeExpired"));
        assert_eq!(shown(DeviceStage::Verified), "Verified");
        assert_eq!(shown(DeviceStage::Over), "Over");
        assert!(shown(DeviceStage::Denied { advice: "ask".into() }).contains("ask"));
        let idle = DeviceView { seq: 1, session: None };
        assert!(matches!(look(&idle, DEVICE, &key), Ok(Screen::Idle)));
    }
}
