//! `viworks init`: everything that has to exist before nats-server and `viworks serve` can start, made in one
//! step: a directory is either whole or not there.

use crate::{
    ca::{Authorities, CaError},
    clock, config, entropy,
    gateway_trust::{self, GatewayTrust, TrustError},
    keys::{self, Keys, RootKey},
    log_identity,
    state::{StateDir, StateError},
};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use viworks_domain::{Millis, aggregate::LogIdentity, ids::LogId};
use viworks_nats::{
    conf::{self, Conf},
    identity::{
        operator::{Operator, OperatorSecrets},
        role::BusRole,
    },
};

/// The bus operator's secrets: what `serve` mints gateways' accounts with.
pub const BUS_OPERATOR_FILE: &str = "nats/operator.json";
/// The https CA's certificate, for clients.
pub const CA_FILE: &str = "ca.pem";
/// `nats-server -c` this.
pub const NATS_CONF: &str = "nats/nats.conf";

/// Streams may take this much disk; the server stops accepting there instead of filling the machine.
const MAX_FILE_STORE: u64 = 64 * 1024 * 1024 * 1024;

/// One client certificate on the bus for the whole node; what each role may do, its credentials say.
pub const BUS_CERTIFICATE: &str = "nats/node.pem";
pub const BUS_KEY: &str = "nats/node.key";

/// All that an auditor needs to read the log, from this machine or another, and nothing that can write to it:
/// `viworks-replay` finds it here.
pub const AUDIT_CA: &str = "audit/bus-ca.pem";
pub const AUDIT_CERTIFICATE: &str = "audit/reader.pem";
pub const AUDIT_KEY: &str = "audit/reader.key";
pub const AUDIT_CREDENTIALS: &str = "audit/reader.creds";

pub const HTTPS_CERTIFICATE: &str = "tls/https.pem";
pub const HTTPS_KEY: &str = "tls/https.key";

#[derive(Clone, Debug)]
pub struct Options {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub public_url: String,
    pub nats_listen: SocketAddr,
    /// `host:port` each.
    pub advertise_nats: Vec<String>,
}

/// What was made, for people and for programs.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    pub data: PathBuf,
    pub config: PathBuf,
    /// The https CA's certificate: clients need this file.
    pub ca: PathBuf,
    /// Its SHA-256, hexadecimal.
    pub ca_fingerprint: String,
    pub nats_conf: PathBuf,
    pub log_id: String,
    /// To be taken off this machine.
    pub gateway_root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} is not empty; give a directory that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    BadOptions(Vec<String>),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the bus's identities cannot be made")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot put {} in place", .0.display())]
    Place(PathBuf, #[source] std::io::Error),
}

