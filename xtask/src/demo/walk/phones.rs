//! Step 2: the phones.

use super::{Walk, see};
use crate::{
    demo::{
        json,
        product::{Person, Product},
    },
    exec,
    failure::{Failure, Result, bail},
    report,
};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

pub fn run(walk: &mut Walk) -> Result {
    report::headline("2  phones");
    see("alice's phone is enrolled from a QR payload", || enrol(&walk.product, &walk.alice))?;
    see("  its keys lie in files that only it can read", || {
        private(&walk.product.phone_state(&walk.alice.name))
    })?;
    see("bob's phone is enrolled", || enrol(&walk.product, &walk.bob))
}

pub fn enrol(product: &Product, person: &Person) -> Result {
    let offered = product.ask(&["user", "enrol-phone", &person.id])?;
    enrol_with(product, &person.name, json::text(&offered, "payload")?)
}

pub fn enrol_with(product: &Product, name: &str, payload: &str) -> Result {
    let mut phone = product.phone(name, &["enrol", "--payload", payload]);
    let said = exec::output(&mut phone)?;
    if said.ok() { Ok(()) } else { bail!("expected the phone to enrol; {}", said.everything()) }
}

fn private(dir: &Path) -> Result {
    let mut seen = 0;
    for entry in fs::read_dir(dir).map_err(|error| Failure::file("list", dir, &error))?.flatten() {
        let meta = entry.metadata().map_err(|error| Failure::file("look at", &entry.path(), &error))?;
        if meta.is_file() {
            seen += 1;
            if meta.mode() & 0o077 != 0 {
                bail!(
                    "expected {} to be closed to others; its mode is {:o}",
                    entry.path().display(),
                    meta.mode()
                );
            }
        }
    }
    if seen > 0 { Ok(()) } else { bail!("expected the phone to keep its keys in {}", dir.display()) }
}
