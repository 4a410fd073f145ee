//! `viworks-agent doctor`: what stands in the way on this machine, and what to do about each.

use crate::{
    config::{Checked, Config, Places},
    identity::Enrolment,
};
use caps::{CapSet, Capability};
use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

/// One thing looked at.
#[derive(Debug)]
pub struct Finding {
    pub what: String,
    pub problem: Option<String>,
}

fn finding(what: impl Into<String>, result: Result<(), String>) -> Finding {
    Finding { what: what.into(), problem: result.err() }
}

pub fn look(state: &Path) -> Vec<Finding> {
    let places = Places::new(state);
    let mut findings = vec![finding("run as root", root())];
    for (capability, why) in [
        (Capability::CAP_NET_ADMIN, "nftables and OpenVPN"),
        (Capability::CAP_SETUID, "children with their own users"),
        (Capability::CAP_SYS_ADMIN, "the container engine"),
    ] {
        let has = caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
        let problem = || format!("{capability} is missing; {why} need it");
        findings.push(finding(format!("{capability}"), has.then_some(()).ok_or_else(problem)));
    }
    findings.push(finding("/dev/net/tun", exists("/dev/net/tun", "load the tun module: modprobe tun")));
    findings.push(finding("forwarding", forwarding()));
    findings.push(finding("enrolment", Enrolment::read(&places).map(drop).map_err(|e| e.to_string())));
    findings.push(finding("private keys", root_only(&places.keys())));
    match Config::read(&places.config(), state) {
        Ok(checked) => {
            findings.push(finding("agent.toml", Ok(())));
            findings.extend(programs(&checked));
            findings
                .push(finding("scripts.toml", exists_at(&places.scripts(), "name the scripts that may run")));
        }
        Err(error) => findings.push(finding("agent.toml", Err(error.to_string()))),
    }
    findings
}

fn root() -> Result<(), String> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err("binding ports and starting children as other users needs root".into())
    }
}

fn exists(path: &str, advice: &str) -> Result<(), String> {
    exists_at(Path::new(path), advice)
}

fn exists_at(path: &Path, advice: &str) -> Result<(), String> {
    if path.exists() { Ok(()) } else { Err(format!("{} is not there; {advice}", path.display())) }
}

fn forwarding() -> Result<(), String> {
    match fs::read_to_string("/proc/sys/net/ipv4/ip_forward").map(|text| text.trim() == "1") {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err("resources behind this gateway cannot be reached: sysctl net.ipv4.ip_forward=1".into())
        }
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn root_only(keys: &Path) -> Result<(), String> {
    let metadata = fs::metadata(keys).map_err(|e| format!("{}: {e}", keys.display()))?;
    if metadata.uid() == 0 && metadata.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(format!("{0} is open to others: chown root {0} && chmod 700 {0}", keys.display()))
    }
}

fn programs(checked: &Checked) -> Vec<Finding> {
    let config = &checked.config;
    [
        ("nft", &config.nft, "--version"),
        ("openvpn", &config.openvpn, "--version"),
        ("nginx", &config.nginx, "-v"),
        ("podman", &config.podman, "--version"),
    ]
    .into_iter()
    .map(|(name, path, version)| {
        let said = Command::new(path).arg(version).env_clear().output();
        let problem = said.map(drop).map_err(|e| format!("{}: {e}", path.display()));
        finding(name, problem)
    })
    .collect()
}
