//! Knock, TLS and OpenVPN: three doors of one session, each bound to the one before.

use super::{
    DOOR_OPEN, Effect, Enforcer, SpentNonce,
    machine::{Await, Out},
    session::{Part, Session, Stage, Vpn},
};
use crate::{
    gateway_bus::News,
    ids::{BootstrapId, Digest, SessionId},
    lease::{Clocks, Deadline},
    session::Layer,
    spa::MAX_SKEW,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Doors that one bootstrap's knocks may open: a client that retransmits for a minute needs fewer.
const KNOCKS_PER_BOOTSTRAP: usize = 64;

/// What stands at the edge and in OpenVPN.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub edge_is_up: bool,
    /// The edge has told us of everything it has.
    pub edge_is_known: bool,
    pub vpn_is_known: bool,
    /// Keys that the edge may hold.
    pub keys: BTreeMap<BootstrapId, SessionId>,
    tls: BTreeMap<u64, Tls>,
    /// By the local port that the edge speaks to OpenVPN from. Lives until OpenVPN's DISCONNECT, so that a
    /// port used again cannot inherit.
    bindings: BTreeMap<u16, Binding>,
    clients: BTreeMap<u64, u16>,
    /// OpenVPN's clients of an earlier life: whose they are, nobody knows.
    strays: BTreeSet<u64>,
}

#[derive(Debug)]
struct Tls {
    session: SessionId,
    port: u16,
}

#[derive(Debug)]
struct Binding {
    session: SessionId,
    bootstrap: BootstrapId,
    cid: Option<u64>,
    /// The TLS connection is closed; only OpenVPN's word is missing.
    closed: bool,
}

impl Connections {
    pub fn tls_of(&self, session: SessionId) -> Vec<u64> {
        self.tls.iter().filter(|(_, tls)| tls.session == session).map(|(id, _)| *id).collect()
    }

    pub fn clients_of(&self, session: SessionId) -> Vec<u64> {
        self.bindings.values().filter(|b| b.session == session).filter_map(|b| b.cid).collect()
    }

    /// The connection at this port, if no client is bound to it.
    fn unused_at(&self, port: u16) -> Option<u64> {
        self.bindings.get(&port).filter(|binding| binding.cid.is_none())?;
        self.tls.iter().find(|(_, tls)| tls.port == port).map(|(id, _)| *id)
    }

    pub fn has_no_tls(&self, session: SessionId) -> bool {
        self.edge_is_known && self.tls.values().all(|tls| tls.session != session)
    }

    pub fn has_no_client(&self, session: SessionId) -> bool {
        self.vpn_is_known && self.strays.is_empty() && self.clients_of(session).is_empty()
    }
}

impl Enforcer {
    pub(super) fn knock(
        &mut self,
        bootstrap: BootstrapId,
        nonce: [u8; 16],
        address: IpAddr,
        now: Clocks,
        out: &mut Out,
    ) {
        if !self.may_knock(bootstrap, address, now) || self.nonces.contains_key(&(bootstrap, nonce)) {
            return;
        }
        let spent = self.nonces.range((bootstrap, [0; 16])..=(bootstrap, [u8::MAX; 16])).count();
        if spent >= KNOCKS_PER_BOOTSTRAP {
            return;
        }
        // A packet of this nonce is refused for its time alone after that.
        let until = now.wall.plus(MAX_SKEW * 2);
        self.nonces.insert((bootstrap, nonce), until);
        let ticket = self.ticket(Await::Nonce { bootstrap, nonce });
        out.push(Effect::SaveNonce { ticket, nonce: SpentNonce { bootstrap, nonce, until } });
    }

    fn may_knock(&self, bootstrap: BootstrapId, address: IpAddr, now: Clocks) -> bool {
        self.session_of(bootstrap).and_then(|id| self.sessions.get(&id)).is_some_and(|s| {
            s.cut.is_none()
                && !s.is_over(now)
                && s.bootstrap.as_ref().is_some_and(|b| {
                    b.stage == Stage::Ready && b.client_address == address && !b.use_before.has_passed(now)
                })
        })
    }

