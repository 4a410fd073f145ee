//! The session's fold and its rules.

use super::{
    Absence, AdmissionRefused, Admitted, AnswerRefused, BOOTSTRAP_LIFETIME, BOOTSTRAP_WINDOW,
    BOOTSTRAPS_PER_WINDOW, Bootstrap, BootstrapConsumed, BootstrapExpired, BootstrapIssued,
    CHALLENGE_LIFETIME, CODE_LIFETIME, CODES_PER_SESSION, CodeExpired, CodeIssued, Command, Connected,
    DeadlineKind, Denied, DesktopIdentity, EndMoved, EndReason, Ended, Ending, EndsBecause, Event, Expired,
    Layer, LayerChanged, LeaseRenewed, Opened, PostureRecorded, PreparedCode, RECEIPTS_DUE, ReceiptRecorded,
    ReceiptsOverdue, Refusal, Standing, TrafficCounted, Verified, WRONG_ANSWERS_ALLOWED,
};
use crate::{
    Aggregate, Millis,
    event::AggregateKind,
    gateway_bus::AdmitRefusal,
    ids::{AttemptId, BootstrapId, CodeId, DeviceId, Digest, EndId, GatewayId, Incarnation, UserId},
    lease, otp,
    policy::{Gate, Grant, PolicyRef, PostureValues, Verdict, evaluate, window_end},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// Where a session stands. What each stage holds is what may be asked next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    #[default]
    Absent,
    /// Waits for the phone.
    Challenged,
    /// The phone was allowed; `None` once its code has expired or been voided.
    CodeIssued(Option<LiveCode>),
    /// The code was right: bootstraps may be asked for, and connections stand or fall.
    Verified(Admissible),
    Ending(Winding),
    Ended(EndReason),
    Denied,
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCode {
    pub id: CodeId,
    mac: Digest,
    pub sealed: crate::seal::SealedBox,
    pub expires_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admissible {
    pub ends_at: Millis,
    pub because: EndsBecause,
    pub lease_until: Option<Millis>,
    pub bootstrap: Option<LiveBootstrap>,
    pub connected: bool,
    issued: Vec<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveBootstrap {
    pub id: BootstrapId,
    pub address: Digest,
    pub use_before: Millis,
    pub incarnation: Incarnation,
    /// The tunnel address, once the gateway has admitted.
    pub admitted: Option<Ipv4Addr>,
    /// Why the gateway did not.
    pub refused: Option<AdmitRefusal>,
    pub consumed: bool,
    pub expired: bool,
    grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winding {
    pub end: EndId,
    pub reason: EndReason,
    /// `None` until the layer's receipt is in.
    pub receipts: BTreeMap<Layer, Option<Absence>>,
    pub receipts_due: Millis,
    pub overdue: bool,
}

impl Winding {
    pub fn missing(&self) -> Vec<Layer> {
        self.receipts.iter().filter(|(_, receipt)| receipt.is_none()).map(|(layer, _)| *layer).collect()
    }
}

/// What was fixed when it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub user: UserId,
    pub device: DeviceId,
    pub gateway: GatewayId,
    pub desktop: DesktopIdentity,
    pub policy: PolicyRef,
    pub challenge: [u8; 32],
    pub token: Digest,
    pub address: Digest,
    pub whereabouts: crate::personal::Personal<crate::personal::Whereabouts>,
    pub answer_by: Millis,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub stage: Stage,
    /// Present from `opened` on.
    pub origin: Option<Origin>,
    /// The last report the phone signed.
    pub posture: Option<PostureValues>,
    wrong_answers: u8,
    /// Attempts that a code was judged on: each pays for one guess.
    judged: Vec<AttemptId>,
    codes: u8,
}

impl Session {
    /// Whether the desktop's token still admits anything.
    pub fn token_is_live(&self) -> bool {
        matches!(self.stage, Stage::Challenged | Stage::CodeIssued(_) | Stage::Verified(_))
    }

    pub const fn wrong_answers_left(&self) -> u8 {
        WRONG_ANSWERS_ALLOWED.saturating_sub(self.wrong_answers)
    }

    /// Why it is ending or has ended.
    pub const fn end_reason(&self) -> Option<&EndReason> {
        match &self.stage {
            Stage::Ending(winding) => Some(&winding.reason),
            Stage::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    fn origin(&self) -> Result<&Origin, Refusal> {
        self.origin.as_ref().ok_or(Refusal::NotFound)
    }
}

impl Aggregate for Session {
    const KIND: AggregateKind = AggregateKind::Session;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        use Stage as S;
        match (&self.stage, command) {
            (S::Absent, C::Open { .. }) => Ok(open(command, now)),
            (S::Absent, _) => Err(Refusal::NotFound),
            (_, C::Open { .. }) => Err(Refusal::AlreadyOpened),

            // Receipts are the only thing an ending session takes; an ended one takes nothing.
            (S::Ending(w), C::RecordReceipt { end, layer, absence, gateway, incarnation }) => {
                self.of_gateway(*gateway)?;
                receipt(w, *end, *layer, *absence, *incarnation)
            }
            (S::Ending(w), C::Deadline { kind: DeadlineKind::Receipts, .. }) => overdue(w, now),
            (S::Ending(_), C::RecordTraffic { bytes_in, bytes_out, gateway }) => {
                self.of_gateway(*gateway)?;
                Ok(vec![TrafficCounted { bytes_in: *bytes_in, bytes_out: *bytes_out }.into()])
            }
            (S::Ending(_) | S::Ended(_) | S::Denied | S::Expired, _) => Err(Refusal::Over),

            (S::Challenged, C::RecordPosture { device, posture, standing, code }) => {
                self.of_device(*device)?;
                self.in_time(self.origin()?.answer_by, now)?;
                Ok(posture_recorded(*device, posture, standing, code, now))
            }
            (S::Challenged, C::Deadline { kind: DeadlineKind::Challenge, .. }) => {
                if now < self.origin()?.answer_by {
                    Err(Refusal::NotYet)
                } else {
                    Ok(vec![Expired {}.into()])
                }
            }

            (S::CodeIssued(_), C::IssueCode { device, standing, code }) => {
                self.of_device(*device)?;
                self.in_time(self.origin()?.answer_by, now)?;
                self.another_code(standing, code, now)
            }
            (S::CodeIssued(live), C::Answer { code, mac, attempt, attempt_reserved, standing }) => {
                self.in_time(self.origin()?.answer_by, now)?;
                if !attempt_reserved || self.judged.contains(attempt) {
                    return Err(Refusal::AttemptNotReserved);
                }
                self.answer(live.as_ref(), &Answer { code: *code, mac, attempt: *attempt, standing }, now)
            }
            (S::CodeIssued(live), C::Deadline { kind: DeadlineKind::Code, .. }) => match live {
                Some(code) if now >= code.expires_at => Ok(vec![CodeExpired { code: code.id }.into()]),
                Some(_) => Err(Refusal::NotYet),
                None => Err(Refusal::Unchanged),
            },
            (S::CodeIssued(_), C::Deadline { kind: DeadlineKind::Challenge, .. }) => {
                if now < self.origin()?.answer_by {
                    Err(Refusal::NotYet)
                } else {
                    Ok(vec![Expired {}.into()])
                }
            }
            (S::Challenged | S::CodeIssued(_), C::RequestEnd { .. }) => Ok(vec![Expired {}.into()]),

            (S::Verified(v), C::IssueBootstrap { bootstrap, incarnation, standing, end }) => {
                self.issue_bootstrap(v, bootstrap, *incarnation, standing, *end, now)
            }
            (S::Verified(v), C::RecordAdmitted(admission)) => {
                self.of_gateway(admission.gateway)?;
                let live = v.bootstrap(admission.bootstrap)?;
                if live.admitted.is_some() {
                    return Err(Refusal::Unchanged);
                }
                if live.incarnation != admission.incarnation {
                    return Err(Refusal::BootstrapUnusable);
                }
                Ok(vec![
                    Admitted {
                        bootstrap: live.id,
                        address: admission.address,
                        incarnation: admission.incarnation,
                    }
                    .into(),
                ])
            }
            (S::Verified(v), C::RecordAdmissionRefused { bootstrap, gateway, reason }) => {
                self.of_gateway(*gateway)?;
                let live = v.bootstrap(*bootstrap)?;
                if live.admitted.is_some() || live.refused.is_some() {
                    return Err(Refusal::Unchanged);
                }
                Ok(vec![AdmissionRefused { bootstrap: live.id, reason: *reason }.into()])
            }
            (S::Verified(v), C::RecordConsumed { bootstrap, gateway }) => {
                self.of_gateway(*gateway)?;
                // The gateway judges the time of use on its own clock; its report may come after ours rang.
                let live = v.last_bootstrap(*bootstrap)?;
                if live.consumed {
                    Err(Refusal::Unchanged)
                } else if live.admitted.is_none() {
                    Err(Refusal::NotNow)
                } else {
                    Ok(vec![BootstrapConsumed { bootstrap: live.id }.into()])
                }
            }
            (S::Verified(v), C::RecordLayer { layer, up, gateway }) => {
                self.of_gateway(*gateway)?;
                Ok(layer_changed(v, *layer, *up))
            }
            (S::Verified(_), C::RecordTraffic { bytes_in, bytes_out, gateway }) => {
                self.of_gateway(*gateway)?;
                Ok(vec![TrafficCounted { bytes_in: *bytes_in, bytes_out: *bytes_out }.into()])
            }
            (S::Verified(_), C::RecordLocalEnd { reason, gateway, end }) => {
                self.of_gateway(*gateway)?;
                Ok(ending(*end, reason.clone(), now))
            }
            (S::Verified(v), C::Deadline { kind, standing, end, .. }) => {
                deadline(v, *kind, standing, *end, now)
            }
            (S::Verified(_), C::RequestEnd { reason, end }) => Ok(ending(*end, reason.clone(), now)),

            _ => Err(Refusal::NotNow),
        }
    }

    fn apply(&mut self, event: &Event, at: Millis) {
        match event {
            Event::Opened(e) => {
                self.origin = Some(Origin {
                    user: e.user,
                    device: e.device,
                    gateway: e.gateway,
                    desktop: e.desktop,
                    policy: e.policy,
                    challenge: e.challenge,
                    token: e.token,
                    address: e.address,
                    whereabouts: e.whereabouts.clone(),
                    answer_by: e.answer_by,
                });
                self.stage = Stage::Challenged;
            }
            Event::Denied(_) => self.stage = Stage::Denied,
            Event::PostureRecorded(e) => self.posture.clone_from(&e.verdict.facts.posture),
            Event::CodeIssued(e) => {
                self.codes = self.codes.saturating_add(1);
                self.stage = Stage::CodeIssued(Some(LiveCode {
                    id: e.code,
                    mac: e.mac,
                    sealed: e.sealed.clone(),
                    expires_at: e.expires_at,
                }));
            }
            Event::CodeExpired(_) => self.stage = Stage::CodeIssued(None),
            Event::AnswerRefused(e) => {
                self.wrong_answers = self.wrong_answers.saturating_add(1);
                self.judged.push(e.attempt);
            }
            Event::Verified(e) => {
                self.stage = Stage::Verified(Admissible {
                    ends_at: e.ends_at,
                    because: e.because,
                    lease_until: None,
                    bootstrap: None,
                    connected: false,
                    issued: vec![],
                });
            }
            Event::BootstrapIssued(e) => self.verified(|v| {
                v.issued.retain(|issued| at.since(*issued) < BOOTSTRAP_WINDOW);
                v.issued.push(at);
                v.lease_until = Some(e.lease_until);
                v.connected = false;
                v.bootstrap = Some(LiveBootstrap {
                    id: e.bootstrap,
                    address: e.address,
                    use_before: e.use_before,
                    incarnation: e.incarnation,
                    admitted: None,
                    refused: None,
                    consumed: false,
                    expired: false,
                    grants: e.grants.clone(),
                });
            }),
            Event::Admitted(e) => self.live(|b| b.admitted = Some(e.address)),
            Event::AdmissionRefused(e) => self.live(|b| b.refused = Some(e.reason)),
            Event::BootstrapExpired(_) => self.live(|b| b.expired = true),
            Event::BootstrapConsumed(_) => self.live(|b| b.consumed = true),
            Event::Connected(_) => self.verified(|v| v.connected = true),
            Event::LayerChanged(e) => {
                if e.layer == Layer::Vpn && !e.up {
                    self.verified(|v| v.connected = false);
                }
            }
            Event::LeaseRenewed(e) => self.verified(|v| v.lease_until = Some(e.lease_until)),
            Event::EndMoved(e) => self.verified(|v| {
                v.ends_at = e.ends_at;
                v.because = e.because;
            }),
            Event::Ending(e) => {
                self.stage = Stage::Ending(Winding {
                    end: e.end,
                    reason: e.reason.clone(),
                    receipts: e.layers.iter().map(|layer| (*layer, None)).collect(),
                    receipts_due: e.receipts_due,
                    overdue: false,
                });
            }
            Event::ReceiptRecorded(e) => {
                if let Stage::Ending(w) = &mut self.stage {
                    w.receipts.insert(e.layer, Some(e.absence));
                }
            }
            Event::ReceiptsOverdue(_) => {
                if let Stage::Ending(w) = &mut self.stage {
                    w.overdue = true;
                }
            }
            Event::TrafficCounted(_) => {}
            Event::Ended(_) => {
                if let Stage::Ending(w) = &self.stage {
                    self.stage = Stage::Ended(w.reason.clone());
                }
            }
            Event::Expired(_) => self.stage = Stage::Expired,
        }
    }
}

struct Answer<'a> {
    code: CodeId,
    mac: &'a Digest,
    attempt: AttemptId,
    standing: &'a Standing,
}

impl Session {
    fn verified(&mut self, change: impl FnOnce(&mut Admissible)) {
        if let Stage::Verified(v) = &mut self.stage {
            change(v);
        }
    }

    fn live(&mut self, change: impl FnOnce(&mut LiveBootstrap)) {
        self.verified(|v| {
            if let Some(b) = &mut v.bootstrap {
                change(b);
            }
        });
    }

    fn of_device(&self, device: DeviceId) -> Result<(), Refusal> {
        if self.origin()?.device == device { Ok(()) } else { Err(Refusal::OtherDevice) }
    }

    fn of_gateway(&self, gateway: GatewayId) -> Result<(), Refusal> {
        if self.origin()?.gateway == gateway { Ok(()) } else { Err(Refusal::OtherGateway) }
    }

    const fn in_time(&self, until: Millis, now: Millis) -> Result<(), Refusal> {
        if now.0 < until.0 { Ok(()) } else { Err(Refusal::Over) }
    }

    fn another_code(
        &self,
        standing: &Standing,
        code: &PreparedCode,
        now: Millis,
    ) -> Result<Vec<Event>, Refusal> {
        if self.codes >= CODES_PER_SESSION {
            return Err(Refusal::TooManyCodes);
        }
        let verdict = standing.ask(Gate::Code);
        if !verdict.allow {
            return Ok(vec![Denied { user: self.origin()?.user, policy: standing.policy, verdict }.into()]);
        }
        Ok(vec![code_issued(code, now)])
    }

    fn answer(
        &self,
        live: Option<&LiveCode>,
        answer: &Answer<'_>,
        now: Millis,
    ) -> Result<Vec<Event>, Refusal> {
        let fits = live.is_some_and(|code| {
            code.id == answer.code && now < code.expires_at && otp::fits(&code.mac, answer.mac)
        });
        if !fits {
            let left = WRONG_ANSWERS_ALLOWED.saturating_sub(self.wrong_answers + 1);
            let refused = AnswerRefused { code: answer.code, attempt: answer.attempt, left }.into();
            return Ok(if left == 0 { vec![refused, Expired {}.into()] } else { vec![refused] });
        }
        let verdict = answer.standing.ask(Gate::Code);
        let policy = answer.standing.policy;
        if !verdict.allow {
            return Ok(vec![Denied { user: self.origin()?.user, policy, verdict }.into()]);
        }
        let (ends_at, because) = answer.standing.end_of_session(now);
        Ok(vec![
            Verified { code: answer.code, attempt: answer.attempt, policy, verdict, ends_at, because }.into(),
        ])
    }

    fn issue_bootstrap(
        &self,
        v: &Admissible,
        bootstrap: &Bootstrap,
        incarnation: Option<Incarnation>,
        standing: &Standing,
        end: EndId,
        now: Millis,
    ) -> Result<Vec<Event>, Refusal> {
        if let Some(reason) = v.over_at(now) {
            return Ok(ending(end, reason, now));
        }
        if self.origin()?.desktop.session_key != bootstrap.session_key {
            return Err(Refusal::OtherKey);
        }
        if v.issued.iter().filter(|at| now.since(**at) < BOOTSTRAP_WINDOW).count() >= BOOTSTRAPS_PER_WINDOW {
            return Err(Refusal::TooManyBootstraps);
        }
        // The route's expiry is bound into the sealed box; a slow route does not buy a longer one. An id that
        // has been issued is spent: issuing it again would let it be consumed twice.
        let repeated = v.last_bootstrap(bootstrap.bootstrap).is_ok();
        let lives = now < bootstrap.use_before && bootstrap.use_before <= now.plus(BOOTSTRAP_LIFETIME);
        if repeated || !lives {
            return Err(Refusal::BootstrapUnusable);
        }
        let incarnation = incarnation.ok_or(Refusal::GatewayUnavailable)?;
        let verdict = standing.ask(Gate::Bootstrap);
        if !verdict.allow {
            return Ok(ending(end, standing.why_not(&verdict), now));
        }
        let mut events = v.moved_end(standing, now);
        let ends_at = events
            .iter()
            .fold(v.ends_at, |ends, e| if let Event::EndMoved(m) = e { m.ends_at } else { ends });
        events.push(
            BootstrapIssued {
                bootstrap: bootstrap.bootstrap,
                voids: v.bootstrap.as_ref().map(|b| b.id),
                sealed: bootstrap.sealed.clone(),
                certificate: bootstrap.certificate,
                address: bootstrap.address,
                grants: standing.document.resources.iter().map(Grant::from).collect(),
                labels: standing.document.resources.iter().map(|r| r.label.clone()).collect(),
                image: standing.document.image.clone(),
                policy: standing.policy,
                verdict,
                incarnation,
                use_before: bootstrap.use_before,
                lease_until: lease::lease_until(now, standing.document.lease_seconds, ends_at),
            }
            .into(),
        );
        Ok(events)
    }
}

impl Standing {
    fn ask(&self, gate: Gate) -> Verdict {
        evaluate(&self.document, self.facts.clone(), gate)
    }

    /// The earliest of window and maximum length.
    fn end_of_session(&self, now: Millis) -> (Millis, EndsBecause) {
        let longest = now.plus(Duration::from_secs(60 * u64::from(self.document.max_minutes)));
        match window_end(&self.document, now) {
            Some(closes) if closes < longest => (closes, EndsBecause::Window),
            _ => (longest, EndsBecause::MaximumLength),
        }
    }

    /// What the person is told when a standing session is no longer allowed.
    const fn why_not(&self, verdict: &Verdict) -> EndReason {
        if verdict.facts.user_active { EndReason::PolicyChanged } else { EndReason::UserNotActive }
    }
}

impl Admissible {
    fn last_bootstrap(&self, id: BootstrapId) -> Result<&LiveBootstrap, Refusal> {
        self.bootstrap.as_ref().filter(|last| last.id == id).ok_or(Refusal::BootstrapUnusable)
    }

    fn bootstrap(&self, id: BootstrapId) -> Result<&LiveBootstrap, Refusal> {
        let last = self.last_bootstrap(id)?;
        if last.expired { Err(Refusal::BootstrapUnusable) } else { Ok(last) }
    }

    /// Why this session is over at `now`, if it is.
    fn over_at(&self, now: Millis) -> Option<EndReason> {
        if now >= self.ends_at {
            return Some(match self.because {
                EndsBecause::Window => EndReason::WindowClosed,
                EndsBecause::MaximumLength => EndReason::MaximumLength,
            });
        }
        self.lease_until.filter(|lease| now >= *lease).map(|_| EndReason::LeaseLost)
    }

    /// The end only ever moves closer: a window that a changed policy closes earlier.
    fn moved_end(&self, standing: &Standing, now: Millis) -> Vec<Event> {
        match window_end(&standing.document, now) {
            Some(closes) if closes < self.ends_at => {
                vec![EndMoved { ends_at: closes, because: EndsBecause::Window }.into()]
            }
            _ => vec![],
        }
    }
}

fn open(command: &Command, now: Millis) -> Vec<Event> {
    let Command::Open {
        user,
        device,
        gateway,
        desktop,
        challenge,
        token,
        whereabouts,
        address,
        standing,
        ..
    } = command
    else {
        return vec![];
    };
    let verdict = standing.ask(Gate::Login);
    if !verdict.allow {
        return vec![Denied { user: *user, policy: standing.policy, verdict }.into()];
    }
    vec![
        Opened {
            user: *user,
            device: *device,
            gateway: *gateway,
            desktop: *desktop,
            policy: standing.policy,
            verdict,
            challenge: *challenge,
            token: *token,
            whereabouts: whereabouts.clone(),
            address: *address,
            answer_by: now.plus(CHALLENGE_LIFETIME),
        }
        .into(),
    ]
}

fn posture_recorded(
    device: DeviceId,
    posture: &PostureValues,
    standing: &Standing,
    code: &PreparedCode,
    now: Millis,
) -> Vec<Event> {
    let facts = crate::policy::Facts { posture: Some(posture.clone()), ..standing.facts.clone() };
    let verdict = evaluate(&standing.document, facts, Gate::Posture);
    let allow = verdict.allow;
    let mut events =
        vec![PostureRecorded { device, policy: standing.policy, verdict: verdict.clone() }.into()];
    // One decision: a session whose posture was denied never has a code.
    events.push(if allow {
        code_issued(code, now)
    } else {
        Denied { user: standing.user, policy: standing.policy, verdict }.into()
    });
    events
}

fn code_issued(code: &PreparedCode, now: Millis) -> Event {
    CodeIssued {
        code: code.code,
        mac: code.mac,
        sealed: code.sealed.clone(),
        expires_at: code.expires_at.min(now.plus(CODE_LIFETIME)),
    }
    .into()
}

fn layer_changed(v: &Admissible, layer: Layer, up: bool) -> Vec<Event> {
    let mut events = vec![LayerChanged { layer, up }.into()];
    // Connected is the tunnel on a consumed bootstrap: the knock alone, or TLS alone, is not a connection.
    if let (Layer::Vpn, true, false, Some(live)) = (layer, up, v.connected, &v.bootstrap)
        && live.consumed
    {
        events.push(Connected { bootstrap: live.id }.into());
    }
    events
}

fn deadline(
    v: &Admissible,
    kind: DeadlineKind,
    standing: &Standing,
    end: EndId,
    now: Millis,
) -> Result<Vec<Event>, Refusal> {
    match kind {
        DeadlineKind::End => match v.over_at(now) {
            Some(reason) => Ok(ending(end, reason, now)),
            None => Err(Refusal::NotYet),
        },
        DeadlineKind::Bootstrap => match &v.bootstrap {
            Some(b) if b.consumed || b.expired => Err(Refusal::Unchanged),
            Some(b) if now >= b.use_before => Ok(vec![BootstrapExpired { bootstrap: b.id }.into()]),
            Some(_) => Err(Refusal::NotYet),
            None => Err(Refusal::Unchanged),
        },
        // Renewal asks the policy again: this is where a change that no event announced is noticed.
        DeadlineKind::Lease => {
            if let Some(reason) = v.over_at(now) {
                return Ok(ending(end, reason, now));
            }
            if v.lease_until.is_none() {
                return Err(Refusal::Unchanged);
            }
            let verdict = standing.ask(Gate::Continuous);
            if !verdict.allow {
                return Ok(ending(end, standing.why_not(&verdict), now));
            }
            let mut events = v.moved_end(standing, now);
            let ends_at = events
                .iter()
                .fold(v.ends_at, |ends, e| if let Event::EndMoved(m) = e { m.ends_at } else { ends });
            let lease_until = lease::lease_until(now, standing.document.lease_seconds, ends_at);
            events.push(LeaseRenewed { lease_until, policy: standing.policy, verdict }.into());
            Ok(events)
        }
        DeadlineKind::Challenge | DeadlineKind::Code | DeadlineKind::Receipts => Err(Refusal::Unchanged),
    }
}

/// The token's receipt stands in the same decision: from this sequence on, no fold admits it.
fn ending(end: EndId, reason: EndReason, now: Millis) -> Vec<Event> {
    vec![
        Ending { end, reason, layers: Layer::ALL.to_vec(), receipts_due: now.plus(RECEIPTS_DUE) }.into(),
        ReceiptRecorded { end, layer: Layer::Token, absence: Absence::Gone, incarnation: None }.into(),
    ]
}

fn receipt(
    w: &Winding,
    end: EndId,
    layer: Layer,
    absence: Absence,
    incarnation: Incarnation,
) -> Result<Vec<Event>, Refusal> {
    if w.end != end {
        return Err(Refusal::NotThatEnd);
    }
    match w.receipts.get(&layer) {
        Some(None) if layer != Layer::Token => {}
        _ => return Err(Refusal::Unchanged),
    }
    let mut events = vec![ReceiptRecorded { end, layer, absence, incarnation: Some(incarnation) }.into()];
    if w.missing() == [layer] {
        events.push(Ended {}.into());
    }
    Ok(events)
}

fn overdue(w: &Winding, now: Millis) -> Result<Vec<Event>, Refusal> {
    if w.overdue {
        return Err(Refusal::Unchanged);
    }
    if now < w.receipts_due {
        return Err(Refusal::NotYet);
    }
    Ok(vec![ReceiptsOverdue { end: w.end, missing: w.missing() }.into()])
}
