//! Sockets between the processes: `SOCK_SEQPACKET`, so that a frame is a packet and a killed process leaves no
//! half of one behind. The parent makes each pair anew when one end's process starts again.

use crate::frames::LONGEST;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};
use tokio::io::{Interest, unix::AsyncFd};
use zeroize::Zeroizing;

/// File descriptors that one frame may carry.
const MOST_FDS: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the other process is gone")]
    Gone,
    #[error("the other process does not keep up")]
    Full,
    #[error("a frame that is none, or longer than {LONGEST} bytes")]
    NotAFrame,
    #[error("the socket failed")]
    Io(#[from] io::Error),
}

pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((a, b))
}

/// Blocking; for the parent, and for a child before it has dropped its powers.
pub fn send_with_fds<T: Serialize>(
    link: impl AsFd,
    value: &T,
    fds: &[BorrowedFd<'_>],
) -> Result<(), LinkError> {
    let frame = encode(value)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(LinkError::NotAFrame);
    }
    rustix::net::sendmsg(link, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::NOSIGNAL)
        .map(drop)
        .map_err(gone_or_io)
}

pub fn recv_with_fds<T: DeserializeOwned>(link: impl AsFd) -> Result<(T, Vec<OwnedFd>), LinkError> {
    let mut frame = Zeroizing::new(vec![0; LONGEST]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::net::recvmsg(
        link,
        &mut [IoSliceMut::new(&mut frame)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(gone_or_io)?;
    if got.bytes == 0 {
        return Err(LinkError::Gone);
    }
    let mut fds = vec![];
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    if got.flags.contains(ReturnFlags::TRUNC) {
        return Err(LinkError::NotAFrame);
    }
    let value = viworks_domain::bytes::decode(&frame[..got.bytes]).map_err(|_| LinkError::NotAFrame)?;
    Ok((value, fds))
}

fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    let frame = Zeroizing::new(viworks_domain::bytes::encode(value));
    if frame.len() > LONGEST { Err(LinkError::NotAFrame) } else { Ok(frame) }
}

fn gone_or_io(errno: Errno) -> LinkError {
    match errno {
        Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => LinkError::Gone,
        Errno::AGAIN => LinkError::Full,
        other => LinkError::Io(other.into()),
    }
}

/// Waits for what a descriptor that is ours alone can do.
#[expect(
    deprecated,
    reason = "what replaces it is unsafe for types that may close early; an OwnedFd does not"
)]
pub(crate) fn watched(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, interest)
}

/// One end, in a running process.
#[derive(Debug)]
pub struct Link(AsyncFd<OwnedFd>);

impl Link {
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        watched(fd, Interest::READABLE | Interest::WRITABLE).map(Self)
    }

    /// Cancel-safe.
    pub async fn recv<T: DeserializeOwned>(&self) -> Result<T, LinkError> {
        self.recv_with_fds().await.map(|(value, _)| value)
    }

    /// Cancel-safe.
    pub async fn recv_with_fds<T: DeserializeOwned>(&self) -> Result<(T, Vec<OwnedFd>), LinkError> {
        loop {
            let mut ready = self.0.readable().await?;
            match recv_with_fds(self.0.get_ref()) {
                Err(LinkError::Full) => ready.clear_ready(),
                answer => return answer,
            }
        }
    }

    pub async fn send<T: Serialize>(&self, value: &T) -> Result<(), LinkError> {
        let frame = encode(value)?;
        loop {
            let mut ready = self.0.writable().await?;
            match rustix::net::send(self.0.get_ref(), &frame, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(errno) => return Err(gone_or_io(errno)),
            }
        }
    }

    /// At once or not at all.
    pub fn try_send<T: Serialize>(&self, value: &T) -> Result<(), LinkError> {
        let frame = encode(value)?;
        rustix::net::send(self.0.get_ref(), &frame, SendFlags::NOSIGNAL).map(drop).map_err(gone_or_io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[tokio::test]
    async fn a_frame_arrives_whole_and_a_dead_end_is_noticed() {
        let (a, b) = pair().unwrap();
        let (a, b) = (Link::new(a).unwrap(), Link::new(b).unwrap());
        a.send(&vec![7u8; LONGEST - 10]).await.unwrap();
        a.send(&"second").await.unwrap();
        assert_eq!(b.recv::<Vec<u8>>().await.unwrap().len(), LONGEST - 10);
        assert_eq!(b.recv::<String>().await.unwrap(), "second");
        drop(a);
        assert!(matches!(b.recv::<String>().await, Err(LinkError::Gone)));
    }

    #[test]
    fn what_is_longer_than_a_frame_is_not_sent() {
        let (a, _b) = pair().unwrap();
        assert!(matches!(send_with_fds(&a, &vec![0u8; LONGEST], &[]), Err(LinkError::NotAFrame)));
    }

    #[test]
    fn a_file_descriptor_travels_with_its_frame() {
        let (a, b) = pair().unwrap();
        let (mut one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        send_with_fds(&a, &5u8, &[other.as_fd()]).unwrap();
        let (five, mut fds) = recv_with_fds::<u8>(&b).unwrap();
        let mut received = std::os::unix::net::UnixStream::from(fds.remove(0));
        drop(other);
        one.write_all(b"hi").unwrap();
        let mut text = [0; 2];
        received.read_exact(&mut text).unwrap();
        assert_eq!((five, &text), (5, b"hi"));
    }

    #[test]
    fn bytes_left_over_make_it_no_frame() {
        let (a, b) = pair().unwrap();
        send_with_fds(&a, &(1u8, 2u8), &[]).unwrap();
        assert!(matches!(recv_with_fds::<u8>(&b), Err(LinkError::NotAFrame)));
    }
}
