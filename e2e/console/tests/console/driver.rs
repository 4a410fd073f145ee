//! Debian's chromedriver, one per browser, on a port that it chooses itself.

use crate::failure::{Done, fail};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

const ATTEMPTS: usize = 5;

/// On a busy machine it takes a second.
const UNTIL_LISTENING: Duration = Duration::from_secs(20);

pub struct Driver {
    child: Child,
    pub url: String,
}

impl Driver {
    /// It may find the port that it has chosen taken a moment later, and ends: then another one.
    pub fn start() -> Done<Self> {
        let mut last = Self::try_start();
        for _ in 1..ATTEMPTS {
            match last {
                Ok(driver) => return Ok(driver),
                Err(_) => last = Self::try_start(),
            }
        }
        last
    }

    fn try_start() -> Done<Self> {
        let mut command = Command::new("chromedriver");
        command.args(["--port=0", "--log-level=SEVERE"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let Some(stdout) = child.stdout.take() else { fail!("chromedriver has no stdout") };
        let (tell, told) = mpsc::channel();
        // It may go on talking; a full pipe would stop it.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(port) = port(&line) {
                    // Whoever has given up does not want to know.
                    let _ = tell.send(port);
                }
            }
        });
        // Ends with the child, too, when there is no port to come.
        let mut driver = Self { child, url: String::new() };
        let Ok(port) = told.recv_timeout(UNTIL_LISTENING) else {
            fail!("chromedriver did not say on which port it listens");
        };
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }
}

/// "ChromeDriver was started successfully on port 40123."
fn port(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
