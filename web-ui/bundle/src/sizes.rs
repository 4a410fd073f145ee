//! What travels to a browser on its first visit.

use crate::{
    compress::{Bundle, Forms},
    publish::Outcome,
};
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sizes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Sizes {
    fn of(forms: &Forms) -> Self {
        Self { raw: forms.raw.len(), gzip: forms.gzip.len(), brotli: forms.brotli.len() }
    }

    fn total(bundle: &Bundle) -> Self {
        bundle.values().map(Self::of).fold(Self::default(), |all, one| Self {
            raw: all.raw + one.raw,
            gzip: all.gzip + one.gzip,
            brotli: all.brotli + one.brotli,
        })
    }
}

pub fn table(bundle: &Bundle) -> String {
    let mut text = format!("{:<44} {:>12} {:>12} {:>12}\n", "bytes", "raw", "gzip", "brotli");
    let mut line = |name: &str, Sizes { raw, gzip, brotli }: Sizes| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<44} {raw:>12} {gzip:>12} {brotli:>12}");
    };
    for (path, forms) in bundle {
        line(path, Sizes::of(forms));
    }
    line("total", Sizes::total(bundle));
    text
}

pub fn json(bundle: &Bundle, outcome: Outcome) -> serde_json::Value {
    let sizes = |Sizes { raw, gzip, brotli }: Sizes| serde_json::json!({ "raw": raw, "gzip": gzip, "brotli": brotli });
    let files: serde_json::Map<String, serde_json::Value> =
        bundle.iter().map(|(path, forms)| (path.clone(), sizes(Sizes::of(forms)))).collect();
    serde_json::json!({
        "files": files,
        "total": sizes(Sizes::total(bundle)),
        "changed": outcome == Outcome::Replaced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let forms =
            |raw, gzip, brotli| Forms { raw: vec![0; raw], gzip: vec![0; gzip], brotli: vec![0; brotli] };
        Bundle::from([
            ("assets/a.js".to_owned(), forms(30, 20, 10)),
            ("index.html".to_owned(), forms(3, 2, 1)),
        ])
    }

    #[test]
    fn the_last_line_adds_up_the_others() {
        let table = table(&bundle());
        let last: Vec<&str> = table.lines().last().expect("a line").split_whitespace().collect();
        assert_eq!(last, ["total", "33", "22", "11"]);
    }

    #[test]
    fn a_machine_reads_the_same_figures() {
        let json = json(&bundle(), Outcome::Same);
        assert_eq!(json["files"]["assets/a.js"]["brotli"], 10);
        assert_eq!(json["total"]["gzip"], 22);
        assert_eq!(json["changed"], false);
    }
}
