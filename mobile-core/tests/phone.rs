//! The real `viworks-authenticator` against a stand-in for the server that lives in this process and checks
//! every signature.
#![expect(clippy::expect_used, reason = "all of this is test code")]

#[path = "phone/server.rs"]
mod server;

use serde_json::Value;
use server::Server;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};
use tempfile::TempDir;
use tokio::process::Command;
use viworks_api::device::DeviceStage;

struct Phone {
    dir: TempDir,
    server: Server,
}

impl Phone {
    async fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), server: Server::start().await }
    }

    async fn enrolled() -> Self {
        let phone = Self::new().await;
        let payload = phone.server.payload().to_text();
        let output = phone.run(&["enrol", "--payload", &payload]).await;
        assert!(output.status.success(), "{output:?}");
        phone
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("phone")
    }

    async fn run(&self, words: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_viworks-authenticator");
        let mut command = Command::new(program);
        command.args(words).args(["--json", "--state"]).arg(self.state()).kill_on_drop(true);
        command.output().await.expect("the authenticator runs")
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn last(output: &Output) -> Value {
    lines(output).pop().unwrap_or_else(|| panic!("nothing was said: {output:?}"))
}

#[tokio::test]
async fn it_enrols_reports_and_shows_the_code_that_only_it_can_open() {
    let phone = Phone::enrolled().await;
    phone.server.stage(Some(DeviceStage::Posture));
    let output = phone.run(&["wait", "--country", "AU", "--sim-country", "AU"]).await;
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output);
    assert_eq!(said[1]["desktop"], "ada's laptop");
    assert_eq!(said[1]["from"], "10.77.0.11");
    assert_eq!(last(&output)["code"], "004217");
    assert!(last(&output)["seconds_left"].as_u64().is_some_and(|left| (100..=120).contains(&left)));
    let report = phone.server.report().expect("a report");
    assert_eq!(report.network_country.map(|c| c.to_string()).as_deref(), Some("AU"));
    assert!(report.screen_lock && !report.rooted);
}

#[tokio::test]
async fn it_stays_until_the_code_was_typed_when_asked_to() {
    let phone = Phone::enrolled().await;
    phone.server.stage(Some(DeviceStage::Posture));
    phone.server.verified_once_shown();
    let output = phone.run(&["wait", "--stay"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(last(&output)["state"], "verified");
}

#[tokio::test]
async fn a_code_that_has_expired_is_replaced() {
    let phone = Phone::enrolled().await;
    phone.server.stage(Some(DeviceStage::CodeExpired));
    let output = phone.run(&["wait"]).await;
    assert_eq!(last(&output)["code"], "004217");
}

#[tokio::test]
async fn a_denial_is_passed_on_in_the_servers_words() {
    let phone = Phone::enrolled().await;
    phone.server.stage(Some(DeviceStage::Posture));
    phone.server.denies();
    let output = phone.run(&["wait"]).await;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(last(&output)["advice"], "ask your administrator");
}

#[tokio::test]
async fn what_an_earlier_sign_in_left_behind_is_not_this_ones_answer() {
    let phone = Phone::enrolled().await;
    phone.server.stage(Some(DeviceStage::Over));
    let server = &phone.server;
    let (output, ()) = tokio::join!(phone.run(&["wait"]), async {
        server.looked_at().await;
        server.stage(Some(DeviceStage::Posture));
    });
    assert_eq!(last(&output)["code"], "004217");
}

#[tokio::test]
async fn this_is_not_me_ends_the_sign_in() {
    let phone = Phone::enrolled().await;
    let nobody = phone.run(&["deny"]).await;
    assert_eq!(last(&nobody)["reason"], "nobody signs in at the moment");
    phone.server.stage(Some(DeviceStage::Posture));
    let output = phone.run(&["deny"]).await;
    assert_eq!(last(&output)["state"], "denied_by_you");
    assert!(phone.server.heard().iter().any(|line| line.ends_with("/deny HTTP/1.1")));
}

#[tokio::test]
async fn a_server_with_another_ca_than_the_codes_is_told_nothing() {
    let phone = Phone::new().await;
    let mut payload = phone.server.payload();
    payload.ca.0[0] ^= 1;
    let output = phone.run(&["enrol", "--payload", &payload.to_text()]).await;
    assert!(!output.status.success());
    assert_eq!(phone.server.heard(), ["GET /v1/ca HTTP/1.1"]);
    assert_eq!(phone.run(&["status"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn a_code_sealed_for_somebody_else_is_shown_to_nobody() {
    let phone = Phone::enrolled().await;
    phone.server.seals_for_another();
    phone.server.stage(Some(DeviceStage::Posture));
    let output = phone.run(&["wait"]).await;
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("004217"));
    assert_eq!(last(&output)["reason"], "this code was not made for this phone");
}

#[tokio::test]
async fn an_enrolled_phone_is_not_enrolled_over_and_a_wide_directory_not_used() {
    let phone = Phone::enrolled().await;
    let payload = phone.server.payload().to_text();
    let again = phone.run(&["enrol", "--payload", &payload]).await;
    assert!(last(&again)["reason"].as_str().is_some_and(|text| text.contains("enrolled phone already")));

    fs::set_permissions(phone.state().join("agree.key"), fs::Permissions::from_mode(0o604)).expect("set");
    let refused = phone.run(&["status"]).await;
    assert!(last(&refused)["reason"].as_str().is_some_and(|text| text.contains("chmod 600")));
}
