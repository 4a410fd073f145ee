//! `config.toml` and the environment, read once. Everything that is wrong is said in one list, before anything
//! is bound.

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::{Table, Value};

pub const FILE: &str = "config.toml";

/// The exit code for bad configuration: EX_USAGE of sysexits.h.
pub const EXIT_BAD_CONFIG: u8 = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub listen: SocketAddr,
    /// What clients are told to come back to: `https://host[:port]`, no path.
    pub public_url: String,
    pub bus: Bus,
    pub database: String,
    pub password: Password,
    pub operators: Operators,
    pub limits: Limits,
    /// The console is served from there instead of from this program: `serve --console-files`, for people who work
    /// on it. No setting of an installation.
    pub console_files: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// `tls://host:port`: how this node reaches it.
    pub urls: Vec<String>,
    /// What gateways are told at their enrolment.
    pub advertise: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// How many are hashed at the same time; more wait, and beyond the queue are turned away.
    pub parallel: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operators {
    /// How long a sign-in lasts that begins now.
    pub sign_in_lasts: Duration,
}

/// Rates are per source address; accounts are counted by events instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub sign_ins_per_minute: u32,
    pub enrolments_per_minute: u32,
    pub answers_per_minute: u32,
    /// Consoles that look at the same time.
    pub feeds: u32,
    /// Of one operator: a tab each.
    pub feeds_per_operator: u32,
}

/// What a new installation begins with, as text that people edit.
#[derive(Clone, Debug)]
pub struct Initial {
    pub listen: SocketAddr,
    pub public_url: String,
    pub bus_url: String,
    pub advertise: Vec<String>,
}

/// Everything that is wrong, in one list.
#[derive(Debug, PartialEq, Eq)]
pub struct BadConfig(pub Vec<Problem>);

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, or the file itself.
    pub at: String,
    pub what: String,
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration cannot be used:")?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.at, problem.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for BadConfig {}

