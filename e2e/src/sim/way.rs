//! One sign-in's way from the password to the tunnel, by a desktop and a phone that may misbehave.

use super::{
    fixtures,
    rng::Rng,
    world::{Event, Way, World},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};
use viworks_domain::{
    Millis,
    actor::Actor,
    bootstrap::Secrets,
    command::{Command, WireCommand},
    decision::Outcome,
    event::AggregateRef,
    ids::{AttemptId, BootstrapId, CodeId, Digest, SessionId},
    otp::{self, Digits},
    session::{self, BOOTSTRAP_LIFETIME, DesktopIdentity, EndReason, Stage, WireCommand as S},
    user,
};

/// An answer that has not come by then is asked for again, under the same command id.
const PATIENCE: u64 = 4_000;

/// What this desktop or phone does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mischief {
    None,
    /// Guesses without paying.
    Unpaid,
    /// Guesses twice on one payment.
    OnePaymentTwoGuesses,
    /// Answers with the code of somebody else's session.
    ForeignCode,
    /// Answers once more after it was verified.
    Replay,
    /// Types the code about when its two minutes are over.
    Slow,
    /// Comes back on a bootstrap that was used.
    UsedBootstrap,
    /// Knocks for somebody else's bootstrap.
    ForeignBootstrap,
    /// Lets the bootstrap lie until it is too old.
    Late,
    /// Two connections at once.
    Twice,
    /// Another desktop's key in the bootstrap.
    ForeignKey,
    /// Speaks to OpenVPN with another session's certificate.
    ForeignCertificate,
    /// A report that the phone did not sign.
    Unsigned,
    /// The phone is off.
    PhoneOff,
    /// "This is not me."
    NotMe,
}

const ALL_MISCHIEF: [Mischief; 14] = [
    Mischief::Slow,
    Mischief::ForeignCertificate,
    Mischief::Unpaid,
    Mischief::OnePaymentTwoGuesses,
    Mischief::ForeignCode,
    Mischief::Replay,
    Mischief::UsedBootstrap,
    Mischief::ForeignBootstrap,
    Mischief::Late,
    Mischief::Twice,
    Mischief::ForeignKey,
    Mischief::Unsigned,
    Mischief::PhoneOff,
    Mischief::NotMe,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    SigningIn,
    Opening,
    Waiting,
    Paying { code: CodeId, attempt: AttemptId },
    Answering { code: CodeId, attempt: AttemptId },
    Asking,
    Admission,
    Knocking,
    Connecting,
    Dialing,
    Connected,
    Left,
}

struct Asked {
    command: Command,
    sent: u64,
}

pub(super) struct Journey {
    person: usize,
    session: SessionId,
    session_key: Digest,
    address: IpAddr,
    mischief: Mischief,
    /// Wrong answers still to be given.
    wrong: u32,
    step: Step,
    since: u64,
    desktop: Option<Asked>,
    phone: Option<Asked>,
    answered: BTreeSet<CodeId>,
    bootstrap: Option<BootstrapId>,
    certificate: Digest,
    connection: Option<u64>,
    cid: Option<u64>,
    rounds: u32,
    stays: u64,
    mischief_done: bool,
}

impl Journey {
    pub fn new(rng: &mut Rng, person: usize, guesses: bool) -> Self {
        let mischief = if rng.permille(450) {
            ALL_MISCHIEF[rng.below(ALL_MISCHIEF.len() as u64) as usize]
        } else {
            Mischief::None
        };
        Self {
            person,
            session: SessionId(rng.bytes()),
            session_key: Digest(rng.bytes()),
            // Two desktops may sit behind one address.
            address: Ipv4Addr::new(10, 77, 0, rng.between(11, 13) as u8).into(),
            mischief,
            wrong: if guesses { 9 } else { rng.below(3) as u32 },
            step: Step::SigningIn,
            since: 0,
            desktop: None,
            phone: None,
            answered: BTreeSet::new(),
            bootstrap: None,
            certificate: Digest([0; 32]),
            connection: None,
            cid: None,
            rounds: 0,
            stays: rng.between(5_000, 400_000),
            mischief_done: false,
        }
    }
}

