//! From a QR code to an enrolled phone.

use crate::key::{DeviceKey, KeyFault, public_halves, signed};
use sha2::{Digest as _, Sha256};
use viworks_api::{
    device::{EnrolRequest, EnrolmentPayload},
    token::InvalidToken,
};
use viworks_domain::{
    device::enrolment_input,
    ids::{DeviceId, Digest},
};

/// What a QR code asks this phone to do.
pub struct Enrolment(EnrolmentPayload);

impl Enrolment {
    /// # Errors
    /// The text is not an enrolment's.
    pub fn from_text(text: &str) -> Result<Self, InvalidToken> {
        let payload = EnrolmentPayload::parse(text)?;
        let whole = payload.ca.0.len() == 32 && payload.secret.0.len() == 32;
        if whole { Ok(Self(payload)) } else { Err(InvalidToken) }
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// SHA-256 of the one CA to believe there.
    pub fn ca_fingerprint(&self) -> &[u8] {
        &self.0.ca.0
    }

    pub const fn device(&self) -> DeviceId {
        self.0.device
    }

    /// What to send: proof that this phone holds both keys' public halves' private ones, bound to the offer.
    ///
    /// # Errors
    /// The platform did not sign, or signed wrongly.
    pub fn request(&self, key: &impl DeviceKey) -> Result<EnrolRequest, KeyFault> {
        let secret = Digest(Sha256::digest(&self.0.secret.0).into());
        let keys = public_halves(key);
        let signature = signed(key, &enrolment_input(self.0.offer, secret, &keys))?;
        Ok(EnrolRequest {
            device: self.0.device,
            offer: self.0.offer,
            secret,
            sign_key: keys.sign.into(),
            agree_key: keys.agree.into(),
            protection: keys.protection,
            signature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::tests::{How, plain};
    use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
    use viworks_domain::ids::OfferId;

    fn payload() -> EnrolmentPayload {
        EnrolmentPayload {
            url: "https://10.0.0.1:8443".into(),
            ca: vec![1; 32].into(),
            device: DeviceId([2; 16]),
            offer: OfferId([3; 16]),
            secret: vec![4; 32].into(),
        }
    }

    #[test]
    fn the_request_proves_the_keys_and_never_carries_the_secret_itself() {
        let enrolment = Enrolment::from_text(&payload().to_text()).expect("an enrolment");
        let key = plain(How::Der);
        let request = enrolment.request(&key).expect("signed");
        assert_eq!(request.secret, Digest(Sha256::digest([4; 32]).into()));

        let input = enrolment_input(request.offer, request.secret, &public_halves(&key));
        let signature = Signature::from_slice(&request.signature.0).expect("64 bytes");
        let public = VerifyingKey::from_sec1_bytes(&request.sign_key.0).expect("a key");
        public.verify(&input, &signature).expect("verifies");
    }

    #[test]
    fn a_text_that_is_not_whole_enrols_nothing() {
        let short = EnrolmentPayload { secret: vec![4; 31].into(), ..payload() };
        for wrong in ["", "vwqr1.", "vwgw1.e30", "https://example.org", &short.to_text()] {
            assert!(Enrolment::from_text(wrong).is_err(), "{wrong}");
        }
    }
}
