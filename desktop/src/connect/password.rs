//! Asking for the password without showing it.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};

/// Typing stays hidden until this is dropped.
pub struct Hidden(Termios);

/// # Errors
/// Stdin is not a terminal: then it must have been meant with `--password-stdin`.
#[expect(clippy::print_stderr, reason = "a prompt")]
pub fn ask() -> io::Result<Hidden> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    eprint!("Password: ");
    io::stderr().flush()?;
    let before = tcgetattr(&stdin)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    Ok(Hidden(before))
}

impl Drop for Hidden {
    #[expect(clippy::print_stderr, reason = "the line that was not echoed")]
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        eprintln!();
    }
}
