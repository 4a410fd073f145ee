//! Standard output: text for people, JSON for programs; rows are written as they come.

use crate::{failure::Failure, timeline::Row};
use serde::Serialize;
use serde_json::Value;
use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write as _},
};

pub struct Paper {
    json: bool,
    rows: usize,
    /// The correlation and day that the lines before stood under.
    under: Option<(String, String)>,
    out: BufWriter<Stdout>,
}

impl Paper {
    pub fn new(json: bool) -> Self {
        Self { json, rows: 0, under: None, out: BufWriter::new(io::stdout()) }
    }

    /// `{"rows":[..],"seq":..}`, begun.
    pub fn begin_rows(&mut self) -> Result<(), Failure> {
        if self.json {
            write!(self.out, "{{\"rows\":[")?;
        }
        Ok(())
    }

    pub fn row(&mut self, row: &Row) -> Result<(), Failure> {
        if self.json {
            write!(self.out, "{}", if self.rows == 0 { "\n" } else { ",\n" })?;
            json(&mut self.out, row)?;
        } else {
            self.line(row)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn line(&mut self, row: &Row) -> Result<(), Failure> {
        let (day, time) = row.at.split_once('T').unwrap_or(("", &row.at));
        let under = (row.correlation.to_string(), day.to_owned());
        if self.under.as_ref() != Some(&under) {
            writeln!(self.out, "{day}, correlation {}", row.correlation)?;
            self.under = Some(under);
        }
        write!(self.out, "{:>9}  {time:<13}  {:<34}  {:<26}  {}", row.seq, row.actor, row.kind, row.summary)?;
        let violated = violated(&row.details);
        if !violated.is_empty() {
            write!(self.out, " ({})", violated.join(", "))?;
        }
        if let Some(from) = &row.whereabouts {
            write!(self.out, " (from {}, {})", from.address, from.desktop_name)?;
        }
        if let Some(cause) = row.cause {
            write!(self.out, "  <- {cause}")?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    /// `seq`: how far the log was read.
    pub fn end_rows(&mut self, seq: u64) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "\n],\"seq\":{seq}}}")?;
        }
        Ok(self.out.flush()?)
    }

    /// `{"seq":..,"row":{..}}`
    pub fn one(&mut self, seq: u64, row: &(impl Serialize + Display)) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct One<'a, T> {
            seq: u64,
            row: &'a T,
        }
        if self.json {
            json(&mut self.out, &One { seq, row })?;
            writeln!(self.out)?;
        } else {
            writeln!(self.out, "as of sequence {seq}\n{row}")?;
        }
        Ok(self.out.flush()?)
    }

    pub fn all(&mut self, what: &(impl Serialize + Display)) -> Result<(), Failure> {
        if self.json {
            json(&mut self.out, what)?;
            writeln!(self.out)?;
        } else {
            write!(self.out, "{what}")?;
        }
        Ok(self.out.flush()?)
    }
}

/// The rules that a verdict found violated.
fn violated(details: &Value) -> Vec<&str> {
    let findings = details["findings"].as_array().into_iter().flatten();
    findings
        .filter(|found| found["standing"] == "violated")
        .filter_map(|found| found["rule"].as_str())
        .collect()
}

fn json(out: &mut impl io::Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(out, value).map_err(|error| Failure::Output(error.into()))
}
