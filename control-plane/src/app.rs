//! What every route works with, made once at start.

use crate::{
    asked::{Asked, Memory},
    ca::Authorities,
    clock,
    config::Config,
    error::{ApiError, Rejection},
    feed::Feed,
    gateway_trust::GatewayTrust,
    http::{Limits, Pages},
    keys::Keys,
    keystore::DataKeys,
    password::Passwords,
    telemetry::Telemetry,
};
use std::{sync::Arc, time::Duration};
use viworks_api::Accepted;
use viworks_domain::{
    Aggregate, Millis, Root,
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    decision::{Outcome, RefusalClass, Refused},
    event::AggregateRef,
    ids::{CommandId, CorrelationId, Digest, SessionId},
    session::Session,
};
use viworks_nats::{
    command_bus::{Answer, CommandSender, Sent},
    folds::Folds,
};

/// How long a route waits for the outcome before it answers 202.
const OUTCOME_WAIT: Duration = Duration::from_secs(8);
/// A command that was not decided within this is expired: whoever asked has long gone.
const COMMAND_LIFETIME: Duration = Duration::from_secs(60);

pub struct App {
    pub config: Config,
    pub log: LogIdentity,
    pub keys: Arc<Keys>,
    pub authorities: Authorities,
    pub trust: GatewayTrust,
    pub folds: Arc<Folds>,
    pub commands: CommandSender,
    pub data_keys: DataKeys,
    pub queries: viworks_projections::Queries,
    pub telemetry: Telemetry,
    pub passwords: Passwords,
    pub limits: Limits,
    /// The console's files.
    pub pages: Pages,
    pub asked: Memory,
    pub feed: Arc<Feed>,
    /// Mints and pushes gateways' bus accounts.
    pub gateways: crate::gateway_accounts::GatewayAccounts,
    /// Wakes long polls: the last sequence that this node has seen in the log.
    pub log_head: tokio::sync::watch::Receiver<u64>,
}

/// One request as it came in: who asks, under which correlation, under which idempotency key.
#[derive(Clone, Debug)]
pub struct Asker {
    pub actor: Actor,
    pub correlation: CorrelationId,
    /// The client's `Idempotency-Key`, or random when it sent none.
    pub key: Vec<u8>,
}

impl Asker {
    /// For a command that belongs to the same request as another: its own id, the same correlation.
    #[must_use]
    pub fn also(&self, what: &str) -> Self {
        Self { key: [&self.key, b"/".as_slice(), what.as_bytes()].concat(), ..self.clone() }
    }

    /// The id of the command that this asks for.
    pub fn command(&self) -> CommandId {
        CommandId::of_request(&self.actor, &self.key)
    }

    #[must_use]
    pub fn as_actor(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }
}

impl App {
    /// Sends the command and waits for its outcome. `digest` is of what was asked; give it where the body holds
    /// what this request drew at random, so that asking again with the same key is the same command.
    ///
    /// # Errors
    /// Refused, pending (durable, not decided yet), or the bus is away.
    pub async fn ask(
        &self,
        asker: &Asker,
        aggregate: impl Into<AggregateRef>,
        body: WireCommand,
        digest: Option<Digest>,
    ) -> Result<Accepted, ApiError> {
        let aggregate = aggregate.into();
        // Whoever asks something of a session adds to its story.
        let correlation = match body {
            WireCommand::Session(_) => self.fold::<Session>(SessionId(aggregate.id)).await?.correlation,
            _ => None,
        };
        let asker = Asker { correlation: correlation.unwrap_or(asker.correlation), ..asker.clone() };
        let digest = digest.unwrap_or_else(|| body.digest(&aggregate));
        self.asked.remember(asker.command(), Asked { aggregate, digest, correlation: asker.correlation });
        ask(&self.commands, self.log, &asker, aggregate, body, digest).await
    }

    /// The aggregate as the log has it now.
    ///
    /// # Errors
    /// The bus is away, or the log cannot be read by this build.
    pub async fn fold<A: Aggregate>(
        &self,
        id: impl Into<AggregateRef> + Send,
    ) -> Result<Arc<Root<A>>, ApiError> {
        self.folds.fresh(id).await.map_err(|error| {
            if error.is_passing() {
                ApiError::Rejected(Rejection::Unavailable)
            } else {
                ApiError::fault("an aggregate cannot be folded")(error)
            }
        })
    }

    /// Waits until the aggregate is newer than `after` or `wait` has passed, and gives it either way.
    ///
    /// # Errors
    /// As [`App::fold`].
    pub async fn fold_after<A: Aggregate>(
        &self,
        id: impl Into<AggregateRef> + Send + Copy,
        after: u64,
        wait: Duration,
    ) -> Result<Arc<Root<A>>, ApiError> {
        self.fold_until(id, wait, |root: &Root<A>| root.last_seq > after).await
    }

    /// Waits until the fold is as wanted or `wait` has passed, and gives it either way.
    ///
    /// # Errors
    /// As [`App::fold`].
    pub async fn fold_until<A: Aggregate>(
        &self,
        id: impl Into<AggregateRef> + Send + Copy,
        wait: Duration,
        wanted: impl Fn(&Root<A>) -> bool + Send,
    ) -> Result<Arc<Root<A>>, ApiError> {
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        let mut head = self.log_head.clone();
        loop {
            head.mark_unchanged();
            let root = self.fold(id).await?;
            if wanted(&root) {
                return Ok(root);
            }
            tokio::select! {
                () = &mut deadline => return Ok(root),
                // Something was appended somewhere; the follower is gone only when the node stops.
                changed = head.changed() => if changed.is_err() { return Ok(root) },
            }
        }
    }

    pub fn now(&self) -> Millis {
        clock::now()
    }
}

/// [`App::ask`], for whoever has no whole [`App`].
///
/// # Errors
/// As there.
pub async fn ask(
    commands: &CommandSender,
    log: LogIdentity,
    asker: &Asker,
    aggregate: AggregateRef,
    body: WireCommand,
    digest: Digest,
) -> Result<Accepted, ApiError> {
    let now = clock::now();
    let correlation = asker.correlation;
    let command = Command {
        id: asker.command(),
        digest,
        log_id: log.log_id,
        epoch: log.epoch,
        origin: Origin::Api,
        actor: asker.actor.clone(),
        correlation,
        causation: None,
        issued_at: now,
        expires_at: now.plus(COMMAND_LIFETIME),
        aggregate,
        body,
    };
    let sent = commands.ask(&command, OUTCOME_WAIT).await.map_err(|error| {
        tracing::warn!(command = %command.id, error = &error as &dyn std::error::Error, "a command was not sent");
        ApiError::Rejected(Rejection::Unavailable)
    })?;
    match sent {
        Sent::Pending => Err(ApiError::Pending(command.id)),
        Sent::Answered(Answer::Decided { outcome: Outcome::Accepted, seq, .. }) => {
            Ok(Accepted { command: command.id, correlation, seq })
        }
        Sent::Answered(Answer::Decided { outcome: Outcome::Refused(refused), .. }) => {
            Err(ApiError::Refused(refused))
        }
        Sent::Answered(Answer::Decided { outcome: Outcome::Expired, .. }) => {
            Err(ApiError::Rejected(Rejection::Unavailable))
        }
        Sent::Answered(Answer::Parked) => Err(ApiError::Refused(Refused {
            class: RefusalClass::Forbidden,
            code: "command.parked".to_owned(),
        })),
    }
}
