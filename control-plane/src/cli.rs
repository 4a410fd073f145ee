//! The command line. Every command of an administrator is one request to the API; nothing is decided here.

mod audit;
mod completions;
mod credentials;
mod doctor;
mod failure;
mod gateway;
mod init;
mod operator;
mod policy;
mod serve;
mod session;
mod shown;
mod signin;
mod user;

use clap::{Parser, Subcommand};
use failure::Failure;
use shown::Shown;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "viworks",
    version,
    about = "The ViWorkS control plane, and its administration",
    max_term_width = 100
)]
struct Cli {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys, certificates and configuration in a new directory
    Init(init::Args),
    /// Run the control plane
    Serve(serve::Args),
    /// Look at a state directory and say what is wrong with it
    Doctor(doctor::Args),
    /// Sign in to a control plane
    Signin(signin::Args),
    /// Sign out and forget the token
    Signout,
    /// Policies: who may reach what, when, from where
    #[command(subcommand)]
    Policy(policy::Command),
    /// Gateways
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Users and their phones
    #[command(subcommand)]
    User(user::Command),
    /// Sessions
    #[command(subcommand)]
    Session(session::Command),
    /// What happened
    #[command(subcommand)]
    Audit(audit::Command),
    /// Operators, on the machine itself
    #[command(subcommand)]
    Operator(operator::Command),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(failure::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return shown::failed(&Failure::from(error), cli.json),
    };
    match runtime.block_on(answer(cli.command, cli.json)) {
        Ok(shown) => shown::print(&shown, cli.json),
        Err(failure) => shown::failed(&failure, cli.json),
    }
}

async fn answer(command: Command, json: bool) -> Result<Shown, Failure> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args).await,
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Signin(args) => signin::run(args, json).await,
        Command::Signout => signin::out().await,
        Command::Policy(command) => policy::run(command).await,
        Command::Gateway(command) => gateway::run(command).await,
        Command::User(command) => user::run(command, json).await,
        Command::Session(command) => session::run(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Operator(command) => operator::run(command).await,
        Command::Completions(args) => completions::run(&args),
    }
}
