//! What is the same in every history, made once.

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use std::{net::Ipv4Addr, sync::OnceLock, time::Duration};
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    bytes,
    device::{DeviceKeys, enrolment_input},
    enforcer::{Ceiling, Pool},
    gateway::{Endpoint, Identity},
    gateway_bus::{KeySet, SignedKeySet},
    ids::{Digest, LogId, OfferId, UserId},
    personal::{DataKey, Personal, Profile, Whereabouts},
    policy::{CountryRule, Document, KeyProtection, PostureRule, PostureValues, Protocol, Resource},
    seal::SealedBox,
    user::PasswordHash,
};

pub(super) const LOG: LogIdentity = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };
pub(super) const START: u64 = 1_800_000_000_000;
pub(super) const OFFER_SECRET: Digest = Digest([7; 32]);
pub(super) const GATEWAY_SECRET: Digest = Digest([8; 32]);

pub(super) struct Fixtures {
    pub profile: Personal<Profile>,
    pub password: Personal<PasswordHash>,
    pub whereabouts: Personal<Whereabouts>,
    pub keys: DeviceKeys,
    pub root: ed25519_dalek::VerifyingKey,
    pub key_set: SignedKeySet,
    signing: SigningKey,
}

pub(super) fn fixtures() -> &'static Fixtures {
    static FIXTURES: OnceLock<Fixtures> = OnceLock::new();
    FIXTURES.get_or_init(make)
}

#[expect(clippy::expect_used, reason = "constants that are valid keys")]
fn make() -> Fixtures {
    let user = UserId([0; 16]);
    let key = DataKey([2; 32]);
    let signing = SigningKey::from_slice(&[3; 32]).expect("a valid scalar");
    let sign = signing.verifying_key().to_sec1_point(false).as_bytes().to_vec();
    let root = ed25519_dalek::SigningKey::from_bytes(&[4; 32]);
    let set = KeySet { epoch: 1, keys: vec![[5; 32]], not_after: Millis::MAX };
    Fixtures {
        profile: Personal::seal(&Profile { username: "ada".into() }, user, &key, [0; 24]),
        password: Personal::seal(&PasswordHash("phc".into()), user, &key, [0; 24]),
        whereabouts: Personal::seal(
            &Whereabouts { address: Ipv4Addr::LOCALHOST.into(), desktop_name: "desk".into() },
            user,
            &key,
            [0; 24],
        ),
        keys: DeviceKeys { agree: sign.clone(), sign, protection: KeyProtection::Hardware },
        root: root.verifying_key(),
        key_set: SignedKeySet::sign(&set, &root),
        signing,
    }
}

impl Fixtures {
    /// The phone's proof for its offer. One key serves all phones of a history, and one signature all offers
    /// with the same id: making it is slow and not what is tested here.
    pub fn enrolment(&self, offer: OfferId) -> Vec<u8> {
        let signature: Signature = self.signing.sign(&enrolment_input(offer, OFFER_SECRET, &self.keys));
        signature.to_bytes().to_vec()
    }
}

pub(super) fn sealed() -> SealedBox {
    SealedBox { enc: vec![], ciphertext: vec![] }
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint { address: Ipv4Addr::new(10, 77, 0, 2), spa_port: 62201, tls_port: 443 }
}

#[expect(clippy::expect_used, reason = "a constant that is a valid account")]
pub(super) fn identity() -> Identity {
    Identity {
        account: format!("A{}", "B".repeat(55)).parse().expect("an account"),
        bus_user: "U".into(),
        opening_key: vec![4; 65],
        report_key: [5; 32],
        server_key: Digest([6; 32]),
    }
}

pub(super) fn ceiling() -> Ceiling {
    Ceiling {
        networks: "10.78.0.0/24".parse().into_iter().collect(),
        images: vec!["page".into()],
        longest: Duration::from_secs(24 * 3600),
        sessions: 64,
    }
}

pub(super) const fn pool() -> Pool {
    Pool { first: Ipv4Addr::new(10, 8, 0, 10), last: Ipv4Addr::new(10, 8, 0, 250) }
}

#[expect(clippy::expect_used, reason = "constants that are countries")]
pub(super) fn document(max_minutes: u32, lease_seconds: u32, concurrent: u32, allowed: &str) -> Document {
    Document {
        name: "office".into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule { allow: vec![allowed.parse().expect("a country")], deny: vec![] },
        posture: PostureRule::default(),
        resources: vec![Resource {
            label: "files".into(),
            address: Ipv4Addr::new(10, 78, 0, 2),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        image: "page".into(),
        max_minutes,
        lease_seconds,
        concurrent_sessions: concurrent,
    }
}

#[expect(clippy::expect_used, reason = "constants that are countries")]
pub(super) fn report(country: &str, now: Millis) -> Vec<u8> {
    bytes::encode(&PostureValues {
        reported_at: now,
        os: "android".into(),
        os_version: "16".into(),
        network_country: Some(country.parse().expect("a country")),
        sim_country: None,
        rooted: false,
        emulator: false,
        screen_lock: true,
        key_protection: KeyProtection::Hardware,
    })
}
