//! A wrong password and an unknown name: the same status, the same words, and the same time.

use super::stand::{Stand, key};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::EncodePublicKey as _,
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use viworks_api::{
    bytes::Bytes,
    client::ApiError,
    desktop::{OpenRequest, open_input},
    operator::SignInRequest,
    user::CreateRequest,
};

/// Pairs of sign-ins. Enough to see a difference of a tenth of a hash, which is what a skipped one or a skipped
/// write would be.
const PAIRS: usize = 48;
/// dudect's threshold: beyond it the two are told apart.
const TOLD_APART: f64 = 4.5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_operator_is_not_told_from_a_wrong_password() {
    let stand = Stand::up().await;
    stand.owner().await;
    let client = stand.client();
    let ask = async |known: bool| {
        let name = if known { "owner" } else { "nobody" }.to_owned();
        let request = SignInRequest { name, password: "not the password".into() };
        client.sign_in(&key(), &request).await.map(drop).expect_err("refused")
    };
    compare(ask).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_user_is_not_told_from_a_wrong_password() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let ada = CreateRequest {
        username: "ada".into(),
        password: "the right password".into(),
        policies: vec![],
        gateways: vec![],
        instead: None,
    };
    owner.create_user(&key(), &ada).await.expect("created");
    let client = stand.client();
    let ask = async |known: bool| {
        let name = if known { "ada" } else { "bob" };
        client.open_session(&key(), &opening(name)).await.map(drop).expect_err("refused")
    };
    compare(ask).await;
}

fn opening(name: &str) -> OpenRequest {
    let spki = |seed: u8| {
        let key = p256::SecretKey::from_slice(&[seed; 32]).expect("a scalar");
        key.public_key().to_public_key_der().expect("encodes").as_bytes().to_vec()
    };
    let (session_key, install_key) = (spki(5), spki(6));
    let signer = SigningKey::from_slice(&[6; 32]).expect("a scalar");
    let signature: Signature = signer.sign(&open_input(&session_key, &install_key));
    OpenRequest {
        username: name.into(),
        password: "not the password".into(),
        desktop_name: "a desktop".into(),
        session_key: Bytes(session_key),
        install_key: Bytes(install_key),
        signature: Bytes(signature.to_bytes().to_vec()),
    }
}

/// Asks in turn, in an order that changes, so that whatever else the machine does falls on both alike.
async fn compare(ask: impl AsyncFn(bool) -> ApiError) {
    // The first ones pay for connections and caches.
    for _ in 0..4 {
        same(&ask(true).await, &ask(false).await);
    }
    let (mut wrong, mut unknown) = (vec![], vec![]);
    for n in 0..PAIRS {
        for known in [n % 2 == 0, n % 2 != 0] {
            let began = Instant::now();
            ask(known).await;
            let took = began.elapsed();
            if known { wrong.push(took) } else { unknown.push(took) }
        }
    }
    let t = welch(&trimmed(wrong), &trimmed(unknown));
    assert!(t.abs() < TOLD_APART, "the two are told apart by time: t = {t:.2}");
}

fn same(a: &ApiError, b: &ApiError) {
    let shown = |error: &ApiError| {
        let ApiError::Problem(problem) = error else { panic!("expected a problem; got {error:?}") };
        let mut shown = serde_json::to_value(problem).expect("JSON");
        shown["correlation"] = Value::Null;
        shown
    };
    assert_eq!(shown(a), shown(b));
    assert_eq!(a.code(), Some("sign_in"));
}

/// Without the slowest tenth of each: those measure what else runs here.
fn trimmed(mut times: Vec<Duration>) -> Vec<f64> {
    times.sort();
    times.truncate(times.len() - times.len() / 10);
    times.iter().map(Duration::as_secs_f64).collect()
}

/// Welch's t.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let spread = |x: &[f64], m: f64| x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
    let (ma, mb) = (mean(a), mean(b));
    (ma - mb) / (spread(a, ma) / a.len() as f64 + spread(b, mb) / b.len() as f64).sqrt()
}
