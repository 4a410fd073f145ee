//! What a live feed sends: what has changed since a sequence, each row once and as it is now.

use super::Moment;
use crate::{
    batch::CHANGES_KEPT,
    column::{Columns, int},
    error::QueryError,
    rows::{AuditRow, Change, GatewayRow, Notice, PolicyRow, SessionRow, Topic, UserRow},
};
use std::collections::{BTreeMap, HashMap};
use viworks_domain::ids::{OperatorId, UserId};

/// Which rows have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// In order; `seq` is how far they reach.
    Since { seq: u64, changes: Vec<Change> },
    /// Too long ago: take a new snapshot.
    Forgotten,
}

/// What has changed, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// In order of the last change; `seq` is how far they reach, `head` how new the rows are.
    Since { seq: u64, head: u64, rows: Vec<ChangedRow> },
    /// Too long ago: take a new snapshot.
    Forgotten,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedRow {
    /// The last sequence that changed it, of those asked for.
    pub last: u64,
    pub row: Row,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    User(UserRow),
    Session(SessionRow),
    Gateway(GatewayRow),
    Policy(PolicyRow),
    Audit(AuditRow),
    /// With the name of what it is about: a user's, a session's user's, a gateway's.
    Notice(Notice, Option<String>),
    /// Somebody signed in or out, was given another role or password, or was disabled.
    Operator(OperatorId),
    /// Every row that showed something personal of this user is another one now.
    Erased(UserId),
}

