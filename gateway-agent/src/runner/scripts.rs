//! Provisioning scripts: named in a root-owned file by path and digest, argv only, nothing of our environment,
//! a user of their own, limits of time and output. A reason code is all that leaves this machine.
//!
//! A script is started in the directory it lies in, and by descriptor: the bytes whose digest was checked are
//! the bytes that run, whatever has come to lie at its path meanwhile. (So `$0` is of no use to it.)

use super::{files, process::Process, turns::Turns};
use crate::{
    config::{Checked, Places},
    launch,
};
use rustix::process::{Pid, Signal};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::Semaphore,
};
use viworks_domain::{
    gateway_bus::{Action, Place, Provision},
    ids::UserId,
    user::StepFailure,
};

/// Long enough for a directory or a web panel on a busy machine; a person waits for the pill to turn.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// What a script may print, both streams together.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// A script is a page or two; what is longer was never meant to be one.
const LONGEST_SCRIPT: u64 = 16 * 1024 * 1024;
/// At a time: one that hangs holds up neither the other steps nor the next users.
const AT_A_TIME: usize = 8;

/// `scripts.toml`.
#[derive(Debug, Deserialize)]
struct AllowList(BTreeMap<String, Allowed>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    /// Absolute.
    path: PathBuf,
    /// Hexadecimal.
    sha256: String,
}

/// Why a script is not run.
#[derive(Debug, thiserror::Error)]
enum NotAllowed {
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{0} can be changed by others than root")]
    NotRootsAlone(PathBuf),
    #[error("{0} is no allow-list: {1}")]
    NotAList(PathBuf, String),
    #[error("{0} is not in the allow-list")]
    NotNamed(&'static str),
    #[error("{0} is not an absolute path of a file")]
    NotAFile(PathBuf),
    #[error("{0} is not what the allow-list names")]
    OtherDigest(PathBuf),
}

pub(super) struct Scripts {
    list: PathBuf,
    journal: PathBuf,
    user: u32,
    /// Create and delete of one user come in their order.
    turns: Rc<Turns<(bool, UserId)>>,
    places: Semaphore,
}

const fn name(place: Place) -> &'static str {
    match place {
        Place::Vpn => "vpn-user",
        Place::Panel => "panel-user",
    }
}

impl Scripts {
    pub fn new(places: &Places, checked: &Checked) -> Self {
        Self {
            list: places.scripts(),
            journal: places.runner().join("scripts.log"),
            user: checked.config.users.scripts,
            turns: Turns::new(),
            places: Semaphore::new(AT_A_TIME),
        }
    }

    pub async fn run(&self, step: &Provision) -> Result<(), StepFailure> {
        let name = name(step.place);
        let action = match step.action {
            Action::Create => "create",
            Action::Delete => "delete",
        };
        let user = step.user.to_string();
        let _turn = self.turns.take((step.place == Place::Vpn, step.user)).await;
        let _place = self.places.acquire().await;
        let (output, result) = match Script::open(&self.list, name) {
            Err(why) => {
                tracing::error!(script = name, why = %chain(&why), "the script is not allowed");
                (vec![], Err(StepFailure::ScriptNotAllowed))
            }
            Ok(script) => script.execute(self.user, &[action, &user]).await.unwrap_or_else(|error| {
                tracing::error!(script = name, %error, "the script did not start");
                (vec![], Err(StepFailure::ScriptFailed))
            }),
        };
        self.note(&format!("{name} {action} {user} attempt {}: {result:?}", step.attempt), &output);
        result
    }

