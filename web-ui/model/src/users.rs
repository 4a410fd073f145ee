//! The users view: what its address asks.

use crate::{palette, place::id_or, words};
use viworks_api::{
    feed::UserQuery,
    user::{UserRow, UserState},
};
use viworks_domain::ids::{GatewayId, PolicyId, UserId};

/// Part of the name.
pub const TEXT: &str = "q";
pub const STATE: &str = "state";
pub const POLICY: &str = "policy";
pub const GATEWAY: &str = "gateway";
/// All that narrows the list.
pub const FILTERS: [&str; 4] = [TEXT, STATE, POLICY, GATEWAY];

pub const STATES: [UserState; 6] = [
    UserState::Provisioning,
    UserState::Active,
    UserState::Suspended,
    UserState::Deleting,
    UserState::Deleted,
    UserState::Erased,
];

/// What an address asks for, by its parameters. An id that is none is nobody's, and so is a state: a mistyped address
/// shows nothing rather than everybody.
pub fn asked(value: impl Fn(&str) -> Option<String>) -> UserQuery {
    let state = value(STATE).map(|word| STATES.into_iter().find(|state| words::of(state) == word));
    UserQuery {
        id: (state == Some(None)).then_some(UserId([0; 16])),
        text: value(TEXT),
        state: state.flatten(),
        policy: value(POLICY).map(|id| id_or(&id, PolicyId([0; 16]))),
        gateway: value(GATEWAY).map(|id| id_or(&id, GatewayId([0; 16]))),
    }
}

/// Of whom the server has found for letters typed before, those whom these letters mean, too.
pub fn keep_meant(found: &mut Vec<UserRow>, typed: &str) {
    let is_meant = |name: &str| palette::score(typed, name, "").is_some();
    found.retain(|row| row.username.as_deref().is_some_and(is_meant));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;
    use viworks_domain::Millis;

    fn asked_by(search: &str) -> UserQuery {
        asked(|name| place::value(search, name))
    }

    #[test]
    fn an_address_without_parameters_asks_for_everybody() {
        assert_eq!(asked_by("?panel=user:x&new=user"), UserQuery::default());
    }

    #[test]
    fn every_filter_of_an_address_is_asked_of_the_server() {
        let (policy, gateway) = (PolicyId([3; 16]), GatewayId([2; 16]));
        for state in STATES {
            let search = format!("q=al&state={}&policy={policy}&gateway={gateway}", words::of(&state));
            let query = UserQuery {
                id: None,
                text: Some("al".into()),
                state: Some(state),
                policy: Some(policy),
                gateway: Some(gateway),
            };
            assert_eq!(asked_by(&search), query);
        }
    }

    #[test]
    fn a_mistyped_filter_shows_nobody_rather_than_everybody() {
        assert_eq!(asked_by("policy=office").policy, Some(PolicyId([0; 16])));
        assert_eq!(asked_by("gateway=gw1").gateway, Some(GatewayId([0; 16])));
        assert_eq!(asked_by("state=activ").id, Some(UserId([0; 16])));
    }

    #[test]
    fn nobody_is_proposed_whom_only_the_letters_before_have_meant() {
        let named = |name: Option<&str>| UserRow {
            id: UserId([1; 16]),
            username: name.map(str::to_owned),
            state: UserState::Active,
            steps: vec![],
            policies: vec![],
            gateways: vec![],
            devices: vec![],
            created_at: Millis(0),
            last_login_at: None,
        };
        let mut found = ["albert", "alice", "Malia"].map(|name| named(Some(name))).to_vec();
        found.push(named(None));
        keep_meant(&mut found, "ali");
        assert_eq!(found, ["alice", "Malia"].map(|name| named(Some(name))));
    }
}
