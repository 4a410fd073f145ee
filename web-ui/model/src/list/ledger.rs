//! A window's list with its rows, each in a cell that is followed by whoever draws it.

use super::{Arrived, Asked, KEPT, List, MOST, Row, Taken};
use crate::request::Paged;
use std::collections::HashMap;
use viworks_api::{
    Page,
    feed::{Change, Query, Rows},
};

/// Where a row stands that changes; clones are the same place.
pub trait Cell<R>: Clone {
    fn new(row: &R) -> Self;
    fn put(&self, row: &R);
    fn row(&self) -> R;
}

#[derive(Debug)]
pub struct Ledger<R: Row, C> {
    list: List<R>,
    /// A row that has gone keeps its cell until what has gathered is drawn: it may be back by then, and whoever
    /// draws it follows this one.
    cells: HashMap<R::Id, C>,
    /// The list's version that is drawn.
    drawn: u64,
    /// The answer is on its way, and will hold whatever changes until then.
    is_asking: bool,
    /// Rows that were here when an answer to the same question came, which has the first ones alone. Whoever is far
    /// down in them stays there: what is drawn stays until as many are here again.
    wanted: usize,
}

/// What is to be on the screen.
#[derive(Debug, PartialEq, Eq)]
pub struct Drawn<Id> {
    /// First to last; none when it is what was drawn before.
    pub order: Option<Vec<Id>>,
    pub waiting: usize,
    /// As [`List::end`].
    pub end: Option<u64>,
}

impl<R: Row, C: Cell<R>> Ledger<R, C> {
    pub fn new(query: Query) -> Self {
        Self { list: List::new(query), cells: HashMap::new(), drawn: 0, is_asking: true, wanted: 0 }
    }

    pub const fn list(&self) -> &List<R> {
        &self.list
    }

    pub fn cell(&self, id: R::Id) -> Option<&C> {
        self.cells.get(&id)
    }

    pub const fn hold(&mut self) {
        self.list.hold();
    }

    /// Whether the window is to be asked anew.
    pub fn let_go(&mut self) -> bool {
        self.wanted = 0;
        self.list.let_go();
        self.is_to_ask()
    }

    /// As [`Ledger::let_go`], and the list stays held if it is.
    pub fn settle(&mut self) -> bool {
        self.list.settle();
        self.is_to_ask()
    }

    fn is_to_ask(&mut self) -> bool {
        // Once: what is told until the answer comes is in it.
        self.list.is_flooded() && !std::mem::replace(&mut self.is_asking, true)
    }

    /// Another question: what is drawn stays until the answer comes.
    pub fn ask(&mut self, query: Query) {
        self.list.ask(query);
        self.drawn = self.list.version();
        self.is_asking = true;
        self.wanted = 0;
    }

    pub fn answer(&mut self, rows: &Rows, next: Option<&str>) {
        let rows = R::all_of(rows);
        self.is_asking = false;
        // Another question has emptied the list.
        if self.list.is_held() {
            self.wanted = self.wanted.max(self.list.len());
        }
        self.keep(rows);
        self.list.replace(rows, next.map(str::to_owned));
    }

    pub fn take(&mut self, seq: u64, change: &Change) {
        let Some(row) = R::of(change).filter(|_| !self.is_asking) else { return };
        match self.list.take(seq, row) {
            Taken::Shown | Taken::Waiting => self.keep(std::slice::from_ref(row)),
            Taken::Gone | Taken::Elsewhere => {}
        }
    }

    pub fn begin_page(&mut self) -> Option<Asked> {
        self.list.begin_page()
    }

    /// Whether what is drawn waits for pages.
    pub fn is_wanting(&self) -> bool {
        self.list.next().is_some() && self.list.len() < self.wanted
    }

    /// Whether the next page is to be read again.
    pub fn end_page(&mut self, asked: &Asked, page: Option<&Page<R>>) -> bool {
        if page.is_none() {
            // Better fewer rows than old ones.
            self.wanted = 0;
        }
        match self.list.end_page(asked, page) {
            Arrived::Taken(rows) => self.keep(&rows),
            Arrived::Overtaken => return true,
            Arrived::Unasked => {}
        }
        false
    }

    pub fn draw(&mut self) -> Drawn<R::Id> {
        Drawn { order: self.draw_order(), waiting: self.list.waiting(), end: self.list.end() }
    }

    fn draw_order(&mut self) -> Option<Vec<R::Id>> {
        if self.is_asking || self.is_wanting() {
            return None;
        }
        self.wanted = 0;
        if self.cells.len() != self.list.known() {
            self.cells.retain(|id, _| self.list.is_known(*id));
        }
        let is_new = self.drawn != self.list.version();
        self.drawn = self.list.version();
        is_new.then(|| self.list.ids().collect())
    }

