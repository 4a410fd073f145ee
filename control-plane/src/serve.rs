//! `viworks serve`: reads what `init` made, checks the bus, wires every part, and runs until told to stop.

use crate::{
    app::App,
    asked::Memory,
    ca::Authorities,
    clock,
    config::Config,
    feed::{Feed, Seats},
    follower::{self, KnownGateways, Roster},
    gateway_accounts::GatewayAccounts,
    gateway_trust::GatewayTrust,
    http,
    init::{BUS_CERTIFICATE, BUS_KEY, BUS_OPERATOR_FILE},
    intake::Intake,
    keys::{Keys, RootKey},
    keystore::DataKeys,
    log_identity, operators,
    password::Passwords,
    prepare::Preparer,
    projecting, silence,
    state::StateDir,
    telemetry::Telemetry,
};
use futures_util::StreamExt;
use std::{error::Error, future::Future, path::Path, sync::Arc};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use viworks_domain::{
    actor::Origin,
    device::Device,
    directory::Directory,
    gateway::Gateway,
    operator::Operator as OperatorAggregate,
    policy::Policy,
    process::{
        Process, attempt_refund::AttemptRefund, enforcement::Enforcement, provisioning::Provisioning,
        session_deadlines::SessionDeadlines, teardown::Teardown,
    },
    session::Session,
    user::User,
};
use viworks_nats::{
    Clock,
    bus::Bus,
    command_bus::{CommandSender, OriginKeys},
    connect::{self, Link},
    event_store::EventStore,
    folds::Folds,
    gateway_bus::{
        intake::{ReportIntake, telemetry},
        orders::OrderSender,
    },
    identity::{
        credentials::Credentials,
        operator::{Operator, OperatorSecrets},
        push::Accounts,
        role::BusRole,
    },
    key_value, preflight,
    process_runner::ProcessRunner,
    stream,
    worker::Worker,
};
use viworks_projections::Database;

type Fault = Box<dyn Error + Send + Sync>;

/// One message per subject is kept on each of three nodes of a cluster; a single node has one copy.
const REPLICAS: usize = 1;

/// Where the system account's answers arrive.
pub const SYSTEM_INBOX: &str = "_INBOX.system";

/// What is running; the first part that stops for good stops the node.
struct Parts {
    tasks: JoinSet<(&'static str, Result<(), Fault>)>,
    stop: watch::Receiver<bool>,
}

impl Parts {
    fn spawn<E: Into<Fault>>(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, part.await.map_err(Into::into)) });
    }

    /// For what waits on the bus for ever: it is dropped when the node stops, and the next start does again what
    /// it was doing.
    fn spawn_reader<E: Into<Fault>>(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let stopping = self.stopping();
        self.spawn(name, async move {
            tokio::select! {
                ended = part => ended.map_err(Into::into),
                () = stopping => Ok::<_, Fault>(()),
            }
        });
    }

    fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.clone();
        async move {
            // The sender lives as long as the node.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// As [`run_until`].
pub async fn run(data: &Path, config: Config) -> Result<(), Fault> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let asked = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    run_until(data, config, asked).await
}

