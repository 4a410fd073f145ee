//! Where things lie.

use crate::failure::{Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The top of the checkout: the parent of this crate.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// What setup installs for this checkout alone.
pub fn tools() -> PathBuf {
    root().join(".viworks/tools/bin")
}

/// Where cargo puts binaries of the profile that tests and demo share.
pub fn built() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    if target.is_absolute() { target.join("debug") } else { root().join(target).join("debug") }
}

/// The places to look for programs. A user's PATH on Debian leaves out the `sbin` directories, where half of
/// what we need lives.
pub fn search_path() -> Vec<PathBuf> {
    let own = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = env::split_paths(&own).collect();
    for extra in ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        let extra = PathBuf::from(extra);
        if !dirs.contains(&extra) {
            dirs.push(extra);
        }
    }
    dirs
}

pub fn find_program(name: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|dir| dir.join(name)).find(|path| is_program(path))
}

/// # Errors
/// When it is nowhere on the search path.
pub fn program(name: &str) -> Result<PathBuf> {
    match find_program(name) {
        Some(path) => Ok(path),
        None => bail!("the program `{name}` is missing; run `cargo xtask setup`"),
    }
}

pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// CI systems set `CI`; nobody is there to be asked.
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}
