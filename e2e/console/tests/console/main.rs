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
        signing_in_leads_to_where_one_wanted_to_go_and_signing_out_takes_it_away,
        the_sign_in_is_kept_where_no_script_can_read_it,
        signing_out_in_another_window_closes_this_one_and_signing_in_again_comes_back_to_the_same_place,
        a_recovered_password_ends_the_old_sign_ins_at_once_and_loses_nobody_their_place,
    }
};
