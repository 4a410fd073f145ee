//! Reports: numbered without a gap over all lives, signed, durable before anything depends on them, sent in
//! order until the bus has each.

use super::{
    bus,
    disk::{DiskError, Log, replace},
};
use crate::{clock, identity::Enrolment};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};
use viworks_domain::{
    bytes, envelope,
    gateway_bus::{News, Report},
    ids::{GatewayId, Incarnation, LogId},
};

/// The file is written anew, empty, once everything in it has arrived and it is longer than this.
const LONG_ENOUGH: u64 = 1 << 20;

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    n: u64,
    envelope: Vec<u8>,
}

pub(super) struct Outbox {
    key: SigningKey,
    log_id: LogId,
    gateway: GatewayId,
    incarnation: Incarnation,
    last: u64,
    log: Log,
    acknowledged: PathBuf,
    last_written: Option<Entry>,
    unsynced: Vec<Entry>,
    bus: bus::Handle,
}

impl Outbox {
    pub fn open(
        dir: &Path,
        enrolment: &Enrolment,
        incarnation: Incarnation,
        key: &[u8; 32],
        bus: bus::Handle,
    ) -> Result<Self, DiskError> {
        let acknowledged = dir.join("acknowledged");
        let upto = fs::read_to_string(&acknowledged).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        let (log, entries) = Log::open::<Entry>(&dir.join("outbox"))?;
        let last_written = entries.last().cloned();
        let last = last_written.as_ref().map_or(upto, |entry| entry.n.max(upto));
        for entry in entries.into_iter().filter(|entry| entry.n > upto) {
            bus.report(entry.n, entry.envelope);
        }
        Ok(Self {
            key: SigningKey::from_bytes(key),
            log_id: enrolment.response.log_id,
            gateway: enrolment.response.gateway,
            incarnation,
            last,
            log,
            acknowledged,
            last_written,
            unsynced: vec![],
            bus,
        })
    }

    pub fn add(&mut self, epoch: u32, news: News) {
        self.last += 1;
        let report = Report {
            log_id: self.log_id,
            epoch,
            gateway: self.gateway,
            incarnation: self.incarnation,
            report_n: self.last,
            at: clock::now(),
            news,
        };
        let envelope = envelope::seal(envelope::Kind::Report, &self.key, &bytes::encode(&report));
        self.unsynced.push(Entry { n: self.last, envelope });
    }

    /// On disk, then on its way. A disk that fails holds it back: a report that could be forgotten would leave
    /// a gap, and what waits is tried again with the next.
    pub fn flush(&mut self) {
        if self.unsynced.is_empty() {
            return;
        }
        if let Err(error) = self.write() {
            tracing::error!(%error, "reports cannot be saved");
            return;
        }
        for entry in self.unsynced.drain(..) {
            self.bus.report(entry.n, entry.envelope);
        }
    }

    fn write(&mut self) -> Result<(), DiskError> {
        let upto = self.bus.acknowledged();
        if self.log.len() > LONG_ENOUGH && self.unsynced.first().is_some_and(|first| first.n == upto + 1) {
            replace(&self.acknowledged, format!("{upto}\n").as_bytes())?;
            // The last one stays: its number is where the next life goes on, whatever else is lost.
            self.log.rewrite(&self.last_written.clone().map_or_else(Vec::new, |last| vec![last]))?;
        }
        for entry in &self.unsynced {
            self.log.append_unsynced(entry)?;
        }
        self.log.sync()?;
        self.last_written = self.unsynced.last().cloned();
        Ok(())
    }
}
