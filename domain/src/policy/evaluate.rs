//! `evaluate(document, facts, gate) -> Verdict`: pure, total, and re-runnable from what the event recorded.

use super::{Country, Document, KeyProtection, Weekday, Window};
use crate::Millis;
use serde::{Deserialize, Serialize};

/// Where on the way the policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Login,
    Posture,
    Code,
    Bootstrap,
    /// A connected session, asked again: renewal, changed policy, changed posture, changed user.
    Continuous,
}

/// Everything a verdict looked at. Raw addresses are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub at: Millis,
    /// `at` on the policy's clock, with the offset that was used: replay must not depend on a time-zone
    /// database of another year.
    pub local: LocalTime,
    /// Of the user, folded from the log.
    pub user_active: bool,
    /// The policy is in force: a draft admits nobody, a retired one nobody any more.
    pub policy_active: bool,
    /// The user's other sessions that are not ended.
    pub other_sessions: u32,
    /// Whether the desktop's install key has been seen verified for this user before.
    pub known_desktop: bool,
    /// Absent before the phone has spoken.
    pub posture: Option<PostureValues>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    pub weekday: Weekday,
    /// Minute of the local day, 0 to 1439.
    pub minute: u16,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
}

/// What the phone reports of itself, as signed by its device key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostureValues {
    pub reported_at: Millis,
    pub os: String,
    pub os_version: String,
    /// Of the network the phone is in.
    pub network_country: Option<Country>,
    pub sim_country: Option<Country>,
    pub rooted: bool,
    pub emulator: bool,
    pub screen_lock: bool,
    pub key_protection: KeyProtection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    UserActive,
    PolicyActive,
    Window,
    NotAfter,
    ConcurrentSessions,
    KnownDesktop,
    PhoneCountry,
    SimMatchesNetwork,
    PostureAge,
    Rooted,
    Emulator,
    ScreenLock,
    KeyProtection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Holds,
    Violated,
    /// Worth an admin's look, but it does not deny.
    Noted,
    /// Not asked at this gate (the phone has not spoken yet) or not demanded by the policy.
    NotAsked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: Rule,
    pub standing: Standing,
}

/// The answer, with every rule's finding. People see what to do; only admins see the findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub gate: Gate,
    pub allow: bool,
    pub findings: Vec<Finding>,
    pub facts: Facts,
}

impl Facts {
    /// Local time on the policy's clock.
    pub fn local_time(document: &Document, at: Millis) -> LocalTime {
        local_time(&zone(document), at)
    }
}

/// Every rule's finding at this gate, and whether the policy allows.
pub fn evaluate(document: &Document, facts: Facts, gate: Gate) -> Verdict {
    let findings = vec![
        demand(Rule::UserActive, facts.user_active),
        demand(Rule::PolicyActive, facts.policy_active),
        demand(Rule::Window, in_window(document, facts.local)),
        demand(Rule::NotAfter, document.not_after.is_none_or(|end| facts.at < end)),
        demand(Rule::ConcurrentSessions, facts.other_sessions < document.concurrent_sessions),
        Finding {
            rule: Rule::KnownDesktop,
            standing: if facts.known_desktop { Standing::Holds } else { Standing::Noted },
        },
    ];
    let findings = findings.into_iter().chain(posture_findings(document, &facts, gate)).collect::<Vec<_>>();
    let allow = findings.iter().all(|f| f.standing != Standing::Violated);
    Verdict { gate, allow, findings, facts }
}

fn demand(rule: Rule, holds: bool) -> Finding {
    Finding { rule, standing: if holds { Standing::Holds } else { Standing::Violated } }
}

fn asked(rule: Rule, demanded: bool, holds: bool) -> Finding {
    if demanded { demand(rule, holds) } else { Finding { rule, standing: Standing::NotAsked } }
}

