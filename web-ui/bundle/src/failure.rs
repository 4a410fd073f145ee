//! Why no bundle was made.

use std::{io, path::PathBuf};

pub type Result<T = ()> = std::result::Result<T, Failure>;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot {doing} {}: {source}", .path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is not usable as a wasm module of this console: {said}", .path.display())]
    Wasm { path: PathBuf, said: String },
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("two sources would both become {0}")]
    Twice(String),
    #[error("{file} names {{{{{name}}}}}, and there is no such file")]
    Unknown { file: String, name: String },
    #[error("{0} names itself, directly or through others")]
    Circle(String),
    #[error("{file} is no UTF-8 text")]
    NotText { file: String },
    #[error("{file} has {what}, which the console's content policy forbids; it belongs in a file of its own")]
    Inline { file: String, what: &'static str },
    #[error("the console needs the JavaScript package {0}; this bundle takes none")]
    JavaScriptPackage(String),
    #[error("cannot compress {file}: {source}")]
    Compress { file: String, source: io::Error },
}

impl Failure {
    pub fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
