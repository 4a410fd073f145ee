//! OpenVPN's management interface: what its lines mean to us, and what we say.

use data_encoding::BASE64;
use std::{fmt::Write, net::Ipv4Addr};

/// Said once, when OpenVPN has connected: signatures are wanted as version 3 asks for them.
pub const GREETING: &str = "version 3\nstate on\nhold release\n";

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Sign this, ECDSA with SHA-256 over the data itself.
    Sign(Vec<u8>),
    /// A signature of a kind that our key does not make.
    Unsignable,
    Up(Ipv4Addr),
    /// The server pushed HALT, or refused us, and said why.
    Halted(String),
    /// Another connection is waited for: a restart that we do not want.
    Hold,
    Nothing,
}

pub fn read(line: &str) -> Said {
    if let Some(asked) = line.strip_prefix(">PK_SIGN:") {
        let wanted = asked.strip_suffix(",ECDSA,hashalg=SHA256,data=message");
        return match wanted.map(|data| BASE64.decode(data.as_bytes())) {
            Some(Ok(data)) => Said::Sign(data),
            _ => Said::Unsignable,
        };
    }
    if let Some(state) = line.strip_prefix(">STATE:") {
        let mut fields = state.split(',').skip(1);
        return match (fields.next(), fields.nth(1).and_then(|ip| ip.parse().ok())) {
            (Some("CONNECTED"), Some(address)) => Said::Up(address),
            _ => Said::Nothing,
        };
    }
    if let Some(reason) = line.strip_prefix(">NOTIFY:info,server-pushed-halt,") {
        return Said::Halted(reason.to_owned());
    }
    if let Some(rest) = line.strip_prefix(">PASSWORD:Verification Failed: 'Auth'") {
        // `['reason']`, when the server gave one.
        let reason = rest.trim().trim_start_matches("['").trim_end_matches("']");
        return Said::Halted(reason.to_owned());
    }
    if line.starts_with(">HOLD:") { Said::Hold } else { Said::Nothing }
}

/// The answer to a [`Said::Sign`]; OpenVPN takes lines of at most 255 bytes.
pub fn signature(der: &[u8]) -> String {
    let mut answer = String::from("pk-sig\n");
    for line in BASE64.encode(der).as_bytes().chunks(76) {
        let _ = writeln!(answer, "{}", String::from_utf8_lossy(line));
    }
    answer.push_str("END\n");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_openvpn_2_6_writes_them_are_read() {
        assert_eq!(read(">PK_SIGN:AQID,ECDSA,hashalg=SHA256,data=message"), Said::Sign(vec![1, 2, 3]));
        assert_eq!(
            read(">STATE:1795291204,CONNECTED,SUCCESS,10.8.0.10,127.0.0.1,40001,127.0.0.1,52000"),
            Said::Up(Ipv4Addr::new(10, 8, 0, 10))
        );
        assert_eq!(read(">STATE:1795291204,ASSIGN_IP,,10.8.0.10,,,,"), Said::Nothing);
        assert_eq!(read(">NOTIFY:info,server-pushed-halt,terminated"), Said::Halted("terminated".into()));
        assert_eq!(read(">PASSWORD:Verification Failed: 'Auth'"), Said::Halted(String::new()));
        assert_eq!(read(">PASSWORD:Verification Failed: 'Auth' ['over']"), Said::Halted("over".into()));
        assert_eq!(read(">HOLD:Waiting for hold release:0"), Said::Hold);
        assert_eq!(read("SUCCESS: hold release succeeded"), Said::Nothing);
    }

    #[test]
    fn only_the_one_kind_of_signature_is_made() {
        for asked in [
            ">PK_SIGN:AQID,RSA_PKCS1_PADDING",
            ">PK_SIGN:AQID,ECDSA,hashalg=SHA384,data=message",
            ">PK_SIGN:AQID,ECDSA,hashalg=SHA256,data=digest",
            ">PK_SIGN:!!,ECDSA,hashalg=SHA256,data=message",
            ">PK_SIGN:AQID,ECDSA,hashalg=SHA256,data=message,x",
        ] {
            assert_eq!(read(asked), Said::Unsignable, "{asked}");
        }
    }

    #[test]
    fn a_signature_is_given_in_lines_that_openvpn_takes() {
        let answer = signature(&[7; 72]);
        assert!(answer.starts_with("pk-sig\n") && answer.ends_with("\nEND\n"));
        assert!(answer.lines().all(|line| line.len() <= 76));
    }
}
