//! What one test has: the stage, and the browsers that it opened. What went wrong is left for a person to look at.

use crate::{
    browser::{Browser, SOON},
    failure::{Done, fail},
    stage::{Operator, Person, Stage},
};
use std::{
    cell::RefCell,
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
}

impl Scene {
    pub const fn new(stage: Stage, name: &'static str, pictures: Option<PathBuf>) -> Self {
        Self { stage, pictures, name, browsers: Vec::new(), connected: RefCell::new(Vec::new()) }
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

    /// Creates a user without the dialog, as this browser's operator; and waits for the row.
    pub async fn create(&self, browser: &Browser, name: &str) -> Done<String> {
        let id = self.create_quietly(browser, name).await?;
        crate::users::row_of(browser, "users", name).await?;
        Ok(id)
    }

    pub async fn create_quietly(&self, browser: &Browser, name: &str) -> Done<String> {
        let body = serde_json::json!({
            "username": name,
            "password": "a first password of theirs",
            "policies": [self.stage.policy()],
            "gateways": [self.stage.gateway()],
        });
        let (status, answer) = browser.fetch("POST", "/v1/users", &body).await?;
        match answer["id"].as_str() {
            Some(id) if status < 300 => Ok(id.to_owned()),
            _ => fail!("expected {name} to be created, got {status} {answer}"),
        }
    }

    pub async fn close(self, outcome: Result<(), String>) -> Result<(), String> {
        let mut outcome = outcome;
        for name in self.connected.take() {
            // A desktop is for the next test, whatever became of this one.
            let _ = self.stage.leave(&name);
        }
        for (number, mut browser) in self.browsers.into_iter().enumerate() {
            let last = async {
                if outcome.is_ok() {
                    outcome = match browser.complaints().await {
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

const FAILURES: &str = ".viworks/console-failures";

/// Screenshot, page and log, below `.viworks/console-failures/`. What cannot be kept is left out: the failure
/// itself is what has to be told.
async fn keep(name: &str, number: usize, browser: &mut Browser) -> PathBuf {
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).join(FAILURES);
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
