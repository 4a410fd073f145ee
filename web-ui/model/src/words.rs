//! What things are called on screens. One place, so that the same thing has the same name in every view; every
//! match is exhaustive, so that a new state does not compile until it has a name.

mod audit;

pub use audit::{Group, KINDS, Kind, actor, actor_word, kind};

use viworks_api::{
    gateway::GatewayState,
    operator::Permission,
    policy::PolicyState,
    session::SessionState,
    user::{StepState, UserState},
};
use viworks_domain::{
    gateway::Health,
    permission::Role,
    policy::{Gate, KeyProtection, Rule, Standing, Weekday},
    session::{Absence, EndReason, EndsBecause, Layer},
    user::{Step, StepFailure},
};

/// How a state is coloured; never without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Busy,
    Warn,
    Bad,
    Quiet,
}

impl Tone {
    /// As the page's attribute has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

/// A plain state's word as the wire has it: `active`, `code_issued`.
pub fn of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // A variant with contents: its name.
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// The first letter large. Words of ours are ASCII; a table of all scripts would go to every browser.
pub fn sentence(text: &str) -> String {
    let mut sentence = text.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
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

pub const fn user_tone(state: UserState) -> Tone {
    match state {
        UserState::Provisioning | UserState::Deleting => Tone::Busy,
        UserState::Active => Tone::Good,
        UserState::Suspended => Tone::Warn,
        UserState::Deleted | UserState::Erased => Tone::Quiet,
    }
}

pub const fn session_state(state: SessionState) -> &'static str {
    match state {
        SessionState::Challenged => "Waiting for the phone",
        SessionState::CodeIssued => "Waiting for the code",
        SessionState::Verified => "Verified",
        SessionState::Connecting => "Connecting",
        SessionState::Connected => "Connected",
        SessionState::Ending => "Ending, not confirmed yet",
        SessionState::Ended => "Ended",
        SessionState::Denied => "Denied",
        SessionState::Expired => "Expired",
    }
}

pub const fn session_tone(state: SessionState) -> Tone {
    match state {
        SessionState::Challenged
        | SessionState::CodeIssued
        | SessionState::Verified
        | SessionState::Connecting => Tone::Busy,
        SessionState::Connected => Tone::Good,
        SessionState::Ending => Tone::Warn,
        SessionState::Denied => Tone::Bad,
        SessionState::Ended | SessionState::Expired => Tone::Quiet,
    }
}

pub const fn policy_state(state: PolicyState) -> &'static str {
    match state {
        PolicyState::Draft => "Draft",
        PolicyState::Active => "Active",
        PolicyState::Retired => "Retired",
    }
}

pub const fn policy_tone(state: PolicyState) -> Tone {
    match state {
        PolicyState::Draft => Tone::Busy,
        PolicyState::Active => Tone::Good,
        PolicyState::Retired => Tone::Quiet,
    }
}

pub const fn gateway_state(state: GatewayState) -> &'static str {
    match state {
        GatewayState::Invited => "Invited, not enrolled yet",
        GatewayState::Enrolled => "Enrolled",
        GatewayState::Draining => "Draining",
        GatewayState::Retired => "Retired",
    }
}

pub const fn health(health: Health) -> &'static str {
    match health {
        Health::Up => "Up",
        Health::Degraded => "Degraded",
        Health::Down => "Down",
    }
}

pub const fn health_tone(health: Health) -> Tone {
    match health {
        Health::Up => Tone::Good,
        Health::Degraded => Tone::Warn,
        Health::Down => Tone::Bad,
    }
}

/// A gateway's part, by the name it reports; one that this build does not know keeps its own name.
pub fn service(name: &str) -> String {
    match name {
        "spa" => "Knock listener".into(),
        "tls" => "TLS edge".into(),
        "openvpn" => "VPN".into(),
        "nginx" => "Published pages".into(),
        "containers" => "Containers".into(),
        other => sentence(other),
    }
}

pub const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Token => "Desktop token",
        Layer::Spa => "Knock",
        Layer::Tls => "TLS",
        Layer::Vpn => "VPN",
        Layer::Container => "Container",
        Layer::Path => "Published path",
    }
}

/// What a receipt says of its layer; none is awaited.
pub const fn absence(absence: Option<Absence>) -> &'static str {
    match absence {
        Some(Absence::Gone) => "Gone",
        Some(Absence::NeverExisted) => "Never existed",
        None => "Awaited",
    }
}

pub const fn absence_tone(absence: Option<Absence>) -> Tone {
    match absence {
        Some(Absence::Gone) => Tone::Good,
        Some(Absence::NeverExisted) => Tone::Quiet,
        None => Tone::Warn,
    }
}

/// As the page's attribute has it.
pub const fn absence_word(absence: Option<Absence>) -> &'static str {
    match absence {
        Some(Absence::Gone) => "gone",
        Some(Absence::NeverExisted) => "never_existed",
        None => "pending",
    }
}

/// Why a session ends or has ended; an operator's own words stand in [`end_note`].
pub const fn end_reason(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Terminated { .. } => "Terminated by an administrator",
        EndReason::SignedOut => "Signed out",
        EndReason::WindowClosed => "The policy's window closed",
        EndReason::MaximumLength => "The longest time allowed was over",
        EndReason::LeaseLost => "The gateway lost touch with the control plane",
        EndReason::PolicyChanged => "The policy no longer allowed it",
        EndReason::UserNotActive => "The user was no longer active",
        EndReason::TooManyWrongAnswers => "Too many wrong codes",
        EndReason::DeniedOnPhone => "“This is not me”, said on the phone",
        EndReason::EpochRaised => "The control plane was restored from a backup",
        EndReason::SignedInAgain => "Signed in again on the same desktop",
    }
}

