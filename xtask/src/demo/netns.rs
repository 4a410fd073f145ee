//! The demo's own little internet, in network namespaces that nothing else on the machine notices:
//!
//! ```text
//!  this machine                 vwcp: control plane, bus           vwgw: gateway          vwres: resources
//!  vwroot 10.77.0.254 ───────── vwbr0 10.77.0.1 ─┬─────────────── wan 10.77.0.2
//!                                                ├─ vwc1 10.77.0.11 lan 10.78.0.1 ─────── res 10.78.0.2 allowed
//!                                                └─ vwc2 10.77.0.12                       res 10.78.0.3 not
//! ```
//!
//! Even the bridge lies in a namespace: a firewall of this machine (docker's, say) cannot get in between.

use crate::{
    clock, exec,
    failure::{Result, bail},
    report::Stopwatch,
    workspace,
};
use std::{path::Path, process::Command, time::Duration};

pub const CONTROL: &str = "vwcp";
pub const GATEWAY: &str = "vwgw";
pub const DESKTOP_1: &str = "vwc1";
pub const DESKTOP_2: &str = "vwc2";
pub const RESOURCES: &str = "vwres";
const ALL: [&str; 5] = [CONTROL, GATEWAY, DESKTOP_1, DESKTOP_2, RESOURCES];

/// This machine's end, for a person's browser and command line.
const UPLINK: &str = "vwroot";

pub const GATEWAY_IP: &str = "10.77.0.2";
pub const DESKTOP_1_IP: &str = "10.77.0.11";
pub const ALLOWED_IP: &str = "10.78.0.2";
pub const FORBIDDEN_IP: &str = "10.78.0.3";
pub const RESOURCE_PORT: u16 = 8080;

/// What makes the picture above, as arguments of `ip`, in order.
const BUILD: &[&str] = &[
    "netns add vwcp",
    "netns add vwgw",
    "netns add vwc1",
    "netns add vwc2",
    "netns add vwres",
    "-n vwcp link set lo up",
    "-n vwgw link set lo up",
    "-n vwc1 link set lo up",
    "-n vwc2 link set lo up",
    "-n vwres link set lo up",
    "-n vwcp link add vwbr0 type bridge forward_delay 0",
    "-n vwcp addr add 10.77.0.1/24 dev vwbr0",
    "-n vwcp link set vwbr0 up",
    "link add vwroot type veth peer name root netns vwcp",
    "-n vwcp link set root master vwbr0 up",
    "addr add 10.77.0.254/24 dev vwroot",
    "link set vwroot up",
    "-n vwgw link add wan type veth peer name gw netns vwcp",
    "-n vwcp link set gw master vwbr0 up",
    "-n vwgw addr add 10.77.0.2/24 dev wan",
    "-n vwgw link set wan up",
    "-n vwc1 link add eth0 type veth peer name c1 netns vwcp",
    "-n vwcp link set c1 master vwbr0 up",
    "-n vwc1 addr add 10.77.0.11/24 dev eth0",
    "-n vwc1 link set eth0 up",
    "-n vwc2 link add eth0 type veth peer name c2 netns vwcp",
    "-n vwcp link set c2 master vwbr0 up",
    "-n vwc2 addr add 10.77.0.12/24 dev eth0",
    "-n vwc2 link set eth0 up",
    "-n vwgw link add lan type veth peer name res netns vwres",
    "-n vwgw addr add 10.78.0.1/24 dev lan",
    "-n vwgw link set lan up",
    "-n vwres addr add 10.78.0.2/24 dev res",
    "-n vwres addr add 10.78.0.3/24 dev res",
    "-n vwres link set res up",
    "-n vwres route add default via 10.78.0.1",
];

/// The namespaces, for as long as this value lives.
pub struct Net(());

impl Net {
    pub fn build() -> Result<Self> {
        let addresses = exec::succeed(exec::command("ip").args(["-o", "-4", "addr"]))?;
        if let Some(line) = addresses.lines().find(|line| line.contains("inet 10.77.0.")) {
            bail!("this machine already uses addresses that the demo needs (10.77.0.0/24): {}", line.trim());
        }
        // From here on whatever was made is taken down again, also when a later line fails.
        let net = Self(());
        for line in BUILD {
            exec::succeed(exec::command("ip").args(line.split(' ')))?;
        }
        // /proc/sys/net shows the namespace of whoever opens it.
        let mut forward = inside(GATEWAY, "tee");
        forward.arg("/proc/sys/net/ipv4/ip_forward");
        let said = exec::output_with_input(&mut forward, "1")?;
        if said.ok() {
            Ok(net)
        } else {
            bail!("the gateway's namespace cannot forward: {}", said.everything())
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        sweep();
    }
}

/// A command in a namespace. `nsenter` and not `ip netns exec`: that one remounts /sys, which containers
/// cannot live with.
pub fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = exec::command("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg("--").arg(program);
    command
}

/// Takes down every process and namespace of a demo, of this one or of one that was killed.
pub fn sweep() {
    for namespace in ALL.iter().filter(|name| exists(name)) {
        end_processes(namespace);
        quietly(exec::command("ip").args(["netns", "delete", namespace]));
    }
    if Path::new("/sys/class/net").join(UPLINK).exists() {
        quietly(exec::command("ip").args(["link", "delete", UPLINK]));
    }
}

/// Whether something of a demo is still up.
pub fn leftovers() -> Vec<String> {
    let mut found: Vec<String> = ALL.iter().filter(|n| exists(n)).map(|n| format!("namespace {n}")).collect();
    if Path::new("/sys/class/net").join(UPLINK).exists() {
        found.push(format!("interface {UPLINK}"));
    }
    found
}

fn exists(namespace: &str) -> bool {
    Path::new("/run/netns").join(namespace).exists()
}

/// A namespace lives as long as a process is in it, so the processes go first.
fn end_processes(namespace: &str) {
    let watch = Stopwatch::start();
    loop {
        let pids = processes(namespace);
        if pids.is_empty() || watch.elapsed() > Duration::from_secs(5) {
            return;
        }
        let mut kill = Command::new(kill_program());
        kill.args(kill_words("KILL")).args(&pids);
        quietly(&mut kill);
        clock::pause();
    }
}

pub fn processes(namespace: &str) -> Vec<String> {
    // Not through `exec`: what cleans up must not stop because a person asked to stop.
    Command::new(workspace::find_program("ip").unwrap_or_else(|| "ip".into()))
        .args(["netns", "pids", namespace])
        .output()
        .map(|said| String::from_utf8_lossy(&said.stdout).split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Debian's `kill` program is in a package that need not be there; busybox always is.
pub fn kill_program() -> std::path::PathBuf {
    crate::setup::busybox().unwrap_or_else(|| "busybox".into())
}

pub fn kill_words(signal: &str) -> [String; 2] {
    ["kill".to_owned(), format!("-{signal}")]
}

/// For cleaning up: what cannot be removed was not there, or is found again by the next start.
fn quietly(command: &mut Command) {
    let _ = command.output();
}
