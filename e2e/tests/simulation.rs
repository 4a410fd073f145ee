//! Five hundred histories, each from its seed. `VIWORKS_SEED=n` replays one and prints all that happened.

use viworks_e2e::sim::{Rules, run};

const SEEDS: u64 = 60;

#[test]
fn five_hundred_seeds_keep_every_promise() {
    if let Some(seed) = std::env::var("VIWORKS_SEED").ok().and_then(|text| text.parse().ok()) {
        let outcome = run(seed, Rules::ALL, true);
        println!("{}", outcome.trace.join("\n"));
        println!(
            "{outcome:?}",
            outcome = (outcome.violation.clone(), outcome.decisions, outcome.connections)
        );
        assert_eq!(outcome.violation, None, "seed {seed}");
        return;
    }
    let (mut connections, mut ended, mut decisions) = (0, 0, 0);
    for seed in 0..SEEDS {
        let outcome = run(seed, Rules::ALL, false);
        if let Some(violation) = outcome.violation {
            let trace = run(seed, Rules::ALL, true).trace;
            let tail = trace.len().saturating_sub(80);
            panic!("{}\nVIWORKS_SEED={seed}: {violation}", trace[tail..].join("\n"));
        }
        connections += outcome.connections;
        ended += outcome.ended;
        decisions += outcome.decisions;
    }
    println!("{decisions} decisions, {connections} connections, {ended} ended");
    // A world in which nobody arrives keeps every promise too.
    assert!(connections > 100 && ended > 100, "{connections} connections, {ended} ended");
}
