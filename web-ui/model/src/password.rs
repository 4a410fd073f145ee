//! Initial passwords: what the server takes, and strong ones that a person can read out.

/// NIST 800-63B-4: at least 8 characters where the password is one of two factors. The server's rule.
pub const SHORTEST: usize = 8;
/// Bytes. The server's rule.
pub const LONGEST: usize = 256;

/// How many random bytes a drawn password is made of, one per character.
pub const DRAWN: usize = 20;
/// 32 characters that nobody takes for each other: five bits each, 100 together.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GROUP: usize = 5;

/// What to do about a password that the server would not take.
pub fn problem(password: &str) -> Option<String> {
    if password.is_empty() {
        return Some("Give a password, or let one be generated.".into());
    }
    if password.chars().count() < SHORTEST {
        return Some(format!("Give at least {SHORTEST} characters."));
    }
    (password.len() > LONGEST).then(|| format!("Give a shorter one: at most {LONGEST} bytes."))
}

/// `k3f8m-...`: groups that can be read out over a telephone. Every byte counts with its lowest five bits.
pub fn from_random(random: &[u8; DRAWN]) -> String {
    let groups = random.chunks(GROUP).map(|group| {
        group.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>()
    });
    groups.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_the_server_refuses_is_said_before_it_is_asked() {
        for refused in ["", "1234567", "éééé", &"x".repeat(257), &"é".repeat(129)] {
            assert!(problem(refused).is_some(), "{refused}");
        }
        for taken in ["12345678", "éééééééé", &"x".repeat(256)] {
            assert_eq!(problem(taken), None, "{taken}");
        }
    }

    #[test]
    fn a_drawn_password_is_readable_strong_and_taken() {
        assert_eq!(LETTERS.iter().collect::<BTreeSet<_>>().len(), 32);
        assert!(!LETTERS.iter().any(|letter| b"lo01".contains(letter)), "easily taken for each other");
        let drawn = from_random(&std::array::from_fn(|n| n as u8 * 13));
        assert_eq!(drawn.split('-').map(str::len).collect::<Vec<_>>(), [GROUP; DRAWN / GROUP]);
        assert_eq!(problem(&drawn), None);
        assert_ne!(drawn, from_random(&[1; DRAWN]));
    }
}
