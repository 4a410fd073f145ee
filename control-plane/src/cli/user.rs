use super::{
    credentials::{Signed, key},
    failure::Failure,
    policy::{id, window},
    shown::{Shown, fields, or_dash, table, word},
    signin,
};
use qrcode::{QrCode, render::unicode};
use viworks_api::user::{CreateRequest, Instead, RetryStepRequest, StepRow, StepState, UserRow};
use viworks_domain::{
    ids::{GatewayId, PolicyId, UserId},
    policy::{Country, Window},
    user::Step,
};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Create a user; three steps make it real: directory, VPN and panel on each gateway
    Create {
        name: String,
        /// Read the first password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
        /// As often as needed
        #[arg(long, value_name = "ID", value_parser = id::<PolicyId>)]
        policy: Vec<PolicyId>,
        /// As often as needed
        #[arg(long, value_name = "ID", value_parser = id::<GatewayId>)]
        gateway: Vec<GatewayId>,
        /// Let the user in from these countries instead of those of the (one) policy; as often as needed
        #[arg(long, value_name = "CC")]
        country: Vec<Country>,
        /// Let the user in at these hours instead of those of the (one) policy, on its clock: "Mon-Fri 08:00-18:00";
        /// as often as needed
        #[arg(long, value_name = "WINDOW", value_parser = window)]
        window: Vec<Window>,
    },
    /// List users
    List {
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one user with steps and phones
    Show {
        #[arg(value_parser = id::<UserId>)]
        id: UserId,
    },
    /// Try a failed step again
    RetryStep {
        #[arg(value_parser = id::<UserId>)]
        id: UserId,
        /// directory, vpn or panel; with more than one gateway: vpn@GATEWAY
        step: String,
    },
    /// End the user's sessions and let no new ones begin
    Suspend {
        #[arg(value_parser = id::<UserId>)]
        id: UserId,
    },
    /// Let the user in again
    Resume {
        #[arg(value_parser = id::<UserId>)]
        id: UserId,
    },
    /// Offer the user's phone its enrolment: a QR code, one use, ten minutes
    EnrolPhone {
        #[arg(value_parser = id::<UserId>)]
        id: UserId,
    },
}

pub async fn run(command: Command, json: bool) -> Result<Shown, Failure> {
    let signed = Signed::in_()?;
    let client = &signed.api;
    match command {
        Command::Create { name, password_stdin, policy, gateway, country, window } => {
            let password = signin::password("First password of the user: ", password_stdin)?;
            let request = CreateRequest {
                username: name,
                password: password.to_string(),
                policies: policy,
                gateways: gateway,
                instead: instead(country, window),
            };
            let created = client.create_user(&key(), &request).await?;
            signed.did(&created.accepted)?;
            let id = created.id;
            Ok(Shown::new(&created, format!("user {id}\n`viworks user show {id}` shows its steps")))
        }
        Command::List { limit } => {
            let page = client.users(&signed.page(limit)).await?;
            let rows: Vec<_> = page.rows.iter().map(line).collect();
            Ok(Shown::new(&page, table(&["USER", "NAME", "STATE", "STEPS", "PHONES", "CREATED"], &rows)))
        }
        Command::Show { id } => {
            let shown = client.user(id, signed.newer()).await?;
            Ok(Shown::new(&shown, whole(&shown.row)))
        }
        Command::RetryStep { id, step } => {
            let row = client.user(id, signed.newer()).await?.row;
            let step = chosen(&row, &step)?;
            let accepted = client.retry_step(id, &key(), &RetryStepRequest { step }).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, "the step is being tried again"))
        }
        Command::Suspend { id } => {
            let accepted = client.suspend_user(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("user {id} is suspended")))
        }
        Command::Resume { id } => {
            let accepted = client.resume_user(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("user {id} may come in again")))
        }
        Command::EnrolPhone { id } => {
            let offer = client.enrol_phone(id, &key()).await?;
            signed.did(&offer.accepted)?;
            let text = if json {
                String::new()
            } else {
                format!(
                    "{}\nScan this with the authenticator before {}, or give it the text:\n{}",
                    qr(&offer.payload),
                    offer.expires_at,
                    offer.payload
                )
            };
            Ok(Shown::new(&offer, text))
        }
    }
}

/// Two modules per character, dark on light as scanners want it, whatever the terminal's colours.
fn qr(payload: &str) -> String {
    match QrCode::new(payload.as_bytes()) {
        Ok(code) => code
            .render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Dark)
            .light_color(unicode::Dense1x2::Light)
            .build(),
        Err(_) => "(the payload does not fit into a QR code; use the text)".to_owned(),
    }
}

