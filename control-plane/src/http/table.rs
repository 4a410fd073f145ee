//! Every route, on one screen: method, path, who may come, who answers.

use super::{
    audit,
    call::{Answer, Call},
    commands, console, desktop,
    desktop::DesktopPermit,
    device,
    device::DevicePermit,
    feed, gateway_enrol, gateways,
    guard::Anybody,
    limits::Act,
    operators,
    pages::pages,
    policies, problem,
    route::{Id, Route, route, socket, together},
    sessions, users,
};
use crate::{app::App, entropy, error::Rejection};
use http::{HeaderValue, Method, header};
use std::{convert::Infallible, sync::Arc};
use viworks_domain::{
    actor::Actor,
    ids::{CorrelationId, SessionId},
};
use warp::{Filter as _, filters::BoxedFilter, reply::Response};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// What is served: the table, and the console's files beside it. Everything else is a 404 problem.
pub fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    together(app, &table())
        .or(pages(app))
        .unify()
        .recover(|rejected: warp::Rejection| async move {
            let rejection = if rejected.is_not_found() {
                Rejection::NotFound
            } else if rejected.find::<warp::reject::MethodNotAllowed>().is_some() {
                Rejection::Method
            } else {
                Rejection::Malformed("the request line or a header cannot be read")
            };
            Ok::<_, Infallible>(problem::respond(&rejection.into(), CorrelationId(entropy::bytes())))
        })
        .unify()
        .boxed()
}

pub fn table() -> Vec<Route> {
    [for_operators(), for_desktops(), for_phones(), for_gateways()].into_iter().flatten().collect()
}

fn for_operators() -> Vec<Route> {
    vec![
        route(POST, "/v1/operator/sign-in", operators::sign_in),
        route(POST, "/v1/operator/sign-out", operators::sign_out),
        route(GET, "/v1/operator/me", operators::me),
        route(POST, "/v1/console/sign-in", console::sign_in),
        route(POST, "/v1/console/sign-out", console::sign_out),
        socket(viworks_api::feed::PATH, feed::open),
        route(GET, "/v1/policies", policies::list),
        route(POST, "/v1/policies", policies::draft),
        route(GET, "/v1/policies/summaries", policies::summaries),
        route(GET, "/v1/policies/{id}", policies::show),
        route(PUT, "/v1/policies/{id}", policies::change),
        route(POST, "/v1/policies/{id}/activate", policies::activate),
        route(POST, "/v1/policies/{id}/retire", policies::retire),
        route(GET, "/v1/gateways", gateways::list),
        route(POST, "/v1/gateways", gateways::invite),
        route(GET, "/v1/gateways/{id}", gateways::show),
        route(POST, "/v1/gateways/{id}/drain", gateways::drain),
        route(POST, "/v1/gateways/{id}/retire", gateways::retire),
        route(GET, "/v1/users", users::list),
        route(POST, "/v1/users", users::create),
        route(GET, "/v1/users/{id}", users::show),
        route(POST, "/v1/users/{id}/retry-step", users::retry_step),
        route(POST, "/v1/users/{id}/suspend", users::suspend),
        route(POST, "/v1/users/{id}/resume", users::resume),
        route(POST, "/v1/users/{id}/phone", users::offer_phone),
        route(GET, "/v1/sessions", sessions::list),
        route(GET, "/v1/sessions/{id}", sessions::show),
        route(POST, "/v1/sessions/{id}/terminate", sessions::terminate),
        route(GET, "/v1/audit", audit::timeline),
        route(GET, "/v1/commands/{id}", commands::outcome),
    ]
}

fn for_desktops() -> Vec<Route> {
    vec![
        route(POST, "/v1/desktop/sessions", open_session),
        route(GET, "/v1/desktop/sessions/{id}", view_session),
        route(POST, "/v1/desktop/sessions/{id}/answer", answer),
        route(POST, "/v1/desktop/sessions/{id}/bootstrap", bootstrap),
        route(POST, "/v1/desktop/sessions/{id}/sign-out", leave),
    ]
}

fn for_phones() -> Vec<Route> {
    vec![
        route(POST, "/v1/devices/enrol", enrol_device),
        route(GET, "/v1/device/session", view_waiting),
        route(POST, "/v1/device/sessions/{id}/posture", posture),
        route(POST, "/v1/device/sessions/{id}/code", another_code),
        route(POST, "/v1/device/sessions/{id}/deny", deny),
    ]
}

fn for_gateways() -> Vec<Route> {
    vec![
        route(GET, viworks_api::gateway::CA_PATH, ca),
        route(POST, "/v1/gateways/enrol", enrol_gateway),
        route(POST, "/v1/gateways/credentials", gateway_credentials),
    ]
}

/// `GET /v1/ca`
async fn ca(call: Call, _: Anybody, (): ()) -> Answer {
    let mut response = Response::new(call.app.authorities.https.pem().to_owned().into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn open_session(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::SignIn, call.peer.address)?;
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let opened = desktop::open(&call.app, &asker, call.peer.address, request).await?;
    call.ok(&opened)
}

async fn view_session(call: Call, permit: DesktopPermit, _: Id<SessionId>) -> Answer {
    call.only(&["after", "wait"])?;
    let view = desktop::view(&call.app, &permit, call.query("after")?.unwrap_or(0), call.wait()?).await?;
    call.ok(&view)
}

async fn answer(mut call: Call, permit: DesktopPermit, _: Id<SessionId>) -> Answer {
    call.app.limits.check(Act::Answer, call.peer.address)?;
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let answered = desktop::answer(&call.app, &asker, &permit, &request).await?;
    call.ok(&answered)
}

async fn bootstrap(mut call: Call, permit: DesktopPermit, _: Id<SessionId>) -> Answer {
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let made = desktop::bootstrap(&call.app, &asker, call.peer.address, &permit, &request).await?;
    call.ok(&made)
}

async fn leave(mut call: Call, permit: DesktopPermit, _: Id<SessionId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(Actor::Stranger)?;
    let accepted = desktop::sign_out(&call.app, &asker, &permit).await?;
    call.ok(&accepted)
}

async fn enrol_device(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::Enrol, call.peer.address)?;
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let enrolled = device::enrol(&call.app, &asker, request).await?;
    call.ok(&enrolled)
}

async fn view_waiting(call: Call, permit: DevicePermit, (): ()) -> Answer {
    call.only(&["after", "wait"])?;
    let view = device::view(&call.app, &permit, call.query("after")?.unwrap_or(0), call.wait()?).await?;
    call.ok(&view)
}

async fn posture(mut call: Call, permit: DevicePermit, Id(session): Id<SessionId>) -> Answer {
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let accepted = device::posture(&call.app, &asker, &permit, session, request).await?;
    call.ok(&accepted)
}

async fn another_code(mut call: Call, permit: DevicePermit, Id(session): Id<SessionId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(Actor::Stranger)?;
    let accepted = device::another_code(&call.app, &asker, &permit, session).await?;
    call.ok(&accepted)
}

async fn deny(mut call: Call, permit: DevicePermit, Id(session): Id<SessionId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(Actor::Stranger)?;
    let accepted = device::deny(&call.app, &asker, &permit, session).await?;
    call.ok(&accepted)
}

async fn enrol_gateway(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::Enrol, call.peer.address)?;
    let request = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let enrolled = gateway_enrol::enrol(&call.app, &asker, request).await?;
    call.ok(&enrolled)
}

async fn gateway_credentials(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::Enrol, call.peer.address)?;
    let request = call.json().await?;
    let renewed = gateway_enrol::credentials(&call.app, &request).await?;
    call.ok(&renewed)
}
