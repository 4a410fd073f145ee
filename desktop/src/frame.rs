//! What the client and the helper say to each other: postcard in length-capped frames, over a local socket.
//!
//! The verbs are few and typed. None carries configuration text, a path, a command or a private key.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{io, net::Ipv4Addr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use viworks_domain::bytes;

/// The helper and its client are installed together; another version is refused, never guessed at.
pub const VERSION: u16 = 1;
/// Two certificates and some room.
pub const LONGEST: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToHelper {
    /// Once per connection.
    Start(Start),
    /// ECDSA P-256 with SHA-256 over what [`FromHelper::Sign`] asked for, DER.
    Signature { id: u32, signature: Vec<u8> },
    /// The client does not sign that.
    NotSigned { id: u32 },
}

/// All that a tunnel needs; the helper makes OpenVPN's configuration of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Where the client's end of the outer TLS listens, on 127.0.0.1, for one connection.
    pub port: u16,
    /// DER: under which OpenVPN's server certificate is.
    pub ca: Vec<u8>,
    /// DER: the session's client certificate.
    pub certificate: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHelper {
    /// The first frame: the helper is there and serves this client.
    Ready {
        version: u16,
    },
    Refused(Refused),
    Sign {
        id: u32,
        data: Vec<u8>,
    },
    Up {
        address: Ipv4Addr,
        interface: String,
    },
    /// The gateway said that it is over.
    Halted {
        reason: String,
    },
    /// OpenVPN has ended; so does this connection.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    NotPermitted,
    Busy,
    NoOpenVpn,
    /// Not a start that a tunnel can be made of.
    BadStart,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the other side is gone")]
    Gone(#[source] io::Error),
    #[error("a frame is longer than any frame may be")]
    TooLong,
    #[error("a frame is not one of this version")]
    Malformed,
}

/// # Errors
/// The other side is gone, or does not speak this protocol.
pub async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> Result<T, FrameError> {
    let length = from.read_u32().await.map_err(FrameError::Gone)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(FrameError::TooLong);
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await.map_err(FrameError::Gone)?;
    bytes::decode(&frame).map_err(|_| FrameError::Malformed)
}

/// # Errors
/// The other side is gone.
pub async fn write<T: Serialize + Sync>(
    to: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> Result<(), FrameError> {
    let body = bytes::encode(value);
    let length = u32::try_from(body.len()).map_err(|_| FrameError::TooLong)?;
    if body.len() > LONGEST {
        return Err(FrameError::TooLong);
    }
    let frame = [&length.to_be_bytes()[..], &body].concat();
    to.write_all(&frame).await.map_err(FrameError::Gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let (mut here, mut there) = tokio::io::duplex(256);
        let said = FromHelper::Up { address: Ipv4Addr::new(10, 8, 0, 10), interface: "viworks0".into() };
        write(&mut here, &said).await.expect("written");
        assert_eq!(read::<FromHelper>(&mut there).await.expect("read"), said);
    }

    #[tokio::test]
    async fn a_frame_that_claims_too_much_is_not_read() {
        let (mut here, mut there) = tokio::io::duplex(256);
        here.write_u32(u32::MAX).await.expect("written");
        assert!(matches!(read::<ToHelper>(&mut there).await, Err(FrameError::TooLong)));
    }

    #[tokio::test]
    async fn bytes_that_are_no_frame_or_too_many_are_refused() {
        for body in [&[9u8, 9, 9][..], &[2, 1, 0], &[]] {
            let (mut here, mut there) = tokio::io::duplex(256);
            here.write_u32(body.len() as u32).await.expect("written");
            here.write_all(body).await.expect("written");
            assert!(matches!(read::<ToHelper>(&mut there).await, Err(FrameError::Malformed)), "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_frame_cut_short_says_that_the_other_side_is_gone() {
        let (mut here, mut there) = tokio::io::duplex(256);
        here.write_u32(10).await.expect("written");
        here.write_all(&[0; 3]).await.expect("written");
        drop(here);
        assert!(matches!(read::<ToHelper>(&mut there).await, Err(FrameError::Gone(_))));
    }
}
