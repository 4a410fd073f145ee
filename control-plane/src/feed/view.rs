//! The windows of one connection.

use super::rows::may_read;
use std::collections::BTreeMap;
use viworks_api::{
    feed::{Change, MOST_ROWS, MOST_WINDOWS, Query, Window, WindowId},
    problem::code,
};
use viworks_domain::permission::Role;

#[derive(Debug)]
pub struct View {
    role: Role,
    may_read: fn(Role, &Query) -> bool,
    windows: BTreeMap<WindowId, Window>,
}

impl View {
    pub fn new(role: Role) -> Self {
        Self::with(role, may_read)
    }

    pub(super) fn with(role: Role, may_read: fn(Role, &Query) -> bool) -> Self {
        Self { role, may_read, windows: BTreeMap::new() }
    }

    /// Opens a window, or asks another question in an open one, and gives it as it will be answered.
    ///
    /// # Errors
    /// A problem's code: the role may not read this, or there are too many windows.
    pub fn watch(&mut self, mut window: Window) -> Result<&Window, &'static str> {
        // Another question in the window: the old one is not answered any more, whatever becomes of the new one.
        self.windows.remove(&window.id);
        if !(self.may_read)(self.role, &window.query) {
            return Err(code::FORBIDDEN);
        }
        if self.windows.len() >= MOST_WINDOWS {
            return Err(code::TOO_MANY);
        }
        window.limit = window.limit.clamp(1, MOST_ROWS);
        Ok(self.windows.entry(window.id).or_insert(window))
    }

    pub fn unwatch(&mut self, id: WindowId) {
        self.windows.remove(&id);
    }

    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }

    /// A notice is for everybody who may be here; a row for whoever has a window that it could be in.
    pub fn concerns(&self, change: &Change) -> bool {
        matches!(change, Change::Notice(_))
            || self.windows.values().any(|window| window.query.concerns(change))
    }

    /// Whether it shows what gateways say of themselves.
    pub fn shows_gateways(&self) -> bool {
        self.windows.values().any(|window| window.query == Query::Gateways)
    }
}
