//! How often one source may try what strangers can reach. Accounts are counted by events, which survive a
//! restart; these only keep a flood from costing work.

use crate::{
    config,
    error::{ApiError, Rejection},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Operators' and desktops' passwords.
    SignIn,
    /// Gateways and phones.
    Enrol,
    /// Codes typed on a desktop.
    Answer,
}

/// Sources that have been quiet are forgotten every so many checks.
const FORGET_EVERY: u32 = 1024;

pub struct Limits {
    sign_in: DefaultKeyedRateLimiter<IpAddr>,
    enrol: DefaultKeyedRateLimiter<IpAddr>,
    answer: DefaultKeyedRateLimiter<IpAddr>,
    checks: AtomicU32,
}

impl Limits {
    pub fn new(config: &config::Limits) -> Self {
        let per_minute =
            |n: u32| RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)));
        Self {
            sign_in: per_minute(config.sign_ins_per_minute),
            enrol: per_minute(config.enrolments_per_minute),
            answer: per_minute(config.answers_per_minute),
            checks: AtomicU32::new(0),
        }
    }

    /// # Errors
    /// This source has tried too often.
    pub fn check(&self, act: Act, source: IpAddr) -> Result<(), ApiError> {
        let limiter = match act {
            Act::SignIn => &self.sign_in,
            Act::Enrol => &self.enrol,
            Act::Answer => &self.answer,
        };
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            limiter.retain_recent();
        }
        limiter.check_key(&source_of(source)).map_err(|_| Rejection::TooMany.into())
    }
}

/// Whom an address is counted as. One household has a /64 of IPv6; counting single addresses of it would count
/// nothing.
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(sign_ins_per_minute: u32) -> Limits {
        Limits::new(&config::Limits {
            sign_ins_per_minute,
            enrolments_per_minute: 1,
            answers_per_minute: 1,
            feeds: 1,
            feeds_per_operator: 1,
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_source_is_stopped_and_others_are_not() {
        let limits = limits(3);
        for _ in 0..3 {
            assert!(limits.check(Act::SignIn, address("10.0.0.1")).is_ok());
        }
        assert!(limits.check(Act::SignIn, address("10.0.0.1")).is_err());
        assert!(limits.check(Act::SignIn, address("::ffff:10.0.0.1")).is_err());
        assert!(limits.check(Act::SignIn, address("10.0.0.2")).is_ok());
        assert!(limits.check(Act::Enrol, address("10.0.0.1")).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let limits = limits(1);
        assert!(limits.check(Act::SignIn, address("2001:db8::1")).is_ok());
        assert!(limits.check(Act::SignIn, address("2001:db8::2")).is_err());
        assert!(limits.check(Act::SignIn, address("2001:db8:0:1::1")).is_ok());
    }
}