impl Journey {
    /// Does nothing wrong but mistype so many times; stays until it is cut.
    pub fn honest(rng: &mut Rng, person: usize, wrong: u32) -> Self {
        Self { mischief: Mischief::None, wrong, stays: u64::MAX, ..Self::new(rng, person, false) }
    }

    pub const fn session(&self) -> SessionId {
        self.session
    }
}

impl World {
    pub(super) fn walk(&mut self, way: usize) {
        if self.ways[way].step == Step::Left {
            return;
        }
        // Whoever works looks up now and then; whoever waits looks all the time.
        let longest = if self.ways[way].step == Step::Connected { 3_000 } else { 700 };
        let pace = self.rng.between(60, longest);
        self.after(pace, Event::Walk { way });
        self.phone_acts(way);
        let Some(answer) = self.heard(way) else { return };
        let before = self.ways[way].step;
        self.desktop_acts(way, answer);
        if self.ways[way].step != before {
            let (now, step, id) = (self.now, self.ways[way].step, self.ways[way].session);
            self.ways[way].since = now;
            self.tell(|| format!("desktop {way} ({id}): {step:?}"));
        }
    }

    /// The answer to what was asked last, `Some(None)` when nothing was; nothing while it is awaited.
    fn heard(&mut self, way: usize) -> Option<Option<Outcome>> {
        let Some(asked) = self.ways[way].desktop.take() else { return Some(None) };
        match self.log.outcome(asked.command.aggregate, asked.command.id).cloned() {
            Some(outcome) => Some(Some(outcome)),
            None => {
                self.ways[way].desktop = Some(self.ask_again(asked));
                None
            }
        }
    }

    fn ask_again(&mut self, mut asked: Asked) -> Asked {
        if self.now >= asked.sent + PATIENCE {
            asked.sent = self.now;
            self.publish(asked.command.clone());
        }
        asked
    }

    fn desktop_asks(&mut self, way: usize, aggregate: impl Into<AggregateRef>, body: WireCommand) {
        let user = self.people[self.ways[way].person].user;
        let command = self.ask(Actor::User { id: user }, aggregate, body);
        self.ways[way].desktop = Some(Asked { command, sent: self.now });
    }

    fn stage(&self, way: usize) -> Stage {
        self.log.session(self.ways[way].session).map(|root| root.state.stage.clone()).unwrap_or_default()
    }

    fn go(&mut self, way: usize, step: Step) {
        self.ways[way].step = step;
    }

    fn desktop_acts(&mut self, way: usize, answer: Option<Outcome>) {
        let accepted = answer == Some(Outcome::Accepted);
        let (person, session) = (self.ways[way].person, self.ways[way].session);
        let user = self.people[person].user;
        let waited = self.now.saturating_sub(self.ways[way].since);
        match self.ways[way].step {
            Step::SigningIn => match answer {
                None => {
                    let login = user::Command::RecordLogin { session, credential_version: 1 };
                    self.desktop_asks(way, user, WireCommand::User(login));
                }
                Some(_) if accepted => {
                    let desktop = DesktopIdentity {
                        session_key: self.ways[way].session_key,
                        install_key: Digest([person as u8; 32]),
                    };
                    let open = S::Open {
                        user,
                        credential_version: 1,
                        desktop,
                        token: Digest(self.rng.bytes()),
                        whereabouts: fixtures::fixtures().whereabouts.clone(),
                        address: Digest([1; 32]),
                    };
                    self.desktop_asks(way, session, WireCommand::Session(open));
                    self.go(way, Step::Opening);
                }
                Some(_) => self.go(way, Step::Left),
            },
            Step::Opening => self.go(way, if accepted { Step::Waiting } else { Step::Left }),
            Step::Waiting => self.wait_for_code(way),
            Step::Paying { code, attempt } => {
                if accepted {
                    self.answer(way, code, attempt);
                    self.go(way, Step::Answering { code, attempt });
                } else {
                    self.go(way, Step::Waiting);
                }
            }
            Step::Answering { code, attempt } => {
                let again = self.ways[way].mischief == Mischief::OnePaymentTwoGuesses;
                if again && !std::mem::replace(&mut self.ways[way].mischief_done, true) {
                    self.ways[way].wrong += 2;
                    self.answer(way, code, attempt);
                } else {
                    self.go(way, Step::Waiting);
                }
            }
            Step::Asking => {
                if accepted {
                    self.go(way, Step::Admission);
                } else {
                    self.go(way, if self.ways[way].rounds > 6 { Step::Left } else { Step::Waiting });
                }
            }
            Step::Admission => self.wait_for_admission(way, waited),
            Step::Knocking => self.knocks(way, waited),
            Step::Connecting | Step::Dialing => {
                if waited > 6_000 {
                    self.go(way, Step::Waiting);
                } else {
                    self.notice_the_tunnel(way);
                }
            }
            Step::Connected => self.works_or_leaves(way, waited),
            Step::Left => {}
        }
    }

