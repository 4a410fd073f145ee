//! The sessions view: what its address asks, and what is said of a session's end in its row.

use crate::{place::id_or, words};
use viworks_api::{
    feed::SessionQuery,
    session::{SessionRow, SessionState},
};
use viworks_domain::{
    Millis,
    ids::{GatewayId, PolicyId, UserId},
    session::{EndReason, EndsBecause},
};

/// `?show=ended`; anything else shows what stands.
pub const SHOW: &str = "show";
pub const ENDED: &str = "ended";
/// Part of the user's name.
pub const TEXT: &str = "q";
pub const USER: &str = "user";
pub const GATEWAY: &str = "gateway";
pub const POLICY: &str = "policy";

/// What an address asks for, by its parameters. An id that is none is nobody's: a mistyped address shows nothing
/// rather than everything.
pub fn asked(value: impl Fn(&str) -> Option<String>) -> SessionQuery {
    SessionQuery {
        id: None,
        active: Some(value(SHOW).as_deref() != Some(ENDED)),
        text: value(TEXT),
        user: value(USER).map(|id| id_or(&id, UserId([0; 16]))),
        gateway: value(GATEWAY).map(|id| id_or(&id, GatewayId([0; 16]))),
        policy: value(POLICY).map(|id| id_or(&id, PolicyId([0; 16]))),
    }
}

/// Whether anything but active or ended is asked.
pub const fn is_narrowed(query: &SessionQuery) -> bool {
    query.text.is_some() || query.user.is_some() || query.gateway.is_some() || query.policy.is_some()
}

/// What there is to say of a session's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing is decided yet: nobody has answered the phone, or the code is awaited.
    Open,
    /// It ends then, by itself.
    Until { at: Millis, because: Option<EndsBecause> },
    /// Its end is decided and not confirmed.
    Ending { reason: Option<EndReason>, overdue: bool },
    /// Nothing of it is left.
    Ended { at: Option<Millis>, reason: Option<EndReason> },
    /// It never stood: denied, or not answered in time.
    NeverStood { at: Option<Millis> },
}

pub fn course(row: &SessionRow) -> Course {
    match row.state {
        SessionState::Challenged
        | SessionState::CodeIssued
        | SessionState::Verified
        | SessionState::Connecting
        | SessionState::Connected => {
            row.ends_at.map_or(Course::Open, |at| Course::Until { at, because: row.ends_because })
        }
        SessionState::Ending => {
            Course::Ending { reason: row.end_reason.clone(), overdue: row.receipts_overdue }
        }
        SessionState::Ended => Course::Ended { at: row.ended_at, reason: row.end_reason.clone() },
        SessionState::Denied | SessionState::Expired => Course::NeverStood { at: row.ended_at },
    }
}

/// As short as a row has room for; [`words::session_state`] says it in full.
pub const fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Ending => "Ending, unconfirmed",
        other => words::session_state(other),
    }
}

/// As short as a row has room for; [`words::ends_because`] says it in full.
pub const fn because(because: EndsBecause) -> &'static str {
    match because {
        EndsBecause::Window => "window",
        EndsBecause::MaximumLength => "time limit",
    }
}

/// Why it ends or has ended, with an administrator's own words, as short as a row has room for.
pub fn why(reason: &EndReason) -> String {
    words::end_note(reason)
        .map_or_else(|| words::end_reason(reason).to_owned(), |note| format!("Terminated: “{note}”"))
}

/// Since when: since it was connected, or before that since it was asked for.
pub fn since(row: &SessionRow) -> Millis {
    row.connected_at.unwrap_or(row.opened_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;

    fn asked_by(search: &str) -> SessionQuery {
        asked(|name| place::value(search, name))
    }

    #[test]
    fn an_address_without_parameters_asks_for_what_stands() {
        assert_eq!(asked_by(""), SessionQuery { active: Some(true), ..SessionQuery::default() });
        assert!(!is_narrowed(&asked_by("show=ended&panel=user:x")));
    }

    #[test]
    fn every_filter_of_an_address_is_asked_of_the_server() {
        let (user, gateway, policy) = (UserId([1; 16]), GatewayId([2; 16]), PolicyId([3; 16]));
        let search = format!("?show=ended&q=al&user={user}&gateway={gateway}&policy={policy}");
        let query = SessionQuery {
            id: None,
            active: Some(false),
            text: Some("al".into()),
            user: Some(user),
            gateway: Some(gateway),
            policy: Some(policy),
        };
        assert_eq!(asked_by(&search), query);
        assert!(is_narrowed(&query));
    }

    #[test]
    fn a_row_says_what_an_administrator_said() {
        let reason = EndReason::Terminated { note: "maintenance".into() };
        assert_eq!(why(&reason), "Terminated: “maintenance”");
        assert_eq!(why(&EndReason::SignedOut), "Signed out");
    }

    #[test]
    fn a_mistyped_id_shows_nothing_rather_than_everything() {
        assert_eq!(asked_by("user=alice").user, Some(UserId([0; 16])));
    }
}
