//! Debian's chromedriver, one per browser, on a port that it chooses itself.

use crate::failure::{Done, fail};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

const ATTEMPTS: usize = 5;

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
        let mut lines = BufReader::new(stdout).lines();
        // "ChromeDriver was started successfully on port 40123."
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
        });
        // It may go on talking; a full pipe would stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let Some(port) = port else {
            // Already gone is as good as killed.
            let _ = child.kill();
            let _ = child.wait();
            fail!("chromedriver did not say on which port it listens");
        };
        Ok(Self { child, url: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
