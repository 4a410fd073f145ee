//! `prepare(wire, folds, entropy) -> domain command`: what stands between the bus and `decide`.
//!
//! It folds what a rule needs from other aggregates, makes ids and secrets, and hands plain values over. It
//! decides nothing but authority: who may ask is folded from the log here, never believed.

mod session;

use crate::keys::Keys;
use std::{sync::Arc, time::Duration};
use viworks_domain::{
    Aggregate, Millis, Root,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    decision::{RefusalClass, Refused},
    operator::{self, Operator},
    permission::{actor_may_ask, origin_may_send},
};
use viworks_nats::{
    folds::Folds,
    worker::{Prepare, PrepareFault},
};

/// The worker's other hand: one serves every kind of aggregate.
#[derive(Clone)]
pub struct Preparer {
    pub folds: Arc<Folds>,
    pub keys: Arc<Keys>,
    /// How long an operator's sign-in lasts that begins now.
    pub sign_in_lasts: Duration,
}

type Prepared<T> = Result<Result<T, Refused>, PrepareFault>;

/// The log says two things that cannot both be; nothing is decided on that.
#[derive(Debug, thiserror::Error)]
#[error("the log lacks {0}")]
struct Inconsistent(&'static str);

/// Kinds whose wire command is the domain command: authority is all that has to be prepared.
macro_rules! plain {
    ($($kind:ident => $aggregate:ty),+ $(,)?) => {$(
        impl Prepare<$aggregate> for Preparer {
            async fn prepare(
                &self,
                command: &Command,
                _target: &Root<$aggregate>,
                _now: Millis,
            ) -> Prepared<<$aggregate as Aggregate>::Command> {
                Ok(match (self.authorise(command).await?, &command.body) {
                    (Err(refused), _) => Err(refused),
                    (Ok(()), WireCommand::$kind(body)) => Ok(body.clone()),
                    // The receiver has compared body and subject already.
                    _ => Err(forbidden()),
                })
            }
        }
    )+};
}

plain! {
    Directory => viworks_domain::directory::Directory,
    User => viworks_domain::user::User,
    Device => viworks_domain::device::Device,
    Policy => viworks_domain::policy::Policy,
    Gateway => viworks_domain::gateway::Gateway,
}

impl Prepare<Operator> for Preparer {
    async fn prepare(
        &self,
        command: &Command,
        _target: &Root<Operator>,
        _now: Millis,
    ) -> Prepared<operator::Prepared> {
        Ok(match (self.authorise(command).await?, &command.body) {
            (Err(refused), _) => Err(refused),
            (Ok(()), WireCommand::Operator(body)) => {
                Ok(operator::Prepared { command: body.clone(), sign_in_lasts: self.sign_in_lasts })
            }
            _ => Err(forbidden()),
        })
    }
}

impl Preparer {
    /// Origin, kind of actor, and an operator's role as the log has it now.
    async fn authorise(&self, command: &Command) -> Prepared<()> {
        let allowed = origin_may_send(command.origin, &command.body)
            && match command.origin {
                Origin::Api => actor_may_ask(&command.actor, &command.body),
                Origin::Process => matches!(command.actor, Actor::Process { .. }),
                Origin::Intake => matches!(command.actor, Actor::Gateway { .. }),
            };
        if !allowed {
            return Ok(Err(forbidden()));
        }
        let Actor::Operator { id, .. } = command.actor else { return Ok(Ok(())) };
        let operator = self.folds.fresh::<Operator>(id).await?;
        let may = operator.state.standing_role().is_some_and(|role| role.may(&command.body));
        Ok(if may { Ok(()) } else { Err(forbidden()) })
    }
}

fn forbidden() -> Refused {
    Refused { class: RefusalClass::Forbidden, code: "command.forbidden".to_owned() }
}
