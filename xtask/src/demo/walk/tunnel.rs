//! Step 4: knock, TLS, VPN, page.

use super::{SOON, Walk, see};
use crate::{
    clock,
    demo::{
        conversation::Conversation,
        json, netns,
        probe::Answer,
        product::{DESKTOP_1, DESKTOP_2, Product},
    },
    exec,
    failure::{Result, bail},
    report,
};
use std::time::Duration;

const DOOR: &str = "10.77.0.2:443";
/// A connect that is not answered within this is met with silence: an answer takes less than a millisecond here.
const SILENT: Duration = Duration::from_millis(400);

pub fn nobody_is_answered(walk: &Walk) -> Result {
    see("before the knock the gateway's 443 answers nobody", || {
        for desktop in [DESKTOP_1, DESKTOP_2] {
            expect(&walk.product, desktop.namespace, DOOR, &[Answer::Silence])?;
        }
        Ok(())
    })
}

/// Types the right code and follows the way to the tunnel; the neighbour knocks all the while.
pub fn the_right_code_leads_in(walk: &mut Walk, mut desktop: Conversation, code: &str) -> Result {
    let neighbour = walk.product.house.from(DESKTOP_2.namespace).knocking(DOOR, Duration::from_secs(3))?;
    let connected = see("the right code verifies: knock, TLS 1.3, OpenVPN, connected", || {
        desktop.say(code)?;
        desktop.wait_state(&["connected"], SOON)
    })?;
    walk.address = json::text(&connected, "address")?.to_owned();
    walk.page = json::text(&connected, "page")?.to_owned();
    report::note(&format!("  ms since viworks-connect started: {}", desktop.times()));
    walk.desktop = Some(desktop);
    see("  meanwhile the door was open for that address alone", || match neighbour.answer()? {
        Answer::Open => {
            bail!("expected silence for the neighbour {}; the door was open", DESKTOP_2.namespace)
        }
        _ => Ok(()),
    })
}

pub fn run(walk: &mut Walk) -> Result {
    report::headline("4  tunnel and page");
    let product = &walk.product;
    see("the page of the session's own container is at its random path", || {
        page_is_there(product, &walk.page)
    })?;
    see("the same path from another machine leads nowhere", || {
        let from = product.house.from(netns::DESKTOP_2);
        match from.get(&walk.page)? {
            Ok(page) if page.status == 200 => bail!("expected no page for a stranger; got {}", page.body),
            _ => Ok(()),
        }
    })?;
    see("another path leads nowhere", || {
        let guessed = guess(&walk.page);
        match product.house.from(netns::DESKTOP_1).get(&guessed)? {
            Ok(page) if page.status == 404 => Ok(()),
            other => bail!("expected 404 at a guessed path; got {other:?}"),
        }
    })?;
    see("the resource that the policy names is reached", || {
        expect(product, netns::DESKTOP_1, &resource(netns::ALLOWED_IP), &[Answer::Open])
    })?;
    see("another address is not, even with a route forced towards it", || {
        let other = resource(netns::FORBIDDEN_IP);
        let never = [Answer::Silence, Answer::NoRoute, Answer::Refused];
        expect(product, netns::DESKTOP_1, &other, &never)?;
        force_route()?;
        expect(product, netns::DESKTOP_1, &other, &never)
    })?;
    walk.while_connected = rfc3339(clock::unix());
    Ok(())
}

pub fn expect(product: &Product, namespace: &'static str, address: &str, wanted: &[Answer]) -> Result {
    let answer = product.house.from(namespace).tcp(address, SILENT)?;
    if wanted.contains(&answer) {
        Ok(())
    } else {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        bail!("expected {} at {address} from {namespace}; got {answer}", wanted.join(" or "))
    }
}

pub fn resource(ip: &str) -> String {
    format!("{ip}:{}", netns::RESOURCE_PORT)
}

pub fn page_is_there(product: &Product, url: &str) -> Result {
    match product.house.from(netns::DESKTOP_1).get(url)? {
        Ok(page) if page.status == 200 && page.body.contains("A published page") => Ok(()),
        other => bail!("expected the published page at {url}; got {other:?}"),
    }
}

/// The same address with another random part.
fn guess(url: &str) -> String {
    let swap = |letter: char| if letter == 'a' { 'b' } else { 'a' };
    let end = url.trim_end_matches('/');
    let last = end.chars().last().map_or('a', swap);
    format!("{}{last}/", &end[..end.len().saturating_sub(1)])
}

/// A user with root on the own desktop can do this; the gateway must not care.
fn force_route() -> Result {
    let mut show = netns::inside(netns::DESKTOP_1, "ip");
    let links = exec::succeed(show.args(["-o", "link", "show", "type", "tun"]))?;
    let Some(tun) = links.split(':').nth(1).map(str::trim) else {
        bail!("expected a tunnel interface on the desktop; saw {links:?}");
    };
    let mut add = netns::inside(netns::DESKTOP_1, "ip");
    add.args(["route", "replace", netns::FORBIDDEN_IP, "dev", tun]);
    exec::succeed(&mut add).map(drop)
}

/// Seconds since 1970 as `2026-11-21T20:00:00.000Z` (Howard Hinnant's civil-from-days).
pub fn rfc3339(at: Duration) -> String {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_everybody_writes_them() {
        assert_eq!(rfc3339(Duration::ZERO), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Duration::from_millis(951_827_696_789)), "2000-02-29T12:34:56.789Z");
        assert_eq!(rfc3339(Duration::from_secs(1_798_761_599)), "2026-12-31T23:59:59.000Z");
    }

    #[test]
    fn a_guessed_path_differs_in_its_last_letter_only() {
        assert_eq!(guess("http://10.8.0.1/s/abca/"), "http://10.8.0.1/s/abcb/");
        assert_eq!(guess("http://10.8.0.1/s/abcd/"), "http://10.8.0.1/s/abca/");
    }
}