    pub(super) fn nonce_saved(
        &mut self,
        bootstrap: BootstrapId,
        nonce: [u8; 16],
        now: Clocks,
        out: &mut Out,
    ) {
        let Some(session) = self.session_of(bootstrap).and_then(|id| self.sessions.get(&id)) else { return };
        let left = session.left(now);
        let Some((address, use_before)) =
            session.bootstrap.as_ref().map(|b| (b.client_address, b.use_before))
        else {
            return;
        };
        let ttl = DOOR_OPEN.min(left).min(use_before.left(now));
        // Time has passed while it was written.
        if !self.may_knock(bootstrap, address, now) || ttl.is_zero() {
            return;
        }
        self.doors.hold(address, bootstrap, Deadline::at(now.wall.plus(ttl), now));
        if let Some(session) = self.session_of(bootstrap).and_then(|id| self.sessions.get_mut(&id)) {
            session.door = Some(address);
        }
        let ticket = self.ticket(Await::Door { bootstrap, nonce });
        out.push(Effect::OpenDoor { ticket, address, ttl });
    }

    pub(super) fn door_opened(&mut self, bootstrap: BootstrapId, nonce: [u8; 16], out: &mut Out) {
        let Some(id) = self.session_of(bootstrap) else { return };
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.cut.is_none()) else { return };
        out.push(Effect::AckKnock { bootstrap, nonce });
        if let Some(live) = session.bootstrap.as_mut().filter(|b| !b.knocked) {
            live.knocked = true;
            out.push(Effect::Report(News::Layer { session: id, layer: Layer::Spa, up: true }));
        }
    }

    pub(super) fn tls_up(
        &mut self,
        connection: u64,
        port: u16,
        key: Digest,
        from: IpAddr,
        now: Clocks,
        out: &mut Out,
    ) {
        let wanted = |s: &Session| {
            s.cut.is_none()
                && !s.is_over(now)
                && s.bootstrap.as_ref().is_some_and(|b| {
                    b.stage == Stage::Ready
                        && b.client_key == key
                        && b.client_address == from
                        && !b.use_before.has_passed(now)
                })
        };
        let taken = self.connections.bindings.contains_key(&port)
            || self.connections.tls.contains_key(&connection)
            || !self.connections.edge_is_up;
        let found = self.sessions.iter_mut().find(|(_, s)| !taken && wanted(s));
        let Some((&id, session)) = found else {
            out.push(Effect::TlsClose { connection });
            return;
        };
        let Some(live) = session.bootstrap.as_mut() else { return };
        live.stage = Stage::Consumed;
        let bootstrap = live.id;
        session.held.was_connected = true;
        // Known before OpenVPN is, so that its client can be bound.
        self.connections.tls.insert(connection, Tls { session: id, port });
        self.connections.bindings.insert(port, Binding { session: id, bootstrap, cid: None, closed: false });
        self.take_back(bootstrap, out);
        self.save(Await::Consumed { session: id, bootstrap, connection }, out);
    }

    /// It is on disk that this bootstrap was used.
    pub(super) fn consumed(
        &mut self,
        id: SessionId,
        bootstrap: BootstrapId,
        connection: u64,
        ok: bool,
        now: Clocks,
        out: &mut Out,
    ) {
        let stands = self.connections.tls.contains_key(&connection)
            && self.sessions.get(&id).is_some_and(|s| s.cut.is_none() && !s.is_over(now));
        if !ok || !stands {
            out.push(Effect::TlsClose { connection });
            return;
        }
        // One tunnel per session: what stood on an earlier bootstrap goes now.
        for cid in self.connections.clients_of(id) {
            out.push(Effect::VpnKill { cid, reason: "replaced by a newer connection" });
        }
        for old in self.connections.tls_of(id) {
            if old != connection {
                out.push(Effect::TlsClose { connection: old });
            }
        }
        out.push(Effect::TlsAllow { connection });
        out.push(Effect::Report(News::Consumed { session: id, bootstrap }));
        out.push(Effect::Report(News::Layer { session: id, layer: Layer::Tls, up: true }));
    }

    pub(super) fn tls_down(&mut self, connection: u64, out: &mut Out) {
        let Some(Tls { session: id, port }) = self.connections.tls.remove(&connection) else { return };
        if let Some(binding) = self.connections.bindings.get_mut(&port) {
            binding.closed = true;
            if binding.cid.is_none() {
                self.connections.bindings.remove(&port);
            }
        }
        if self.connections.has_no_tls(id) {
            self.lost_layer(id, Layer::Tls, out);
            self.part_gone(id, Part::Tls, out);
        }
    }

    fn lost_layer(&self, id: SessionId, layer: Layer, out: &mut Out) {
        if self.sessions.get(&id).is_some_and(|s| s.cut.is_none()) {
            out.push(Effect::Report(News::Layer { session: id, layer, up: false }));
        }
    }

    /// The session that this port and certificate may speak for.
    fn admitted(
        &self,
        port: u16,
        certificate: Digest,
        now: Clocks,
    ) -> Option<(SessionId, &Binding, &Session)> {
        let binding = self.connections.bindings.get(&port).filter(|b| !b.closed)?;
        let session = self.sessions.get(&binding.session).filter(|s| s.cut.is_none() && !s.is_over(now))?;
        let live = session.bootstrap.as_ref()?;
        // After a newer bootstrap's admit the certificate of the older no longer counts here; the tunnel that
        // stands is asked again only at its next renegotiation, an hour later.
        let right =
            live.id == binding.bootstrap && live.stage == Stage::Consumed && live.certificate == certificate;
        right.then_some((binding.session, binding, session))
    }

    pub(super) fn vpn_connect(
        &mut self,
        cid: u64,
        kid: u64,
        port: u16,
        certificate: Digest,
        now: Clocks,
        out: &mut Out,
    ) {
        let found =
            self.admitted(port, certificate, now).filter(|(_, binding, _)| binding.cid.is_none()).map(
                |(id, _, session)| (id, session.held.address, session.held.grants.clone(), session.left(now)),
            );
        let Some((id, address, grants, ttl)) = found.filter(|_| self.connections.vpn_is_known) else {
            out.push(Effect::VpnDeny { cid, kid });
            // Whoever came over that connection is not who was admitted.
            out.extend(self.connections.unused_at(port).map(|connection| Effect::TlsClose { connection }));
            return;
        };
        if let Some(binding) = self.connections.bindings.get_mut(&port) {
            binding.cid = Some(cid);
        }
        self.connections.clients.insert(cid, port);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.settle_count();
            session.vpn = Some(Vpn { cid, established: false });
        }
        let ticket = self.ticket(Await::Grants { cid, kid });
        out.push(Effect::AddGrants { ticket, address, grants, ttl });
    }

    /// The kernel lets it through: now OpenVPN may.
    pub(super) fn grants_added(&mut self, cid: u64, kid: u64, ok: bool, now: Clocks, out: &mut Out) {
        let session = self
            .sessions
            .values()
            .find(|s| ok && s.cut.is_none() && !s.is_over(now) && s.vpn.is_some_and(|v| v.cid == cid));
        out.push(match session {
            Some(s) => Effect::VpnAllow { cid, kid, address: s.held.address, routes: s.held.grants.clone() },
            None => Effect::VpnDeny { cid, kid },
        });
    }

    pub(super) fn vpn_reauth(
        &mut self,
        cid: u64,
        kid: u64,
        port: u16,
        certificate: Digest,
        now: Clocks,
        out: &mut Out,
    ) {
        let still = self.admitted(port, certificate, now).is_some_and(|(_, b, _)| b.cid == Some(cid));
        if still {
            out.push(Effect::VpnStillAllowed { cid, kid });
        } else {
            out.push(Effect::VpnDeny { cid, kid });
            out.push(Effect::VpnKill { cid, reason: "not admitted any more" });
        }
    }

    pub(super) fn vpn_established(&mut self, cid: u64, out: &mut Out) {
        let found = self
            .sessions
            .iter_mut()
            .find_map(|(id, s)| s.vpn.as_mut().filter(|v| v.cid == cid).map(|v| (*id, v, s.cut.is_none())));
        if let Some((id, vpn, true)) = found
            && !vpn.established
        {
            vpn.established = true;
            out.push(Effect::Report(News::Layer { session: id, layer: Layer::Vpn, up: true }));
        }
    }

    pub(super) fn vpn_bytes(&mut self, cid: u64, bytes_in: u64, bytes_out: u64) {
        let Some(port) = self.connections.clients.get(&cid) else { return };
        let Some(id) = self.connections.bindings.get(port).map(|b| b.session) else { return };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.count(cid, bytes_in, bytes_out);
        }
    }

    pub(super) fn vpn_disconnected(&mut self, cid: u64, out: &mut Out) {
        if self.connections.strays.remove(&cid) {
            self.confirm_clients(out);
        }
        let Some(port) = self.connections.clients.remove(&cid) else { return };
        let Some(binding) = self.connections.bindings.remove(&port) else { return };
        let id = binding.session;
        if let Some(session) = self.sessions.get_mut(&id)
            && let Some(vpn) = session.vpn.filter(|v| v.cid == cid)
        {
            session.vpn = None;
            session.settle_count();
            let (address, grants, cut) =
                (session.held.address, session.held.grants.clone(), session.cut.is_some());
            if !cut {
                let ticket = self.ticket(Await::Nothing);
                out.push(Effect::RemoveGrants { ticket, address, grants, page: true });
                let ticket = self.ticket(Await::Nothing);
                out.push(Effect::FlushConntrack { ticket, address });
                if vpn.established {
                    self.lost_layer(id, Layer::Vpn, out);
                }
            }
        }
        self.confirm_clients(out);
    }

    /// OpenVPN drops its clients when it loses us; the kernel and the edge do not wait for it.
    pub(super) fn vpn_lost(&mut self, out: &mut Out) {
        self.connections.vpn_is_known = false;
        let connected: Vec<SessionId> =
            self.sessions.iter().filter(|(_, s)| s.vpn.is_some()).map(|(id, _)| *id).collect();
        for id in connected {
            let Some((address, grants)) =
                self.sessions.get(&id).map(|s| (s.held.address, s.held.grants.clone()))
            else {
                continue;
            };
            let ticket = self.ticket(Await::Nothing);
            out.push(Effect::RemoveGrants { ticket, address, grants, page: true });
            let ticket = self.ticket(Await::Nothing);
            out.push(Effect::FlushConntrack { ticket, address });
            for connection in self.connections.tls_of(id) {
                out.push(Effect::TlsClose { connection });
            }
        }
    }

    pub(super) fn vpn_back(&mut self, found: &[u64], out: &mut Out) {
        self.connections.vpn_is_known = true;
        for &cid in found {
            if !self.connections.clients.contains_key(&cid) {
                self.connections.strays.insert(cid);
            }
            out.push(Effect::VpnKill { cid, reason: "the gateway was restarted" });
        }
        let gone: Vec<u64> =
            self.connections.clients.keys().filter(|cid| !found.contains(cid)).copied().collect();
        for cid in gone {
            self.vpn_disconnected(cid, out);
        }
        self.connections.strays.retain(|cid| found.contains(cid));
        self.confirm_clients(out);
    }

    /// Sessions being cut, whose client has just been confirmed gone.
    fn confirm_clients(&mut self, out: &mut Out) {
        let gone: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(id, s)| s.cut.is_some() && self.connections.has_no_client(**id))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.part_gone(id, Part::Vpn, out);
        }
    }

    pub(super) fn edge_lost(&mut self, out: &mut Out) {
        self.connections.edge_is_up = false;
        self.connections.edge_is_known = true;
        self.connections.keys.clear();
        self.forget_tickets(|a| matches!(a, Await::Key { .. } | Await::KeyTaken { .. }));
        let gone: Vec<u64> = self.connections.tls.keys().copied().collect();
        for connection in gone {
            self.tls_down(connection, out);
        }
        self.confirm_edge(out);
    }

    /// A fresh edge has no connection and no key.
    pub(super) fn edge_back(&mut self, now: Clocks, out: &mut Out) {
        self.edge_lost(out);
        self.connections.edge_is_up = true;
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            self.give_key(id, now, out);
        }
    }

    fn confirm_edge(&mut self, out: &mut Out) {
        let cutting: Vec<SessionId> =
            self.sessions.iter().filter(|(_, s)| s.cut.is_some()).map(|(id, _)| *id).collect();
        for id in cutting {
            self.part_gone(id, Part::Key, out);
            self.part_gone(id, Part::Tls, out);
        }
    }
}
