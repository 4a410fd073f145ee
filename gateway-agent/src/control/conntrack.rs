//! Forgetting the flows of one tunnel address: what was let through must not live on as a reply.

use super::netlink::{self, ACK, DUMP, Messages, Socket};
use std::{io, net::Ipv4Addr};

const CONNTRACK: u16 = 1;
const GET: u16 = (CONNTRACK << 8) | 1;
const DELETE: u16 = (CONNTRACK << 8) | 2;
const IPV4: u8 = 2;
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_IP: u16 = 1;
const IPV4_SOURCE: u16 = 1;
const ID: u16 = 12;
const ZONE: u16 = 18;

pub(super) fn flush(source: Ipv4Addr) -> io::Result<()> {
    let socket = Socket::open()?;
    let mut ask = Messages::default();
    ask.push(GET, DUMP, IPV4, 0, &[]);
    let mut found = vec![];
    socket.dump(&ask, |message| {
        let mut delete = vec![];
        let mut ours = false;
        for (kind, value) in netlink::attributes(message) {
            match kind {
                TUPLE_ORIGINAL => {
                    ours = source_of(value) == Some(source);
                    netlink::nested(&mut delete, kind, |into| into.extend_from_slice(value));
                }
                ID | ZONE => netlink::attribute(&mut delete, kind, value),
                _ => {}
            }
        }
        if ours {
            found.push(delete);
        }
    })?;
    for attributes in found {
        let mut delete = Messages::default();
        delete.push(DELETE, ACK, IPV4, 0, &attributes);
        match socket.exchange(&delete, 1) {
            // It ended by itself meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

fn source_of(tuple: &[u8]) -> Option<Ipv4Addr> {
    let (_, ip) = netlink::attributes(tuple).find(|(kind, _)| *kind == TUPLE_IP)?;
    let (_, source) = netlink::attributes(ip).find(|(kind, _)| *kind == IPV4_SOURCE)?;
    <[u8; 4]>::try_from(source).ok().map(Ipv4Addr::from)
}
