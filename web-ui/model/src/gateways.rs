//! The gateways view: how each is, and what may be done with it.

use viworks_api::gateway::{GatewayRow, GatewayState};
use viworks_domain::gateway::Health;

/// As the page's attribute has it.
pub const fn health_word(health: Option<Health>) -> &'static str {
    match health {
        Some(Health::Up) => "up",
        Some(Health::Degraded) => "degraded",
        Some(Health::Down) => "down",
        None => "never-seen",
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
    pub fn consequence(self, name: &str, sessions: usize) -> String {
        let standing = match sessions {
            0 => String::new(),
            1 => " One session goes through it at the moment.".into(),
            n => format!(" {n} sessions go through it at the moment."),
        };
        match self {
            Self::Drain => format!(
                "{name} keeps the sessions it has until they end, and takes no new one.{standing} It cannot be \
                 undone: for new sessions there, invite the machine again as another gateway."
            ),
            Self::Retire if sessions == 0 => format!(
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
    use viworks_domain::ids::GatewayId;

    fn row(state: GatewayState, health: Option<Health>) -> GatewayRow {
        GatewayRow { id: GatewayId([1; 16]), name: "sydney".into(), state, health, telemetry: None }
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
        let told = Act::Retire.consequence("sydney", 3);
        assert!(told.contains("3 sessions") && told.contains("Drain it first"), "{told}");
        assert!(!Act::Retire.consequence("sydney", 0).contains("session"));
    }
}
