//! Whatever arrives: a 4xx problem, and nothing changed.

use super::stand::Stand;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use viworks_api::client::{AuditQuery, Client};
use viworks_domain::ids::{PolicyId, SessionId, UserId};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Routes that read a body, with one that would be accepted.
fn routes() -> Vec<(&'static str, String, &'static str)> {
    let (policy, user, session) = (PolicyId([1; 16]), UserId([1; 16]), SessionId([1; 16]));
    let document = r#"{"name":"n","time_zone":"UTC","windows":[],"not_after":null,"countries":{"allow":[],"deny":[]},"posture":{},"resources":[],"image":"page","max_minutes":60,"lease_seconds":300,"concurrent_sessions":1}"#;
    let draft: &'static str = Box::leak(format!(r#"{{"document":{document}}}"#).into_boxed_str());
    vec![
        ("POST", "/v1/operator/sign-in".into(), r#"{"name":"x","password":"y"}"#),
        ("POST", "/v1/policies".into(), draft),
        ("PUT", format!("/v1/policies/{policy}"), draft),
        (
            "POST",
            "/v1/gateways".into(),
            r#"{"name":"g","endpoint":{"address":"10.0.0.1","spa_port":1,"tls_port":2}}"#,
        ),
        ("POST", "/v1/users".into(), r#"{"username":"u","password":"12345678","policies":[],"gateways":[]}"#),
        ("POST", format!("/v1/users/{user}/retry-step"), r#"{"step":"directory"}"#),
        ("POST", format!("/v1/sessions/{session}/terminate"), r#"{"reason":"r"}"#),
    ]
}

async fn log_end(owner: &Client) -> u64 {
    owner.audit(&AuditQuery::default()).await.expect("told").rows.first().map_or(0, |row| row.seq)
}

/// Where the log ends once the owner's own sign-in can be seen.
async fn log_end_after_sign_in(owner: &Client) -> u64 {
    loop {
        let told = owner.audit(&AuditQuery::default()).await.expect("told").rows;
        if let Some(row) = told.first().filter(|row| row.kind == "operator.signed_in") {
            return row.seq;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_problems_and_change_nothing() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let bearer = format!("Bearer {token}");
    let auth = ("authorization", bearer.as_str());
    let before = log_end_after_sign_in(&owner).await;
    let deep = "[".repeat(10_000);
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    for (method, path, good) in routes() {
        let unknown = format!(r#"{{"colour":1,{}"#, &good[1..]);
        let first_field = good[1..].split(':').next().expect("a field");
        let twice = format!(r#"{{{first_field}:"a",{}"#, &good[1..]);
        let wrong_type = format!(r#"{{{first_field}:[[7]]}}"#);
        let bodies: [(&str, &[u8]); 10] = [
            ("empty", b""),
            ("not JSON", b"{"),
            ("not UTF-8", b"{\"name\":\"\xff\"}"),
            ("another shape", b"[]"),
            ("null", b"null"),
            ("trailing", b"{} {}"),
            ("deep", deep.as_bytes()),
            ("an unknown field", unknown.as_bytes()),
            ("a field twice", twice.as_bytes()),
            ("a wrong type", wrong_type.as_bytes()),
        ];
        for (what, body) in bodies {
            let answer = stand.send(method, &path, &[auth, JSON], body).await;
            assert_eq!(answer.status, 400, "{method} {path}, {what}: {}", answer.body);
            assert!(answer.body.contains("urn:viworks:problem:malformed"), "{path}, {what}: {}", answer.body);
        }
        let answer = stand.send(method, &path, &[auth, JSON], large.as_bytes()).await;
        assert_eq!(answer.status, 413, "{method} {path}: {}", answer.body);
        let answer =
            stand.send(method, &path, &[auth, ("content-type", "text/plain")], good.as_bytes()).await;
        assert_eq!(answer.status, 415, "{method} {path}: {}", answer.body);
        let packed = [auth, JSON, ("content-encoding", "gzip")];
        let answer = stand.send(method, &path, &packed, good.as_bytes()).await;
        assert_eq!(answer.status, 415, "{method} {path}: {}", answer.body);
    }
    for path in [
        "/v1/policies?limit=many",
        "/v1/policies?cursor=x",
        "/v1/policies?colour=red",
        "/v1/sessions?active=perhaps",
        "/v1/audit?user=%ff",
        "/v1/audit?after=-1",
    ] {
        let answer = stand.send("GET", path, &[auth], b"").await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
    }
    let long = "k".repeat(129);
    let headers = [auth, JSON, ("idempotency-key", long.as_str())];
    let answer = stand.send("POST", &routes()[1].1, &headers, routes()[1].2.as_bytes()).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(log_end(&owner).await, before, "nothing was recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_heads_that_mislead_or_never_end_are_refused() {
    let stand = Stand::up().await;
    let (owner, token) = stand.owner().await;
    let before = log_end_after_sign_in(&owner).await;
    let head = format!(
        "POST /v1/policies HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );

    // A body of unknown length is counted as it comes.
    let mut chunked = format!("{head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n").into_bytes();
    for _ in 0..80 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 1024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(stand.raw(&chunked).await.status, 413);

    // Two lengths, or a length and chunks: what one reader takes for a body, another takes for a request.
    let twice = format!("{head}content-length: 2\r\ncontent-length: 3\r\nconnection: close\r\n\r\n{{}}x");
    assert!(stand.raw(twice.as_bytes()).await.status.is_client_error());
    let both = format!(
        "{head}content-length: 4\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n"
    );
    assert!(stand.raw(both.as_bytes()).await.status.is_client_error());

    // A head that no request of ours has.
    let fat = format!("GET /v1/ca HTTP/1.1\r\nhost: x\r\nx-fat: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert_eq!(stand.raw(fat.as_bytes()).await.status, 431);

    // A head that trickles in is cut off.
    let mut slow = stand.connect().await;
    slow.write_all(b"GET /v1/ca HTTP/1.1\r\nhost:").await.expect("written");
    let mut rest = vec![];
    let ended = tokio::time::timeout(Duration::from_secs(30), slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection of a slow head stays open");
    // So is a body.
    let mut slow = stand.connect().await;
    slow.write_all(format!("{head}content-length: 100\r\n\r\n{{").as_bytes()).await.expect("written");
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), slow.read_exact(&mut answer)).await;
    read.expect("an answer").expect("twelve bytes");
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert_eq!(log_end(&owner).await, before, "nothing was recorded");
}
