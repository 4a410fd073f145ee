//! What one test has: the stage, and the browsers that it opened. What went wrong is left for a person to look at.

use crate::{
    browser::{Browser, SOON},
    failure::{Done, Failure, fail},
    stage::{Operator, Person, Program, Stage},
};
use std::{
    cell::{Cell, RefCell},
    fs,
    path::{Path, PathBuf},
};
use tokio::time::Instant;

pub struct Scene {
    pub stage: Stage,
    /// Where pictures go, when they were asked for.
    pub pictures: Option<PathBuf>,
    name: &'static str,
    browsers: Vec<Browser>,
    /// Who sits at a desktop because of this test.
    connected: RefCell<Vec<String>>,
    /// What this test has taken from everybody and not given back yet.
    taken: RefCell<Vec<Taken>>,
    /// Browsers had to do without the server for a while.
    was_away: Cell<bool>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Taken {
    Killed(Program),
    Frozen(Program),
    Spoiled(&'static str),
    PagePort,
    /// It runs with other settings than the stage gave it.
    Unset(Program),
}

impl Scene {
    pub const fn new(stage: Stage, name: &'static str, pictures: Option<PathBuf>) -> Self {
        Self {
            stage,
            pictures,
            name,
            browsers: Vec::new(),
            connected: RefCell::new(Vec::new()),
            taken: RefCell::new(Vec::new()),
            was_away: Cell::new(false),
        }
    }

    /// Opens one more browser and gives its number.
    pub async fn open(&mut self) -> Done<usize> {
        self.browsers.push(Browser::open(&self.stage).await?);
        Ok(self.browsers.len() - 1)
    }

    /// A browser with somebody signed in to it, at a place.
    pub async fn signed_in(&mut self, who: &Operator, place: &str) -> Done<usize> {
        let at = self.open().await?;
        self.browsers[at].enter(who, place).await?;
        Ok(at)
    }

    /// An owner of this test alone: whatever the test does to them hurts nobody else.
    pub fn owner(&self) -> Done<Operator> {
        self.stage.operator(&self.unique("owner"), "owner")
    }

    pub fn viewer(&self) -> Done<Operator> {
        self.stage.operator(&self.unique("viewer"), "viewer")
    }

    /// A name that no other test uses: letters and digits.
    pub fn unique(&self, what: &str) -> String {
        let sum = self.name.bytes().fold(5381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
        format!("{what}{sum:08x}")
    }

    /// Connects somebody for as long as this test goes on, or until they leave.
    pub fn connect(&self, person: &Person) -> Done {
        self.stage.connect(person)?;
        self.connected.borrow_mut().push(person.name.clone());
        Ok(())
    }

    pub fn leave(&self, person: &Person) -> Done {
        self.connected.borrow_mut().retain(|name| *name != person.name);
        self.stage.leave(&person.name)
    }

    /// What the desktop says when it is cut off: its `ended` line.
    pub fn cut_off(&self, person: &Person) -> Done<serde_json::Value> {
        let said = self.stage.cut_off(&person.name)?;
        self.connected.borrow_mut().retain(|name| *name != person.name);
        Ok(said)
    }

    // --- what is taken from everybody; whatever becomes of the test, it is given back

    /// SIGKILL, and it stays down until [`Self::start`].
    pub fn kill(&self, program: Program) -> Done {
        self.take(Taken::Killed(program));
        self.was_away.set(self.was_away.get() || program == Program::Viworks);
        self.stage.kill(program)
    }

    pub fn start(&self, program: Program) -> Done {
        self.stage.start(program, &[])?;
        self.give_back(&Taken::Killed(program));
        Ok(())
    }

    /// Restarts it with these settings in its environment, until [`Self::restart`].
    pub fn restart_with(&self, program: Program, settings: &[(&str, &str)]) -> Done {
        self.take(Taken::Unset(program));
        self.was_away.set(self.was_away.get() || program == Program::Viworks);
        self.stage.kill(program)?;
        self.stage.start(program, settings)
    }

    /// As the stage had it.
    pub fn restart(&self, program: Program) -> Done {
        self.stage.kill(program)?;
        self.stage.start(program, &[])?;
        self.give_back(&Taken::Unset(program));
        Ok(())
    }

    /// SIGSTOP, until [`Self::thaw`].
    pub fn freeze(&self, program: Program) -> Done {
        self.take(Taken::Frozen(program));
        self.stage.freeze(program)
    }

    pub fn thaw(&self, program: Program) -> Done {
        self.stage.thaw(program)?;
        self.give_back(&Taken::Frozen(program));
        Ok(())
    }

    /// The gateway's nginx is down, until [`Self::give_page_port_back`].
    pub fn take_page_port(&self) -> Done {
        self.take(Taken::PagePort);
        self.stage.take_page_port()
    }

    pub fn give_page_port_back(&self) -> Done {
        self.stage.give_page_port_back()?;
        self.give_back(&Taken::PagePort);
        Ok(())
    }

    /// The gateway's script of this name is not what it was pinned as, and its step fails, until [`Self::mend`].
    pub fn spoil(&self, script: &'static str) -> Done {
        self.take(Taken::Spoiled(script));
        self.stage.spoil(script)
    }

    pub fn mend(&self, script: &'static str) -> Done {
        self.stage.mend(script)?;
        self.give_back(&Taken::Spoiled(script));
        Ok(())
    }

    fn take(&self, what: Taken) {
        self.taken.borrow_mut().push(what);
    }

    fn give_back(&self, what: &Taken) {
        self.taken.borrow_mut().retain(|taken| taken != what);
    }

    /// Last taken, first given back.
    fn give_everything_back(&self) -> Done {
        let taken = self.taken.take();
        let given = taken.into_iter().rev().map(|taken| match taken {
            Taken::Killed(program) => self.start(program),
            Taken::Frozen(program) => self.thaw(program),
            Taken::Spoiled(script) => self.mend(script),
            Taken::PagePort => self.give_page_port_back(),
            Taken::Unset(program) => self.restart(program),
        });
        // One that cannot be given back keeps no other from being.
        given.collect::<Vec<Done>>().into_iter().collect()
    }

    /// The session of somebody who is connected, once the server lists it.
    pub async fn session_of(&self, person: &Person) -> Done<String> {
        let deadline = Instant::now() + SOON;
        loop {
            let listed = self.stage.viworks(&["session", "list", "--active"])?;
            let rows = listed["rows"].as_array().into_iter().flatten();
            let found = rows.filter(|row| row["state"] == "connected").find(|row| row["user"] == *person.id);
            if let Some(id) = found.and_then(|row| row["id"].as_str()) {
                return Ok(id.to_owned());
            }
            if Instant::now() > deadline {
                fail!("expected {} to be connected; the server lists {listed}", person.name);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Until the server says that every step of the user is done.
    pub async fn ready(&self, id: &str) -> Done {
        let deadline = Instant::now() + SOON;
        loop {
            let shown = self.stage.viworks(&["user", "show", id])?;
            if shown["row"]["state"] == "active" {
                return Ok(());
            }
            if Instant::now() > deadline {
                fail!("expected {id} to be active; the server shows {shown}");
            }
            tokio::task::yield_now().await;
        }
    }

    /// A policy that nobody has.
    pub fn another_policy(&self) -> Done<String> {
        let name = self.unique("visitors");
        let made =
            self.stage.viworks(&["policy", "create", "--name", &name, "--image", self.stage.image()])?;
        crate::stage::field(&made, "id")
    }

    /// Creates a user without the dialog, as this browser's operator; and waits for the row.
    pub async fn create(&self, browser: &Browser, name: &str) -> Done<String> {
        let id = self.create_quietly(browser, name).await?;
        crate::users::row_of(browser, "users", name).await?;
        Ok(id)
    }

    pub async fn create_quietly(&self, browser: &Browser, name: &str) -> Done<String> {
        self.create_at(browser, name).await.map(|(id, _)| id)
    }

    /// The same, with the sequence at which it was decided.
    pub async fn create_at(&self, browser: &Browser, name: &str) -> Done<(String, u64)> {
        let body = serde_json::json!({
            "username": name,
            "password": "a first password of theirs",
            "policies": [self.stage.policy()],
            "gateways": [self.stage.gateway()],
        });
        let (status, answer) = browser.fetch("POST", "/v1/users", &body).await?;
        match (answer["id"].as_str(), answer["seq"].as_u64()) {
            (Some(id), Some(seq)) if status < 300 => Ok((id.to_owned(), seq)),
            _ => fail!("expected {name} to be created, got {status} {answer}"),
        }
    }

    pub async fn close(self, outcome: Result<(), String>) -> Result<(), String> {
        let mut outcome = outcome;
        if let Err(Failure(why)) = self.give_everything_back() {
            let first = outcome.err().map(|first| format!("{first}\n    ")).unwrap_or_default();
            outcome = Err(format!("{first}what this test took cannot be given back: {why}"));
        }
        for name in self.connected.take() {
            // A desktop is for the next test, whatever became of this one.
            let _ = self.stage.leave(&name);
        }
        let was_away = self.was_away.get();
        for (number, mut browser) in self.browsers.into_iter().enumerate() {
            let last = async {
                if outcome.is_ok() {
                    outcome = match browser.complaints(was_away).await {
                        Ok(complaints) if complaints.is_empty() => Ok(()),
                        Ok(complaints) => {
                            Err(format!("the browser complains:\n    {}", complaints.join("\n    ")))
                        }
                        Err(failure) => Err(failure.0),
                    };
                }
                if let Err(why) = &mut outcome {
                    let kept = keep(self.name, number, &mut browser).await;
                    why.push_str(&format!("\n    what browser {number} showed: {}", kept.display()));
                }
            };
            // A page that hangs has nothing more to show.
            if tokio::time::timeout(SOON, last).await.is_err() {
                outcome = Err(format!("{}\n    browser {number} hangs", outcome.err().unwrap_or_default()));
            }
            // A browser that cannot be told to quit goes with its driver.
            let _ = tokio::time::timeout(SOON, browser.quit()).await;
        }
        outcome
    }
}

impl std::ops::Index<usize> for Scene {
    type Output = Browser;
    fn index(&self, at: usize) -> &Browser {
        &self.browsers[at]
    }
}

impl std::ops::IndexMut<usize> for Scene {
    fn index_mut(&mut self, at: usize) -> &mut Browser {
        &mut self.browsers[at]
    }
}

fn failures() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    top.join(".viworks/console-failures")
}

/// What an earlier run left is not of this one.
pub fn forget_failures() {
    // Where there is nothing, nothing has to go.
    let _ = fs::remove_dir_all(failures());
}

/// Screenshot, page and log, below `.viworks/console-failures/`. What cannot be kept is left out: the failure
/// itself is what has to be told.
async fn keep(name: &str, number: usize, browser: &mut Browser) -> PathBuf {
    let dir = failures();
    let _ = fs::create_dir_all(&dir);
    let at = dir.join(format!("{}-{number}", name.replace("::", "-")));
    if let Ok(picture) = browser.picture().await {
        let _ = fs::write(at.with_extension("png"), picture);
    }
    if let Ok(source) = browser.source().await {
        let _ = fs::write(at.with_extension("html"), source);
    }
    if let Ok(log) = browser.log().await {
        let lines: Vec<String> =
            log.iter().map(|entry| format!("{} {}\n", entry.level, entry.message)).collect();
        let _ = fs::write(at.with_extension("log"), lines.concat());
    }
    at.with_extension("png")
}
