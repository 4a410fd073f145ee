//! One container per session: no network, nothing writable but its socket's directory, no capability.

use super::{process::Process, turns::Turns};
use crate::{
    config::{Checked, Places},
    launch,
};
use rustix::process::Signal;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Output,
    rc::Rc,
    time::Duration,
};
use tokio::{process::Command, sync::mpsc};
use viworks_domain::{
    gateway_bus::Service,
    ids::{GatewayId, SessionId},
};

/// The engine answers in a fifth of a second when the machine is idle.
const PATIENCE: Duration = Duration::from_secs(30);
const SOCKET_APPEARS: Duration = Duration::from_secs(10);
/// A page says 64 MiB is plenty; a browser will need its own figure.
const MEMORY: &str = "--memory=256m";
const NO_SWAP: &str = "--memory-swap=256m";
const PIDS: &str = "--pids-limit=256";
const FILES: &str = "--ulimit=nofile=1024:1024";
/// Counted over all containers of one user by the kernel; `PIDS` is what limits each. Named all the same,
/// because engines try to raise what they inherited otherwise, which not every machine lets them.
const PROCESSES: &str = "--ulimit=nproc=4096:4096";
/// The socket that every image serves on, last of all that it makes.
const SOCKET: &str = "page.sock";

pub(super) struct Containers {
    podman: PathBuf,
    sessions: PathBuf,
    images: Vec<String>,
    /// Distinguishes this gateway's containers from whatever else runs here.
    label: String,
    page_user: u32,
    web_group: u32,
    running: RefCell<BTreeMap<SessionId, Rc<Process>>>,
    /// Asked to go: starting it is not worth waiting for.
    dying: RefCell<BTreeSet<SessionId>>,
    turns: Rc<Turns<SessionId>>,
    answers: Cell<bool>,
    gone: mpsc::UnboundedSender<SessionId>,
}

fn name(session: SessionId) -> String {
    format!("vw-{session}")
}

impl Containers {
    /// `gone` is told of each that ends by itself.
    pub fn new(
        places: &Places,
        checked: &Checked,
        gateway: GatewayId,
        gone: mpsc::UnboundedSender<SessionId>,
    ) -> Self {
        Self {
            podman: checked.config.podman.clone(),
            sessions: places.sessions(),
            images: checked.ceiling.images.clone(),
            label: format!("viworks.gateway={gateway}"),
            page_user: checked.config.users.page,
            web_group: checked.config.users.web,
            running: RefCell::default(),
            dying: RefCell::default(),
            turns: Turns::new(),
            answers: Cell::new(false),
            gone,
        }
    }

    pub fn running(&self) -> Vec<SessionId> {
        self.running.borrow().keys().copied().collect()
    }

    /// Asking costs the engine a process: what is said is how it answered last.
    pub fn service(&self) -> Service {
        Service { name: "containers".into(), up: self.answers.get() }
    }

    /// For an engine that failed to answer: perhaps it does again.
    pub async fn ask_again(&self) {
        if !self.answers.get() {
            let _ = self.engine(["version", "--format={{.Client.Version}}"]).await;
        }
    }

    /// Killed with us: a command that goes on after its asker could make what was found to be gone.
    async fn engine<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> io::Result<Output> {
        let mut command = Command::from(launch::tied(&self.podman));
        let output = tokio::time::timeout(PATIENCE, command.args(args).kill_on_drop(true).output());
        let output = output.await.map_err(io::Error::from).flatten();
        self.answers.set(output.is_ok());
        output
    }

    async fn engine_does<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> io::Result<String> {
        let output = self.engine(args).await?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }

    /// What an earlier runner left running is watched from now on; what it left dead is removed when asked for.
    pub async fn adopt(self: &Rc<Self>) {
        let filter = format!("--filter=label={}", self.label);
        let found = self.engine_does(["ps", "--no-trunc", &filter, "--format={{.Names}} {{.ID}} {{.Pid}}"]);
        match found.await {
            Ok(lines) => {
                for (session, process) in lines.lines().filter_map(running_container) {
                    tracing::info!(%session, "a container runs already and is adopted");
                    self.watch(session, process);
                }
            }
            Err(error) => tracing::error!(%error, "the container engine does not answer"),
        }
    }

