//! `prepare(wire, folds, entropy) -> domain command`, as the control plane's worker does it: authority and
//! standing are folded from the log, secrets are made here.

use super::{
    log::{AnyRoot, state_of},
    world::World,
};
use viworks_domain::{
    Millis,
    actor::Origin as From,
    bytes,
    command::{Command as BusCommand, WireCommand},
    decision::{Refusal as _, RefusalClass, Refused},
    device, directory, gateway,
    ids::{CodeId, DeviceId, Digest, EndId, GatewayId, PolicyId, SessionId},
    otp::{self, Digits},
    permission::{actor_may_ask, origin_may_send},
    policy::{self, Document, Facts, PolicyRef, PostureValues},
    session::{self, CODE_LIFETIME, Origin, PreparedCode, Refusal, Session, Stage, Standing},
    user::{self, User},
};

/// What `decide` takes, for whichever aggregate.
#[derive(Clone, Debug)]
pub(super) enum Prepared {
    Directory(directory::Command),
    User(user::Command),
    Device(device::Command),
    Policy(policy::Command),
    Gateway(gateway::Command),
    Session(Box<session::Command>),
    Refused(Refused),
}

fn refused(class: RefusalClass, code: &str) -> Refused {
    Refused { class, code: code.to_owned() }
}

impl Prepared {
    /// The decision of this root on it.
    pub fn decide(
        &self,
        root: &AnyRoot,
        command: &BusCommand,
        now: Millis,
    ) -> viworks_domain::decision::Decision {
        let refusal = match self {
            Self::Refused(refused) => refused.clone(),
            // Prepared for another kind of aggregate than it was sent to.
            _ => refused(RefusalClass::Forbidden, "command.forbidden"),
        };
        macro_rules! by_kind {
            ($($kind:ident),+) => {
                match (root, self) {
                    $((AnyRoot::$kind(root), Self::$kind(prepared)) => root.decide(command, Ok(prepared), now),)+
                    $((AnyRoot::$kind(root), _) => root.decide(command, Err(refusal), now),)+
                }
            };
        }
        by_kind!(Directory, User, Device, Policy, Gateway, Session)
    }
}

impl World {
    pub(super) fn prepare(&mut self, command: &BusCommand, now: Millis) -> Prepared {
        let allowed = origin_may_send(command.origin, &command.body)
            && (command.origin != From::Api || actor_may_ask(&command.actor, &command.body));
        if !allowed {
            return Prepared::Refused(refused(RefusalClass::Forbidden, "command.forbidden"));
        }
        match &command.body {
            WireCommand::Directory(c) => Prepared::Directory(c.clone()),
            WireCommand::User(c) => Prepared::User(c.clone()),
            WireCommand::Device(c) => Prepared::Device(c.clone()),
            WireCommand::Policy(c) => Prepared::Policy(c.clone()),
            WireCommand::Gateway(c) => Prepared::Gateway(c.clone()),
            WireCommand::Session(c) => match self.session_command(SessionId(command.aggregate.id), c, now) {
                Ok(prepared) => Prepared::Session(Box::new(prepared)),
                Err(refused) => Prepared::Refused(refused),
            },
            WireCommand::Operator(_) => {
                Prepared::Refused(refused(RefusalClass::Forbidden, "command.forbidden"))
            }
        }
    }

