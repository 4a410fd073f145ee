//! Preparing a session's commands: the standing that the policy will be asked with, and the secrets.

use super::{Inconsistent, Prepared, Preparer};
use crate::{entropy, seal};
use std::sync::Arc;
use viworks_domain::{
    Millis, Root, bytes,
    command::{Command as BusCommand, WireCommand as AnyCommand},
    decision::Refusal as _,
    device::Device,
    gateway::Gateway,
    ids::{CodeId, DeviceId, Digest, EndId, GatewayId, SessionId, UserId},
    label::Label,
    otp,
    policy::{Document, Facts, Policy, PolicyRef, PostureValues},
    session::{CODE_LIFETIME, Command, Origin, PreparedCode, Refusal, Session, Stage, Standing, WireCommand},
    user::{self, User},
};
use viworks_nats::worker::{Prepare, PrepareFault};

/// Unwraps the inner result, or answers with its refusal.
macro_rules! or_refuse {
    ($answer:expr) => {
        match $answer {
            Ok(value) => value,
            Err(refused) => return Ok(Err(refused)),
        }
    };
}

impl Prepare<Session> for Preparer {
    async fn prepare(&self, command: &BusCommand, _target: &Root<Session>, now: Millis) -> Prepared<Command> {
        if let Err(refused) = self.authorise(command).await? {
            return Ok(Err(refused));
        }
        let AnyCommand::Session(body) = &command.body else { return Ok(Err(super::forbidden())) };
        self.session(SessionId(command.aggregate.id), body, now).await
    }
}

