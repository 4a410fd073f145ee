//! What the person reads, and what a program reads instead (`--json`).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal face")]

use super::{Fault, clock, place::Enrolled};
use crate::{Screen, ShownCode};
use serde_json::{Value, json};
use std::{error::Error, io::IsTerminal, io::Write, process::ExitCode};
use viworks_api::{client::ApiError, device::WaitingSession};
use viworks_domain::ids::DeviceId;

/// The sign-in was denied or is over.
pub const NOT_IN: u8 = 3;

#[derive(Clone, Copy)]
pub struct Words {
    pub json: bool,
}

impl Words {
    fn say(self, value: &Value, text: &str) {
        if self.json {
            println!("{value}");
        } else {
            println!("{text}");
        }
        // A reader at the other end of a pipe waits for the line.
        let _ = std::io::stdout().flush();
    }

    pub fn enrolled(self, device: DeviceId, url: &str) {
        self.say(
            &json!({"state": "enrolled", "device": device.to_string(), "url": url}),
            &format!("This phone is enrolled with {url}.\nWhen you sign in, run: viworks-authenticator wait"),
        );
    }

    pub fn waiting(self) {
        self.say(&json!({"state": "waiting"}), "Waiting for a sign-in. Ctrl-C stops.");
    }

    pub fn asked(self, session: &WaitingSession) {
        let (desktop, from) = (printable(&session.desktop_name), printable(&session.from));
        self.say(
            &json!({"state": "asked", "session": session.session.to_string(), "desktop": desktop, "from": from,
                "answer_by": session.answer_by}),
            &format!(
                "Somebody signs in as you:\n  desktop  {desktop}\n  from     {from}\nIs this not you? Press \
                 Ctrl-C and run: viworks-authenticator deny"
            ),
        );
    }

    pub fn code(self, session: &WaitingSession, code: &ShownCode) {
        let left = code.left(clock::now()).as_secs();
        self.say(
            &json!({"state": "code", "code": code.text(), "seconds_left": left,
                "session": session.session.to_string(), "desktop": printable(&session.desktop_name)}),
            &format!("code {}  (type it on the desktop within {left} s)", code.text()),
        );
    }

    /// The seconds that are left, on one line that is written over.
    pub fn countdown(self, code: &ShownCode) {
        let screen = std::io::stderr();
        if self.json || !screen.is_terminal() {
            return;
        }
        eprint!("\r{:>4} s left ", code.left(clock::now()).as_secs());
        let _ = screen.lock().flush();
    }

    pub fn end_of_countdown(self) {
        if !self.json && std::io::stderr().is_terminal() {
            eprint!("\r             \r");
        }
    }

    pub fn another_code(self) {
        self.say(&json!({"state": "code_expired"}), "That code has expired; another one is on its way.");
    }

    pub fn verified(self) {
        self.say(&json!({"state": "verified"}), "The code was typed: you are signed in.");
    }

    pub fn denied(self, advice: &str) {
        let advice = printable(advice);
        self.say(&json!({"state": "denied", "advice": advice}), &advice);
    }

    pub fn over(self) {
        self.say(&json!({"state": "over"}), "This sign-in is over. Sign in again on the desktop.");
    }

    pub fn not_me(self) {
        self.say(
            &json!({"state": "denied_by_you"}),
            "That sign-in is ended. If you do not know who it was, change your password and tell your administrator.",
        );
    }

    pub fn trouble(self, error: &ApiError) {
        // Not a line of the conversation: programs go on reading states only.
        eprintln!("{error}; trying again");
    }

    pub fn status(self, enrolled: &Enrolled, screen: &Screen<'_>) {
        let (state, text) = match screen {
            Screen::Idle | Screen::Verified | Screen::Denied { .. } | Screen::Over => {
                ("idle", "Nobody waits for this phone.")
            }
            Screen::Asked(_) => ("asked", "Somebody signs in as you: run viworks-authenticator wait"),
            Screen::Code(..) => ("code", "A code is ready: run viworks-authenticator wait"),
            Screen::CodeExpired(_) => ("code_expired", "A code has expired: run viworks-authenticator wait"),
        };
        self.say(
            &json!({"state": state, "device": enrolled.device.to_string(), "user": enrolled.user.to_string(),
                "url": enrolled.url}),
            &format!("Enrolled with {} as device {}.\n{text}", enrolled.url, enrolled.device),
        );
    }

    pub fn fault(self, fault: &Fault) -> ExitCode {
        let problem = if let Fault::Api(ApiError::Problem(problem)) = fault { Some(problem) } else { None };
        let mut text = fault.to_string();
        if let Some(detail) = problem.and_then(|problem| problem.detail.as_deref()) {
            text = format!("{text}: {detail}");
        }
        let correlation = problem.map(|problem| problem.correlation.to_string());
        if self.json {
            println!("{}", json!({"state": "failed", "reason": text, "correlation": correlation}));
        }
        eprintln!("viworks-authenticator: {}", printable(&text));
        let mut cause = fault.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        if let Some(id) = correlation {
            eprintln!("  if you ask your administrator, give them: {id}");
        }
        ExitCode::FAILURE
    }
}

/// A name from elsewhere cannot move the cursor or hide what stands beside it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_desktops_name_cannot_redraw_the_screen() {
        assert_eq!(printable("ada\x1b[2J\r\nlaptop"), "ada\u{fffd}[2J\u{fffd}\u{fffd}laptop");
    }
}
