//! Everything that a demo puts up, as one value: when it goes, for whatever reason, all of it goes, in the
//! order of its fields' needs (desktops, processes, containers, namespaces, directory).

use super::{
    containers,
    netns::{self, Net},
    place::{self, Place},
    probe,
    supervisor::{Spec, Supervisor},
};
use crate::{
    failure::Result,
    report::{self, Stopwatch},
    setup, workspace,
};
use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

pub struct House {
    // Dropped from the top: processes first, then the ground they stand on.
    pub processes: Supervisor,
    _containers: ContainersGone,
    _net: Net,
    pub place: Place,
}

/// Containers are no children of ours; the engine has to be told.
struct ContainersGone(PathBuf);

impl Drop for ContainersGone {
    fn drop(&mut self) {
        containers::remove_all(&self.0);
    }
}

/// How long a program may take until it is ready, on a slow and busy machine.
pub const UNTIL_READY: Duration = Duration::from_secs(60);

impl House {
    /// The ground: directory, programs, namespaces, resources, the page's image. Nothing of the product yet.
    pub fn raise(keep: Option<&Path>) -> Result<Self> {
        let watch = Stopwatch::start();
        let place = Place::take(keep)?;
        let net = Net::build()?;
        let mut house = Self {
            processes: Supervisor::new(&place.at("logs")),
            _containers: ContainersGone(place.bin("podman")),
            _net: net,
            place,
        };
        house.place.install_binaries()?;
        place::copy(&workspace::built().join("xtask"), &house.place.bin("xtask"), 0o755)?;
        report::tick("network namespaces and programs in place", watch.elapsed());

        let watch = Stopwatch::start();
        house.resources()?;
        report::tick("a resource that policies may allow, and one they never do", watch.elapsed());

        let watch = Stopwatch::start();
        containers::configure(&house.place)?;
        containers::build_page(&house.place)?;
        report::tick("the published page's image, built here", watch.elapsed());
        Ok(house)
    }

    /// Two web servers behind the gateway: one that the policy names, one that nobody may reach.
    fn resources(&mut self) -> Result {
        let busybox = setup::busybox().unwrap_or_else(|| "busybox".into());
        for (name, ip) in [("resource-allowed", netns::ALLOWED_IP), ("resource-other", netns::FORBIDDEN_IP)] {
            let root = self.place.at("run").join(name);
            self.place.make(&root, 0o755)?;
            place::write(&root.join("index.html"), format!("{name}\n").as_bytes(), 0o644)?;
            let listen = format!("{ip}:{}", netns::RESOURCE_PORT);
            let spec = Spec::new(name, netns::RESOURCES, &busybox).args(["httpd", "-f", "-p", &listen, "-h"]);
            self.processes.start(spec.args([root]))?;
            let from = self.from(netns::GATEWAY);
            self.processes.wait_until(name, "listening", UNTIL_READY, |_| {
                from.tcp(&listen, Duration::from_millis(200))
                    .is_ok_and(|answer| answer == probe::Answer::Open)
            })?;
        }
        Ok(())
    }

    pub fn from(&self, namespace: &'static str) -> probe::From {
        probe::From { namespace, program: self.place.bin("xtask") }
    }
}

/// Whether this machine's own end sees a listener there.
pub fn listens(address: &str) -> bool {
    address
        .parse::<SocketAddr>()
        .is_ok_and(|address| TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok())
}
