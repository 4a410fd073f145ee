//! `viworks-replay` itself, against a real nats-server with the reader's credentials.

#![expect(clippy::expect_used, reason = "the helpers of tests end them where something is not as it must be")]

mod story;

use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};
use viworks_domain::{
    actor::Actor,
    aggregate::LogIdentity,
    decision::{Outcome, Recorded},
    event::{AggregateRef, StoredEvent},
};
use viworks_nats::{
    event_store::EventStore,
    identity::role::BusRole,
    testing::{TestServer, now},
};
use viworks_projections::{Database, NoKeys, Projector};

const LOG: LogIdentity = LogIdentity { log_id: story::LOG_ID, epoch: 1 };

/// A bus that holds a log, and what an auditor was given for it.
struct Place {
    server: TestServer,
    files: tempfile::TempDir,
}

impl Place {
    async fn holding(log: &story::Log) -> Self {
        let server = TestServer::start().await;
        let store = EventStore::new(server.bus(BusRole::Worker).await);
        let mut last = HashMap::new();
        for recorded in &log.decisions {
            let expected = last.get(&recorded.decision.aggregate).copied().unwrap_or(0);
            let seq = store.append(&recorded.decision, expected).await.expect("appended");
            assert_eq!(seq, recorded.seq);
            last.insert(recorded.decision.aggregate, seq);
        }
        let place = Self { server, files: tempfile::tempdir().expect("a directory") };
        let credentials = place.server.operator().role_credentials(BusRole::Reader, now()).expect("minted");
        place.write_closed("reader.creds", &credentials);
        place
    }

    fn write_closed(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        let mut file =
            fs::File::options().write(true).create_new(true).mode(0o600).open(&path).expect("made");
        file.write_all(text.as_bytes()).expect("written");
        path
    }

    fn replay(&self) -> Command {
        let given = |name: &str| self.server.directory().join(name);
        let mut replay = Command::new(env!("CARGO_BIN_EXE_viworks-replay"));
        replay.arg("--bus").arg(self.server.url()).arg("--ca").arg(given("bus-ca.pem"));
        replay.arg("--cert").arg(given("client.pem")).arg("--key").arg(given("client.key"));
        replay.arg("--creds").arg(self.files.path().join("reader.creds"));
        replay.env_remove("VIWORKS_BUS_URLS").env_remove("VIWORKS_DATABASE_URL");
        replay
    }

    fn ask(&self, words: &[&str]) -> Output {
        self.replay().args(words).output().expect("it runs")
    }

    fn json(&self, words: &[&str]) -> Value {
        let said = self.ask(&[words, &["--json"]].concat());
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice(&said.stdout).expect("JSON")
    }

