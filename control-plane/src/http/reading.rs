//! What every list has in common: `?after=` waits for the screens, `?cursor=` and `?limit=` page.

use super::call::{Answer, Call};
use crate::{
    config::LONGEST_WAIT,
    error::{ApiError, Rejection},
};
use viworks_api::{At, Page};
use viworks_projections::{self as projections, PageRequest, QueryError};

/// The parameters that every list takes.
pub const OF_LISTS: [&str; 4] = ["after", "wait", "cursor", "limit"];
/// The parameters that every single row takes.
pub const OF_ROWS: [&str; 2] = ["after", "wait"];

impl Call {
    /// Waits until the projection has reached `?after=`; an old answer is never given instead.
    pub async fn caught_up(&self) -> Result<(), ApiError> {
        let Some(after) = self.query("after")? else { return Ok(()) };
        // Without `?wait=` a caller who names a sequence wants to see it, so waiting is the default.
        let wait = if self.query::<u64>("wait")?.is_some() { self.wait()? } else { LONGEST_WAIT };
        self.app.queries.wait_until(after, wait).await.map(drop).map_err(ApiError::from)
    }

    pub fn page(&self) -> Result<PageRequest, ApiError> {
        Ok(PageRequest { cursor: self.query("cursor")?, limit: self.query("limit")? })
    }

    pub fn rows<From, To: serde::Serialize>(
        &self,
        page: projections::Page<From>,
        shown: impl Fn(From) -> To,
    ) -> Answer {
        self.ok(&Page { seq: page.seq, rows: page.rows.into_iter().map(shown).collect(), next: page.next })
    }

    pub fn row<From, To: serde::Serialize>(
        &self,
        seq: u64,
        row: Option<From>,
        shown: impl FnOnce(From) -> To,
    ) -> Answer {
        let row = row.map(shown).ok_or(Rejection::NotFound)?;
        self.ok(&At { seq, row })
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Behind { .. } | QueryError::OtherLog { .. } => Rejection::NotCaughtUp.into(),
            QueryError::BadCursor => {
                Rejection::Malformed("cursor: give back the one of the page before").into()
            }
            QueryError::Corrupt { .. } | QueryError::Database(_) => {
                Self::fault("the database was asked")(error)
            }
        }
    }
}
