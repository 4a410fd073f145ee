//! What of many things somebody means who has typed a few letters.

use std::cmp::Reverse;

/// How well a text answers what was typed; more is better. None: not at all.
///
/// Every typed word must be in the text or among the other words that the thing goes by. Where it stands decides:
/// at the beginning of all, at the beginning of a word, anywhere.
pub fn score(typed: &str, text: &str, others: &str) -> Option<u32> {
    let (typed, text, others) = (typed.trim().to_lowercase(), text.to_lowercase(), others.to_lowercase());
    if typed.is_empty() {
        return Some(0);
    }
    if text == typed {
        return Some(1_000);
    }
    if text.starts_with(&typed) {
        return Some(800);
    }
    typed.split_whitespace().map(|word| word_score(word, &text, &others)).try_fold(0, |all, one| {
        let one = one?;
        Some(if all == 0 { one } else { all.min(one) })
    })
}

fn word_score(word: &str, text: &str, others: &str) -> Option<u32> {
    let begins =
        |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|part| part.starts_with(word));
    if begins(text) {
        Some(600)
    } else if text.contains(word) {
        Some(400)
    } else if begins(others) {
        Some(300)
    } else {
        None
    }
}

/// The things that answer, best first; among equals the earlier stay earlier.
pub fn rank<T>(typed: &str, things: Vec<T>, words: impl Fn(&T) -> (&str, &str)) -> Vec<T> {
    let scored = things.into_iter().filter_map(|thing| {
        let (text, others) = words(&thing);
        Some((score(typed, text, others)?, thing))
    });
    let mut scored = scored.collect::<Vec<_>>();
    scored.sort_by_key(|(score, _)| Reverse(*score));
    scored.into_iter().map(|(_, thing)| thing).collect()
}

/// Where the arrows lead in a list that is a ring.
pub fn step(at: Option<usize>, count: usize, down: bool) -> Option<usize> {
    match (at, count) {
        (_, 0) => None,
        (None, _) => Some(if down { 0 } else { count - 1 }),
        (Some(at), _) => Some(if down { (at + 1) % count } else { (at + count - 1) % count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTS: [(&str, &str); 4] = [
        ("Create user", "new add person account"),
        ("Go to Users", "people"),
        ("Use the dark theme", "night appearance"),
        ("Sign out", "log out leave"),
    ];

    fn found(typed: &str) -> Vec<&'static str> {
        rank(typed, ACTS.to_vec(), |act| *act).into_iter().map(|(title, _)| title).collect()
    }

    #[test]
    fn nothing_typed_is_answered_by_everything_in_order() {
        assert_eq!(found(" "), ACTS.map(|(title, _)| title));
    }

    #[test]
    fn the_beginning_of_all_comes_before_the_beginning_of_a_word() {
        assert_eq!(found("user"), ["Create user", "Go to Users"]);
        assert_eq!(rank("us", vec!["Go to Users", "Use it"], |text| (text, "")), ["Use it", "Go to Users"]);
    }

    #[test]
    fn every_typed_word_must_be_there_in_any_order() {
        assert_eq!(found("user create"), ["Create user"]);
        assert_eq!(found("user delete"), Vec::<&str>::new());
    }

    #[test]
    fn a_thing_is_found_by_other_words_that_it_goes_by() {
        assert_eq!(found("log out"), ["Sign out"]);
        assert_eq!(found("night"), ["Use the dark theme"]);
    }

    #[test]
    fn a_name_that_holds_the_letters_comes_after_one_that_begins_with_them() {
        let names = vec!["oliver", "vera", "ana.vera"];
        assert_eq!(rank("ver", names, |name| (name, "")), ["vera", "ana.vera", "oliver"]);
    }

    proptest! {
        /// The palette asks the server, and shows of its answer what still answers here.
        #[test]
        fn what_the_server_finds_by_a_name_answers_here_too(
            name in "[A-Za-z0-9._-]{1,12}",
            from in 0..12_usize,
            length in 1..12_usize,
        ) {
            let from = from.min(name.len() - 1);
            let part = name.chars().skip(from).take(length).collect::<String>().to_ascii_uppercase();
            prop_assert!(score(&part, &name, "").is_some(), "{part} in {name}");
        }
    }

    #[test]
    fn the_arrows_go_round() {
        assert_eq!(step(None, 3, true), Some(0));
        assert_eq!(step(None, 3, false), Some(2));
        assert_eq!(step(Some(2), 3, true), Some(0));
        assert_eq!(step(Some(0), 3, false), Some(2));
        assert_eq!(step(Some(0), 0, true), None);
    }
}