/// The step that is meant; a gateway need not be named where there is only one.
fn chosen(row: &UserRow, text: &str) -> Result<Step, Failure> {
    let (kind, at) = match text.split_once('@') {
        Some((kind, gateway)) => (kind, Some(id::<GatewayId>(gateway).map_err(Failure::Usage)?)),
        None => (text, None),
    };
    let fits = |step: &Step| match step {
        Step::Directory => kind == "directory" && at.is_none(),
        Step::Vpn { gateway } => kind == "vpn" && at.is_none_or(|at| at == *gateway),
        Step::Panel { gateway } => kind == "panel" && at.is_none_or(|at| at == *gateway),
    };
    let steps: Vec<_> = row.steps.iter().map(|row| row.step).filter(fits).collect();
    match steps.as_slice() {
        [step] => Ok(*step),
        [] => Err(Failure::Usage(format!("this user has no step `{text}`; give directory, vpn or panel"))),
        _ => Err(Failure::Usage(format!("which gateway? give {kind}@GATEWAY"))),
    }
}

fn step_name(step: &Step) -> String {
    match step {
        Step::Directory => "directory".to_owned(),
        Step::Vpn { gateway } => format!("vpn@{gateway}"),
        Step::Panel { gateway } => format!("panel@{gateway}"),
    }
}

fn step_state(row: &StepRow) -> String {
    match row.state {
        StepState::Pending => "pending".to_owned(),
        StepState::Done => "done".to_owned(),
        StepState::Failed { reason } => format!("failed: {}", word(&reason)),
    }
}

/// What is not given stays as the policy has it.
fn instead(countries: Vec<Country>, windows: Vec<Window>) -> Option<Instead> {
    let given = Instead {
        allowed_countries: (!countries.is_empty()).then_some(countries),
        windows: (!windows.is_empty()).then_some(windows),
    };
    (given != Instead::default()).then_some(given)
}

fn line(row: &UserRow) -> Vec<String> {
    let done = row.steps.iter().filter(|step| step.state == StepState::Done).count();
    let phones = row.devices.iter().filter(|device| device.enrolled && !device.revoked).count();
    vec![
        row.id.to_string(),
        or_dash(row.username.as_ref()),
        word(&row.state),
        format!("{done} of {} done", row.steps.len()),
        phones.to_string(),
        row.created_at.to_string(),
    ]
}

fn whole(row: &UserRow) -> String {
    let ids = |ids: Vec<String>| ids.join(" ");
    let mut text = fields(&[
        ("user", row.id.to_string()),
        ("name", or_dash(row.username.as_ref())),
        ("state", word(&row.state)),
        ("policies", ids(row.policies.iter().map(ToString::to_string).collect())),
        ("gateways", ids(row.gateways.iter().map(ToString::to_string).collect())),
        ("created", row.created_at.to_string()),
    ]);
    let steps: Vec<_> = row
        .steps
        .iter()
        .map(|step| vec![step_name(&step.step), step_state(step), step.attempt.to_string()])
        .collect();
    text.push('\n');
    text.push_str(&table(&["STEP", "STATE", "ATTEMPT"], &steps));
    let phones: Vec<_> = row
        .devices
        .iter()
        .map(|device| {
            let state = if device.revoked {
                "revoked"
            } else if device.enrolled {
                "enrolled"
            } else {
                "offered"
            };
            vec![device.id.to_string(), state.to_owned(), word(&device.protection)]
        })
        .collect();
    text.push('\n');
    text.push_str(&table(&["PHONE", "STATE", "KEYS"], &phones));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_api::user::UserState;
    use viworks_domain::Millis;

    fn user(gateways: &[u8]) -> UserRow {
        let gateways: Vec<_> = gateways.iter().map(|n| GatewayId([*n; 16])).collect();
        let steps = std::iter::once(Step::Directory)
            .chain(gateways.iter().flat_map(|g| [Step::Vpn { gateway: *g }, Step::Panel { gateway: *g }]))
            .map(|step| StepRow { step, state: StepState::Pending, attempt: 1 })
            .collect();
        UserRow {
            id: UserId([1; 16]),
            username: Some("ada".into()),
            state: UserState::Provisioning,
            steps,
            policies: vec![],
            gateways,
            devices: vec![],
            created_at: Millis(0),
            last_login_at: None,
        }
    }

    #[test]
    fn a_step_is_named_by_its_place_and_its_gateway_when_there_are_several() {
        assert!(matches!(chosen(&user(&[1]), "vpn"), Ok(Step::Vpn { .. })));
        assert!(matches!(chosen(&user(&[1]), "directory"), Ok(Step::Directory)));
        assert!(chosen(&user(&[1, 2]), "vpn").is_err());
        let at = format!("panel@{}", GatewayId([2; 16]));
        assert!(
            matches!(chosen(&user(&[1, 2]), &at), Ok(Step::Panel { gateway }) if gateway == GatewayId([2; 16]))
        );
        assert!(chosen(&user(&[1]), "shell").is_err());
    }

    #[test]
    fn a_payload_of_the_usual_length_is_a_code() {
        assert!(qr(&format!("vwqr1.{}", "a".repeat(400))).lines().count() > 20);
    }
}
