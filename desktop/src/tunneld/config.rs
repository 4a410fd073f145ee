//! OpenVPN's configuration, made of typed fields. Nothing a client says reaches it as text.

use crate::frame::Start;
use data_encoding::BASE64;
use std::{fmt::Write, path::Path};

/// Longer than any certificate of ours.
const LONGEST_CERTIFICATE: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no tunnel can be made of this start")]
pub struct BadStart;

/// What only the gateway's own pushes may set: addresses and routes of the tunnel, and how it is kept alive.
/// Everything else that a server could push (DNS, default route, environment) is ignored.
const PUSHES: [&str; 12] = [
    "route ",
    "route-gateway ",
    "topology subnet",
    "ifconfig ",
    "ping ",
    "ping-restart ",
    "peer-id ",
    "cipher ",
    "protocol-flags ",
    "key-derivation ",
    "tun-mtu ",
    "socket-flags TCP_NODELAY",
];

/// As whom OpenVPN runs once its interface and routes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    pub group: String,
}

/// Where a tunnel's parts are on this machine.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub interface: &'a str,
    pub management: &'a Path,
    pub account: Option<&'a Account>,
}

/// # Errors
/// Not two DER values of a certificate's size, or no port.
pub fn text(start: &Start, place: Place<'_>) -> Result<String, BadStart> {
    if start.port == 0 {
        return Err(BadStart);
    }
    let mut text = format!(
        "client\n\
         dev {interface}\n\
         dev-type tun\n\
         proto tcp-client\n\
         remote 127.0.0.1 {port}\n\
         nobind\n\
         socket-flags TCP_NODELAY\n\
         tls-version-min 1.3\n\
         remote-cert-tls server\n\
         data-ciphers AES-128-GCM:AES-256-GCM:CHACHA20-POLY1305\n\
         management {management} unix\n\
         management-client\n\
         management-hold\n\
         management-signal\n\
         management-external-key nopadding pkcs1 pss digest\n\
         remap-usr1 SIGTERM\n\
         script-security 0\n\
         auth-nocache\n\
         connect-timeout 10\n\
         verb 3\n\
         suppress-timestamps\n\
         machine-readable-output\n",
        port = start.port,
        interface = place.interface,
        management = place.management.display(),
    );
    if let Some(Account { user, group }) = place.account {
        let _ = write!(text, "user {user}\ngroup {group}\n");
    }
    for push in PUSHES {
        let _ = writeln!(text, "pull-filter accept \"{push}\"");
    }
    text.push_str("pull-filter ignore \"\"\n");
    // The gateway asks the agent, who looks at the certificate; OpenVPN's protocol wants a name and a password.
    text.push_str("<auth-user-pass>\nviworks\nviworks\n</auth-user-pass>\n");
    for (tag, der) in [("ca", &start.ca), ("cert", &start.certificate)] {
        let _ = write!(text, "<{tag}>\n{}</{tag}>\n", pem(der)?);
    }
    Ok(text)
}

fn pem(der: &[u8]) -> Result<String, BadStart> {
    // A DER sequence; OpenVPN itself judges whether it is a certificate.
    if der.first() != Some(&0x30) || der.len() > LONGEST_CERTIFICATE {
        return Err(BadStart);
    }
    let encoded = BASE64.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in encoded.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place<'static> {
        Place { interface: "viworks0", management: Path::new("/run/x/0.sock"), account: None }
    }

    fn start() -> Start {
        Start { port: 4711, ca: vec![0x30, 1, 2], certificate: [vec![0x30], vec![7; 100]].concat() }
    }

    #[test]
    fn the_configuration_holds_what_was_typed_and_no_key() {
        let text = text(&start(), place()).expect("a configuration");
        assert!(text.contains("remote 127.0.0.1 4711\n"));
        assert!(text.contains("management /run/x/0.sock unix\n"));
        assert!(text.contains("management-external-key"));
        assert!(!text.contains("<key>") && !text.contains("PRIVATE"));
        assert!(text.lines().all(|line| line.len() < 256), "OpenVPN reads lines of at most 255 bytes");
    }

    #[test]
    fn nothing_that_runs_a_program_is_ever_in_it() {
        let text = text(&start(), place()).expect("a configuration");
        for word in ["up ", "down ", "plugin ", "route-up", "ipchange", "tls-verify", "learn-address"] {
            assert!(!text.lines().any(|line| line.starts_with(word)), "{word}");
        }
        assert!(text.contains("script-security 0\n"));
    }

    #[test]
    fn bytes_from_a_client_cannot_become_a_directive() {
        let evil = b"0\n-----END CERTIFICATE-----\n</ca>\nup /bin/sh\n".to_vec();
        let text = text(&Start { ca: evil, ..start() }, place()).expect("encoded");
        assert!(!text.contains("up /bin/sh"));
    }

    #[test]
    fn what_is_no_start_is_refused() {
        for wrong in [
            Start { port: 0, ..start() },
            Start { ca: vec![], ..start() },
            Start { certificate: b"-----BEGIN".to_vec(), ..start() },
            Start { ca: vec![0x30; LONGEST_CERTIFICATE + 1], ..start() },
        ] {
            assert_eq!(text(&wrong, place()), Err(BadStart));
        }
    }

    #[test]
    fn openvpn_does_not_stay_root_where_there_is_somebody_else_to_be() {
        let account = Account { user: "nobody".into(), group: "nogroup".into() };
        let text = text(&start(), Place { account: Some(&account), ..place() }).expect("a configuration");
        assert!(text.contains("\nuser nobody\ngroup nogroup\n"));
    }
}
