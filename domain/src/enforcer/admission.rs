//! Admit and renew: what may become possible, and until when.

use super::{
    Effect, Enforcer, Held, SpaKey,
    machine::{Await, Out},
    session::{Container, Live, Part, Session, Stage},
};
use crate::{
    bootstrap::Secrets,
    gateway_bus::{Admit, AdmitRefusal, News, Renew},
    ids::{BootstrapId, SessionId},
    lease::{Clocks, Deadline},
    session::Layer,
};

impl Enforcer {
    pub(super) fn admit(
        &mut self,
        n: u64,
        admit: Admit,
        secrets: Option<Secrets>,
        now: Clocks,
        out: &mut Out,
    ) {
        if self.seen.contains(n) && admit.incarnation == self.charter.incarnation {
            out.push(Effect::Settled { n });
            return;
        }
        let (session, bootstrap) = (admit.session, admit.bootstrap);
        match self.admissible(admit, secrets, now) {
            Ok((held, live)) => {
                self.seen.insert(n);
                self.hold(held, live, now, out);
                self.save(Await::Prepare { session, bootstrap, n }, out);
            }
            Err(reason) => {
                out.push(Effect::Report(News::AdmitRefused { session, bootstrap, reason }));
                out.push(Effect::Settled { n });
            }
        }
    }

    fn admissible(
        &mut self,
        admit: Admit,
        secrets: Option<Secrets>,
        now: Clocks,
    ) -> Result<(Held, Live), AdmitRefusal> {
        if self.tombstones.contains_key(&admit.session) {
            return Err(AdmitRefusal::Ended);
        }
        if admit.incarnation != self.charter.incarnation {
            return Err(AdmitRefusal::OtherIncarnation);
        }
        let soonest = admit.not_after.min(admit.use_before).min(admit.lease_until).min(admit.ends_at);
        let known = self.sessions.get(&admit.session);
        let outdated = known.is_some_and(|s| s.held.version > admit.session_version || s.is_over(now));
        if now.wall >= soonest || outdated {
            return Err(AdmitRefusal::Expired);
        }
        let ceiling = &self.charter.ceiling;
        if !ceiling.images.contains(&admit.image) {
            return Err(AdmitRefusal::ImageNotAllowed);
        }
        let crowded = known.is_none() && self.sessions.len() >= ceiling.sessions;
        if crowded || !ceiling.covers(&admit.grants) || admit.ends_at.since(now.wall) > ceiling.longest {
            return Err(AdmitRefusal::BeyondCeiling);
        }
        let secrets = secrets.ok_or(AdmitRefusal::Unsealable)?;
        let ends = Deadline::at(admit.ends_at, now);
        let held = match known {
            Some(s) => Held {
                version: admit.session_version,
                image: s.held.image.clone(),
                grants: admit.grants,
                ends: s.held.ends.earlier(ends),
                lease: Deadline::at(admit.lease_until, now),
                ..s.held.clone()
            },
            None => Held {
                session: admit.session,
                version: admit.session_version,
                address: {
                    let used = self.used_addresses();
                    self.addresses.take(&used, now).ok_or(AdmitRefusal::NoAddressLeft)?
                },
                image: admit.image,
                grants: admit.grants,
                ends,
                lease: Deadline::at(admit.lease_until, now),
                was_connected: false,
                bytes_in: 0,
                bytes_out: 0,
            },
        };
        let live = Live {
            id: admit.bootstrap,
            key: SpaKey(secrets.spa_key),
            path: secrets.path,
            client_address: secrets.client_address,
            client_key: admit.client_key,
            certificate: admit.certificate,
            use_before: Deadline::at(admit.use_before, now),
            stage: Stage::Preparing { key: false, path: false },
            knocked: false,
        };
        Ok((held, live))
    }

    /// A new bootstrap voids the one before; a connection that stands is replaced only when the new one is used.
    fn hold(&mut self, held: Held, live: Live, now: Clocks, out: &mut Out) {
        let id = held.session;
        self.withdraw_bootstrap(id, out);
        let (address, grants) = (held.address, held.grants.clone());
        let session = self.sessions.entry(id).or_insert_with(|| Session::new(held.clone()));
        let narrowed: Vec<_> = session.held.grants.iter().filter(|g| !grants.contains(g)).copied().collect();
        session.held = held;
        session.bootstrap = Some(live);
        let (connected, ttl) = (session.vpn.is_some(), session.left(now));
        if connected {
            if !narrowed.is_empty() {
                let ticket = self.ticket(Await::Nothing);
                out.push(Effect::RemoveGrants { ticket, address, grants: narrowed, page: false });
            }
            let ticket = self.ticket(Await::Nothing);
            out.push(Effect::AddGrants { ticket, address, grants, ttl });
        }
    }

