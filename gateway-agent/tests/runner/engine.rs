//! The container engine with a storage of the test's own, and the published page's image.

use crate::stage::{IMAGE, Stage, skip};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// As `cargo xtask demo` configures it.
const ENGINE: &str = r#"[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;

/// A stage with an engine that has the page's image; its runner is not started yet.
pub fn stage(test: &str) -> Option<Stage> {
    let mut stage = Stage::empty(test)?;
    let dir = stage.dir().join("containers");
    fs::create_dir(&dir).unwrap();
    let storage = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
        dir.display()
    );
    fs::write(dir.join("containers.conf"), ENGINE).unwrap();
    fs::write(dir.join("storage.conf"), storage).unwrap();
    let podman = stage.dir().join("podman");
    let wrapper = format!(
        "#!/bin/sh\nexport CONTAINERS_CONF={0}/containers.conf CONTAINERS_STORAGE_CONF={0}/storage.conf\n\
         exec /usr/bin/podman \"$@\"\n",
        dir.display()
    );
    fs::write(&podman, wrapper).unwrap();
    fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
    stage.configure(&podman);
    stage.podman = Some(podman.clone());
    let imported = page().and_then(|page| import(&podman, &page, &dir));
    if let Err(reason) = imported {
        skip(test, &reason);
        return None;
    }
    Some(stage)
}

/// The page, linked statically: the one that `cargo xtask` builds.
fn page() -> Result<PathBuf, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let test = std::env::current_exe().unwrap();
    let page = test.ancestors().nth(3).unwrap().join("small/viworks-page");
    let written = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    if written(&page) > written(&top.join("deploy/page/src/main.rs")) {
        return Ok(page);
    }
    let built = Command::new(env!("CARGO"))
        .current_dir(top)
        .args([
            "rustc",
            "--quiet",
            "--locked",
            "--package=viworks-page",
            "--bin=viworks-page",
            "--profile=small",
        ])
        .args(["--", "-C", "target-feature=+crt-static"])
        .output()
        .map_err(|error| error.to_string())?;
    if built.status.success() && page.is_file() {
        Ok(page)
    } else {
        Err(format!("the page cannot be built: {}", String::from_utf8_lossy(&built.stderr).trim()))
    }
}

fn import(podman: &Path, page: &Path, dir: &Path) -> Result<(), String> {
    let (root, archive) = (dir.join("root"), dir.join("page.tar"));
    fs::create_dir_all(root.join("run/vw")).unwrap();
    fs::copy(page, root.join("page")).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(&root).arg(".");
    let mut import = Command::new(podman);
    import.args([
        "import",
        "--quiet",
        "--change",
        "ENTRYPOINT [\"/page\"]",
        "--change",
        "STOPSIGNAL SIGKILL",
    ]);
    import.arg(&archive).arg(IMAGE);
    for command in [&mut tar, &mut import] {
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
    }
    Ok(())
}

/// The engine mounts its storage on itself.
pub fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut below: Vec<&str> = mounts
        .lines()
        .filter_map(|l| l.split(' ').nth(4))
        .filter(|m| Path::new(m).starts_with(dir))
        .collect();
    below.reverse();
    for mount in below {
        let _ = Command::new("umount").args(["--lazy", mount]).status();
    }
}