    fn wait_for_code(&mut self, way: usize) {
        match self.stage(way) {
            Stage::CodeIssued(Some(code)) => {
                if self.ways[way].answered.contains(&code.id) && self.ways[way].wrong == 0 {
                    // It was right, or it was refused for good: the log will tell.
                    return;
                }
                let slow = self.ways[way].mischief == Mischief::Slow;
                if slow && self.now + 700 < code.expires_at.0 {
                    return;
                }
                let attempt = AttemptId(self.rng.bytes());
                let user = self.people[self.ways[way].person].user;
                let session = self.ways[way].session;
                let unpaid = self.ways[way].mischief == Mischief::Unpaid;
                if unpaid && !std::mem::replace(&mut self.ways[way].mischief_done, true) {
                    self.answer(way, code.id, attempt);
                    self.go(way, Step::Answering { code: code.id, attempt });
                    return;
                }
                let reserve = user::Command::ReserveAttempt { attempt, session, code: code.id };
                self.desktop_asks(way, user, WireCommand::User(reserve));
                self.go(way, Step::Paying { code: code.id, attempt });
            }
            Stage::Verified(_) => {
                let replays = self.ways[way].mischief == Mischief::Replay;
                if replays
                    && !std::mem::replace(&mut self.ways[way].mischief_done, true)
                    && let Some(code) = self.ways[way].answered.last().copied()
                {
                    let attempt = AttemptId(self.rng.bytes());
                    self.answer(way, code, attempt);
                    return self.go(way, Step::Answering { code, attempt });
                }
                self.ask_for_bootstrap(way);
            }
            Stage::Absent | Stage::Challenged | Stage::CodeIssued(None) => {}
            Stage::Ending(_) | Stage::Ended(_) | Stage::Denied | Stage::Expired => self.go(way, Step::Left),
        }
    }

    fn answer(&mut self, way: usize, code: CodeId, attempt: AttemptId) {
        let (session, session_key) = (self.ways[way].session, self.ways[way].session_key);
        let device = self.people[self.ways[way].person].device;
        let Some(mut digits) = self.vault.codes.get(&code).cloned() else { return };
        if self.ways[way].wrong > 0 {
            self.ways[way].wrong -= 1;
            let guess = if digits.as_bytes() == b"000000" { "000001" } else { "000000" };
            if let Ok(guess) = Digits::parse(guess) {
                digits = guess;
            }
        } else {
            self.ways[way].answered.insert(code);
        }
        let mut id = code;
        let foreign = self.ways[way].mischief == Mischief::ForeignCode;
        if foreign && !std::mem::replace(&mut self.ways[way].mischief_done, true) {
            // Somebody else's code, with somebody else's digits.
            if let Some((other, theirs)) = self.vault.codes.iter().find(|(other, _)| **other != code) {
                (id, digits) = (*other, theirs.clone());
            }
        }
        let shown = self.vault.codes.get(&code).is_some_and(|shown| shown.as_bytes() == digits.as_bytes());
        if shown && id == code {
            self.vault.right.insert(attempt);
        }
        let mac = otp::mac(&self.vault.otp, session, device, id, session_key, &digits);
        self.desktop_asks(way, session, WireCommand::Session(S::Answer { code: id, mac, attempt }));
    }

