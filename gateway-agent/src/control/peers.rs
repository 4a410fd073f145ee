//! The links to `edge` and `runner`: their words become inputs, effects become their orders.

use super::{Event, peer_name};
use crate::{
    frames::{Child, FromEdge, FromRunner, Key, ToEdge, ToRunner},
    link::{Link, LinkError},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::Cell, io, os::fd::OwnedFd, rc::Rc};
use tokio::sync::mpsc;
use viworks_domain::enforcer::{Effect, Input, Outcome, Ticket};

pub(super) struct Peers {
    events: mpsc::UnboundedSender<Event>,
    edge: Option<mpsc::UnboundedSender<ToEdge>>,
    runner: Option<mpsc::UnboundedSender<ToRunner>>,
    /// Which link of each is the present one: a dead one's last word is nobody's.
    current: [Rc<Cell<u64>>; 2],
}

impl Peers {
    pub fn new(events: mpsc::UnboundedSender<Event>) -> Self {
        Self { events, edge: None, runner: None, current: [Rc::default(), Rc::default()] }
    }

    /// A fresh process at the other end.
    pub fn attach(&mut self, child: Child, fd: OwnedFd) -> io::Result<()> {
        let link = Link::new(fd)?;
        match child {
            Child::Edge => {
                let (send, queue) = mpsc::unbounded_channel();
                self.edge = Some(send);
                self.converse(child, link, queue, from_edge, Event::Input(Input::EdgeLost));
            }
            Child::Runner => {
                let (send, queue) = mpsc::unbounded_channel();
                self.runner = Some(send);
                self.converse(child, link, queue, from_runner, Event::Input(Input::RunnerLost));
            }
            Child::Control => {}
        }
        Ok(())
    }

    fn converse<Out: Serialize + 'static, In: DeserializeOwned + 'static>(
        &self,
        child: Child,
        link: Link,
        mut queue: mpsc::UnboundedReceiver<Out>,
        event: fn(In) -> Event,
        lost: Event,
    ) {
        let events = self.events.clone();
        let current = Rc::clone(&self.current[usize::from(child == Child::Runner)]);
        let mine = current.get() + 1;
        current.set(mine);
        tokio::task::spawn_local(async move {
            let ended = loop {
                let step = tokio::select! {
                    said = link.recv::<In>() => said.map(|frame| { let _ = events.send(event(frame)); }),
                    order = queue.recv() => match order {
                        Some(order) => link.send(&order).await,
                        // Replaced by a newer link.
                        None => break LinkError::Gone,
                    },
                };
                if let Err(error) = step {
                    break error;
                }
            };
            if current.get() == mine {
                tracing::warn!(child = peer_name(child), %ended, "the link has ended");
                let _ = events.send(lost);
            }
        });
    }

    pub fn to_edge(&self, effect: Effect) {
        let frame = match effect {
            Effect::GiveSpaKey { ticket, bootstrap, ref key, until } => {
                ToEdge::GiveKey { ticket: ticket.0, bootstrap, key: Key(key.0), until }
            }
            Effect::TakeSpaKey { ticket, bootstrap } => ToEdge::TakeKey { ticket: ticket.0, bootstrap },
            Effect::AckKnock { bootstrap, nonce } => ToEdge::AckKnock { bootstrap, nonce },
            Effect::TlsAllow { connection } => ToEdge::Allow { connection },
            Effect::TlsClose { connection } => ToEdge::Close { connection },
            _ => return,
        };
        if let Some(edge) = &self.edge {
            let _ = edge.send(frame);
        }
    }

    pub fn to_runner(&self, frame: ToRunner) {
        if let Some(runner) = &self.runner {
            let _ = runner.send(frame);
        }
    }
}

fn from_edge(frame: FromEdge) -> Event {
    Event::Input(match frame {
        FromEdge::Hello => Input::EdgeBack,
        FromEdge::Knock { bootstrap, nonce, address } => Input::Knock { bootstrap, nonce, address },
        FromEdge::TlsUp { connection, port, key, from } => Input::TlsUp { connection, port, key, from },
        FromEdge::TlsDown { connection } => Input::TlsDown { connection },
        FromEdge::Done { ticket } => Input::Done { ticket: Ticket(ticket), outcome: Outcome::Ok },
    })
}

fn from_runner(frame: FromRunner) -> Event {
    Event::Input(match frame {
        FromRunner::Hello { containers } => Input::RunnerBack { containers },
        FromRunner::Done { ticket, ok } => {
            Input::Done { ticket: Ticket(ticket), outcome: if ok { Outcome::Ok } else { Outcome::Failed } }
        }
        FromRunner::ScriptEnded { ticket, result } => {
            Input::Done { ticket: Ticket(ticket), outcome: Outcome::Script(result) }
        }
        FromRunner::ContainerGone { session } => Input::ContainerGone { session },
        FromRunner::Services(services) => return Event::Services(services),
    })
}
