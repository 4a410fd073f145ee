//! Sending what follows, until it is durable: nothing is skipped because the bus is away.

use super::{ProcessRunner, alarm_clock::Setter};
use crate::{command_bus::CommandSender, gateway_bus::orders::OrderSender};
use futures_util::{StreamExt, stream};
use std::{collections::HashMap, future::Future, time::Duration};
use viworks_domain::{
    Millis,
    actor::ProcessName,
    aggregate::LogIdentity,
    command::Command,
    gateway_bus::GatewayCommand,
    ids::{BusAccount, GatewayId},
    process::{Alarm, Cause, Effect, gateway_command},
};

/// Effects of one cause in flight at once; they start in order.
const IN_FLIGHT: usize = 64;
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

pub(super) struct Emitter {
    name: ProcessName,
    commands: CommandSender,
    orders: OrderSender,
    setter: Setter,
    log: LogIdentity,
    accounts: HashMap<GatewayId, BusAccount>,
}

/// One effect, ready to go.
enum Emission {
    Command(Box<Command>),
    Order(BusAccount, Box<GatewayCommand>),
    Arm(Alarm),
}

impl Emitter {
    pub(super) fn new(runner: &ProcessRunner, name: ProcessName, setter: Setter) -> Self {
        Self {
            name,
            commands: runner.commands.clone(),
            orders: runner.orders.clone(),
            setter,
            log: runner.log,
            accounts: HashMap::new(),
        }
    }

    /// Where this gateway's orders go from now on.
    pub(super) fn enrolled(&mut self, gateway: GatewayId, account: BusAccount) {
        self.accounts.insert(gateway, account);
    }

    /// Every effect of one cause; durable when this returns.
    pub(super) async fn emit(&self, cause: Cause, effects: Vec<Effect>, now: Millis) {
        let mut commands = 0u32;
        let mut ready = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Command { aggregate, body, correlation, not_after } => {
                    let command = cause.command(
                        self.name,
                        commands,
                        aggregate,
                        body,
                        correlation,
                        not_after,
                        self.log,
                        now,
                    );
                    commands += 1;
                    ready.push(Emission::Command(Box::new(command)));
                }
                Effect::Order { gateway, order, correlation: _, cause_seq, index } => {
                    let Some(account) = self.accounts.get(&gateway) else {
                        // Processes repeat what matters; a gateway that never enrolled has nothing to end.
                        tracing::warn!(%gateway, "an order for a gateway that is not enrolled is dropped");
                        continue;
                    };
                    let order = gateway_command(gateway, order, cause_seq, index, self.log, now);
                    ready.push(Emission::Order(account.clone(), Box::new(order)));
                }
                Effect::Arm(alarm) => ready.push(Emission::Arm(alarm)),
                // It rings into nothing: cheaper and no less right than chasing it.
                Effect::Disarm { .. } => {}
            }
        }
        stream::iter(ready).map(|one| self.send(one)).buffered(IN_FLIGHT).collect::<Vec<()>>().await;
    }

    /// Alarms alone, each tried once: the sweep comes again.
    pub(super) async fn arm_quickly(&self, alarms: Vec<Alarm>) {
        stream::iter(alarms)
            .for_each_concurrent(IN_FLIGHT, |alarm| async move {
                if let Err(error) = self.setter.arm(&alarm).await {
                    tracing::debug!(%error, "an alarm was not armed");
                }
            })
            .await;
    }

    async fn send(&self, emission: Emission) {
        match emission {
            Emission::Command(command) => until_done("a command", || self.commands.send(&command)).await,
            Emission::Order(account, order) => {
                until_done("an order", || self.orders.send(&account, &order)).await;
            }
            // The sweep rings and arms what is not armed now, so nothing has to wait for it.
            Emission::Arm(alarm) => {
                if let Err(error) = self.setter.arm(&alarm).await {
                    tracing::warn!(%error, "an alarm was not armed; the sweep will ring it");
                }
            }
        }
    }
}

async fn until_done<E, F>(what: &str, send: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + 'static,
{
    let mut pause = SHORTEST_PAUSE;
    while let Err(error) = send().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what} is sent again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
