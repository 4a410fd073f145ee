//! Routes as a table: method, path, who may come, handler. The table is what is served, what the role matrix
//! is generated from, and what the tests walk.

use super::{
    call::{Answer, Call, Head, Peer},
    guard::{Guard, Who},
    problem,
    upgrade::{Upgrade, upgrade},
};
use crate::{
    app::App,
    error::{ApiError, Rejection as Refused},
};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, Method, uri::Authority};
use std::{convert::Infallible, net::Ipv4Addr, str::FromStr, sync::Arc};
use viworks_domain::ids::CorrelationId;
use warp::{Filter, Rejection, filters::BoxedFilter, path::FullPath, reply::Response};

/// One line of the table.
pub struct Route {
    pub method: Method,
    /// `/v1/policies/{id}/activate`: at most one `{id}`.
    pub path: &'static str,
    pub who: Who,
    bind: Bind,
}

type Bind = Box<dyn Fn(&Arc<App>) -> BoxedFilter<(Response,)> + Send + Sync>;

/// What a path's `{id}` is; `()` where there is none.
pub trait FromPath: Sized + Send + Sync + 'static {
    fn from_path(found: Option<&str>) -> Option<Self>;
}

impl FromPath for () {
    fn from_path(found: Option<&str>) -> Option<Self> {
        found.is_none().then_some(())
    }
}

/// The `{id}` of a path, typed.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr + Send + Sync + 'static> FromPath for Id<T> {
    fn from_path(found: Option<&str>) -> Option<Self> {
        found?.parse().ok().map(Self)
    }
}

/// One route. `handler` gets the request, the proof that its caller may come, and the path's id.
pub fn route<G, P, H, F>(method: Method, path: &'static str, handler: H) -> Route
where
    G: Guard<P>,
    P: FromPath,
    H: Fn(Call, G, P) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let wanted = method.clone();
    let changes = !method.is_safe();
    let bind = Box::new(move |app: &Arc<App>| {
        let handler = handler.clone();
        matching::<P>(path)
            .and(of_method(&wanted))
            .and(call(app))
            .then(move |found: P, call: Call| {
                let handler = handler.clone();
                async move {
                    let correlation = call.correlation;
                    let answer = async move {
                        let guard = G::admit(&call, &found).await?;
                        handler(call, guard, found).await
                    };
                    let answer = if changes { to_its_end(answer).await } else { answer.await };
                    finish(answer, correlation)
                }
            })
            .boxed()
    });
    Route { method, path, who: G::WHO, bind }
}

/// A WebSocket. `handler` gets the request, the proof that its caller may come, and the upgrade to answer with;
/// whoever may not come gets a problem, not a socket.
pub fn socket<G, H, F>(path: &'static str, handler: H) -> Route
where
    G: Guard<()>,
    H: Fn(Call, G, Upgrade) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send,
{
    let bind = Box::new(move |app: &Arc<App>| {
        let handler = handler.clone();
        matching::<()>(path)
            .and(of_method(&Method::GET))
            .and(upgrade())
            .and(call(app))
            .then(move |(): (), upgrade: Option<Upgrade>, call: Call| {
                let handler = handler.clone();
                async move {
                    let correlation = call.correlation;
                    let answer = async {
                        let guard = G::admit(&call, &()).await?;
                        let upgrade = upgrade.ok_or(Refused::Malformed("this is a WebSocket"))?;
                        handler(call, guard, upgrade).await
                    };
                    finish(answer.await, correlation)
                }
            })
            .boxed()
    });
    Route { method: Method::GET, path, who: G::WHO, bind }
}

/// What changes something is done to its end, also when whoever asked has gone: a request is dropped with its stream,
/// and between two commands that leaves what a crash leaves.
async fn to_its_end(answer: impl Future<Output = Answer> + Send + 'static) -> Answer {
    tokio::spawn(answer)
        .await
        .unwrap_or_else(|error| Err(ApiError::fault("a request was not done to its end")(error)))
}

fn finish(answer: Answer, correlation: CorrelationId) -> Response {
    match answer {
        Ok(mut response) => {
            problem::seal(&mut response, correlation);
            response
        }
        Err(error) => problem::respond(&error, correlation),
    }
}

/// All of them as one filter; what fits none is answered by the caller's `recover`.
pub fn together(app: &Arc<App>, routes: &[Route]) -> BoxedFilter<(Response,)> {
    for route in routes {
        tracing::trace!(method = %route.method, path = route.path, who = ?route.who, "served");
    }
    let nothing = warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed();
    routes.iter().rev().fold(nothing, |rest, route| (route.bind)(app).or(rest).unify().boxed())
}

fn matching<P: FromPath>(
    pattern: &'static str,
) -> impl Filter<Extract = (P,), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::path::full().and_then(move |path: FullPath| {
        let found = matches(pattern, path.as_str()).and_then(P::from_path);
        async move { found.ok_or_else(warp::reject::not_found) }
    })
}

/// The `{id}` segment's text, if the path fits the pattern.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<Option<&'a str>> {
    let mut found = None;
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        if wanted == "{id}" {
            found = Some(segment);
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}

fn of_method(method: &Method) -> BoxedFilter<()> {
    match *method {
        Method::GET => warp::get().boxed(),
        Method::PUT => warp::put().boxed(),
        _ => warp::post().boxed(),
    }
}

fn call(app: &Arc<App>) -> impl Filter<Extract = (Call,), Error = Rejection> + Clone + Send + Sync + 'static {
    let app = Arc::clone(app);
    warp::ext::optional::<Peer>()
        .and(warp::method())
        .and(warp::host::optional())
        .and(warp::header::headers_cloned())
        .and(query())
        .and(warp::body::stream())
        .map(move |peer: Option<Peer>, method, host: Option<Authority>, headers: HeaderMap, query, body| {
            // Every connection has a peer; a request without one gets no address of its own to be counted by.
            let peer = peer.unwrap_or(Peer { address: Ipv4Addr::UNSPECIFIED.into() });
            Call::new(Arc::clone(&app), Head { peer, method, host, headers, query }, boxed(body))
        })
}

fn boxed<B: bytes::Buf>(
    body: impl futures_util::Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static,
) -> super::call::Body {
    Box::pin(body.map_ok(|mut chunk| -> Bytes { chunk.copy_to_bytes(chunk.remaining()) }))
}

fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::ids::PolicyId;

    #[test]
    fn a_path_fits_its_pattern_and_nothing_longer_or_shorter() {
        assert_eq!(matches("/v1/users/{id}/phone", "/v1/users/abc/phone"), Some(Some("abc")));
        assert_eq!(matches("/v1/users", "/v1/users"), Some(None));
        for other in ["/v1/users/abc", "/v1/users/abc/phone/", "/v1/users/abc/x", "/v1//users/abc/phone", "/"]
        {
            assert_eq!(matches("/v1/users/{id}/phone", other), None, "{other}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = PolicyId([7; 16]);
        assert!(Id::<PolicyId>::from_path(Some(&id.to_string())).is_some());
        for wrong in [id.to_string().to_uppercase(), "x".into(), String::new(), "..".into()] {
            assert!(Id::<PolicyId>::from_path(Some(&wrong)).is_none(), "{wrong}");
        }
    }
}
