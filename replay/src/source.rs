//! Where the log is and how to be let in: read once from the command line, the state directory and the
//! environment. Everything that is missing is said in one list.

use crate::{cli::Source, failure::Failure};
use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use toml::{Table, Value};
use viworks_nats::{
    bus::Bus,
    connect::{self, Link},
    event_store::EventStore,
    identity::{credentials::Credentials, role::BusRole},
};

/// What `viworks init` puts there for auditors, below the state directory: nothing else of it is needed.
const CA: &str = "audit/bus-ca.pem";
const CERTIFICATE: &str = "audit/reader.pem";
const KEY: &str = "audit/reader.key";
const CREDENTIALS: &str = "audit/reader.creds";

/// The same variables that configure `viworks serve`.
const BUS_ENV: &str = "VIWORKS_BUS_URLS";
const DATABASE_ENV: &str = "VIWORKS_DATABASE_URL";

/// No file that is read here is larger.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    servers: Vec<String>,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    credentials: PathBuf,
}

impl Place {
    pub fn of(source: &Source, env: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut missing = vec![];
        let mut servers = source.bus.clone();
        if servers.is_empty() {
            match (&source.data, env(BUS_ENV)) {
                (_, Some(urls)) => servers = urls.split(',').map(|url| url.trim().to_owned()).collect(),
                (Some(data), None) => servers = texts(setting(&config(data)?, "bus", "urls")),
                (None, None) => {}
            }
            if servers.is_empty() {
                missing
                    .push("give --data DIR of a control plane, or the bus with --bus tls://host:port".into());
            }
        }
        let mut file = |given: &Option<PathBuf>, option: &str, default: &str| {
            given.clone().or_else(|| source.data.as_ref().map(|data| data.join(default))).unwrap_or_else(
                || {
                    missing.push(format!("give --{option} FILE"));
                    PathBuf::new()
                },
            )
        };
        let place = Self {
            ca: file(&source.ca, "ca", CA),
            certificate: file(&source.cert, "cert", CERTIFICATE),
            key: file(&source.key, "key", KEY),
            credentials: file(&source.creds, "creds", CREDENTIALS),
            servers,
        };
        if missing.is_empty() { Ok(place) } else { Err(Failure::Usage(missing)) }
    }

    /// Connects as the role that may read the log and write nothing.
    pub async fn connect(self) -> Result<EventStore, Failure> {
        let tls = connect::tls(&read(&self.ca)?, &read(&self.certificate)?, &read_closed(&self.key)?)
            .map_err(|error| Failure::Bus(error.into()))?;
        let credentials = Credentials::from_text(&read_closed(&self.credentials)?)
            .map_err(|_| Failure::BadFile { path: self.credentials, wanted: "credentials for the bus" })?;
        let link = Link { servers: self.servers, tls };
        let bus = Bus::connect(&link, &credentials, BusRole::Reader)
            .await
            .map_err(|error| Failure::Bus(error.into()))?;
        Ok(EventStore::new(bus))
    }
}

/// The live database: as given, else as `viworks serve` finds it.
pub fn database(
    source: &Source,
    given: Option<&str>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<String, Failure> {
    if let Some(url) = given.map(str::to_owned).or_else(|| env(DATABASE_ENV)) {
        return Ok(url);
    }
    let Some(data) = &source.data else {
        return Err(Failure::Usage(vec!["give --data DIR of a control plane, or --database URL".into()]));
    };
    let configured = texts(setting(&config(data)?, "database", "url")).pop();
    Ok(configured.unwrap_or_else(|| format!("sqlite://{}", data.join("db/projections.sqlite").display())))
}

fn config(data: &Path) -> Result<Table, Failure> {
    let path = data.join("config.toml");
    let table = read(&path)?.parse();
    table.map_err(|_| Failure::BadFile { path, wanted: "a control plane's configuration" })
}

fn setting<'a>(table: &'a Table, section: &str, name: &str) -> Option<&'a Value> {
    table.get(section)?.as_table()?.get(name)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        Some(Value::String(text)) => vec![text.clone()],
        _ => vec![],
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::File(path.to_owned(), error);
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// A file that must be open to its owner alone.
pub fn read_closed(path: &Path) -> Result<String, Failure> {
    let meta = fs::metadata(path).map_err(|error| Failure::File(path.to_owned(), error))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(Failure::TooOpen(path.to_owned()));
    }
    read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_env(_: &str) -> Option<String> {
        None
    }

    fn data() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let config = "listen = \"127.0.0.1:1\"\n[bus]\nurls = [\"tls://127.0.0.1:4222\"]\n";
        fs::write(dir.path().join("config.toml"), config).expect("written");
        dir
    }

    #[test]
    fn a_state_directory_says_everything() {
        let dir = data();
        let source = Source { data: Some(dir.path().into()), ..Source::default() };
        let place = Place::of(&source, no_env).expect("a place");
        assert_eq!(place.servers, ["tls://127.0.0.1:4222"]);
        assert_eq!(place.credentials, dir.path().join("audit/reader.creds"));
        let sqlite = format!("sqlite://{}", dir.path().join("db/projections.sqlite").display());
        assert_eq!(database(&source, None, no_env).expect("a database"), sqlite);
    }

    #[test]
    fn what_is_given_goes_before_the_state_directory() {
        let dir = data();
        let source = Source {
            data: Some(dir.path().into()),
            bus: vec!["tls://other:1".into()],
            creds: Some("mine.creds".into()),
            ..Source::default()
        };
        let place = Place::of(&source, no_env).expect("a place");
        assert_eq!(place.servers, ["tls://other:1"]);
        assert_eq!(place.credentials, Path::new("mine.creds"));
        assert_eq!(database(&source, Some("postgres://x"), no_env).expect("a database"), "postgres://x");
    }

    #[test]
    fn everything_missing_is_said_at_once() {
        let Err(Failure::Usage(missing)) = Place::of(&Source::default(), no_env) else {
            panic!("expected a list");
        };
        assert_eq!(missing.len(), 5);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = data();
        let path = dir.path().join("key");
        fs::write(&path, "secret").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(read_closed(&path), Err(Failure::TooOpen(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        assert_eq!(read_closed(&path).expect("read"), "secret");
    }
}
