//! Four certificate authorities, so that each verifier trusts exactly one: https, bus (servers and clients),
//! gateway servers, session clients. A certificate is not admission: what it admits to is decided elsewhere,
//! by the key in it.
//!
//! A request's own names and extensions are never copied: only its key counts, once it has signed the request.

use crate::{
    entropy,
    state::{StateDir, StateError},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use std::{net::IpAddr, time::Duration};
use viworks_domain::{
    Millis,
    ids::{Digest, GatewayId, SessionId},
};
use zeroize::Zeroizing;

/// The authorities outlive what they sign by far; replacing one means enrolling everything again.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Servers and bus clients: renewed by hand in this version, so a year and a month (the browsers' old 398 days).
pub const SERVER_LIFETIME: Duration = Duration::from_secs(398 * 86_400);
/// Clocks of desktops and gateways differ; what is issued now must be valid on one that is a little behind.
const BACKDATE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the certificate request is not one: PKCS #10, P-256, signed by its own key")]
    BadRequest,
    #[error("{0:?} is neither a host name nor an address")]
    BadName(String),
    #[error("the certificate cannot be made")]
    Fault(#[from] rcgen::Error),
}

/// Which authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Https,
    Bus,
    Gateway,
    Session,
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Bus => "bus",
            Self::Gateway => "gateway",
            Self::Session => "session",
        }
    }
}

/// One authority: its certificate, and the key that signs.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate made from a request.
#[derive(Clone, Debug)]
pub struct Issued {
    pub pem: String,
    /// SHA-256 of the certificate, DER: OpenVPN's `tls_digest_sha256_0`.
    pub fingerprint: Digest,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub key: Digest,
}

/// A certificate with the key that was made for it here.
pub struct Identity {
    pub certificate: String,
    pub key: Zeroizing<String>,
}

/// What a certificate is for; its holder can use it for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Server,
    Client,
}

impl Authority {
    /// Makes a new one, with its key in PEM.
    pub fn make(name: Name, now: Millis) -> Result<(Self, Zeroizing<String>), CaError> {
        let key = KeyPair::generate()?;
        let secret = Zeroizing::new(key.serialize_pem());
        let mut params = params(&format!("ViWorkS {} CA", name.as_str()), now, now.plus(AUTHORITY_LIFETIME));
        // No authority below: path length 0.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Ok((Self { pem, der, issuer: Issuer::new(params, key) }, secret))
    }

    pub fn load(state: &StateDir, name: Name) -> Result<Self, CaError> {
        let name = name.as_str();
        let pem = read_certificate(state, &format!("ca/{name}.pem"))?;
        let key = KeyPair::from_pem(&state.text(&format!("ca/{name}.key"))?)?;
        let der = first_certificate(&pem).ok_or_else(|| unreadable(state, &format!("ca/{name}.pem")))?;
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Self { pem, der, issuer })
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    #[cfg(test)]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// SHA-256 of the certificate: what tokens and QR codes carry.
    pub fn fingerprint(&self) -> Digest {
        Digest(Sha256::digest(&self.der).into())
    }

    /// For one session's desktop: subject and only name is the session, until the session's end.
    pub fn session_client(
        &self,
        csr: &[u8],
        session: SessionId,
        now: Millis,
        ends_at: Millis,
    ) -> Result<Issued, CaError> {
        self.sign(csr, &session.to_string(), &[], Use::Client, now, ends_at)
    }

    /// For a gateway's edge or its OpenVPN. Clients pin the key; the name is the gateway's id.
    pub fn gateway_server(&self, csr: &[u8], gateway: GatewayId, now: Millis) -> Result<Issued, CaError> {
        let name = gateway.to_string();
        let names = [format!("{name}.gateway.viworks.internal")];
        self.sign(csr, &name, &names, Use::Server, now, now.plus(SERVER_LIFETIME))
    }

    /// For a gateway's connection to the bus; what it may do there, its JWT says.
    pub fn bus_client(&self, csr: &[u8], gateway: GatewayId, now: Millis) -> Result<Issued, CaError> {
        self.sign(csr, &gateway.to_string(), &[], Use::Client, now, now.plus(SERVER_LIFETIME))
    }

