//! Scripts that work, fail, hang, shout and change.

use crate::stage::{Stage, alive};
use std::{fs, time::Duration};
use viworks_agent::{
    clock::{instant, wait_until},
    config::Users,
};
use viworks_domain::{gateway_bus::Place, ids::UserId, user::StepFailure};

const USER: UserId = UserId([9; 16]);

#[test]
fn a_script_gets_its_two_words_a_user_of_its_own_its_directory_and_nothing_else() {
    let Some(mut stage) = Stage::set("a_script_gets_its_two_words") else { return };
    let tell = "exec > ../records/told; echo \"$# $1 $2\"; id -u; id -g; id -G; pwd; env; grep CapPrm /proc/self/status; cat";
    stage.script(tell, "exit 0");
    let ticket = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(ticket), Ok(()));
    let told = fs::read_to_string(stage.dir().join("records/told")).unwrap();
    let told: Vec<&str> = told.lines().collect();
    let scripts = Users::default().scripts.to_string();
    assert_eq!(told[0], format!("2 create {USER}"));
    assert_eq!(told[1..4], [&scripts, &scripts, &scripts]);
    assert_eq!(told[4], stage.dir().join("scripts").to_str().unwrap());
    // Whatever a shell sets by itself, and nothing that we are started with.
    let ours: Vec<_> = told
        .iter()
        .filter(|l| {
            l.contains('=') && !["PWD=", "OLDPWD=", "SHLVL=", "_=", "PATH="].iter().any(|w| l.starts_with(w))
        })
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
    assert_eq!(told.last().unwrap().split_whitespace().last(), Some("0000000000000000"));
}

#[test]
fn a_script_that_fails_says_so_and_what_it_said_stays_in_the_journal_here() {
    let Some(mut stage) = Stage::set("a_script_that_fails") else { return };
    stage.script("echo the directory said no; echo really >&2; exit 3", "exit 0");
    let failing = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(failing), Err(StepFailure::ScriptFailed));
    let journal = fs::read_to_string(stage.places.runner().join("scripts.log")).unwrap();
    assert!(journal.contains("the directory said no") && journal.contains("really"), "{journal}");
    assert!(journal.contains(&format!("vpn-user create {USER} attempt 1")), "{journal}");
    // The other step stands, and this one can be tried again.
    let other = stage.run_script(Place::Panel, USER);
    assert_eq!(stage.script_ended(other), Ok(()));
    stage.script("exit 0", "exit 0");
    let again = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(again), Ok(()));
}

#[test]
fn a_script_that_prints_a_megabyte_is_too_loud_and_ends() {
    let Some(mut stage) = Stage::set("a_script_that_prints_a_megabyte") else { return };
    stage.script("echo $$ > ../records/pid; head -c 1048576 /dev/zero | tr '\\0' 'x'; sleep 600", "exit 0");
    let ticket = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(ticket), Err(StepFailure::ScriptTooLoud));
    assert!(dies(recorded(&stage, "pid")));
    let journal = fs::metadata(stage.places.runner().join("scripts.log")).unwrap().len();
    assert!(journal < 80 * 1024, "{journal} bytes");
}

#[test]
fn a_script_that_hangs_is_ended_with_what_it_started_while_the_other_steps_go_on() {
    let Some(mut stage) = Stage::set("a_script_that_hangs") else { return };
    stage.script("sleep 600 & echo $! > ../records/child; echo $$ > ../records/pid; wait", "exit 0");
    let from = instant();
    let hanging = stage.run_script(Place::Vpn, USER);
    let panel = stage.run_script(Place::Panel, USER);
    assert_eq!(stage.script_ended(panel), Ok(()));
    assert!(!stage.is_answered(hanging));
    assert_eq!(stage.script_ended(hanging), Err(StepFailure::ScriptTimedOut));
    assert!((29..45).contains(&from.elapsed().as_secs()), "{:?}", from.elapsed());
    for name in ["pid", "child"] {
        assert!(dies(recorded(&stage, name)), "{name}");
    }
}

#[test]
fn a_script_that_ends_leaves_nothing_running_either() {
    let Some(mut stage) = Stage::set("a_script_that_ends") else { return };
    stage.script("sleep 600 > /dev/null 2>&1 & echo $! > ../records/child", "exit 0");
    let ticket = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(ticket), Ok(()));
    assert!(dies(recorded(&stage, "child")));
}

#[test]
fn a_script_whose_bytes_changed_or_that_is_not_named_does_not_run() {
    let Some(mut stage) = Stage::set("a_script_whose_bytes_changed") else { return };
    stage.script("touch ../records/ran", "exit 0");
    let path = stage.dir().join("scripts/vpn-user");
    let changed = fs::read_to_string(&path).unwrap() + "# one more line\n";
    fs::write(&path, changed).unwrap();
    let ticket = stage.run_script(Place::Vpn, USER);
    assert_eq!(stage.script_ended(ticket), Err(StepFailure::ScriptNotAllowed));
    fs::write(stage.places.scripts(), "").unwrap();
    let ticket = stage.run_script(Place::Panel, USER);
    assert_eq!(stage.script_ended(ticket), Err(StepFailure::ScriptNotAllowed));
    assert!(!stage.dir().join("records/ran").exists());
}

/// Killed, and the kernel is a moment about it.
fn dies(pid: i32) -> bool {
    wait_until(Duration::from_secs(5), || !alive(pid))
}

fn recorded(stage: &Stage, name: &str) -> i32 {
    fs::read_to_string(stage.dir().join("records").join(name)).unwrap().trim().parse().unwrap()
}
