//! The end of a session as a person sees it: what is said to whoever loses it, and what is known to be gone.
//!
//! Nothing here hopes: a layer is gone when its receipt says so, and not before.

use crate::request::Failure;
use viworks_api::{
    problem::code,
    session::{SessionRow, SessionState},
};
use viworks_domain::session::{Absence, Layer};

/// As the server has it, in bytes: the person whose session it is reads this on their desktop.
pub const LONGEST_REASON: usize = 200;

/// What is said most often; a beginning, to be changed.
pub const SUGGESTIONS: [&str; 4] = [
    "Maintenance. Please sign in again in a few minutes.",
    "Your access has changed. Please sign in again.",
    "Unusual activity. Please call the help desk first.",
    "You asked for it to be ended.",
];

/// Why a reason cannot be said like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    Nothing,
    TooLong { bytes: usize },
    NotOneLine,
}

impl Unsaid {
    pub fn text(self) -> String {
        match self {
            Self::Nothing => "Say why: the person whose session it is reads it.".into(),
            Self::TooLong { bytes } => {
                format!("Shorten it: {bytes} of {LONGEST_REASON} bytes.")
            }
            Self::NotOneLine => "Keep it on one line, without control characters.".into(),
        }
    }
}

/// The reason as it is sent, by the server's own rule.
///
/// # Errors
/// [`Unsaid`]
pub fn reason(typed: &str) -> Result<String, Unsaid> {
    let text = typed.trim();
    if text.is_empty() {
        Err(Unsaid::Nothing)
    } else if text.len() > LONGEST_REASON {
        Err(Unsaid::TooLong { bytes: text.len() })
    } else if text.chars().any(char::is_control) {
        Err(Unsaid::NotOneLine)
    } else {
        Ok(text.to_owned())
    }
}

/// The layers with what is known of each, in the order of [`Layer::ALL`]; none before the end is decided.
pub fn receipts(row: &SessionRow) -> Vec<(Layer, Option<Absence>)> {
    let known = |layer| row.receipts.iter().find(|receipt| receipt.layer == layer);
    Layer::ALL.into_iter().filter_map(|layer| Some((layer, known(layer)?.absence))).collect()
}

/// How sure it is that nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It goes on, or there was never anything that would have to go.
    NotEnding,
    /// The end is decided, and some layers have not said yet that they are gone.
    NotConfirmed {
        confirmed: usize,
        of: usize,
        overdue: bool,
    },
    Confirmed,
}

pub fn certainty(row: &SessionRow) -> Certainty {
    match row.state {
        SessionState::Ending => {
            let receipts = receipts(row);
            let confirmed = receipts.iter().filter(|(_, absence)| absence.is_some()).count();
            Certainty::NotConfirmed { confirmed, of: receipts.len(), overdue: row.receipts_overdue }
        }
        SessionState::Ended => Certainty::Confirmed,
        SessionState::Challenged
        | SessionState::CodeIssued
        | SessionState::Verified
        | SessionState::Connecting
        | SessionState::Connected
        | SessionState::Denied
        | SessionState::Expired => Certainty::NotEnding,
    }
}

impl Certainty {
    /// None when there is nothing to be sure of.
    pub fn text(self) -> Option<String> {
        match self {
            Self::NotEnding => None,
            Self::NotConfirmed { confirmed, of, overdue: false } => {
                Some(format!("Not confirmed yet: {confirmed} of {of} gone"))
            }
            Self::NotConfirmed { confirmed, of, overdue: true } => {
                Some(format!("Overdue: only {confirmed} of {of} confirmed gone"))
            }
            Self::Confirmed => Some("Confirmed: nothing of it is left".into()),
        }
    }
}

/// Whether it makes sense to ask for its end: it stands, and its end is not decided yet.
pub const fn can_be_ended(state: SessionState) -> bool {
    state.is_active() && !matches!(state, SessionState::Ending)
}

