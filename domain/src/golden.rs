//! The bytes of everything that is stored or sent, frozen in `domain/golden/`.
//!
//! A test here that fails says: what was written yesterday is no longer what is written today. Then give the
//! event a new version with a frozen module and an upcaster. Only for something that has never been written
//! anywhere is it right to run the tests once with `UPDATE_GOLDEN=1`.

mod bus;
mod commands;
mod events;
mod values;

use crate::{
    bytes,
    event::{AggregateKind, AnyEvent, Event, StoredEvent},
};
use data_encoding::HEXLOWER;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

/// One of each command with its name: the permission tables are checked against them.
pub fn wire_commands() -> Vec<(&'static str, crate::command::WireCommand)> {
    commands::bodies()
}

type Reads = Box<dyn Fn(&[u8]) -> bool>;

/// Something with frozen bytes.
struct Golden {
    /// Below `golden/`, without the ending.
    name: String,
    bytes: Vec<u8>,
    /// Whether stored bytes still read as the value they were written from.
    reads: Reads,
}

impl Golden {
    fn of<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(
        name: impl Into<String>,
        value: T,
    ) -> Self {
        Self {
            name: name.into(),
            bytes: bytes::encode(&value),
            reads: Box::new(move |stored| bytes::decode::<T>(stored).is_ok_and(|read| read == value)),
        }
    }

    fn event(event: impl Into<AnyEvent>) -> Self {
        let event = event.into();
        let (aggregate, stored) = store(&event);
        let (kind, version) = (stored.kind, stored.version);
        Self {
            name: event_name(event.name(), kind, version),
            bytes: stored.bytes,
            reads: Box::new(move |bytes| {
                let stored = StoredEvent { kind, version, bytes: bytes.to_vec() };
                AnyEvent::load(aggregate, &stored).is_ok_and(|read| read == event)
            }),
        }
    }
}

fn event_name(name: &str, kind: u16, version: u8) -> String {
    format!("events/{name}.type{kind}.v{version}")
}

fn store(event: &AnyEvent) -> (AggregateKind, StoredEvent) {
    fn of<E: Event>(event: &E) -> (AggregateKind, StoredEvent) {
        (E::AGGREGATE, event.store())
    }
    match event {
        AnyEvent::Directory(e) => of(e),
        AnyEvent::User(e) => of(e),
        AnyEvent::Device(e) => of(e),
        AnyEvent::Policy(e) => of(e),
        AnyEvent::Gateway(e) => of(e),
        AnyEvent::Session(e) => of(e),
        AnyEvent::Operator(e) => of(e),
    }
}

fn all() -> Vec<Golden> {
    let mut all = events::all();
    all.extend(commands::all());
    all.extend(bus::all());
    all.extend(values::all());
    all
}

#[test]
fn what_is_written_today_is_what_was_written_then() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = BTreeSet::new();
    let mut wrong = vec![];
    for golden in all() {
        assert!(seen.insert(golden.name.clone()), "{} stands twice", golden.name);
        let path = path(&golden.name);
        if update {
            write(&path, &golden.bytes);
        }
        match read(&path) {
            None => wrong.push(format!("{}: has no golden file", golden.name)),
            Some(frozen) if frozen != golden.bytes => wrong.push(format!(
                "{}: was {}, is now {}",
                golden.name,
                HEXLOWER.encode(&frozen),
                HEXLOWER.encode(&golden.bytes)
            )),
            Some(frozen) if !(golden.reads)(&frozen) => {
                wrong.push(format!("{}: the frozen bytes no longer read as what they were", golden.name));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_event_version_ever_written_has_golden_bytes() {
    fn of<E: Event>(names: &mut Vec<String>) {
        names.extend(E::WRITTEN.iter().map(|(kind, version, name)| event_name(name, *kind, *version)));
    }
    let mut names = vec![];
    of::<crate::directory::Event>(&mut names);
    of::<crate::user::Event>(&mut names);
    of::<crate::device::Event>(&mut names);
    of::<crate::policy::Event>(&mut names);
    of::<crate::gateway::Event>(&mut names);
    of::<crate::session::Event>(&mut names);
    of::<crate::operator::Event>(&mut names);
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "a type number is used twice");
    let missing = names.iter().filter(|name| !path(name).exists()).collect::<Vec<_>>();
    assert!(missing.is_empty(), "no golden bytes for {missing:?}");
}

#[test]
fn no_golden_file_is_left_without_what_it_freezes() {
    let known = all().into_iter().map(|golden| path(&golden.name)).collect::<BTreeSet<_>>();
    let mut orphans = vec![];
    for folder in fs::read_dir(root()).expect("golden folder") {
        for file in fs::read_dir(folder.expect("entry").path()).expect("folder") {
            let file = file.expect("entry").path();
            if !known.contains(&file) {
                orphans.push(file);
            }
        }
    }
    assert!(orphans.is_empty(), "{orphans:?}");
}

#[test]
fn type_numbers_are_never_shared_within_an_aggregate() {
    fn check<E: Event>() {
        let mut names = BTreeMap::new();
        for (kind, _, name) in E::WRITTEN {
            assert_eq!(names.insert(kind, name).unwrap_or(name), name);
        }
    }
    check::<crate::user::Event>();
    check::<crate::session::Event>();
    check::<crate::gateway::Event>();
    check::<crate::operator::Event>();
    check::<crate::device::Event>();
    check::<crate::policy::Event>();
    check::<crate::directory::Event>();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn path(name: &str) -> PathBuf {
    root().join(format!("{name}.hex"))
}

/// Lines of 32 bytes, so that a review sees where two versions part.
fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("golden folder");
    let lines = bytes.chunks(32).map(|line| HEXLOWER.encode(line) + "\n").collect::<String>();
    fs::write(path, lines).expect("golden file");
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let text = fs::read_to_string(path).ok()?;
    Some(HEXLOWER.decode(text.split_whitespace().collect::<String>().as_bytes()).expect("hexadecimal"))
}
