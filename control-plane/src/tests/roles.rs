//! Every route with every kind of caller.

use super::stand::Stand;
use crate::http::{Who, table};
use http::StatusCode;
use viworks_domain::{ids::SessionId, permission::Role};

const ROLES: [(&str, Role); 2] = [("owner", Role::Owner), ("viewer", Role::Viewer)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_lets_in_whom_it_names_and_nobody_else() {
    let stand = Stand::up().await;
    let tokens = [stand.owner().await.1, stand.operator("viewer", Role::Viewer).await];
    let origin = stand.url.clone();
    for route in table() {
        // Asking to be signed out ends what the next request needs; its role is the same as `me`'s.
        if route.path.ends_with("/sign-out") && route.who != Who::Desktop {
            continue;
        }
        // There is no such id, so whoever is let in meets a 404 or a 400, never an effect.
        let path = route.path.replace("{id}", &SessionId([9; 16]).to_string());
        let ask = async |headers: &[(&str, &str)]| {
            stand.send(route.method.as_str(), &path, headers, b"").await.status
        };
        let from = ("origin", origin.as_str());
        let nobody = ask(&[from]).await;
        let expected = route.who != Who::Anybody;
        assert_eq!(nobody == StatusCode::UNAUTHORIZED, expected, "{path} without a token: {nobody}");
        for ((name, role), token) in ROLES.iter().zip(&tokens) {
            let (bearer, cookie) = (format!("Bearer {token}"), format!("__Host-viworks={token}"));
            let by_header = ask(&[("authorization", &bearer), from]).await;
            let by_cookie = ask(&[("cookie", &cookie), from]).await;
            let (header_wanted, cookie_wanted) = match route.who {
                Who::Operators(roles) if roles.contains(role) => (None, None),
                Who::Operators(_) => (Some(StatusCode::FORBIDDEN), Some(StatusCode::FORBIDDEN)),
                Who::Console(roles) if roles.contains(role) => (Some(StatusCode::UNAUTHORIZED), None),
                Who::Console(_) => (Some(StatusCode::UNAUTHORIZED), Some(StatusCode::FORBIDDEN)),
                Who::Desktop | Who::Device => {
                    (Some(StatusCode::UNAUTHORIZED), Some(StatusCode::UNAUTHORIZED))
                }
                Who::Anybody => (None, None),
            };
            for (by, status, wanted) in
                [("header", by_header, header_wanted), ("cookie", by_cookie, cookie_wanted)]
            {
                match wanted {
                    Some(wanted) => {
                        assert_eq!(status, wanted, "{} {path} as {name} by {by}", route.method);
                    }
                    None => assert!(
                        status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
                        "{} {path} as {name} by {by}: {status}",
                        route.method
                    ),
                }
            }
        }
    }
}

/// `VIWORKS_UPDATE=1 cargo test -p viworks-control-plane matrix` writes it anew.
#[test]
fn the_role_matrix_in_the_documentation_is_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
    let matrix = matrix();
    if std::env::var_os("VIWORKS_UPDATE").is_some() {
        std::fs::write(path, &matrix).expect("written");
    }
    let written = std::fs::read_to_string(path).expect("docs/roles.md");
    assert_eq!(written, matrix, "run with VIWORKS_UPDATE=1 to write docs/roles.md anew");
}

fn matrix() -> String {
    let mut text = String::from(
        "# Who may ask for what\n\nGenerated from the routes (`control-plane/src/http/table.rs`) by their own test. \
         What an operator's role may do is asked a second time by the worker, of the log \
         (`domain/src/permission.rs`). \"By cookie\": in a browser that is signed in, from a page of ours, and no other \
         way. Every \
         other GET that is not below `/v1` is for the console's files (`control-plane/src/http/pages.rs`), for anybody.\n\n| route | owner | viewer | desktop | phone | anybody |\n|---|---|---|---|---|---|\n",
    );
    for route in table() {
        let mark = |yes: bool| if yes { "yes" } else { "" };
        let operators = |role| match route.who {
            Who::Operators(roles) => mark(roles.contains(&role)),
            Who::Console(roles) if roles.contains(&role) => "by cookie",
            Who::Console(_) | Who::Anybody | Who::Desktop | Who::Device => "",
        };
        text.push_str(&format!(
            "| `{} {}` | {} | {} | {} | {} | {} |\n",
            route.method,
            route.path,
            operators(Role::Owner),
            operators(Role::Viewer),
            mark(route.who == Who::Desktop),
            mark(route.who == Who::Device),
            mark(route.who == Who::Anybody),
        ));
    }
    text
}

#[test]
fn no_two_routes_are_the_same() {
    let mut all: Vec<_> = table()
        .iter()
        .map(|route| (route.method.clone(), route.path))
        .map(|(m, p)| format!("{m} {p}"))
        .collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}