    fn session_command(
        &mut self,
        id: SessionId,
        wire: &session::WireCommand,
        now: Millis,
    ) -> Result<session::Command, Refused> {
        use session::{Command as C, WireCommand as W};
        let end = EndId(self.rng.bytes());
        Ok(match wire {
            W::Open { user, credential_version, desktop, token, whereabouts, address } => {
                let state = state_of(self.log.user(*user));
                if state.credential_version != *credential_version {
                    return Err(refused(RefusalClass::Conflict, "user.stale_credential"));
                }
                let device = self.phone(&state)?;
                let gateway = self.gateway_for(&state)?;
                let (policy, document) = self.policy_for(&state)?;
                let standing = self.standing(*user, id, policy, document, true, None, now);
                C::Open {
                    session: id,
                    user: *user,
                    device,
                    gateway,
                    desktop: *desktop,
                    challenge: self.rng.bytes(),
                    token: *token,
                    whereabouts: whereabouts.clone(),
                    address: *address,
                    standing,
                }
            }
            W::RecordPosture { device, report, signature } => {
                let (state, origin) = self.opened(id)?;
                let input = otp::posture_input(id, &origin.challenge, origin.desktop.session_key, report);
                let enrolled = self.log.device(*device).is_some_and(|d| d.state.is_enrolled());
                let signed =
                    !self.rules.reports_are_verified || *signature == self.vault.sign(*device, &input);
                if origin.device != *device || !enrolled || !signed {
                    return Err(Refusal::OtherDevice.stored());
                }
                let posture = bytes::decode::<PostureValues>(report)
                    .map_err(|_| refused(RefusalClass::Invalid, "session.unreadable_report"))?;
                let standing = self.standing_of(id, &state, &origin, now)?;
                C::RecordPosture { device: *device, posture, standing, code: self.code(id, &origin, now) }
            }
            W::IssueCode { device } => {
                let (state, origin) = self.opened(id)?;
                let standing = self.standing_of(id, &state, &origin, now)?;
                C::IssueCode { device: *device, standing, code: self.code(id, &origin, now) }
            }
            W::Answer { code, mac, attempt } => {
                let (state, origin) = self.opened(id)?;
                let user = state_of(self.log.user(origin.user));
                let attempt_reserved =
                    !self.rules.attempts_are_paid || user.holds_attempt(*attempt, id, *code);
                let standing = self.standing_of(id, &state, &origin, now)?;
                let mac = if self.rules.answers_are_checked { *mac } else { self.right(id, &origin, *code) };
                C::Answer { code: *code, mac, attempt: *attempt, attempt_reserved, standing }
            }
            W::IssueBootstrap(bootstrap) => {
                let (state, origin) = self.opened(id)?;
                let gateway = state_of(self.log.gateway(origin.gateway));
                let incarnation = gateway.incarnation.filter(|_| gateway.takes_sessions());
                let standing = self.standing_of(id, &state, &origin, now)?;
                C::IssueBootstrap { bootstrap: bootstrap.clone(), incarnation, standing, end }
            }
            W::Deadline { kind, generation } => {
                let (state, origin) = self.opened(id)?;
                let standing = self.standing_of(id, &state, &origin, now)?;
                C::Deadline { kind: *kind, generation: *generation, standing, end }
            }
            W::RequestEnd { reason } => C::RequestEnd { reason: reason.clone(), end },
            W::RecordLocalEnd { reason, gateway } => {
                C::RecordLocalEnd { reason: reason.clone(), gateway: *gateway, end }
            }
            W::RecordAdmitted(admission) => C::RecordAdmitted(admission.clone()),
            W::RecordAdmissionRefused { bootstrap, gateway, reason } => {
                C::RecordAdmissionRefused { bootstrap: *bootstrap, gateway: *gateway, reason: *reason }
            }
            W::RecordConsumed { bootstrap, gateway } => {
                C::RecordConsumed { bootstrap: *bootstrap, gateway: *gateway }
            }
            W::RecordLayer { layer, up, gateway } => {
                C::RecordLayer { layer: *layer, up: *up, gateway: *gateway }
            }
            W::RecordTraffic { bytes_in, bytes_out, gateway } => {
                C::RecordTraffic { bytes_in: *bytes_in, bytes_out: *bytes_out, gateway: *gateway }
            }
            W::RecordReceipt { end, layer, absence, gateway, incarnation } => C::RecordReceipt {
                end: *end,
                layer: *layer,
                absence: *absence,
                gateway: *gateway,
                incarnation: *incarnation,
            },
        })
    }

