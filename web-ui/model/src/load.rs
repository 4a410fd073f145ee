//! What a gateway says of itself, as figures and lines on a screen.

use crate::format;
use std::time::Duration;
use viworks_api::{feed::Sample, gateway::GatewayTelemetry};
use viworks_domain::{
    Millis,
    gateway_bus::{Machine, Service},
};

/// Five missed words; the server calls a gateway down after the same silence.
pub const SILENT_AFTER: Duration = Duration::from_secs(10);

/// What is drawn as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gauge {
    Cpu,
    Memory,
    Disk,
}

impl Gauge {
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Disk];

    /// As the page's attribute has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "RAM",
            Self::Disk => "Disk",
        }
    }

    /// 0 to 1.
    pub fn share(self, machine: &Machine) -> f32 {
        match self {
            Self::Cpu => bounded(machine.cpu),
            Self::Memory => bounded(format::share(machine.memory_used, machine.memory_total)),
            Self::Disk => bounded(format::share(machine.disk_used, machine.disk_total)),
        }
    }

    /// "37 %", "37 % · 1.5 GiB of 4.0 GiB".
    pub fn text(self, machine: &Machine) -> String {
        let percent = format::percent(self.share(machine));
        let of = |used, total| format!("{percent} · {} of {}", format::bytes(used), format::bytes(total));
        match self {
            Self::Cpu => percent,
            Self::Memory => of(machine.memory_used, machine.memory_total),
            Self::Disk => of(machine.disk_used, machine.disk_total),
        }
    }

    /// Oldest first.
    pub fn line(self, samples: &[Sample]) -> Vec<f32> {
        samples.iter().map(|sample| self.share(&sample.machine)).collect()
    }
}

/// A gateway may say anything; a line shows what makes sense.
const fn bounded(share: f32) -> f32 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// How new what a gateway said is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It has not spoken since the server started.
    Never,
    Fresh {
        at: Millis,
    },
    /// It has been silent: what is shown is how it was.
    Stale {
        at: Millis,
    },
}

pub fn freshness(telemetry: Option<&GatewayTelemetry>, now: Millis) -> Freshness {
    match telemetry {
        None => Freshness::Never,
        Some(said) if now.since(said.at) > SILENT_AFTER => Freshness::Stale { at: said.at },
        Some(said) => Freshness::Fresh { at: said.at },
    }
}

/// In the order in which a connection meets them; what is not known comes last, by name.
const SERVICES: [&str; 5] = ["spa", "tls", "openvpn", "nginx", "containers"];

pub fn in_order(mut services: Vec<Service>) -> Vec<Service> {
    let place = |name: &str| SERVICES.iter().position(|known| *known == name).unwrap_or(SERVICES.len());
    services.sort_by(|a, b| (place(&a.name), &a.name).cmp(&(place(&b.name), &b.name)));
    services
}

/// An image as people call it: without its digest, and without the registry, which is an address of the installation
/// and often its port.
pub fn image(image: &str) -> String {
    let named = image.split('@').next().unwrap_or_default();
    let short = match named.split_once('/') {
        Some(("docker.io", rest)) => rest.strip_prefix("library/").unwrap_or(rest),
        Some((first, rest)) if is_registry(first) => rest,
        _ => named,
    };
    let is_digest = short.starts_with("sha256:")
        || (short.len() >= 12 && short.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if short.is_empty() || is_digest { "image without a name".into() } else { short.to_owned() }
}

/// Whether the first part of an image's name is a host rather than part of a path, by the rule of Docker's reference
/// grammar: paths have no port, and begin with neither a domain nor a large letter.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cpu: f32, memory_used: u64, memory_total: u64) -> Machine {
        Machine { cpu, memory_used, memory_total, disk_used: 1, disk_total: 4, network_in: 0, network_out: 0 }
    }

    #[test]
    fn a_line_is_made_of_shares_whatever_a_gateway_says() {
        let samples = [machine(0.25, 1, 2), machine(7.0, 5, 0), machine(f32::NAN, 9, 3)]
            .map(|machine| Sample { at: Millis(1), machine });
        assert_eq!(Gauge::Cpu.line(&samples), [0.25, 1.0, 0.0]);
        assert_eq!(Gauge::Memory.line(&samples), [0.5, 0.0, 1.0]);
        assert_eq!(Gauge::Disk.line(&samples), [0.25; 3]);
    }

    #[test]
    fn a_line_says_in_words_what_it_ends_with() {
        let machine = machine(0.371, 3 << 29, 4 << 30);
        assert_eq!(Gauge::Cpu.text(&machine), "37 %");
        assert_eq!(Gauge::Memory.text(&machine), "38 % · 1.5 GiB of 4.0 GiB");
    }

    #[test]
    fn what_is_older_than_ten_seconds_is_said_to_be_old() {
        let said =
            GatewayTelemetry { at: Millis(50_000), machine: None, services: vec![], containers: vec![] };
        let at = Millis(50_000);
        assert_eq!(freshness(Some(&said), Millis(60_000)), Freshness::Fresh { at });
        assert_eq!(freshness(Some(&said), Millis(60_001)), Freshness::Stale { at });
        // The server's clock is asked once a second and may be behind by that much.
        assert_eq!(freshness(Some(&said), Millis(49_000)), Freshness::Fresh { at });
        assert_eq!(freshness(None, Millis(49_000)), Freshness::Never);
    }

    #[test]
    fn services_stand_in_the_order_in_which_a_connection_meets_them() {
        let services = ["zebra", "nginx", "containers", "spa", "apple", "openvpn", "tls"]
            .map(|name| Service { name: name.into(), up: true });
        let names = in_order(services.into()).into_iter().map(|service| service.name).collect::<Vec<_>>();
        assert_eq!(names, ["spa", "tls", "openvpn", "nginx", "containers", "apple", "zebra"]);
    }

    #[test]
    fn an_image_is_shown_without_the_address_that_it_comes_from() {
        for from in ["10.0.0.5:5000", "registry.corp:5000", "localhost:5000", "REGISTRY", "[fd00::5]:5000"] {
            assert_eq!(image(&format!("{from}/viworks/page:1@sha256:00aa")), "viworks/page:1");
        }
        assert_eq!(image("viworks/page:1"), "viworks/page:1");
        assert_eq!(image("registry.example/library/b"), "library/b");
        assert_eq!(image("page:1"), "page:1");
    }

    #[test]
    fn an_image_is_shown_by_its_name_never_by_a_digest() {
        assert_eq!(image("localhost/viworks-page:1"), "viworks-page:1");
        assert_eq!(image("docker.io/library/nginx:1.27@sha256:00aa"), "nginx:1.27");
        assert_eq!(image("sha256:0123456789ab"), "image without a name");
        assert_eq!(image("0123456789abcdef"), "image without a name");
        assert_eq!(image(""), "image without a name");
    }
}
