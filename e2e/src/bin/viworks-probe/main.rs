//! `viworks-probe`: does on purpose what `viworks-connect` offers no way to do, and says as JSON lines what it
//! saw: it answers with a used code, comes again with a used bootstrap, with one whose time is over, and with
//! another session's certificate.
//!
//! For `cargo xtask demo --check` alone; it is never shipped. It judges nothing: what ought to be seen stands in
//! the walk.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to its caller")]

mod clock;
mod door;
mod entropy;
mod session;

use clap::Parser;
use door::Offer;
use secrecy::SecretString;
use serde_json::{Value, json};
use session::{Desk, Session};
use std::{io::BufRead as _, path::PathBuf, process::ExitCode, time::Duration};
use viworks_api::client::{ApiError, Ca, Client, SetupError};
use viworks_desktop::connect::{identity::IdentityFault, outer_tls::OuterFault};

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    url: String,
    #[arg(long)]
    ca: PathBuf,
    #[arg(long)]
    user: String,
    /// Where this installation's key lies.
    #[arg(long)]
    home: PathBuf,
}

/// Why nothing more can be seen.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the CA's file cannot be read")]
    Ca(#[source] std::io::Error),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Outer(#[from] OuterFault),
    #[error("a socket cannot be used")]
    Socket(#[from] std::io::Error),
    #[error("nobody types any more")]
    NothingTyped,
    #[error("expected the right code to verify")]
    NotVerified,
    #[error("the bootstrap's key is no key")]
    NotAKey,
}

/// The control plane and the gateway have clocks of their own.
const AFTER_THE_END: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match look(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}: {:?}", std::error::Error::source(&fault));
            ExitCode::FAILURE
        }
    }
}

async fn look(arguments: &Arguments) -> Result<(), Fault> {
    let pem = std::fs::read(&arguments.ca).map_err(Fault::Ca)?;
    let client = Client::new(&arguments.url, &Ca::from_pem(&pem)?)?;
    let password = SecretString::from(typed()?);
    let desk = Desk::new(client.clone(), &arguments.user, password.clone(), &arguments.home)?;
    // Being verified again on one installation ends what stood there: the other session is another one's.
    let other_desk = Desk::new(client, &arguments.user, password, &arguments.home.join("other"))?;

    // First the one whose bootstrap is left lying: its time passes while the others are looked at.
    let (patient, used_code) = verified(&desk).await?;
    say("code_again", &patient.answer(&used_code).await);
    let lying = patient.bootstrap().await?;

    let (other, _) = verified(&other_desk).await?;
    let used = other.bootstrap().await?;
    let first = used.knock().await?;
    let tunnel = used.tls(other.key(), used.certificate()).await?;
    say("first_use", &json!({ "knock": first, "tls": tunnel.saw() }));
    say("used_again", &again(&used, &other).await?);
    drop(tunnel);
    say("used_again_after_it_broke", &again(&used, &other).await?);

    // The door is open for this address now, by the patient one's knock.
    let knock = lying.knock().await?;
    let foreign = lying.tls(other.key(), used.certificate()).await?;
    say("foreign_certificate", &json!({ "knock": knock, "tls": foreign.saw() }));
    other.sign_out().await?;

    say("lying", &json!({ "for_ms": u64::try_from(lying.remaining().as_millis()).unwrap_or(u64::MAX) }));
    tokio::time::sleep(lying.remaining() + AFTER_THE_END).await;
    say("after_its_time", &again(&lying, &patient).await?);
    patient.sign_out().await
}

/// A session whose code was typed and is right, and that code.
async fn verified(desk: &Desk) -> Result<(Session, String), Fault> {
    let session = desk.open().await?;
    println!("{}", json!({ "state": "code_required" }));
    let code = typed()?;
    let answer = session.answer(&code).await;
    if answer["verified"] != true {
        println!("{}", json!({ "saw": "answer", "what": answer }));
        return Err(Fault::NotVerified);
    }
    Ok((session, code))
}

async fn again(offer: &Offer, session: &Session) -> Result<Value, Fault> {
    let knock = offer.knock().await?;
    let tls = offer.tls(session.key(), offer.certificate()).await?;
    Ok(json!({ "knock": knock, "tls": tls.saw() }))
}

fn say(saw: &str, what: &Value) {
    println!("{}", json!({ "saw": saw, "what": what }));
}

fn typed() -> Result<String, Fault> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let line = line.trim();
    if line.is_empty() { Err(Fault::NothingTyped) } else { Ok(line.to_owned()) }
}
