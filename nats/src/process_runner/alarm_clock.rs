//! The bus's message schedules as alarm clocks.

use crate::{
    bus::Bus,
    pull::{Closed, Delivery, Puller},
    subject::{self, AlarmName, DEADLINES, Subject},
};
use async_nats::{
    header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET},
    jetstream::{context::PublishError, message::PublishMessage, response::Response},
};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use viworks_domain::{
    actor::ProcessName,
    bytes,
    process::{Alarm, AlarmKind},
};

const BATCH: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    #[error("the schedule was not acknowledged")]
    Unacknowledged(#[from] PublishError),
    #[error("the schedules cannot be listed")]
    Unlisted(#[source] async_nats::jetstream::context::RequestError),
    #[error("the schedules cannot be listed: {0}")]
    RefusedList(async_nats::jetstream::Error),
}

/// Hears the alarms of one process.
pub(super) struct AlarmClock {
    bus: Bus,
    process: ProcessName,
    puller: Puller,
}

/// Sets the alarms of one process.
#[derive(Clone)]
pub(super) struct Setter {
    bus: Bus,
    process: ProcessName,
}

/// What the bus has to say.
pub(super) enum Heard {
    /// `None` when it cannot be read.
    Rang(Option<Alarm>, Box<Delivery>),
    /// The bus was away, or its clocks are gone: what is set there had better be looked at.
    Nothing,
}

impl AlarmClock {
    pub(super) async fn open(bus: Bus, process: ProcessName) -> Result<Self, Closed> {
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{DEADLINES}.{}", subject::alarm_consumer(process));
        let puller = Puller::open(bus.client.clone(), next, BATCH).await?;
        Ok(Self { bus, process, puller })
    }

    pub(super) fn setter(&self) -> Setter {
        Setter { bus: self.bus.clone(), process: self.process }
    }

    /// The next word. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        let Some(delivery) = self.puller.next().await? else { return Ok(Heard::Nothing) };
        let alarm = self.read(&delivery);
        if alarm.is_none() {
            tracing::warn!(subject = delivery.subject(), "a ringing was not understood");
        }
        Ok(Heard::Rang(alarm, Box::new(delivery)))
    }

    fn read(&self, delivery: &Delivery) -> Option<Alarm> {
        let Ok(Subject::FiredAlarm(name)) = delivery.subject().parse() else { return None };
        let alarm: Alarm = bytes::decode(delivery.payload()).ok()?;
        let fits = name == AlarmName { process: self.process, instance: alarm.instance, kind: alarm.kind };
        fits.then_some(alarm)
    }

    /// Which clocks the bus has set for this process.
    pub(super) async fn armed(&self) -> Result<HashSet<([u8; 16], AlarmKind)>, AlarmError> {
        let mut armed = HashSet::new();
        let mut offset = 0;
        loop {
            let request = serde_json::json!({
                "subjects_filter": subject::set_alarms(self.process), "offset": offset,
            });
            let answer = self
                .bus
                .jetstream
                .request(format!("STREAM.INFO.{DEADLINES}"), &request)
                .await
                .map_err(AlarmError::Unlisted)?;
            let info: Info = match answer {
                Response::Ok(info) => info,
                Response::Err { error } => return Err(AlarmError::RefusedList(error)),
            };
            let subjects = info.state.subjects.unwrap_or_default();
            let page = subjects.len();
            armed.extend(subjects.into_keys().filter_map(|text| match text.parse() {
                Ok(Subject::SetAlarm(name)) => Some((name.instance, name.kind)),
                _ => None,
            }));
            offset += page;
            if page == 0 || offset >= info.total.unwrap_or(0) {
                return Ok(armed);
            }
        }
    }
}

#[derive(Deserialize)]
struct Info {
    total: Option<usize>,
    state: State,
}

#[derive(Deserialize)]
struct State {
    subjects: Option<HashMap<String, u64>>,
}

impl Setter {
    /// Sets the one clock of this instance and kind, in place of whatever it was set to.
    pub(super) async fn arm(&self, alarm: &Alarm) -> Result<(), AlarmError> {
        let name = AlarmName { process: self.process, instance: alarm.instance, kind: alarm.kind };
        let message = PublishMessage::build()
            .header(NATS_SCHEDULE, format!("@at {}", alarm.at).as_str())
            .header(NATS_SCHEDULE_TARGET, Subject::FiredAlarm(name).to_string().as_str())
            .payload(bytes::encode(alarm).into())
            .expected_stream(DEADLINES);
        let subject = Subject::SetAlarm(name).to_string();
        self.bus.jetstream.send_publish(subject, message).await?.await?;
        Ok(())
    }
}