impl Preparer {
    async fn session(&self, session: SessionId, body: &WireCommand, now: Millis) -> Prepared<Command> {
        use WireCommand as W;
        let end = EndId(entropy::bytes());
        Ok(Ok(match body {
            W::Open { user, credential_version, desktop, token, whereabouts, address } => {
                let root = self.folds.fresh::<User>(*user).await?;
                if root.state.credential_version != *credential_version {
                    return Ok(Err(user::Refusal::StaleCredential.stored()));
                }
                let (device, _) = or_refuse!(self.phone(&root.state).await?);
                let gateway = or_refuse!(self.gateway_for(&root.state).await?);
                let (policy, document, active) = or_refuse!(self.policy_for(&root.state).await?);
                let beside = self.beside(&root.state, session, desktop.install_key).await?;
                Command::Open {
                    session,
                    user: *user,
                    device,
                    gateway,
                    desktop: *desktop,
                    challenge: entropy::bytes(),
                    token: *token,
                    whereabouts: whereabouts.clone(),
                    address: *address,
                    standing: standing(*user, &root.state, policy, document, active, beside, None, now),
                }
            }
            W::RecordPosture { device, report, signature } => {
                let (root, origin) = or_refuse!(self.opened(session).await?);
                let phone = self.folds.fresh::<Device>(*device).await?;
                let input =
                    otp::posture_input(session, &origin.challenge, origin.desktop.session_key, report);
                if origin.device != *device || !phone.state.signed(&input, signature) {
                    return Ok(Err(Refusal::OtherDevice.stored()));
                }
                let Ok(posture) = bytes::decode::<PostureValues>(report) else {
                    return Ok(Err(Refusal::UnreadableReport.stored()));
                };
                let standing = self.standing_of(session, &root, &origin, now).await?;
                let code = self.code(session, &origin, &phone, now)?;
                Command::RecordPosture { device: *device, posture, standing, code }
            }
            W::IssueCode { device } => {
                let (root, origin) = or_refuse!(self.opened(session).await?);
                let phone = self.folds.fresh::<Device>(*device).await?;
                if origin.device != *device || !phone.state.is_enrolled() {
                    return Ok(Err(Refusal::OtherDevice.stored()));
                }
                let standing = self.standing_of(session, &root, &origin, now).await?;
                let code = self.code(session, &origin, &phone, now)?;
                Command::IssueCode { device: *device, standing, code }
            }
            W::Answer { code, mac, attempt } => {
                let (root, origin) = or_refuse!(self.opened(session).await?);
                let user = self.folds.fresh::<User>(origin.user).await?;
                let attempt_reserved = user.state.holds_attempt(*attempt, session, *code);
                let standing = self.standing_of(session, &root, &origin, now).await?;
                Command::Answer { code: *code, mac: *mac, attempt: *attempt, attempt_reserved, standing }
            }
            W::IssueBootstrap(bootstrap) => {
                let (root, origin) = or_refuse!(self.opened(session).await?);
                let gateway = self.folds.fresh::<Gateway>(origin.gateway).await?;
                let incarnation = gateway.state.incarnation.filter(|_| gateway.state.takes_sessions());
                let standing = self.standing_of(session, &root, &origin, now).await?;
                Command::IssueBootstrap { bootstrap: bootstrap.clone(), incarnation, standing, end }
            }
            W::Deadline { kind, generation } => {
                let (root, origin) = or_refuse!(self.opened(session).await?);
                let standing = self.standing_of(session, &root, &origin, now).await?;
                Command::Deadline { kind: *kind, generation: *generation, standing, end }
            }
            W::RequestEnd { reason } => Command::RequestEnd { reason: reason.clone(), end },
            W::RecordLocalEnd { reason, gateway } => {
                Command::RecordLocalEnd { reason: reason.clone(), gateway: *gateway, end }
            }
            W::RecordAdmitted(admission) => Command::RecordAdmitted(admission.clone()),
            W::RecordAdmissionRefused { bootstrap, gateway, reason } => {
                Command::RecordAdmissionRefused { bootstrap: *bootstrap, gateway: *gateway, reason: *reason }
            }
            W::RecordConsumed { bootstrap, gateway } => {
                Command::RecordConsumed { bootstrap: *bootstrap, gateway: *gateway }
            }
            W::RecordLayer { layer, up, gateway } => {
                Command::RecordLayer { layer: *layer, up: *up, gateway: *gateway }
            }
            W::RecordTraffic { bytes_in, bytes_out, gateway } => {
                Command::RecordTraffic { bytes_in: *bytes_in, bytes_out: *bytes_out, gateway: *gateway }
            }
            W::RecordReceipt { end, layer, absence, gateway, incarnation } => Command::RecordReceipt {
                end: *end,
                layer: *layer,
                absence: *absence,
                gateway: *gateway,
                incarnation: *incarnation,
            },
        }))
    }

    async fn opened(&self, session: SessionId) -> Prepared<(Arc<Root<Session>>, Origin)> {
        let root = self.folds.fresh::<Session>(session).await?;
        let Some(origin) = root.state.origin.clone() else { return Ok(Err(Refusal::NotFound.stored())) };
        Ok(Ok((root, origin)))
    }

    /// What the policy is asked with, for a session that was opened before.
    async fn standing_of(
        &self,
        session: SessionId,
        root: &Root<Session>,
        origin: &Origin,
        now: Millis,
    ) -> Result<Standing, PrepareFault> {
        let user = self.folds.fresh::<User>(origin.user).await?;
        let policy = self.folds.fresh::<Policy>(origin.policy.id).await?;
        let at = PolicyRef { id: origin.policy.id, version: policy.state.version };
        let active = policy.state.active(origin.policy.id).is_some() && user.state.policies.contains(&at.id);
        // A policy that was opened under has a document for ever: drafts are never taken back.
        let document =
            policy.state.document.clone().ok_or(Inconsistent("the policy of an opened session"))?;
        let beside = self.beside(&user.state, session, origin.desktop.install_key).await?;
        let posture = root.state.posture.clone();
        Ok(standing(origin.user, &user.state, at, document, active, beside, posture, now))
    }

