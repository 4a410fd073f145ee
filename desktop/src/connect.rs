//! `viworks-connect`: the engine's terminal face. It does what the engine wants done, and says what it shows.

pub mod arguments;
mod failure;
mod hands;
pub mod identity;
mod memory;
pub mod outer_tls;
mod password;
mod tunnel;
mod typed;
mod words;

use crate::{
    clock,
    engine::{Engine, HelperTrouble, Input, Shown, Why},
    entropy,
};
use arguments::Arguments;
use hands::{Hands, Heard};
use secrecy::SecretString;
use std::{path::PathBuf, process::ExitCode, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep,
};
use typed::Typed;
use viworks_api::client::{Ca, Client, SetupError};
use viworks_domain::otp::Digits;
use words::Words;

/// sysexits.h: EX_USAGE.
const BAD_CONFIGURATION: u8 = 64;
/// The longest nap: clocks are set, machines sleep.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// Why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("give --url, --ca and --user; viworks-connect --help says how")]
    Missing,
    #[error("{0} cannot be read; --ca wants the file that your administrator gave you")]
    NoCa(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Identity(#[from] identity::IdentityFault),
    #[error("no password was given; type it when asked, or give it on stdin with --password-stdin")]
    NoPassword(#[source] std::io::Error),
    #[error("signals cannot be waited for")]
    Signals(#[source] std::io::Error),
}

/// Runs one session to its end.
pub async fn run(arguments: Arguments) -> ExitCode {
    let words = Words { json: arguments.json };
    match connect(&arguments, words).await {
        Ok(why) => ExitCode::from(why.exit_code()),
        Err(fault) => {
            words.fault(&fault);
            ExitCode::from(BAD_CONFIGURATION)
        }
    }
}

async fn connect(arguments: &Arguments, words: Words) -> Result<Why, Fault> {
    memory::keep_to_ourselves();
    let (Some(url), Some(ca_file), Some(user)) = (&arguments.url, &arguments.ca, &arguments.user) else {
        return Err(Fault::Missing);
    };
    let pem = std::fs::read(ca_file).map_err(|error| Fault::NoCa(ca_file.clone(), error))?;
    let client = Client::new(url, &Ca::from_pem(&pem)?)?;
    let install = identity::install_key(&arguments.home())?;
    let session = identity::SessionKey::fresh();

    // Whoever has no helper should hear so before fetching the phone.
    if let Err(trouble) = tunnel::greet(&arguments.tunnel_socket).await {
        let why = Why::Helper(trouble);
        words.show(&Shown::Ended(why.clone()));
        return Ok(why);
    }
    let mut typed = Typed::listen();
    let password = first_line(arguments, &mut typed).await?;
    let (tell, heard) = mpsc::channel(64);
    let hands = Hands::new(
        hands::Person { client, user: user.clone(), password, desktop: arguments.desktop_name() },
        install,
        session,
        arguments.tunnel_socket.clone(),
        tell,
    );
    drive(hands, heard, typed, words).await
}

/// The loop: what is heard goes into the engine, what it wants is done.
async fn drive(
    mut hands: Hands,
    mut heard: mpsc::Receiver<Heard>,
    mut typed: Typed,
    words: Words,
) -> Result<Why, Fault> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Fault::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Fault::Signals)?;
    let mut engine = Engine::default();
    let mut input = Input::SignIn;
    loop {
        for effect in engine.handle(input, clock::now(), entropy::bytes()) {
            hands.act(effect, words);
        }
        if let Some(why) = engine.ended() {
            return Ok(why.clone());
        }
        let nap = engine.next_wake().map_or(LONGEST_NAP, |at| at.since(clock::now()).min(LONGEST_NAP));
        input = tokio::select! {
            Some(heard) = heard.recv() => match hands.hear(heard) {
                Some(input) => input,
                None => Input::Wake,
            },
            line = typed.line(), if engine.wants_code() => match line {
                Some(line) => match Digits::parse(line.trim()) {
                    Ok(digits) => Input::Code(digits),
                    Err(_) => {
                        words.not_a_code();
                        Input::Wake
                    }
                },
                // Nobody types any more: what was typed still counts.
                None => Input::Wake,
            },
            _ = interrupt.recv() => Input::SignOut,
            _ = terminate.recv() => Input::SignOut,
            () = sleep(nap) => Input::Wake,
        };
    }
}

async fn first_line(arguments: &Arguments, typed: &mut Typed) -> Result<SecretString, Fault> {
    let none = || Fault::NoPassword(std::io::ErrorKind::UnexpectedEof.into());
    if arguments.password_stdin {
        return typed.line().await.map(|line| SecretString::from(line.as_str())).ok_or_else(none);
    }
    let hidden = password::ask().map_err(Fault::NoPassword)?;
    let line = typed.line().await;
    drop(hidden);
    line.map(|line| SecretString::from(line.as_str())).ok_or_else(none)
}

/// What a helper's answer means to the person.
const fn trouble(refused: crate::frame::Refused) -> HelperTrouble {
    use crate::frame::Refused;
    match refused {
        Refused::NotPermitted => HelperTrouble::NotPermitted,
        Refused::Busy => HelperTrouble::Busy,
        Refused::NoOpenVpn | Refused::BadStart => HelperTrouble::NoOpenVpn,
    }
}
