//! Why a task stopped.

use std::{fmt, io, path::Path};

#[derive(Debug)]
pub enum Failure {
    /// Something is wrong; the text says what was expected, what was seen and what to do.
    Said(String),
    /// A person asked to stop.
    Interrupted,
}

pub type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    pub fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::Said(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// `bail!("...")` returns a [`Failure::Said`].
macro_rules! bail {
    ($($text:tt)*) => { return Err($crate::failure::Failure::Said(format!($($text)*))) };
}
pub(crate) use bail;
