//! What the server must be before anything is served: asked over the system account, answered with what to
//! set.

use async_nats::Client;
use futures_util::StreamExt;
use serde_json::Value;
use std::{fmt, time::Duration};

/// The oldest server whose faults that matter here are mended.
pub const OLDEST: (u64, u64, u64) = (2, 15, 1);
/// The first server answers within this or there is none.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// The others of a cluster answer within this after it.
const FURTHER_ANSWERS: Duration = Duration::from_millis(250);

/// One thing that is wrong, with what to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    TooOld { server: String, version: String },
    NoJetStream { server: String },
    NoFileStorage { server: String },
    NotSynced { server: String },
    NoTls { server: String },
    NoClientCertificates { server: String },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = OLDEST;
        match self {
            Self::TooOld { server, version } => write!(
                f,
                "nats-server {server} is {version}; install {major}.{minor}.{patch} or newer (`cargo xtask setup` brings one)"
            ),
            Self::NoJetStream { server } => {
                write!(
                    f,
                    "nats-server {server} runs without JetStream; add `jetstream {{ store_dir: .. }}` to nats.conf"
                )
            }
            Self::NoFileStorage { server } => {
                write!(
                    f,
                    "nats-server {server} names no directory for streams; set `jetstream.store_dir` in nats.conf"
                )
            }
            Self::NotSynced { server } => write!(
                f,
                "nats-server {server} acknowledges before it fsyncs; set `jetstream.sync_interval: always` in nats.conf"
            ),
            Self::NoTls { server } => {
                write!(
                    f,
                    "nats-server {server} accepts connections without TLS; add a `tls` block to nats.conf"
                )
            }
            Self::NoClientCertificates { server } => write!(
                f,
                "nats-server {server} asks clients for no certificate; set `tls.verify: true` in nats.conf"
            ),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "no nats-server answers over the system account; is it running with the configuration that `viworks init` wrote?"
    )]
    Silent,
    #[error("the server's account of itself was not understood")]
    Unintelligible,
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Objections(Vec<Objection>),
}

/// Asks every server of the system (`system` is a connection of the system account's user); all objections at
/// once.
pub async fn check(system: &Client) -> Result<(), Refused> {
    let inbox = system.new_inbox();
    let mut answers = system.subscribe(inbox.clone()).await.map_err(|_| Refused::Silent)?;
    system
        .publish_with_reply("$SYS.REQ.SERVER.PING.VARZ", inbox, "".into())
        .await
        .map_err(|_| Refused::Silent)?;
    let mut objections = Vec::new();
    let mut patience = FIRST_ANSWER;
    let mut heard = false;
    while let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await {
        if answer.status.is_some() {
            break;
        }
        let answer: Value = serde_json::from_slice(&answer.payload).map_err(|_| Refused::Unintelligible)?;
        objections.extend(judge(answer.get("data").ok_or(Refused::Unintelligible)?));
        heard = true;
        patience = FURTHER_ANSWERS;
    }
    match (heard, objections.is_empty()) {
        (false, _) => Err(Refused::Silent),
        (true, true) => Ok(()),
        (true, false) => Err(Refused::Objections(objections)),
    }
}

/// What is wrong with a server that says this of itself (its `VARZ`). Anything not said is wrong.
pub fn judge(varz: &Value) -> Vec<Objection> {
    let text = |pointer: &str| varz.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is = |pointer: &str| varz.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
    let server = text("/server_name").to_owned();
    let mut objections = Vec::new();
    let version = text("/version");
    if parse(version).is_none_or(|version| version < OLDEST) {
        objections.push(Objection::TooOld { server: server.clone(), version: version.to_owned() });
    }
    if varz.pointer("/jetstream/config").is_none() {
        objections.push(Objection::NoJetStream { server: server.clone() });
    } else {
        if text("/jetstream/config/store_dir").is_empty() {
            objections.push(Objection::NoFileStorage { server: server.clone() });
        }
        // `sync_interval` reads two minutes even then: this is the field that tells.
        if !is("/jetstream/config/sync_always") {
            objections.push(Objection::NotSynced { server: server.clone() });
        }
    }
    if !is("/tls_required") {
        objections.push(Objection::NoTls { server });
    } else if !is("/tls_verify") {
        objections.push(Objection::NoClientCertificates { server });
    }
    objections
}

/// `2.15.1` or `2.16.0-beta.1`.
fn parse(version: &str) -> Option<(u64, u64, u64)> {
    let release = version.split(['-', '+']).next()?;
    let mut numbers = release.split('.').map(|number| number.parse::<u64>().ok());
    let parsed = (numbers.next()??, numbers.next()??, numbers.next()??);
    // What comes before a release is older than it.
    if version.contains('-') && parsed == OLDEST { None } else { Some(parsed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "server_name": "n1", "version": "2.15.1", "tls_required": true, "tls_verify": true,
            "jetstream": { "config": { "store_dir": "/var/lib/nats", "sync_always": true } },
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut varz = good();
        *varz.pointer_mut(pointer).unwrap() = value;
        varz
    }

    fn n1() -> String {
        "n1".to_owned()
    }

    #[test]
    fn a_server_as_configured_passes() {
        assert_eq!(judge(&good()), []);
        assert_eq!(judge(&with("/version", json!("2.16.0-beta.2"))), []);
    }

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        for version in ["2.9.10", "2.15.0", "1.99.99", "2.15.1-rc.3", "", "new"] {
            assert_eq!(
                judge(&with("/version", json!(version))),
                [Objection::TooOld { server: n1(), version: version.to_owned() }],
                "{version}"
            );
        }
    }

    #[test]
    fn acknowledgements_before_the_fsync_are_refused_and_the_text_says_what_to_set() {
        let objections = judge(&with("/jetstream/config/sync_always", json!(false)));
        assert_eq!(objections, [Objection::NotSynced { server: n1() }]);
        assert!(objections[0].to_string().contains("sync_interval: always"));
    }

    #[test]
    fn a_server_without_storage_tls_or_client_certificates_is_refused() {
        assert_eq!(judge(&with("/jetstream", json!({}))), [Objection::NoJetStream { server: n1() }]);
        assert_eq!(
            judge(&with("/jetstream/config/store_dir", json!(""))),
            [Objection::NoFileStorage { server: n1() }]
        );
        assert_eq!(judge(&with("/tls_required", json!(false))), [Objection::NoTls { server: n1() }]);
        assert_eq!(
            judge(&with("/tls_verify", json!(false))),
            [Objection::NoClientCertificates { server: n1() }]
        );
    }

    #[test]
    fn a_server_that_says_nothing_of_itself_is_refused_on_every_count() {
        assert_eq!(judge(&json!({})).len(), 3);
    }
}
