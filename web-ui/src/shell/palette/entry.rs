//! What the palette lists, in which order, and what happens when one is chosen.

use super::{find::Things, verbs};
use crate::{
    kit::{
        icon::Icon,
        place::{self, Panel},
    },
    shell::{Over, side, theme},
    views,
};
use leptos::prelude::*;
use viworks_api::operator::Permission;
use viworks_domain::ids::SessionId;
use viworks_web_model::{gateways, palette, words as say};

pub const ACTIONS: &str = "Actions";
const RECENT: &str = "Recent";
/// What gateways go by, besides their names.
pub const GATEWAY: &str = "gateway";

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: String,
    group: &'static str,
    pub icon: Icon,
    pub title: String,
    pub about: String,
    pub keys: &'static [&'static str],
    pub act: Act,
    others: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Create,
    Go(String),
    Open(Panel),
    End(SessionId),
    Theme(theme::Theme),
    Keys,
    Leave,
}

impl Entry {
    pub fn new(id: &str, group: &'static str, icon: Icon, title: impl Into<String>, act: Act) -> Self {
        Self {
            id: id.to_owned(),
            group,
            icon,
            title: title.into(),
            about: String::new(),
            keys: &[],
            act,
            others: "",
        }
    }

    /// Words that it is found by, too.
    pub const fn known_as(mut self, others: &'static str) -> Self {
        self.others = others;
        self
    }

    pub const fn keys(mut self, keys: &'static [&'static str]) -> Self {
        self.keys = keys;
        self
    }

    fn about(mut self, about: String) -> Self {
        self.about = about;
        self
    }
}

/// What is offered for what was typed. Names that answer come before verbs that merely hold the letters; what can
/// be done to a session stands behind the session itself.
pub fn arrange(typed: &str, recent: &[Entry], found: &Things, may: &[Permission]) -> Vec<Entry> {
    if typed.trim().is_empty() {
        let recent = recent.iter().map(|entry| Entry { group: RECENT, ..entry.clone() }).collect::<Vec<_>>();
        let verbs = verbs(may).into_iter().filter(|verb| recent.iter().all(|known| known.id != verb.id));
        return recent.iter().cloned().chain(verbs).collect();
    }
    let (things, ends) = named(typed, found, may);
    let verbs = palette::rank(typed, verbs(may), words);
    let is_verb = best(typed, &verbs) > best(typed, &things);
    if is_verb {
        verbs.into_iter().chain(things).chain(ends).collect()
    } else {
        things.into_iter().chain(ends).chain(verbs).collect()
    }
}

fn words(entry: &Entry) -> (&str, &str) {
    (&entry.title, entry.others)
}

fn best(typed: &str, entries: &[Entry]) -> u32 {
    let scores = entries.iter().filter_map(|entry| palette::score(typed, &entry.title, entry.others));
    scores.max().unwrap_or(0)
}

/// Users, sessions and gateways that go by the name; and the ends that may be put to the sessions. What was found
/// may answer what was typed a moment ago, and nobody means that any more who presses Enter now.
fn named(typed: &str, found: &Things, may: &[Permission]) -> (Vec<Entry>, Vec<Entry>) {
    let mut things = Vec::new();
    let mut ends = Vec::new();
    // The server looks for all of it in the name, which is stricter.
    let is_meant = |name: &str, others: &str| palette::score(typed, name, others).is_some();
    for user in &found.users {
        let name = user.username.clone().unwrap_or_else(|| "Erased user".into());
        if !is_meant(&name, "") {
            continue;
        }
        let act = Act::Open(Panel::User(user.id));
        let entry = Entry::new(&user.id.to_string(), "Users", Icon::People, name, act);
        things.push(entry.about(say::user_state(user.state).to_owned()));
    }
    for session in &found.sessions {
        let whose = session.username.as_deref().unwrap_or("an erased user");
        if !is_meant(whose, "") {
            continue;
        }
        let state = say::session_state(session.state);
        let through = session.gateway_name.as_ref().map(|name| format!(" · {name}")).unwrap_or_default();
        let about = format!("{state}{through}");
        let id = session.id.to_string();
        let act = Act::Open(Panel::Session(session.id));
        let entry = Entry::new(&id, "Sessions", Icon::Pulse, format!("Session of {whose}"), act);
        things.push(entry.about(about.clone()));
        if may.contains(&Permission::EndSessions) {
            let title = format!("Terminate session of {whose}");
            let entry = Entry::new(&format!("end-{id}"), ACTIONS, Icon::Stop, title, Act::End(session.id));
            ends.push(entry.about(about));
        }
    }
    for gateway in &found.gateways {
        if !is_meant(&gateway.name, GATEWAY) {
            continue;
        }
        let act = Act::Go(gateways::way(gateway.id));
        let entry = Entry::new(&gateway.id.to_string(), "Gateways", Icon::Gateway, gateway.name.clone(), act);
        let about = gateway.health.map_or(say::gateway_state(gateway.state), say::health);
        things.push(entry.about(about.to_owned()));
    }
    (things, ends)
}

/// In groups, each with its entries and where they stand among all.
pub fn grouped(entries: Vec<Entry>) -> Vec<(&'static str, Vec<(usize, Entry)>)> {
    let mut groups: Vec<(&'static str, Vec<(usize, Entry)>)> = Vec::new();
    for (n, entry) in entries.into_iter().enumerate() {
        match groups.last_mut() {
            Some((name, group)) if *name == entry.group => group.push((n, entry)),
            _ => groups.push((entry.group, vec![(n, entry)])),
        }
    }
    groups
}

pub fn act(act: Act, over: Over, chosen: RwSignal<theme::Theme>) {
    match act {
        Act::Create => views::users::create(),
        Act::Go(address) => place::go(&address),
        Act::Open(panel) => place::open(panel),
        Act::End(session) => over.terminate.set(Some(session)),
        Act::Theme(theme) => theme::choose(chosen, theme),
        Act::Keys => over.keys.set(true),
        Act::Leave => side::sign_out(),
    }
}
