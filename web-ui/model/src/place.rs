//! Where a person is, as the address bar has it: a view, its filters and the open panel. Whoever gets the address
//! sees the same.

use std::{fmt, fmt::Write as _, str::FromStr};
use viworks_domain::ids::{InvalidId, SessionId, UserId};

/// The parameter that names the open panel.
pub const PANEL: &str = "panel";
/// The parameter that names a dialog to begin with: `/users?new=user`.
pub const NEW: &str = "new";
pub const NEW_USER: &str = "user";

/// Who or what the 360-degree panel is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    User(UserId),
    Session(SessionId),
}

impl fmt::Display for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Session(id) => write!(f, "session:{id}"),
        }
    }
}

impl FromStr for Panel {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User),
            Some(("session", id)) => id.parse().map(Self::Session),
            _ => Err(InvalidId),
        }
    }
}

/// The value of a parameter; an empty one counts as none.
pub fn value(search: &str, name: &str) -> Option<String> {
    pairs(search).find(|(found, _)| found == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// The search with one parameter set or taken out; the others stay as and where they are. Without a leading `?`.
pub fn with(search: &str, name: &str, value: Option<&str>) -> String {
    let mut value = value.filter(|value| !value.is_empty());
    let mut out = String::with_capacity(search.len() + 16);
    for (found, kept) in pairs(search) {
        if found != name {
            push(&mut out, &found, &kept);
        } else if let Some(value) = value.take() {
            push(&mut out, name, value);
        }
    }
    if let Some(value) = value {
        push(&mut out, name, value);
    }
    out
}

/// A view with some parameters.
pub fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let search =
        parameters.iter().fold(String::new(), |search, (name, value)| with(&search, name, Some(value)));
    join(path, &search)
}

/// An id as an address has it; one that is none is `nobody`'s.
pub fn id_or<T: FromStr>(text: &str, nobody: T) -> T {
    text.parse().unwrap_or(nobody)
}

/// Path and search in one.
pub fn join(path: &str, search: &str) -> String {
    if search.is_empty() { path.to_owned() } else { format!("{path}?{search}") }
}

fn pairs(search: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let search = search.strip_prefix('?').unwrap_or(search);
    search.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    encode(name, out);
    out.push('=');
    encode(value, out);
}

/// What need not be encoded in a query stays readable: `panel=user:…`.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b':'
            | b'/'
            | b'@'
            | b',' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            // Writing to a string does not fail.
            other => drop(write!(out, "%{other:02X}")),
        }
    }
}

/// What is not well encoded stands for itself: people type addresses.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten().and_then(hex);
        match (byte, escaped) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_panel_is_printed_as_it_is_read() {
        for panel in [Panel::User(UserId([7; 16])), Panel::Session(SessionId([9; 16]))] {
            assert_eq!(panel.to_string().parse(), Ok(panel));
        }
        assert!("gateway:aaaa".parse::<Panel>().is_err());
        assert!("user:x".parse::<Panel>().is_err());
        assert!("".parse::<Panel>().is_err());
    }

    #[test]
    fn setting_one_parameter_leaves_the_others_where_they_are() {
        let search = "q=al&state=active&panel=user:abc";
        assert_eq!(with(search, "state", Some("suspended")), "q=al&state=suspended&panel=user:abc");
        assert_eq!(with(search, "state", None), "q=al&panel=user:abc");
        assert_eq!(with(search, "gateway", Some("x")), "q=al&state=active&panel=user:abc&gateway=x");
        assert_eq!(with("", "q", Some("")), "");
        assert_eq!(with("q=a&q=b", "q", Some("c")), "q=c");
    }

    #[test]
    fn addresses_that_people_type_are_read_as_far_as_they_go() {
        assert_eq!(value("?q=a+b%20c", "q").as_deref(), Some("a b c"));
        assert_eq!(value("q=100%", "q").as_deref(), Some("100%"));
        assert_eq!(value("q=%zz", "q").as_deref(), Some("%zz"));
        assert_eq!(value("q", "q"), None);
        assert_eq!(value("q=", "q"), None);
    }

    #[test]
    fn an_address_has_its_panel_in_plain_sight() {
        let panel = Panel::User(UserId([0; 16])).to_string();
        assert_eq!(address("/users", &[(PANEL, &panel)]), format!("/users?panel={panel}"));
        assert_eq!(address("/users", &[]), "/users");
    }

    proptest! {
        #[test]
        fn whatever_is_set_is_read_again(search in "[a-z&=%+?]{0,24}", text in ".{1,24}") {
            let search = with(&search, "q", Some(&text));
            prop_assert_eq!(value(&search, "q"), Some(text));
        }

        #[test]
        fn what_was_set_and_taken_out_is_gone(search in "[a-z&=]{0,24}", text in ".{1,24}") {
            let without = with(&search, "q", None);
            let twice = with(&with(&without, "q", Some(&text)), "q", None);
            prop_assert_eq!(twice, without);
        }
    }
}
