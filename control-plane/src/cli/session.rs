use super::{
    credentials::{Signed, key},
    failure::Failure,
    shown::{Shown, bytes, fields, or_dash, table, word},
};
use viworks_api::session::{SessionRow, TerminateRequest};
use viworks_domain::ids::SessionId;

#[derive(clap::Subcommand)]
pub enum Command {
    /// List sessions, newest first
    List {
        /// Only those that are not over
        #[arg(long)]
        active: bool,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one session with its receipts and findings
    Show {
        #[arg(value_parser = super::policy::id::<SessionId>)]
        id: SessionId,
    },
    /// End a session now
    Terminate {
        #[arg(value_parser = super::policy::id::<SessionId>)]
        id: SessionId,
        /// For the record, and for the person whose session it is
        #[arg(long)]
        reason: String,
    },
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let signed = Signed::in_()?;
    let client = &signed.api;
    match command {
        Command::List { active, limit } => {
            let page = client.sessions(active, &signed.page(limit)).await?;
            let rows: Vec<_> = page.rows.iter().map(line).collect();
            let head = ["SESSION", "STATE", "USER", "GATEWAY", "ADDRESS", "RESOURCES", "OPENED", "ENDS"];
            Ok(Shown::new(&page, table(&head, &rows)))
        }
        Command::Show { id } => {
            let shown = client.session(id, signed.newer()).await?;
            Ok(Shown::new(&shown, whole(&shown.row)))
        }
        Command::Terminate { id, reason } => {
            let accepted = client.terminate_session(id, &key(), &TerminateRequest { reason }).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(
                &accepted,
                format!("session {id} is ending; `viworks session show {id}` has the receipts"),
            ))
        }
    }
}

fn line(row: &SessionRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        word(&row.state),
        or_dash(row.username.as_ref()),
        or_dash(row.gateway_name.as_ref()),
        or_dash(row.address),
        row.resources.join(","),
        row.opened_at.to_string(),
        or_dash(row.ends_at),
    ]
}

fn whole(row: &SessionRow) -> String {
    let mut text = fields(&[
        ("session", row.id.to_string()),
        ("correlation", row.correlation.to_string()),
        ("user", format!("{} ({})", or_dash(row.username.as_ref()), row.user)),
        ("state", word(&row.state)),
        ("gateway", or_dash(row.gateway_name.as_ref())),
        ("policy", format!("{} version {}", row.policy, row.policy_version)),
        ("address", or_dash(row.address)),
        ("resources", row.resources.join(", ")),
        ("opened", row.opened_at.to_string()),
        ("connected", or_dash(row.connected_at)),
        ("ends", or_dash(row.ends_at)),
        ("end reason", row.end_reason.as_ref().map_or_else(|| "-".to_owned(), word)),
        ("ended", or_dash(row.ended_at)),
        ("traffic", format!("{} in, {} out", bytes(row.bytes_in), bytes(row.bytes_out))),
    ]);
    if !row.receipts.is_empty() {
        let rows: Vec<_> = row
            .receipts
            .iter()
            .map(|receipt| vec![word(&receipt.layer), word(&receipt.absence), or_dash(receipt.at)])
            .collect();
        text.push('\n');
        text.push_str(&table(&["LAYER", "RECEIPT", "AT"], &rows));
        if row.receipts_overdue {
            text.push_str("receipts are overdue\n");
        }
    }
    if let Some(verdict) = &row.verdict {
        let rows: Vec<_> = verdict
            .findings
            .iter()
            .map(|finding| vec![word(&finding.rule), word(&finding.standing)])
            .collect();
        let said = if verdict.allow { "allows" } else { "denies" };
        text.push_str(&format!("\nthe policy {said} (asked at {}):\n", word(&verdict.gate)));
        text.push_str(&table(&["RULE", "FINDING"], &rows));
    }
    text
}
