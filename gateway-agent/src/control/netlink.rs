//! Netlink, as much of it as two subsystems of netfilter need: headers, attributes, answers.

use rustix::{
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt},
};
use std::{io, os::fd::OwnedFd, time::Duration};

pub(super) const REQUEST: u16 = 0x1;
pub(super) const ACK: u16 = 0x4;
pub(super) const DUMP: u16 = 0x300;
pub(super) const CREATE: u16 = 0x400;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const NESTED: u16 = 0x8000;
/// nfgenmsg behind nlmsghdr.
pub(super) const HEAD: usize = 16 + 4;

/// Messages to send in one go.
#[derive(Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    count: u32,
}

impl Messages {
    /// `family` and `resource` make up nfgenmsg.
    pub fn push(&mut self, kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) {
        let length = (HEAD + attributes.len()) as u32;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        self.bytes.extend_from_slice(&self.count.to_ne_bytes());
        self.bytes.extend_from_slice(&0u32.to_ne_bytes());
        self.bytes.extend_from_slice(&[family, 0]);
        self.bytes.extend_from_slice(&resource.to_be_bytes());
        self.bytes.extend_from_slice(attributes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.count += 1;
    }
}

pub(super) fn attribute(into: &mut Vec<u8>, kind: u16, value: &[u8]) {
    into.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
    into.extend_from_slice(&kind.to_ne_bytes());
    into.extend_from_slice(value);
    into.resize(into.len().next_multiple_of(4), 0);
}

pub(super) fn nested(into: &mut Vec<u8>, kind: u16, inside: impl FnOnce(&mut Vec<u8>)) {
    let mut value = vec![];
    inside(&mut value);
    attribute(into, kind | NESTED, &value);
}

/// Attributes in a buffer: kind without its flags, and value.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
        let value = bytes.get(4..usize::from(length))?;
        bytes = bytes.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        Some((kind & 0x3fff, value))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// One netfilter socket.
pub(super) struct Socket(OwnedFd);

impl Socket {
    pub fn open() -> io::Result<Self> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        )?;
        // The kernel answers at once; a lost answer must not stop the agent.
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(Duration::from_secs(2)))?;
        Ok(Self(fd))
    }

    /// Sends and waits for `acks` acknowledgements; the first error is the answer.
    pub fn exchange(&self, messages: &Messages, acks: u32) -> io::Result<()> {
        rustix::net::send(&self.0, &messages.bytes, SendFlags::empty())?;
        let mut left = acks;
        let mut buffer = vec![0; 32 * 1024];
        while left > 0 {
            let (n, _) = rustix::net::recv(&self.0, &mut buffer, RecvFlags::empty())?;
            let mut bytes = &buffer[..n];
            while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
                if kind == ERROR {
                    match u32_at(bytes, 16).map(|code| code as i32) {
                        Some(0) => left = left.saturating_sub(1),
                        Some(code) => {
                            self.drain();
                            return Err(Errno::from_raw_os_error(-code).into());
                        }
                        None => return Err(io::ErrorKind::InvalidData.into()),
                    }
                }
                bytes = bytes.get((length as usize).next_multiple_of(4)..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// What else was answered to a batch that failed is not the answer to the next one.
    fn drain(&self) {
        let mut buffer = [0; 8192];
        while rustix::net::recv(&self.0, &mut buffer, RecvFlags::DONTWAIT).is_ok() {}
    }

    /// Every message of a dump, without its head.
    pub fn dump(&self, messages: &Messages, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        rustix::net::send(&self.0, &messages.bytes, SendFlags::empty())?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let (n, _) = rustix::net::recv(&self.0, &mut buffer, RecvFlags::empty())?;
            let mut bytes = &buffer[..n];
            while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
                match kind {
                    DONE => return Ok(()),
                    ERROR => {
                        let code = u32_at(bytes, 16).map_or(0, |code| code as i32);
                        return Err(Errno::from_raw_os_error(-code).into());
                    }
                    _ => each(bytes.get(HEAD..length as usize).unwrap_or_default()),
                }
                bytes = bytes.get((length as usize).next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}
