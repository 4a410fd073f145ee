//! Every check runs on both databases: by itself on SQLite, and in one run on a PostgreSQL that the test starts.

mod alerts;
mod audit;
mod changes;
mod checkpoint;
mod file;
mod log;
mod personal;
mod postgres;
mod rows;
mod same;
mod speed;

use crate::{Database, Projector, Queries};
use log::{LOG, Log};
use std::{collections::HashMap, future::Future};
use viworks_domain::{ids::UserId, personal::DataKey};

type Keys = HashMap<UserId, DataKey>;

async fn memory() -> Database {
    Database::open("sqlite::memory:").await.expect("a database in memory")
}

fn run<F: Future<Output = ()>>(check: impl FnOnce(Database) -> F) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async { check(memory().await).await });
}

/// `checks! { name, .. }`: a test on SQLite each, and all of them listed for PostgreSQL.
macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { crate::tests::run(checks::$name); })+

        pub fn all() -> Vec<crate::tests::Check> {
            vec![$((stringify!($name), |db| Box::pin(checks::$name(db)))),+]
        }
    };
}
use checks;

type Check = (&'static str, fn(Database) -> std::pin::Pin<Box<dyn Future<Output = ()>>>);

#[test]
fn everything_holds_on_postgresql_too() {
    let Some(server) = postgres::Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let checks = [
        rows::all(),
        audit::all(),
        alerts::all(),
        changes::all(),
        checkpoint::all(),
        personal::all(),
        same::all(),
    ];
    runtime.block_on(async {
        for (name, check) in checks.concat() {
            let database = server.fresh(name).await;
            check(database.clone()).await;
            database.close().await;
        }
    });
}

/// A projector with the keys of everybody in the log.
async fn projector(database: &Database) -> Projector<Keys> {
    Projector::open(database.clone(), LOG, log::keys()).await.expect("a projector")
}

/// The whole log projected, and the queries on it.
async fn projected(database: &Database, log: &Log) -> Queries {
    projector(database).await.apply(&log.recorded).await.expect("projected");
    Queries::new(database.clone())
}
