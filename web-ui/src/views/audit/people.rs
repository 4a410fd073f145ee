//! What users are called whom an entry names by id alone: asked once each, a few at a time, when they come into
//! sight.

use crate::http;
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::Rc,
};
use viworks_api::{At, user::UserRow};
use viworks_domain::ids::UserId;

/// Asked at the same time.
const AT_ONCE: usize = 4;

/// Copied freely; lives as long as the view that made it.
#[derive(Clone, Copy)]
pub struct People(StoredValue<Rc<RefCell<Known>>, LocalStorage>);

#[derive(Default)]
struct Known {
    names: HashMap<UserId, ArcRwSignal<String>>,
    waiting: VecDeque<UserId>,
    asking: usize,
}

impl Default for People {
    fn default() -> Self {
        Self(StoredValue::new_local(Rc::default()))
    }
}

impl People {
    /// Tracked; "a user" until it is known.
    pub fn name(self, id: UserId) -> String {
        let Some(known) = self.0.try_get_value() else { return nobody() };
        let name = {
            let mut known = known.borrow_mut();
            if let Some(name) = known.names.get(&id) {
                name.clone()
            } else {
                let name = ArcRwSignal::new(nobody());
                known.names.insert(id, name.clone());
                known.waiting.push_back(id);
                name
            }
        };
        ask(&known);
        name.get()
    }
}

fn nobody() -> String {
    "a user".into()
}

fn ask(known: &Rc<RefCell<Known>>) {
    let next = {
        let mut known = known.borrow_mut();
        if known.asking >= AT_ONCE {
            return;
        }
        let Some(next) = known.waiting.pop_front() else { return };
        known.asking += 1;
        next
    };
    let known = Rc::clone(known);
    spawn_local(async move {
        let answer = http::get::<At<UserRow>>(&format!("/v1/users/{next}")).await;
        let name = {
            let mut known = known.borrow_mut();
            known.asking -= 1;
            known.names.get(&next).cloned()
        };
        if let (Some(name), Ok(user)) = (name, answer) {
            name.set(user.row.username.unwrap_or_else(|| "an erased user".into()));
        }
        ask(&known);
    });
}
