use super::{
    credentials::{self, Credentials},
    failure::Failure,
    shown::Shown,
};
use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};
use viworks_api::{
    client::{ApiError, Ca, Client},
    operator::SignInRequest,
};
use zeroize::Zeroizing;

#[derive(clap::Args)]
pub struct Args {
    /// Where the control plane answers: https://host:port
    #[arg(long)]
    url: String,
    /// Its certificate authority: the ca.pem that `viworks init` made
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

pub async fn run(args: Args, json: bool) -> Result<Shown, Failure> {
    let ca = std::fs::read_to_string(&args.ca).map_err(|source| Failure::File {
        verb: "read",
        path: args.ca.clone(),
        source,
    })?;
    let client = Client::new(&args.url, &Ca::from_pem(ca.as_bytes())?)?;
    let password = password("Password: ", args.password_stdin)?;
    let request = SignInRequest { name: args.user, password: password.to_string() };
    let signed_in = client.sign_in(&credentials::key(), &request).await?;
    Credentials { url: args.url, ca, token: signed_in.token, seen: 0 }.save()?;
    let text = if json {
        String::new()
    } else {
        format!(
            "signed in as {} ({}) until {}",
            request.name,
            super::shown::word(&signed_in.role),
            signed_in.expires_at
        )
    };
    let public = serde_json::json!({
        "operator": signed_in.operator,
        "role": signed_in.role,
        "expires_at": signed_in.expires_at,
    });
    Ok(Shown::new(&public, text))
}

/// The server forgets the token first; whatever it says, this machine forgets it too.
pub async fn out() -> Result<Shown, Failure> {
    let client = Credentials::load()?.client()?;
    let told = client.sign_out(&credentials::key()).await;
    Credentials::forget()?;
    match told {
        Ok(_) => Ok(Shown::new(&serde_json::json!({ "signed_out": true }), "signed out")),
        // Expired or taken back before: it admits nothing any more.
        Err(ApiError::Problem(problem)) if problem.status == 401 => Ok(Shown::new(
            &serde_json::json!({ "signed_out": true }),
            "signed out (the token was not valid any more)",
        )),
        Err(error) => Err(error.into()),
    }
}

/// One line, from standard input or typed without being shown.
pub fn password(prompt: &str, from_stdin: bool) -> Result<Zeroizing<String>, Failure> {
    if !from_stdin && !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is no terminal to ask for the password; use --password-stdin".into(),
        ));
    }
    let _hidden = if from_stdin { None } else { Some(Hidden::begin(prompt)?) };
    let mut line = Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    let trimmed = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(trimmed);
    if line.is_empty() { Err(Failure::Usage("the password is empty".into())) } else { Ok(line) }
}

/// The terminal does not show what is typed as long as this lives.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn begin(prompt: &str) -> Result<Self, Failure> {
        let mut stderr = io::stderr();
        write!(stderr, "{prompt}")?;
        stderr.flush()?;
        let before = rustix::termios::tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut silent = before.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &silent)
            .map_err(io::Error::from)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
        let _ = writeln!(io::stderr());
    }
}