    /// A database that a projector has brought up to these decisions.
    async fn projected(&self, decisions: &[Recorded]) -> String {
        let url = format!("sqlite://{}", self.files.path().join("live/projections.sqlite").display());
        let database = Database::open(&url).await.expect("opened");
        let mut projector = Projector::open(database.clone(), LOG, NoKeys).await.expect("a projector");
        projector.apply(decisions).await.expect("projected");
        database.close().await;
        url
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_story_is_told_from_the_bus_under_one_correlation() {
    let place = Place::holding(&story::whole()).await;
    let id = story::SESSION.to_string();
    let answer = place.json(&["timeline", &id]);
    let rows = answer["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 21);
    let under: BTreeSet<_> = rows.iter().filter_map(|row| row["correlation"].as_str()).collect();
    assert_eq!(under, BTreeSet::from([story::ADAS_SESSION.to_string().as_str()]));
    for field in ["seq", "at", "actor", "kind", "summary"] {
        assert!(rows.iter().all(|row| !row[field].is_null()), "{field}");
    }

    let text = place.ask(&["timeline", &id]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert_eq!(text.matches("correlation").count(), 1, "said once:\n{text}");
    assert!(text.contains("operator olga") && text.contains("end of the visit"), "{text}");

    let denied = place.ask(&["timeline", &story::DENIED.to_string()]);
    assert!(String::from_utf8_lossy(&denied.stdout).contains("(phone_country)"), "{denied:?}");
}

#[tokio::test]
async fn a_moment_before_the_end_shows_the_session_connected() {
    let place = Place::holding(&story::whole()).await;
    let then = story::connected().now().to_string();
    let answer = place.json(&["at", &then, "--session", &story::SESSION.to_string()]);
    assert_eq!(answer["row"]["state"], "connected");
    assert_eq!(answer["row"]["address"], "10.8.0.10");
    assert_eq!(answer["row"]["resources"][0], "intranet");
    assert_eq!(answer["seq"], story::connected().decisions.len());

    let all = place.json(&["at", &then]);
    assert_eq!(all["sessions"][0]["state"], "connected");
    assert_eq!(all["users"][0]["name"], Value::Null);
    let before = place.ask(&["at", "2025-01-01T00:00:00Z", "--session", &story::SESSION.to_string()]);
    assert_eq!(before.status.code(), Some(66));
}

#[tokio::test]
async fn personal_data_is_told_to_whom_a_key_was_given() {
    let place = Place::holding(&story::whole()).await;
    let keys = place.write_closed("keys", &format!("{} {}\n", story::ADA, "09".repeat(32)));
    let id = story::SESSION.to_string();
    let answer = place.json(&["timeline", &id, "--personal-keys", &keys.display().to_string()]);
    assert_eq!(answer["rows"][0]["actor"]["name"], "ada");
    assert!(!place.json(&["timeline", &id]).to_string().contains("\"ada\""));
}

#[tokio::test]
async fn projections_that_grew_are_equal_to_a_fresh_fold_and_need_not_be_at_the_logs_end() {
    let log = story::whole();
    let place = Place::holding(&log).await;
    let part = log.decisions.len() - 4;
    let url = place.projected(&log.decisions[..part]).await;
    let checked = place.json(&["rebuild", "--check", "--database", &url]);
    assert_eq!(checked["equal"], true);
    assert_eq!(checked["seq"], part);
    assert_eq!(checked["behind"], 4);
    assert!(checked["compared"].as_u64() > Some(20));

    place.projected(&log.decisions).await;
    let checked = place.json(&["rebuild", "--check", "--database", &url]);
    assert_eq!((&checked["equal"], &checked["behind"]), (&true.into(), &0.into()));
}

#[tokio::test]
async fn a_projection_that_differs_is_shown_row_by_row_and_fails_the_check() {
    let log = story::whole();
    let place = Place::holding(&log).await;
    // What grew missed that Ada's first step was done.
    let mut grown = log.decisions.clone();
    let step = grown.iter_mut().find(|r| r.decision.aggregate == story::ADA.into() && r.seq > 6);
    step.expect("a step").decision.events.clear();
    let url = place.projected(&grown).await;
    let said = place.ask(&["rebuild", "--check", "--database", &url, "--json"]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let checked: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(checked["equal"], false);
    let found = checked["differences"].as_array().expect("differences");
    let step = found.iter().find(|d| d["table"] == "user_steps" && d["column"] == "state").expect("the step");
    assert_eq!((&step["live"], &step["fresh"]), (&"pending".into(), &"done".into()));

    let text = place.ask(&["rebuild", "--check", "--database", &url]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("not equal"));
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_told_by_a_projection_that_had_seen_it() {
    let log = story::whole();
    let place = Place::holding(&story::connected()).await;
    let url = place.projected(&log.decisions).await;
    let said = place.ask(&["rebuild", "--check", "--database", &url]);
    assert_eq!(said.status.code(), Some(65), "{said:?}");
    assert!(told(&said).contains("lost decisions"), "{}", told(&said));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let place = Place::holding(&story::connected()).await;
    let path = place.files.path().join("none.sqlite");
    let said = place.ask(&["rebuild", "--check", "--database", &format!("sqlite://{}", path.display())]);
    assert_eq!(said.status.code(), Some(66));
    assert!(!path.exists());
}

#[tokio::test]
async fn an_unknown_event_version_stops_every_verb_with_stream_sequence_and_version() {
    let mut log = story::connected();
    let unknown = StoredEvent { kind: 14, version: 9, bytes: vec![] };
    let ada = Actor::User { id: story::ADA };
    let seq = log.decide(story::SESSION, &ada, story::ADAS_SESSION, Outcome::Accepted, vec![unknown]);
    let place = Place::holding(&log).await;
    let url = place.projected(&log.decisions[..3]).await;
    let later = (seq + 1).to_string();
    for words in [
        &["timeline", &story::SESSION.to_string()][..],
        &["timeline", &story::BOBS_SIGN_IN.to_string()],
        &["at", &later],
        &["at", "2030-01-01T00:00:00Z"],
    ] {
        let said = place.ask(words);
        assert_eq!(said.status.code(), Some(65), "{words:?}: {said:?}");
        let text = told(&said);
        for part in ["VW_EVENTS", &format!("sequence {seq}"), "session event 14 version 9"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    // Up to the projection's checkpoint everything can be read.
    assert!(place.ask(&["rebuild", "--check", "--database", &url]).status.success());
}

#[tokio::test]
async fn bytes_that_are_no_decision_or_half_of_one_stop_the_reader_at_their_sequence() {
    let log = story::connected();
    let half = log.decisions[0].decision.to_bytes();
    for wrong in [b"not a decision".to_vec(), half[..half.len() / 2].to_vec()] {
        let place = Place::holding(&log).await;
        let worker = place.server.bus(BusRole::Worker).await;
        let subject = format!("vw.evt.{}", AggregateRef::from(story::BOB));
        let stored = worker.jetstream.publish(subject, wrong.into()).await.expect("sent");
        let seq = stored.await.expect("stored").sequence;
        let said = place.ask(&["at", "2030-01-01T00:00:00Z"]);
        assert_eq!(said.status.code(), Some(65));
        for part in [&format!("VW_EVENTS sequence {seq}"), "version 1"] {
            assert!(told(&said).contains(part), "{part} in {}", told(&said));
        }
    }
}

#[tokio::test]
async fn an_unknown_id_and_an_empty_log_are_said_to_be_so() {
    let place = Place::holding(&story::Log::default()).await;
    let said = place.ask(&["timeline", &story::SESSION.to_string()]);
    assert_eq!(said.status.code(), Some(66));
    assert!(told(&said).contains("nothing is known"), "{}", told(&said));
    let nothing = place.json(&["at", "2030-01-01T00:00:00Z"]);
    assert_eq!(nothing["seq"], 0);
}

#[tokio::test]
async fn a_bus_that_is_away_is_told_apart_from_a_log_that_cannot_be_read() {
    let mut place = Place::holding(&story::Log::default()).await;
    place.server.kill();
    let said = place.ask(&["at", "1"]);
    assert_eq!(said.status.code(), Some(69), "{said:?}");
}

#[test]
fn wrong_usage_and_missing_places_have_their_own_code() {
    let run = |words: &[&str]| {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_viworks-replay"));
        replay.env_remove("VIWORKS_BUS_URLS").args(words).output().expect("it runs")
    };
    assert_eq!(run(&["timeline", "nobody"]).status.code(), Some(64));
    let nowhere = run(&["at", "1"]);
    assert_eq!(nowhere.status.code(), Some(64));
    assert!(told(&nowhere).contains("--creds"), "{}", told(&nowhere));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    let bash = run(&["completions", "bash"]);
    assert!(bash.status.success() && String::from_utf8_lossy(&bash.stdout).contains("timeline"));
}
