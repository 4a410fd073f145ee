//! Doors and grants: elements of the base ruleset's sets, each with a timeout of its own.

use super::netlink::{self, ACK, CREATE, Messages, Socket};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use viworks_domain::policy::Grant;

const NFTABLES: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_ELEMENT: u16 = (NFTABLES << 8) | 12;
const DELETE_ELEMENT: u16 = (NFTABLES << 8) | 14;
const INET: u8 = 1;
const TABLE: &[u8] = b"viworks\0";

pub(super) struct Kernel(Socket);

/// A set of the ruleset, and one key in it.
struct Element {
    set: &'static [u8],
    key: Vec<u8>,
}

fn door(address: IpAddr) -> Element {
    match address {
        IpAddr::V4(v4) => Element { set: b"doors4\0", key: v4.octets().to_vec() },
        IpAddr::V6(v6) => Element { set: b"doors6\0", key: v6.octets().to_vec() },
    }
}

fn tunnel(address: Ipv4Addr) -> Element {
    Element { set: b"tunnels\0", key: address.octets().to_vec() }
}

/// Concatenated fields are padded to four bytes each.
fn grant(source: Ipv4Addr, grant: &Grant) -> Element {
    let [high, low] = grant.port.to_be_bytes();
    let mut key = source.octets().to_vec();
    key.extend_from_slice(&grant.address.octets());
    key.extend_from_slice(&[grant.protocol.number(), 0, 0, 0, high, low, 0, 0]);
    Element { set: b"grants\0", key }
}

impl Kernel {
    pub fn open() -> io::Result<Self> {
        Socket::open().map(Self)
    }

    pub fn reset(&self) -> io::Result<()> {
        let mut batch = Batch::default();
        for set in [&b"doors4\0"[..], b"doors6\0", b"tunnels\0", b"grants\0"] {
            batch.flush(set);
        }
        batch.send(&self.0)
    }

    pub fn open_door(&self, address: IpAddr, ttl: Duration) -> io::Result<()> {
        self.put(&[door(address)], ttl)
    }

    pub fn close_door(&self, address: IpAddr) -> io::Result<()> {
        self.take(&[door(address)])
    }

    pub fn add_grants(&self, source: Ipv4Addr, grants: &[Grant], ttl: Duration) -> io::Result<()> {
        let mut elements = vec![tunnel(source)];
        elements.extend(grants.iter().map(|g| grant(source, g)));
        self.put(&elements, ttl)
    }

    pub fn remove_grants(&self, source: Ipv4Addr, grants: &[Grant], page: bool) -> io::Result<()> {
        let mut elements: Vec<_> = grants.iter().map(|g| grant(source, g)).collect();
        if page {
            elements.push(tunnel(source));
        }
        self.take(&elements)
    }

    /// Older kernels do not refresh the timeout of an element that is there, and none deletes what is not
    /// there: so it is added, deleted and added, in one transaction.
    fn put(&self, elements: &[Element], ttl: Duration) -> io::Result<()> {
        let mut batch = Batch::default();
        for element in elements {
            batch.element(NEW_ELEMENT, element, Some(ttl));
            batch.element(DELETE_ELEMENT, element, None);
            batch.element(NEW_ELEMENT, element, Some(ttl));
        }
        batch.send(&self.0)
    }

    fn take(&self, elements: &[Element]) -> io::Result<()> {
        let mut batch = Batch::default();
        for element in elements {
            batch.element(NEW_ELEMENT, element, Some(Duration::from_secs(1)));
            batch.element(DELETE_ELEMENT, element, None);
        }
        batch.send(&self.0)
    }
}

struct Batch {
    messages: Messages,
    acks: u32,
}

impl Default for Batch {
    fn default() -> Self {
        let mut messages = Messages::default();
        messages.push(BATCH_BEGIN, 0, 0, NFTABLES, &[]);
        Self { messages, acks: 0 }
    }
}

impl Batch {
    fn element(&mut self, kind: u16, element: &Element, ttl: Option<Duration>) {
        let mut attributes = vec![];
        netlink::attribute(&mut attributes, 1, TABLE);
        netlink::attribute(&mut attributes, 2, element.set);
        netlink::nested(&mut attributes, 3, |elements| {
            netlink::nested(elements, 1, |one| {
                netlink::nested(one, 1, |key| netlink::attribute(key, 1, &element.key));
                if let Some(ttl) = ttl {
                    // Zero would mean for ever.
                    let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
                    netlink::attribute(one, 4, &milliseconds.to_be_bytes());
                }
            });
        });
        self.messages.push(kind, CREATE | ACK, INET, 0, &attributes);
        self.acks += 1;
    }

    fn flush(&mut self, set: &[u8]) {
        let mut attributes = vec![];
        netlink::attribute(&mut attributes, 1, TABLE);
        netlink::attribute(&mut attributes, 2, set);
        self.messages.push(DELETE_ELEMENT, ACK, INET, 0, &attributes);
        self.acks += 1;
    }

    fn send(mut self, socket: &Socket) -> io::Result<()> {
        self.messages.push(BATCH_END, 0, 0, NFTABLES, &[]);
        socket.exchange(&self.messages, self.acks)
    }
}