impl Config {
    /// # Errors
    /// Every problem of the file and the environment.
    pub fn load(dir: &Path) -> Result<Self, BadConfig> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let what = format!("cannot be read ({error}); was `viworks init --data` run for this directory?");
            BadConfig(vec![Problem { at: path.display().to_string(), what }])
        })?;
        Self::parse(&text, dir, |name| std::env::var(name).ok())
    }

    pub fn parse(text: &str, dir: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        let table = text.parse::<Table>().map_err(|error| {
            BadConfig(vec![Problem { at: FILE.into(), what: error.message().to_owned() }])
        })?;
        let mut read = Reader { table, env: &env, known: BTreeSet::new(), problems: vec![] };
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let default_database = format!("sqlite://{}", dir.join("db/projections.sqlite").display());
        let config = Self {
            listen: read
                .one("listen", "an address and port such as 127.0.0.1:8443", |text| text.parse().ok()),
            public_url: read.one(
                "public_url",
                "https://host or https://host:port, without a path",
                public_url,
            ),
            bus: Bus {
                urls: read.many("bus.urls", "a list of tls://host:port", bus_url),
                advertise: read.many("bus.advertise", "a list of tls://host:port", bus_url),
            },
            database: read.or("database.url", "sqlite://PATH or postgres://..", default_database, |text| {
                ["sqlite:", "postgres:", "postgresql:"]
                    .iter()
                    .any(|scheme| text.starts_with(scheme))
                    .then(|| text.to_owned())
            }),
            password: Password {
                parallel: read.or("password.parallel", "a number from 1 to 64", cores, |text| {
                    text.parse().ok().filter(|n| (1..=64).contains(n))
                }),
            },
            operators: Operators {
                sign_in_lasts: Duration::from_secs(read.or(
                    "operators.sign_in_seconds",
                    "a number from 5 to 604800",
                    SIGN_IN_SECONDS,
                    |text| text.parse().ok().filter(|n| (5..=SEVEN_DAYS).contains(n)),
                )),
            },
            limits: Limits {
                // A person mistypes; a guesser wants thousands.
                sign_ins_per_minute: read.or("limits.sign_ins_per_minute", UP_TO_MANY, 30, up_to_many),
                enrolments_per_minute: read.or("limits.enrolments_per_minute", UP_TO_MANY, 20, up_to_many),
                answers_per_minute: read.or("limits.answers_per_minute", UP_TO_MANY, 60, up_to_many),
                feeds: read.or("limits.feeds", UP_TO_MANY, 10_000, up_to_many),
                feeds_per_operator: read.or("limits.feeds_per_operator", UP_TO_MANY, 32, up_to_many),
            },
            console_files: None,
        };
        read.unknown();
        if read.problems.is_empty() { Ok(config) } else { Err(BadConfig(read.problems)) }
    }

    /// The host names and addresses that the https certificate is for.
    pub fn https_names(listen: SocketAddr, public_url: &str) -> Vec<String> {
        let mut names = vec![host(public_url).to_owned()];
        if !listen.ip().is_unspecified() {
            names.push(listen.ip().to_string());
        }
        if listen.ip().is_unspecified() || listen.ip().is_loopback() {
            names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

impl Initial {
    pub fn to_toml(&self) -> String {
        let list =
            |urls: &[String]| urls.iter().map(|url| format!("{:?}", url)).collect::<Vec<_>>().join(", ");
        format!(
            "# ViWorkS control plane. Every setting can also come from the environment, in capitals and with\n\
             # underscores: VIWORKS_LISTEN, VIWORKS_BUS_URLS (comma-separated), ...\n\
             listen = {listen:?}\n\
             public_url = {url:?}\n\
             \n\
             [bus]\n\
             # How this node reaches nats-server, and what gateways are told.\n\
             urls = [{bus}]\n\
             advertise = [{advertise}]\n\
             \n\
             [database]\n\
             # Default: sqlite in db/ below this directory. It can be dropped at any time; it is rebuilt from the log.\n\
             # url = \"postgres://...\"\n\
             \n\
             [password]\n\
             # Hashes computed at the same time, 19 MiB each. Default: the number of cores.\n\
             # parallel = 2\n\
             \n\
             [operators]\n\
             # How long a sign-in lasts before the password is asked for again, 5 seconds to 7 days. Those that have\n\
             # begun keep their end.\n\
             # sign_in_seconds = 43200\n\
             \n\
             [limits]\n\
             # Per source address.\n\
             # sign_ins_per_minute = 30\n\
             # enrolments_per_minute = 20\n\
             # answers_per_minute = 60\n\
             # Consoles that look at the same time, in all and of one operator.\n\
             # feeds = 10000\n\
             # feeds_per_operator = 32\n",
            listen = self.listen.to_string(),
            url = self.public_url,
            bus = list(std::slice::from_ref(&self.bus_url)),
            advertise = list(&self.advertise),
        )
    }
}

/// NIST 800-63B AAL2: reauthentication at least every 24 hours; a working day is enough.
const SIGN_IN_SECONDS: u64 = 12 * 3600;
/// Longer, and a forgotten browser is a way in. The least is for whoever wants to see a sign-in end.
const SEVEN_DAYS: u64 = 7 * 24 * 3600;

const UP_TO_MANY: &str = "a number from 1 to 100000";

fn up_to_many(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n))
}

/// The host of an `https://host[:port]` that [`public_url`] accepted; IPv6 without its brackets.
pub fn host(url: &str) -> &str {
    let authority = url.strip_prefix("https://").unwrap_or(url);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// `https://host[:port]`, nothing after it; a trailing slash is forgiven.
pub fn public_url(text: &str) -> Option<String> {
    let url = text.trim_end_matches('/');
    authority(url.strip_prefix("https://")?).then(|| url.to_owned())
}

pub fn bus_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("tls://")?;
    let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|p| p > 0));
    (authority(rest) && has_port).then(|| text.to_owned())
}

