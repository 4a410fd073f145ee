//! The container engine with a storage of its own, so that a person's own images and containers are neither
//! seen nor touched; and the published page's image, built here without any registry.

use super::place::{self, Place};
use crate::{exec, failure::Result, workspace};
use std::{fs, path::Path, process::Command};

pub const IMAGE: &str = "localhost/viworks/page:1";

/// `runc` and plain cgroups work on every kernel we met; explicit limits, because raising the inherited ones
/// needs a capability that a machine may withhold.
const ENGINE: &str = r#"[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;

/// Writes the engine's configuration and `bin/podman`: the real one with that configuration, whoever starts it.
pub fn configure(place: &Place) -> Result {
    let dir = place.at("containers");
    let storage = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
        dir.display()
    );
    place::write(&dir.join("containers.conf"), ENGINE.as_bytes(), 0o644)?;
    place::write(&dir.join("storage.conf"), storage.as_bytes(), 0o644)?;
    let real = workspace::program("podman")?;
    let wrapper = format!(
        "#!/bin/sh\nexport CONTAINERS_CONF={0}/containers.conf CONTAINERS_STORAGE_CONF={0}/storage.conf\n\
         export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec {1} \"$@\"\n",
        dir.display(),
        real.display()
    );
    place::write(&place.bin("podman"), wrapper.as_bytes(), 0o755)
}

/// The program that the image holds, linked statically: `deploy/page`.
pub const PAGE_BUILD: [&str; 9] = [
    "rustc",
    "--quiet",
    "--locked",
    "--package=viworks-page",
    "--bin=viworks-page",
    "--profile=small",
    "--",
    "-C",
    "target-feature=+crt-static",
];

/// Imports the image: that one program, and the place where its socket goes.
pub fn build_page(place: &Place) -> Result {
    let rootfs = place.at("containers/page");
    place.make(&rootfs.join("run/vw"), 0o755)?;
    let built = workspace::built().with_file_name("small").join("viworks-page");
    place::copy(&built, &rootfs.join("page"), 0o755)?;
    let archive = place.at("containers/page.tar");
    let mut tar = exec::command("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(&rootfs).arg(".");
    exec::succeed(&mut tar)?;
    let mut import = Command::new(place.bin("podman"));
    import.args([
        "import",
        "--quiet",
        "--change",
        "ENTRYPOINT [\"/page\"]",
        "--change",
        "STOPSIGNAL SIGKILL",
    ]);
    exec::succeed(import.arg(&archive).arg(IMAGE))?;
    // Imported; the archive is of no more use.
    let _ = fs::remove_file(&archive);
    Ok(())
}

/// Names of the running containers.
pub fn running(place: &Place) -> Result<Vec<String>> {
    let text = exec::succeed(Command::new(place.bin("podman")).args(["ps", "--format", "{{.Names}}"]))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// For cleaning up; an engine that was never configured has nothing to remove.
pub fn remove_all(podman: &Path) {
    if podman.is_file() {
        let _ = Command::new(podman).args(["rm", "--all", "--force", "--time", "0"]).output();
    }
}
