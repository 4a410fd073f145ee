//! The page's randomness: the only place that draws it.

use viworks_web_model::{
    password::{self, DRAWN},
    request::IdempotencyKey,
};
use zeroize::Zeroize as _;

/// Names one act of a person, so that asking again is the same act.
pub fn idempotency_key() -> IdempotencyKey {
    let mut random = [0; 16];
    // Every browser that runs this page has it; without it every key would be the same, which the server refuses.
    let _ = fill(&mut random);
    IdempotencyKey::from_random(random)
}

/// A strong password; none where the browser has no randomness to make it from.
pub fn password() -> Option<String> {
    let mut random = [0; DRAWN];
    let drawn = fill(&mut random).map(|()| password::from_random(&random));
    random.zeroize();
    drawn
}

fn fill(random: &mut [u8]) -> Option<()> {
    let crypto = web_sys::window()?.crypto().ok()?;
    crypto.get_random_values_with_u8_array(random).ok().map(drop)
}

/// Spreads retries; no secret depends on it.
pub fn fraction() -> f64 {
    js_sys::Math::random()
}