    /// The session is on disk: whatever is started from here on will be found again.
    pub(super) fn prepare(
        &mut self,
        id: SessionId,
        bootstrap: BootstrapId,
        n: u64,
        saved: bool,
        now: Clocks,
        out: &mut Out,
    ) {
        if !self.is_preparing(id, bootstrap) {
            out.push(Effect::Settled { n });
            return;
        }
        if !saved {
            self.refuse_prepared(id, AdmitRefusal::ContainerFailed, out);
            out.push(Effect::Settled { n });
            return;
        }
        out.push(Effect::Settled { n });
        self.give_key(id, now, out);
        self.start_container(id, out);
        let Some((address, path)) =
            self.sessions.get(&id).and_then(|s| Some((s.held.address, s.bootstrap.as_ref()?.path)))
        else {
            return;
        };
        let ticket = self.ticket(Await::Path { bootstrap });
        out.push(Effect::PublishPath { ticket, session: id, address, path });
    }

    fn is_preparing(&self, id: SessionId, bootstrap: BootstrapId) -> bool {
        self.sessions.get(&id).is_some_and(|s| {
            s.cut.is_none()
                && s.bootstrap
                    .as_ref()
                    .is_some_and(|b| b.id == bootstrap && matches!(b.stage, Stage::Preparing { .. }))
        })
    }

    /// To the edge, if it is there; when it comes back, again.
    pub(super) fn give_key(&mut self, id: SessionId, now: Clocks, out: &mut Out) {
        let Some(live) =
            self.sessions.get(&id).filter(|s| s.cut.is_none()).and_then(|s| s.bootstrap.as_ref())
        else {
            return;
        };
        if live.stage == Stage::Consumed || live.use_before.has_passed(now) || !self.connections.edge_is_up {
            return;
        }
        let (bootstrap, key, until) = (live.id, live.key.clone(), live.use_before.wall);
        self.connections.keys.insert(bootstrap, id);
        let ticket = self.ticket(Await::Key { bootstrap });
        out.push(Effect::GiveSpaKey { ticket, bootstrap, key, until });
    }

