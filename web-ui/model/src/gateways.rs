//! The gateways view: how each is, and what may be done with it.

pub mod line;

use crate::{format, place as address};
use viworks_api::gateway::{GatewayRow, GatewayState};
use viworks_domain::{gateway::Health, ids::GatewayId};

/// The parameter that names the gateway to be shown among the others.
pub const AT: &str = "at";

/// The way to one gateway.
pub fn way(id: GatewayId) -> String {
    address::address("/gateways", &[(AT, &id.to_string())])
}

/// The gateway to which the address leads, once it is among those that are shown.
pub fn wanted(at: Option<&str>, shown: &[GatewayId]) -> Option<GatewayId> {
    at?.parse().ok().filter(|id| shown.contains(id))
}

/// As the page's attribute has it.
pub const fn health_word(health: Option<Health>) -> &'static str {
    match health {
        Some(Health::Up) => "up",
        Some(Health::Degraded) => "degraded",
        Some(Health::Down) => "down",
        None => "never-seen",
    }
}

/// How many sessions go through a gateway, as far as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    pub known: usize,
    /// Whether all sessions are here. The list has the newest alone, and none while it is still on its way.
    pub is_all: bool,
}

impl Through {
    /// Known to be none.
    const fn is_none(self) -> bool {
        self.known == 0 && self.is_all
    }

    pub fn text(self) -> String {
        match self {
            Self { known, is_all: true } => format::count(known, "session", "sessions"),
            // A number that says nothing.
            Self { known: 0, is_all: false } => "Sessions".into(),
            Self { known, is_all: false } => {
                format!("at least {}", format::count(known, "session", "sessions"))
            }
        }
    }

    /// A sentence for whoever is about to change the gateway, after another one.
    fn standing(self) -> String {
        match self {
            Self { known: 0, is_all: true } => String::new(),
            Self { known: 0, is_all: false } => " Sessions may go through it at the moment.".into(),
            Self { known: 1, is_all: true } => " One session goes through it at the moment.".into(),
            Self { known: 1, is_all: false } => " At least one session goes through it at the moment.".into(),
            Self { known, is_all: true } => format!(" {known} sessions go through it at the moment."),
            Self { known, is_all: false } => {
                format!(" At least {known} sessions go through it at the moment.")
            }
        }
    }
}

/// What an operator does with a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It keeps what it has and takes nothing new.
    Drain,
    /// It is cut off for good.
    Retire,
}

impl Act {
    /// As the route has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Retire => "retire",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Drain => "Drain",
            Self::Retire => "Retire",
        }
    }

    /// What the row shows when it has been done, or done before.
    pub const fn is_done(self, state: GatewayState) -> bool {
        match self {
            Self::Drain => matches!(state, GatewayState::Draining | GatewayState::Retired),
            Self::Retire => matches!(state, GatewayState::Retired),
        }
    }

    /// What follows from it, before it is done.
    pub fn consequence(self, name: &str, through: Through) -> String {
        let standing = through.standing();
        match self {
            Self::Drain => format!(
                "{name} keeps the sessions it has until they end, and takes no new one.{standing} It cannot be \
                 undone: for new sessions there, invite the machine again as another gateway."
            ),
            Self::Retire if through.is_none() => format!(
                "{name} is cut off for good: it takes no orders any more, and nothing it says is believed. It cannot \
                 be undone."
            ),
            Self::Retire => format!(
                "{name} is cut off for good: it takes no orders any more, and nothing it says is believed.{standing} \
                 They end there when their lease runs out, and nothing can confirm it any more. Drain it first and \
                 wait until nobody is left."
            ),
        }
    }

    pub fn done(self, name: &str) -> String {
        match self {
            Self::Drain => format!("{name} takes no new sessions"),
            Self::Retire => format!("{name} is retired"),
        }
    }
}

/// What is offered, as the server would allow it.
pub fn acts(state: GatewayState) -> &'static [Act] {
    match state {
        GatewayState::Enrolled => &[Act::Drain, Act::Retire],
        GatewayState::Invited | GatewayState::Draining => &[Act::Retire],
        GatewayState::Retired => &[],
    }
}

/// By name, and those that are retired last.
pub fn place(row: &GatewayRow) -> (bool, String) {
    (matches!(row.state, GatewayState::Retired), row.name.clone())
}

/// How many there are of each health, in words: "2 up, 1 down". Retired ones do not count.
pub fn summary<'a>(rows: impl IntoIterator<Item = &'a GatewayRow>) -> String {
    let mut counts = [("up", 0), ("degraded", 0), ("down", 0), ("never seen", 0), ("retired", 0)];
    for row in rows {
        let place = match (row.state, row.health) {
            (GatewayState::Retired, _) => 4,
            (_, Some(Health::Up)) => 0,
            (_, Some(Health::Degraded)) => 1,
            (_, Some(Health::Down)) => 2,
            (_, None) => 3,
        };
        if let Some((_, count)) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let told = counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: GatewayState, health: Option<Health>) -> GatewayRow {
        GatewayRow { id: GatewayId([1; 16]), name: "sydney".into(), state, health, telemetry: None }
    }

    #[test]
    fn the_way_to_a_gateway_leads_to_it_once_it_is_shown() {
        let (sydney, other) = (GatewayId([1; 16]), GatewayId([2; 16]));
        let way = way(sydney);
        let at = way.strip_prefix("/gateways?").and_then(|search| address::value(search, AT));
        assert_eq!(wanted(at.as_deref(), &[other, sydney]), Some(sydney));
        assert_eq!(wanted(at.as_deref(), &[other]), None);
        assert_eq!(wanted(Some("mistyped"), &[sydney]), None);
        assert_eq!(wanted(None, &[sydney]), None);
    }

    #[test]
    fn gateways_are_counted_by_how_they_are() {
        let enrolled = |health| row(GatewayState::Enrolled, health);
        let rows = [
            enrolled(Some(Health::Up)),
            enrolled(Some(Health::Down)),
            enrolled(Some(Health::Up)),
            row(GatewayState::Retired, Some(Health::Down)),
            row(GatewayState::Invited, None),
        ];
        assert_eq!(summary(&rows), "2 up, 1 down, 1 never seen, 1 retired");
        assert_eq!(summary(&[]), "");
    }

    #[test]
    fn nothing_is_offered_that_would_be_refused_as_done_already() {
        for state in
            [GatewayState::Invited, GatewayState::Enrolled, GatewayState::Draining, GatewayState::Retired]
        {
            assert!(acts(state).iter().all(|act| !act.is_done(state)), "{state:?}");
        }
    }

    #[test]
    fn whoever_retires_a_gateway_with_sessions_is_told_what_becomes_of_them() {
        let told = |known, is_all| Act::Retire.consequence("sydney", Through { known, is_all });
        for (known, is_all, words) in [
            (3, true, "3 sessions go"),
            (3, false, "At least 3 sessions go"),
            (1, false, "At least one session goes"),
            (0, false, "Sessions may go"),
        ] {
            let told = told(known, is_all);
            assert!(told.contains(words) && told.contains("Drain it first"), "{told}");
        }
        assert!(!told(0, true).contains("ession"));
    }

    #[test]
    fn sessions_that_are_not_here_are_not_counted_as_none() {
        let text = |known, is_all| Through { known, is_all }.text();
        assert_eq!([text(0, true), text(1, true), text(2, true)], ["0 sessions", "1 session", "2 sessions"]);
        assert_eq!(
            [text(0, false), text(1, false), text(2, false)],
            ["Sessions", "at least 1 session", "at least 2 sessions"]
        );
    }
}
