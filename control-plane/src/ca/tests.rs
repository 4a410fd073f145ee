use super::*;
use crate::clock;
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{ServerName, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use std::sync::Arc;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const SESSION: SessionId = SessionId([5; 16]);

fn authority(name: Name) -> Authority {
    Authority::make(name, clock::now()).expect("made").0
}

fn request(change: impl FnOnce(&mut CertificateParams)) -> (Vec<u8>, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    change(&mut params);
    (params.serialize_request(&key).expect("a request").der().to_vec(), key)
}

fn der(pem: &str) -> CertificateDer<'static> {
    first_certificate(pem).expect("a certificate")
}

fn clients_of(authority: &Authority) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier")
}

fn servers_of(authority: &Authority) -> Arc<WebPkiServerVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier")
}

fn at(millis: Millis) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(millis.0))
}

#[test]
fn a_session_certificate_is_for_its_session_and_key_until_its_end() {
    let authority = authority(Name::Session);
    let (csr, key) = request(|_| ());
    let now = clock::now();
    let ends = now.plus(Duration::from_secs(600));
    let issued = authority.session_client(&csr, SESSION, now, ends).expect("signed");

    let der = der(&issued.pem);
    let (_, parsed) = X509Certificate::from_der(&der).expect("parses");
    assert_eq!(parsed.subject().to_string(), format!("CN={SESSION}"));
    assert_eq!(parsed.validity().not_after.timestamp().cast_unsigned(), ends.0 / 1000);
    assert_eq!(issued.fingerprint, Digest(Sha256::digest(&der).into()));
    assert_eq!(issued.key, Digest(Sha256::digest(key.subject_public_key_info()).into()));

    let verifier = clients_of(&authority);
    assert!(verifier.verify_client_cert(&der, &[], at(now)).is_ok());
    assert!(verifier.verify_client_cert(&der, &[], at(ends.plus(Duration::from_secs(2)))).is_err());
}

#[test]
fn no_verifier_accepts_another_authoritys_certificates() {
    let (session, bus) = (authority(Name::Session), authority(Name::Bus));
    let (csr, _) = request(|_| ());
    let now = clock::now();
    let issued = session.session_client(&csr, SESSION, now, now.plus(SERVER_LIFETIME)).expect("signed");
    assert!(clients_of(&bus).verify_client_cert(&der(&issued.pem), &[], at(now)).is_err());
}

#[test]
fn a_client_certificate_serves_nothing() {
    let authority = authority(Name::Gateway);
    let (csr, _) = request(|_| ());
    let now = clock::now();
    let client = authority.bus_client(&csr, GatewayId([1; 16]), now).expect("signed");
    let server = authority.gateway_server(&csr, GatewayId([1; 16]), now).expect("signed");
    let name =
        ServerName::try_from(format!("{}.gateway.viworks.internal", GatewayId([1; 16]))).expect("a name");
    let verifier = servers_of(&authority);
    assert!(verifier.verify_server_cert(&der(&server.pem), &[], &name, &[], at(now)).is_ok());
    assert!(verifier.verify_server_cert(&der(&client.pem), &[], &name, &[], at(now)).is_err());
    assert!(clients_of(&authority).verify_client_cert(&der(&server.pem), &[], at(now)).is_err());
}

#[test]
fn a_requests_own_names_and_extensions_are_ignored() {
    let authority = authority(Name::Session);
    let (csr, _) = request(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.subject_alt_names = vec![SanType::DnsName("viworks.example".try_into().expect("a name"))];
        params.distinguished_name.push(DnType::CommonName, "admin");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let now = clock::now();
    let issued = authority.session_client(&csr, SESSION, now, now.plus(SERVER_LIFETIME)).expect("signed");
    let der = der(&issued.pem);
    let (_, parsed) = X509Certificate::from_der(&der).expect("parses");
    assert!(!parsed.is_ca());
    assert!(parsed.subject_alternative_name().expect("readable").is_none());
    assert_eq!(parsed.subject().to_string(), format!("CN={SESSION}"));
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let authority = authority(Name::Session);
    let (csr, _) = request(|_| ());
    let now = clock::now();
    // Every byte counts: the key, the names and the signature are all covered or are the signature itself.
    for byte in [csr.len() / 3, csr.len() / 2, csr.len() - 3] {
        let mut forged = csr.clone();
        forged[byte] ^= 1;
        let signed = authority.session_client(&forged, SESSION, now, now.plus(SERVER_LIFETIME));
        assert!(matches!(signed, Err(CaError::BadRequest)), "byte {byte}");
    }
    assert!(authority.session_client(b"nonsense", SESSION, now, now).is_err());
}

#[test]
fn a_request_for_another_kind_of_key_is_refused() {
    let authority = authority(Name::Session);
    let now = clock::now();
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let csr = CertificateParams::default().serialize_request(&key).expect("a request").der().to_vec();
        let signed = authority.session_client(&csr, SESSION, now, now.plus(SERVER_LIFETIME));
        assert!(matches!(signed, Err(CaError::BadRequest)));
    }
}

#[test]
fn authorities_are_read_back_and_still_sign() {
    let temp = tempfile::tempdir().expect("a directory");
    let state = StateDir::make(&temp.path().join("state")).expect("made");
    let made = Authorities::make(&state, clock::now()).expect("made");
    let read = Authorities::load(&state).expect("read");
    assert_eq!(made.https.fingerprint(), read.https.fingerprint());
    let names = ["localhost".to_owned(), "10.77.0.1".to_owned()];
    let server = read.https.server_identity(&names, clock::now()).expect("made");
    for name in ["localhost", "10.77.0.1"] {
        let name = ServerName::try_from(name).expect("a name");
        let verified = servers_of(&made.https).verify_server_cert(
            &der(&server.certificate),
            &[],
            &name,
            &[],
            at(clock::now()),
        );
        assert!(verified.is_ok(), "{name:?}: {verified:?}");
    }
}
