//! OpenVPN's management socket: who asks, and what they may.

use super::Event;
use std::{collections::HashMap, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedReadHalf},
    sync::mpsc,
};
use viworks_domain::{
    enforcer::{Effect, Input},
    ids::Digest,
    policy::Grant,
};

const CONNECT_AGAIN: Duration = Duration::from_millis(50);
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// OpenVPN's own lines are far shorter; what a client put into its environment could be long.
const LONGEST_LINE: usize = 16 * 1024;

pub(super) struct Handle(mpsc::UnboundedSender<String>);

impl Handle {
    /// What cannot be said because the socket is gone is not needed either: its clients are cut.
    pub fn say(&self, effect: &Effect) {
        if let Some(text) = command(effect) {
            let _ = self.0.send(text);
        }
    }
}

/// The words of an effect. Every argument is a number, an address or a text of ours; a line break in one would
/// be a command of its own.
fn command(effect: &Effect) -> Option<String> {
    let text = match effect {
        Effect::VpnAllow { cid, kid, address, routes } => {
            let mut text = format!("client-auth {cid} {kid}\nifconfig-push {address} 255.255.255.0\n");
            for Grant { address, .. } in routes {
                text.push_str(&format!("push \"route {address} 255.255.255.255\"\n"));
            }
            // Without the poke OpenVPN looks again only when its one-second timer fires.
            text.push_str(&format!("END\nclient-pending-auth {cid} {kid} ok 60\n"));
            text
        }
        Effect::VpnStillAllowed { cid, kid } => {
            format!("client-auth-nt {cid} {kid}\nclient-pending-auth {cid} {kid} ok 60\n")
        }
        Effect::VpnDeny { cid, kid } => {
            format!("client-deny {cid} {kid} \"not admitted\" \"not admitted\"\n")
        }
        // A plain kill means: come back in a second.
        Effect::VpnKill { cid, reason } => {
            let reason: String = reason.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
            format!("client-kill {cid} \"HALT,{reason}\"\n")
        }
        _ => return None,
    };
    Some(text)
}

pub(super) fn start(path: PathBuf, events: mpsc::UnboundedSender<Event>) -> Handle {
    let (say, mut words) = mpsc::unbounded_channel::<String>();
    tokio::task::spawn_local(async move {
        loop {
            if let Ok(stream) = UnixStream::connect(&path).await {
                // For a connection that is no more.
                while words.try_recv().is_ok() {}
                tracing::info!("OpenVPN's management socket is there");
                converse(stream, &events, &mut words).await;
                tracing::warn!("OpenVPN's management socket is gone");
                let _ = events.send(Event::Input(Input::VpnLost));
            }
            tokio::time::sleep(CONNECT_AGAIN).await;
        }
    });
    Handle(say)
}