/// Serves until it is asked to stop.
///
/// # Errors
/// Bad configuration or keys, a bus that does not keep what it acknowledges, a log that this build cannot
/// read; said before anything is bound wherever it can be.
pub async fn run_until(data: &Path, config: Config, asked: impl Future<Output = ()>) -> Result<(), Fault> {
    let state = StateDir::open(data)?;
    let (root, _) = RootKey::load(&state)?;
    let keys = Arc::new(Keys::derive(&root));
    let log = log_identity::read(&state)?;
    let trust = GatewayTrust::load(&state, &keys.gateway_commands.verifying_key(), clock::now())?;
    let authorities = Authorities::load(&state)?;
    let tls = http::listen::tls(&state)?;

    let link = link(&state, &config)?;
    let operator = Arc::new(bus_operator(&state)?);
    let system = connect::connect(&link, &system(&operator)?, "system", SYSTEM_INBOX).await?;
    preflight::check(&system).await?;
    stream::ensure(&bus(&operator, &link, BusRole::Setup).await?, REPLICAS).await?;

    let (stop, stopping) = watch::channel(false);
    let mut parts = Parts { tasks: JoinSet::new(), stop: stopping };
    let clock: Clock = Arc::new(clock::now);

    // Commands are decided.
    let worker_bus = bus(&operator, &link, BusRole::Worker).await?;
    let worker_folds = Arc::new(Folds::new(EventStore::new(worker_bus.clone())));
    let prepare = Preparer {
        folds: Arc::clone(&worker_folds),
        keys: Arc::clone(&keys),
        sign_in_lasts: config.operators.sign_in_lasts,
    };
    let worker = Worker::new(worker_bus, worker_folds, Arc::clone(&clock))
        .serve::<Directory, _>(prepare.clone())
        .serve::<User, _>(prepare.clone())
        .serve::<Device, _>(prepare.clone())
        .serve::<Policy, _>(prepare.clone())
        .serve::<Gateway, _>(prepare.clone())
        .serve::<OperatorAggregate, _>(prepare.clone())
        .serve::<Session, _>(prepare);
    let origins = [Origin::Api, Origin::Process, Origin::Intake]
        .map(|origin| (origin, keys.origin(origin).verifying_key()));
    parts.spawn("worker", worker.run(OriginKeys::new(origins), log, parts.stopping()));

    // What follows from decisions.
    let process_bus = bus(&operator, &link, BusRole::Process).await?;
    let runner = ProcessRunner {
        store: EventStore::new(process_bus.clone()),
        commands: sender(&process_bus, Origin::Process, &keys).await?,
        orders: OrderSender::new(process_bus.clone(), keys.gateway_commands.clone()),
        bus: process_bus,
        log,
        clock,
    };
    process::<Provisioning>(&mut parts, &runner);
    process::<SessionDeadlines>(&mut parts, &runner);
    process::<Enforcement>(&mut parts, &runner);
    process::<Teardown>(&mut parts, &runner);
    process::<AttemptRefund>(&mut parts, &runner);

    // What people see.
    let api_bus = bus(&operator, &link, BusRole::Api).await?;
    let data_keys = DataKeys::new(key_value::DataKeys::open(&api_bus).await?, keys.wrapping.clone());
    let database = Database::open(&config.database).await?;
    let projector_bus = bus(&operator, &link, BusRole::Projector).await?;
    let projected = EventStore::new(projector_bus);
    let followed = projected.clone();
    parts.spawn(
        "projector",
        projecting::run(projected, database.clone(), data_keys.clone(), log, parts.stopping()),
    );

    // What gateways say.
    let folds = Arc::new(Folds::new(EventStore::new(api_bus.clone())));
    let (head, log_head) = watch::channel(0);
    let roster = Roster::default();
    parts.spawn_reader("follower", follower::follow(followed, roster.clone(), head));
    let intake_bus = bus(&operator, &link, BusRole::Intake).await?;
    let known = KnownGateways { roster: roster.clone(), folds: Arc::clone(&folds) };
    let intake = Intake {
        reports: ReportIntake::open(intake_bus.clone(), log, known).await?,
        commands: sender(&intake_bus, Origin::Intake, &keys).await?,
        folds: Arc::clone(&folds),
        log,
    };
    let heard = Telemetry::default();
    parts.spawn_reader(
        "silence",
        silence::watch(heard.clone(), roster.clone(), intake.commands.clone(), Arc::clone(&folds), log),
    );
    parts.spawn_reader("intake", intake.run());
    parts.spawn_reader("telemetry", hear(telemetry(&api_bus).await?, heard.clone()));

    let queries = viworks_projections::Queries::new(database);
    let seats = Seats::new(&config.limits);
    let feed = Feed::new(log, queries.clone(), heard.clone(), seats.clone(), parts.stop.clone());
    parts.spawn_reader("feed", Arc::clone(&feed).run(roster));
    let stopping = parts.stopping();
    parts.spawn("feeds", async move {
        stopping.await;
        // Each says goodbye, within its own bound.
        seats.empty().await;
        Ok::<_, Fault>(())
    });

    let admission = bus(&operator, &link, BusRole::Admission).await?;
    let app = Arc::new(App {
        log,
        authorities,
        trust,
        folds,
        commands: sender(&api_bus, Origin::Api, &keys).await?,
        data_keys,
        queries,
        telemetry: heard,
        passwords: Passwords::new(keys.pepper.clone(), config.password.parallel),
        gateways: GatewayAccounts::new(operator, Accounts::new(system), admission),
        limits: http::Limits::new(&config.limits),
        pages: http::Pages::new(config.console_files.clone()),
        asked: Memory::default(),
        feed,
        log_head,
        keys,
        config,
    });
    let owner = operators::ensure_owner(app.desk()).await?;
    print_once(owner.as_ref().map(operators::exposed));
    // Last: whoever gets a connection gets an answer.
    let listener = TcpListener::bind(app.config.listen).await?;
    print_ready(&app.config.public_url);
    let serving = http::listen::listen(listener, tls, http::routes(&app), parts.stopping());
    parts.spawn("https", async move {
        serving.await;
        Ok::<_, Fault>(())
    });
    until_stopped(parts, stop, asked).await
}

