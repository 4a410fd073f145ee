//! `viworks doctor`: what stands in the way of serving, each with what to do about it.

use super::{
    failure::Failure,
    shown::{Shown, table},
};
use crate::{
    ca::{self, Authorities},
    clock,
    config::Config,
    gateway_trust::{self, GatewayTrust},
    http::listen,
    init::HTTPS_CERTIFICATE,
    keys::{Keys, RootKey},
    log_identity, serve,
    state::StateDir,
};
use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};
use viworks_nats::{connect, preflight};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Worth saying this long before it happens.
const SOON: Duration = Duration::from_secs(30 * 86_400);

#[derive(clap::Args)]
pub struct Args {
    /// The state directory that `viworks init` made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    /// Serves, but somebody should act.
    Warning,
    Bad,
}

#[derive(Clone, Debug, serde::Serialize)]
struct Check {
    what: &'static str,
    verdict: Verdict,
    words: String,
}

impl Check {
    fn new(what: &'static str, verdict: Verdict, words: impl Into<String>) -> Self {
        Self { what, verdict, words: words.into() }
    }
}

pub async fn run(args: &Args) -> Result<Shown, Failure> {
    let checks = look(&args.data).await;
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad).count();
    let rows: Vec<_> = checks
        .iter()
        .map(|check| vec![super::shown::word(&check.verdict), check.what.to_owned(), check.words.clone()])
        .collect();
    let shown = Shown::new(&checks, table(&["", "CHECK", ""], &rows));
    if bad == 0 {
        return Ok(shown);
    }
    Err(Failure::Unsound(bad, Box::new(shown)))
}

async fn look(data: &Path) -> Vec<Check> {
    let mut checks = vec![];
    let state = match StateDir::open(data) {
        Ok(state) => state,
        Err(error) => return vec![Check::new("state directory", Verdict::Bad, error.to_string())],
    };
    checks.push(Check::new("state directory", Verdict::Good, "closed to others"));
    let config = Config::load(data);
    checks.push(match &config {
        Ok(config) => Check::new("configuration", Verdict::Good, format!("listens on {}", config.listen)),
        Err(error) => Check::new("configuration", Verdict::Bad, error.to_string().replace('\n', ";")),
    });
    checks.push(match log_identity::read(&state) {
        Ok(log) => Check::new("log", Verdict::Good, format!("{} epoch {}", log.log_id, log.epoch)),
        Err(error) => Check::new("log", Verdict::Bad, error.to_string()),
    });
    match RootKey::load(&state) {
        Ok((root, from)) => {
            checks.push(root_key(&root, from));
            checks.push(trust(&state, &Keys::derive(&root)));
        }
        Err(error) => checks.push(Check::new("root key", Verdict::Bad, error.to_string())),
    }
    if state.at(gateway_trust::ROOT_FILE).exists() {
        let words = format!(
            "{} is still on this machine; keep it elsewhere: serving does not need it",
            gateway_trust::ROOT_FILE
        );
        checks.push(Check::new("gateway root", Verdict::Warning, words));
    } else {
        checks.push(Check::new("gateway root", Verdict::Good, "not on this machine"));
    }
    checks.push(match Authorities::load(&state) {
        Ok(_) => Check::new("authorities", Verdict::Good, "four, each with its key"),
        Err(error) => Check::new("authorities", Verdict::Bad, error.to_string()),
    });
    checks.push(https(&state));
    if let Ok(config) = &config {
        checks.push(bus(&state, config).await);
    }
    checks
}

fn root_key(root: &RootKey, from: crate::keys::RootSource) -> Check {
    if root.looks_weak() {
        let words = format!("the one from {from} was not drawn at random; everything sealed rests on it");
        Check::new("root key", Verdict::Bad, words)
    } else {
        Check::new("root key", Verdict::Good, format!("from {from}"))
    }
}

