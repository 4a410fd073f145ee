//! The sessions, and what becomes of them: the same for every run.

use std::collections::VecDeque;
use viworks_api::session::{SessionRow, SessionState};
use viworks_domain::{
    Millis,
    ids::{CorrelationId, GatewayId, PolicyId, SessionId, UserId},
    session::EndsBecause,
};

const HOUR: u64 = 3_600_000;

pub struct Crowd {
    /// Newest first.
    rows: VecDeque<SessionRow>,
    made: u64,
    now: u64,
    random: u64,
}

impl Crowd {
    pub fn of(count: usize, now: Millis) -> Self {
        let mut crowd =
            Self { rows: VecDeque::with_capacity(count), made: 0, now: now.0, random: 0x9E37_79B9_7F4A_7C15 };
        crowd.now -= count as u64;
        for _ in 0..count {
            crowd.arrive();
        }
        crowd
    }

    /// A new session at the top.
    pub fn arrive(&mut self) -> SessionRow {
        self.made += 1;
        self.now += 1;
        let row = row(self.made, Millis(self.now));
        self.rows.push_front(row.clone());
        row
    }

    /// The oldest but one ends, and is gone from the list of active ones.
    pub fn end(&mut self) -> Option<SessionRow> {
        let mut row = self.rows.pop_back()?;
        row.state = SessionState::Ended;
        row.ended_at = Some(Millis(self.now));
        Some(row)
    }

    /// One row, somewhere, is not what it was.
    pub fn change(&mut self) -> Option<SessionRow> {
        let at = usize::try_from(self.draw() % self.rows.len().max(1) as u64).unwrap_or(0);
        let flips = self.draw().is_multiple_of(4);
        let row = self.rows.get_mut(at)?;
        row.bytes_in += 1_000;
        row.bytes_out += 50;
        if flips {
            row.state = match row.state {
                SessionState::Connected => SessionState::Connecting,
                _ => SessionState::Connected,
            };
        } else {
            row.ends_at = row.ends_at.map(|at| Millis(at.0 - 1_000));
        }
        Some(row.clone())
    }

    /// A page: the rows from `cursor` on, and the cursor behind them.
    pub fn page(&self, cursor: Option<&str>, limit: usize) -> (Vec<SessionRow>, Option<String>) {
        let from = match cursor.and_then(|text| text.split_once('.')) {
            Some((opened_at, _)) => {
                let opened_at = Millis(opened_at.parse().unwrap_or(u64::MAX));
                self.rows.partition_point(|row| row.opened_at >= opened_at)
            }
            None => 0,
        };
        let rows = self.rows.iter().skip(from).take(limit).cloned().collect::<Vec<_>>();
        let more = from + rows.len() < self.rows.len();
        let next = rows.last().filter(|_| more).map(|row| format!("{}.{}", row.opened_at.0, row.id));
        (rows, next)
    }

    /// xorshift64: cheap, and the same in every run.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn row(n: u64, at: Millis) -> SessionRow {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    let place = (n % 250) as u8;
    SessionRow {
        id: SessionId(id),
        correlation: CorrelationId(id),
        user: UserId(id),
        username: Some(format!("person.{n:05}")),
        gateway: Some(GatewayId([(n % 4) as u8; 16])),
        gateway_name: Some(["sydney", "auckland", "perth", "suva"][(n % 4) as usize].to_owned()),
        policy: PolicyId([1; 16]),
        policy_version: 1,
        state: SessionState::Connected,
        address: Some([10, 8, place, (n / 250 % 250) as u8].into()),
        resources: vec!["wiki".to_owned(), "tickets".to_owned()],
        opened_at: at,
        connected_at: Some(at),
        ends_at: Some(Millis(at.0 + 8 * HOUR)),
        ends_because: Some(EndsBecause::Window),
        end_reason: None,
        ended_at: None,
        receipts: vec![],
        receipts_overdue: false,
        verdict: None,
        bytes_in: 0,
        bytes_out: 0,
    }
}
