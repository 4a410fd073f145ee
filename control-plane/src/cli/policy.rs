use super::{
    credentials::{Signed, key},
    failure::Failure,
    shown::{Shown, fields, or_dash, table, word},
};
use std::{path::PathBuf, str::FromStr};
use viworks_api::policy::{ChangeRequest, DraftRequest, PolicyRow};
use viworks_domain::{
    Millis,
    ids::PolicyId,
    policy::{Country, CountryRule, Document, PostureRule, Protocol, Resource, Weekday, Window},
};

/// A deployment has few of these.
const MOST_ROWS: u32 = 500;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Draft a policy; it decides nothing until it is activated
    Create(Box<Draft>),
    /// Replace a policy's document by one from a file (JSON)
    Change {
        #[arg(value_parser = id::<PolicyId>)]
        id: PolicyId,
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List policies
    List,
    /// Show one policy
    Show {
        #[arg(value_parser = id::<PolicyId>)]
        id: PolicyId,
    },
    /// Let a policy decide from now on
    Activate {
        #[arg(value_parser = id::<PolicyId>)]
        id: PolicyId,
    },
    /// Take a policy out of force for good
    Retire {
        #[arg(value_parser = id::<PolicyId>)]
        id: PolicyId,
    },
}

#[derive(clap::Args)]
pub struct Draft {
    #[arg(long)]
    name: String,
    /// Two capital letters of ISO 3166-1; as often as needed; none: every country that is not denied
    #[arg(long, value_name = "CC")]
    allow_country: Vec<Country>,
    #[arg(long, value_name = "CC")]
    deny_country: Vec<Country>,
    /// label=name,address,port,tcp|udp; as often as needed
    #[arg(long, value_name = "RESOURCE", value_parser = resource)]
    resource: Vec<Resource>,
    /// "Mon-Fri 08:00-18:00"; as often as needed; none: any time
    #[arg(long, value_name = "WINDOW", value_parser = window)]
    window: Vec<Window>,
    /// IANA time zone that the windows are read in
    #[arg(long, default_value = "UTC")]
    tz: String,
    /// Admits nobody from this moment on, and ends what it admitted (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    ends_at: Option<Millis>,
    /// Longest session
    #[arg(long, default_value_t = 480)]
    max_minutes: u32,
    /// How long a gateway lets a session live without word from the control plane
    #[arg(long, default_value_t = 300)]
    lease_seconds: u32,
    #[arg(long, default_value_t = 1)]
    concurrent_sessions: u32,
    /// The published image, by its name in the gateway's own list
    #[arg(long, default_value = "page")]
    image: String,
    /// Let it decide at once
    #[arg(long)]
    activate: bool,
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let signed = Signed::in_()?;
    let client = &signed.api;
    match command {
        Command::Create(draft) => {
            let activate = draft.activate;
            let document = draft.document();
            document.validate().map_err(|wrong| Failure::Usage(wrong.to_string()))?;
            let created = client.draft_policy(&key(), &DraftRequest { document, activate }).await?;
            signed.did(&created.accepted)?;
            let next = if activate {
                "it decides from now on".to_owned()
            } else {
                format!("it decides nothing yet: `viworks policy activate {}`", created.id)
            };
            Ok(Shown::new(&created, format!("policy {}\n{next}", created.id)))
        }
        Command::Change { id, file } => {
            let text = std::fs::read(&file).map_err(|source| Failure::File {
                verb: "read",
                path: file.clone(),
                source,
            })?;
            let document: Document = serde_json::from_slice(&text).map_err(|error| {
                Failure::Usage(format!("{} is not a policy document: {error}", file.display()))
            })?;
            let accepted = client.change_policy(id, &key(), &ChangeRequest { document }).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("policy {id} has a new version")))
        }
        Command::List => {
            let page = client.policies(&signed.page(MOST_ROWS)).await?;
            let rows: Vec<_> = page.rows.iter().map(line).collect();
            Ok(Shown::new(&page, table(&["POLICY", "NAME", "STATE", "VERSION", "RESOURCES"], &rows)))
        }
        Command::Show { id } => {
            let shown = client.policy(id, signed.newer()).await?;
            Ok(Shown::new(&shown, whole(&shown.row)))
        }
        Command::Activate { id } => {
            let accepted = client.activate_policy(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("policy {id} decides from now on")))
        }
        Command::Retire { id } => {
            let accepted = client.retire_policy(id, &key()).await?;
            signed.did(&accepted)?;
            Ok(Shown::new(&accepted, format!("policy {id} is retired")))
        }
    }
}

fn line(row: &PolicyRow) -> Vec<String> {
    let labels: Vec<_> = row.document.resources.iter().map(|resource| resource.label.as_str()).collect();
    vec![
        row.id.to_string(),
        row.document.name.clone(),
        word(&row.state),
        row.version.to_string(),
        labels.join(","),
    ]
}