    fn ask_for_bootstrap(&mut self, way: usize) {
        let journey = &mut self.ways[way];
        journey.rounds += 1;
        if journey.rounds > 5 {
            return self.go(way, Step::Left);
        }
        let bootstrap = BootstrapId(self.rng.bytes());
        let secrets = Secrets {
            spa_key: self.rng.bytes(),
            path: self.rng.bytes(),
            client_address: self.ways[way].address,
        };
        self.vault.bootstraps.insert(bootstrap, secrets);
        let certificate = Digest(self.rng.bytes());
        let foreign = self.ways[way].mischief == Mischief::ForeignKey && self.ways[way].rounds == 1;
        let session_key = if foreign { Digest(self.rng.bytes()) } else { self.ways[way].session_key };
        let offer = session::Bootstrap {
            bootstrap,
            sealed: fixtures::sealed(),
            certificate,
            session_key,
            address: Digest([1; 32]),
            use_before: Millis(self.now).plus(BOOTSTRAP_LIFETIME),
        };
        let session = self.ways[way].session;
        self.ways[way].bootstrap = Some(bootstrap);
        self.ways[way].certificate = certificate;
        self.desktop_asks(way, session, WireCommand::Session(S::IssueBootstrap(offer)));
        self.go(way, Step::Asking);
    }

    fn wait_for_admission(&mut self, way: usize, waited: u64) {
        let Stage::Verified(v) = self.stage(way) else { return self.go(way, Step::Left) };
        let mine = v.bootstrap.filter(|live| Some(live.id) == self.ways[way].bootstrap);
        match mine {
            Some(live) if live.admitted.is_some() => {
                let late = self.ways[way].mischief == Mischief::Late && self.ways[way].rounds == 1;
                if !late || waited > 61_000 {
                    self.go(way, Step::Knocking);
                }
            }
            Some(live) if live.refused.is_some() => self.go(way, Step::Waiting),
            Some(_) | None if waited > 65_000 => self.go(way, Step::Waiting),
            Some(_) | None => {}
        }
    }

    fn knocks(&mut self, way: usize, waited: u64) {
        if waited > 5_000 {
            return self.go(way, Step::Waiting);
        }
        let Some(agent) = self.agent_of(way) else { return self.go(way, Step::Left) };
        let mut wanted = self.ways[way].bootstrap;
        if self.ways[way].mischief == Mischief::ForeignBootstrap && waited < 1_500 {
            wanted = self.vault.bootstraps.keys().find(|id| Some(**id) != self.ways[way].bootstrap).copied();
        }
        let Some(bootstrap) = wanted else { return };
        let (nonce, address) = (self.rng.bytes(), self.ways[way].address);
        self.knock(agent, bootstrap, nonce, address);
        if self.rng.permille(100) {
            // Seen on the wire and sent again.
            self.knock(agent, bootstrap, nonce, address);
        }
        if self.rng.permille(30) {
            // A neighbour that copies it from another address.
            self.knock(agent, bootstrap, nonce, Ipv4Addr::new(10, 77, 0, 66).into());
        }
    }

    fn agent_of(&self, way: usize) -> Option<usize> {
        let origin = self.log.session(self.ways[way].session)?.state.origin.clone()?;
        self.agent_index(origin.gateway)
    }

    /// The edge answered: whoever stands behind that address may send its SYN now.
    pub(super) fn acked(&mut self, agent: usize, bootstrap: BootstrapId) {
        let knocking =
            |journey: &Journey| journey.bootstrap == Some(bootstrap) && journey.step == Step::Knocking;
        let Some(way) = self.ways.iter().position(knocking) else { return };
        let (session, key, from) =
            (self.ways[way].session, self.ways[way].session_key, self.ways[way].address);
        let at = Way { index: way, session };
        let times = if self.ways[way].mischief == Mischief::Twice { 2 } else { 1 };
        for _ in 0..times {
            self.ways[way].connection = self.connect(agent, at, key, from).or(self.ways[way].connection);
        }
        if self.ways[way].connection.is_some() {
            self.ways[way].since = self.now;
            self.go(way, Step::Connecting);
        }
    }

    pub(super) fn through(&mut self, agent: usize, connection: u64) {
        let Some(way) = self.agents[agent].os.tls.get(&connection).map(|tls| tls.way.index) else { return };
        if way >= self.ways.len() {
            return;
        }
        self.ways[way].connection = Some(connection);
        let mut certificate = self.ways[way].certificate;
        let foreign = self.ways[way].mischief == Mischief::ForeignCertificate;
        if foreign && !std::mem::replace(&mut self.ways[way].mischief_done, true) {
            let other = self.ways.iter().find(|other| other.session != self.ways[way].session);
            certificate = other.map_or(Digest([0; 32]), |other| other.certificate);
            self.witness.stolen(self.ways[way].session);
        }
        self.ways[way].cid = self.dial(agent, connection, certificate);
        self.ways[way].since = self.now;
        self.go(way, Step::Dialing);
    }

