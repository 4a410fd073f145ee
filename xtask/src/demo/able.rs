//! Whether this machine can run the demo at all: rights and kernel features, looked at before anything is put up.

use crate::{exec, workspace};
use std::{io::IsTerminal, path::Path};

/// What is in the way, in words that say what to do; nothing when nothing is.
pub fn obstacle() -> Option<String> {
    if !workspace::is_root() {
        return no_sudo();
    }
    let unshare = |program: &[&str]| {
        let mut command = exec::command("unshare");
        exec::output(command.arg("--net").args(program)).map(|said| said.ok()).unwrap_or(false)
    };
    if !unshare(&["true"]) {
        return Some(
            "network namespaces cannot be made here (a container without CAP_SYS_ADMIN?)".to_owned(),
        );
    }
    if !unshare(&["nft", "list", "ruleset"]) {
        return Some("the kernel has no nftables (modprobe nf_tables)".to_owned());
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun (modprobe tun)".to_owned());
    }
    None
}

fn no_sudo() -> Option<String> {
    if workspace::find_program("sudo").is_none() {
        return Some("it needs root for network namespaces, and there is no sudo".to_owned());
    }
    let silent = exec::output(exec::command("sudo").args(["-n", "true"])).is_ok_and(|said| said.ok());
    if silent || std::io::stdin().is_terminal() {
        None
    } else {
        Some("it needs root, and sudo asks for a password that nobody is here to type".to_owned())
    }
}
