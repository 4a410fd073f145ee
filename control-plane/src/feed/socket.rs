//! The WebSocket with its bounds: how much stands in memory for it, how long a write may take, how long the other
//! end may be silent.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};
use viworks_api::feed::{LARGEST_REQUEST, Request, close};
use viworks_domain::bytes as postcard;

/// A reader that does not take what it gets within this, be it a frame or all that was read for it in one turn, is
/// gone or as good as gone. Others wait for the room that it takes.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// How long the other end may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// Requests are some hundred bytes.
const READ_BUFFER: usize = 1024;
/// Longer frames go in pieces, each written before the next: the buffer that a connection keeps is never larger,
/// whatever its largest snapshot was.
const PIECE: usize = 16 * 1024;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Gone, or silent, or it does not read.
    Gone,
    /// To be closed with this code.
    Close(u16),
}

pub const NOT_UNDERSTOOD: Over = Over::Close(close::NOT_UNDERSTOOD);

/// How every feed's socket is set up.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        // A piece and a word of control; every write is awaited before the next.
        .max_write_buffer_size(2 * PIECE)
        .max_message_size(Some(LARGEST_REQUEST))
        .max_frame_size(Some(LARGEST_REQUEST))
}

pub struct Socket<S>(pub WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Writes a frame, in time.
    pub async fn send(&mut self, frame: impl Into<Bytes>) -> Result<(), Over> {
        self.send_all([frame]).await
    }

    /// Writes frames one after the other, all of them in the time that one has.
    pub async fn send_all(&mut self, frames: impl IntoIterator<Item = impl Into<Bytes>>) -> Result<(), Over> {
        let writing = async {
            for message in frames.into_iter().flat_map(|frame| in_pieces(frame.into())) {
                self.0.send(message).await?;
            }
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        within(writing).await
    }

    pub async fn ping(&mut self) -> Result<(), Over> {
        within(self.0.send(Message::Ping(Bytes::new()))).await
    }

    /// The next request; none for what only shows that somebody is there. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Request>, Over> {
        match self.0.next().await {
            Some(Ok(Message::Binary(message))) => {
                postcard::decode(&message).map(Some).map_err(|_| NOT_UNDERSTOOD)
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            // A message that is too long, not masked, or no message of ours.
            Some(Ok(Message::Text(_) | Message::Frame(_)) | Err(_)) => Err(NOT_UNDERSTOOD),
            Some(Ok(Message::Close(_))) | None => Err(Over::Gone),
        }
    }

    /// Says why, and waits a moment for the other end to have read it.
    pub async fn close(mut self, over: Over) {
        let Over::Close(code) = over else { return };
        let farewell = async {
            let close = CloseFrame { code: code.into(), reason: "".into() };
            if self.0.close(Some(close)).await.is_ok() {
                while let Some(Ok(_)) = self.0.next().await {}
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

async fn within<E>(writing: impl Future<Output = Result<(), E>>) -> Result<(), Over> {
    match tokio::time::timeout(WRITE_WITHIN, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Over::Gone),
    }
}

/// One message, as a whole or as RFC 6455 section 5.4 cuts it.
fn in_pieces(frame: Bytes) -> impl Iterator<Item = Message> {
    let pieces = frame.len().div_ceil(PIECE).max(1);
    (0..pieces).map(move |n| {
        if pieces == 1 {
            return Message::Binary(frame.clone());
        }
        let piece = frame.slice(n * PIECE..frame.len().min((n + 1) * PIECE));
        let kind = if n == 0 { Data::Binary } else { Data::Continue };
        Message::Frame(Frame::message(piece, OpCode::Data(kind), n + 1 == pieces))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio_tungstenite::tungstenite::protocol::Role;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_gone_after_a_while() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut socket = Socket(WebSocketStream::from_raw_socket(ours, Role::Server, Some(config())).await);
        let began = tokio::time::Instant::now();
        assert_eq!(socket.send(vec![0; 100_000]).await, Err(Over::Gone));
        assert_eq!(began.elapsed(), WRITE_WITHIN);
        socket.close(Over::Close(close::GOING_AWAY)).await;
        assert!(began.elapsed() <= WRITE_WITHIN + FAREWELL);
    }

    #[tokio::test(start_paused = true)]
    async fn many_frames_have_no_more_time_than_one() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut socket = Socket(WebSocketStream::from_raw_socket(ours, Role::Server, Some(config())).await);
        let began = tokio::time::Instant::now();
        // Slow, but never so slow that a frame would take too long by itself.
        let slow = async {
            let mut frame = vec![0; 1000];
            loop {
                tokio::time::sleep(WRITE_WITHIN / 4).await;
                theirs.read_exact(&mut frame).await.expect("a frame");
            }
        };
        tokio::select! {
            sent = socket.send_all(vec![vec![0; 990]; 10]) => assert_eq!(sent, Err(Over::Gone)),
            () = slow => {}
        }
        assert_eq!(began.elapsed(), WRITE_WITHIN);
    }

    #[test]
    fn a_long_frame_goes_in_pieces_of_which_the_last_says_so() {
        let whole: Vec<u8> = (0..PIECE * 2 + 5).map(|n| n as u8).collect();
        let pieces: Vec<_> = in_pieces(whole.clone().into()).collect();
        let Message::Frame(first) = &pieces[0] else { panic!("a piece") };
        assert_eq!(first.header().opcode, OpCode::Data(Data::Binary));
        let mut joined = vec![];
        for (n, piece) in pieces.into_iter().enumerate() {
            let Message::Frame(piece) = piece else { panic!("a piece") };
            assert_eq!(piece.header().is_final, n == 2);
            assert_eq!(piece.header().opcode == OpCode::Data(Data::Continue), n > 0);
            joined.extend_from_slice(piece.payload());
        }
        assert_eq!(joined, whole);
        assert!(matches!(in_pieces(Bytes::new()).collect::<Vec<_>>()[..], [Message::Binary(_)]));
    }
}
