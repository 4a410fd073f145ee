//! Whether the projections that grew are equal to a fresh fold of the log.

use crate::{failure::Failure, log::Log, personal::PersonalKeys};
use serde::Serialize;
use std::{fmt, path::Path};
use viworks_domain::ids::UserId;
use viworks_projections::{BATCH, Checkpoint, Database, Difference, ProjectError, Projector};

/// People read this many; programs get all.
const SHOWN: usize = 100;
/// The longest value that is shown to people in full.
const LONGEST_SHOWN: usize = 80;

#[derive(Debug, Serialize)]
pub struct Checked {
    pub equal: bool,
    /// Both are folds of the log up to here: the live projection's checkpoint.
    pub seq: u64,
    /// How far behind the log the live projection was.
    pub behind: u64,
    /// Rows compared.
    pub compared: u64,
    pub differences: Vec<Unequal>,
}

/// One value, as the live projection and the fresh fold have it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Unequal {
    pub table: &'static str,
    pub key: String,
    /// None: the whole row is missing on one side.
    pub column: Option<&'static str>,
    pub live: Option<String>,
    pub fresh: Option<String>,
}

/// Holds the live database at one moment, folds the log up to that moment's checkpoint into a database of its own,
/// and compares row by row. Memory does not grow with the log.
pub async fn check(log: &Log, url: &str, keys: &PersonalKeys) -> Result<Checked, Failure> {
    let live = existing(url).await?;
    let mut grown = live.freeze().await?;
    let checkpoint = grown.checkpoint.ok_or(Failure::NothingProjected)?;
    if checkpoint.seq > log.head {
        return Err(ProjectError::LogIsBehind { reached: checkpoint.seq, head: log.head }.into());
    }
    // Names may stand in it: it goes with this function.
    let folder = tempfile::tempdir().map_err(|error| Failure::Database(error.into()))?;
    let url = format!("sqlite://{}", folder.path().join("fresh.sqlite").display());
    let fresh = Database::open(&url).await?;
    fold(log, checkpoint, keys, &fresh).await?;

    let mut differences = vec![];
    let mut freshly = fresh.freeze().await?;
    let compared = grown
        .compare(&mut freshly, true, |difference| {
            if is_judged(&difference, keys) {
                differences.push(Unequal::from(difference));
            }
        })
        .await?;
    drop((grown, freshly));
    live.close().await;
    fresh.close().await;
    Ok(Checked {
        equal: differences.is_empty(),
        seq: checkpoint.seq,
        behind: log.head - checkpoint.seq,
        compared,
        differences,
    })
}

/// Opening would make what is not there.
async fn existing(url: &str) -> Result<Database, Failure> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
        if !Path::new(path).is_file() {
            return Err(Failure::NoDatabase(url.to_owned()));
        }
    }
    Ok(Database::open(url).await?)
}

async fn fold(
    log: &Log,
    checkpoint: Checkpoint,
    keys: &PersonalKeys,
    into: &Database,
) -> Result<(), Failure> {
    let mut projector = Projector::open(into.clone(), checkpoint.log, keys.clone()).await?;
    let mut reading = log.read(checkpoint.seq).await?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(recorded) = reading.next().await? {
        batch.push(recorded);
        if batch.len() == BATCH {
            projector.apply(&batch).await?;
            batch.clear();
        }
    }
    projector.apply(&batch).await?;
    Ok(())
}

/// What is personal can be compared only with its user's data key; without it, not even looked at.
fn is_judged(difference: &Difference, keys: &PersonalKeys) -> bool {
    !difference.is_personal() || difference.key.parse().is_ok_and(|user: UserId| keys.has(user))
}

impl From<Difference> for Unequal {
    fn from(found: Difference) -> Self {
        let Difference { table, key, column, here, there } = found;
        Self { table, key, column, live: here, fresh: there }
    }
}

impl fmt::Display for Unequal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| {
            value.as_ref().map_or_else(
                || "nothing".to_owned(),
                |text| match text.char_indices().nth(LONGEST_SHOWN) {
                    Some((end, _)) => format!("{}..", &text[..end]),
                    None => text.clone(),
                },
            )
        };
        let column = self.column.map(|column| format!(".{column}")).unwrap_or_default();
        let (live, fresh) = (shown(&self.live), shown(&self.fresh));
        write!(f, "{}{column} of {}: {live} in the projection, {fresh} in a fresh fold", self.table, self.key)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in self.differences.iter().take(SHOWN) {
            writeln!(f, "{difference}")?;
        }
        let found = self.differences.len();
        if found > SHOWN {
            writeln!(f, ".. and {} more; --json gives all", found - SHOWN)?;
        }
        let Self { seq, compared, behind, .. } = self;
        if self.equal {
            write!(f, "equal: {compared} rows as of sequence {seq}")?;
        } else {
            write!(f, "not equal: {found} differences in {compared} rows as of sequence {seq}")?;
        }
        if *behind > 0 { writeln!(f, " ({behind} behind the log)") } else { writeln!(f) }
    }
}