    /// What the right digits would have given.
    fn right(&self, id: SessionId, origin: &Origin, code: CodeId) -> Digest {
        let mac =
            |digits| otp::mac(&self.vault.otp, id, origin.device, code, origin.desktop.session_key, digits);
        self.vault.codes.get(&code).map_or(Digest([0; 32]), mac)
    }

    fn opened(&self, id: SessionId) -> Result<(Session, Origin), Refused> {
        let state = state_of(self.log.session(id));
        let origin = state.origin.clone().ok_or_else(|| Refusal::NotFound.stored())?;
        Ok((state, origin))
    }

    fn standing_of(
        &self,
        id: SessionId,
        state: &Session,
        origin: &Origin,
        now: Millis,
    ) -> Result<Standing, Refused> {
        let user = state_of(self.log.user(origin.user));
        let policy = state_of(self.log.policy(origin.policy.id));
        let at = PolicyRef { id: origin.policy.id, version: policy.version };
        let active = policy.active(at.id).is_some() && user.policies.contains(&at.id);
        let document = policy.document.ok_or_else(|| Refusal::NotFound.stored())?;
        Ok(self.standing(origin.user, id, at, document, active, state.posture.clone(), now))
    }

    #[expect(clippy::too_many_arguments, reason = "each is one fold's word")]
    fn standing(
        &self,
        user: viworks_domain::ids::UserId,
        id: SessionId,
        policy: PolicyRef,
        document: Document,
        policy_active: bool,
        posture: Option<PostureValues>,
        now: Millis,
    ) -> Standing {
        let state = state_of(self.log.user(user));
        let others = state.sessions.iter().filter(|other| **other != id).filter(|other| {
            let stage = self.log.session(**other).map(|root| &root.state.stage);
            !matches!(stage, None | Some(Stage::Absent | Stage::Ended(_) | Stage::Denied | Stage::Expired))
        });
        let facts = Facts {
            at: now,
            local: Facts::local_time(&document, now),
            user_active: state.is_active(),
            policy_active,
            other_sessions: u32::try_from(others.count()).unwrap_or(u32::MAX),
            known_desktop: true,
            posture,
        };
        Standing { user, policy, document, facts }
    }

    fn phone(&self, user: &User) -> Result<DeviceId, Refused> {
        let enrolled = |id: &&DeviceId| self.log.device(**id).is_some_and(|d| d.state.is_enrolled());
        user.devices
            .iter()
            .rev()
            .find(enrolled)
            .copied()
            .ok_or_else(|| refused(RefusalClass::Conflict, "session.no_phone"))
    }

    fn gateway_for(&self, user: &User) -> Result<GatewayId, Refused> {
        user.usable_gateways()
            .find(|id| self.log.gateway(*id).is_some_and(|g| g.state.takes_sessions()))
            .ok_or_else(|| Refusal::GatewayUnavailable.stored())
    }

    fn policy_for(&self, user: &User) -> Result<(PolicyRef, Document), Refused> {
        let active = |id: &PolicyId| {
            let policy = &self.log.policy(*id)?.state;
            policy.active(*id).map(|(at, document)| (at, document.clone()))
        };
        user.policies
            .iter()
            .find_map(active)
            .ok_or_else(|| refused(RefusalClass::Conflict, "session.no_policy"))
    }

    fn code(&mut self, id: SessionId, origin: &Origin, now: Millis) -> PreparedCode {
        let code = CodeId(self.rng.bytes());
        let digits = loop {
            if let Some(digits) = Digits::from_entropy(self.rng.bytes()) {
                break digits;
            }
        };
        let expires_at = now.plus(CODE_LIFETIME);
        let mac = otp::mac(&self.vault.otp, id, origin.device, code, origin.desktop.session_key, &digits);
        self.vault.codes.insert(code, digits);
        PreparedCode { code, mac, sealed: super::fixtures::sealed(), expires_at }
    }
}
