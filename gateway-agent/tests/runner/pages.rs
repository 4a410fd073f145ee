//! nginx and OpenVPN as the runner starts them: who reaches which page, and with what powers they run.

use crate::stage::{Stage, alive, status};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{
        fs::{PermissionsExt, chown, symlink},
        net::{UnixListener, UnixStream},
    },
    time::Duration,
};
use viworks_agent::config::Users;

const OWNER: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 10);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 11);
const PATH: &str = "abcdefghijklmnopqrstuvwx23";

#[test]
fn a_page_is_shown_at_its_path_and_to_its_address_alone() {
    let Some(mut stage) = Stage::set("a_page_is_shown_at_its_path") else { return };
    stage.until_up("nginx");
    stage.add_address("10.8.0.10");
    stage.add_address("10.8.0.11");
    let shown = page(&stage, "one");

    let answer = get(&stage, OWNER, &format!("/s/{PATH}/a%20b?q=1"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The page sees neither its secret nor an unescaped byte.
    assert!(answer.ends_with("GET /a%20b?q=1 HTTP/1.1"), "{answer}");
    assert!(answer.contains("Referrer-Policy: no-referrer"), "{answer}");

    let other = PATH.replace('a', "b");
    let nowhere = get(&stage, OWNER, "/");
    assert!(nowhere.starts_with("HTTP/1.1 404"), "{nowhere}");
    for (from, path) in [
        (OWNER, format!("/s/{other}/")),
        (NEIGHBOUR, format!("/s/{PATH}/")),
        (NEIGHBOUR, format!("/s/{}/", &PATH[1..])),
        (OWNER, format!("/s/{PATH}")),
        (OWNER, format!("/s/../10.8.0.10/{PATH}/")),
        (NEIGHBOUR, format!("/s/..%2f10.8.0.10%2f{PATH}/")),
        (OWNER, "/nothing-here".into()),
    ] {
        let answer = get(&stage, from, &path);
        assert_eq!(body(&answer), body(&nowhere), "{from} {path}");
        assert!(answer.starts_with("HTTP/1.1 404"), "{from} {path}: {answer}");
    }
    // Two requests in one are one, escaped, or none.
    let split = get(&stage, OWNER, &format!("/s/{PATH}/x%20HTTP/1.1%0d%0aHost:%20evil%0d%0a%0d%0aGET%20/y"));
    assert!(!split.contains("evil\r\n") && !split.contains("evil\n"), "{split}");

    fs::remove_file(stage.places.panel().join("10.8.0.10").join(PATH)).unwrap();
    assert!(get(&stage, OWNER, &format!("/s/{PATH}/")).starts_with("HTTP/1.1 404"));
    shown.close();
    // Its whole journal knows no path.
    let log = fs::read_to_string(stage.places.runner().join("nginx.log")).unwrap();
    assert!(!log.contains(PATH) && !log.contains(&other) && !log.contains("10.8.0.1"), "{log}");
}

#[test]
fn openvpn_and_nginx_run_as_users_of_their_own_with_one_power_each() {
    let Some(mut stage) = Stage::set("openvpn_and_nginx_run_as_users_of_their_own") else { return };
    stage.until_up("nginx");
    stage.until_up("openvpn");
    let users = Users::default();
    let net_admin = "0000000000001000";
    let bind = "0000000000000400";
    for (name, user, powers) in [("openvpn", users.vpn, net_admin), ("nginx", users.web, bind)] {
        let pid = stage.pid(name).unwrap();
        // It runs from before its program does: first its powers are taken.
        stage.until(|_| status(pid, "Name") == name);
        assert_eq!(status(pid, "Uid"), user.to_string(), "{name}");
        assert_eq!(status(pid, "CapPrm"), powers, "{name}");
        assert_eq!(status(pid, "CapBnd"), powers, "{name}");
        assert_eq!(status(pid, "NoNewPrivs"), "1", "{name}");
    }
    // `control` is another user and of the directory's group: it may connect.
    let socket = stage.places.management();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o777);
    let mut management = UnixStream::connect(&socket).unwrap();
    management.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut said = [0; 6];
    management.read_exact(&mut said).unwrap();
    assert_eq!(&said, b">INFO:");
    let key = fs::metadata(stage.places.vpn().join("server.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o400);
}

#[test]
fn what_dies_is_started_again() {
    let Some(mut stage) = Stage::set("what_dies_is_started_again") else { return };
    stage.until_up("nginx");
    let (vpn, web) = (stage.pid("openvpn").unwrap(), stage.pid("nginx").unwrap());
    for pid in [vpn, web] {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    stage.until(|stage| {
        let again = |name, was| stage.pid(name).is_some_and(|pid| pid != was && alive(pid));
        again("openvpn", vpn) && again("nginx", web)
    });
    stage.until_up("nginx");
    assert!(get(&stage, Ipv4Addr::new(10, 8, 0, 1), "/").starts_with("HTTP/1.1 404"));
}

/// A session's page that shows its request line, published to [`OWNER`].
fn page(stage: &Stage, session: &str) -> Page {
    let (users, dir) = (Users::default(), stage.places.sessions().join(session));
    fs::create_dir(&dir).unwrap();
    chown(&dir, Some(0), Some(users.web)).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o710)).unwrap();
    let socket = dir.join("page.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let panel = stage.places.panel().join(OWNER.to_string());
    fs::create_dir(&panel).unwrap();
    symlink(&dir, panel.join(PATH)).unwrap();
    let thread = std::thread::spawn(move || {
        for visitor in listener.incoming() {
            let mut visitor = visitor.unwrap();
            let mut header = Vec::new();
            let mut byte = [0];
            while !header.ends_with(b"\r\n\r\n") && visitor.read(&mut byte).unwrap() == 1 {
                header.push(byte[0]);
            }
            let line = String::from_utf8(header).unwrap().lines().next().unwrap_or_default().to_owned();
            if line.is_empty() {
                return;
            }
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len());
            visitor.write_all(reply.as_bytes()).unwrap();
        }
    });
    Page { socket, thread }
}

struct Page {
    socket: std::path::PathBuf,
    thread: std::thread::JoinHandle<()>,
}

impl Page {
    fn close(self) {
        drop(UnixStream::connect(&self.socket).unwrap());
        self.thread.join().unwrap();
    }
}

fn get(stage: &Stage, from: Ipv4Addr, path: &str) -> String {
    stage.inside(|| {
        let mut stream = connect(from);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
}

fn connect(from: Ipv4Addr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&fd, &SocketAddr::from((from, 0))).unwrap();
    connect(&fd, &SocketAddr::from(([10, 8, 0, 1], 80))).unwrap();
    fd.into()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
