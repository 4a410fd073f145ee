//! What the session's key may sign for OpenVPN: a TLS 1.3 client's CertificateVerify, and nothing else.
//!
//! The helper runs as root and relays what OpenVPN asks; a helper that was taken over must not be able to have
//! anything else signed (RFC 8446 section 4.4.3: 64 spaces, the context, a zero, the transcript's hash).

const PADDING: [u8; 64] = [b' '; 64];
const CONTEXT: &[u8] = b"TLS 1.3, client CertificateVerify\0";
/// SHA-256 and SHA-384: the hashes of TLS 1.3's cipher suites.
const HASH_LENGTHS: [usize; 2] = [32, 48];

/// Whether `data` is what a TLS 1.3 client signs to prove its certificate's key.
pub fn is_certificate_verify(data: &[u8]) -> bool {
    let hash = data.strip_prefix(&PADDING).and_then(|rest| rest.strip_prefix(CONTEXT));
    hash.is_some_and(|hash| HASH_LENGTHS.contains(&hash.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(context: &[u8], hash: usize) -> Vec<u8> {
        [&PADDING[..], context, &vec![7; hash]].concat()
    }

    #[test]
    fn a_clients_proof_with_either_hash_is_signed() {
        assert!(is_certificate_verify(&data(CONTEXT, 32)));
        assert!(is_certificate_verify(&data(CONTEXT, 48)));
    }

    #[test]
    fn nothing_else_is() {
        assert!(!is_certificate_verify(&data(b"TLS 1.3, server CertificateVerify\0", 32)));
        assert!(!is_certificate_verify(&data(CONTEXT, 31)));
        assert!(!is_certificate_verify(&data(CONTEXT, 64)));
        assert!(!is_certificate_verify(&data(b"", 32)));
        assert!(!is_certificate_verify(&data(CONTEXT, 32)[1..]));
        assert!(!is_certificate_verify(b""));
        assert!(!is_certificate_verify(&[7; 32]));
    }
}
