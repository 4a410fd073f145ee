//! The runner dies, by SIGKILL: what it runs lives on and is found by the next; an answer goes to its asker.

use crate::{
    containers::{pid, podman},
    engine,
    stage::{IMAGE, Stage, alive},
};
use viworks_domain::{
    gateway_bus::Place,
    ids::{SessionId, UserId},
};

const SESSION: SessionId = SessionId([6; 16]);

#[test]
fn openvpn_nginx_and_containers_outlive_the_runner_and_end_with_the_agent() {
    let Some(mut stage) = engine::stage("openvpn_nginx_and_containers_outlive_the_runner") else { return };
    stage.start();
    let started = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(started));
    stage.until_up("nginx");
    let before = [stage.pid("openvpn").unwrap(), stage.pid("nginx").unwrap(), pid(&stage).unwrap()];

    stage.kill_runner();
    assert!(before.iter().all(|pid| alive(*pid)));
    assert_eq!(stage.start(), [SESSION]);
    stage.until_up("openvpn");
    stage.until_up("nginx");
    assert_eq!([stage.pid("openvpn").unwrap(), stage.pid("nginx").unwrap(), pid(&stage).unwrap()], before);

    // Adopted means watched.
    podman(&stage, &["kill", "--signal=KILL", &format!("vw-{SESSION}")]);
    stage.until(|stage| stage.gone == [SESSION]);
    let again = stage.start_container(SESSION, IMAGE);
    assert!(stage.done(again));

    let last = pid(&stage).unwrap();
    stage.stop();
    assert!(![before[0], before[1], last].iter().any(|pid| alive(*pid)));
    assert_eq!(podman(&stage, &["ps", "--all", "--quiet"]), "");
}

#[test]
fn openvpn_that_runs_by_an_earlier_configuration_is_started_anew() {
    let Some(mut stage) = Stage::set("openvpn_that_runs_by_an_earlier_configuration") else { return };
    stage.until_up("openvpn");
    let before = stage.pid("openvpn").unwrap();
    stage.kill_runner();
    let config = std::fs::read_to_string(stage.places.config()).unwrap();
    std::fs::write(stage.places.config(), config + "tunnel = \"10.9.0.0/24\"\n").unwrap();
    stage.start();
    stage.until(|stage| stage.pid("openvpn").is_some_and(|pid| pid != before && alive(pid)));
    assert!(!alive(before));
    stage.until_up("nginx");
}

#[test]
fn an_answer_is_not_given_to_a_control_that_did_not_ask() {
    let Some(mut stage) = Stage::set("an_answer_is_not_given_to_a_control") else { return };
    stage.script("sleep 1", "sleep 2");
    let asked = stage.run_script(Place::Vpn, UserId([1; 16]));
    stage.replace_control();
    // The first one's answer would have come by the time this one's has.
    let later = stage.run_script(Place::Panel, UserId([1; 16]));
    assert_eq!(stage.script_ended(later), Ok(()));
    assert!(!stage.is_answered(asked));
}
