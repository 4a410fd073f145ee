//! The terminal authenticator: the core's face for machines without a phone, and for the demo. Its keys lie in
//! files that only their owner may read, which is the weakest protection there is, and the report says so.

pub mod arguments;
mod clock;
mod entropy;
mod keys;
mod place;
mod waiting;
mod words;

use crate::Enrolment;
use arguments::{Arguments, Values, Verb};
use place::{Enrolled, Place};
use std::process::ExitCode;
use viworks_api::{
    client::{ApiError, Ca, Client, EnrolledDevice, IdempotencyKey, Newer, SetupError},
    problem::code,
};
use words::Words;

/// Why the authenticator gives up. `Display` is for the person; the source chain is for whoever helps them.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Place(#[from] place::PlaceFault),
    #[error("this is not an enrolment code; copy all of the text that starts with vwqr1.")]
    NotAnEnrolment,
    #[error("this directory holds an enrolled phone already; choose another --state, or remove it first")]
    AlreadyEnrolled,
    #[error(
        "this phone is not enrolled yet; run: viworks-authenticator enrol --payload vwqr1... --state DIR"
    )]
    NotEnrolled,
    #[error(transparent)]
    Key(#[from] crate::KeyFault),
    #[error(transparent)]
    NoReport(#[from] crate::posture::NoReport),
    #[error(transparent)]
    NoCode(#[from] crate::code::NoCode),
    /// The server knows this phone's token no more.
    #[error(
        "this phone is not enrolled any more; ask your administrator for a new code, and enrol with an empty --state"
    )]
    Revoked,
    #[error(transparent)]
    Api(ApiError),
    #[error("nobody signs in at the moment")]
    NobodyWaits,
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        if error.code() == Some(code::NOT_SIGNED_IN) { Self::Revoked } else { Self::Api(error) }
    }
}

impl From<SetupError> for Fault {
    fn from(error: SetupError) -> Self {
        Self::Api(error.into())
    }
}

/// Runs one verb to its end.
pub async fn run(arguments: Arguments) -> ExitCode {
    let words = Words { json: arguments.json };
    let done = match arguments.verb {
        Verb::Enrol { payload } => match &arguments.state {
            Some(dir) => enrol(&Place::new(dir), &payload, words).await,
            None => Err(Fault::NotEnrolled),
        },
        Verb::Wait { values, stay } => match open(&arguments.state) {
            Ok(phone) => wait(&phone, &values, stay, words).await,
            Err(fault) => Err(fault),
        },
        Verb::Status => match open(&arguments.state) {
            Ok(phone) => status(&phone, words).await,
            Err(fault) => Err(fault),
        },
        Verb::Deny => match open(&arguments.state) {
            Ok(phone) => deny(&phone, words).await,
            Err(fault) => Err(fault),
        },
        Verb::Completions { shell } => {
            arguments::completions(shell);
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|fault| words.fault(&fault))
}

/// An enrolled phone, as its directory holds it.
struct Phone {
    place: Place,
    enrolled: Enrolled,
    keys: keys::FileKeys,
    api: EnrolledDevice,
}

fn open(state: &Option<std::path::PathBuf>) -> Result<Phone, Fault> {
    let place = Place::new(state.as_ref().ok_or(Fault::NotEnrolled)?);
    let enrolled = place.enrolled()?.ok_or(Fault::NotEnrolled)?;
    let keys = keys::FileKeys::load(&place)?.ok_or(Fault::NotEnrolled)?;
    let ca = Ca::from_der(enrolled.ca.0.clone());
    let api = Client::new(&enrolled.url, &ca)?.as_device(&enrolled.token)?;
    Ok(Phone { place, enrolled, keys, api })
}

async fn enrol(place: &Place, payload: &str, words: Words) -> Result<ExitCode, Fault> {
    let enrolment = Enrolment::from_text(payload).map_err(|_| Fault::NotAnEnrolment)?;
    place.make()?;
    if place.enrolled()?.is_some() {
        return Err(Fault::AlreadyEnrolled);
    }
    let keys = match keys::FileKeys::load(place)? {
        Some(keys) => keys,
        None => keys::FileKeys::make(place)?,
    };
    let ca = Ca::fetch(enrolment.url(), enrolment.ca_fingerprint()).await?;
    let client = Client::new(enrolment.url(), &ca)?;
    let key = IdempotencyKey::from_random(entropy::bytes());
    let answer = client.enrol_device(&key, &enrolment.request(&keys)?).await?;
    place.keep_enrolled(&Enrolled {
        url: enrolment.url().to_owned(),
        ca: ca.der().to_vec().into(),
        device: answer.device,
        user: answer.user,
        token: answer.token,
    })?;
    words.enrolled(answer.device, enrolment.url());
    Ok(ExitCode::SUCCESS)
}

async fn wait(phone: &Phone, values: &Values, stay: bool, words: Words) -> Result<ExitCode, Fault> {
    let values = values.over(phone.place.posture()?);
    waiting::run(phone, &values, words, stay || !words.json).await
}

async fn status(phone: &Phone, words: Words) -> Result<ExitCode, Fault> {
    let view = phone.api.session(Newer::default()).await?;
    words.status(&phone.enrolled, &crate::look(&view, phone.enrolled.device, &phone.keys)?);
    Ok(ExitCode::SUCCESS)
}

async fn deny(phone: &Phone, words: Words) -> Result<ExitCode, Fault> {
    let view = phone.api.session(Newer::default()).await?;
    let session = view.session.ok_or(Fault::NobodyWaits)?;
    let key = IdempotencyKey::from_random(entropy::bytes());
    phone.api.deny(session.session, &key).await?;
    words.not_me();
    Ok(ExitCode::SUCCESS)
}
