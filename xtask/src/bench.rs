//! `cargo xtask bench`: what a command costs beside one raw publish. The measuring is the `nats` crate's example;
//! here it is built optimised and given its server.

use crate::{exec, failure::Result, setup};

pub fn run(json: bool) -> Result {
    let mut cargo = exec::cargo();
    cargo.args(["run", "--quiet", "--release", "--locked", "--package", "viworks-nats"]);
    cargo.args(["--features", "testing", "--example", "bench", "--"]).args(json.then_some("--json"));
    exec::interactive(cargo.env("VIWORKS_NATS_SERVER", setup::nats_server::program()?))
}
