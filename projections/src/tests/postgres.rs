//! A PostgreSQL of the test run's own: a temporary directory, a socket in it, nobody's port.

use crate::Database;
use std::{
    fs,
    io::Write as _,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

pub struct Server {
    bin: PathBuf,
    folder: TempDir,
    /// PostgreSQL refuses to run as root.
    user: Option<u32>,
}

impl Server {
    /// None, with a line that says so, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(bin) = binaries() else {
            skipped("no initdb in VIWORKS_PG_BIN or /usr/lib/postgresql/*/bin: is PostgreSQL installed?");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("viworks-pg-").tempdir().expect("a folder");
        let is_root = fs::metadata("/proc/self").expect("proc").uid() == 0;
        // `nobody` on every Linux: it has a name, and nothing else.
        let user = is_root.then_some(65_534);
        std::os::unix::fs::chown(folder.path(), user, user).expect("a folder of its own");
        let server = Self { bin, folder, user };
        server.run(
            "initdb",
            &["-D", &server.data(), "-U", "viworks", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        );
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.folder.path().display());
        server
            .run("pg_ctl", &["-D", &server.data(), "-l", &server.path("log"), "-w", "-o", &options, "start"]);
        Some(server)
    }

    /// A database of its own for one check.
    pub async fn fresh(&self, name: &str) -> Database {
        sqlx::any::install_default_drivers();
        let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&self.url("postgres"))
            .await
            .expect("the server answers");
        // Names longer than 63 bytes would be cut and might meet.
        let name = format!("t{}_{}", name.len(), &name[name.len().saturating_sub(40)..]);
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .expect("a database");
        Database::open(&self.url(&name)).await.expect("opened")
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://viworks@localhost/{database}?host={}", self.folder.path().display())
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).current_dir(self.folder.path()).env_remove("PGPORT").stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        // A server that is started keeps whatever it inherits: not the test's pipes.
        let said = fs::File::create(self.folder.path().join(format!("{program}.out"))).expect("a file");
        let status =
            command.stdout(said.try_clone().expect("a file")).stderr(said).status().expect("it runs");
        let text = fs::read_to_string(self.folder.path().join(format!("{program}.out"))).unwrap_or_default();
        assert!(status.success(), "{program}: {text}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }
}

/// Said on the screen, and in the list that the test run gathers.
fn skipped(reason: &str) {
    println!("skipped: {reason}");
    if let Some(list) = std::env::var_os("VIWORKS_SKIPS") {
        let mut list = fs::OpenOptions::new().append(true).create(true).open(list).expect("the list");
        list.write_all(format!("everything_holds_on_postgresql_too: {reason}\n").as_bytes())
            .expect("the list");
    }
}

/// `VIWORKS_PG_BIN`, or the newest that Debian's packages put in their place.
fn binaries() -> Option<PathBuf> {
    let named = std::env::var_os("VIWORKS_PG_BIN").map(PathBuf::from);
    let mut found = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("bin")))
        .collect::<Vec<_>>();
    found.sort();
    named.into_iter().chain(found.into_iter().rev()).find(|bin| has_initdb(bin))
}

fn has_initdb(bin: &Path) -> bool {
    bin.join("initdb").is_file() && bin.join("pg_ctl").is_file()
}