fn trust(state: &StateDir, keys: &Keys) -> Check {
    const WHAT: &str = "gateway key set";
    let now = clock::now();
    match GatewayTrust::load(state, &keys.gateway_commands.verifying_key(), now) {
        Ok(trust) if trust.valid_until.since(now) < SOON => {
            Check::new(WHAT, Verdict::Warning, format!("only valid until {}", trust.valid_until))
        }
        Ok(trust) => Check::new(WHAT, Verdict::Good, format!("valid until {}", trust.valid_until)),
        Err(error) => Check::new(WHAT, Verdict::Bad, error.to_string()),
    }
}

fn https(state: &StateDir) -> Check {
    const WHAT: &str = "https certificate";
    if let Err(error) = listen::tls(state) {
        return Check::new(WHAT, Verdict::Bad, error.to_string());
    }
    let der = ca::read_certificate(state, HTTPS_CERTIFICATE).ok().and_then(|pem| ca::first_certificate(&pem));
    let end = der.as_ref().and_then(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        u64::try_from(certificate.validity().not_after.timestamp()).ok()
    });
    let Some(end) = end.map(|seconds| viworks_domain::Millis(seconds.saturating_mul(1000))) else {
        return Check::new(WHAT, Verdict::Bad, "its end cannot be read");
    };
    let now = clock::now();
    if end <= now {
        Check::new(WHAT, Verdict::Bad, format!("it ended at {end}"))
    } else if end.since(now) < SOON {
        Check::new(WHAT, Verdict::Warning, format!("it ends at {end}"))
    } else {
        Check::new(WHAT, Verdict::Good, format!("valid until {end}"))
    }
}

async fn bus(state: &StateDir, config: &Config) -> Check {
    const WHAT: &str = "bus";
    /// A dead bus must not make the doctor wait for the client's own patience.
    const PATIENCE: Duration = Duration::from_secs(10);
    let asked = async {
        let credentials = serve::system(&serve::bus_operator(state)?)?;
        let link = serve::link(state, config)?;
        let system = connect::connect(&link, &credentials, "system", serve::SYSTEM_INBOX).await?;
        preflight::check(&system).await?;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(())) => {
            Check::new(WHAT, Verdict::Good, "new enough, durable, with TLS and client certificates")
        }
        Ok(Err(error)) => Check::new(WHAT, Verdict::Bad, error.to_string()),
        Err(_) => Check::new(WHAT, Verdict::Bad, "no nats-server answers; start it with nats/nats.conf"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init;
    use std::os::unix::fs::PermissionsExt as _;

    fn initialised() -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().expect("a directory");
        let data = temp.path().join("state");
        init::run(&init::Options {
            data: data.clone(),
            listen: "127.0.0.1:1".parse().expect("an address"),
            public_url: "https://127.0.0.1:1".into(),
            // Port 1 is nobody's: there is no bus.
            nats_listen: "127.0.0.1:1".parse().expect("an address"),
            advertise_nats: vec![],
        })
        .expect("made");
        (temp, data)
    }

    fn of<'a>(checks: &'a [Check], what: &str) -> &'a Check {
        checks.iter().find(|check| check.what == what).unwrap_or_else(|| panic!("{what} in {checks:?}"))
    }

    #[tokio::test]
    async fn a_fresh_directory_is_sound_but_for_the_bus_that_does_not_run() {
        let (_temp, data) = initialised();
        let checks = look(&data).await;
        let bad: Vec<_> = checks.iter().filter(|c| c.verdict == Verdict::Bad).map(|c| c.what).collect();
        assert_eq!(bad, ["bus"], "{checks:?}");
        assert_eq!(of(&checks, "gateway root").verdict, Verdict::Warning);
    }

    #[tokio::test]
    async fn a_weak_root_key_and_an_open_secret_are_named() {
        let (_temp, data) = initialised();
        let root = data.join(crate::keys::ROOT_FILE);
        std::fs::write(&root, "A".repeat(43)).expect("written");
        let checks = look(&data).await;
        assert_eq!(of(&checks, "root key").verdict, Verdict::Bad);
        assert_eq!(of(&checks, "gateway key set").verdict, Verdict::Bad);
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let checks = look(&data).await;
        assert!(of(&checks, "root key").words.contains("open to others"));
    }
}
