//! The page's randomness: the only place that draws it.

use viworks_web_model::request::IdempotencyKey;

/// Names one act of a person, so that asking again is the same act.
pub fn idempotency_key() -> IdempotencyKey {
    let mut random = [0; 16];
    let crypto = web_sys::window().and_then(|window| window.crypto().ok());
    // Every browser that runs this page has it; without it every key would be the same, which the server refuses.
    if let Some(crypto) = crypto {
        let _ = crypto.get_random_values_with_u8_array(&mut random);
    }
    IdempotencyKey::from_random(random)
}

/// Spreads retries; no secret depends on it.
pub fn fraction() -> f64 {
    js_sys::Math::random()
}
