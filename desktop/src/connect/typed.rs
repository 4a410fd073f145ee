//! Lines from stdin. A thread of its own reads them: a read that waits for ever must not hold up the end.

use std::io::BufRead;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

pub struct Typed(mpsc::Receiver<Zeroizing<String>>);

impl Typed {
    pub fn listen() -> Self {
        let (tell, lines) = mpsc::channel(4);
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            loop {
                let mut line = Zeroizing::new(String::new());
                match stdin.read_line(&mut line) {
                    Ok(n) if n > 0 => {
                        let kept = line.trim_end_matches(['\r', '\n']).len();
                        line.truncate(kept);
                        if tell.blocking_send(line).is_err() {
                            return;
                        }
                    }
                    _ => return,
                }
            }
        });
        Self(lines)
    }

    /// The next line; waits for ever once nobody types any more, but for the first time says so.
    pub async fn line(&mut self) -> Option<Zeroizing<String>> {
        if self.0.is_closed() && self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        self.0.recv().await
    }
}