fn whole(row: &PolicyRow) -> String {
    let document = &row.document;
    let countries =
        |countries: &[Country]| countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut text = fields(&[
        ("policy", row.id.to_string()),
        ("name", document.name.clone()),
        ("state", format!("{}, version {}", word(&row.state), row.version)),
        ("allowed", countries(&document.countries.allow)),
        ("denied", countries(&document.countries.deny)),
        ("windows", document.windows.iter().map(shown_window).collect::<Vec<_>>().join("; ")),
        ("time zone", document.time_zone.clone()),
        ("ends at", or_dash(document.not_after)),
        ("longest", format!("{} minutes", document.max_minutes)),
        ("lease", format!("{} seconds", document.lease_seconds)),
        ("sessions", document.concurrent_sessions.to_string()),
        ("image", document.image.clone()),
    ]);
    let rows: Vec<_> = document
        .resources
        .iter()
        .map(|r| vec![r.label.clone(), r.address.to_string(), r.port.to_string(), word(&r.protocol)])
        .collect();
    text.push('\n');
    text.push_str(&table(&["RESOURCE", "ADDRESS", "PORT", "PROTOCOL"], &rows));
    text
}

fn shown_window(window: &Window) -> String {
    let days: Vec<_> = window.days.iter().map(word).collect();
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{} {}-{}", days.join(","), clock(window.from_minute), clock(window.to_minute))
}

impl Draft {
    fn document(self) -> Document {
        Document {
            name: self.name,
            time_zone: self.tz,
            windows: self.window,
            not_after: self.ends_at,
            countries: CountryRule { allow: self.allow_country, deny: self.deny_country },
            posture: PostureRule::default(),
            resources: self.resource,
            image: self.image,
            max_minutes: self.max_minutes,
            lease_seconds: self.lease_seconds,
            concurrent_sessions: self.concurrent_sessions,
        }
    }
}

/// An identifier of the kind asked for.
pub fn id<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| "not an identifier: 26 lower-case letters and digits, as the lists show them".to_owned())
}

/// `label=name,address,port,protocol`; the label stands first because it is what people see.
fn resource(text: &str) -> Result<Resource, String> {
    let wrong = || "give label=name,address,port,tcp, such as wiki=intranet,10.78.0.2,8080,tcp".to_owned();
    let (label, rest) = text.split_once('=').ok_or_else(wrong)?;
    let parts: Vec<_> = rest.split(',').map(str::trim).collect();
    let (address, port, protocol) = match parts.as_slice() {
        [_, address, port, protocol] => (*address, *port, *protocol),
        [address, port, protocol] => (*address, *port, *protocol),
        _ => return Err(wrong()),
    };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(wrong()),
    };
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let label = label.trim();
    if label.is_empty() {
        return Err(wrong());
    }
    Ok(Resource { label: label.to_owned(), address: address.parse().map_err(|_| wrong())?, port, protocol })
}

/// `Mon-Fri 08:00-18:00`, `Sat,Sun 10:00-12:00`, `Mon-Sun 00:00-24:00`.
pub fn window(text: &str) -> Result<Window, String> {
    let wrong =
        || "give days and hours, such as \"Mon-Fri 08:00-18:00\"; split what crosses midnight".to_owned();
    let (days, hours) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
    let mut chosen: Vec<Weekday> = vec![];
    for part in days.split(',') {
        let range = match part.split_once('-') {
            Some((first, last)) => (day(first), day(last)),
            None => (day(part), day(part)),
        };
        let (Some(first), Some(last)) = range else { return Err(wrong()) };
        if first > last {
            return Err(wrong());
        }
        for day in &WEEK[first..=last] {
            if !chosen.contains(day) {
                chosen.push(*day);
            }
        }
    }
    let window = Window {
        days: chosen,
        from_minute: minute(from).ok_or_else(wrong)?,
        to_minute: minute(to).ok_or_else(wrong)?,
    };
    if window.from_minute < window.to_minute { Ok(window) } else { Err(wrong()) }
}

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

fn day(text: &str) -> Option<usize> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    names.iter().position(|name| text.trim().eq_ignore_ascii_case(name))
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 1440 && hours <= 24).then_some(hours * 60 + minutes)
}

fn moment(text: &str) -> Result<Millis, String> {
    let wrong = |_| "give a time of RFC 3339, such as 2026-12-31T18:00:00Z".to_owned();
    let at: jiff::Timestamp = text.parse().map_err(wrong)?;
    u64::try_from(at.as_millisecond()).map(Millis).map_err(|_| "that time is before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_days_and_hours() {
        let all = window("Mon-Sun 00:00-24:00").expect("a window");
        assert_eq!((all.days.len(), all.from_minute, all.to_minute), (7, 0, 1440));
        let some = window("mon,wed-fri 08:30-18:00").expect("a window");
        assert_eq!(some.days, [Weekday::Mon, Weekday::Wed, Weekday::Thu, Weekday::Fri]);
        assert_eq!((some.from_minute, some.to_minute), (510, 1080));
        for wrong in [
            "",
            "Mon",
            "Mon 18:00-08:00",
            "Mon 08:00-24:01",
            "Fri-Mon 08:00-09:00",
            "Mo 08:00-09:00",
            "Mon 08:60-09:00",
        ] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_resource_has_a_label_an_address_a_port_and_a_protocol() {
        let wiki = resource("wiki=intranet,10.78.0.2,8080,tcp").expect("a resource");
        assert_eq!((wiki.label.as_str(), wiki.port, wiki.protocol), ("wiki", 8080, Protocol::Tcp));
        assert!(resource("wiki=10.78.0.2,8080,udp").is_ok());
        for wrong in [
            "wiki",
            "=10.78.0.2,80,tcp",
            "w=x,10.78.0.2,0,tcp",
            "w=x,10.78.0,80,tcp",
            "w=x,10.78.0.2,80,icmp",
        ] {
            assert!(resource(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_rfc_3339() {
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Millis(1_000)));
        assert!(moment("tomorrow").is_err());
    }
}
