//! The walk of `demo --check`: one user reaches one page through every layer, and is cut off; each line of it
//! is something that was seen. Steps stand in the order in which they happen and rely on the ones before.

pub mod code;
mod cut;
mod faults;
mod once;
mod past;
pub mod phones;
pub mod start;
mod tunnel;
mod watch;

use super::{
    conversation::Conversation,
    product::{AGENT_NAME, CONTROL_NAME, Person, Product},
};
use crate::{
    failure::{Result, bail},
    report::{self, Stopwatch},
};
use std::time::Duration;

/// What the steps hand on.
pub struct Walk {
    /// Alice's connection, from step 3 to step 6. Stands first: it goes before the ground that it stands on.
    pub desktop: Option<Conversation>,
    /// Frank's bootstrap that is left lying, from step 4 to step 7.
    pub lying: Option<Conversation>,
    pub product: Product,
    pub policy: String,
    pub gateway: String,
    pub alice: Person,
    pub bob: Person,
    pub session: String,
    pub page: String,
    pub address: String,
    /// A moment at which Alice was connected, as RFC 3339.
    pub while_connected: String,
}

/// For anything that crosses the bus a few times, on a slow and busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Everything that has to be seen, in order; stops at the first that is not.
pub fn all(product: Product) -> Result {
    let mut walk = start::run(product)?;
    phones::run(&mut walk)?;
    code::run(&mut walk)?;
    tunnel::run(&mut walk)?;
    once::run(&mut walk)?;
    watch::run(&mut walk)?;
    cut::run(&mut walk)?;
    past::run(&mut walk)?;
    once::after_its_time(&mut walk)?;
    faults::run(&mut walk)?;
    see("server and agent have logged no error, through all of it", || no_errors(&walk.product))?;
    walk.product.house.place.nothing_to_look_at();
    Ok(())
}

/// Being killed and losing the other end is a warning to whoever stays; an ERROR says that something of ours is wrong.
fn no_errors(product: &Product) -> Result {
    let errors = [CONTROL_NAME, AGENT_NAME].into_iter().flat_map(|name| product.house.processes.errors(name));
    let errors: Vec<String> = errors.collect();
    if errors.is_empty() { Ok(()) } else { bail!("expected no error, got\n    {}", errors.join("\n    ")) }
}

/// One line of the walk: done, seen, and how long it took.
fn see<T>(text: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let watch = Stopwatch::start();
    let result = body();
    match &result {
        Ok(_) => report::tick(text, watch.elapsed()),
        Err(_) => report::cross(text, watch.elapsed()),
    }
    result
}