    /// A door is open for an address, not for a person: whoever stands behind the same one tries it too.
    pub(super) fn neighbours(&mut self, agent: usize, from: IpAddr) {
        let mut intruders = vec![];
        if self.rng.permille(100) {
            // Nobody that the log has ever heard of.
            let way = Way { index: usize::MAX, session: SessionId(self.rng.bytes()) };
            intruders.push((way, Digest(self.rng.bytes())));
        }
        for (index, journey) in self.ways.iter().enumerate() {
            let comes_back = matches!(journey.mischief, Mischief::UsedBootstrap | Mischief::Late);
            if comes_back && journey.address == from && journey.rounds > 0 {
                intruders.push((Way { index, session: journey.session }, journey.session_key));
            }
        }
        for (way, key) in intruders {
            let delay = self.rng.between(0, 400);
            self.after(delay, Event::Intrude { agent, way, key, from });
        }
    }

    fn tunnel_stands(&self, way: usize) -> bool {
        let Some(agent) = self.agent_of(way) else { return false };
        let Some(cid) = self.ways[way].cid else { return false };
        self.agents[agent].os.clients.get(&cid).is_some_and(|client| client.address.is_some())
    }

    fn notice_the_tunnel(&mut self, way: usize) {
        if self.tunnel_stands(way) {
            self.go(way, Step::Connected);
        }
    }

    fn works_or_leaves(&mut self, way: usize, waited: u64) {
        if !self.tunnel_stands(way) {
            // Cut, or a flap: a standing session may ask for another way in.
            return self.go(way, Step::Waiting);
        }
        if waited < self.ways[way].stays {
            return;
        }
        let (session, agent) = (self.ways[way].session, self.agent_of(way));
        let used = self.ways[way].mischief == Mischief::UsedBootstrap;
        match (self.rng.below(3), agent, self.ways[way].cid) {
            (0, _, _) => {
                let end = S::RequestEnd { reason: EndReason::SignedOut };
                self.desktop_asks(way, session, WireCommand::Session(end));
                self.go(way, Step::Waiting);
            }
            (1, Some(agent), Some(cid)) => {
                self.drop_client(agent, cid);
                self.go(way, if used { Step::Knocking } else { Step::Waiting });
            }
            // Stays until it is cut.
            _ => self.ways[way].stays = u64::MAX,
        }
    }

    fn phone_acts(&mut self, way: usize) {
        if let Some(asked) = self.ways[way].phone.take() {
            if self.log.outcome(asked.command.aggregate, asked.command.id).is_none() {
                self.ways[way].phone = Some(self.ask_again(asked));
            }
            return;
        }
        let (session, mischief) = (self.ways[way].session, self.ways[way].mischief);
        let person = &self.people[self.ways[way].person];
        let (device, country) = (person.device, person.country);
        if mischief == Mischief::PhoneOff {
            return;
        }
        let Some(origin) = self.log.session(session).and_then(|root| root.state.origin.clone()) else {
            return;
        };
        let body = match self.stage(way) {
            Stage::Challenged if mischief == Mischief::NotMe => {
                S::RequestEnd { reason: EndReason::DeniedOnPhone }
            }
            Stage::Challenged => {
                let unsigned = mischief == Mischief::Unsigned
                    && !std::mem::replace(&mut self.ways[way].mischief_done, true);
                // Somebody else makes up a better report, and cannot sign it.
                let report = fixtures::report(if unsigned { "AU" } else { country }, Millis(self.now));
                let input =
                    otp::posture_input(session, &origin.challenge, origin.desktop.session_key, &report);
                let signature = if unsigned { vec![0; 8] } else { self.vault.sign(device, &input) };
                if !unsigned {
                    self.vault.honest.insert((session, report.clone()));
                }
                S::RecordPosture { device, report, signature }
            }
            Stage::CodeIssued(None) => S::IssueCode { device },
            _ => return,
        };
        let command = self.ask(Actor::Device { id: device }, session, WireCommand::Session(body));
        self.ways[way].phone = Some(Asked { command, sent: self.now });
    }
}
