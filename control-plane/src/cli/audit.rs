use super::{
    credentials::Signed,
    failure::Failure,
    shown::{Shown, table, word},
};
use viworks_api::{audit::AuditRow, client::AuditQuery};
use viworks_domain::ids::{CorrelationId, SessionId, UserId};

#[derive(clap::Subcommand)]
pub enum Command {
    /// What happened, newest first
    Timeline {
        #[arg(long, value_parser = super::policy::id::<UserId>)]
        user: Option<UserId>,
        #[arg(long, value_parser = super::policy::id::<SessionId>)]
        session: Option<SessionId>,
        #[arg(long, value_parser = super::policy::id::<CorrelationId>)]
        correlation: Option<CorrelationId>,
        /// Such as user.created
        #[arg(long)]
        kind: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let Command::Timeline { user, session, correlation, kind, limit } = command;
    let signed = Signed::in_()?;
    let page = signed.page(limit);
    let page = signed.api.audit(&AuditQuery { user, session, correlation, kind, page }).await?;
    let rows: Vec<_> = page
        .rows
        .iter()
        .map(|row| {
            vec![row.seq.to_string(), row.at.to_string(), row.kind.clone(), actor(row), row.summary.clone()]
        })
        .collect();
    Ok(Shown::new(&page, table(&["SEQ", "AT", "WHAT", "BY", "SUMMARY"], &rows)))
}

/// What kind of actor it was, and an operator's name; the rest is in the JSON.
fn actor(row: &AuditRow) -> String {
    let kind = match serde_json::to_value(&row.actor) {
        Ok(serde_json::Value::Object(object)) => object.keys().next().cloned().unwrap_or_default(),
        _ => word(&row.actor),
    };
    match &row.operator {
        Some(name) => format!("{kind} {name}"),
        None => kind,
    }
}
