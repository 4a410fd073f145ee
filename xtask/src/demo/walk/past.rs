//! Step 7: what the log tells.

use super::{Walk, see};
use crate::{
    demo::json,
    exec,
    failure::{Result, bail},
    report,
};
use serde_json::Value;
use std::{collections::BTreeSet, process::Command};

pub fn run(walk: &mut Walk) -> Result {
    report::headline("7  the past");
    see("replay tells the whole story of the session under one correlation id", || {
        let told = ask(walk, &["timeline", &walk.session])?;
        let entries = json::rows(&told)?;
        let ids: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["correlation"].as_str()).collect();
        if entries.len() < 8 || ids.len() != 1 {
            bail!("expected a story under one correlation id; got {} entries under {ids:?}", entries.len());
        }
        Ok(())
    })?;
    see("replay, at a moment before the end, shows the session connected", || {
        let then = ask(walk, &["at", &walk.while_connected, "--session", &walk.session])?;
        if then.to_string().contains("connected") {
            Ok(())
        } else {
            bail!("expected the session connected at {}; got {then}", walk.while_connected)
        }
    })?;
    see("the projections equal a fresh fold of the log", || rebuilt_alike(walk))
}

pub fn rebuilt_alike(walk: &Walk) -> Result {
    ask(walk, &["rebuild", "--check"]).map(drop)
}

fn ask(walk: &Walk, words: &[&str]) -> Result<Value> {
    let mut replay: Command = crate::demo::netns::inside(
        crate::demo::netns::CONTROL,
        walk.product.house.place.bin("viworks-replay"),
    );
    replay.arg("--data").arg(walk.product.data()).args(words).arg("--json");
    let text = exec::succeed(&mut replay)?;
    json::parse("viworks-replay", &text)
}
