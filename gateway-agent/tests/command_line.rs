//! What the command line says and exits with, before it has done anything.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{fs, process::Command};

/// Exit code and standard error.
fn said(args: &[&str], state: &std::path::Path) -> (Option<i32>, String) {
    let mut agent = Command::new(env!("CARGO_BIN_EXE_viworks-agent"));
    let output = agent.args(args).arg("--state").arg(state).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_bad_configuration_is_refused_with_every_problem_and_exit_64() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("agent.toml"), "tunnel = \"10.8.0.0\"\nnetworks = [\"all\"]\n").unwrap();
    let (code, text) = said(&["run"], state.path());
    assert_eq!(code, Some(64), "{text}");
    for problem in ["tunnel:", "networks:", "images:"] {
        assert!(text.contains(problem), "{problem} is not in: {text}");
    }
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("agent.toml"), "image = \"one\"\n").unwrap();
    let (code, text) = said(&["run"], state.path());
    assert!(code == Some(64) && text.contains("image"), "{code:?}: {text}");
}

#[test]
fn what_is_not_a_token_is_not_sent_anywhere() {
    let state = tempfile::tempdir().unwrap();
    let place = state.path().join("gateway");
    let (code, text) = said(&["enrol", "--token", "vwgw1.bm90IGpzb24"], &place);
    assert!(code == Some(64) && text.contains("not an enrolment token"), "{code:?}: {text}");
    assert!(!place.exists());
}

#[test]
fn an_unknown_command_is_bad_usage() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(said(&["enroll"], state.path()).0, Some(64));
}
