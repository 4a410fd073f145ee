//! The published page: one static page, served over HTTP/1.1 on a unix socket inside a session's container.
//!
//! It is the whole content of the container's image, linked statically. It opens no network, reads no file but
//! the host name, and keeps nothing: what a visitor sends is read up to the end of the header and forgotten.

use std::{
    fs::{self, Permissions},
    io::{self, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    process::ExitCode,
    thread,
    time::Duration,
};

/// The directory above is the session's own, mounted from the gateway.
const SOCKET: &str = "/run/vw/page.sock";
/// A visitor who says nothing holds a thread no longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_HEADER: usize = 16 * 1024;

fn main() -> ExitCode {
    match serve(&std::env::args().nth(1).unwrap_or_else(|| SOCKET.to_owned())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The container's log; whoever reads it is the gateway's administrator.
            let _ = writeln!(io::stderr(), "the page cannot be served: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(socket: &str) -> io::Result<()> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    // The web server on the other side is another user; the directory decides who gets here.
    fs::set_permissions(socket, Permissions::from_mode(0o666))?;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    for visitor in listener.incoming() {
        let (visitor, host) = (visitor?, host.trim().to_owned());
        // A visitor who leaves early is not our trouble.
        thread::spawn(move || answer(visitor, &host).ok());
    }
    Ok(())
}

fn answer(mut visitor: UnixStream, host: &str) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    let mut header = Vec::new();
    let mut block = [0; 1024];
    while !header.windows(4).any(|end| end == b"\r\n\r\n") {
        let n = visitor.read(&mut block)?;
        if n == 0 || header.len() + n > LONGEST_HEADER {
            return Ok(());
        }
        header.extend_from_slice(&block[..n]);
    }
    visitor.write_all(reply(&header, host).as_bytes())
}

fn reply(header: &[u8], host: &str) -> String {
    let (status, body) = if header.starts_with(b"GET ") || header.starts_with(b"HEAD ") {
        ("200 OK", page(host))
    } else {
        ("405 Method Not Allowed", String::new())
    };
    let shown = if header.starts_with(b"HEAD ") { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{shown}",
        body.len()
    )
}

fn page(host: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>ViWorkS: a published page</title></head>\n\
         <body>\n<h1>A published page</h1>\n<p>Only this session sees it, only through its tunnel, and only while it lasts.</p>\n\
         <p>Container <code>{host}</code>.</p>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_get_shows_the_page_and_the_container_it_comes_from() {
        let reply = reply(b"GET /s/abc/ HTTP/1.1\r\n\r\n", "c0ffee");
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(reply.contains("A published page") && reply.contains("c0ffee"));
    }

    #[test]
    fn a_head_names_the_length_and_sends_nothing_more() {
        let reply = reply(b"HEAD / HTTP/1.1\r\n\r\n", "c0ffee");
        assert!(reply.ends_with("\r\n\r\n"));
        assert!(!reply.contains("Content-Length: 0"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(reply(b"POST / HTTP/1.1\r\n\r\n", "c0ffee").starts_with("HTTP/1.1 405 "));
    }
}
