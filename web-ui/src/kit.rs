//! The parts that views are made of, on the browser's own elements.
