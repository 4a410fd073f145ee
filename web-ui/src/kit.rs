//! The parts that views are made of, on the browser's own elements.

pub mod busy;
pub mod dialog;
pub mod field;
pub mod icon;
pub mod pill;
pub mod place;
pub mod spark;
pub mod table;
pub mod time;
pub mod typing;
