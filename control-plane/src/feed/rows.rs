//! Rows as the feed shows them; what HTTP shows too is converted in one place for both.

pub use crate::http::rows::{audit, gateway, policy_summary, session, user, user_state};
use viworks_api::feed::{AuditQuery, Notice, SessionQuery, UserQuery};
use viworks_projections::{self as rows, AuditFilter, SessionFilter, UserFilter};

pub fn notice(notice: rows::Notice, name: Option<String>) -> Notice {
    match notice {
        rows::Notice::Provisioned(user) => Notice::Provisioned { user, username: name },
        rows::Notice::ProvisioningFailed(user) => Notice::ProvisioningFailed { user, username: name },
        rows::Notice::Terminated(session) => Notice::SessionTerminated { session, username: name },
        rows::Notice::GatewayDown(gateway) => Notice::GatewayDown { gateway, name: name.unwrap_or_default() },
        rows::Notice::GatewayUp(gateway) => Notice::GatewayUp { gateway, name: name.unwrap_or_default() },
    }
}

pub fn users(query: &UserQuery) -> UserFilter {
    UserFilter {
        id: query.id,
        text: query.text.clone(),
        state: query.state.map(user_state),
        policy: query.policy,
        gateway: query.gateway,
    }
}

pub fn sessions(query: &SessionQuery) -> SessionFilter {
    SessionFilter {
        id: query.id,
        active: query.active,
        text: query.text.clone(),
        user: query.user,
        gateway: query.gateway,
        policy: query.policy,
    }
}

pub fn audits(query: &AuditQuery) -> AuditFilter {
    AuditFilter {
        user: query.user,
        session: query.session,
        correlation: query.correlation,
        kind: query.kind.clone(),
    }
}