    fn watch(self: &Rc<Self>, session: SessionId, process: Process) {
        let process = Rc::new(process);
        self.running.borrow_mut().insert(session, Rc::clone(&process));
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            process.ended().await;
            let mut running = this.running.borrow_mut();
            if running.get(&session).is_some_and(|known| Rc::ptr_eq(known, &process)) {
                running.remove(&session);
                let _ = this.gone.send(session);
            }
        });
    }

    /// Whether it runs and its page answers.
    pub async fn start(self: &Rc<Self>, session: SessionId, image: &str) -> bool {
        let _turn = self.turns.take(session).await;
        if self.running.borrow().contains_key(&session) {
            return true;
        }
        match self.try_start(session, image).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%session, %error, "the container does not start");
                self.remove(session).await;
                false
            }
        }
    }

    async fn try_start(self: &Rc<Self>, session: SessionId, image: &str) -> io::Result<()> {
        if !self.images.iter().any(|allowed| allowed == image) {
            return Err(io::Error::other(format!("{image} is not among this gateway's images")));
        }
        // Left by a container that died with its runner.
        if !self.remove(session).await {
            return Err(io::Error::other("an earlier one is in the way"));
        }
        let dir = self.directory(session);
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o710))?;
        chown(&dir, Some(self.page_user), Some(self.web_group))?;
        let id = self.engine_does(self.run_args(session, image)?).await?;
        let pid = self.engine_does(["inspect", "--format={{.State.Pid}}", id.trim()]).await?;
        let process = running_container(&format!("{} {} {}", name(session), id.trim(), pid.trim()));
        let (_, process) = process.ok_or_else(|| io::Error::other("it ended at once"))?;
        self.page_answers(session, &process).await?;
        self.seal(&dir)?;
        self.watch(session, process);
        Ok(())
    }

    fn directory(&self, session: SessionId) -> PathBuf {
        self.sessions.join(session.to_string())
    }

    fn run_args(&self, session: SessionId, image: &str) -> io::Result<Vec<String>> {
        let dir = self.directory(session);
        let dir = dir.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        Ok([
            "run",
            "--detach",
            "--pull=never",
            &format!("--name={}", name(session)),
            &format!("--label={}", self.label),
            &format!("--hostname={}", &name(session)[..10]),
            "--network=none",
            "--read-only",
            "--read-only-tmpfs=false",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            MEMORY,
            NO_SWAP,
            PIDS,
            FILES,
            PROCESSES,
            &format!("--user={0}:{0}", self.page_user),
            &format!("--volume={dir}:/run/vw"),
            "--log-driver=none",
            image,
        ]
        .map(str::to_owned)
        .into())
    }

    /// The page is there when its socket takes a connection.
    async fn page_answers(&self, session: SessionId, process: &Process) -> io::Result<()> {
        let socket = self.directory(session).join(SOCKET);
        let connects = async {
            while tokio::net::UnixStream::connect(&socket).await.is_err() {
                if self.dying.borrow().contains(&session) {
                    return Err(io::Error::other("it is to go already"));
                }
                if !process.runs() {
                    return Err(io::Error::other("it ended before its page answered"));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        };
        tokio::time::timeout(SOCKET_APPEARS, connects).await?
    }

    /// From here on the container cannot put anything else in its socket's place, such as a link to another
    /// session's: the web server would follow it.
    fn seal(&self, dir: &Path) -> io::Result<()> {
        chown(dir, Some(0), Some(self.web_group))?;
        if fs::symlink_metadata(dir.join(SOCKET))?.file_type().is_socket() {
            Ok(())
        } else {
            Err(io::Error::other("its page is not a socket of its own"))
        }
    }

    /// Whether nothing of it is left. Dead at once; the engine tidies up after it.
    pub async fn kill(&self, session: SessionId) -> bool {
        self.dying.borrow_mut().insert(session);
        if let Some(process) = self.running.borrow_mut().remove(&session) {
            process.signal(Signal::KILL);
        }
        let _turn = self.turns.take(session).await;
        // One that started while we waited.
        if let Some(process) = self.running.borrow_mut().remove(&session) {
            process.signal(Signal::KILL);
        }
        let gone = self.remove(session).await;
        self.dying.borrow_mut().remove(&session);
        gone
    }

    /// Said to be gone by the engine that was asked for it, not by the one that removed it.
    async fn remove(&self, session: SessionId) -> bool {
        let name = name(session);
        let exists = ["container", "exists", &name];
        let mut left = self.engine(exists).await;
        if left.as_ref().is_ok_and(|output| output.status.success()) {
            if let Err(error) = self.engine_does(["rm", "--force", "--time=0", "--ignore", &name]).await {
                tracing::error!(%session, %error, "the container cannot be removed");
            }
            left = self.engine(exists).await;
        }
        // 0: there is one; 1: there is none; anything else: the engine does not know.
        let gone = left.is_ok_and(|output| output.status.code() == Some(1));
        gone && match fs::remove_dir_all(self.directory(session)) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(()) => true,
        }
    }

    /// The agent stops: all at once, because the machine may be waiting.
    pub async fn end_all(&self) {
        let all = std::mem::take(&mut *self.running.borrow_mut());
        if all.is_empty() {
            return;
        }
        for process in all.values() {
            process.signal(Signal::KILL);
        }
        let names = all.keys().map(|session| name(*session));
        let words = ["rm", "--force", "--time=0", "--ignore"].map(str::to_owned).into_iter();
        if let Err(error) = self.engine_does(words.chain(names)).await {
            tracing::error!(%error, "the containers cannot be removed");
        }
        for session in all.keys() {
            let _ = fs::remove_dir_all(self.directory(*session));
        }
    }
}

/// `vw-<session> <id> <pid>`, where that process is that container's and not one that got its number later.
fn running_container(line: &str) -> Option<(SessionId, Process)> {
    let mut words = line.split_whitespace();
    let session = words.next()?.strip_prefix("vw-")?.parse().ok()?;
    let id = words.next().filter(|id| id.len() == 64)?;
    let pid: u32 = words.next()?.parse().ok()?;
    let process = Process::open(pid)?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    (groups.contains(id) && process.runs()).then_some((session, process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_only_has_a_containers_number_is_not_that_container() {
        let (session, id) = (SessionId([7; 16]), "c".repeat(64));
        let line = format!("{} {id} {}", name(session), std::process::id());
        assert!(running_container(&line).is_none());
        assert!(running_container("vw- x y").is_none());
        assert!(running_container("").is_none());
    }
}