    fn keep(&mut self, rows: &[R]) {
        for row in rows {
            match self.cells.get(&row.id()) {
                Some(cell) => cell.put(row),
                None => drop(self.cells.insert(row.id(), C::new(row))),
            }
        }
    }
}

impl<R: Paged, C: Cell<R>> Ledger<R, C> {
    /// Cuts a list that has grown long while nobody was in it, as [`List::trim`] does.
    pub fn shorten(&mut self) {
        let Self { list, cells, .. } = self;
        if list.len() > MOST {
            list.trim(KEPT, |id| cells.get(&id).map(|cell| cell.row().cursor()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{ACTIVE, over, up},
        *,
    };
    use std::{cell::RefCell, rc::Rc};
    use viworks_api::session::SessionRow;
    use viworks_domain::{Millis, ids::SessionId};

    impl<R: Clone> Cell<R> for Rc<RefCell<R>> {
        fn new(row: &R) -> Self {
            Self::new(RefCell::new(row.clone()))
        }
        fn put(&self, row: &R) {
            self.replace(row.clone());
        }
        fn row(&self) -> R {
            self.borrow().clone()
        }
    }

    type Sessions = Ledger<SessionRow, Rc<RefCell<SessionRow>>>;

    fn drawn(rows: &[u8]) -> Sessions {
        let mut ledger = Ledger::new(Query::Sessions(ACTIVE));
        ledger.answer(&Rows::Sessions(rows.iter().map(|n| up(*n)).collect()), None);
        ledger.draw();
        ledger
    }

    fn cell(ledger: &Sessions, n: u8) -> Option<Rc<RefCell<SessionRow>>> {
        ledger.cell(SessionId([n; 16])).cloned()
    }

    #[test]
    fn a_row_that_is_back_before_it_is_drawn_stands_in_the_cell_that_is_followed() {
        let later = SessionRow { bytes_in: 7, ..up(8) };
        let mut ledger = drawn(&[9, 8]);
        let followed = cell(&ledger, 8).expect("a cell");
        ledger.take(1, &Change::Session(over(8)));
        ledger.take(2, &Change::Session(later.clone()));
        ledger.draw();
        assert_eq!(followed.row(), later);
        assert!(Rc::ptr_eq(&followed, &cell(&ledger, 8).expect("a cell")));

        // The answer does not have it, and then it is told.
        ledger.answer(&Rows::Sessions(vec![up(9)]), None);
        ledger.take(3, &Change::Session(up(8)));
        ledger.draw();
        assert_eq!(followed.row(), up(8));
    }

    #[test]
    fn what_is_gone_when_it_is_drawn_is_not_kept() {
        let mut ledger = drawn(&[9, 8]);
        ledger.take(1, &Change::Session(over(8)));
        assert_eq!(ledger.draw().order, Some(vec![SessionId([9; 16])]));
        assert!(cell(&ledger, 8).is_none());
        ledger.hold();
        ledger.take(2, &Change::Session(up(7)));
        ledger.draw();
        assert!(cell(&ledger, 7).is_some(), "it waits");
        ledger.take(3, &Change::Session(over(7)));
        ledger.draw();
        assert!(cell(&ledger, 7).is_none());
    }

    #[test]
    fn what_is_drawn_stays_until_the_next_question_is_answered() {
        let mut ledger = drawn(&[9, 8]);
        ledger.ask(Query::Sessions(ACTIVE));
        ledger.take(1, &Change::Session(up(7)));
        assert_eq!(ledger.draw().order, None);
        assert!(cell(&ledger, 8).is_some() && cell(&ledger, 7).is_none());
    }

    #[test]
    fn a_page_brings_no_row_back_that_was_told_to_have_ended() {
        let mut ledger = drawn(&[]);
        ledger.answer(&Rows::Sessions(vec![up(9)]), Some("9"));
        let asked = ledger.begin_page().expect("a next page");
        ledger.take(12, &Change::Session(over(8)));
        let page = Page { seq: 11, rows: vec![up(8), up(7)], next: None };
        assert!(!ledger.end_page(&asked, Some(&page)));
        ledger.draw();
        assert!(cell(&ledger, 8).is_none() && cell(&ledger, 7).is_some());
    }

    #[test]
    fn a_row_that_has_gone_comes_with_a_page_as_the_page_has_it() {
        let mut ledger = drawn(&[]);
        ledger.answer(&Rows::Sessions(vec![up(9), up(8)]), Some("8"));
        let asked = ledger.begin_page().expect("a next page");
        ledger.take(11, &Change::Session(over(8)));
        let again = SessionRow { opened_at: Millis(3), ..up(8) };
        ledger.end_page(&asked, Some(&Page { seq: 12, rows: vec![again.clone()], next: None }));
        assert_eq!(cell(&ledger, 8).expect("a cell").row(), again);
    }

    fn answer(ledger: &mut Sessions, rows: &[u8], next: &str) {
        ledger.answer(&Rows::Sessions(rows.iter().map(|n| up(*n)).collect()), Some(next));
    }

    #[test]
    fn whoever_is_far_down_stays_there_when_everything_is_read_anew() {
        let mut ledger = drawn(&[9, 8, 7, 6, 5]);
        let followed = cell(&ledger, 6).expect("a cell");
        ledger.hold();
        answer(&mut ledger, &[10, 9], "9");
        assert_eq!(ledger.draw().order, None, "the first rows alone");
        assert!(ledger.is_wanting());
        let asked = ledger.begin_page().expect("a next page");
        let page = Page { seq: 11, rows: [8, 6, 5].map(up).to_vec(), next: Some("5".into()) };
        ledger.end_page(&asked, Some(&page));
        let order = ledger.draw().order.expect("as many as before");
        assert_eq!(order, [10, 9, 8, 6, 5].map(|n| SessionId([n; 16])));
        assert!(!ledger.is_wanting() && cell(&ledger, 7).is_none());
        assert!(Rc::ptr_eq(&followed, &cell(&ledger, 6).expect("a cell")));
    }

    #[test]
    fn nobody_waits_for_pages_that_do_not_come_nor_at_the_top_of_a_list() {
        let mut ledger = drawn(&[9, 8, 7]);
        answer(&mut ledger, &[9], "9");
        assert_eq!(ledger.draw().order.map(|order| order.len()), Some(1), "nobody is in it");

        let mut ledger = drawn(&[9, 8, 7]);
        ledger.hold();
        answer(&mut ledger, &[9], "9");
        ledger.let_go();
        assert_eq!(ledger.draw().order.map(|order| order.len()), Some(1), "nobody is in it any more");

        let mut ledger = drawn(&[9, 8, 7]);
        ledger.hold();
        answer(&mut ledger, &[9], "9");
        let asked = ledger.begin_page().expect("a next page");
        ledger.end_page(&asked, None);
        assert_eq!(ledger.draw().order.map(|order| order.len()), Some(1), "fewer, but none of them old");

        let mut ledger = drawn(&[9, 8, 7]);
        ledger.hold();
        ledger.ask(Query::Sessions(ACTIVE));
        answer(&mut ledger, &[9], "9");
        assert_eq!(
            ledger.draw().order.map(|order| order.len()),
            Some(1),
            "another question begins at the top"
        );
    }

    /// Tells of so many sessions, the last one the newest.
    fn tell(ledger: &mut Sessions, count: u64) {
        for n in 0..count {
            let mut id = [1; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let row = SessionRow { id: SessionId(id), opened_at: Millis(100 + n), ..up(1) };
            ledger.take(n, &Change::Session(row));
        }
    }

    #[test]
    fn a_list_that_nobody_is_in_is_cut_when_it_is_long_and_goes_on_from_its_last_row() {
        let mut ledger = drawn(&[]);
        tell(&mut ledger, 1000);
        ledger.shorten();
        assert_eq!(ledger.list().len(), 1000);
        ledger.take(2000, &Change::Session(SessionRow { opened_at: Millis(2000), ..up(9) }));
        ledger.hold();
        ledger.shorten();
        assert_eq!(ledger.list().len(), 1001, "somebody is in it");
        assert!(!ledger.let_go());
        ledger.shorten();
        ledger.draw();
        assert_eq!((ledger.list().len(), ledger.cells.len()), (400, 400));
        let last = ledger.list().ids().last().and_then(|id| ledger.cell(id)).expect("a row").row();
        let asked = ledger.begin_page().expect("a next page");
        assert_eq!(asked.cursor, last.cursor());
        ledger.end_page(&asked, Some(&Page { seq: 3000, rows: vec![up(8)], next: None }));
        assert_eq!(ledger.list().len(), 401);
    }

    #[test]
    fn of_more_new_rows_than_may_wait_none_is_kept_and_the_window_is_asked_anew() {
        let mut ledger = drawn(&[9]);
        ledger.hold();
        tell(&mut ledger, 1000);
        assert_eq!((ledger.draw().waiting, ledger.cells.len()), (1000, 1001));
        tell(&mut ledger, 1010);
        assert_eq!((ledger.draw().waiting, ledger.cells.len()), (1001, 1));
        assert!(ledger.settle(), "somebody wants to see them");
        assert!(!ledger.let_go(), "it is asked already");
        assert_eq!(ledger.draw().order, None, "what is there stays until the answer comes");
        ledger.ask(Query::Sessions(ACTIVE));
        ledger.answer(&Rows::Sessions(vec![up(12), up(9)]), Some("9"));
        assert!(!ledger.let_go());
        assert_eq!(ledger.draw().order, Some(vec![SessionId([12; 16]), SessionId([9; 16])]));
        ledger.take(5000, &Change::Session(up(13)));
        assert_eq!(ledger.draw().order.map(|order| order.len()), Some(3));
    }
}