    fn note(&self, line: &str, output: &[u8]) {
        let noted = files::journal(&self.journal).and_then(|mut journal| {
            let mut text = format!("{} {line}\n", crate::clock::now());
            for said in String::from_utf8_lossy(output).lines() {
                text.push_str("    ");
                text.push_str(said);
                text.push('\n');
            }
            journal.write_all(text.as_bytes())
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the scripts' journal cannot be written");
        }
    }
}

/// The bytes that were checked, held by descriptor.
#[derive(Debug)]
struct Script {
    file: File,
    directory: PathBuf,
}

impl Script {
    /// The list is read anew each time: an administrator's change counts at once.
    fn open(list: &Path, name: &'static str) -> Result<Self, NotAllowed> {
        let text = String::from_utf8_lossy(&read(&mut open(list)?, list)?).into_owned();
        let AllowList(named) = toml::from_str(&text)
            .map_err(|error| NotAllowed::NotAList(list.to_path_buf(), error.message().to_owned()))?;
        let Allowed { path, sha256 } = named.get(name).ok_or(NotAllowed::NotNamed(name))?;
        let directory = path.parent().filter(|_| path.is_absolute());
        let directory = directory.ok_or_else(|| NotAllowed::NotAFile(path.clone()))?.to_path_buf();
        let mut file = open(path)?;
        if !digest(&read(&mut file, path)?).eq_ignore_ascii_case(sha256) {
            return Err(NotAllowed::OtherDigest(path.clone()));
        }
        Ok(Self { file, directory })
    }

    /// Of the open file, in whichever process has inherited it.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    async fn execute(self, user: u32, args: &[&str]) -> io::Result<(Vec<u8>, Result<(), StepFailure>)> {
        let mut command = Command::from(launch::command(user, user, &[], true, &self.path()));
        command.args(args).current_dir(&self.directory).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Inherited by this one child: nothing else is started before it is closed again.
        rustix::io::fcntl_setfd(&self.file, rustix::io::FdFlags::empty())?;
        let child = command.kill_on_drop(true).process_group(0).spawn();
        drop(self.file);
        let mut child = child?;
        let mut output = vec![];
        let ended = tokio::time::timeout(TIME_LIMIT, listen(&mut child, &mut output)).await;
        // What it started goes with it, while its number is still its own: it was not waited for yet.
        end_group(&child);
        let _ = child.start_kill();
        let status = child.wait().await?;
        let result = match ended {
            Err(_) => Err(StepFailure::ScriptTimedOut),
            Ok(Err(TooMuch)) => Err(StepFailure::ScriptTooLoud),
            Ok(Ok(())) if status.success() => Ok(()),
            Ok(Ok(())) => Err(StepFailure::ScriptFailed),
        };
        Ok((output, result))
    }
}

/// A file that nobody but root can change.
fn open(path: &Path) -> Result<File, NotAllowed> {
    let unreadable = |error| NotAllowed::Unreadable(path.to_path_buf(), error);
    // A pipe in its place would keep us waiting.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LONGEST_SCRIPT {
        return Err(NotAllowed::NotAFile(path.to_path_buf()));
    }
    if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
        return Err(NotAllowed::NotRootsAlone(path.to_path_buf()));
    }
    Ok(file)
}

fn read(file: &mut File, path: &Path) -> Result<Vec<u8>, NotAllowed> {
    let mut bytes = vec![];
    file.take(LONGEST_SCRIPT)
        .read_to_end(&mut bytes)
        .map_err(|error| NotAllowed::Unreadable(path.to_path_buf(), error))?;
    Ok(bytes)
}

/// As the allow-list writes it.
pub fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

struct TooMuch;

/// Until it has ended and nobody it started can say anything more, or until it has said too much.
async fn listen(child: &mut Child, output: &mut Vec<u8>) -> Result<(), TooMuch> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut a, mut b) = (vec![], vec![]);
    let left = Cell::new(OUTPUT_LIMIT);
    let read = tokio::try_join!(read_some(out, &mut a, &left), read_some(err, &mut b, &left));
    output.append(&mut a);
    output.append(&mut b);
    read?;
    if let Some(process) = child.id().and_then(Process::open) {
        process.ends().await;
    }
    Ok(())
}

async fn read_some(
    stream: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    left: &Cell<usize>,
) -> Result<(), TooMuch> {
    let Some(mut stream) = stream else { return Ok(()) };
    let mut block = [0; 4096];
    loop {
        match stream.read(&mut block).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(n) => {
                left.set(left.get().checked_sub(n).ok_or(TooMuch)?);
                into.extend_from_slice(&block[..n]);
            }
        }
    }
}

