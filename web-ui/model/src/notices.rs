//! What is said in passing about what has just happened, and how little of it when much happens at once.

use crate::{format, words::Tone};
use viworks_api::feed::Notice;
use viworks_domain::ids::{SessionId, UserId};

/// As many of one kind are told one by one; of more, only how many.
const ONE_BY_ONE: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub tone: Tone,
    pub text: String,
    pub about: Option<About>,
}

/// Where there is more to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    User(UserId),
    Session(SessionId),
    Users,
    Sessions,
    Gateways,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Provisioned,
    Failed,
    Terminated,
    Down,
    Up,
}

const KINDS: [Kind; 5] = [Kind::Down, Kind::Failed, Kind::Up, Kind::Terminated, Kind::Provisioned];

const fn kind(notice: &Notice) -> Kind {
    match notice {
        Notice::Provisioned { .. } => Kind::Provisioned,
        Notice::ProvisioningFailed { .. } => Kind::Failed,
        Notice::SessionTerminated { .. } => Kind::Terminated,
        Notice::GatewayDown { .. } => Kind::Down,
        Notice::GatewayUp { .. } => Kind::Up,
    }
}

/// In the order of how much each matters. What comes twice is told once.
pub fn coalesce(notices: &[Notice]) -> Vec<Said> {
    let mut all = Vec::new();
    for wanted in KINDS {
        let mut some = Vec::new();
        for notice in notices.iter().filter(|notice| kind(notice) == wanted) {
            if !some.contains(&notice) {
                some.push(notice);
            }
        }
        if some.len() > ONE_BY_ONE {
            all.push(counted(wanted, some.len()));
        } else {
            all.extend(some.into_iter().map(said));
        }
    }
    all
}

fn name(username: Option<&String>) -> &str {
    username.map_or("An erased user", String::as_str)
}

fn said(notice: &Notice) -> Said {
    let (tone, text, about) = match notice {
        Notice::Provisioned { user, username } => {
            (Tone::Good, format!("{} is ready", name(username.as_ref())), About::User(*user))
        }
        Notice::ProvisioningFailed { user, username } => {
            let text = format!("{} could not be set up completely", name(username.as_ref()));
            (Tone::Bad, text, About::User(*user))
        }
        Notice::SessionTerminated { session, username } => {
            let whose = username.as_deref().unwrap_or("an erased user");
            (Tone::Quiet, format!("The session of {whose} was terminated"), About::Session(*session))
        }
        Notice::GatewayDown { name, .. } => (Tone::Bad, format!("Gateway {name} is down"), About::Gateways),
        // For the first time or again: nothing here knows which.
        Notice::GatewayUp { name, .. } => (Tone::Good, format!("Gateway {name} is up"), About::Gateways),
    };
    Said { tone, text, about: Some(about) }
}

fn counted(kind: Kind, n: usize) -> Said {
    let n = format::number(n as u64);
    let (tone, text, about) = match kind {
        Kind::Provisioned => (Tone::Good, format!("{n} users are ready"), About::Users),
        Kind::Failed => (Tone::Bad, format!("{n} users could not be set up completely"), About::Users),
        Kind::Terminated => (Tone::Quiet, format!("{n} sessions were terminated"), About::Sessions),
        Kind::Down => (Tone::Bad, format!("{n} gateways are down"), About::Gateways),
        Kind::Up => (Tone::Good, format!("{n} gateways are up"), About::Gateways),
    };
    Said { tone, text, about: Some(about) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::ids::GatewayId;

    fn ready(n: u8) -> Notice {
        Notice::Provisioned { user: UserId([n; 16]), username: Some(format!("user{n}")) }
    }

    fn down() -> Notice {
        Notice::GatewayDown { gateway: GatewayId([1; 16]), name: "edge-1".into() }
    }

    fn texts(notices: &[Notice]) -> Vec<String> {
        coalesce(notices).into_iter().map(|said| said.text).collect()
    }

    #[test]
    fn a_few_are_told_by_name() {
        assert_eq!(texts(&[ready(1), ready(2)]), ["user1 is ready", "user2 is ready"]);
        let erased = Notice::SessionTerminated { session: SessionId([1; 16]), username: None };
        assert_eq!(texts(&[erased]), ["The session of an erased user was terminated"]);
    }

    #[test]
    fn many_of_a_kind_are_counted_and_lead_to_their_list() {
        let said = coalesce(&(0..40).map(ready).collect::<Vec<_>>());
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].text.as_str(), said[0].about), ("40 users are ready", Some(About::Users)));
    }

    #[test]
    fn what_is_down_is_told_before_what_went_well() {
        assert_eq!(texts(&[ready(1), down()]), ["Gateway edge-1 is down", "user1 is ready"]);
    }

    #[test]
    fn a_gateway_that_is_up_is_not_said_to_have_been_up_before() {
        let up = |n| Notice::GatewayUp { gateway: GatewayId([n; 16]), name: "edge-1".into() };
        assert_eq!(texts(&[up(1)]), ["Gateway edge-1 is up"]);
        assert_eq!(texts(&[1, 2, 3, 4].map(up)), ["4 gateways are up"]);
    }

    #[test]
    fn the_same_thing_is_told_once() {
        assert_eq!(texts(&[down(), down()]), ["Gateway edge-1 is down"]);
        assert_eq!(texts(&[]), Vec::<String>::new());
    }
}
