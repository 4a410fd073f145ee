//! NATS JWTs (version 2): what an operator says of accounts, and accounts of users.

use super::{
    nkey::{KeyPair, Kind},
    permissions::Permissions,
};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use viworks_domain::Millis;

/// `{"typ":"JWT","alg":"ed25519-nkey"}`
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

/// A user's JWT lives this long by default; a revoked gateway cannot come back with an old one for longer.
pub const USER_LIFETIME: std::time::Duration = std::time::Duration::from_secs(3600);

/// Signs `nats` as the claims of `subject`.
pub fn sign(
    issuer: &KeyPair,
    subject: &str,
    name: &str,
    issued_at: Millis,
    expires_at: Option<Millis>,
    nats: Value,
) -> String {
    let mut claims = Map::new();
    claims.insert("iat".to_owned(), json!(issued_at.0 / 1000));
    claims.insert("iss".to_owned(), json!(issuer.public()));
    claims.insert("name".to_owned(), json!(name));
    claims.insert("sub".to_owned(), json!(subject));
    if let Some(expires_at) = expires_at {
        claims.insert("exp".to_owned(), json!(expires_at.0 / 1000));
    }
    claims.insert("nats".to_owned(), nats);
    // The id is the hash of the claims without it.
    let id = Sha256::digest(Value::Object(claims.clone()).to_string());
    claims.insert("jti".to_owned(), json!(BASE32_NOPAD.encode(&id)));
    let signed = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(HEADER.as_bytes()),
        BASE64URL_NOPAD.encode(Value::Object(claims).to_string().as_bytes())
    );
    let signature = BASE64URL_NOPAD.encode(&issuer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a JWT, unverified: for reading back what we signed ourselves.
pub fn read(jwt: &str) -> Option<Value> {
    let claims = jwt.split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()
}

/// When it was issued, in Unix seconds.
pub fn issued_at(jwt: &str) -> Option<u64> {
    read(jwt)?.get("iat")?.as_u64()
}

/// When it expires, if it does.
pub fn expires_at(jwt: &str) -> Option<Millis> {
    read(jwt)?.get("exp")?.as_u64().map(|seconds| Millis(seconds * 1000))
}

/// The operator trusts `signing_key` to sign accounts, so that its own key can be kept offline.
pub(super) fn operator(system_account: &str, signing_key: &str) -> Value {
    json!({
        "type": "operator",
        "version": 2,
        "system_account": system_account,
        "signing_keys": [signing_key],
        "strict_signing_key_usage": false,
    })
}

/// An account with its limits said explicitly (absent ones would mean none or all, depending).
pub(super) fn account(limits: Value, more: Value) -> Value {
    let mut claims = Map::from_iter([
        ("type".to_owned(), json!("account")),
        ("version".to_owned(), json!(2)),
        ("limits".to_owned(), limits),
    ]);
    if let Value::Object(more) = more {
        claims.extend(more);
    }
    Value::Object(claims)
}

/// Of an account: connections as given (-1: any), nothing else limited, no JetStream of its own.
pub(super) fn limits(connections: i64) -> Value {
    json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "conn": connections, "leaf": 0, "wildcards": true,
    })
}

pub(super) fn user(permissions: &Permissions) -> Value {
    json!({
        "type": "user",
        "version": 2,
        "pub": { "allow": permissions.publish },
        "sub": { "allow": permissions.subscribe },
        "subs": -1, "data": -1, "payload": -1,
        "allowed_connection_types": ["STANDARD"],
    })
}

/// Whether this text can be a user's or account's public key and nothing that widens a permission.
pub(super) fn names_key(kind: Kind, text: &str) -> bool {
    super::nkey::is_public(kind, text)
}
