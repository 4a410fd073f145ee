//! The long wait: who asks, the report, the code, and how it ended.

use super::{
    Fault, Phone,
    arguments::PostureFile,
    clock, entropy,
    words::{NOT_IN, Words},
};
use crate::{Screen, ShownCode, look, posture};
use std::{future::Future, process::ExitCode, time::Duration};
use tokio::time::{interval, sleep};
use viworks_api::{
    client::{ApiError, IdempotencyKey, LONGEST_WAIT, Newer},
    device::{DeviceView, WaitingSession},
};
use viworks_domain::ids::SessionId;

/// Between tries while the server is away: a person is waiting, and so may be many phones.
const AGAIN: Duration = Duration::from_millis(500);
/// How long an answer to something we said is waited for.
const PATIENCE: u32 = 60;

/// Asks until there is an answer or nothing more to hope for; safe for requests that carry one key.
pub async fn patiently<T, F: Future<Output = Result<T, ApiError>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, ApiError> {
    let mut tries = 0;
    loop {
        match ask().await {
            Err(error) if error.is_worth_asking_again() && tries < PATIENCE => tries += 1,
            answer => return answer,
        }
        sleep(AGAIN).await;
    }
}

/// `stays`: until the code was typed or the sign-in is over; otherwise until a code is shown.
pub async fn run(phone: &Phone, values: &PostureFile, words: Words, stays: bool) -> Result<ExitCode, Fault> {
    words.waiting();
    let mut seen = Seen::default();
    let mut newer = Newer::default();
    let mut troubled = false;
    loop {
        let view = match next(phone, newer, seen.code.as_ref(), words).await {
            Ok(view) => view,
            Err(error) if error.is_worth_asking_again() => {
                if !troubled {
                    words.trouble(&error);
                }
                troubled = true;
                sleep(AGAIN).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        troubled = false;
        newer = Newer::than(view.seq, LONGEST_WAIT);
        match look(&view, phone.enrolled.device, &phone.keys)? {
            Screen::Idle => {}
            Screen::Asked(session) => {
                seen.announce(session, words);
                if seen.reported != Some(session.session) {
                    report(phone, session, values).await?;
                    seen.reported = Some(session.session);
                }
            }
            Screen::Code(session, code) => {
                seen.announce(session, words);
                if seen.code.as_ref().map(|shown| shown.id) != Some(code.id) {
                    words.code(session, &code);
                    if !stays {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                seen.code = Some(code);
            }
            Screen::CodeExpired(session) => {
                seen.code = None;
                seen.announce(session, words);
                words.another_code();
                let key = IdempotencyKey::from_random(entropy::bytes());
                patiently(|| phone.api.another_code(session.session, &key)).await?;
            }
            // What another session left behind is not an answer to this wait.
            Screen::Verified | Screen::Denied { .. } | Screen::Over if seen.session.is_none() => {}
            Screen::Verified => {
                words.verified();
                return Ok(ExitCode::SUCCESS);
            }
            Screen::Denied { advice } => {
                words.denied(advice);
                return Ok(ExitCode::from(NOT_IN));
            }
            Screen::Over => {
                words.over();
                return Ok(ExitCode::from(NOT_IN));
            }
        }
    }
}

/// What this wait has shown and said.
#[derive(Default)]
struct Seen {
    session: Option<SessionId>,
    reported: Option<SessionId>,
    code: Option<ShownCode>,
}

impl Seen {
    fn announce(&mut self, session: &WaitingSession, words: Words) {
        if self.session.replace(session.session) != Some(session.session) {
            words.asked(session);
        }
    }
}

/// The next view, with a code's countdown running meanwhile.
async fn next(
    phone: &Phone,
    newer: Newer,
    code: Option<&ShownCode>,
    words: Words,
) -> Result<DeviceView, ApiError> {
    let poll = phone.api.session(newer);
    let Some(code) = code else { return poll.await };
    tokio::pin!(poll);
    let mut second = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            view = &mut poll => {
                words.end_of_countdown();
                return view;
            }
            _ = second.tick() => words.countdown(code),
        }
    }
}

async fn report(phone: &Phone, session: &WaitingSession, values: &PostureFile) -> Result<(), Fault> {
    let request = posture::report(session, values.at(clock::now()), &phone.keys)?;
    let key = IdempotencyKey::from_random(entropy::bytes());
    patiently(|| phone.api.post_posture(session.session, &key, &request)).await?;
    Ok(())
}
