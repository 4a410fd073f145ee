//! The line of a gateway's last five minutes, as paths of SVG. Where nothing was said, there is none.

use crate::load::{Gauge, SILENT_AFTER};
use std::{fmt::Write as _, time::Duration};
use viworks_api::feed::Sample;
use viworks_domain::Millis;

/// What the whole width stands for.
const SPAN: Duration = Duration::from_secs(300);
/// The drawing's own units; the browser stretches them.
const WIDTH: f32 = 120.0;
const HEIGHT: f32 = 28.0;
/// Room for the line's own width above a full and below an empty value.
const EDGE: f32 = 1.5;
/// A word without neighbours is drawn as the two seconds that it is about.
const LONE: f32 = WIDTH / 150.0;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    pub line: String,
    /// What is under it.
    pub area: String,
}

/// Oldest first, each at its time; what is older than the span lies left of the drawing, which cuts it off.
pub fn draw(gauge: Gauge, samples: &[Sample], until: Millis) -> Drawn {
    let mut drawn = Drawn::default();
    for run in samples.chunk_by(|a, b| b.at.since(a.at) <= SILENT_AFTER) {
        let line = line(gauge, run, until);
        let begin = run.first().map_or(WIDTH, |first| x(first.at, until)) - lone(run);
        drawn.line.push_str(&line);
        // Writing to a string does not fail.
        let _ = write!(drawn.area, "{line}V{HEIGHT}H{begin:.1}Z");
    }
    drawn
}

fn line(gauge: Gauge, run: &[Sample], until: Millis) -> String {
    let mut path = String::with_capacity(run.len() * 12);
    for (n, (sample, value)) in run.iter().zip(gauge.line(run)).enumerate() {
        let (x, y) = (x(sample.at, until), EDGE + (1.0 - value) * (HEIGHT - 2.0 * EDGE));
        let _ = match n {
            0 => write!(path, "M{:.1} {y:.1}", x - lone(run)),
            _ => write!(path, "L{x:.1} {y:.1}"),
        };
    }
    if let [only] = run {
        let _ = write!(path, "H{:.1}", x(only.at, until));
    }
    path
}

const fn lone(run: &[Sample]) -> f32 {
    if run.len() == 1 { LONE } else { 0.0 }
}

fn x(at: Millis, until: Millis) -> f32 {
    WIDTH * (1.0 - until.since(at).as_secs_f32() / SPAN.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::gateway_bus::Machine;

    /// Nothing to do, at these seconds.
    fn idle(seconds: &[u64]) -> Vec<Sample> {
        let machine = Machine {
            cpu: 0.0,
            memory_used: 1,
            memory_total: 1,
            disk_used: 0,
            disk_total: 1,
            network_in: 0,
            network_out: 0,
        };
        seconds.iter().map(|second| Sample { at: Millis(second * 1000), machine }).collect()
    }

    fn line(seconds: &[u64], until: u64) -> String {
        draw(Gauge::Cpu, &idle(seconds), Millis(until * 1000)).line
    }

    #[test]
    fn a_word_stands_at_its_time_within_the_last_five_minutes() {
        assert_eq!(line(&[1000, 1005, 1010], 1010), "M116.0 26.5L118.0 26.5L120.0 26.5");
        assert_eq!(draw(Gauge::Memory, &idle(&[1005, 1010]), Millis(1_010_000)).line, "M118.0 1.5L120.0 1.5");
        // A gateway that has fallen silent is left behind.
        assert_eq!(line(&[1005, 1010], 1160), "M58.0 26.5L60.0 26.5");
        assert_eq!(line(&[1005, 1010], 1460), "M-62.0 26.5L-60.0 26.5");
    }

    #[test]
    fn nothing_is_drawn_where_nothing_was_said() {
        let drawn = draw(Gauge::Cpu, &idle(&[1000, 1010, 1025, 1030]), Millis(1_030_000));
        assert_eq!(drawn.line, "M108.0 26.5L112.0 26.5M118.0 26.5L120.0 26.5");
        assert_eq!(drawn.area, "M108.0 26.5L112.0 26.5V28H108.0ZM118.0 26.5L120.0 26.5V28H118.0Z");
        assert_eq!(draw(Gauge::Cpu, &[], Millis(1)), Drawn::default());
    }

    #[test]
    fn a_word_without_neighbours_is_seen() {
        let drawn = draw(Gauge::Cpu, &idle(&[1000]), Millis(1_000_000));
        assert_eq!(drawn.line, "M119.2 26.5H120.0");
        assert_eq!(drawn.area, "M119.2 26.5H120.0V28H119.2Z");
    }
}
