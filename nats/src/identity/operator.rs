//! The operator: its keys, the accounts it signs, the users those issue.

use super::{
    accounts,
    claims::{self, USER_LIFETIME},
    credentials::{self, Credentials},
    nkey::{InvalidSeed, KeyPair, Kind},
    permissions::{self, Permissions},
    role::BusRole,
};
use crate::entropy::NoEntropy;
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{fmt, time::Duration};
use viworks_domain::{
    Millis,
    ids::{BusAccount, GatewayId, InvalidId},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Every secret of the bus's operator, to be kept in one file of mode 0600. `operator` may be taken out of it
/// and kept offline once the server is configured: nothing at run time needs it.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct OperatorSecrets {
    pub operator: Option<String>,
    /// Signs accounts.
    pub signing: String,
    pub system_account: String,
    pub control_account: String,
    /// 32 bytes, base32: the keys of the auditors' account and of gateways' accounts derive from it, so none
    /// of those has to be stored.
    pub gateway_root: String,
}

impl fmt::Debug for OperatorSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorSecrets(..)")
    }
}

impl OperatorSecrets {
    pub fn generate() -> Result<Self, NoEntropy> {
        let seed = |kind| KeyPair::generate(kind).map(|pair| pair.seed().as_str().to_owned());
        let root = Zeroizing::new(crate::entropy::bytes::<32>()?);
        Ok(Self {
            operator: Some(seed(Kind::Operator)?),
            signing: seed(Kind::Operator)?,
            system_account: seed(Kind::Account)?,
            control_account: seed(Kind::Account)?,
            gateway_root: data_encoding::BASE32_NOPAD.encode(root.as_slice()),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    #[error(transparent)]
    Seed(#[from] InvalidSeed),
    #[error("the gateway root is not 32 bytes in base32")]
    GatewayRoot,
    #[error("the operator's own key is not here; it was taken offline")]
    OperatorOffline,
}

/// Mints accounts and users.
pub struct Operator {
    operator: Option<KeyPair>,
    signing: KeyPair,
    system: KeyPair,
    control: KeyPair,
    audit: KeyPair,
    gateway_root: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operator(..)")
    }
}

/// What nats-server's configuration holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTrust {
    pub operator_jwt: String,
    pub system_account: String,
    pub system_jwt: String,
    pub control_account: String,
    pub control_jwt: String,
    pub audit_account: String,
    pub audit_jwt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotMint {
    #[error("not the public nkey of a user")]
    NotAUser,
    #[error(transparent)]
    Account(#[from] InvalidId),
}

impl Operator {
    pub fn new(secrets: &OperatorSecrets) -> Result<Self, InvalidSecrets> {
        let root = Zeroizing::new(
            data_encoding::BASE32_NOPAD
                .decode(secrets.gateway_root.as_bytes())
                .map_err(|_| InvalidSecrets::GatewayRoot)?,
        );
        let root: [u8; 32] = root.as_slice().try_into().map_err(|_| InvalidSecrets::GatewayRoot)?;
        let operator =
            secrets.operator.as_deref().map(|seed| KeyPair::from_seed(Kind::Operator, seed)).transpose()?;
        let root = Zeroizing::new(root);
        Ok(Self {
            operator,
            audit: derive(&root, b"viworks/audit-account/v1\0"),
            signing: KeyPair::from_seed(Kind::Operator, &secrets.signing)?,
            system: KeyPair::from_seed(Kind::Account, &secrets.system_account)?,
            control: KeyPair::from_seed(Kind::Account, &secrets.control_account)?,
            gateway_root: root,
        })
    }

    pub fn control_account(&self) -> String {
        self.control.public()
    }

    /// The operator, the system account and the control plane's account, for the server's configuration.
    pub fn server_trust(&self, now: Millis) -> Result<ServerTrust, InvalidSecrets> {
        let operator = self.operator.as_ref().ok_or(InvalidSecrets::OperatorOffline)?;
        let system = self.system.public();
        Ok(ServerTrust {
            operator_jwt: claims::sign(
                operator,
                &operator.public(),
                "viworks",
                now,
                None,
                claims::operator(&system, &self.signing.public()),
            ),
            system_jwt: self.sign_account(
                &system,
                "system",
                now,
                claims::account(claims::limits(-1), json!({})),
            ),
            system_account: system,
            control_jwt: self.sign_account(&self.control.public(), "control", now, accounts::control()),
            control_account: self.control.public(),
            audit_jwt: self.sign_account(
                &self.audit.public(),
                "audit",
                now,
                accounts::audit(&self.control.public()),
            ),
            audit_account: self.audit.public(),
        })
    }

    /// A user for one role. Without `lifetime` it stays valid. Auditors have an account of their own, so that
    /// the server cannot be made to answer them into somebody else's subject.
    pub fn role_user(
        &self,
        role: BusRole,
        user: &str,
        now: Millis,
        lifetime: Option<Duration>,
    ) -> Result<String, CannotMint> {
        let account = if role == BusRole::Reader { &self.audit } else { &self.control };
        mint(account, role.as_str(), user, now, lifetime, &permissions::of(role))
    }

    /// Fresh credentials of a role, as the text of a `.creds` file.
    pub fn role_credentials(
        &self,
        role: BusRole,
        now: Millis,
    ) -> Result<Zeroizing<String>, CredentialsError> {
        let user = KeyPair::generate(Kind::User)?;
        let jwt = self.role_user(role, &user.public(), now, None)?;
        Ok(credentials::to_text(&user, &jwt))
    }

    /// The same for the system account's one user.
    pub fn system_credentials(&self, now: Millis) -> Result<Zeroizing<String>, CredentialsError> {
        let user = KeyPair::generate(Kind::User)?;
        let jwt = mint(&self.system, "system", &user.public(), now, None, &permissions::of_system())?;
        Ok(credentials::to_text(&user, &jwt))
    }

    /// Credentials of a role that live in memory only: a new user, minted anew at every connect.
    pub fn role_in_memory(
        self: &std::sync::Arc<Self>,
        role: BusRole,
        clock: crate::Clock,
    ) -> Result<Credentials, NoEntropy> {
        let user = KeyPair::generate(Kind::User)?;
        let (operator, name) = (std::sync::Arc::clone(self), user.public());
        Ok(Credentials {
            user,
            mint: std::sync::Arc::new(move || {
                let minted = operator
                    .role_user(role, &name, clock(), Some(USER_LIFETIME))
                    .map_err(|error| credentials::NotMinted(error.to_string()));
                Box::pin(async move { minted })
            }),
        })
    }

    /// The account of a gateway; the same one however often it is asked for.
    pub fn gateway_account(&self, gateway: GatewayId) -> Result<BusAccount, CannotMint> {
        Ok(self.gateway_key(gateway).public().parse()?)
    }

    /// The gateway's account for the server: it imports its own four subjects of the control account and
    /// nothing else. What the gateway calls them holds no name; the server fills the account in.
    pub fn gateway_account_jwt(&self, gateway: GatewayId, now: Millis) -> Result<String, CannotMint> {
        let account = self.gateway_account(gateway)?;
        let claims = claims::account(claims::limits(4), accounts::gateway(&account, &self.control.public()));
        Ok(self.sign_account(account.as_str(), "gateway", now, claims))
    }

    /// The same account with every user revoked and no connection allowed.
    pub fn revoked_account_jwt(&self, gateway: GatewayId, now: Millis) -> Result<String, CannotMint> {
        let account = self.gateway_account(gateway)?;
        let claims = claims::account(claims::limits(0), json!({ "revocations": { "*": now.0 / 1000 + 1 } }));
        Ok(self.sign_account(account.as_str(), "gateway", now, claims))
    }

    /// A short-lived JWT for the gateway's own nkey, which never left the gateway.
    pub fn gateway_user(
        &self,
        gateway: GatewayId,
        user: &str,
        now: Millis,
        lifetime: Duration,
    ) -> Result<String, CannotMint> {
        let account = self.gateway_account(gateway)?;
        mint(
            &self.gateway_key(gateway),
            "gateway",
            user,
            now,
            Some(lifetime),
            &permissions::of_gateway(&account),
        )
    }

    /// A user of the control account who may do everything.
    ///
    /// # Panics
    /// When the machine has no entropy.
    #[cfg(feature = "testing")]
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub fn unlimited_for_tests(&self, now: Millis) -> Credentials {
        let user = KeyPair::generate(Kind::User).expect("entropy");
        let all = Permissions { publish: vec![">".to_owned()], subscribe: vec![">".to_owned()] };
        let jwt = mint(&self.control, "unlimited", &user.public(), now, None, &all).expect("a user");
        Credentials::fixed(user, jwt)
    }

    fn gateway_key(&self, gateway: GatewayId) -> KeyPair {
        let purpose = [b"viworks/gateway-account/v1\0".as_slice(), gateway.as_bytes()].concat();
        derive(&self.gateway_root, &purpose)
    }

    fn sign_account(&self, account: &str, name: &str, now: Millis, nats: Value) -> String {
        claims::sign(&self.signing, account, name, now, None, nats)
    }
}

fn derive(root: &[u8; 32], purpose: &[u8]) -> KeyPair {
    let mut secret = Zeroizing::new([0; 32]);
    // 32 bytes are always to be had from HKDF-SHA256, whose limit is 8160.
    let filled = Hkdf::<Sha256>::new(None, root).expand(purpose, secret.as_mut_slice());
    debug_assert!(filled.is_ok());
    KeyPair::from_bytes(Kind::Account, &secret)
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error(transparent)]
    Mint(#[from] CannotMint),
}

/// Names go into permissions: one such as `*` would reach other gateways, so only real keys are named.
fn mint(
    account: &KeyPair,
    name: &str,
    user: &str,
    now: Millis,
    lifetime: Option<Duration>,
    permissions: &Permissions,
) -> Result<String, CannotMint> {
    if !claims::names_key(Kind::User, user) {
        return Err(CannotMint::NotAUser);
    }
    let expires_at = lifetime.map(|lifetime| now.plus(lifetime));
    Ok(claims::sign(account, user, name, now, expires_at, claims::user(permissions)))
}
