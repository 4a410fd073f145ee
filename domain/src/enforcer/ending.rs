//! Ends: the tombstone first, then the cut in its order, then a receipt for each layer confirmed gone.

use super::{
    ADDRESS_RESTS, ASK_AGAIN, Effect, Enforcer, Ticket, Tombstone,
    machine::{Await, Out},
    session::{Cut, Part},
};
use crate::{
    gateway_bus::{End, News},
    ids::{BootstrapId, EndId, SessionId},
    lease::{Clocks, Deadline},
    session::{Absence, EndReason, Layer},
};

impl Enforcer {
    /// Never expires, may come twice, may come for a session that was never admitted here.
    pub(super) fn end(&mut self, n: u64, end: &End, now: Clocks, out: &mut Out) {
        let id = end.session;
        if let Some(session) = self.sessions.get_mut(&id) {
            match &mut session.cut {
                Some(cut) => {
                    if cut.end != Some(end.end) {
                        cut.receipts.clear();
                        cut.end = Some(end.end);
                    }
                    cut.asked = 0;
                }
                None => session.cut = Some(Cut::new(Some(end.end), None, false)),
            }
        }
        self.bury(id, Some(end.end), end.session_version, now);
        self.save_tombstone(id, Some(n), out);
    }

    pub(super) fn end_locally(&mut self, id: SessionId, reason: EndReason, now: Clocks, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.cut.is_none()) else { return };
        session.cut = Some(Cut::new(None, Some(reason), false));
        let version = session.held.version;
        self.bury(id, None, version, now);
        self.save_tombstone(id, None, out);
    }

    pub(super) fn end_what_is_over(&mut self, now: Clocks, out: &mut Out) {
        let over: Vec<(SessionId, EndReason)> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.cut.is_none() && s.is_over(now))
            .map(|(id, s)| (*id, s.why_over(now)))
            .collect();
        for (id, reason) in over {
            self.end_locally(id, reason, now, out);
        }
    }

    pub(super) fn end_all(&mut self, reason: &EndReason, now: Clocks, out: &mut Out) {
        let all: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in all {
            self.end_locally(id, reason.clone(), now, out);
        }
    }

    /// In memory at once: from here on no admit passes, whatever the disk says.
    fn bury(&mut self, id: SessionId, end: Option<EndId>, version: u64, now: Clocks) {
        let held = self.sessions.get(&id).map(|s| s.held.was_connected);
        let earlier = self.tombstones.get(&id);
        let tombstone = Tombstone {
            session: id,
            version: earlier.map_or(version, |t| t.version.max(version)),
            at: earlier.map_or(now.wall, |t| t.at),
            end: end.or_else(|| earlier.and_then(|t| t.end)),
            existed: held.is_some() || earlier.is_some_and(|t| t.existed),
            was_connected: held.or_else(|| earlier.map(|t| t.was_connected)).unwrap_or(false),
        };
        self.tombstones.insert(id, tombstone);
    }

    fn save_tombstone(&mut self, id: SessionId, n: Option<u64>, out: &mut Out) {
        let Some(tombstone) = self.tombstones.get(&id).cloned() else { return };
        let ticket = self.ticket(Await::Tombstone { session: id, n });
        if let Some(cut) = self.sessions.get_mut(&id).and_then(|s| s.cut.as_mut()) {
            cut.saving = Some(ticket);
        }
        out.push(Effect::SaveTombstone { ticket, tombstone });
    }

    pub(super) fn tombstone_saved(
        &mut self,
        id: SessionId,
        ticket: Ticket,
        n: Option<u64>,
        ok: bool,
        now: Clocks,
        out: &mut Out,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            if ok {
                self.receipts_of_the_buried(id, out);
                out.extend(n.map(|n| Effect::Settled { n }));
            }
            return;
        };
        let Some(cut) = &mut session.cut else { return };
        if cut.saving == Some(ticket) {
            cut.saving = None;
        }
        // A disk that fails must not keep anybody connected: it is cut all the same, but no receipt is given.
        cut.durable |= ok;
        if ok && let Some(reason) = cut.reason.take() {
            out.push(Effect::Report(News::EndedLocally { session: id, reason }));
        }
        if ok {
            out.extend(n.map(|n| Effect::Settled { n }));
        }
        self.cut(id, now, out);
        self.give_receipts(id, out);
    }

    /// After a start: the tombstone is there, what it belongs to may be there too.
    pub(super) fn resume_cut(&mut self, id: SessionId, now: Clocks, out: &mut Out) {
        let end = self.tombstones.get(&id).and_then(|t| t.end);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.cut = Some(Cut::new(end, None, true));
        self.cut(id, now, out);
    }

    /// Everything that is not confirmed gone is asked for, in the order of [`Part`].
    fn cut(&mut self, id: SessionId, now: Clocks, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(cut) = &mut session.cut else { return };
        cut.asked = now.boot;
        cut.started = true;
        let remaining = cut.remaining.clone();
        for part in remaining {
            self.ask_for(id, part, out);
        }
    }

    pub(super) fn ask_for(&mut self, id: SessionId, part: Part, out: &mut Out) {
        let Some(session) = self
            .sessions
            .get(&id)
            .filter(|s| s.cut.as_ref().is_some_and(|cut| cut.started && cut.remaining.contains(&part)))
        else {
            return;
        };
        let (address, grants) = (session.held.address, session.held.grants.clone());
        let was_connected = session.held.was_connected;
        let confirmed = Await::Part { session: id, part };
        self.forget_tickets(|a| *a == confirmed);
        match part {
            Part::Grants => {
                let ticket = self.ticket(confirmed);
                out.push(Effect::RemoveGrants { ticket, address, grants, page: true });
            }
            Part::Door => self.close_door(id, out),
            Part::Key => {
                let keys: Vec<BootstrapId> =
                    self.connections.keys.iter().filter(|(_, o)| **o == id).map(|(b, _)| *b).collect();
                if keys.is_empty() {
                    self.part_gone(id, part, out);
                }
                for bootstrap in keys {
                    self.take_key(bootstrap, out);
                }
            }
            Part::Flows => {
                let ticket = self.ticket(confirmed);
                out.push(Effect::FlushConntrack { ticket, address });
            }
            Part::Vpn => {
                for cid in self.connections.clients_of(id) {
                    out.push(Effect::VpnKill { cid, reason: "session ended" });
                }
                if !was_connected || self.connections.has_no_client(id) {
                    self.part_gone(id, part, out);
                }
            }
            Part::Tls => {
                for connection in self.connections.tls_of(id) {
                    out.push(Effect::TlsClose { connection });
                }
                if !was_connected || self.connections.has_no_tls(id) {
                    self.part_gone(id, part, out);
                }
            }
            Part::Container => {
                if self.runner_is_up {
                    let ticket = self.ticket(confirmed);
                    out.push(Effect::KillContainer { ticket, session: id });
                }
            }
            Part::Path => {
                let ticket = self.ticket(confirmed);
                out.push(Effect::RemovePath { ticket, session: id, address });
            }
        }
    }

    /// Closed for everybody if nobody else holds it; asked for again until the kernel has confirmed.
    fn close_door(&mut self, id: SessionId, out: &mut Out) {
        let Some(address) = self.sessions.get(&id).and_then(|s| s.door) else {
            // Of this life none was opened; those of an earlier one went with the reset.
            if self.kernel_is_reset {
                self.part_gone(id, Part::Door, out);
            }
            return;
        };
        let mine = self.sessions.get(&id).and_then(|s| s.bootstrap.as_ref()).map(|b| b.id);
        if self.doors.release_at(address, |bootstrap| Some(*bootstrap) == mine) {
            let ticket = self.ticket(Await::Part { session: id, part: Part::Door });
            out.push(Effect::CloseDoor { ticket, address });
        } else {
            self.part_gone(id, Part::Door, out);
        }
    }

    pub(super) fn part_gone(&mut self, id: SessionId, part: Part, out: &mut Out) {
        let Some(cut) = self.sessions.get_mut(&id).and_then(|s| s.cut.as_mut()) else { return };
        if cut.remaining.remove(&part) {
            self.give_receipts(id, out);
        }
    }

    fn give_receipts(&mut self, id: SessionId, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (total, was_connected) = (session.total(), session.held.was_connected);
        let absences = Layer::AT_GATEWAY.map(|layer| (layer, session.absence(layer)));
        let Some(cut) = session.cut.as_mut().filter(|cut| cut.durable) else { return };
        if was_connected && cut.is_gone(Layer::Vpn) && !cut.counted {
            cut.counted = true;
            let (bytes_in, bytes_out) = total;
            out.push(Effect::Report(News::Traffic { session: id, bytes_in, bytes_out }));
        }
        // Without the control plane's word there is no end to give receipts for; they wait.
        let Some(end) = cut.end.filter(|_| cut.saving.is_none()) else { return };
        for (layer, absence) in absences {
            if cut.is_gone(layer) && cut.receipts.insert(layer) {
                out.push(Effect::Report(News::Receipt { session: id, end, layer, absence }));
            }
        }
        if cut.remaining.is_empty() && cut.receipts.len() == Layer::AT_GATEWAY.len() {
            self.forget(id, out);
        }
    }

    /// Nothing of it is left: its address rests, its tombstone stays.
    fn forget(&mut self, id: SessionId, out: &mut Out) {
        let Some(session) = self.sessions.remove(&id) else { return };
        if let Some(now) = self.clock {
            self.addresses.rest(session.held.address, Deadline::at(now.wall.plus(ADDRESS_RESTS), now));
        }
        self.save(Await::Nothing, out);
    }

    /// For a session of which nothing is held: it never was here, or all of it has gone before.
    fn receipts_of_the_buried(&self, id: SessionId, out: &mut Out) {
        let Some(tombstone) = self.tombstones.get(&id) else { return };
        let Some(end) = tombstone.end else { return };
        for layer in Layer::AT_GATEWAY {
            let existed = match layer {
                Layer::Tls | Layer::Vpn => tombstone.was_connected,
                Layer::Token | Layer::Spa | Layer::Container | Layer::Path => tombstone.existed,
            };
            let absence = if existed { Absence::Gone } else { Absence::NeverExisted };
            out.push(Effect::Report(News::Receipt { session: id, end, layer, absence }));
        }
    }

    pub(super) fn ask_again(&mut self, now: Clocks, out: &mut Out) {
        let waiting: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, s)| {
                s.cut.as_ref().is_some_and(|cut| {
                    let due = now.boot.saturating_sub(cut.asked) >= ASK_AGAIN.as_millis() as u64;
                    cut.saving.is_none() && due && (!cut.remaining.is_empty() || !cut.durable)
                })
            })
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            let Some(cut) = self.sessions.get_mut(&id).and_then(|s| s.cut.as_mut()) else { continue };
            // What was let through before its grant went must be forgotten after it.
            if cut.remaining.contains(&Part::Grants) {
                cut.remaining.insert(Part::Flows);
            }
            if !cut.durable {
                self.save_tombstone(id, None, out);
            }
            self.cut(id, now, out);
        }
    }
}
