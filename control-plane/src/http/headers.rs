//! What every answer tells a browser to refuse.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};

/// Everything comes from here, nothing inline, nothing evaluated but the console's own WebAssembly; nothing is
/// framed by anybody. `data:` is for the QR code.
const OF_PAGES: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                        connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// An answer of the API is no page: should a browser show it as one, it may do nothing.
const OF_ANSWERS: &str = "default-src 'none'; frame-ancestors 'none'";

/// Of every answer, whatever it is.
const OF_ALL: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Addresses in the console name users and sessions.
    (REFERRER_POLICY, "no-referrer"),
    // A window that opened us, or that we opened, has no hold on ours.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Foreign pages cannot even load what they could not read.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()",
    ),
    // There is no other way in than TLS; a year, as browsers' own lists ask.
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
];

/// For the console's files.
pub fn of_page(headers: &mut HeaderMap) {
    put(headers, OF_PAGES);
}

/// For what the API answers.
pub fn of_answer(headers: &mut HeaderMap) {
    put(headers, OF_ANSWERS);
}

fn put(headers: &mut HeaderMap, content: &'static str) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(content));
    for (name, value) in OF_ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value on pages and on answers of the API.
    fn both(name: &str) -> [String; 2] {
        [of_page, of_answer].map(|of| {
            let mut headers = HeaderMap::new();
            of(&mut headers);
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        })
    }

    fn directives(policy: &str) -> Vec<&str> {
        policy.split(';').map(str::trim).collect()
    }

    #[test]
    fn a_page_runs_loads_and_speaks_with_nothing_but_us() {
        let [page, _] = both("content-security-policy");
        let directives = directives(&page);
        for wanted in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(directives.contains(&wanted), "{wanted}: {page}");
        }
        assert!(!page.contains("unsafe-inline") && !page.contains("'unsafe-eval'"), "{page}");
    }

    #[test]
    fn an_answer_of_the_api_shown_as_a_page_may_do_nothing() {
        let [_, answer] = both("content-security-policy");
        assert!(directives(&answer).contains(&"default-src 'none'"), "{answer}");
        assert!(!answer.contains("self"), "{answer}");
    }

    #[test]
    fn nobody_frames_us() {
        for policy in both("content-security-policy") {
            assert!(directives(&policy).contains(&"frame-ancestors 'none'"), "{policy}");
        }
    }

    #[test]
    fn a_browser_takes_content_for_what_we_say_it_is() {
        assert_eq!(both("x-content-type-options"), ["nosniff"; 2]);
    }

    #[test]
    fn addresses_of_the_console_go_to_nobody_else() {
        assert_eq!(both("referrer-policy"), ["no-referrer"; 2]);
    }

    #[test]
    fn foreign_windows_have_no_hold_on_ours() {
        assert_eq!(both("cross-origin-opener-policy"), ["same-origin"; 2]);
    }

    #[test]
    fn foreign_pages_cannot_load_what_is_ours() {
        assert_eq!(both("cross-origin-resource-policy"), ["same-origin"; 2]);
    }

    #[test]
    fn no_page_asks_for_a_camera_a_place_or_a_device() {
        for policy in both("permissions-policy") {
            for wanted in ["camera=()", "microphone=()", "geolocation=()", "usb=()"] {
                assert!(policy.contains(wanted), "{wanted}: {policy}");
            }
        }
    }

    #[test]
    fn a_browser_that_was_here_comes_back_by_tls_alone() {
        assert_eq!(both("strict-transport-security"), ["max-age=31536000"; 2]);
    }
}
