//! A network namespace of its own, and what stands in it.

use crate::{api::Api, authority::Authority, gateway::Gateway};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::{interval, timeout};

const INSIDE: &str = "VIWORKS_INSIDE";
const PATIENCE: Duration = Duration::from_secs(30);
const OPENVPN: &str = "/usr/sbin/openvpn";

pub struct Ground {
    pub dir: TempDir,
    pub api: Api,
    pub gateway: Gateway,
    helper: Child,
}

/// Runs the scenario in a fresh namespace: this test starts itself again in there.
pub fn alone(test: &str, scenario: impl AsyncFnOnce(Ground)) {
    if std::env::var_os(INSIDE).is_none() {
        if let Some(reason) = cannot() {
            skip(test, reason);
            return;
        }
        let status = Command::new("unshare")
            .args(["--net", "--kill-child", "--"])
            .arg(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(INSIDE, "1")
            .status()
            .expect("unshare runs");
        assert!(status.success(), "the scenario failed; its words stand above");
        return;
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip runs");
    assert!(up.success());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async { scenario(Ground::new().await).await });
}

/// Said on the screen, and in the list that the test run gathers.
fn skip(test: &str, reason: &str) {
    println!("skipped: {reason}");
    if let Some(list) = std::env::var_os("VIWORKS_SKIPS") {
        let mut list = fs::File::options().append(true).create(true).open(list).expect("the list");
        list.write_all(format!("{test}: {reason}\n").as_bytes()).expect("the list");
    }
}

fn cannot() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("root is needed for a tunnel");
    }
    if !Path::new(OPENVPN).exists() {
        return Some("OpenVPN is not installed");
    }
    if fs::File::options().read(true).write(true).open("/dev/net/tun").is_err() {
        return Some("there is no /dev/net/tun");
    }
    let unshare = Command::new("unshare").args(["--net", "--", "ip", "link"]).stdout(Stdio::null()).status();
    (!unshare.is_ok_and(|status| status.success())).then_some("no network namespace can be made")
}

/// Level-triggered: looks until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let seen = timeout(PATIENCE, async {
        let mut tick = interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if let Some(seen) = look() {
                return seen;
            }
        }
    });
    seen.await.unwrap_or_else(|_| panic!("expected {what}"))
}

impl Ground {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
        let (gateways, sessions) = (Authority::new(), Authority::new());
        let gateway = Gateway::start(dir.path(), &gateways, &sessions).await;
        let api = Api::start(dir.path(), gateways, sessions, &gateway).await;
        let socket = dir.path().join("tunnel.sock");
        let helper = Command::new(env!("CARGO_BIN_EXE_viworks-tunneld"))
            .args(["--group", "nogroup", "--socket"])
            .arg(&socket)
            .env("VIWORKS_LOG", "debug")
            .spawn()
            .expect("the helper runs");
        eventually("the helper's socket", || socket.exists().then_some(())).await;
        Self { dir, api, gateway, helper }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("tunnel.sock")
    }

    pub fn kill_helper(&mut self) {
        self.helper.kill().expect("killed");
        self.helper.wait().expect("gone");
    }

    /// The helper's tunnels.
    pub fn interfaces(&self) -> Vec<String> {
        // Not /sys, which is another namespace's.
        let links = Command::new("ip").args(["-o", "link"]).output().expect("ip runs").stdout;
        let links = String::from_utf8_lossy(&links).into_owned();
        let names = links.lines().filter_map(|line| line.split(": ").nth(1)).map(str::to_owned);
        names.filter(|name| name.starts_with("viworks")).collect()
    }

    /// What leads into them.
    pub fn routes(&self) -> Vec<String> {
        let routes = Command::new("ip").args(["route", "show", "dev", "viworks0"]).output().expect("ip runs");
        let routes = String::from_utf8_lossy(&routes.stdout).into_owned();
        routes.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// As whom the helper's OpenVPN runs.
    pub fn openvpn_users(&self) -> Vec<u32> {
        let effective = |pid: u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            uids.split_whitespace().nth(1)?.parse().ok()
        };
        clients().into_iter().filter_map(effective).collect()
    }

    pub async fn nothing_is_left(&self) {
        eventually("no tunnel", || self.interfaces().is_empty().then_some(())).await;
        eventually("no OpenVPN of the helper", || clients().is_empty().then_some(())).await;
        let private = self.dir.path().join("tunnel.private");
        let sockets = || fs::read_dir(&private).map(|entries| entries.flatten().count()).unwrap_or(0);
        eventually("no management socket", || (sockets() == 0).then_some(())).await;
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.helper.kill();
        let _ = self.helper.wait();
    }
}

/// OpenVPN processes that were configured on stdin, in this namespace.
fn clients() -> Vec<u32> {
    let here = fs::read_link("/proc/self/ns/net").ok();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let stdin = line.split(|byte| *byte == 0).any(|word| word == b"stdin");
        stdin
            && line.starts_with(OPENVPN.as_bytes())
            && fs::read_link(format!("/proc/{pid}/ns/net")).ok() == here
    })
    .collect()
}