async fn converse(
    stream: UnixStream,
    events: &mpsc::UnboundedSender<Event>,
    words: &mut mpsc::UnboundedReceiver<String>,
) {
    let (read, mut write) = stream.into_split();
    if write.write_all(b"bytecount 2\n").await.is_err() {
        return;
    }
    let mut lines = Lines { read: BufReader::new(read), line: vec![] };
    let mut parser = Parser::default();
    let mut ask = tokio::time::interval(ASK_AGAIN);
    loop {
        tokio::select! {
            // An OpenVPN that is restarting does not know yet.
            _ = ask.tick(), if !parser.known => {
                if write.write_all(b"status 2\n").await.is_err() {
                    return;
                }
            }
            line = lines.next() => match line {
                Some(line) => {
                    for event in parser.line(&line) {
                        let _ = events.send(event);
                    }
                }
                None => return,
            },
            text = words.recv() => match text {
                Some(text) => {
                    if write.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
        }
    }
}

struct Lines {
    read: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
}

impl Lines {
    /// Cancel-safe: what was read so far waits in `line`.
    async fn next(&mut self) -> Option<String> {
        loop {
            let available = self.read.fill_buf().await.ok()?;
            if available.is_empty() {
                return None;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |at| at + 1);
            self.line.extend_from_slice(&available[..taken]);
            self.read.consume(taken);
            if self.line.len() > LONGEST_LINE {
                return None;
            }
            if end.is_some() {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim_end().to_owned();
                return Some(line);
            }
        }
    }
}

#[derive(Default)]
struct Parser {
    /// The event whose environment is being told.
    open: Option<(Kind, u64, u64)>,
    environment: HashMap<String, String>,
    /// The clients that the status lists, until its end.
    listed: Option<Vec<u64>>,
    known: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Reauth,
    Established,
    Disconnect,
}

impl Parser {
    fn line(&mut self, line: &str) -> Vec<Event> {
        if let Some(rest) = line.strip_prefix(">CLIENT:") {
            return self.client(rest);
        }
        if let Some(rest) = line.strip_prefix(">BYTECOUNT_CLI:") {
            let mut numbers = rest.split(',').map(str::parse::<u64>);
            if let (Some(Ok(cid)), Some(Ok(bytes_in)), Some(Ok(bytes_out))) =
                (numbers.next(), numbers.next(), numbers.next())
            {
                return vec![Event::Bytes { cid, bytes_in, bytes_out }];
            }
            return vec![];
        }
        if self.known {
            return vec![];
        }
        // The first status: who is there already.
        if line.starts_with("TITLE,") {
            self.listed = Some(vec![]);
        } else if let (Some(listed), Some(rest)) = (&mut self.listed, line.strip_prefix("CLIENT_LIST,")) {
            // Counted from the end: a common name may hold commas.
            let cid = rest.rsplit(',').nth(2).and_then(|field| field.parse::<u64>().ok());
            listed.extend(cid);
        } else if line == "END"
            && let Some(clients) = self.listed.take()
        {
            self.known = true;
            return vec![Event::Input(Input::VpnBack { clients })];
        }
        vec![]
    }

    fn client(&mut self, rest: &str) -> Vec<Event> {
        let (word, arguments) = rest.split_once(',').unwrap_or((rest, ""));
        if word == "ENV" {
            if arguments == "END" {
                return self.open.take().map_or_else(Vec::new, |(kind, cid, kid)| self.event(kind, cid, kid));
            }
            if let Some((name, value)) = arguments.split_once('=') {
                self.environment.insert(name.to_owned(), value.to_owned());
            }
            return vec![];
        }
        let kind = match word {
            "CONNECT" => Kind::Connect,
            "REAUTH" => Kind::Reauth,
            "ESTABLISHED" => Kind::Established,
            "DISCONNECT" => Kind::Disconnect,
            // ADDRESS has no environment; whatever else comes is not ours.
            _ => return vec![],
        };
        let mut numbers = arguments.split(',').map(str::parse::<u64>);
        self.environment.clear();
        let (cid, kid) = (numbers.next(), numbers.next());
        self.open = match (cid, kid) {
            (Some(Ok(cid)), Some(Ok(kid))) => Some((kind, cid, kid)),
            (Some(Ok(cid)), _) => Some((kind, cid, 0)),
            _ => None,
        };
        vec![]
    }

    fn event(&mut self, kind: Kind, cid: u64, kid: u64) -> Vec<Event> {
        let environment = std::mem::take(&mut self.environment);
        let number = |name: &str| environment.get(name).and_then(|text| text.parse::<u64>().ok());
        let input = match kind {
            Kind::Connect | Kind::Reauth => {
                // Port 0 and a digest of nothing are nobody's.
                let port = number("untrusted_port").or_else(|| number("trusted_port"));
                let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
                let certificate = environment.get("tls_digest_sha256_0").and_then(|text| digest(text));
                let certificate = certificate.unwrap_or(Digest([0; 32]));
                match kind {
                    Kind::Connect => Input::VpnConnect { cid, kid, port, certificate },
                    _ => Input::VpnReauth { cid, kid, port, certificate },
                }
            }
            Kind::Established => Input::VpnEstablished { cid },
            Kind::Disconnect => {
                let mut events = vec![];
                if let (Some(bytes_in), Some(bytes_out)) = (number("bytes_received"), number("bytes_sent")) {
                    events.push(Event::Bytes { cid, bytes_in, bytes_out });
                }
                events.push(Event::Input(Input::VpnDisconnected { cid }));
                return events;
            }
        };
        vec![Event::Input(input)]
    }
}

/// `ab:cd:..`, 32 of them.
fn digest(text: &str) -> Option<Digest> {
    let hex: String = text.split(':').collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
    bytes.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn said(lines: &[&str]) -> Vec<Input> {
        let mut parser = Parser::default();
        let events = lines.iter().flat_map(|line| parser.line(line));
        events
            .filter_map(|event| match event {
                Event::Input(input) => Some(input),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_connecting_client_is_read_with_its_port_and_certificate() {
        let digest = vec!["ab"; 32].join(":");
        let inputs = said(&[
            ">CLIENT:CONNECT,3,1",
            ">CLIENT:ENV,common_name=a,b",
            ">CLIENT:ENV,untrusted_port=40001",
            &format!(">CLIENT:ENV,tls_digest_sha256_0={digest}"),
            ">CLIENT:ENV,END",
        ]);
        assert!(matches!(
            inputs[..],
            [Input::VpnConnect { cid: 3, kid: 1, port: 40001, certificate: Digest([0xab, ..]) }]
        ));
    }

    #[test]
    fn a_client_without_a_certificate_digest_matches_nobody() {
        let inputs = said(&[">CLIENT:CONNECT,3,1", ">CLIENT:ENV,END"]);
        assert!(matches!(inputs[..], [Input::VpnConnect { port: 0, certificate: Digest([0, ..]), .. }]));
    }

    #[test]
    fn the_first_status_says_who_is_there_already() {
        let inputs = said(&[
            "TITLE,OpenVPN 2.6.14",
            "HEADER,CLIENT_LIST,Common Name,..",
            "CLIENT_LIST,a,b,127.0.0.1:4000,10.8.0.10,,1,2,now,1,UNDEF,7,0,AES-128-GCM",
            "END",
        ]);
        assert!(matches!(&inputs[..], [Input::VpnBack { clients }] if clients == &[7]));
    }

    #[test]
    fn an_allowed_client_gets_its_address_and_routes_and_is_poked() {
        let route = Grant {
            address: Ipv4Addr::new(10, 78, 0, 2),
            port: 80,
            protocol: viworks_domain::policy::Protocol::Tcp,
        };
        let allow =
            Effect::VpnAllow { cid: 1, kid: 2, address: Ipv4Addr::new(10, 8, 0, 10), routes: vec![route] };
        assert_eq!(
            command(&allow).unwrap(),
            "client-auth 1 2\nifconfig-push 10.8.0.10 255.255.255.0\n\
             push \"route 10.78.0.2 255.255.255.255\"\nEND\nclient-pending-auth 1 2 ok 60\n"
        );
    }

    #[test]
    fn a_reason_cannot_become_a_command() {
        let kill = Effect::VpnKill { cid: 4, reason: "over\nsignal SIGTERM" };
        assert_eq!(command(&kill).unwrap(), "client-kill 4 \"HALT,oversignal SIGTERM\"\n");
    }
}
