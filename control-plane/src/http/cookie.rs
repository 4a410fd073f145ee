//! The cookie that a browser is signed in by, and from whose pages it counts.
//!
//! A browser adds a cookie to every request for us, whoever made it ask. `SameSite=Strict` leaves it out of what
//! other sites cause; another port of this machine is the same site, so what changes something must also say
//! that a page of ours asked.

use super::call::{Answer, Call};
use crate::error::{ApiError, Rejection};
use http::{HeaderMap, HeaderValue, Method, header, uri::Authority};
use viworks_api::token::Token;
use warp::reply::Response;

/// The prefix makes browsers refuse it unless it is `Secure`, for `/`, and for this host alone (RFC 6265bis
/// section 4.1.3.2): no neighbour on another port or subdomain can plant one.
pub const NAME: &str = "__Host-viworks";
/// Fetch metadata: what a browser says of who made it ask.
const SITE: &str = "sec-fetch-site";

/// The cookie's value as it came. Two of that name are none.
pub fn value(headers: &HeaderMap) -> Option<&str> {
    // HTTP/2 may send each pair in a header of its own.
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    found.next().filter(|_| found.next().is_none())
}

/// The token of a request that comes with the cookie; what may change something comes from a page of ours.
///
/// # Errors
/// There is none, or another page asks.
pub fn token_of(call: &Call) -> Result<Token, ApiError> {
    let token = value(&call.headers).and_then(|value| value.parse().ok()).ok_or(Rejection::NotSignedIn)?;
    let only_reads = matches!(call.method, Method::GET | Method::HEAD);
    if !only_reads {
        from_our_page(call)?;
    } else if !may_be_ours(&call.headers) {
        return Err(Rejection::Forbidden.into());
    }
    Ok(token)
}

/// Sets it for so many seconds; none takes it away.
///
/// # Errors
/// Never, for a token: a header carries any.
pub fn set(mut response: Response, token: &str, seconds: u64) -> Answer {
    let text = format!("{NAME}={token}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Strict");
    let value = HeaderValue::from_str(&text).map_err(ApiError::fault("a cookie was made"))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// # Errors
/// The request does not say that a page of this very origin made it.
pub fn from_our_page(call: &Call) -> Result<(), ApiError> {
    let ours = call.host.as_ref().is_some_and(|host| is_origin_of(&call.headers, host));
    if ours && may_be_ours(&call.headers) { Ok(()) } else { Err(Rejection::Forbidden.into()) }
}

/// `Origin` is `https://<Host>`; a missing one is not.
fn is_origin_of(headers: &HeaderMap, host: &Authority) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).into_iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Some(origin) = origin.to_str().ok().and_then(|text| text.strip_prefix("https://")) else {
        return false;
    };
    without_default_port(origin).eq_ignore_ascii_case(without_default_port(host.as_str()))
}

/// Browsers leave it out on both sides; other clients may write it.
fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").unwrap_or(authority)
}

/// Browsers that say who made them ask say that it was us, or the person themselves.
fn may_be_ours(headers: &HeaderMap) -> bool {
    headers.get_all(SITE).into_iter().all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
}
