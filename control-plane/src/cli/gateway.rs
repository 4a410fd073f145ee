use super::{
    credentials::{Signed, key},
    failure::Failure,
    policy::id,
    shown::{Shown, bytes, fields, or_dash, table, word},
};
use std::net::Ipv4Addr;
use viworks_api::gateway::{GatewayRow, InviteRequest};
use viworks_domain::{gateway::Endpoint, ids::GatewayId};

/// A deployment has few of these.
const MOST_ROWS: u32 = 500;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Invite a gateway: prints the one-use token for `viworks-agent enrol`
    Invite {
        #[arg(long)]
        name: String,
        /// Where clients reach it
        #[arg(long, value_name = "IP")]
        address: Ipv4Addr,
        #[arg(long, value_name = "PORT", default_value_t = 62201)]
        spa_port: u16,
        #[arg(long, value_name = "PORT", default_value_t = 443)]
        tls_port: u16,
    },
    /// List gateways
    List,
    /// Show one gateway with what it says of itself
    Show {
        #[arg(value_parser = id::<GatewayId>)]
        id: GatewayId,
    },
    /// Keep its sessions, give it no new ones
    Drain {
        #[arg(value_parser = id::<GatewayId>)]
        id: GatewayId,
    },
    /// Cut it off for good
    Retire {
        #[arg(value_parser = id::<GatewayId>)]
        id: GatewayId,
    },
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let signed = Signed::in_()?;
    let client = &signed.api;
    match command {
        Command::Invite { name, address, spa_port, tls_port } => {
            let endpoint = Endpoint { address, spa_port, tls_port };
            let invited = client.invite_gateway(&key(), &InviteRequest { name, endpoint }).await?;
            signed.did(&invited.accepted)?;
            let text = format!(
                "gateway {}\nOn the gateway, before {}:\n  viworks-agent enrol --state DIR --token {}",
                invited.id, invited.expires_at, invited.token
            );
            Ok(Shown::new(&invited, text))
        }
        Command::List => {
            let page = client.gateways(&signed.page(MOST_ROWS)).await?;
            let rows: Vec<_> = page.rows.iter().map(line).collect();
            Ok(Shown::new(
                &page,
                table(&["GATEWAY", "NAME", "STATE", "HEALTH", "CPU", "MEMORY", "HEARD"], &rows),
            ))
        }
        Command::Show { id } => {
            let shown = client.gateway(id, signed.newer()).await?;
            Ok(Shown::new(&shown, whole(&shown.row)))
        }
        Command::Drain { id } => {
            let accepted = client.drain_gateway(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("gateway {id} takes no new sessions")))
        }
        Command::Retire { id } => {
            let accepted = client.retire_gateway(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("gateway {id} is cut off")))
        }
    }
}

fn line(row: &GatewayRow) -> Vec<String> {
    let machine = row.telemetry.as_ref().and_then(|telemetry| telemetry.machine);
    vec![
        row.id.to_string(),
        row.name.clone(),
        word(&row.state),
        word(&row.health),
        or_dash(machine.map(|machine| format!("{:.0} %", machine.cpu * 100.0))),
        or_dash(
            machine
                .map(|machine| format!("{} of {}", bytes(machine.memory_used), bytes(machine.memory_total))),
        ),
        or_dash(row.telemetry.as_ref().map(|telemetry| telemetry.at)),
    ]
}

fn whole(row: &GatewayRow) -> String {
    let mut text = fields(&[
        ("gateway", row.id.to_string()),
        ("name", row.name.clone()),
        ("state", word(&row.state)),
        ("health", word(&row.health)),
    ]);
    let Some(telemetry) = &row.telemetry else { return text + "it has not spoken yet\n" };
    if let Some(machine) = telemetry.machine {
        text.push_str(&fields(&[
            ("CPU", format!("{:.0} %", machine.cpu * 100.0)),
            ("memory", format!("{} of {}", bytes(machine.memory_used), bytes(machine.memory_total))),
            ("disk", format!("{} of {}", bytes(machine.disk_used), bytes(machine.disk_total))),
            ("network", format!("{}/s in, {}/s out", bytes(machine.network_in), bytes(machine.network_out))),
        ]));
    }
    let services: Vec<_> = telemetry
        .services
        .iter()
        .map(|service| vec![service.name.clone(), if service.up { "up" } else { "down" }.to_owned()])
        .collect();
    text.push('\n');
    text.push_str(&table(&["SERVICE", "STATE"], &services));
    let containers: Vec<_> = telemetry
        .containers
        .iter()
        .map(|container| vec![container.name.clone(), container.image.clone(), container.session.to_string()])
        .collect();
    text.push('\n');
    text.push_str(&table(&["CONTAINER", "IMAGE", "SESSION"], &containers));
    text
}