impl Moment {
    /// Up to `limit` changes after `seq` (64 at least: no decision changes as many rows), whole sequences only.
    pub(crate) async fn changes_after(&mut self, seq: u64, limit: u32) -> Result<Changes, QueryError> {
        let limit = limit.max(64);
        let head = self.seq();
        if !self.remembers(seq) {
            return Ok(Changes::Forgotten);
        }
        let rows = sqlx::query(
            "SELECT seq, topic, row_id FROM changes WHERE seq > $1 ORDER BY seq, topic, row_id LIMIT $2",
        )
        .bind(int(seq))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *self.tx)
        .await?;
        let more = rows.len() > limit as usize;
        let mut changes = rows
            .iter()
            .map(|row| {
                let row = Columns(row);
                Ok(Change {
                    seq: row.number("seq")?,
                    topic: row.id::<Topic>("topic")?,
                    row_id: row.text("row_id")?,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        if !more {
            return Ok(Changes::Since { seq: head, changes });
        }
        // A sequence that is cut in the middle comes with the next call, whole.
        if let Some(cut) = changes.last().map(|change| change.seq)
            && changes.first().is_some_and(|change| change.seq < cut)
        {
            changes.retain(|change| change.seq < cut);
        }
        let reached = changes.last().map_or(seq, |change| change.seq);
        Ok(Changes::Since { seq: reached, changes })
    }

    /// [`Moment::changes_after`] with the rows: each once, however often it has changed; every notice.
    pub async fn changed_after(&mut self, seq: u64, limit: u32) -> Result<Changed, QueryError> {
        let Changes::Since { seq, changes } = self.changes_after(seq, limit).await? else {
            return Ok(Changed::Forgotten);
        };
        let mut rows = self.load(&Touched::of(&changes)?).await?;
        rows.sort_by_key(|row| row.last);
        Ok(Changed::Since { seq, head: self.seq(), rows })
    }

    /// Whether what has changed after `seq` is still known.
    pub fn remembers(&self, seq: u64) -> bool {
        let head = self.seq();
        // Ahead of the head: the feed last saw a log that has been restored since.
        seq <= head && seq + 1 >= head.saturating_sub(CHANGES_KEPT)
    }

    /// Whether anybody was erased after `seq`: what was shown before then may still have their name.
    pub async fn erased_after(&mut self, seq: u64) -> Result<bool, QueryError> {
        let row = sqlx::query("SELECT seq FROM changes WHERE seq > $1 AND topic = 'erasures' LIMIT 1")
            .bind(int(seq))
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(row.is_some())
    }

    async fn load(&mut self, touched: &Touched) -> Result<Vec<ChangedRow>, QueryError> {
        let mut rows = vec![];
        for row in self.users_by_id(&keys(&touched.users)).await? {
            rows.extend(touched.users.get(&row.id).map(|last| changed(*last, Row::User(row))));
        }
        for row in self.sessions_by_id(&keys(&touched.sessions)).await? {
            rows.extend(touched.sessions.get(&row.id).map(|last| changed(*last, Row::Session(row))));
        }
        for row in self.gateways_by_id(&keys(&touched.gateways)).await? {
            rows.extend(touched.gateways.get(&row.id).map(|last| changed(*last, Row::Gateway(row))));
        }
        for row in self.policies_by_id(&keys(&touched.policies)).await? {
            rows.extend(touched.policies.get(&row.id).map(|last| changed(*last, Row::Policy(row))));
        }
        for row in self.audit_by_place(&keys(&touched.audit)).await? {
            rows.extend(touched.audit.get(&(row.seq, row.n)).map(|last| changed(*last, Row::Audit(row))));
        }
        for (seq, notice) in &touched.notices {
            let name = self.name_in(*notice).await?;
            rows.push(changed(*seq, Row::Notice(*notice, name)));
        }
        rows.extend(touched.operators.iter().map(|(id, last)| changed(*last, Row::Operator(*id))));
        rows.extend(touched.erased.iter().map(|(id, last)| changed(*last, Row::Erased(*id))));
        Ok(rows)
    }

    async fn name_in(&mut self, notice: Notice) -> Result<Option<String>, QueryError> {
        let (sql, id) = match notice {
            Notice::Provisioned(id) | Notice::ProvisioningFailed(id) => {
                ("SELECT username AS name FROM users WHERE id = $1", id.to_string())
            }
            Notice::Terminated(id) => (
                "SELECT username AS name FROM sessions JOIN users ON users.id = sessions.user_id \
                 WHERE sessions.id = $1",
                id.to_string(),
            ),
            Notice::GatewayDown(id) | Notice::GatewayUp(id) => {
                ("SELECT name FROM gateways WHERE id = $1", id.to_string())
            }
        };
        let row = sqlx::query(sql).bind(id).fetch_optional(&mut *self.tx).await?;
        row.map_or(Ok(None), |row| Columns(&row).maybe_text("name"))
    }
}

const fn changed(last: u64, row: Row) -> ChangedRow {
    ChangedRow { last, row }
}

/// Each row once, with the last sequence that changed it.
#[derive(Default)]
struct Touched {
    users: HashMap<UserId, u64>,
    sessions: HashMap<viworks_domain::ids::SessionId, u64>,
    gateways: HashMap<viworks_domain::ids::GatewayId, u64>,
    policies: HashMap<viworks_domain::ids::PolicyId, u64>,
    audit: HashMap<(u64, u32), u64>,
    operators: BTreeMap<OperatorId, u64>,
    erased: BTreeMap<UserId, u64>,
    /// Each of them, also when the same thing happened twice.
    notices: Vec<(u64, Notice)>,
}

impl Touched {
    fn of(changes: &[Change]) -> Result<Self, QueryError> {
        let mut touched = Self::default();
        for change in changes {
            touched.add(change).ok_or(QueryError::Corrupt { column: "row_id" })?;
        }
        Ok(touched)
    }

    /// None for a row id that is none of its topic.
    fn add(&mut self, change: &Change) -> Option<()> {
        let (seq, id) = (change.seq, change.row_id.as_str());
        let last = match change.topic {
            Topic::Users => self.users.entry(id.parse().ok()?).or_default(),
            Topic::Sessions => self.sessions.entry(id.parse().ok()?).or_default(),
            Topic::Gateways => self.gateways.entry(id.parse().ok()?).or_default(),
            Topic::Policies => self.policies.entry(id.parse().ok()?).or_default(),
            Topic::Operators => self.operators.entry(id.parse().ok()?).or_default(),
            Topic::Erasures => self.erased.entry(id.parse().ok()?).or_default(),
            Topic::Audit => {
                let (place, n) = id.split_once('.')?;
                self.audit.entry((place.parse().ok()?, n.parse().ok()?)).or_default()
            }
            Topic::Notices => {
                self.notices.push((seq, id.parse().ok()?));
                return Some(());
            }
            // No screen shows them yet.
            Topic::Alerts => return Some(()),
        };
        *last = seq;
        Some(())
    }
}

fn keys<K: Copy, V>(map: &HashMap<K, V>) -> Vec<K> {
    map.keys().copied().collect()
}
