//! Which log this is: drawn once by `viworks init`, named by every command and decision.

use crate::state::{StateDir, StateError};
use viworks_domain::{aggregate::LogIdentity, ids::LogId};

const FILE: &str = "log.toml";

pub fn write(state: &StateDir, identity: LogIdentity) -> Result<(), StateError> {
    let text = format!("log_id = \"{}\"\nepoch = {}\n", identity.log_id, identity.epoch);
    state.add(FILE, text.as_bytes()).map(drop)
}

pub fn read(state: &StateDir) -> Result<LogIdentity, StateError> {
    let text = state.text(FILE)?;
    parse(&text)
        .ok_or_else(|| StateError::Unreadable { path: state.at(FILE), problem: "no log_id and epoch in it" })
}

fn parse(text: &str) -> Option<LogIdentity> {
    let table: toml::Table = text.parse().ok()?;
    let log_id: LogId = table.get("log_id")?.as_str()?.parse().ok()?;
    let epoch = u32::try_from(table.get("epoch")?.as_integer()?).ok()?;
    Some(LogIdentity { log_id, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_reads_back_and_nothing_else_does() {
        let temp = tempfile::tempdir().expect("a directory");
        let state = StateDir::make(&temp.path().join("state")).expect("made");
        let identity = LogIdentity { log_id: LogId([4; 16]), epoch: 3 };
        write(&state, identity).expect("written");
        assert_eq!(read(&state).expect("read"), identity);
        for wrong in ["", "log_id = \"x\"\nepoch = 1", "epoch = -1"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
