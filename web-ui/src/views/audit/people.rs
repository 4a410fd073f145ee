//! What users are called whom an entry names by id alone: asked when they come into sight.

use crate::{http, views::names::Names};
use leptos::{prelude::*, task::spawn_local};
use std::{cell::RefCell, collections::HashMap, rc::Rc};
use viworks_api::{At, user::UserRow};
use viworks_domain::ids::UserId;
use viworks_web_model::people::Questions;

/// Copied freely; lives as long as the view that made it.
#[derive(Clone, Copy)]
pub struct People {
    known: StoredValue<Rc<RefCell<Known>>, LocalStorage>,
    /// All that was known is forgotten.
    anew: Trigger,
}

#[derive(Default)]
struct Known {
    names: HashMap<UserId, ArcRwSignal<String>>,
    questions: Questions,
}

impl People {
    /// To be called once, in the view, which provides it.
    pub fn new() -> Self {
        let people = Self { known: StoredValue::new_local(Rc::default()), anew: Trigger::new() };
        // An answer that is on its way goes to what is forgotten.
        Names::expect().when_anew(move || {
            people.known.set_value(Rc::default());
            people.anew.notify();
        });
        people
    }

    /// Tracked; "a user" until it is known.
    pub fn name(self, id: UserId) -> String {
        self.anew.track();
        let Some(known) = self.known.try_get_value() else { return nobody() };
        let name = {
            let mut known = known.borrow_mut();
            known.questions.want(id);
            known.names.entry(id).or_insert_with(|| ArcRwSignal::new(nobody())).clone()
        };
        ask(&known);
        name.get()
    }
}

fn nobody() -> String {
    "a user".into()
}

fn ask(known: &Rc<RefCell<Known>>) {
    let Some(next) = known.borrow_mut().questions.to_ask() else { return };
    let known = Rc::clone(known);
    spawn_local(async move {
        let answer = http::get::<At<UserRow>>(&format!("/v1/users/{next}")).await;
        let name = {
            let mut known = known.borrow_mut();
            known.questions.answered(next, answer.is_ok());
            known.names.get(&next).cloned()
        };
        if let (Some(name), Ok(user)) = (name, answer) {
            name.set(user.row.username.unwrap_or_else(|| "an erased user".into()));
        }
        ask(&known);
    });
}
