//! Asking the server: JSON over fetch, same origin, the sign-in in a cookie that no script sees.

use crate::{entropy, session};
use serde::{Serialize, de::DeserializeOwned};
use viworks_api::{IDEMPOTENCY_KEY, Pending, problem};
use viworks_web_model::request::{Failure, IdempotencyKey};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

/// How often an act that is durable but not decided is asked after; each time the server waits for the decision.
const ASKED_AGAIN: u32 = 4;
const ACCEPTED: u16 = 202;

/// The body of what needs none.
#[derive(Serialize)]
pub struct Nothing {}

/// # Errors
/// [`Failure`]; an ended sign-in also shows the sign-in page.
pub async fn get<T: DeserializeOwned>(address: &str) -> Result<T, Failure> {
    parse(&ask(address).await?)
}

/// One act of a person. Asking again within it carries the same key.
///
/// # Errors
/// As [`get`].
pub async fn post<B: Serialize, T: DeserializeOwned>(address: &str, body: &B) -> Result<T, Failure> {
    post_as(address, body, &entropy::idempotency_key()).await
}

/// As [`post`], for an act that may be asked again later under the same key.
///
/// # Errors
/// As [`get`].
pub async fn post_as<B: Serialize, T: DeserializeOwned>(
    address: &str,
    body: &B,
    key: &IdempotencyKey,
) -> Result<T, Failure> {
    let body = serde_json::to_string(body).map_err(|_| Failure::NotUnderstood)?;
    parse(&tell(address, &body, key).await?)
}

// What follows is the same for every type, so that it is in the bundle once.

async fn ask(address: &str) -> Result<String, Failure> {
    let init = RequestInit::new();
    init.set_method("GET");
    read(fetch(address, &init).await?).await
}

async fn tell(address: &str, body: &str, key: &IdempotencyKey) -> Result<String, Failure> {
    for _ in 0..ASKED_AGAIN {
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&JsValue::from_str(body));
        let headers = Headers::new().map_err(|_| Failure::Unreachable)?;
        for (name, value) in [("content-type", "application/json"), (IDEMPOTENCY_KEY, key.as_str())] {
            headers.set(name, value).map_err(|_| Failure::Unreachable)?;
        }
        init.set_headers(&headers);
        let answer = fetch(address, &init).await?;
        if answer.response.status() != ACCEPTED {
            return read(answer).await;
        }
        let Pending { .. } = parse(&text(&answer.response).await?)?;
    }
    Err(Failure::StillPending)
}

struct Answer {
    response: Response,
    /// Which sign-in the question was asked in.
    asked_in: u32,
}

async fn fetch(address: &str, init: &RequestInit) -> Result<Answer, Failure> {
    let window = web_sys::window().ok_or(Failure::Unreachable)?;
    let asked_in = session::nth();
    let response = JsFuture::from(window.fetch_with_str_and_init(address, init)).await;
    let response = response.ok().and_then(|value| value.dyn_into().ok()).ok_or(Failure::Unreachable)?;
    Ok(Answer { response, asked_in })
}

async fn read(Answer { response, asked_in }: Answer) -> Result<String, Failure> {
    let text = text(&response).await?;
    if response.ok() {
        return Ok(text);
    }
    let failure = Failure::Problem(Box::new(parse::<problem::Problem>(&text)?));
    if failure.is_signed_out() {
        session::refused(asked_in);
    }
    Err(failure)
}

async fn text(response: &Response) -> Result<String, Failure> {
    let text = response.text().map_err(|_| Failure::NotUnderstood)?;
    let text = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?;
    text.as_string().ok_or(Failure::NotUnderstood)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::NotUnderstood)
}
