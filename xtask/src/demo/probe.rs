//! What a stranger, a desktop or a browser sees of an address, from inside a namespace. A network namespace
//! belongs to a process, so each probe is this same program started there (`xtask probe ...`).

use super::netns;
use crate::{
    clock, exec,
    failure::{Failure, Result, bail},
    report::Stopwatch,
};
use std::{
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

/// How an address answers a TCP connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Open,
    Refused,
    /// Not a packet came back.
    Silence,
    /// The machine itself knows no way there.
    NoRoute,
}

impl Answer {
    const ALL: [Self; 4] = [Self::Open, Self::Refused, Self::Silence, Self::NoRoute];

    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Silence => "silence",
            Self::NoRoute => "no route",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The page at an address, or how the attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    pub status: u16,
    pub body: String,
}

#[derive(clap::Subcommand, Clone)]
pub enum Probe {
    /// Connects once and says how it was answered.
    Tcp { address: SocketAddr, within_ms: u64 },
    /// Connects again and again for as long as said, and says whether it ever was open.
    Knocking { address: SocketAddr, for_ms: u64 },
    /// Fetches a page: the status on the first line, then the body.
    Get { url: String },
}

/// The other end: runs in the namespace, prints one answer.
pub fn run(probe: &Probe) -> Result {
    match probe {
        Probe::Tcp { address, within_ms } => {
            println!("{}", connect(*address, Duration::from_millis(*within_ms)).word());
        }
        Probe::Knocking { address, for_ms } => {
            let watch = Stopwatch::start();
            let mut answer = Answer::Silence;
            while answer != Answer::Open && watch.elapsed() < Duration::from_millis(*for_ms) {
                answer = connect(*address, Duration::from_millis(150));
                clock::pause();
            }
            println!("{}", answer.word());
        }
        Probe::Get { url } => match get(url) {
            Ok(page) => println!("{}\n{}", page.status, page.body),
            Err(error) => bail!("{url}: {error}"),
        },
    }
    Ok(())
}

fn connect(address: SocketAddr, within: Duration) -> Answer {
    match TcpStream::connect_timeout(&address, within) {
        Ok(_) => Answer::Open,
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Answer::Refused,
            io::ErrorKind::NetworkUnreachable => Answer::NoRoute,
            _ => Answer::Silence,
        },
    }
}

/// Just enough of HTTP/1.1 for a page.
fn get(url: &str) -> io::Result<Page> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(|| invalid("only http:// is spoken here"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let address: SocketAddr = address.parse().map_err(|_| invalid("the host must be an address"))?;
    let patience = Duration::from_secs(3);
    let mut server = TcpStream::connect_timeout(&address, patience)?;
    server.set_read_timeout(Some(patience))?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    server.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| invalid("no header came back"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Page { status: status.ok_or_else(|| invalid("no status came back"))?, body: body.to_owned() })
}

/// Probes from a namespace.
#[derive(Clone)]
pub struct From {
    pub namespace: &'static str,
    /// This program, where every user can start it.
    pub program: PathBuf,
}

/// A probe that is still going on.
pub struct Ongoing(std::process::Child);

impl From {
    pub fn tcp(&self, address: &str, within: Duration) -> Result<Answer> {
        answer(&self.said(&["tcp", address, &within.as_millis().to_string()])?)
    }

    /// Starts connecting again and again; [`Ongoing::answer`] says whether it ever succeeded.
    pub fn knocking(&self, address: &str, span: Duration) -> Result<Ongoing> {
        let mut command = netns::inside(self.namespace, &self.program);
        command.args(["probe", "knocking", address, &span.as_millis().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        exec::spawn(&mut command).map(Ongoing)
    }

    /// The page, or why there is none.
    pub fn get(&self, url: &str) -> Result<std::result::Result<Page, String>> {
        let mut command = netns::inside(self.namespace, &self.program);
        let said = exec::output(command.args(["probe", "get", url]))?;
        if !said.ok() {
            return Ok(Err(said.stderr.trim().trim_start_matches("error: ").to_owned()));
        }
        let (status, body) = said.stdout.split_once('\n').unwrap_or((&said.stdout, ""));
        let status = status.parse().map_err(|_| Failure::said(format!("a probe said {:?}", said.stdout)))?;
        Ok(Ok(Page { status, body: body.to_owned() }))
    }

    fn said(&self, words: &[&str]) -> Result<String> {
        exec::succeed(netns::inside(self.namespace, &self.program).arg("probe").args(words))
    }
}

impl Ongoing {
    pub fn answer(mut self) -> Result<Answer> {
        let mut text = String::new();
        let read = self.0.stdout.take().map(|mut out| out.read_to_string(&mut text));
        // Its answer is what it printed; how it ended adds nothing.
        let _ = self.0.wait();
        match read {
            Some(Ok(_)) => answer(&text),
            _ => bail!("a probe ended without an answer"),
        }
    }
}

fn answer(text: &str) -> Result<Answer> {
    let known = Answer::ALL.into_iter().find(|answer| answer.word() == text.trim());
    known.ok_or_else(|| Failure::said(format!("a probe said {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listening_port_is_open_and_a_closed_one_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(connect(address, Duration::from_secs(1)), Answer::Open);
        drop(listener);
        assert_eq!(connect(address, Duration::from_secs(1)), Answer::Refused);
    }

    #[test]
    fn a_page_is_fetched_with_its_status_and_body() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/s/abc/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut visitor, _) = listener.accept().unwrap();
            // All of it: a connection closed with bytes unread is reset, and the page with it.
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                visitor.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            visitor.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap();
            String::from_utf8(asked).unwrap()
        });
        assert_eq!(get(&url).unwrap(), Page { status: 404, body: "no".to_owned() });
        assert!(server.join().unwrap().starts_with("GET /s/abc/ HTTP/1.1\r\n"));
    }

    #[test]
    fn every_answer_is_understood_again_from_its_word() {
        for one in Answer::ALL {
            assert_eq!(answer(one.word()).unwrap(), one);
        }
    }
}
