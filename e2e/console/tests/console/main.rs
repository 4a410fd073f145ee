//! The console in a real browser, against the real product: `cargo xtask demo --console-check` puts everything up
//! and runs this program, which walks it. Started without that stage it says so and tests nothing.
//!
//! Each test is a function named by the rule that it proves. What a browser cannot do (kill the server, connect a
//! desktop, spoil a gateway's script) it asks the stage for ([`stage`]). Nothing here sleeps: whatever is waited
//! for is looked at until it is so, or until its deadline.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program speaks to a person")]

// What tests are made of.
mod failure;
mod runner;
mod scene;
mod stage;

// What they look through.
mod axe;
mod browser;
mod driver;
mod wire;

// What they prove.
mod signing;

use runner::{Test, tests};
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(TESTS)
}

const TESTS: &[Test] = tests! {
    Beside signing {
        a_wrong_password_is_refused_in_words_that_say_nothing_about_the_name,
    }
};
