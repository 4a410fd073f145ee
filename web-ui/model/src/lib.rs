//! What the console knows and how it says it, without a browser: the feed's client, lists that stay in order
//! while their rows change, views as URLs, words and formats.
//!
//! Nothing here renders, opens a socket, reads a clock or draws a random number; time and chance are arguments, so
//! that all of it is tested like any other rule. It decides nothing either: what a person may do, the server says.

pub mod countries;
pub mod ending;
pub mod feed;
pub mod form;
pub mod format;
pub mod gateways;
pub mod list;
pub mod load;
pub mod notices;
pub mod palette;
pub mod password;
pub mod people;
pub mod place;
pub mod qr;
pub mod request;
pub mod sessions;
pub mod sign_in;
pub mod steps;
pub mod timeline;
pub mod toasts;
pub mod users;
pub mod words;
