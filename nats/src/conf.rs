//! nats-server's configuration: operator mode, mutual TLS, and nothing acknowledged that is not fsynced.

use crate::identity::operator::ServerTrust;
use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Messages and account JWTs are far smaller; the server refuses larger ones at the door.
const MAX_PAYLOAD: u32 = 1024 * 1024;

#[derive(Clone, Debug)]
pub struct Conf {
    pub listen: SocketAddr,
    /// The server's certificate chain and key, and the CA that signed every client's.
    pub certificate_pem: String,
    pub key_pem: String,
    pub client_ca_pem: String,
    pub trust: ServerTrust,
    /// Bytes that streams may take on disk.
    pub max_file_store: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written")]
pub struct CannotWrite {
    path: PathBuf,
    source: io::Error,
}

/// Writes `nats.conf` and what it names under `dir` (made with mode 0700); gives the configuration's path.
pub fn write(dir: &Path, conf: &Conf) -> Result<PathBuf, CannotWrite> {
    for sub in ["", "accounts", "streams", "tls"] {
        let path = dir.join(sub);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|source| CannotWrite { path, source })?;
    }
    write_private(&dir.join("tls/server.pem"), &conf.certificate_pem)?;
    write_private(&dir.join("tls/server.key"), &conf.key_pem)?;
    write_private(&dir.join("tls/client-ca.pem"), &conf.client_ca_pem)?;
    let path = dir.join("nats.conf");
    write_private(&path, &text(dir, conf))?;
    Ok(path)
}

/// The configuration with every path below `dir`.
pub fn text(dir: &Path, conf: &Conf) -> String {
    let at = |name: &str| quoted(&dir.join(name).display().to_string());
    let mut preload = String::new();
    for (account, jwt) in [
        (&conf.trust.system_account, &conf.trust.system_jwt),
        (&conf.trust.control_account, &conf.trust.control_jwt),
        (&conf.trust.audit_account, &conf.trust.audit_jwt),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(preload, "  {account}: {jwt}");
    }
    include_str!("../conf/nats.conf")
        .replace("{{listen}}", &quoted(&conf.listen.to_string()))
        .replace("{{operator}}", &conf.trust.operator_jwt)
        .replace("{{system_account}}", &conf.trust.system_account)
        .replace("{{accounts_dir}}", &at("accounts"))
        .replace("{{preload}}", preload.trim_end())
        .replace("{{store_dir}}", &at("streams"))
        .replace("{{max_file_store}}", &conf.max_file_store.to_string())
        .replace("{{max_payload}}", &MAX_PAYLOAD.to_string())
        .replace("{{certificate}}", &at("tls/server.pem"))
        .replace("{{key}}", &at("tls/server.key"))
        .replace("{{client_ca}}", &at("tls/client-ca.pem"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write_private(path: &Path, text: &str) -> Result<(), CannotWrite> {
    let failed = |source| CannotWrite { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
