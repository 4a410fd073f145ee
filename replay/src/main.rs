//! `viworks-replay`: what happened, told from the log itself. It reads the bus, as the role that may write
//! nothing, and never writes to it; it believes no projection, and needs none to answer.

mod cli;
mod failure;
mod log;
mod moment;
mod names;
mod paper;
mod personal;
mod rebuild;
mod source;
#[cfg(test)]
#[path = "../tests/story/mod.rs"]
mod story;
mod then;
mod timeline;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use cli::{Cli, Source, Verb};
use failure::{DIFFERENCES, Failure, USAGE};
use log::Log;
use moment::{Moment, Until};
use paper::Paper;
use personal::PersonalKeys;
use source::Place;
use std::{
    io::{self, Write as _},
    process::ExitCode,
};
use timeline::Story;
use viworks_domain::ids::{CorrelationId, SessionId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wrong) => {
            let told = matches!(wrong.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nowhere to print it is no reason for another code.
            let _ = wrong.print();
            return if told { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(filter.unwrap_or_else(|_| "error".into()))
        .init();
    match run(cli).await {
        Ok(code) => code,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "viworks-replay: {}", failure.told());
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let mut paper = Paper::new(cli.json);
    match cli.verb {
        Verb::Timeline { id } => timeline(&cli.source, &mut paper, id).await?,
        Verb::At { until, session } => at(&cli.source, &mut paper, until, session).await?,
        Verb::Rebuild { check: _, database } => {
            return rebuild(&cli.source, &mut paper, database.as_deref()).await;
        }
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "viworks-replay", &mut io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(source: &Source) -> Result<Log, Failure> {
    let place = Place::of(source, |name| std::env::var(name).ok())?;
    Log::open(place.connect().await?).await
}

async fn timeline(source: &Source, paper: &mut Paper, id: [u8; 16]) -> Result<(), Failure> {
    let keys = PersonalKeys::load(source.personal_keys.as_deref())?;
    let log = open(source).await?;
    let mut known = vec![];
    for aggregate in names::candidates(id) {
        known.extend(log.of(aggregate).await?);
    }
    let mut story = Story::about(id, &known, keys);
    paper.begin_rows()?;
    let mut told = 0usize;
    let mut reading = log.read(log.head).await?;
    while let Some(recorded) = reading.next().await? {
        for row in story.tell(&recorded)? {
            paper.row(&row)?;
            told += 1;
        }
    }
    if told == 0 {
        return Err(Failure::Unknown(CorrelationId(id).to_string()));
    }
    paper.end_rows(log.head)
}

async fn at(
    source: &Source,
    paper: &mut Paper,
    until: Until,
    session: Option<SessionId>,
) -> Result<(), Failure> {
    let keys = PersonalKeys::load(source.personal_keys.as_deref())?;
    let log = open(source).await?;
    let mut moment = Moment::new(until, session, keys);
    let through = match until {
        Until::Sequence(seq) => seq,
        Until::Time(_) => log.head,
    };
    let mut reading = log.read(through).await?;
    while let Some(recorded) = reading.next().await? {
        if moment.fold(&recorded)?.is_break() {
            break;
        }
    }
    match session {
        Some(id) => match then::session(&moment, id) {
            Some(row) => paper.one(moment.seq, &row),
            None => Err(Failure::Unknown(format!("session {id} at that moment"))),
        },
        None => paper.all(&then::everything(&moment)),
    }
}

async fn rebuild(source: &Source, paper: &mut Paper, database: Option<&str>) -> Result<ExitCode, Failure> {
    let url = source::database(source, database, |name| std::env::var(name).ok())?;
    let keys = PersonalKeys::load(source.personal_keys.as_deref())?;
    let log = open(source).await?;
    let checked = rebuild::check(&log, &url, &keys).await?;
    paper.all(&checked)?;
    Ok(if checked.equal { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCES) })
}