fn authority(text: &str) -> bool {
    if text.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let named = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'),
    };
    named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

struct Reader<'a> {
    table: Table,
    env: &'a dyn Fn(&str) -> Option<String>,
    known: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// A setting that must be there.
    fn one<T: Stand>(&mut self, at: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        match self.given(at) {
            Some(Given { texts, from }) if texts.len() == 1 => {
                parse(&texts[0]).unwrap_or_else(|| self.wrong(&from, wanted))
            }
            Some(Given { from, .. }) => self.wrong(&from, wanted),
            None => self.missing(at, wanted),
        }
    }

    fn or<T: Stand>(&mut self, at: &str, wanted: &str, otherwise: T, parse: impl Fn(&str) -> Option<T>) -> T {
        if self.given(at).is_some() { self.one(at, wanted, parse) } else { otherwise }
    }

    fn many(&mut self, at: &str, wanted: &str, parse: impl Fn(&str) -> Option<String>) -> Vec<String> {
        match self.given(at) {
            Some(Given { texts, from }) => {
                let parsed: Option<Vec<_>> = texts.iter().map(|text| parse(text)).collect();
                parsed.filter(|list| !list.is_empty()).unwrap_or_else(|| self.wrong(&from, wanted))
            }
            None => self.missing(at, wanted),
        }
    }

    fn wrong<T: Stand>(&mut self, at: &str, wanted: &str) -> T {
        self.problems.push(Problem { at: at.into(), what: format!("give {wanted}") });
        T::stand_in()
    }

    fn missing<T: Stand>(&mut self, at: &str, wanted: &str) -> T {
        self.problems.push(Problem { at: at.into(), what: format!("is missing; give {wanted}") });
        T::stand_in()
    }

    fn given(&mut self, at: &str) -> Option<Given> {
        self.known.insert(at.to_owned());
        let name = format!("VIWORKS_{}", at.replace('.', "_").to_ascii_uppercase());
        if let Some(text) = (self.env)(&name) {
            let texts = text.split(',').map(|part| part.trim().to_owned()).collect();
            return Some(Given { texts, from: name });
        }
        let mut value = self.table.get(at.split('.').next()?)?;
        for key in at.split('.').skip(1) {
            value = value.as_table()?.get(key)?;
        }
        let texts = match value {
            Value::Array(values) => values.iter().filter_map(plain).collect(),
            other => plain(other).into_iter().collect(),
        };
        Some(Given { texts, from: at.to_owned() })
    }

    /// A misspelt setting would otherwise silently keep its default.
    fn unknown(&mut self) {
        let mut unknown = vec![];
        for (key, value) in &self.table {
            match value {
                Value::Table(inner) => {
                    unknown.extend(inner.keys().map(|name| format!("{key}.{name}")));
                }
                _ => unknown.push(key.clone()),
            }
        }
        unknown.retain(|at| !self.known.contains(at));
        self.problems
            .extend(unknown.into_iter().map(|at| Problem { at, what: "is not a setting".to_owned() }));
    }
}

struct Given {
    texts: Vec<String>,
    from: String,
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(n) => Some(n.to_string()),
        _ => None,
    }
}

/// What stands in for a wrong value until the list of problems is complete; it is never used.
trait Stand {
    fn stand_in() -> Self;
}

impl Stand for SocketAddr {
    fn stand_in() -> Self {
        Self::from(([0, 0, 0, 0], 0))
    }
}

impl Stand for String {
    fn stand_in() -> Self {
        Self::new()
    }
}

impl Stand for Vec<String> {
    fn stand_in() -> Self {
        Self::new()
    }
}

impl Stand for usize {
    fn stand_in() -> Self {
        0
    }
}

impl Stand for u64 {
    fn stand_in() -> Self {
        0
    }
}

impl Stand for u32 {
    fn stand_in() -> Self {
        0
    }
}

/// Longest that `GET ..?after=&wait=` may hold a request.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