pub fn end_note(reason: &EndReason) -> Option<&str> {
    match reason {
        EndReason::Terminated { note } => Some(note),
        EndReason::SignedOut
        | EndReason::WindowClosed
        | EndReason::MaximumLength
        | EndReason::LeaseLost
        | EndReason::PolicyChanged
        | EndReason::UserNotActive
        | EndReason::TooManyWrongAnswers
        | EndReason::DeniedOnPhone
        | EndReason::EpochRaised
        | EndReason::SignedInAgain => None,
    }
}

/// Why a session ends when it does, while it stands.
pub const fn ends_because(because: EndsBecause) -> &'static str {
    match because {
        EndsBecause::Window => "the policy's window closes",
        EndsBecause::MaximumLength => "the longest time allowed is over",
    }
}

/// Where on the way a policy was asked.
pub const fn gate(gate: Gate) -> &'static str {
    match gate {
        Gate::Login => "at the password",
        Gate::Posture => "at the phone's report",
        Gate::Code => "at the code",
        Gate::Bootstrap => "at the connection",
        Gate::Continuous => "while connected",
    }
}

pub const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::UserActive => "User is active",
        Rule::PolicyActive => "Policy is in force",
        Rule::Window => "Within the weekly window",
        Rule::NotAfter => "Before the policy's end date",
        Rule::ConcurrentSessions => "Few enough sessions at once",
        Rule::KnownDesktop => "Desktop seen before",
        Rule::PhoneCountry => "Phone in an allowed country",
        Rule::SimMatchesNetwork => "SIM and network of the same country",
        Rule::PostureAge => "Phone's report is recent",
        Rule::Rooted => "Phone is not rooted",
        Rule::Emulator => "Phone is no emulator",
        Rule::ScreenLock => "Phone has a screen lock",
        Rule::KeyProtection => "Phone guards its keys well enough",
    }
}

pub const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "In order",
        Standing::Violated => "Denies",
        Standing::Noted => "Noted",
        Standing::NotAsked => "Not asked",
    }
}

pub const fn standing_tone(standing: Standing) -> Tone {
    match standing {
        Standing::Holds => Tone::Good,
        Standing::Violated => Tone::Bad,
        Standing::Noted => Tone::Warn,
        Standing::NotAsked => Tone::Quiet,
    }
}

/// What denies comes first, what was not asked last.
pub const fn standing_rank(standing: Standing) -> u8 {
    match standing {
        Standing::Violated => 0,
        Standing::Noted => 1,
        Standing::Holds => 2,
        Standing::NotAsked => 3,
    }
}

pub const fn key_protection(protection: KeyProtection) -> &'static str {
    match protection {
        KeyProtection::File => "Keys in a file",
        KeyProtection::Browser => "Keys in the browser",
        KeyProtection::Hardware => "Keys in hardware",
    }
}

/// A provisioning step, without its gateway.
pub const fn step(step: Step) -> &'static str {
    match step {
        Step::Directory => "Directory",
        Step::Vpn { .. } => "VPN/SPA",
        Step::Panel { .. } => "Panel",
    }
}

/// As the page's attribute has it.
pub const fn step_word(step: Step) -> &'static str {
    match step {
        Step::Directory => "directory",
        Step::Vpn { .. } => "vpn",
        Step::Panel { .. } => "panel",
    }
}

pub const fn step_state(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "Pending",
        StepState::Done => "Done",
        StepState::Failed { .. } => "Failed",
    }
}

/// As the page's attribute has it.
pub const fn step_state_word(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "pending",
        StepState::Done => "done",
        StepState::Failed { .. } => "failed",
    }
}

pub const fn step_tone(state: StepState) -> Tone {
    match state {
        StepState::Pending => Tone::Busy,
        StepState::Done => Tone::Good,
        StepState::Failed { .. } => Tone::Bad,
    }
}

/// What went wrong with a step.
pub const fn step_failure(failure: StepFailure) -> &'static str {
    match failure {
        StepFailure::NameTaken => "The name is another user's",
        StepFailure::ScriptFailed => "The gateway's script ended with an error",
        StepFailure::ScriptTimedOut => "The gateway's script did not end in time",
        StepFailure::ScriptTooLoud => "The gateway's script printed more than is allowed",
        StepFailure::ScriptNotAllowed => "The gateway does not allow this script",
        StepFailure::GatewayUnavailable => "The gateway did not answer",
    }
}

pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Viewer => "Viewer",
    }
}

/// Ends "Your role may not …".
pub const fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::ManagePolicies => "manage policies",
        Permission::ManageGateways => "manage gateways",
        Permission::ManageUsers => "manage users",
        Permission::EndSessions => "end sessions",
    }
}

pub const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Mon",
        Weekday::Tue => "Tue",
        Weekday::Wed => "Wed",
        Weekday::Thu => "Thu",
        Weekday::Fri => "Fri",
        Weekday::Sat => "Sat",
        Weekday::Sun => "Sun",
    }
}

/// What a window that is not answered says, by the problem's code.
pub fn refused(code: &str) -> &'static str {
    use viworks_api::problem::code as c;
    match code {
        c::FORBIDDEN => "Your role may not see this.",
        c::NOT_FOUND => "There is nothing of this name.",
        c::TOO_MANY => "Too many lists are open at once. Close a panel or another window of the console.",
        c::NOT_CAUGHT_UP | c::UNAVAILABLE => {
            "The server cannot answer just now. It is asked again by itself."
        }
        _ => "The server does not answer this question. Reload the page.",
    }
}
