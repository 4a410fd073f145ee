use super::Document;
use serde::{Deserialize, Serialize};

/// Wire and domain alike: nothing here needs preparing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Draft { document: Document },
    Change { document: Document },
    Activate,
    Retire,
}