fn posture_findings(document: &Document, facts: &Facts, gate: Gate) -> [Finding; 7] {
    use Rule::{Emulator, KeyProtection, PhoneCountry, PostureAge, Rooted, ScreenLock, SimMatchesNetwork};
    let Some(posture) = &facts.posture else {
        // Before the phone has spoken there is nothing to ask; after that, silence denies.
        let standing = if gate == Gate::Login { Standing::NotAsked } else { Standing::Violated };
        return [PhoneCountry, SimMatchesNetwork, PostureAge, Rooted, Emulator, ScreenLock, KeyProtection]
            .map(|rule| Finding { rule, standing });
    };
    let rule = &document.posture;
    let restricted = !document.countries.allow.is_empty() || !document.countries.deny.is_empty();
    // A connected session is asked about what may have changed since; the report's age is bounded where a
    // new report can still be had: before the bootstrap.
    let age_asked = gate != Gate::Continuous;
    // A report from the future is as far away as one from the past: a phone set ahead buys no time.
    let age = facts.at.since(posture.reported_at).max(posture.reported_at.since(facts.at));
    [
        asked(
            PhoneCountry,
            restricted,
            posture.network_country.is_some_and(|c| country_allowed(document, c)),
        ),
        asked(
            SimMatchesNetwork,
            rule.sim_matches_network,
            posture.sim_country.is_some() && posture.sim_country == posture.network_country,
        ),
        asked(PostureAge, age_asked, age.as_secs() <= u64::from(rule.max_age_seconds)),
        asked(Rooted, rule.forbid_rooted, !posture.rooted),
        asked(Emulator, rule.forbid_emulator, !posture.emulator),
        asked(ScreenLock, rule.require_screen_lock, posture.screen_lock),
        demand(KeyProtection, posture.key_protection >= rule.min_key_protection),
    ]
}

fn country_allowed(document: &Document, country: Country) -> bool {
    let rule = &document.countries;
    !rule.deny.contains(&country) && (rule.allow.is_empty() || rule.allow.contains(&country))
}

fn in_window(document: &Document, local: LocalTime) -> bool {
    document.windows.is_empty() || closes_at(document, local).is_some()
}

/// The minute of the local day at which the last of the windows that hold now closes.
fn closes_at(document: &Document, local: LocalTime) -> Option<u16> {
    let holds =
        |w: &&Window| w.days.contains(&local.weekday) && (w.from_minute..w.to_minute).contains(&local.minute);
    document.windows.iter().filter(holds).map(|w| w.to_minute).max()
}

/// When the policy itself ends a session admitted at `at`: the end of the weekly window that holds now
/// (windows that touch, also across midnight, run on), or `not_after`, whichever comes first.
pub fn window_end(document: &Document, at: Millis) -> Option<Millis> {
    let weekly = (!document.windows.is_empty()).then(|| weekly_end(document, at));
    [weekly.flatten(), document.not_after].into_iter().flatten().min()
}

fn weekly_end(document: &Document, at: Millis) -> Option<Millis> {
    const MINUTE: u64 = 60_000;
    /// One week, and the hour that a change of offset may add: a window that never closes within it does not
    /// close.
    const HORIZON: u64 = 7 * 24 * 60 + 60;
    let zone = zone(document);
    let mut minute = at.0 / MINUTE;
    let last = minute.saturating_add(HORIZON);
    while minute <= last {
        let now = Millis(minute.saturating_mul(MINUTE));
        let local = local_time(&zone, now);
        let Some(closes) = closes_at(document, local) else { return Some(now.max(at)) };
        // Straight to where the window closes, unless the clock is put forward or back before that: an offset
        // that changes is never reckoned with, only looked at again.
        let change = zone.following(stamp(now)).next().map(|change| change.timestamp().as_millisecond());
        let change = change.and_then(|ms| u64::try_from(ms).ok()).map(|ms| ms.div_ceil(MINUTE));
        minute = (minute + u64::from(closes - local.minute)).min(change.unwrap_or(u64::MAX));
    }
    None
}

/// An unknown zone cannot occur in a validated document; if a log holds one all the same, it is read as UTC and
/// the windows decide on that.
fn zone(document: &Document) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(&document.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn stamp(at: Millis) -> jiff::Timestamp {
    i64::try_from(at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

fn local_time(zone: &jiff::tz::TimeZone, at: Millis) -> LocalTime {
    let local = stamp(at).to_zoned(zone.clone());
    LocalTime {
        weekday: match local.weekday() {
            jiff::civil::Weekday::Monday => Weekday::Mon,
            jiff::civil::Weekday::Tuesday => Weekday::Tue,
            jiff::civil::Weekday::Wednesday => Weekday::Wed,
            jiff::civil::Weekday::Thursday => Weekday::Thu,
            jiff::civil::Weekday::Friday => Weekday::Fri,
            jiff::civil::Weekday::Saturday => Weekday::Sat,
            jiff::civil::Weekday::Sunday => Weekday::Sun,
        },
        minute: u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs()),
        offset_seconds: local.offset().seconds(),
    }
}
