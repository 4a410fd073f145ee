//! The one place where refusals (the caller's doing) and faults (ours) become HTTP.
//!
//! Two texts: what the caller may read is neutral and says what to do; what the log says has the cause chain,
//! under the same correlation id.

use super::headers;
use crate::error::{ApiError, Rejection};
use http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use std::error::Error;
use viworks_api::{
    CORRELATION, Pending,
    problem::{CONTENT_TYPE, Problem, code},
};
use viworks_domain::{
    decision::{RefusalClass, refusal_text},
    ids::CorrelationId,
};
use warp::reply::Response;

/// Status, title and what to do, for what no aggregate refused.
const fn words(rejection: Rejection) -> (StatusCode, &'static str, &'static str) {
    use Rejection as R;
    use StatusCode as S;
    match rejection {
        R::SignIn => {
            (S::UNAUTHORIZED, "the sign-in failed", "check the name and the password, and try again")
        }
        R::NotSignedIn => (S::UNAUTHORIZED, "you are not signed in", "sign in again"),
        R::Forbidden => {
            (S::FORBIDDEN, "you are not permitted to do this", "ask an operator whose role allows it")
        }
        R::NotFound => (S::NOT_FOUND, "there is no such thing", "check the address and the identifier"),
        R::Malformed(what) => (S::BAD_REQUEST, "the request cannot be read", what),
        R::TooLarge => (S::PAYLOAD_TOO_LARGE, "the request is too large", "send at most 64 KiB"),
        R::Unsupported => (
            S::UNSUPPORTED_MEDIA_TYPE,
            "the request is not JSON",
            "send uncompressed JSON with the content type application/json",
        ),
        R::Method => (S::METHOD_NOT_ALLOWED, "this cannot be done here", "use another method"),
        R::TooMany => (S::TOO_MANY_REQUESTS, "too many requests", "wait a minute and try again"),
        R::NameTaken => (S::CONFLICT, "this name is taken", "choose another name"),
        R::NotCaughtUp => (
            S::SERVICE_UNAVAILABLE,
            "what you wait for cannot be shown yet",
            "it is recorded; ask again in a moment",
        ),
        R::GatewayUnavailable => {
            (S::SERVICE_UNAVAILABLE, "the gateway is not available at the moment", "try again in a moment")
        }
        R::Unavailable => (
            S::SERVICE_UNAVAILABLE,
            "the service is not available at the moment",
            "ask again in a moment; the same idempotency key makes it the same request",
        ),
    }
}

const fn status_of(class: RefusalClass) -> StatusCode {
    match class {
        RefusalClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalClass::Forbidden => StatusCode::FORBIDDEN,
        RefusalClass::NotFound => StatusCode::NOT_FOUND,
        RefusalClass::Conflict => StatusCode::CONFLICT,
        RefusalClass::Gone => StatusCode::GONE,
        RefusalClass::TooMany => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// What a worker refuses before it asks an aggregate.
fn on_the_way(code: &str) -> Option<&'static str> {
    Some(match code {
        "command.reused" => "this idempotency key was used for another request",
        "command.forbidden" => "you are not permitted to do this",
        "command.expired" => "this took too long and was not done; ask again",
        "command.parked" => "this was put aside; tell an administrator",
        _ => return None,
    })
}

/// The answer that stands for the error, with its cause in the log.
pub fn respond(error: &ApiError, correlation: CorrelationId) -> Response {
    let (status, code, title, detail) = match error {
        ApiError::Pending(command) => {
            return json(StatusCode::ACCEPTED, &Pending { command: *command, correlation }, correlation);
        }
        ApiError::Refused(refused) => (
            status_of(refused.class),
            refused.code.as_str(),
            refusal_text(&refused.code).or(on_the_way(&refused.code)).unwrap_or("this was refused"),
            None,
        ),
        ApiError::Rejected(rejection) => {
            let (status, title, detail) = words(*rejection);
            (status, rejection.code(), title, Some(detail.to_owned()))
        }
        ApiError::Unreadable(what) => {
            (StatusCode::BAD_REQUEST, code::MALFORMED, "the request cannot be read", Some(what.clone()))
        }
        ApiError::Fault { source, .. } => {
            tracing::error!(%correlation, cause = %chain(source.as_ref()), "{error}");
            let detail = "tell an administrator the correlation";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                code::INTERNAL,
                "something went wrong on our side",
                Some(detail.to_owned()),
            )
        }
    };
    tracing::debug!(%correlation, status = status.as_u16(), code, "{error}");
    let problem = Problem {
        kind: format!("urn:viworks:problem:{code}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        code: code.to_owned(),
        correlation,
    };
    let mut response = json(status, &problem, correlation);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// Every cause, outermost first; `Display` never repeats its source.
fn chain(source: &(dyn Error + Send + Sync)) -> String {
    let mut text = source.to_string();
    let mut cause = source.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A JSON answer that no cache keeps.
pub fn json(status: StatusCode, body: &impl serde::Serialize, correlation: CorrelationId) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = HttpResponse::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    seal(&mut response, correlation);
    response
}

/// The headers that every answer has.
pub fn seal(response: &mut Response, correlation: CorrelationId) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&correlation.to_string()) {
        headers.insert(CORRELATION, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers::of_answer(headers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use viworks_domain::decision::Refused;

    const CORRELATION_ID: CorrelationId = CorrelationId([7; 16]);

    async fn shown(error: ApiError) -> (StatusCode, String) {
        let response = respond(&error, CORRELATION_ID);
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_fault_never_shows_its_cause() {
        let cause = std::io::Error::other("10.0.0.1:4222 refused, password hunter2");
        let (status, body) = shown(ApiError::fault("asking the bus")(cause)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.contains("hunter2") && !body.contains("10.0.0.1") && !body.contains("bus"), "{body}");
        assert!(body.contains(&CORRELATION_ID.to_string()));
    }

    #[tokio::test]
    async fn a_refusal_reads_as_the_aggregate_wrote_it() {
        let refused = Refused { class: RefusalClass::Gone, code: "policy.retired".into() };
        let (status, body) = shown(ApiError::Refused(refused)).await;
        assert_eq!(status, StatusCode::GONE);
        assert!(body.contains("this policy is retired"), "{body}");
    }

    #[tokio::test]
    async fn every_rejection_has_a_client_error_or_unavailable_status() {
        use Rejection as R;
        for rejection in [
            R::SignIn,
            R::NotSignedIn,
            R::Forbidden,
            R::NotFound,
            R::Malformed("x"),
            R::TooLarge,
            R::Unsupported,
            R::Method,
            R::TooMany,
            R::NameTaken,
            R::NotCaughtUp,
            R::GatewayUnavailable,
            R::Unavailable,
        ] {
            let (status, body) = shown(rejection.into()).await;
            assert!(status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{body}");
            assert!(body.contains(rejection.code()));
        }
    }
}
