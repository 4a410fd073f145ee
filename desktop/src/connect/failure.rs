//! The API's errors as the engine knows them.

use crate::engine::{Failure, Refusal};
use viworks_api::client::ApiError;

pub fn of(error: ApiError) -> Failure {
    tracing::debug!(%error, cause = ?std::error::Error::source(&error), "the API says no, or nothing");
    if error.is_worth_asking_again() {
        return Failure::Unreachable;
    }
    match error {
        ApiError::Problem(problem) => Failure::Refused(Refusal {
            status: problem.status,
            text: problem
                .detail
                .map_or_else(|| problem.title.clone(), |detail| format!("{}: {detail}", problem.title)),
            code: problem.code,
            correlation: problem.correlation.to_string(),
        }),
        ApiError::NotTrusted(_) => Failure::NotTrusted,
        _ => Failure::Broken,
    }
}
