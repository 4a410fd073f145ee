//! The log from a sequence to its end, one decision at a time: what is read is folded and forgotten.

use crate::failure::Failure;
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};
use viworks_domain::{decision::Recorded, event::AggregateRef};
use viworks_nats::event_store::{EventStore, Reader};

/// A bus that says nothing for this long, although decisions are due, is away.
const SILENCE: Duration = Duration::from_secs(15);
/// About a second's worth.
const SAY_EVERY: u64 = 100_000;

pub struct Log {
    store: EventStore,
    /// The last sequence when it was opened: what comes later is not waited for.
    pub head: u64,
}

impl Log {
    pub async fn open(store: EventStore) -> Result<Self, Failure> {
        let head = store.last_sequence().await?;
        Ok(Self { store, head })
    }

    /// One aggregate's decisions, without reading the others'.
    pub async fn of(&self, aggregate: AggregateRef) -> Result<Vec<Recorded>, Failure> {
        let mut decisions = self.store.load(aggregate).await?;
        decisions.retain(|recorded| recorded.seq <= self.head);
        Ok(decisions)
    }

    /// Every decision from the first through `through`, in order.
    pub async fn read(&self, through: u64) -> Result<Reading, Failure> {
        let through = through.min(self.head);
        let reader = if through == 0 { None } else { Some(self.store.read_from(1).await?) };
        Ok(Reading { reader, progress: Progress::new(through), through })
    }
}

/// A walk over the log that ends where it was told to.
pub struct Reading {
    reader: Option<Reader>,
    through: u64,
    progress: Progress,
}

impl Reading {
    /// None at the end.
    pub async fn next(&mut self) -> Result<Option<Recorded>, Failure> {
        let Some(reader) = self.reader.as_mut().filter(|reader| reader.expected() <= self.through) else {
            self.progress.done();
            return Ok(None);
        };
        let Ok(next) = tokio::time::timeout(SILENCE, reader.next()).await else {
            return Err(Failure::WentAway(reader.expected() - 1));
        };
        let recorded = next?;
        self.progress.at(recorded.seq);
        Ok(Some(recorded))
    }
}

/// Says on standard error how far a long log has been read: in place on a terminal, else in lines.
struct Progress {
    through: u64,
    said: bool,
    terminal: bool,
}

impl Progress {
    fn new(through: u64) -> Self {
        Self { through, said: false, terminal: io::stderr().is_terminal() }
    }

    fn at(&mut self, seq: u64) {
        if seq.is_multiple_of(SAY_EVERY) {
            self.said = true;
            let (start, end) = if self.terminal { ("\r", "") } else { ("", "\n") };
            // Nobody to tell is no reason to stop.
            let _ = write!(io::stderr(), "{start}read {seq} of {} decisions{end}", self.through);
        }
    }

    fn done(&mut self) {
        if self.said && self.terminal {
            let _ = writeln!(io::stderr());
        }
        self.said = false;
    }
}
