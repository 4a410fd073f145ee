//! The console's files, for anybody: they say nothing of this installation.
//!
//! Names below `/assets/` carry a hash of their content, so a browser keeps them for good; `index.html` is asked
//! for each time and names them. Paths without an extension are the console's own (`/users/..`): they get
//! `index.html`, so that a link into it works and a reload stays where it was.

use super::{
    encoding::{self, Encoding},
    headers,
};
use crate::app::App;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use warp::{Filter as _, filters::BoxedFilter, path::FullPath, reply::Response};

const INDEX: &str = "/index.html";
const ASSETS: &str = "/assets/";
/// What its name says the content of: it never becomes another.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

const NO_CONSOLE: &str = "This viworks was built without its console.\n\n\
                          Build the console with `cargo xtask web build`, then build viworks again.\n";

/// One file, as `build.rs` writes it down.
struct Embedded {
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Where the files are.
pub enum Pages {
    Embedded(HashMap<&'static str, File>),
    /// Read anew for each request, for people who work on the console.
    Directory(PathBuf),
}

/// A file in each of its forms. Cheap to clone.
#[derive(Clone)]
pub struct File {
    plain: Form,
    brotli: Option<Form>,
    gzip: Option<Form>,
}

#[derive(Clone)]
struct Form {
    bytes: Bytes,
    /// Strong: of these very bytes.
    etag: HeaderValue,
}

/// What is served of the console; everything else is rejected.
pub fn pages(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let app = Arc::clone(app);
    warp::path::full()
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and_then(move |path: FullPath, method: Method, asked: HeaderMap| {
            let app = Arc::clone(&app);
            async move {
                app.pages.answer(&method, path.as_str(), &asked).await.ok_or_else(warp::reject::not_found)
            }
        })
        .boxed()
}

impl Pages {
    /// What this program was built with, or that directory.
    pub fn new(directory: Option<PathBuf>) -> Self {
        match directory {
            Some(directory) => Self::Directory(directory),
            None => Self::Embedded(EMBEDDED.iter().map(|file| (file.path, file.open())).collect()),
        }
    }

    /// None where there is nothing of the console's.
    async fn answer(&self, method: &Method, path: &str, asked: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = page_of(path)?;
        let mut response = match self.file(path).await {
            Some(file) => file.respond(path, asked),
            None if path == INDEX => no_console(),
            None => return None,
        };
        headers::of_page(response.headers_mut());
        if *method == Method::HEAD {
            // Its length stays said.
            *response.body_mut() = Response::default().into_body();
        }
        Some(response)
    }

