//! One console's feed: windows are answered from the crowd, then it changes, ten times in a hundred milliseconds.

use crate::{clock, crowd::Crowd};
use futures_util::{SinkExt as _, StreamExt as _};
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};
use viworks_api::{
    feed::{Change, Frame, HEAD_EVERY, Position, Query, Request, Rows, Window},
    operator::Me,
};
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    bytes,
    ids::{LogId, OperatorId},
    permission::Role,
};

/// As often as a projector's transaction would end under such a load.
const BATCH_EVERY: Duration = Duration::from_millis(10);
const BATCHES_PER_SECOND: usize = 100;
/// Of the changes, one in so many also comes and one goes: 25 a second of 2,000.
const COMING_AND_GOING: usize = 80;

pub fn me() -> Me {
    Me {
        operator: OperatorId([1; 16]),
        name: "owner".to_owned(),
        role: Role::Owner,
        may: vec![],
        expires_at: Millis(u64::MAX),
    }
}

pub async fn serve<S>(
    mut socket: WebSocketStream<S>,
    crowd: Rc<RefCell<Crowd>>,
    changes: usize,
) -> Result<(), Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let log = LogIdentity { log_id: LogId([7; 16]), epoch: 1 };
    let mut seq = 1;
    let mut owed = 0;
    let mut batches = tokio::time::interval(BATCH_EVERY);
    batches.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut heads = tokio::time::interval(HEAD_EVERY);
    let mut is_open = false;
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(message) = message.transpose()? else { return Ok(()) };
                let Message::Binary(message) = message else { continue };
                match bytes::decode(&message) {
                    Ok(Request::Open { windows, .. }) => {
                        is_open = true;
                        let at = Position { log, seq };
                        say(&mut socket, &Frame::Welcome { me: me(), at, now: clock::now(), resumed: false }).await?;
                        for window in &windows {
                            say(&mut socket, &answer(window, seq, &crowd)).await?;
                        }
                    }
                    Ok(Request::Watch(window)) => say(&mut socket, &answer(&window, seq, &crowd)).await?,
                    Ok(Request::Unwatch(_)) => {}
                    Err(_) => return Ok(()),
                }
            }
            _ = batches.tick(), if is_open && changes > 0 => {
                owed += changes;
                let now = owed / BATCHES_PER_SECOND;
                owed %= BATCHES_PER_SECOND;
                let changes = step(&mut crowd.borrow_mut(), now, seq);
                let prev_seq = seq;
                seq += changes.len() as u64;
                say(&mut socket, &Frame::Delta { prev_seq, seq, changes }).await?;
            }
            _ = heads.tick(), if is_open => {
                say(&mut socket, &Frame::Head { seq, log_head: seq, now: clock::now() }).await?;
            }
        }
    }
}

fn step(crowd: &mut Crowd, count: usize, seq: u64) -> Vec<Change> {
    let mut changes = (0..count).filter_map(|_| crowd.change()).map(Change::Session).collect::<Vec<_>>();
    let coming = (seq as usize / COMING_AND_GOING).abs_diff((seq as usize + count) / COMING_AND_GOING);
    for _ in 0..coming {
        changes.push(Change::Session(crowd.arrive()));
        changes.extend(crowd.end().map(Change::Session));
    }
    changes
}

fn answer(window: &Window, seq: u64, crowd: &RefCell<Crowd>) -> Frame {
    let mut next = None;
    let rows = match &window.query {
        Query::Sessions(query) if query.id.is_none() && query.active != Some(false) => {
            let (rows, more) = crowd.borrow().page(None, window.limit as usize);
            next = more;
            Rows::Sessions(rows)
        }
        Query::Sessions(_) => Rows::Sessions(vec![]),
        Query::Users(_) => Rows::Users(vec![]),
        Query::Gateways => Rows::Gateways(vec![]),
        Query::Policies => Rows::Policies(vec![]),
        Query::Audit(_) => Rows::Audit(vec![]),
    };
    Frame::Snapshot { window: window.id, seq, rows, next }
}

async fn say<S>(socket: &mut WebSocketStream<S>, frame: &Frame) -> Result<(), Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::Binary(bytes::encode(frame).into())).await
}
