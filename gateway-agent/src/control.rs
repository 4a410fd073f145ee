//! `control`: the shell of the enforcer. It verifies, feeds, and carries out; it decides nothing itself.
//!
//! CAP_NET_ADMIN alone, no program to execute. It holds the bus identity, the opening key and the report key.

mod bus;
mod conntrack;
mod disk;
mod kernel;
mod netlink;
mod outbox;
mod panel;
mod peers;
mod telemetry;
mod vpn;

use crate::{
    clock,
    config::{Checked, Config, Places},
    entropy,
    frames::{Child, ControlBoot, ToChild, ToRunner},
    identity::Enrolment,
    link::{self, Link, LinkError},
    privileges,
};
use caps::Capability;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::Duration,
};
use tokio::sync::mpsc;
use viworks_domain::{
    enforcer::{self, Charter, Effect, Enforcer, Input, Outcome, Ticket},
    gateway_bus::{News, Service},
    ids::Incarnation,
};
use viworks_nats::pull::Delivery;

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("the parent did not say what to do")]
    Link(#[from] LinkError),
    #[error(transparent)]
    Config(#[from] crate::config::BadConfig),
    #[error(transparent)]
    Powers(#[from] privileges::CannotDrop),
    #[error(transparent)]
    Entropy(#[from] entropy::NoEntropy),
    #[error("{0} is damaged; enrol again")]
    Damaged(&'static str),
    #[error("the saved state cannot be read")]
    Disk(#[from] disk::DiskError),
    #[error("the bus cannot be set up")]
    Bus(#[from] bus::BadBus),
    #[error("the operating system refused")]
    Io(#[from] io::Error),
}

/// The longest that a deadline is late.
const TICK: Duration = Duration::from_millis(250);

/// What reaches the one loop.
pub(crate) enum Event {
    Input(Input),
    Order(Box<Delivery>),
    /// A lease that came without a place in a stream.
    Lease(Vec<u8>),
    Services(Vec<Service>),
    Bytes {
        cid: u64,
        bytes_in: u64,
        bytes_out: u64,
    },
}

/// # Errors
/// Whatever keeps it from starting. It ends when the parent does.
pub fn run(state: &Path) -> Result<(), ControlError> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let (ToChild::Control(boot), _) = link::recv_with_fds::<ToChild>(&stdin)? else {
        return Err(LinkError::NotAFrame.into());
    };
    let places = Places::new(state);
    let checked = Config::read(&places.config(), state)?;
    let user = checked.config.users.control;
    privileges::become_user(user, user, &[Capability::CAP_NET_ADMIN], false)?;
    privileges::die_with_parent()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, serve(stdin, places, checked, boot))
}

async fn serve(
    parent: OwnedFd,
    places: Places,
    checked: Checked,
    boot: ControlBoot,
) -> Result<(), ControlError> {
    let parent = Link::new(parent)?;
    let enrolment: Enrolment =
        serde_json::from_slice(&boot.enrolment).map_err(|_| ControlError::Damaged("enrolment.json"))?;
    let incarnation = Incarnation(entropy::bytes()?);
    let machine = clock::Machine::read();
    let (disk, memory) = disk::Disk::open(&places.control())?;
    let enforcer = Enforcer::new(charter(&enrolment, &checked, incarnation)?, memory);

    let (events, mut inbox) = mpsc::unbounded_channel();
    let bus = bus::Bus::start(&places, &enrolment, &boot, events.clone()).await?;
    let outbox =
        outbox::Outbox::open(&places.control(), &enrolment, incarnation, &boot.report_key, bus.handle())?;
    let opening =
        p256::SecretKey::from_slice(&boot.opening_key).map_err(|_| ControlError::Damaged("opening.key"))?;
    let vpn = vpn::start(places.management(), events.clone());
    let mut control = Control {
        enforcer,
        machine,
        disk,
        outbox,
        kernel: kernel::Kernel::open()?,
        panel: panel::Panel::new(&places),
        peers: peers::Peers::new(events.clone()),
        vpn,
        deliveries: BTreeMap::new(),
        enrolment,
        opening,
        telemetry: telemetry::Telemetry::new(&places.state, incarnation),
    };
    control.give(Input::Start);
    control.disk.rewrite(&control.enforcer.memory())?;

    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut telemetry = tokio::time::interval(telemetry::INTERVAL);
    loop {
        tokio::select! {
            biased;
            said = parent.recv_with_fds::<ToChild>() => match said {
                Ok((ToChild::Peer(child), fds)) => {
                    for fd in fds {
                        control.peers.attach(child, fd)?;
                    }
                }
                Ok((ToChild::Stop, _)) | Err(LinkError::Gone) => return Ok(()),
                Ok(_) => return Err(LinkError::NotAFrame.into()),
                Err(error) => return Err(error.into()),
            },
            _ = tick.tick() => control.give(Input::Tick),
            Some(event) = inbox.recv() => control.take(event),
            _ = telemetry.tick() => {
                let reading = control.telemetry.read(&control.enforcer);
                if let Some(health) = control.telemetry.changed_health(&reading.services) {
                    control.outbox.add(control.enforcer.epoch(), News::Health { health });
                    control.outbox.flush();
                }
                bus.telemetry(reading);
            }
        }
    }
}

fn charter(
    enrolment: &Enrolment,
    checked: &Checked,
    incarnation: Incarnation,
) -> Result<Charter, ControlError> {
    let response = &enrolment.response;
    let root = response.root_key.array::<32>();
    let root = root.and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(&key).ok());
    Ok(Charter {
        gateway: response.gateway,
        log_id: response.log_id,
        epoch: response.epoch,
        incarnation,
        root: root.ok_or(ControlError::Damaged("the root key"))?,
        keys: response.keys.clone(),
        ceiling: checked.ceiling.clone(),
        pool: checked.pool(),
    })
}

struct Control {
    enforcer: Enforcer,
    machine: clock::Machine,
    disk: disk::Disk,
    outbox: outbox::Outbox,
    kernel: kernel::Kernel,
    panel: panel::Panel,
    peers: peers::Peers,
    vpn: vpn::Handle,
    /// Orders that are not settled yet.
    deliveries: BTreeMap<u64, Box<Delivery>>,
    enrolment: Enrolment,
    opening: p256::SecretKey,
    telemetry: telemetry::Telemetry,
}

impl Control {
    fn take(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.give(input),
            Event::Order(delivery) => {
                let verified = self.verify(delivery.payload());
                match verified {
                    Ok(Input::Order { command, secrets }) => {
                        self.deliveries.insert(command.n, delivery);
                        self.give(Input::Order { command, secrets });
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "an order was not taken");
                        tokio::task::spawn_local(async move { drop(delivery.ack().await) });
                    }
                }
            }
            Event::Lease(bytes) => match self.verify(&bytes) {
                Ok(input) => self.give(input),
                Err(error) => tracing::warn!(%error, "a lease was not taken"),
            },
            Event::Services(services) => self.telemetry.services(services),
            Event::Bytes { cid, bytes_in, bytes_out } => {
                self.give(Input::VpnBytes { cid, bytes_in, bytes_out })
            }
        }
    }

    fn verify(&self, bytes: &[u8]) -> Result<Input, enforcer::NotTaken> {
        let recipient = (self.enrolment.response.gateway, self.enrolment.response.log_id);
        let Some(keys) = self.enforcer.keys() else {
            return Err(enforcer::NotTaken::Untrusted(viworks_domain::envelope::Untrusted::UnknownKey));
        };
        enforcer::receive(bytes, keys, recipient, &self.opening, clock::now())
    }

    /// One input and whatever follows from it at once, in order.
    fn give(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let effects = self.enforcer.handle(input, self.machine.clocks());
            for effect in effects {
                if let Some(done) = self.carry_out(effect) {
                    inputs.push_back(done);
                }
            }
        }
        self.outbox.flush();
    }

    /// Gives the answer, if it is known at once.
    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        use Effect as E;
        let done = |ticket: Ticket, what: &str, result: Result<(), String>| {
            if let Err(error) = &result {
                tracing::error!(%error, what, "failed");
            }
            let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Failed };
            Some(Input::Done { ticket, outcome })
        };
        let text = |result: Result<(), disk::DiskError>| result.map_err(|e| e.to_string());
        let io = |result: io::Result<()>| result.map_err(|e| e.to_string());
        match effect {
            E::SaveState { ticket, state } => {
                done(ticket, "saving the state", text(self.disk.save_state(&state)))
            }
            E::SaveTombstone { ticket, tombstone } => {
                done(ticket, "saving a tombstone", text(self.disk.save_tombstone(&tombstone)))
            }
            E::SaveNonce { ticket, nonce } => {
                done(ticket, "saving a nonce", text(self.disk.save_nonce(&nonce)))
            }
            E::Report(news) => {
                self.outbox.add(self.enforcer.epoch(), news);
                None
            }
            E::Settled { n } => {
                // What was reported with it must be durable before the bus forgets the order.
                self.outbox.flush();
                if let Some(delivery) = self.deliveries.remove(&n) {
                    tokio::task::spawn_local(async move { drop(delivery.ack().await) });
                }
                None
            }
            E::ResetKernel { ticket } => done(ticket, "resetting the kernel's sets", io(self.kernel.reset())),
            E::OpenDoor { ticket, address, ttl } => {
                done(ticket, "opening a door", io(self.kernel.open_door(address, ttl)))
            }
            E::CloseDoor { ticket, address } => {
                done(ticket, "closing a door", io(self.kernel.close_door(address)))
            }
            E::AddGrants { ticket, address, grants, ttl } => {
                done(ticket, "adding grants", io(self.kernel.add_grants(address, &grants, ttl)))
            }
            E::RemoveGrants { ticket, address, grants, page } => {
                done(ticket, "removing grants", io(self.kernel.remove_grants(address, &grants, page)))
            }
            E::FlushConntrack { ticket, address } => {
                done(ticket, "flushing connection tracking", io(conntrack::flush(address)))
            }
            E::VpnAllow { .. } | E::VpnStillAllowed { .. } | E::VpnDeny { .. } | E::VpnKill { .. } => {
                self.vpn.say(&effect);
                None
            }
            E::GiveSpaKey { .. }
            | E::TakeSpaKey { .. }
            | E::AckKnock { .. }
            | E::TlsAllow { .. }
            | E::TlsClose { .. } => {
                self.peers.to_edge(effect);
                None
            }
            E::StartContainer { ticket, session, image } => {
                self.peers.to_runner(ToRunner::StartContainer { ticket: ticket.0, session, image });
                None
            }
            E::KillContainer { ticket, session } => {
                self.peers.to_runner(ToRunner::KillContainer { ticket: ticket.0, session });
                None
            }
            E::RunScript { ticket, step } => {
                self.peers.to_runner(ToRunner::RunScript { ticket: ticket.0, step });
                None
            }
            E::PublishPath { ticket, session, address, path } => {
                done(ticket, "publishing a path", io(self.panel.publish(session, address, &path)))
            }
            E::RemovePath { ticket, address, .. } => {
                done(ticket, "removing a path", io(self.panel.remove(address)))
            }
        }
    }
}

/// Which child a link leads to, for the log.
const fn peer_name(child: Child) -> &'static str {
    match child {
        Child::Edge => "edge",
        Child::Control => "control",
        Child::Runner => "runner",
    }
}
