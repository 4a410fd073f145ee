//! Bearer tokens: `<kind>_<id>.<secret>`. The id says which fold to ask; the secret is 256 random bits, stored
//! as SHA-256 only.

use data_encoding::BASE64URL_NOPAD;
use std::{fmt, str::FromStr};
use viworks_domain::ids::{DeviceId, OperatorId, SessionId};

/// Who presents the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    Operator(OperatorId),
    Device(DeviceId),
    /// A desktop, within one session.
    Session(SessionId),
}

#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub bearer: Bearer,
    pub secret: [u8; 32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidToken;

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.bearer)
    }
}

impl Token {
    /// The text that goes into the `Authorization: Bearer` header. A secret: it is shown nowhere else.
    pub fn expose(&self) -> String {
        let (kind, id) = match self.bearer {
            Bearer::Operator(id) => ("vwo", id.to_string()),
            Bearer::Device(id) => ("vwd", id.to_string()),
            Bearer::Session(id) => ("vws", id.to_string()),
        };
        format!("{kind}_{id}.{}", BASE64URL_NOPAD.encode(&self.secret))
    }
}

impl FromStr for Token {
    type Err = InvalidToken;
    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let (kind, rest) = text.split_once('_').ok_or(InvalidToken)?;
        let (id, secret) = rest.split_once('.').ok_or(InvalidToken)?;
        let bearer = match kind {
            "vwo" => Bearer::Operator(id.parse().map_err(|_| InvalidToken)?),
            "vwd" => Bearer::Device(id.parse().map_err(|_| InvalidToken)?),
            "vws" => Bearer::Session(id.parse().map_err(|_| InvalidToken)?),
            _ => return Err(InvalidToken),
        };
        let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| InvalidToken)?;
        Ok(Self { bearer, secret: secret.try_into().map_err(|_| InvalidToken)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exposed_parses_back() {
        for bearer in [
            Bearer::Operator(OperatorId([1; 16])),
            Bearer::Device(DeviceId([2; 16])),
            Bearer::Session(SessionId([3; 16])),
        ] {
            let token = Token { bearer, secret: [9; 32] };
            assert_eq!(token.expose().parse(), Ok(token));
        }
    }

    #[test]
    fn a_token_does_not_print_its_secret() {
        let token = Token { bearer: Bearer::Operator(OperatorId([1; 16])), secret: [9; 32] };
        assert!(!format!("{token:?}").contains("CQkJ"));
    }

    #[test]
    fn anything_else_is_no_token() {
        for wrong in ["", "vwo_", "vwo_x.y", "vwx_aa.bb", "aeaqcaibaeaqcaibaeaqcaibae"] {
            assert_eq!(wrong.parse::<Token>(), Err(InvalidToken));
        }
    }
}
