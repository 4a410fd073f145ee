//! OpenVPN: its configuration from typed fields, its process kept running.

use super::{
    files,
    process::{self, Process},
};
use crate::{
    config::{Checked, Places},
    identity::Enrolment,
    launch,
};
use std::{
    fmt::Write,
    fs, io,
    os::unix::fs::{MetadataExt, lchown},
    path::{Path, PathBuf},
    time::Duration,
};
use viworks_domain::gateway_bus::Service;
use zeroize::Zeroizing;

const RESTART_PAUSE: Duration = Duration::from_secs(1);
const TUNNELS: &str = "/dev/net/tun";

pub(super) fn pid_file(places: &Places) -> PathBuf {
    places.runner().join("openvpn.pid")
}

pub(super) fn service(places: &Places) -> Service {
    Service { name: "openvpn".into(), up: Process::recorded(&pid_file(places)).is_some() }
}

pub(super) async fn keep(places: Places, checked: Checked, enrolment: Enrolment) {
    let node = device_node(&places, checked.config.users.vpn).unwrap_or_else(|error| {
        tracing::warn!(%error, "OpenVPN may not reach the tunnel device");
        None
    });
    let (file, wanted) = (pid_file(&places), configuration(&places, &checked, node.as_deref()));
    if fs::read_to_string(server_conf(&places)).is_ok_and(|found| found != wanted) {
        // It runs by an earlier configuration.
        process::end(&file).await;
    }
    loop {
        let process = match Process::recorded(&file) {
            Some(adopted) => {
                tracing::info!("OpenVPN runs already and is adopted");
                Ok(adopted)
            }
            None => start(&places, &checked, &enrolment, &wanted, &file),
        };
        match process {
            Ok(process) => {
                process.ended().await;
                tracing::warn!("OpenVPN has ended and is started again");
            }
            Err(error) => tracing::error!(%error, "OpenVPN does not start"),
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

/// Where everybody may open the kernel's tunnel device (it takes CAP_NET_ADMIN to do anything with it), there
/// it is; elsewhere OpenVPN's user gets a node of its own.
fn device_node(places: &Places, user: u32) -> io::Result<Option<PathBuf>> {
    let device = fs::metadata(TUNNELS)?;
    if device.mode() & 0o006 == 0o006 {
        return Ok(None);
    }
    // Root's directory: nobody swaps it for something else before it is given away.
    let node = places.state.join("tun");
    match fs::remove_file(&node) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &node, rustix::fs::FileType::CharacterDevice, mode, device.rdev())?;
    lchown(&node, Some(user), Some(user))?;
    Ok(Some(node))
}

fn server_conf(places: &Places) -> PathBuf {
    places.vpn().join("server.conf")
}

fn start(
    places: &Places,
    checked: &Checked,
    enrolment: &Enrolment,
    configuration: &str,
    file: &Path,
) -> io::Result<Process> {
    let user = checked.config.users.vpn;
    let (dir, conf) = (places.vpn(), server_conf(places));
    // Its key is its user's alone; the runner only copies what the parent made.
    let key = Zeroizing::new(fs::read(places.keys().join("vpn.key"))?);
    files::place(&dir.join("server.key"), &key, user, 0o400)?;
    files::place(&dir.join("server.crt"), enrolment.response.vpn_certificate.as_bytes(), user, 0o400)?;
    files::place(&dir.join("session-ca.pem"), enrolment.response.session_ca.as_bytes(), user, 0o400)?;
    files::place(&conf, configuration.as_bytes(), user, 0o400)?;
    let _ = fs::remove_file(places.management());
    let log = files::journal(&places.runner().join("openvpn.log"))?;
    let mut command = launch::command(user, user, &["net_admin"], false, &checked.config.openvpn);
    command.arg("--config").arg(conf).stdout(log.try_clone()?).stderr(log);
    Process::start(&mut command, file)
}

/// One directive per line, every one from a checked field. `management-signal`: losing `control` cuts the
/// clients. No script, no kernel offload (it counts bytes elsewhere), and who a client is says its certificate:
/// a name and password are neither asked for nor looked at.
fn configuration(places: &Places, checked: &Checked, node: Option<&Path>) -> String {
    let (config, pool) = (&checked.config, checked.pool());
    let (gateway, mask) = (checked.gateway_address(), checked.tunnel.netmask());
    let dir = places.vpn();
    let device_node =
        if places.tun().exists() { format!("dev-node {}\n", places.tun().display()) } else { String::new() };
    let dir = dir.display();
    let mut text = format!(
        "mode server\n\
         tls-server\n\
         local 127.0.0.1\n\
         port {port}\n\
         proto tcp-server\n\
         dev {device}\n\
         dev-type tun\n\
         {device_node}topology subnet\n\
         ifconfig {gateway} {mask}\n\
         ifconfig-pool {first} {last} {mask}\n\
         push \"topology subnet\"\n\
         push \"route-gateway {gateway}\"\n\
         ca {dir}/session-ca.pem\n\
         cert {dir}/server.crt\n\
         key {dir}/server.key\n\
         dh none\n\
         tls-version-min 1.3\n\
         remote-cert-tls client\n\
         verify-client-cert require\n\
         auth-user-pass-optional\n\
         script-security 0\n\
         disable-dco\n\
         max-clients {clients}\n\
         data-ciphers AES-128-GCM:AES-256-GCM:CHACHA20-POLY1305\n\
         management {management} unix\n\
         management-client-auth\n\
         management-signal\n\
         management-log-cache 20\n\
         keepalive 10 30\n\
         socket-flags TCP_NODELAY\n\
         push \"socket-flags TCP_NODELAY\"\n\
         reneg-sec 3600\n\
         duplicate-cn\n\
         persist-tun\n\
         persist-key\n\
         verb 3\n",
        port = config.vpn_port,
        device = config.tunnel_device,
        clients = checked.ceiling.sessions.saturating_add(1).clamp(2, 65_000),
        first = pool.first,
        last = pool.last,
        management = places.management().display(),
    );
    if let Some(node) = node {
        let _ = writeln!(text, "dev-node {}", node.display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one_known_directive_per_line() {
        let (places, checked) = crate::config::example();
        let text = configuration(&places, &checked, Some(Path::new("/var/lib/viworks/tun")));
        for line in [
            "local 127.0.0.1",
            "port 1194",
            "proto tcp-server",
            "dev tun0",
            "dev-node /var/lib/viworks/tun",
            "topology subnet",
            "ifconfig 10.8.0.1 255.255.255.0",
            "ifconfig-pool 10.8.0.10 10.8.0.254 255.255.255.0",
            "ca /var/lib/viworks/vpn/session-ca.pem",
            "tls-version-min 1.3",
            "remote-cert-tls client",
            "verify-client-cert require",
            "script-security 0",
            "management /var/lib/viworks/vpn/mgmt.sock unix",
            "management-client-auth",
            "management-signal",
            "socket-flags TCP_NODELAY",
            "push \"socket-flags TCP_NODELAY\"",
            "keepalive 10 30",
        ] {
            assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line}");
        }
        for word in
            ["plugin", "up ", "client-connect", "auth-user-pass-verify", "tls-verify", "key-direction"]
        {
            assert!(!text.lines().any(|line| line.starts_with(word)), "{word}");
        }
    }
}
