//! What the phone says of itself, signed for one session and one desktop.

use crate::key::{DeviceKey, KeyFault, signed};
use viworks_api::device::{PostureRequest, WaitingSession};
use viworks_domain::{bytes, otp, policy::PostureValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReport {
    #[error("the server's question is not one this version understands")]
    BadChallenge,
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// The report about `values` for this session, signed over its id, its challenge and the desktop's key. The
/// keys' protection is the platform's to say, whatever `values` claims.
///
/// # Errors
/// The challenge is not 32 bytes, or the platform did not sign.
pub fn report(
    session: &WaitingSession,
    values: PostureValues,
    key: &impl DeviceKey,
) -> Result<PostureRequest, NoReport> {
    let challenge = session.challenge.array::<32>().ok_or(NoReport::BadChallenge)?;
    let report = bytes::encode(&PostureValues { key_protection: key.protection(), ..values });
    let input = otp::posture_input(session.session, &challenge, session.desktop_key, &report);
    let signature = signed(key, &input)?;
    Ok(PostureRequest { report: report.into(), signature })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::tests::{How, plain};
    use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
    use viworks_api::device::DeviceStage;
    use viworks_domain::{
        Millis,
        ids::{Digest, SessionId},
        policy::KeyProtection,
    };

    pub(crate) fn waiting(stage: DeviceStage) -> WaitingSession {
        WaitingSession {
            session: SessionId([1; 16]),
            stage,
            challenge: vec![2; 32].into(),
            desktop_key: Digest([3; 32]),
            desktop_name: "ada's laptop".into(),
            from: "10.77.0.11".into(),
            answer_by: Millis(1_000_000),
        }
    }

    pub(crate) fn values() -> PostureValues {
        PostureValues {
            reported_at: Millis(5),
            os: "Debian".into(),
            os_version: "12".into(),
            network_country: "AU".parse().ok(),
            sim_country: None,
            rooted: false,
            emulator: false,
            screen_lock: true,
            key_protection: KeyProtection::Hardware,
        }
    }

    #[test]
    fn a_report_is_signed_over_session_challenge_and_desktop() {
        let session = waiting(DeviceStage::Posture);
        let key = plain(How::Raw);
        let request = report(&session, values(), &key).expect("a report");
        let public = VerifyingKey::from_sec1_bytes(&key.sign_key()).expect("a key");
        let signature = Signature::from_slice(&request.signature.0).expect("64 bytes");
        let over = |session: u8, challenge: u8, desktop: u8| {
            let input = otp::posture_input(
                SessionId([session; 16]),
                &[challenge; 32],
                Digest([desktop; 32]),
                &request.report.0,
            );
            public.verify(&input, &signature).is_ok()
        };
        assert!(over(1, 2, 3));
        assert!(!over(9, 2, 3) && !over(1, 9, 3) && !over(1, 2, 9));
    }

    #[test]
    fn the_platform_says_how_its_keys_are_guarded_and_not_the_values() {
        let session = waiting(DeviceStage::Posture);
        let request = report(&session, values(), &plain(How::Raw)).expect("a report");
        let read: PostureValues = bytes::decode(&request.report.0).expect("values");
        assert_eq!(read, PostureValues { key_protection: KeyProtection::File, ..values() });
    }

    #[test]
    fn a_challenge_of_another_length_is_not_answered() {
        let session = WaitingSession { challenge: vec![2; 31].into(), ..waiting(DeviceStage::Posture) };
        assert_eq!(report(&session, values(), &plain(How::Raw)), Err(NoReport::BadChallenge));
    }
}
