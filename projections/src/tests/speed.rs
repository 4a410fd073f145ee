//! How fast a log is projected: a measurement, not a check. Run it with `--ignored --nocapture`.

use super::{
    log::{self, LOG, Log},
    postgres,
};
use crate::{Database, Projector};
use std::time::Duration;
use viworks_domain::ids::SessionId;

const DECISIONS: usize = 20_000;

#[test]
#[ignore = "a measurement"]
fn projecting_a_long_log() {
    let log = long_log();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("speed.sqlite").display());
    let took = runtime.block_on(async { project(&Database::open(&url).await.expect("opened"), &log).await });
    print("SQLite", took);
    if let Some(server) = postgres::Server::start() {
        let took = runtime.block_on(async { project(&server.fresh("speed").await, &log).await });
        print("PostgreSQL", took);
    }
}

async fn project(database: &Database, log: &Log) -> Duration {
    let mut projector = Projector::open(database.clone(), LOG, log::keys()).await.expect("a projector");
    let begun = tokio::time::Instant::now();
    projector.apply(&log.recorded).await.expect("projected");
    begun.elapsed()
}

fn print(database: &str, took: Duration) {
    println!("{database}: {DECISIONS} decisions in {took:?}, {:.0}/s", DECISIONS as f64 / took.as_secs_f64());
}

/// Sessions and nothing else: what a busy day is made of.
fn long_log() -> Log {
    let mut log = Log::default();
    log.ground();
    log.user();
    let one = {
        let mut one = Log::default();
        one.session();
        one.end();
        one.recorded
    };
    'full: for n in 0u64.. {
        log.act();
        let mut id = [200; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        for recorded in one.iter().filter(|r| r.decision.aggregate == log::SESSION.into()) {
            if log.recorded.len() == DECISIONS {
                break 'full;
            }
            let decision = &recorded.decision;
            log.decide(
                decision.actor.clone(),
                SessionId(id).into(),
                decision.outcome.clone(),
                decision.events.clone(),
            );
        }
    }
    log
}
