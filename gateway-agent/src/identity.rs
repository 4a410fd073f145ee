//! What `enrol` left behind: this gateway's names, keys and certificates.

use crate::config::Places;
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};
use viworks_api::gateway::EnrolResponse;
use zeroize::Zeroizing;

/// `keys/enrolment.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    pub url: String,
    /// PEM of the https CA, once its fingerprint was the token's.
    pub https_ca: String,
    pub response: EnrolResponse,
}

#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    #[error("this machine is not enrolled; run `viworks-agent enrol --token TOKEN --state DIR` first")]
    Absent(#[source] io::Error),
    #[error("{file} is damaged; enrol again")]
    Damaged { file: String },
}

impl Enrolment {
    pub fn read(places: &Places) -> Result<Self, NotEnrolled> {
        let path = places.keys().join("enrolment.json");
        let text = fs::read(&path).map_err(NotEnrolled::Absent)?;
        serde_json::from_slice(&text).map_err(|_| NotEnrolled::Damaged { file: path.display().to_string() })
    }
}

pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, NotEnrolled> {
    fs::read(path).map(Zeroizing::new).map_err(NotEnrolled::Absent)
}
