//! The WebSocket with its bounds: how long a write may take, how long the other end may be silent.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use viworks_api::feed::{Request, close};
use viworks_domain::bytes as postcard;
use warp::ws::{Message, WebSocket};

/// A reader that takes nothing for so long is gone, or as good as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long the other end may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Gone, or silent, or it does not read.
    Gone,
    /// To be closed with this code.
    Close(u16),
}

pub const NOT_UNDERSTOOD: Over = Over::Close(close::NOT_UNDERSTOOD);

pub struct Socket(pub WebSocket);

impl Socket {
    /// Writes a frame, in time.
    pub async fn send(&mut self, frame: impl Into<Bytes>) -> Result<(), Over> {
        self.write(Message::binary(frame)).await
    }

    pub async fn ping(&mut self) -> Result<(), Over> {
        self.write(Message::ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Over> {
        match tokio::time::timeout(WRITE_WITHIN, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over::Gone),
        }
    }

    /// The next request; none for what only shows that somebody is there. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Request>, Over> {
        match self.0.next().await {
            None => Err(Over::Gone),
            // A message that is too long, not masked, cut in pieces: none of ours.
            Some(Err(_)) => Err(NOT_UNDERSTOOD),
            Some(Ok(message)) if message.is_binary() => {
                postcard::decode(message.as_bytes()).map(Some).map_err(|_| NOT_UNDERSTOOD)
            }
            Some(Ok(message)) if message.is_ping() || message.is_pong() => Ok(None),
            Some(Ok(message)) if message.is_close() => Err(Over::Gone),
            Some(Ok(_)) => Err(NOT_UNDERSTOOD),
        }
    }

    /// Says why, and waits a moment for the other end to have read it.
    pub async fn close(mut self, over: Over) {
        let farewell = async {
            if let Over::Close(code) = over {
                let _ = self.0.send(Message::close_with(code, "")).await;
            }
            while let Some(Ok(message)) = self.0.next().await {
                if message.is_close() {
                    break;
                }
            }
            let _ = self.0.close().await;
        };
        if over != Over::Gone {
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
        }
    }
}
