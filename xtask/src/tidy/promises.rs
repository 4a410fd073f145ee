//! Every promise, by name. ARCHITECTURE.md refers to these names.

use super::{Promise, architecture, dependencies, sources};

pub const ALL: &[Promise] = &[
    Promise {
        name: "dependencies-point-inward",
        says: "domain knows no runtime, store or network; clients never see the bus; agents know api at most",
        check: dependencies::point_inward,
    },
    Promise {
        name: "domain-is-synchronous",
        says: "no `async` and no `.await` in domain",
        check: sources::domain_is_synchronous,
    },
    Promise {
        name: "stored-types-are-plain",
        says: "no serde `flatten` or `untagged` in domain",
        check: sources::stored_types_are_plain,
    },
    Promise {
        name: "frozen-history",
        says: "upcasters import no live types",
        check: sources::upcasters_import_no_live_types,
    },
    Promise {
        name: "only-clocks-read-the-clock",
        says: "time is an argument outside each shell's clock.rs; a bound of a wait may be tokio's Instant",
        check: sources::only_clocks_read_the_clock,
    },
    Promise {
        name: "only-entropy-draws",
        says: "random bytes are arguments outside each shell's entropy.rs",
        check: sources::only_entropy_draws_random_bytes,
    },
    Promise {
        name: "agent-runs-no-shell",
        says: "gateway-agent starts programs by argv only",
        check: sources::the_agent_never_runs_a_shell,
    },
    Promise {
        name: "replay-only-reads",
        says: "replay never writes to the bus",
        check: sources::replay_never_writes_to_the_bus,
    },
    Promise {
        name: "pages-make-no-markup-of-text",
        says: "web-ui sets no HTML, no inline style and evaluates nothing: text stays text",
        check: sources::pages_make_no_markup_of_text,
    },
    Promise {
        name: "files-fit-one-sitting",
        says: "no Rust file is longer than 800 lines",
        check: sources::files_fit_one_sitting,
    },
    Promise {
        name: "names-say-something",
        says: "no crate or module is called common, utils or helpers",
        check: dependencies::crates_are_named_for_what_they_do,
    },
    Promise {
        name: "libraries-say-their-purpose",
        says: "each lib.rs opens with what the crate is for",
        check: sources::libraries_open_with_their_purpose,
    },
    Promise {
        name: "named-tests-exist",
        says: "every test and promise that ARCHITECTURE.md names is there",
        check: architecture::named_tests_exist,
    },
    Promise {
        name: "nothing-left-to-do",
        says: "no `todo!`, `unimplemented!` or `dbg!`",
        check: sources::nothing_is_left_to_do,
    },
];