fn process<P: Process>(parts: &mut Parts, runner: &ProcessRunner) {
    let running = runner.clone().run::<P>(parts.stopping());
    parts.spawn(P::NAME.as_str(), running);
}

#[expect(clippy::print_stdout, reason = "the owner's first password is printed, never logged")]
fn print_once(first_password: Option<&str>) {
    if let Some(password) = first_password {
        println!("owner password: {password}");
    }
}

#[expect(clippy::print_stdout, reason = "what a person or a script waits for; logs go to stderr")]
fn print_ready(url: &str) {
    println!("ready {url}");
}

/// Waits until it is asked to stop or a part stops for good, then for all the others.
async fn until_stopped(
    mut parts: Parts,
    stop: watch::Sender<bool>,
    asked: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let result = tokio::select! {
        () = asked => Ok(()),
        Some(ended) = parts.tasks.join_next() => because(ended),
    };
    if result.is_ok() {
        tracing::info!("stopping");
    }
    stop.send_replace(true);
    let farewell = async { while parts.tasks.join_next().await.is_some() {} };
    // Readers of the bus wait for ever; what they were doing is done again by the next start.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(12), farewell).await;
    parts.tasks.abort_all();
    result
}

type Ended = Result<(&'static str, Result<(), Fault>), tokio::task::JoinError>;

fn because(ended: Ended) -> Result<(), Fault> {
    let (name, result) = ended?;
    match result {
        Ok(()) => Err(format!("{name} has stopped by itself").into()),
        Err(source) => Err(Box::new(Stopped { name, source })),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{name} cannot go on")]
struct Stopped {
    name: &'static str,
    source: Fault,
}

async fn hear(
    words: impl futures_util::Stream<
        Item = (viworks_domain::ids::BusAccount, viworks_domain::gateway_bus::Telemetry),
    > + Send,
    heard: Telemetry,
) -> Result<(), Fault> {
    futures_util::pin_mut!(words);
    while let Some((account, word)) = words.next().await {
        heard.hear(account, word, clock::now());
    }
    Ok(())
}

pub fn link(state: &StateDir, config: &Config) -> Result<Link, Fault> {
    let ca = Authorities::load(state)?.bus.pem().to_owned();
    let certificate = std::fs::read_to_string(state.at(BUS_CERTIFICATE))?;
    let tls = connect::tls(&ca, &certificate, &state.text(BUS_KEY)?)?;
    Ok(Link { servers: config.bus.urls.clone(), tls })
}

/// Mints the identities of this node. They live in its memory alone, and say what this build's roles may do,
/// however old the state directory is.
pub fn bus_operator(state: &StateDir) -> Result<Operator, Fault> {
    let secrets: OperatorSecrets = serde_json::from_slice(&state.secret(BUS_OPERATOR_FILE)?)?;
    Ok(Operator::new(&secrets)?)
}

pub fn system(operator: &Operator) -> Result<Credentials, Fault> {
    Ok(Credentials::from_text(&operator.system_credentials(clock::now())?)?)
}

pub async fn bus(operator: &Operator, link: &Link, role: BusRole) -> Result<Bus, Fault> {
    let credentials = Credentials::from_text(&operator.role_credentials(role, clock::now())?)?;
    Ok(Bus::connect(link, &credentials, role).await?)
}

pub async fn sender(bus: &Bus, origin: Origin, keys: &Keys) -> Result<CommandSender, Fault> {
    Ok(CommandSender::open(bus.clone(), origin, keys.origin(origin).clone()).await?)
}
