//! What things are called on screens. One place, so that the same thing has the same name in every view.

use viworks_api::{operator::Permission, session::SessionState, user::UserState};

/// A plain state's word as the wire has it: `active`, `code_issued`.
pub fn of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // A variant with contents: its name.
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

pub const fn user_state(state: UserState) -> &'static str {
    match state {
        UserState::Provisioning => "Provisioning",
        UserState::Active => "Active",
        UserState::Suspended => "Suspended",
        UserState::Deleting => "Deleting",
        UserState::Deleted => "Deleted",
        UserState::Erased => "Erased",
    }
}

pub const fn session_state(state: SessionState) -> &'static str {
    match state {
        SessionState::Challenged => "Waiting for the phone",
        SessionState::CodeIssued => "Waiting for the code",
        SessionState::Verified => "Verified",
        SessionState::Connecting => "Connecting",
        SessionState::Connected => "Connected",
        SessionState::Ending => "Ending",
        SessionState::Ended => "Ended",
        SessionState::Denied => "Denied",
        SessionState::Expired => "Expired",
    }
}

/// Whether this operator is offered what needs the permission.
pub fn offers(may: &[Permission], permission: Permission) -> bool {
    may.contains(&permission)
}
