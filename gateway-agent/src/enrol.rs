//! `viworks-agent enrol`: makes every key here, sends public halves, keeps what comes back. Root-only files.

use crate::{
    clock,
    config::{BadConfig, Config, Places},
    entropy,
    https::{Https, HttpsError},
    identity::Enrolment,
    runner::scripts,
};
use ed25519_dalek::SigningKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use viworks_api::gateway::{EnrolRequest, EnrolResponse, EnrolmentToken};
use viworks_domain::gateway_bus::SignedKeySet;
use viworks_nats::identity::nkey;
use zeroize::Zeroizing;

#[derive(Clone, Debug, clap::Args)]
pub struct Enrol {
    /// From `viworks gateway invite`; good once, for ten minutes. `-` reads it from standard input.
    #[arg(long)]
    token: String,
    #[arg(long)]
    state: PathBuf,
    /// Becomes the state directory's `agent.toml`.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error("this is not an enrolment token; copy all of it, from `vwgw1.` on")]
    NotAToken,
    #[error("{0} is enrolled already; use another --state, or remove it first")]
    AlreadyEnrolled(PathBuf),
    #[error(transparent)]
    Config(#[from] BadConfig),
    #[error("the control plane did not enrol this gateway")]
    Https(#[from] HttpsError),
    #[error("keys cannot be made")]
    Keys(#[from] rcgen::Error),
    #[error("keys cannot be made")]
    Entropy(#[from] entropy::NoEntropy),
    #[error("keys cannot be made")]
    BusKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer makes no sense: {0}")]
    BadAnswer(&'static str),
    #[error("{file}: {source}")]
    Io { file: PathBuf, source: io::Error },
}

fn at(file: &Path) -> impl FnOnce(io::Error) -> EnrolError + '_ {
    move |source| EnrolError::Io { file: file.to_path_buf(), source }
}

/// # Errors
/// Before it has asked, nothing is written but the directory; after a refusal, nothing is kept.
pub async fn run(enrol: &Enrol) -> Result<(), EnrolError> {
    let text = match enrol.token.as_str() {
        "-" => io::read_to_string(io::stdin()).map_err(at(Path::new("standard input")))?,
        text => text.to_owned(),
    };
    let token = EnrolmentToken::parse(text.trim()).map_err(|_| EnrolError::NotAToken)?;
    let places = Places::new(&enrol.state);
    if places.keys().exists() {
        return Err(EnrolError::AlreadyEnrolled(enrol.state.clone()));
    }
    let config = read_config(enrol)?;
    let keys = Keys::make()?;

    let https_ca = Https::fetch_ca(&token.url, &token.ca.0).await?;
    let https = Https::new(&token.url, &https_ca)?;
    let request = keys.request(&token)?;
    let response: EnrolResponse = https.post("/v1/gateways/enrol", &entropy::bytes()?, &request).await?;
    if response.gateway != token.gateway {
        return Err(EnrolError::BadAnswer("it is for another gateway"));
    }
    let root = response.root_key.array::<32>();
    let root = root.and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(&key).ok());
    let signed: Option<&SignedKeySet> = Some(&response.keys);
    let vouched = root.zip(signed).and_then(|(root, keys)| keys.verify(&root, clock::now()));
    if vouched.is_none() {
        return Err(EnrolError::BadAnswer("its keys are not vouched for by its root"));
    }

    let gateway = response.gateway;
    let enrolment = Enrolment { url: token.url, https_ca, response };
    let enrolment = serde_json::to_vec(&enrolment).map_err(|_| EnrolError::BadAnswer("it cannot be kept"))?;
    keep(&places, &keys, &enrolment, config.as_ref())?;
    tracing::info!(%gateway, "enrolled");
    Ok(())
}

/// Refused before the token is spent.
fn read_config(enrol: &Enrol) -> Result<Option<(String, Config)>, EnrolError> {
    let Some(path) = &enrol.config else { return Ok(None) };
    let checked = Config::read(path, &enrol.state)?;
    let text = fs::read_to_string(path).map_err(at(path))?;
    Ok(Some((text, checked.config)))
}

struct Keys {
    bus: nkey::KeyPair,
    bus_tls: KeyPair,
    tls: KeyPair,
    vpn: KeyPair,
    opening: p256::SecretKey,
    report: SigningKey,
}

impl Keys {
    fn make() -> Result<Self, EnrolError> {
        let pair = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        let opening = loop {
            // All but one in 2^32 are valid scalars.
            if let Ok(key) = p256::SecretKey::from_slice(&*Zeroizing::new(entropy::bytes::<32>()?)) {
                break key;
            }
        };
        Ok(Self {
            bus: nkey::KeyPair::generate(nkey::Kind::User).map_err(|e| EnrolError::BusKey(Box::new(e)))?,
            bus_tls: pair()?,
            tls: pair()?,
            vpn: pair()?,
            opening,
            report: SigningKey::from_bytes(&entropy::bytes()?),
        })
    }

    fn request(&self, token: &EnrolmentToken) -> Result<EnrolRequest, EnrolError> {
        let csr = |key: &KeyPair| -> Result<Vec<u8>, rcgen::Error> {
            let mut params = CertificateParams::new(vec![])?;
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, token.gateway.to_string());
            Ok(params.serialize_request(key)?.der().to_vec())
        };
        Ok(EnrolRequest {
            gateway: token.gateway,
            secret: token.secret.clone(),
            bus_user: self.bus.public(),
            bus_csr: csr(&self.bus_tls)?.into(),
            tls_csr: csr(&self.tls)?.into(),
            vpn_csr: csr(&self.vpn)?.into(),
            opening_key: self.opening.public_key().to_sec1_point(false).as_bytes().to_vec().into(),
            report_key: self.report.verifying_key().as_bytes().to_vec().into(),
        })
    }
}

fn keep(
    places: &Places,
    keys: &Keys,
    enrolment: &[u8],
    config: Option<&(String, Config)>,
) -> Result<(), EnrolError> {
    let dir =
        |path: &Path, mode| fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(at(path));
    dir(&places.state, 0o755)?;
    dir(&places.keys(), 0o700)?;
    if let Some((text, config)) = config {
        write(&places.config(), text.as_bytes(), 0o644)?;
        if let Some(dir) = &config.scripts {
            let list = allow_list(dir).map_err(at(dir))?;
            write(&places.scripts(), list.as_bytes(), 0o644)?;
        }
    }
    let opening = Zeroizing::new(<[u8; 32]>::from(keys.opening.to_bytes()));
    for (name, secret) in [
        ("bus.seed", keys.bus.seed().as_bytes()),
        ("bus.key", keys.bus_tls.serialize_pem().as_bytes()),
        ("tls.key", keys.tls.serialize_pem().as_bytes()),
        ("vpn.key", keys.vpn.serialize_pem().as_bytes()),
        ("opening.key", &opening[..]),
        ("report.key", keys.report.as_bytes()),
        // Last: its presence is what says "enrolled".
        ("enrolment.json", enrolment),
    ] {
        write(&places.keys().join(name), secret, 0o600)?;
    }
    Ok(())
}

/// `scripts.toml` for the scripts of a directory, as they are now.
fn allow_list(dir: &Path) -> io::Result<String> {
    let mut text = String::from("# Which scripts the agent may run, and what each must be to the byte.\n");
    for name in ["vpn-user", "panel-user"] {
        let path = std::path::absolute(dir.join(name))?;
        let digest = scripts::digest(&fs::read(&path)?);
        text.push_str(&format!(
            "\n[{name}]\npath = {:?}\nsha256 = \"{digest}\"\n",
            path.display().to_string()
        ));
    }
    Ok(text)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), EnrolError> {
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    written.map_err(at(path))
}