    async fn file(&self, path: &str) -> Option<File> {
        match self {
            Self::Embedded(files) => files.get(path).cloned(),
            Self::Directory(directory) => read(directory, path).await,
        }
    }
}

/// The file behind a path: the console itself behind every path of its own.
fn page_of(path: &str) -> Option<&str> {
    let is_below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_below("/v1") {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.contains('.') || is_below("/assets") { Some(path) } else { Some(INDEX) }
}

fn no_console() -> Response {
    let mut response = Response::new(NO_CONSOLE.into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, NO_CONSOLE.len().into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Embedded {
    fn open(&self) -> File {
        let form = |bytes: &'static [u8]| Form::new(Bytes::from_static(bytes));
        File { plain: form(self.plain), brotli: self.brotli.map(form), gzip: self.gzip.map(form) }
    }
}

/// None for what is not a plain name below the directory: nothing of a path is interpreted.
async fn read(directory: &Path, path: &str) -> Option<File> {
    let names: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let is_plain = |name: &&str| {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(good)
    };
    let is_packed = path.ends_with(".br") || path.ends_with(".gz");
    if is_packed || !names.iter().all(is_plain) {
        return None;
    }
    let file = names.iter().fold(directory.to_owned(), |below, name| below.join(name));
    let form = async |file: PathBuf| tokio::fs::read(file).await.ok().map(|bytes| Form::new(bytes.into()));
    let packed = async |ending| form(PathBuf::from(format!("{}{ending}", file.display()))).await;
    Some(File { plain: form(file.clone()).await?, brotli: packed(".br").await, gzip: packed(".gz").await })
}

impl Form {
    fn new(bytes: Bytes) -> Self {
        let digest = BASE64URL_NOPAD.encode(&Sha256::digest(&bytes)[..16]);
        // Each form is other bytes, so it has another tag.
        let etag = HeaderValue::from_str(&format!("\"{digest}\""));
        Self { bytes, etag: etag.unwrap_or_else(|_| HeaderValue::from_static("\"\"")) }
    }
}

impl File {
    fn respond(&self, path: &str, asked: &HeaderMap) -> Response {
        let form = |encoding| match encoding {
            Encoding::Brotli => self.brotli.as_ref(),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Identity => Some(&self.plain),
        };
        let encoding = encoding::choose(asked, |encoding| form(encoding).is_some());
        let form = form(encoding).unwrap_or(&self.plain);
        let known = is_known(asked, &form.etag);
        let mut response = if known { Response::default() } else { Response::new(form.bytes.clone().into()) };
        let headers = response.headers_mut();
        if !known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
            headers.insert(header::CONTENT_LENGTH, form.bytes.len().into());
            if let Some(name) = encoding.name() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            }
        }
        let caching = if path.starts_with(ASSETS) { FOR_GOOD } else { ASK_EACH_TIME };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::ETAG, form.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response
    }
}

/// `If-None-Match` (RFC 9110 section 13.1.2): what the client has is what it would get.
fn is_known(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let lines = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
    // No tag of ours has a comma.
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == etag.as_bytes())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    static BUILT: [Embedded; 3] = [
        Embedded { path: INDEX, plain: b"<html>", brotli: Some(b"br"), gzip: Some(b"gz") },
        Embedded { path: "/assets/app-1.js", plain: b"let it;", brotli: Some(b"BR"), gzip: None },
        Embedded { path: "/icon.svg", plain: b"<svg>", brotli: None, gzip: None },
    ];

    fn built() -> Pages {
        Pages::Embedded(BUILT.iter().map(|file| (file.path, file.open())).collect())
    }

    struct Got {
        status: u16,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    impl Got {
        fn header(&self, name: &str) -> &str {
            self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        }
    }

    async fn ask(pages: &Pages, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Option<Got> {
        let asked = headers
            .iter()
            .map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
            })
            .collect();
        let (head, body) = pages.answer(&method, path, &asked).await?.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Some(Got { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn get(path: &str, headers: &[(&'static str, &str)]) -> Option<Got> {
        ask(&built(), Method::GET, path, headers).await
    }

    #[tokio::test]
    async fn assets_are_kept_for_good_and_the_page_that_names_them_is_asked_for_each_time() {
        let asset = get("/assets/app-1.js", &[]).await.expect("served");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(asset.header("content-type"), "text/javascript; charset=utf-8");
        for path in ["/", "/index.html", "/icon.svg"] {
            let page = get(path, &[]).await.expect("served");
            assert_eq!(page.header("cache-control"), "no-cache", "{path}");
        }
    }

    #[tokio::test]
    async fn the_form_that_is_wished_for_is_sent_under_a_tag_of_its_own_and_caches_are_told() {
        let mut tags = vec![];
        for (accept, encoding, body) in [("br", "br", "br"), ("gzip", "gzip", "gz"), ("", "", "<html>")] {
            let got = get("/", &[("accept-encoding", accept)]).await.expect("served");
            assert_eq!((got.header("content-encoding"), got.body.as_slice()), (encoding, body.as_bytes()));
            assert_eq!(got.header("vary"), "accept-encoding");
            assert_eq!(got.header("content-length"), body.len().to_string());
            tags.push(got.header("etag").to_owned());
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 3);
        assert!(tags.iter().all(|tag| tag.starts_with('"')), "strong: {tags:?}");
        let got = get("/assets/app-1.js", &[("accept-encoding", "gzip")]).await.expect("served");
        assert_eq!((got.header("content-encoding"), got.body.as_slice()), ("", &b"let it;"[..]));
    }

    #[tokio::test]
    async fn what_a_browser_has_already_is_not_sent_again() {
        let accept = ("accept-encoding", "br");
        let first = get("/", &[accept]).await.expect("served");
        let tag = first.header("etag");
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"x\", {tag}")] {
            let again = get("/", &[accept, ("if-none-match", known)]).await.expect("served");
            assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
            assert_eq!(again.header("etag"), tag);
            assert_eq!(again.header("cache-control"), "no-cache");
            assert_eq!(again.header("vary"), "accept-encoding");
        }
        // Another form is not what it has.
        let other = get("/", &[("accept-encoding", "gzip"), ("if-none-match", tag)]).await.expect("served");
        assert_eq!(other.status, 200);
        assert_eq!(get("/", &[accept, ("if-none-match", "\"x\"")]).await.expect("served").status, 200);
    }

    #[tokio::test]
    async fn paths_of_the_console_are_the_console_and_nothing_else_is() {
        for path in ["/", "/users", "/users/0a0b", "/sessions/x/audit", "/v11", "/assetsx"] {
            assert_eq!(get(path, &[]).await.expect("served").body, b"<html>", "{path}");
        }
        for path in [
            "/v1",
            "/v1/",
            "/v1/users",
            "/v1/nowhere",
            "/assets",
            "/assets/",
            "/assets/app-2.js",
            "/assets/app",
            "/favicon.ico",
            "/users/x.html",
            "/assets/../index.html",
            "/index.html.br",
        ] {
            assert!(get(path, &[]).await.is_none(), "{path}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            assert!(ask(&built(), method, "/", &[]).await.is_none());
        }
    }

    #[tokio::test]
    async fn a_head_says_what_a_get_would_and_sends_none_of_it() {
        for path in ["/users", "/assets/app-1.js"] {
            let accept = [("accept-encoding", "br")];
            let (get, head) = (
                get(path, &accept).await.expect("served"),
                ask(&built(), Method::HEAD, path, &accept).await.expect("served"),
            );
            assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{path}");
            assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        }
    }

    #[tokio::test]
    async fn without_a_console_a_page_says_how_to_get_one() {
        let empty = Pages::Embedded(HashMap::new());
        let got = ask(&empty, Method::GET, "/users", &[]).await.expect("an answer");
        assert_eq!((got.status, got.header("cache-control")), (404, "no-store"));
        assert!(String::from_utf8(got.body).expect("text").contains("cargo xtask web build"));
        assert!(ask(&empty, Method::GET, "/assets/app-1.js", &[]).await.is_none());
        assert!(ask(&empty, Method::GET, "/v1/nowhere", &[]).await.is_none());
    }

    #[tokio::test]
    async fn a_directory_is_read_anew_and_not_left() {
        let temp = tempfile::tempdir().expect("a directory");
        let dir = temp.path().join("console");
        std::fs::create_dir_all(dir.join("assets")).expect("made");
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
        write("index.html", "one");
        write("assets/a-1.css", "plain");
        write("assets/a-1.css.br", "packed");
        std::fs::write(temp.path().join("secret"), "s").expect("written");
        let pages = Pages::new(Some(dir.clone()));
        let body = async |path: &str| {
            ask(&pages, Method::GET, path, &[("accept-encoding", "br")]).await.map(|got| got.body)
        };
        assert_eq!(body("/users").await.as_deref(), Some(&b"one"[..]));
        write("index.html", "two");
        assert_eq!(body("/users").await.as_deref(), Some(&b"two"[..]));
        assert_eq!(body("/assets/a-1.css").await.as_deref(), Some(&b"packed"[..]));
        for path in
            ["/assets/../../secret", "/assets/%2e%2e/index.html", "/assets//a-1.css", "/assets/a-1.css.br"]
        {
            assert_eq!(body(path).await, None, "{path}");
        }
    }
}
