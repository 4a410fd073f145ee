//! Network namespaces: a gateway, a desktop, and two resources behind the gateway.

use std::{
    fs::File,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

pub struct Ground {
    tag: String,
    /// One house at a time, whoever runs the tests: they are about time.
    _turn: File,
}

impl Ground {
    /// `None`, with the reason, where it cannot be built.
    pub fn build() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root".into());
        }
        for program in ["ip", "nsenter", "openvpn", "nginx", "nft", "podman"] {
            if find(program).is_none() {
                return Err(format!("{program} is not installed"));
            }
        }
        if viworks_nats::testing::find_server().is_none() {
            return Err("nats-server is not installed".into());
        }
        if !std::path::Path::new("/dev/net/tun").exists() {
            return Err("/dev/net/tun is not there".into());
        }
        // Tests of one process run at the same time.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let turn = File::create("/run/viworks-agent-test.lock").map_err(|e| e.to_string())?;
        turn.lock().map_err(|e| e.to_string())?;
        let ground = Self {
            tag: format!("vw{}{}", std::process::id(), char::from(b'a' + (count % 20) as u8)),
            _turn: turn,
        };
        let (gw, c, res) = (ground.gateway(), ground.desktop(), ground.resources());
        for line in [
            format!("netns add {gw}"),
            format!("netns add {c}"),
            format!("netns add {res}"),
            format!("-n {gw} link set lo up"),
            format!("-n {c} link set lo up"),
            format!("-n {res} link set lo up"),
            format!("-n {gw} link add wan type veth peer name eth0 netns {c}"),
            format!("-n {gw} addr add 10.77.0.2/24 dev wan"),
            format!("-n {gw} link set wan up"),
            format!("-n {c} addr add 10.77.0.11/24 dev eth0"),
            format!("-n {c} link set eth0 up"),
            format!("-n {gw} link add lan type veth peer name eth0 netns {res}"),
            format!("-n {gw} addr add 10.78.0.1/24 dev lan"),
            format!("-n {gw} link set lan up"),
            format!("-n {res} addr add 10.78.0.2/24 dev eth0"),
            format!("-n {res} addr add 10.78.0.3/24 dev eth0"),
            format!("-n {res} link set eth0 up"),
            format!("-n {res} route add default via 10.78.0.1"),
        ] {
            let said = Command::new("ip").args(line.split(' ')).output().map_err(|e| e.to_string())?;
            if !said.status.success() {
                return Err(format!("ip {line}: {}", String::from_utf8_lossy(&said.stderr).trim()));
            }
        }
        let forward =
            inside(&gw, "tee").arg("/proc/sys/net/ipv4/ip_forward").stdin(Stdio::piped()).output_with("1");
        if !forward {
            return Err("forwarding cannot be switched on".into());
        }
        Ok(ground)
    }

    pub fn gateway(&self) -> String {
        format!("{}g", self.tag)
    }
    pub fn desktop(&self) -> String {
        format!("{}c", self.tag)
    }
    pub fn resources(&self) -> String {
        format!("{}r", self.tag)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for name in [self.gateway(), self.desktop(), self.resources()] {
            let _ = Command::new("ip").args(["netns", "delete", &name]).output();
        }
    }
}

pub fn find(program: &str) -> Option<std::path::PathBuf> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .map(|dir| std::path::Path::new(dir).join(program))
        .find(|path| path.is_file())
}

/// `nsenter` and not `ip netns exec`: that one remounts /sys, which containers cannot live with.
pub fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg("--").arg(program);
    command
}

/// Runs in a thread that lives in the namespace: its sockets are that machine's.
pub fn within<T: Send>(namespace: &str, act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                enter(namespace);
                act()
            })
            .join()
            .unwrap()
    })
}

pub fn enter(namespace: &str) {
    use std::os::fd::AsFd;
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    rustix::thread::move_into_link_name_space(file.as_fd(), Some(rustix::thread::LinkNameSpaceType::Network))
        .unwrap();
}

trait OutputWith {
    fn output_with(&mut self, input: &str) -> bool;
}

impl OutputWith for Command {
    fn output_with(&mut self, input: &str) -> bool {
        use std::io::Write;
        let Ok(mut child) = self.stdout(Stdio::null()).spawn() else { return false };
        let written = child.stdin.take().is_some_and(|mut stdin| stdin.write_all(input.as_bytes()).is_ok());
        written && child.wait().is_ok_and(|status| status.success())
    }
}