    /// A server's certificate with a key made here, for these host names and addresses.
    pub fn server_identity(&self, names: &[String], now: Millis) -> Result<Identity, CaError> {
        let common = names.first().map_or("viworks", String::as_str);
        self.identity(common, names, Use::Server, now)
    }

    /// A client's certificate with a key made here: the control plane's own roles on the bus.
    pub fn client_identity(&self, name: &str, now: Millis) -> Result<Identity, CaError> {
        self.identity(name, &[], Use::Client, now)
    }

    fn identity(&self, common: &str, names: &[String], to: Use, now: Millis) -> Result<Identity, CaError> {
        let key = KeyPair::generate()?;
        let params = leaf(common, names, to, now, now.plus(SERVER_LIFETIME))?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }

    fn sign(
        &self,
        csr: &[u8],
        common: &str,
        names: &[String],
        to: Use,
        now: Millis,
        not_after: Millis,
    ) -> Result<Issued, CaError> {
        let request =
            CertificateSigningRequestParams::from_der(&csr.into()).map_err(|_| CaError::BadRequest)?;
        let key = request.public_key;
        // The request says which curve its signature is for; the point itself is checked as well.
        let on_curve = p256::PublicKey::from_sec1_bytes(key.der_bytes()).is_ok();
        if key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 || !on_curve {
            return Err(CaError::BadRequest);
        }
        let certificate = leaf(common, names, to, now, not_after)?.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            pem: certificate.pem(),
            fingerprint: Digest(Sha256::digest(certificate.der()).into()),
            key: Digest(Sha256::digest(key.subject_public_key_info()).into()),
        })
    }
}

/// All four.
#[derive(Debug)]
pub struct Authorities {
    pub https: Authority,
    pub bus: Authority,
    pub gateway: Authority,
    pub session: Authority,
}

impl Authorities {
    /// Makes them and writes them down.
    pub fn make(state: &StateDir, now: Millis) -> Result<Self, CaError> {
        let make = |name: Name| -> Result<Authority, CaError> {
            let (authority, key) = Authority::make(name, now)?;
            state.add_public(&format!("ca/{}.pem", name.as_str()), authority.pem.as_bytes())?;
            state.add(&format!("ca/{}.key", name.as_str()), key.as_bytes())?;
            Ok(authority)
        };
        Ok(Self {
            https: make(Name::Https)?,
            bus: make(Name::Bus)?,
            gateway: make(Name::Gateway)?,
            session: make(Name::Session)?,
        })
    }

    pub fn load(state: &StateDir) -> Result<Self, CaError> {
        Ok(Self {
            https: Authority::load(state, Name::Https)?,
            bus: Authority::load(state, Name::Bus)?,
            gateway: Authority::load(state, Name::Gateway)?,
            session: Authority::load(state, Name::Session)?,
        })
    }
}

/// The first certificate in a PEM text.
pub fn first_certificate(pem: &str) -> Option<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

/// Certificates are public; their files need not be closed.
pub fn read_certificate(state: &StateDir, name: &str) -> Result<String, CaError> {
    let path = state.at(name);
    std::fs::read_to_string(&path).map_err(|source| StateError::Io { verb: "read", path, source }.into())
}

fn unreadable(state: &StateDir, name: &str) -> CaError {
    StateError::Unreadable { path: state.at(name), problem: "no certificate in it" }.into()
}

fn params(common: &str, now: Millis, not_after: Millis) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common);
    params.distinguished_name = subject;
    let at = |millis: Millis| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(millis.0);
    params.not_before = at(now.minus(BACKDATE));
    params.not_after = at(not_after);
    // RFC 5280: positive, at most 20 octets; 127 random bits.
    let mut serial = entropy::bytes::<16>();
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn leaf(
    common: &str,
    names: &[String],
    to: Use,
    now: Millis,
    not_after: Millis,
) -> Result<CertificateParams, CaError> {
    let mut params = params(common, now, not_after);
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => {
                let text = name.clone().try_into().map_err(|_| CaError::BadName(name.clone()))?;
                Ok(SanType::DnsName(text))
            }
        })
        .collect::<Result<_, CaError>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match to {
        Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

#[cfg(test)]
mod tests;
