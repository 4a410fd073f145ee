//! Every two seconds: the machine, its services, its containers, the sessions' bytes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use viworks_domain::{
    enforcer::{Enforcer, Held},
    gateway::Health,
    gateway_bus::{self, Container, Machine, Service, SessionTraffic},
    ids::Incarnation,
};

pub(super) const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Telemetry {
    state: PathBuf,
    incarnation: Incarnation,
    services: Vec<Service>,
    health: Option<Health>,
    last: Option<Counters>,
}

struct Counters {
    at: Instant,
    busy: u64,
    total: u64,
    received: u64,
    sent: u64,
}

impl Telemetry {
    pub fn new(state: &Path, incarnation: Incarnation) -> Self {
        Self { state: state.to_path_buf(), incarnation, services: vec![], health: None, last: None }
    }

    pub fn services(&mut self, services: Vec<Service>) {
        self.services = services;
    }

    /// The gateway's health, when it is another than was told last. Before the runner has said how its services
    /// are, nothing is known.
    pub fn changed_health(&mut self, services: &[Service]) -> Option<Health> {
        if self.services.is_empty() {
            return None;
        }
        let health = Health::of(services);
        (self.health.replace(health) != Some(health)).then_some(health)
    }

    pub fn read(&mut self, enforcer: &Enforcer) -> gateway_bus::Telemetry {
        let containers = enforcer
            .containers()
            .map(|(session, image, running)| Container {
                name: format!("vw-{session}"),
                image: image.to_owned(),
                running,
                session,
            })
            .collect();
        let mut services = vec![
            Service { name: "spa".into(), up: enforcer.edge_is_up() },
            Service { name: "tls".into(), up: enforcer.edge_is_up() },
        ];
        services.extend(self.services.iter().cloned());
        let traffic = |(held, (bytes_in, bytes_out)): (&Held, (u64, u64))| SessionTraffic {
            session: held.session,
            bytes_in,
            bytes_out,
        };
        gateway_bus::Telemetry {
            at: crate::clock::now(),
            incarnation: Some(self.incarnation),
            machine: self.machine(),
            services,
            containers,
            sessions: enforcer.sessions().map(traffic).collect(),
        }
    }

    fn machine(&mut self) -> Option<Machine> {
        let (busy, total) = cpu(&fs::read_to_string("/proc/stat").ok()?)?;
        let (memory_total, memory_available) = memory(&fs::read_to_string("/proc/meminfo").ok()?)?;
        let (received, sent) = network(&fs::read_to_string("/proc/self/net/dev").ok()?);
        let disk = rustix::fs::statvfs(&self.state).ok()?;
        let now = Counters { at: crate::clock::instant(), busy, total, received, sent };
        let last = self.last.replace(now);
        let now = self.last.as_ref()?;
        let (cpu, network_in, network_out) = match last {
            Some(last) => {
                let seconds = now.at.duration_since(last.at).as_secs_f64().max(0.001);
                let per_second = |new: u64, old: u64| (new.saturating_sub(old) as f64 / seconds) as u64;
                let all = now.total.saturating_sub(last.total).max(1);
                (
                    now.busy.saturating_sub(last.busy) as f32 / all as f32,
                    per_second(now.received, last.received),
                    per_second(now.sent, last.sent),
                )
            }
            None => (0.0, 0, 0),
        };
        Some(Machine {
            cpu: cpu.clamp(0.0, 1.0),
            memory_used: memory_total.saturating_sub(memory_available),
            memory_total,
            disk_used: disk.f_blocks.saturating_sub(disk.f_bavail).saturating_mul(disk.f_frsize),
            disk_total: disk.f_blocks.saturating_mul(disk.f_frsize),
            network_in,
            network_out,
        })
    }
}

/// Busy and total ticks of all cores.
fn cpu(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    let total = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((u64::saturating_sub(total, idle), total))
}

/// Total and available bytes.
fn memory(meminfo: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = meminfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    Some((field("MemTotal:")?, field("MemAvailable:")?))
}

/// Bytes received and sent, all devices but loopback.
fn network(dev: &str) -> (u64, u64) {
    let devices = dev.lines().filter_map(|line| line.split_once(':'));
    devices.filter(|(name, _)| name.trim() != "lo").fold((0, 0), |(received, sent), (_, rest)| {
        let fields: Vec<u64> = rest.split_whitespace().map(|n| n.parse().unwrap_or(0)).collect();
        (received + fields.first().unwrap_or(&0), sent + fields.get(8).unwrap_or(&0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        assert_eq!(cpu("cpu  10 0 20 60 10 0 0 0 0 0\ncpu0 ..\n"), Some((30, 100)));
        assert_eq!(memory("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 40 kB\n"), Some((102_400, 40_960)));
        let dev = "Inter-| ..\n face |..\n    lo: 5 0 0 0 0 0 0 0 5 0\n  wan: 7 0 0 0 0 0 0 0 9 0\n";
        assert_eq!(network(dev), (7, 9));
        assert_eq!(cpu("nonsense"), None);
    }

    #[test]
    fn health_is_told_once_it_is_known_and_whenever_it_changes() {
        let mut telemetry = Telemetry::new(Path::new("/"), Incarnation([1; 16]));
        let services = |nginx, openvpn| {
            [("spa", true), ("tls", true), ("openvpn", openvpn), ("nginx", nginx)]
                .map(|(name, up)| Service { name: name.into(), up })
        };
        assert_eq!(telemetry.changed_health(&services(true, true)), None);
        telemetry.services(vec![Service { name: "openvpn".into(), up: true }]);
        assert_eq!(telemetry.changed_health(&services(true, true)), Some(Health::Up));
        assert_eq!(telemetry.changed_health(&services(true, true)), None);
        assert_eq!(telemetry.changed_health(&services(false, true)), Some(Health::Degraded));
        assert_eq!(telemetry.changed_health(&services(false, false)), Some(Health::Down));
    }
}
