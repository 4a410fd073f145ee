//! The sender's half of sealed boxes: HPKE base mode (RFC 9180), which needs randomness and so is the shell's.

use hpke::{
    Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::DhP256HkdfSha256,
};
use viworks_domain::{label::Label, seal::SealedBox};

/// The receiver's key is no point of P-256: it was checked at enrolment, so this is a fault.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the receiver's public key is unusable")]
pub struct UnusableKey;

/// `receiver`: uncompressed SEC 1, 65 bytes.
pub fn seal(receiver: &[u8], label: Label, aad: &[u8], plain: &[u8]) -> Result<SealedBox, UnusableKey> {
    let receiver =
        <DhP256HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(receiver).map_err(|_| UnusableKey)?;
    let (enc, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, DhP256HkdfSha256>(
        &OpModeS::Base,
        &receiver,
        label.as_bytes(),
        plain,
        aad,
    )
    .map_err(|_| UnusableKey)?;
    Ok(SealedBox { enc: enc.to_bytes().to_vec(), ciphertext })
}
