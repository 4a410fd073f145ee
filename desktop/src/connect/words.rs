//! What the person reads, and what a program reads instead (`--json`).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal face")]

use super::Fault;
use crate::engine::{Shown, StepName, Why};
use serde_json::{Value, json};
use std::{
    error::Error,
    io::{IsTerminal, Write},
};

#[derive(Clone, Copy)]
pub struct Words {
    pub json: bool,
}

impl Words {
    pub fn show(self, shown: &Shown) {
        if self.json {
            println!("{}", line(shown));
        } else if let Some(text) = sentence(shown) {
            println!("{text}");
        }
        if !self.json && matches!(shown, Shown::CodeOnPhone { .. } | Shown::CodeRefused { .. }) {
            prompt();
        }
        // A reader at the other end of a pipe waits for the line.
        let _ = std::io::stdout().flush();
    }

    pub fn not_a_code(self) {
        if self.json {
            println!("{}", json!({"state": "not_a_code", "reason": "a code has exactly six digits"}));
        } else {
            println!("A code has exactly six digits.");
            prompt();
        }
        let _ = std::io::stdout().flush();
    }

    pub fn fault(self, fault: &Fault) {
        if self.json {
            println!("{}", json!({"state": "failed", "reason": fault.to_string()}));
        }
        eprintln!("viworks-connect: {fault}");
        let mut cause = fault.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
    }
}

fn prompt() {
    if std::io::stdin().is_terminal() {
        print!("Code: ");
    }
}

fn line(shown: &Shown) -> Value {
    match shown {
        Shown::SigningIn => json!({"state": "signing_in"}),
        Shown::CodeRequired { answer_by } => json!({"state": "code_required", "answer_by": answer_by}),
        Shown::CodeOnPhone { left } => json!({"state": "code_on_phone", "wrong_answers_left": left}),
        Shown::CodeRefused { left } => {
            json!({"state": "code_refused", "reason": "that code is not right", "wrong_answers_left": left})
        }
        Shown::Connecting { step, attempt } => {
            json!({"state": "connecting", "step": step.as_str(), "attempt": attempt})
        }
        Shown::Connected { address, page, resources, ends_at } => json!({
            "state": "connected",
            "address": address,
            "page": page,
            "resources": resources,
            "ends_at": ends_at.to_string(),
        }),
        Shown::Reconnecting => json!({"state": "reconnecting"}),
        Shown::SigningOut => json!({"state": "signing_out"}),
        Shown::Ended(why) => {
            let state = match why {
                Why::Refused(_) => "refused",
                Why::Denied { .. } => "denied",
                _ => "ended",
            };
            let correlation = if let Why::Refused(refusal) = why { Some(&refusal.correlation) } else { None };
            json!({
                "state": state,
                "reason": why.text(),
                "code": why.code(),
                "note": why.note(),
                "correlation": correlation,
            })
        }
    }
}

fn sentence(shown: &Shown) -> Option<String> {
    Some(match shown {
        Shown::SigningIn => "Signing in...".into(),
        Shown::CodeRequired { .. } => "Code required: look at your phone.".into(),
        Shown::CodeOnPhone { .. } => "Your phone shows a code of six digits. Type it here.".into(),
        Shown::CodeRefused { left } => format!("That code is not right. Answers left: {left}"),
        Shown::Connecting { step, attempt } => match step {
            StepName::Bootstrap if *attempt == 1 => "Verified. Connecting...".into(),
            StepName::Bootstrap => "Connecting again...".into(),
            StepName::Rest => "The gateway does not answer yet; trying again.".into(),
            StepName::Spa | StepName::Tls | StepName::Vpn => return None,
        },
        Shown::Connected { address, page, resources, ends_at } => {
            let reach = if resources.is_empty() { String::new() } else { resources.join(", ") };
            let reach = if reach.is_empty() { reach } else { format!("\n  reach    {reach}") };
            format!(
                "Connected.\n  page     {page}\n  address  {address}{reach}\n  until    {ends_at}\nCtrl-C signs out."
            )
        }
        Shown::Reconnecting => "The connection was lost; connecting again...".into(),
        Shown::SigningOut => "Signing out...".into(),
        Shown::Ended(why) => {
            let note =
                why.note().map(|note| format!("\n  they said: {}", printable(note))).unwrap_or_default();
            let correlation = if let Why::Refused(refusal) = why {
                format!("\n  if you ask your administrator, give them: {}", refusal.correlation)
            } else {
                String::new()
            };
            let mut text = printable(&why.text());
            if let Some(first) = text.get(..1) {
                text = first.to_uppercase() + &text[1..];
            }
            format!("{text}.{note}{correlation}")
        }
    })
}

/// Words from elsewhere cannot move the cursor.
fn printable(text: &str) -> String {
    text.trim_end_matches('.')
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(400)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::session::EndReason;

    #[test]
    fn an_administrators_end_is_said_in_both_ways() {
        let why = Why::EndedByServer(EndReason::Terminated { note: "lunch\x07".into() });
        let shown = Shown::Ended(why);
        let said = line(&shown);
        assert_eq!((said["state"].as_str(), said["code"].as_str()), (Some("ended"), Some("terminated")));
        assert_eq!(said["reason"], "terminated by administrator");
        assert_eq!(
            sentence(&shown).as_deref(),
            Some("Terminated by administrator.\n  they said: lunch\u{fffd}")
        );
    }
}