    /// The newest phone that is enrolled.
    async fn phone(&self, user: &User) -> Prepared<(DeviceId, Arc<Root<Device>>)> {
        for id in user.devices.iter().rev() {
            let device = self.folds.fresh::<Device>(*id).await?;
            if device.state.is_enrolled() {
                return Ok(Ok((*id, device)));
            }
        }
        Ok(Err(Refusal::NoPhone.stored()))
    }

    /// The first gateway that has the user and takes sessions.
    async fn gateway_for(&self, user: &User) -> Prepared<GatewayId> {
        for id in user.usable_gateways() {
            if self.folds.fresh::<Gateway>(id).await?.state.takes_sessions() {
                return Ok(Ok(id));
            }
        }
        Ok(Err(Refusal::GatewayUnavailable.stored()))
    }

    /// The first of the user's policies that is in force, else the first that has a document at all: a person
    /// whose only policy was retired is denied by the policy, with a verdict in the audit.
    async fn policy_for(&self, user: &User) -> Prepared<(PolicyRef, Document, bool)> {
        let mut fallback = None;
        for id in &user.policies {
            let policy = self.folds.fresh::<Policy>(*id).await?;
            if let Some((at, document)) = policy.state.active(*id) {
                return Ok(Ok((at, document.clone(), true)));
            }
            if let (None, Some(document)) = (&fallback, &policy.state.document) {
                fallback =
                    Some((PolicyRef { id: *id, version: policy.state.version }, document.clone(), false));
            }
        }
        Ok(fallback.ok_or_else(|| Refusal::NoPolicy.stored()))
    }

    /// The user's other sessions that were verified and stand, and whether this desktop has been verified in one of them.
    async fn beside(
        &self,
        user: &User,
        session: SessionId,
        install_key: Digest,
    ) -> Result<Beside, PrepareFault> {
        let mut beside = Beside::default();
        for id in user.sessions.iter().filter(|id| **id != session) {
            let other = &self.folds.fresh::<Session>(*id).await?.state;
            let same_desktop =
                other.origin.as_ref().is_some_and(|origin| origin.desktop.install_key == install_key);
            // Neither a sign-in that was begun and left lying nor what a vanished desktop left standing locks
            // its own person out: the enforcement process ends the latter once the new one is verified.
            beside.live += u32::from(matches!(other.stage, Stage::Verified(_)) && !same_desktop);
            beside.known_desktop |= same_desktop
                && matches!(other.stage, Stage::Verified(_) | Stage::Ending(_) | Stage::Ended(_));
        }
        Ok(beside)
    }

    /// Six digits, their HMAC, and the box that only the phone opens. The digits end here.
    fn code(
        &self,
        session: SessionId,
        origin: &Origin,
        phone: &Root<Device>,
        now: Millis,
    ) -> Result<PreparedCode, PrepareFault> {
        let code = CodeId(entropy::bytes());
        let digits = entropy::digits();
        let expires_at = now.plus(CODE_LIFETIME);
        let keys = phone.state.keys.as_ref().ok_or(Inconsistent("the keys of an enrolled phone"))?;
        let aad = otp::sealed_aad(session, origin.device, code, expires_at);
        let sealed = seal::seal(&keys.agree, Label::SealOtp, &aad, digits.as_bytes())?;
        let mac = otp::mac(&self.keys.otp, session, origin.device, code, origin.desktop.session_key, &digits);
        Ok(PreparedCode { code, mac, sealed, expires_at })
    }
}

#[derive(Default)]
struct Beside {
    live: u32,
    known_desktop: bool,
}

#[expect(clippy::too_many_arguments, reason = "each is one fold's word; a struct would only rename them")]
fn standing(
    user: UserId,
    state: &User,
    policy: PolicyRef,
    document: Document,
    policy_active: bool,
    beside: Beside,
    posture: Option<PostureValues>,
    now: Millis,
) -> Standing {
    let facts = Facts {
        at: now,
        local: Facts::local_time(&document, now),
        user_active: state.is_active(),
        policy_active,
        other_sessions: beside.live,
        known_desktop: beside.known_desktop,
        posture,
    };
    Standing { user, policy, document, facts }
}