fn end_group(child: &Child) {
    if let Some(group) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_script_that_the_list_names_with_its_digest_is_allowed() {
        let Some(place) = place() else { return };
        assert!(Script::open(&place.list, "vpn-user").is_ok());
        place.name(|entry| entry.sha256.make_ascii_uppercase());
        assert!(Script::open(&place.list, "vpn-user").is_ok());
    }

    #[test]
    fn a_script_that_changed_is_not_allowed() {
        let Some(place) = place() else { return };
        fs::write(&place.script, "#!/bin/sh\nexit 1\n").unwrap();
        assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::OtherDigest(_))));
    }

    #[test]
    fn what_comes_to_lie_at_the_path_after_the_check_is_not_what_runs() {
        let Some(place) = place() else { return };
        let checked = fs::read(&place.script).unwrap();
        let script = Script::open(&place.list, "vpn-user").unwrap();
        let other = place.script.with_extension("other");
        fs::write(&other, "#!/bin/sh\necho theirs\n").unwrap();
        fs::rename(&other, &place.script).unwrap();
        assert_eq!(fs::read(script.path()).unwrap(), checked);
    }

    #[test]
    fn a_script_the_list_does_not_name_is_not_allowed() {
        let Some(place) = place() else { return };
        assert!(matches!(Script::open(&place.list, "panel-user"), Err(NotAllowed::NotNamed(_))));
    }

    #[test]
    fn what_others_than_root_can_change_is_not_allowed() {
        let Some(place) = place() else { return };
        for path in [&place.script, &place.list] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o775)).unwrap();
            assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::NotRootsAlone(_))));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::chown(&place.script, Some(62_215), None).unwrap();
        assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::NotRootsAlone(_))));
    }

    #[test]
    fn a_list_with_unknown_words_and_a_path_that_is_not_absolute_are_refused() {
        let Some(place) = place() else { return };
        fs::write(&place.list, "[vpn-user]\npath = \"/bin/true\"\nsha256 = \"\"\nargs = [\"-c\"]\n").unwrap();
        assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::NotAList(..))));
        place.name(|entry| entry.path = "vpn-user".into());
        assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::NotAFile(_))));
        place.name(|entry| entry.path = entry.path.parent().unwrap().into());
        assert!(matches!(Script::open(&place.list, "vpn-user"), Err(NotAllowed::NotAFile(_))));
    }

    #[tokio::test]
    async fn output_up_to_the_limit_is_kept_and_one_byte_more_is_too_much() {
        let left = Cell::new(10);
        let mut said = vec![];
        assert!(read_some(Some(&b"12345"[..]), &mut said, &left).await.is_ok());
        assert!(read_some(Some(&b"67890"[..]), &mut said, &left).await.is_ok());
        assert_eq!(said, b"1234567890");
        assert!(read_some(Some(&b"!"[..]), &mut said, &left).await.is_err());
    }

    struct Scene {
        _dir: tempfile::TempDir,
        list: PathBuf,
        script: PathBuf,
    }

    /// None where we are not root: then nothing here is root's alone.
    fn place() -> Option<Scene> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let (list, script) = (dir.path().join("scripts.toml"), dir.path().join("vpn-user"));
        fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Scene { _dir: dir, list, script };
        scene.name(|_| {});
        Some(scene)
    }

    impl Scene {
        fn name(&self, change: impl FnOnce(&mut Allowed)) {
            let sha256 = digest(&fs::read(&self.script).unwrap());
            let mut entry = Allowed { path: self.script.clone(), sha256 };
            change(&mut entry);
            let mut text = String::from("[vpn-user]\n");
            let Allowed { path, sha256 } = entry;
            write!(text, "path = \"{}\"\nsha256 = \"{sha256}\"\n", path.display()).unwrap();
            fs::write(&self.list, text).unwrap();
        }
    }
}
