//! Real containers of the page's image.

use crate::{
    engine,
    stage::{IMAGE, Stage, alive, status},
};
use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    process::Command,
    time::Duration,
};
use viworks_agent::config::Users;
use viworks_domain::ids::SessionId;

const SESSION: SessionId = SessionId([5; 16]);

#[test]
fn a_sessions_container_shows_its_page_can_do_nothing_else_and_is_gone_when_killed() {
    let Some(mut stage) = engine::stage("a_sessions_container_shows_its_page") else { return };
    assert!(stage.start().is_empty());
    stage.until_up("containers");
    let started = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(started));
    assert!(show(&stage).contains("A published page"));

    let pid = pid(&stage).unwrap();
    let users = Users::default();
    assert_eq!(status(pid, "Uid"), users.page.to_string());
    for powers in ["CapEff", "CapPrm", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, powers), "0000000000000000", "{powers}");
    }
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert_eq!(status(pid, "Seccomp"), "2");
    let devices = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
    let devices: Vec<_> =
        devices.lines().skip(2).filter_map(|l| l.split(':').next()).map(str::trim).collect();
    assert_eq!(devices, ["lo"]);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    assert!(limits.lines().any(|l| l.starts_with("Max open files") && l.contains(" 1024 ")), "{limits}");
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let root = mounts.lines().find(|l| l.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().split(',').any(|o| o == "ro"), "{root}");
    // It can put nothing in its socket's place any more.
    let dir = stage.places.sessions().join(SESSION.to_string());
    let dir_is = fs::metadata(&dir).unwrap();
    assert_eq!((dir_is.uid(), dir_is.gid(), dir_is.mode() & 0o7777), (0, users.web, 0o710));

    let again = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(again));
    assert_eq!(self::pid(&stage), Some(pid));

    let killed = stage.kill_container(SESSION);
    assert!(stage.done(killed));
    assert!(!alive(pid) && !dir.exists());
    assert_eq!(podman(&stage, &["ps", "--all", "--quiet"]), "");
    // Killed is not "ended by itself".
    assert!(stage.gone.is_empty());
    let nothing = stage.kill_container(SESSION);
    assert!(stage.done(nothing));
}

#[test]
fn a_container_that_ends_by_itself_is_told_of_and_can_be_started_again() {
    let Some(mut stage) = engine::stage("a_container_that_ends_by_itself") else { return };
    stage.start();
    let started = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(started));
    podman(&stage, &["kill", "--signal=KILL", &format!("vw-{SESSION}")]);
    stage.until(|stage| stage.gone == [SESSION]);
    let again = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(again));
    assert!(show(&stage).contains("A published page"));
}

#[test]
fn an_image_that_is_not_this_gateways_is_not_started() {
    let Some(mut stage) = engine::stage("an_image_that_is_not_this_gateways") else { return };
    stage.start();
    for image in ["docker.io/library/alpine", "--privileged", ""] {
        let started = stage.start_container(SESSION, image);
        assert!(!stage.done(started), "{image}");
    }
    assert_eq!(podman(&stage, &["ps", "--all", "--quiet"]), "");
}

#[test]
fn a_container_killed_while_it_starts_is_gone() {
    let Some(mut stage) = engine::stage("a_container_killed_while_it_starts") else { return };
    stage.start();
    for _ in 0..3 {
        let started = stage.start_container(SESSION, IMAGE);
        let killed = stage.kill_container(SESSION);
        stage.done(started);
        assert!(stage.done(killed));
        assert_eq!(podman(&stage, &["ps", "--all", "--quiet"]), "");
    }
    assert!(stage.gone.is_empty());
}

fn show(stage: &Stage) -> String {
    let socket = stage.places.sessions().join(SESSION.to_string()).join("page.sock");
    let mut page = UnixStream::connect(socket).unwrap();
    page.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    page.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut shown = String::new();
    page.read_to_string(&mut shown).unwrap();
    shown
}

pub fn pid(stage: &Stage) -> Option<i32> {
    podman(stage, &["ps", "--format={{.Pid}}"]).trim().parse().ok()
}

pub fn podman(stage: &Stage, args: &[&str]) -> String {
    let output = Command::new(stage.podman.as_ref().unwrap()).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
