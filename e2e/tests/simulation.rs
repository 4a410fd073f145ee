//! Five hundred histories, each from its seed. `VIWORKS_SEED=n` replays one and prints all that happened;
//! `VIWORKS_SEEDS=from..to` runs others than the usual ones.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};
use viworks_domain::actor::ProcessName;
use viworks_e2e::sim::{Outcome, Rules, run};

const SEEDS: Range<u64> = 0..500;

fn seeds() -> Range<u64> {
    let asked = std::env::var("VIWORKS_SEEDS").ok();
    let range = asked.as_deref().and_then(|text| text.split_once(".."));
    range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?)).unwrap_or(SEEDS)
}

/// Every seed's outcome, on as many threads as there are processors: a history itself has no thread.
fn all(seeds: Range<u64>, rules: Rules) -> Vec<(u64, Outcome)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut outcomes = vec![];
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return outcomes;
            }
            outcomes.push((seed, run(seed, rules, false)));
        }
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let threads = (0..threads).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    })
}

#[test]
fn five_hundred_seeds_keep_every_promise() {
    if let Some(seed) = std::env::var("VIWORKS_SEED").ok().and_then(|text| text.parse().ok()) {
        let outcome = run(seed, Rules::ALL, true);
        println!("{}", outcome.trace.join("\n"));
        assert_eq!(outcome.violation, None, "seed {seed}");
        return;
    }
    let outcomes = all(seeds(), Rules::ALL);
    assert_eq!(outcomes.len() as u64, seeds().end - seeds().start, "a history panicked");
    if let Some((seed, outcome)) = outcomes.iter().find(|(_, outcome)| outcome.violation.is_some()) {
        let trace = run(*seed, Rules::ALL, true).trace;
        let tail = trace.len().saturating_sub(80);
        let violation = outcome.violation.as_deref().unwrap_or_default();
        panic!("{}\nVIWORKS_SEED={seed}: {violation}", trace[tail..].join("\n"));
    }
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(|(_, outcome)| of(outcome)).sum::<usize>();
    let (connections, ended) = (sum(|o| o.connections), sum(|o| o.ended));
    println!(
        "{} decisions, {} sessions, {} verified, {connections} connections, {ended} ended",
        sum(|o| o.decisions),
        sum(|o| o.sessions),
        sum(|o| o.verified)
    );
    // A world in which nobody arrives keeps every promise too.
    assert!(connections > outcomes.len() && ended > outcomes.len(), "hardly anybody arrives");
}

/// Without this defence some history breaks that promise: the promise is watched, and the defence is at work.
#[track_caller]
fn breaks(rules: Rules, promise: &str) {
    let seeds = (0..40).map(|n| n * 16..(n + 1) * 16);
    let mut others = BTreeSet::new();
    for range in seeds {
        let violations = all(range, rules).into_iter().filter_map(|(_, outcome)| outcome.violation);
        let (found, other): (Vec<_>, Vec<_>) = violations.partition(|text| text.contains(promise));
        if !found.is_empty() {
            return;
        }
        others.extend(other);
    }
    panic!("nothing breaks {promise:?}; instead: {others:?}");
}

#[test]
fn without_guarded_appends_two_workers_decide_on_the_same_state() {
    breaks(Rules { appends_are_guarded: false, ..Rules::ALL }, "two outcomes");
}

#[test]
fn without_remembered_outcomes_a_command_is_decided_twice() {
    breaks(Rules { outcomes_are_remembered: false, ..Rules::ALL }, "two outcomes");
}

#[test]
fn without_paid_attempts_codes_are_guessed_for_nothing() {
    breaks(Rules { attempts_are_paid: false, ..Rules::ALL }, "nobody paid");
}

#[test]
fn without_comparing_digits_any_code_is_right() {
    breaks(Rules { answers_are_checked: false, ..Rules::ALL }, "wrong digits");
}

#[test]
fn without_the_phones_signature_anybody_reports_a_posture() {
    breaks(Rules { reports_are_verified: false, ..Rules::ALL }, "did not report");
}

#[test]
fn without_the_agents_clock_and_the_kernels_a_partition_outlives_the_lease() {
    let rules = Rules { agents_watch_the_clock: false, kernel_forgets: false, ..Rules::ALL };
    breaks(rules, "packets flow after the lease");
}

#[test]
fn with_receipts_given_on_trust_something_still_stands() {
    breaks(Rules { receipts_are_honest: false, ..Rules::ALL }, "still stands");
}

#[test]
fn without_its_process_a_user_waits_for_every_step() {
    breaks(Rules { silent: Some(ProcessName::Provisioning), ..Rules::ALL }, "waits for a step");
}

#[test]
fn without_teardown_or_deadlines_no_session_comes_to_its_end() {
    for silent in [ProcessName::Teardown, ProcessName::SessionDeadlines] {
        breaks(Rules { silent: Some(silent), ..Rules::ALL }, "never came to an end");
    }
}

#[test]
fn without_enforcement_a_change_ends_nobody() {
    breaks(Rules { silent: Some(ProcessName::Enforcement), ..Rules::ALL }, "no longer allowed");
}

#[test]
fn without_the_sweep_a_lost_schedule_is_lost() {
    breaks(Rules { alarms_are_swept: false, ..Rules::ALL }, "never came to an end");
}
