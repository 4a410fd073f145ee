//! A text as a QR code that a page can draw: one path, no pixels.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// ISO 18004: four light modules around the code, or readers do not find it.
const QUIET: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Modules from edge to edge, the quiet zone included: the drawing's width and height.
    pub side: usize,
    /// The dark modules as an SVG path, one unit each.
    pub path: String,
}

/// None: too long for any QR code.
pub fn draw(text: &str) -> Option<Drawing> {
    // A screen is not torn or dirty, but it has reflections: medium, as most readers expect.
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, line) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let length = line[x..].iter().take_while(|color| **color == Color::Dark).count();
            if length > 0 {
                // Writing to a string does not fail.
                let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET);
            }
            x += length.max(1);
        }
    }
    Some(Drawing { side: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the path back as dark modules.
    fn dark(drawing: &Drawing) -> Vec<Vec<bool>> {
        let mut modules = vec![vec![false; drawing.side]; drawing.side];
        for run in drawing.path.split('M').filter(|run| !run.is_empty()) {
            let (at, rest) = run.split_once('h').expect("a run");
            let (x, y) = at.split_once(' ').expect("two numbers");
            let length: usize = rest.split_once('v').expect("a height").0.parse().expect("a length");
            let (x, y): (usize, usize) = (x.parse().expect("a column"), y.parse().expect("a line"));
            modules[y][x..x + length].fill(true);
        }
        modules
    }

    #[test]
    fn the_path_is_the_code_within_its_quiet_zone() {
        let text = format!("vwqr1.{}", "eyJ1cmwiOiJodHRwczovL3ZwbiJ9".repeat(12));
        let drawing = draw(&text).expect("a code");
        let code = QrCode::with_error_correction_level(&text, EcLevel::M).expect("a code");
        assert_eq!(drawing.side, code.width() + 8);
        for (y, line) in dark(&drawing).iter().enumerate() {
            for (x, is_dark) in line.iter().enumerate() {
                let inside =
                    (QUIET..QUIET + code.width()).contains(&x) && (QUIET..QUIET + code.width()).contains(&y);
                let wanted = inside && code[(x - QUIET, y - QUIET)] == Color::Dark;
                assert_eq!(*is_dark, wanted, "module {x}, {y}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(4000)), None);
    }
}
