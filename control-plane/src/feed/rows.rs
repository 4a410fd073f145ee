//! What the views are made of: how a window is asked, read and shown, and who may look. A new view touches this file
//! and no other of the feed; what it forgets here does not compile.

use crate::{
    app::App,
    http::{Permission as _, Read, rows as shown, with_telemetry},
};
use viworks_api::feed::{AuditQuery, Change, Notice, Query, Rows, SessionQuery, UserQuery};
use viworks_domain::{ids::OperatorId, permission::Role};
use viworks_projections::{
    self as rows, AuditFilter, Moment, PageRequest, QueryError, Row, SessionFilter, UserFilter,
};

/// Whether this role may read what the window asks.
pub fn may_read(role: Role, query: &Query) -> bool {
    let roles = match query {
        Query::Users(_) | Query::Sessions(_) | Query::Gateways | Query::Policies | Query::Audit(_) => {
            Read::ROLES
        }
    };
    roles.contains(&role)
}

/// What a window holds, and the cursor of what is beyond.
pub async fn read(
    app: &App,
    moment: &mut Moment,
    query: &Query,
    request: &PageRequest,
) -> Result<(Rows, Option<String>), QueryError> {
    Ok(match query {
        Query::Users(query) => {
            let page = moment.users(&users(query), request).await?;
            (Rows::Users(page.rows.into_iter().map(shown::user).collect()), page.next)
        }
        Query::Sessions(query) => {
            let page = moment.sessions(&sessions(query), request).await?;
            (Rows::Sessions(page.rows.into_iter().map(shown::session).collect()), page.next)
        }
        Query::Gateways => {
            let all = moment.gateways().await?.rows.into_iter();
            (Rows::Gateways(all.map(|row| with_telemetry(app, row)).collect()), None)
        }
        Query::Policies => {
            let page = moment.policies(request).await?;
            (Rows::Policies(page.rows.into_iter().map(shown::policy_summary).collect()), page.next)
        }
        Query::Audit(query) => {
            let page = moment.audit(&audits(query), request).await?;
            (Rows::Audit(page.rows.into_iter().map(shown::audit).collect()), page.next)
        }
    })
}

/// What a changed row is to a feed.
pub enum Told {
    Change(Box<Change>),
    /// May have signed out, or may something else now.
    Operator(OperatorId),
    /// Something personal is gone from rows that are not listed.
    Erased,
}

pub fn told(row: Row) -> Told {
    Told::Change(Box::new(match row {
        Row::User(row) => Change::User(shown::user(row)),
        Row::Session(row) => Change::Session(shown::session(row)),
        // Telemetry comes in frames of its own.
        Row::Gateway(row) => Change::Gateway(shown::gateway(row, None)),
        Row::Policy(row) => Change::Policy(shown::policy_summary(row)),
        Row::Audit(row) => Change::Audit(shown::audit(row)),
        Row::Notice(what, name) => Change::Notice(notice(what, name)),
        Row::Operator(id) => return Told::Operator(id),
        Row::Erased(_) => return Told::Erased,
    }))
}

fn notice(notice: rows::Notice, name: Option<String>) -> Notice {
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
        state: query.state.map(shown::user_state),
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
