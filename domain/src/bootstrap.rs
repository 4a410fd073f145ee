//! What turns a verified session into a connection, once: the secrets that desktop and gateway share.
//!
//! They are made by the route, sealed to the gateway in the command and the event, and handed to the desktop
//! in one HTTPS response after the gateway has confirmed. The control plane keeps no copy.

use crate::{
    Millis,
    ids::{BootstrapId, GatewayId, SessionId},
    label::Label,
    seal::{self, SealedBox, Unsealable},
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Sealed to the gateway's opening key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secrets {
    pub spa_key: [u8; 32],
    /// The published path's random part: `/s/<base32>/`.
    pub path: [u8; 16],
    /// As the server saw it: the only address the door opens for.
    #[zeroize(skip)]
    pub client_address: IpAddr,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// The path as it stands in a URL: 26 characters.
pub fn path_text(path: &[u8; 16]) -> String {
    crate::ids::SessionId(*path).to_string()
}

/// What the box is bound to.
pub fn sealed_aad(
    gateway: GatewayId,
    session: SessionId,
    bootstrap: BootstrapId,
    use_before: Millis,
) -> Vec<u8> {
    seal::aad(&[gateway.as_bytes(), session.as_bytes(), bootstrap.as_bytes()], use_before)
}

/// Opened by the gateway.
pub fn open(sealed: &SealedBox, aad: &[u8], key: &p256::SecretKey) -> Result<Secrets, Unsealable> {
    let plain = seal::open_with(sealed, Label::SealBootstrap, aad, key)?;
    crate::bytes::decode(&plain).map_err(|_| Unsealable)
}

/// Where the published page is inside the tunnel: every gateway's tunnel network is a /24 whose first address
/// is the gateway's own.
pub fn gateway_in_tunnel(assigned: std::net::Ipv4Addr) -> std::net::Ipv4Addr {
    let [a, b, c, _] = assigned.octets();
    std::net::Ipv4Addr::new(a, b, c, 1)
}