/// Why it was not ended, for whoever asked: what happened, and what to do. The server's own words for a session that
/// is over are for the person whose it is.
pub fn told(failure: &Failure) -> (String, Option<String>) {
    let code = match failure {
        Failure::Problem(problem) => problem.code.as_str(),
        Failure::Unreachable | Failure::NotUnderstood | Failure::StillPending => "",
    };
    let (title, advice) = match code {
        "session.over" => ("It had ended before".into(), None),
        "session.not_now" | "session.unchanged" => ("Its end is decided already".into(), None),
        "session.not_found" | code::NOT_FOUND => ("There is no such session".into(), None),
        code::FORBIDDEN => ("Your role may not end sessions".into(), Some("Ask an owner to do it".into())),
        _ => (failure.title(), failure.advice()),
    };
    (format!("{title}."), advice.map(|advice: String| format!("{}.", advice.trim_end_matches('.'))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_api::session::ReceiptRow;
    use viworks_domain::{
        Millis,
        ids::{CorrelationId, PolicyId, SessionId, UserId},
    };

    fn row(state: SessionState, receipts: &[(Layer, Option<Absence>)]) -> SessionRow {
        let receipt = |(layer, absence): &(Layer, Option<Absence>)| ReceiptRow {
            layer: *layer,
            absence: *absence,
            at: absence.map(|_| Millis(7)),
        };
        SessionRow {
            id: SessionId([1; 16]),
            correlation: CorrelationId([2; 16]),
            user: UserId([3; 16]),
            username: Some("alice".into()),
            gateway: None,
            gateway_name: None,
            policy: PolicyId([4; 16]),
            policy_version: 1,
            state,
            address: None,
            resources: vec![],
            opened_at: Millis(1),
            connected_at: None,
            ends_at: None,
            ends_because: None,
            end_reason: None,
            ended_at: None,
            receipts: receipts.iter().map(receipt).collect(),
            receipts_overdue: false,
            verdict: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    fn ending(gone: &[Layer]) -> SessionRow {
        let told = Layer::ALL.map(|layer| (layer, gone.contains(&layer).then_some(Absence::Gone)));
        row(SessionState::Ending, &told)
    }

    #[test]
    fn a_reason_is_what_the_server_takes() {
        assert_eq!(reason("  policy review "), Ok("policy review".into()));
        assert_eq!(reason(" \t "), Err(Unsaid::Nothing));
        assert_eq!(reason("two\nlines"), Err(Unsaid::NotOneLine));
        assert_eq!(reason(&"x".repeat(200)), Ok("x".repeat(200)));
        assert_eq!(reason(&"ü".repeat(101)), Err(Unsaid::TooLong { bytes: 202 }));
    }

    #[test]
    fn every_suggestion_can_be_said_as_it_stands() {
        for suggestion in SUGGESTIONS {
            assert_eq!(reason(suggestion), Ok(suggestion.into()));
        }
    }

    #[test]
    fn receipts_are_shown_in_one_order_whatever_order_they_are_kept_in() {
        let told = [
            (Layer::Path, None),
            (Layer::Token, Some(Absence::Gone)),
            (Layer::Vpn, Some(Absence::NeverExisted)),
        ];
        assert_eq!(receipts(&row(SessionState::Ending, &told)), [told[1], told[2], told[0]]);
        assert_eq!(receipts(&row(SessionState::Connected, &[])), []);
    }

    #[test]
    fn an_end_that_is_not_confirmed_is_said_to_be_not_confirmed() {
        let mut row = ending(&[Layer::Token, Layer::Spa]);
        assert_eq!(certainty(&row).text().as_deref(), Some("Not confirmed yet: 2 of 6 gone"));
        row.receipts_overdue = true;
        assert_eq!(certainty(&row).text().as_deref(), Some("Overdue: only 2 of 6 confirmed gone"));
        // All receipts are in, but the log has not said yet that it has ended.
        assert_ne!(certainty(&ending(&Layer::ALL)), Certainty::Confirmed);
    }

    #[test]
    fn only_the_end_itself_confirms_and_what_never_stood_needs_no_receipt() {
        assert_eq!(certainty(&row(SessionState::Ended, &[])), Certainty::Confirmed);
        for state in [SessionState::Connected, SessionState::Denied, SessionState::Expired] {
            assert_eq!(certainty(&row(state, &[])), Certainty::NotEnding);
        }
    }

    #[test]
    fn a_refusal_is_told_to_whoever_asked_not_to_the_person_whose_session_it_is() {
        let problem = |code: &str| {
            Failure::Problem(Box::new(viworks_api::problem::Problem {
                kind: String::new(),
                title: "this session is over; sign in again".into(),
                status: 410,
                detail: None,
                code: code.into(),
                correlation: CorrelationId([0; 16]),
            }))
        };
        assert_eq!(told(&problem("session.over")), ("It had ended before.".into(), None));
        let (title, advice) = told(&Failure::Unreachable);
        assert_eq!(title, "The server cannot be reached.");
        assert_eq!(advice.as_deref(), Some("Check the network and try again; nothing is done twice."));
    }

    #[test]
    fn an_end_is_asked_for_once_and_only_of_what_stands() {
        assert!(can_be_ended(SessionState::Connected) && can_be_ended(SessionState::Challenged));
        assert!(!can_be_ended(SessionState::Ending) && !can_be_ended(SessionState::Ended));
    }
}