    pub(super) fn start_container(&mut self, id: SessionId, out: &mut Out) {
        let runner_is_up = self.runner_is_up;
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.cut.is_none()) else { return };
        if session.container == Container::Up {
            return;
        }
        session.container = Container::Starting;
        let image = session.held.image.clone();
        let asked = self.awaits(|a| *a == Await::Container { session: id });
        if runner_is_up && !asked {
            let ticket = self.ticket(Await::Container { session: id });
            out.push(Effect::StartContainer { ticket, session: id, image });
        }
    }

    pub(super) fn key_given(&mut self, bootstrap: BootstrapId, ok: bool, out: &mut Out) {
        self.prepared(bootstrap, ok, out, |stage| {
            if let Stage::Preparing { key, .. } = stage {
                *key = true;
            }
        });
    }

    pub(super) fn path_published(&mut self, bootstrap: BootstrapId, ok: bool, out: &mut Out) {
        self.prepared(bootstrap, ok, out, |stage| {
            if let Stage::Preparing { path, .. } = stage {
                *path = true;
            }
        });
    }

    fn prepared(&mut self, bootstrap: BootstrapId, ok: bool, out: &mut Out, mark: impl Fn(&mut Stage)) {
        let Some(id) = self.session_of(bootstrap) else { return };
        if !self.is_preparing(id, bootstrap) {
            return;
        }
        if !ok {
            self.refuse_prepared(id, AdmitRefusal::ContainerFailed, out);
            return;
        }
        if let Some(live) = self.sessions.get_mut(&id).and_then(|s| s.bootstrap.as_mut()) {
            mark(&mut live.stage);
        }
        self.release_when_ready(id, out);
    }

    pub(super) fn container_started(&mut self, id: SessionId, ok: bool, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.cut.is_none()) else { return };
        session.container = if ok { Container::Up } else { Container::Absent };
        let preparing =
            session.bootstrap.as_ref().is_some_and(|b| matches!(b.stage, Stage::Preparing { .. }));
        match (ok, preparing) {
            (true, true) => self.release_when_ready(id, out),
            (false, true) => self.refuse_prepared(id, AdmitRefusal::ContainerFailed, out),
            (true | false, false) => {}
        }
    }

    fn release_when_ready(&mut self, id: SessionId, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (container, address) = (session.container, session.held.address);
        let Some(live) = session.bootstrap.as_mut() else { return };
        if live.stage == (Stage::Preparing { key: true, path: true }) && container == Container::Up {
            live.stage = Stage::Ready;
            out.push(Effect::Report(News::Admitted { session: id, bootstrap: live.id, address }));
        }
    }

    fn refuse_prepared(&mut self, id: SessionId, reason: AdmitRefusal, out: &mut Out) {
        let Some(bootstrap) = self.sessions.get(&id).and_then(|s| s.bootstrap.as_ref()).map(|b| b.id) else {
            return;
        };
        out.push(Effect::Report(News::AdmitRefused { session: id, bootstrap, reason }));
        self.withdraw_bootstrap(id, out);
    }

    /// Key and door of the present bootstrap go; what it consumed stays.
    pub(super) fn withdraw_bootstrap(&mut self, id: SessionId, out: &mut Out) {
        let Some(live) = self.sessions.get_mut(&id).and_then(|s| s.bootstrap.as_mut()) else { return };
        let (bootstrap, consumed) = (live.id, live.stage == Stage::Consumed);
        if consumed {
            return;
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.bootstrap = None;
        }
        self.take_back(bootstrap, out);
    }

    /// The key from the edge, and the door if nobody else holds it.
    pub(super) fn take_back(&mut self, bootstrap: BootstrapId, out: &mut Out) {
        for address in self.doors.release(bootstrap) {
            let ticket = self.ticket(Await::Nothing);
            out.push(Effect::CloseDoor { ticket, address });
        }
        self.take_key(bootstrap, out);
    }

    pub(super) fn take_key(&mut self, bootstrap: BootstrapId, out: &mut Out) {
        if self.connections.keys.contains_key(&bootstrap) {
            self.forget_tickets(|a| *a == Await::KeyTaken { bootstrap });
            let ticket = self.ticket(Await::KeyTaken { bootstrap });
            out.push(Effect::TakeSpaKey { ticket, bootstrap });
        }
    }

    pub(super) fn key_taken(&mut self, bootstrap: BootstrapId, out: &mut Out) {
        let Some(id) = self.connections.keys.remove(&bootstrap) else { return };
        if self.connections.keys.values().all(|owner| *owner != id) {
            self.part_gone(id, Part::Key, out);
        }
    }

    pub(super) fn withdraw_late_bootstraps(&mut self, now: Clocks, out: &mut Out) {
        let late: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, s)| {
                s.cut.is_none()
                    && s.bootstrap
                        .as_ref()
                        .is_some_and(|b| b.stage != Stage::Consumed && b.use_before.has_passed(now))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            let preparing = self.sessions[&id].bootstrap.as_ref().is_some_and(|b| b.stage != Stage::Ready);
            if preparing {
                self.refuse_prepared(id, AdmitRefusal::Expired, out);
            } else {
                self.withdraw_bootstrap(id, out);
            }
        }
    }

    pub(super) fn renew(&mut self, n: u64, renew: &Renew, now: Clocks, out: &mut Out) {
        let void = renew.incarnation != self.charter.incarnation
            || now.wall >= renew.not_after
            || self.tombstones.contains_key(&renew.session)
            || renew.ends_at.since(now.wall) > self.charter.ceiling.longest
            || self.seen.contains(n);
        let Some(session) = self
            .sessions
            .get_mut(&renew.session)
            .filter(|s| !void && s.held.version <= renew.session_version)
        else {
            out.push(Effect::Settled { n });
            return;
        };
        session.held.version = renew.session_version;
        session.held.lease = Deadline::at(renew.lease_until, now);
        session.held.ends = session.held.ends.earlier(Deadline::at(renew.ends_at, now));
        let (connected, address, grants, ttl) =
            (session.vpn.is_some(), session.held.address, session.held.grants.clone(), session.left(now));
        self.seen.insert(n);
        if connected && !ttl.is_zero() {
            let ticket = self.ticket(Await::Nothing);
            out.push(Effect::AddGrants { ticket, address, grants, ttl });
        }
        self.save(Await::Settle { n }, out);
    }

    pub(super) fn runner_lost(&mut self) {
        self.runner_is_up = false;
        self.forget_tickets(|a| {
            matches!(
                a,
                Await::Container { .. } | Await::Script { .. } | Await::Part { part: Part::Container, .. }
            )
        });
    }

    pub(super) fn runner_back(&mut self, containers: &[SessionId], out: &mut Out) {
        self.runner_lost();
        self.runner_is_up = true;
        for &id in containers {
            if !self.sessions.contains_key(&id) {
                let ticket = self.ticket(Await::Nothing);
                out.push(Effect::KillContainer { ticket, session: id });
            }
        }
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            let runs = containers.contains(&id);
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            match (session.cut.is_some(), session.container, runs) {
                (true, _, _) => self.ask_for(id, Part::Container, out),
                (false, Container::Starting, true) => self.container_started(id, true, out),
                (false, Container::Starting, false) => self.start_container(id, out),
                (false, Container::Up, false) => self.container_gone(id, out),
                (false, Container::Absent, true) => session.container = Container::Up,
                (false, Container::Up, true) | (false, Container::Absent, false) => {}
            }
        }
        self.run_steps(out);
    }

    pub(super) fn container_gone(&mut self, id: SessionId, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.cut.is_none()) else { return };
        if session.container == Container::Up {
            session.container = Container::Absent;
            out.push(Effect::Report(News::Layer { session: id, layer: Layer::Container, up: false }));
        }
    }

    pub(super) fn session_of(&self, bootstrap: BootstrapId) -> Option<SessionId> {
        self.sessions
            .iter()
            .find(|(_, s)| s.bootstrap.as_ref().is_some_and(|b| b.id == bootstrap))
            .map(|(id, _)| *id)
    }
}
