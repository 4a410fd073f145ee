//! Which of a file's forms a client gets (RFC 9110 section 12.5.3).

use http::{HeaderMap, header};

/// Best first: at equal wishes the smaller one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    const BEST_FIRST: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// None for what goes as it is.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    fn is_called(self, coding: &str) -> bool {
        let names: &[&str] = match self {
            Self::Brotli => &["br"],
            // The old name; section 8.4.1.3 asks to treat it alike.
            Self::Gzip => &["gzip", "x-gzip"],
            Self::Identity => &["identity"],
        };
        names.iter().any(|name| coding.eq_ignore_ascii_case(name))
    }
}

/// What the client wishes for most among what there is. Who wants nothing that we have gets it as it is: a
/// server may disregard the header (section 12.1), and a page that comes large is better than none.
pub fn choose(headers: &HeaderMap, there_is: impl Fn(Encoding) -> bool) -> Encoding {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    let wishes: Vec<_> = lines.flat_map(|line| line.split(',')).filter_map(wish).collect();
    let best = Encoding::BEST_FIRST.into_iter().filter(|encoding| there_is(*encoding)).fold(
        (0, Encoding::Identity),
        |best, encoding| {
            let weight = weight_of(encoding, &wishes);
            if weight > best.0 { (weight, encoding) } else { best }
        },
    );
    best.1
}

/// In thousandths; 0 is "not this".
fn weight_of(encoding: Encoding, wishes: &[(&str, u16)]) -> u16 {
    let named = wishes.iter().find(|(coding, _)| encoding.is_called(coding));
    let any = wishes.iter().find(|(coding, _)| *coding == "*");
    match (named.or(any), encoding) {
        (Some((_, weight)), _) => *weight,
        // Acceptable when nothing is said of it, but nothing that anybody wishes for.
        (None, Encoding::Identity) => 1,
        (None, Encoding::Brotli | Encoding::Gzip) => 0,
    }
}

/// `gzip;q=0.5`. What is not written like this says nothing.
fn wish(element: &str) -> Option<(&str, u16)> {
    let (coding, weight) = match element.split_once(';') {
        Some((coding, parameter)) => {
            let (name, value) = parameter.trim().split_once('=')?;
            (coding.trim(), name.eq_ignore_ascii_case("q").then(|| thousandths(value))??)
        }
        None => (element.trim(), 1000),
    };
    (!coding.is_empty()).then_some((coding, weight))
}

/// `qvalue` of section 12.4.2: 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encoding::{Brotli, Gzip, Identity};

    fn chosen(accept: &str, there_are: &[Encoding]) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept.parse().expect("a header"));
        choose(&headers, |encoding| encoding == Identity || there_are.contains(&encoding))
    }

    #[test]
    fn a_client_gets_what_it_wishes_for_most() {
        let all = [Brotli, Gzip];
        for (accept, wanted) in [
            ("gzip, deflate, br, zstd", Brotli),
            ("br;q=0.5, gzip;q=0.9", Gzip),
            ("gzip;q=0.1, identity;q=0.2", Identity),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("br ; q=0.001", Brotli),
            ("*", Brotli),
            ("*;q=0.5, br;q=0", Gzip),
            ("gzip;q=0", Identity),
            ("deflate", Identity),
            ("", Identity),
            ("identity;q=0, gzip;q=0.001", Gzip),
        ] {
            assert_eq!(chosen(accept, &all), wanted, "{accept:?}");
        }
        assert_eq!(choose(&HeaderMap::new(), |_| true), Identity, "who says nothing gets it as it is");
        assert_eq!(chosen("br, gzip;q=0.2", &[Gzip]), Gzip, "what is not there is not sent");
    }

    #[test]
    fn a_name_within_another_name_is_not_that_name() {
        assert_eq!(chosen("brotli, not-gzip", &[Brotli, Gzip]), Identity);
    }

    #[test]
    fn a_weight_that_is_none_says_nothing() {
        for wrong in ["br;q=2", "br;q=0.1234", "br;q=-1", "br;q=x", "br;q=", "br;level=1", ";q=1", "br;q=1.5"]
        {
            assert_eq!(chosen(wrong, &[Brotli]), Identity, "{wrong:?}");
        }
    }

    #[test]
    fn who_wants_nothing_that_there_is_gets_it_as_it_is() {
        assert_eq!(chosen("identity;q=0", &[]), Identity);
        assert_eq!(chosen("*;q=0", &[Brotli, Gzip]), Identity);
    }
}