/// # Errors
/// Wrong options, a directory that holds something, or the disk.
pub fn run(options: &Options) -> Result<Made, InitError> {
    check(options)?;
    let data = absolute(&options.data)?;
    if fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(InitError::NotEmpty(data));
    }
    let parent = data.parent().unwrap_or(Path::new("/")).to_owned();
    fs::create_dir_all(&parent).map_err(|error| InitError::Place(parent.clone(), error))?;
    let draft = parent.join(format!(".viworks-init-{:x}", u64::from_be_bytes(entropy::bytes())));
    let state = StateDir::make(&draft)?;
    let made = fill(&state, &data, options, clock::now()).and_then(|made| {
        // Over an empty directory or nothing: rename(2) does either in one step.
        fs::rename(&draft, &data).map_err(|error| InitError::Place(data.clone(), error))?;
        Ok(made)
    });
    if made.is_err() {
        // What is half made holds keys of nobody; nothing depends on it.
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

fn fill(state: &StateDir, data: &Path, options: &Options, now: Millis) -> Result<Made, InitError> {
    let root = RootKey::from_bytes(entropy::bytes());
    state.add(keys::ROOT_FILE, root.to_text().as_bytes())?;
    let keys = Keys::derive(&root);
    GatewayTrust::make(state, &keys.gateway_commands.verifying_key(), now)?;

    let log = LogIdentity { log_id: LogId(entropy::bytes()), epoch: 1 };
    log_identity::write(state, log)?;

    let authorities = Authorities::make(state, now)?;
    state.add_public(CA_FILE, authorities.https.pem().as_bytes())?;
    let names = config::Config::https_names(options.listen, &options.public_url);
    let https = authorities.https.server_identity(&names, now)?;
    state.add_public(HTTPS_CERTIFICATE, https.certificate.as_bytes())?;
    state.add(HTTPS_KEY, https.key.as_bytes())?;

    bus(state, data, options, &authorities, now)?;

    let initial = config::Initial {
        listen: options.listen,
        public_url: options.public_url.trim_end_matches('/').to_owned(),
        bus_url: format!("tls://{}", reachable(options.nats_listen)),
        advertise: advertised(options).iter().map(|address| format!("tls://{address}")).collect(),
    };
    state.add(config::FILE, initial.to_toml().as_bytes())?;
    StateDir::make(&state.at("db"))?;

    Ok(Made {
        data: data.to_owned(),
        config: data.join(config::FILE),
        ca: data.join(CA_FILE),
        ca_fingerprint: data_encoding::HEXLOWER.encode(&authorities.https.fingerprint().0),
        nats_conf: data.join(NATS_CONF),
        log_id: log.log_id.to_string(),
        gateway_root: data.join(gateway_trust::ROOT_FILE),
    })
}

/// The server's configuration and certificates, the operator's secrets, and one file of credentials per role.
fn bus(
    state: &StateDir,
    data: &Path,
    options: &Options,
    authorities: &Authorities,
    now: Millis,
) -> Result<(), InitError> {
    let secrets = OperatorSecrets::generate().map_err(bus_error)?;
    let operator = Operator::new(&secrets).map_err(bus_error)?;
    let text = zeroize::Zeroizing::new(serde_json::to_vec_pretty(&secrets).map_err(bus_error)?);
    state.add(BUS_OPERATOR_FILE, &text)?;

    let mut names = vec![reachable(options.nats_listen).ip().to_string()];
    names.extend(advertised(options).iter().map(|address| host(address).to_owned()));
    names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    names.sort();
    names.dedup();
    let server = authorities.bus.server_identity(&names, now)?;
    let conf = Conf {
        listen: options.nats_listen,
        certificate_pem: server.certificate,
        key_pem: server.key.to_string(),
        client_ca_pem: authorities.bus.pem().to_owned(),
        trust: operator.server_trust(now).map_err(bus_error)?,
        max_file_store: MAX_FILE_STORE,
    };
    conf::write(&state.at("nats"), &conf).map_err(bus_error)?;
    // The paths in it are those of where the directory will be.
    state.replace(NATS_CONF, conf::text(&data.join("nats"), &conf).as_bytes())?;

    let node = authorities.bus.client_identity("control-plane", now)?;
    state.add_public(BUS_CERTIFICATE, node.certificate.as_bytes())?;
    state.add(BUS_KEY, node.key.as_bytes())?;

    let auditor = authorities.bus.client_identity("auditor", now)?;
    state.add_public(AUDIT_CA, authorities.bus.pem().as_bytes())?;
    state.add_public(AUDIT_CERTIFICATE, auditor.certificate.as_bytes())?;
    state.add(AUDIT_KEY, auditor.key.as_bytes())?;
    let reader = operator.role_credentials(BusRole::Reader, now).map_err(bus_error)?;
    state.add(AUDIT_CREDENTIALS, reader.as_bytes())?;
    Ok(())
}

fn bus_error<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> InitError {
    InitError::Bus(error.into())
}

fn check(options: &Options) -> Result<(), InitError> {
    let mut wrong = vec![];
    if config::public_url(&options.public_url).is_none() {
        wrong.push("--public-url: give https://host or https://host:port, without a path".to_owned());
    }
    for address in &options.advertise_nats {
        if config::bus_url(&format!("tls://{address}")).is_none() {
            wrong.push(format!("--advertise-nats {address}: give host:port"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(InitError::BadOptions(wrong)) }
}

/// Where clients on this machine reach what listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

fn advertised(options: &Options) -> Vec<String> {
    if options.advertise_nats.is_empty() {
        vec![reachable(options.nats_listen).to_string()]
    } else {
        options.advertise_nats.clone()
    }
}

fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn absolute(path: &Path) -> Result<PathBuf, InitError> {
    std::path::absolute(path).map_err(|error| InitError::Place(path.to_owned(), error))
}

#[cfg(test)]
mod tests;
