//! The terminal authenticator's entry.

use clap::Parser;
use std::process::ExitCode;
use viworks_mobile_core::terminal::{arguments::Arguments, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(Arguments::parse()).await
}
