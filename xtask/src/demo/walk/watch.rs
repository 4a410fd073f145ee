//! Step 5: what the administrator sees.

use super::{SOON, Walk, see, start};
use crate::{
    demo::json,
    failure::{Result, bail},
    report,
};
use serde_json::Value;

pub fn run(walk: &mut Walk) -> Result {
    report::headline("5  the administrator's view");
    let product = &walk.product;
    let session =
        see("the list shows the session connected, with gateway, address and resource label", || {
            let shown =
                product.ask_until(&["session", "list", "--active"], "alice connected", SOON, |list| {
                    find(list, &walk.alice.id).is_some()
                })?;
            let Some(session) = find(&shown, &walk.alice.id) else { bail!("the session went away") };
            let text = session.to_string();
            for wanted in [walk.address.as_str(), start::RESOURCE] {
                if !text.contains(wanted) {
                    bail!("expected {wanted} in the session's row; got {text}");
                }
            }
            if !(text.contains(&walk.gateway) || text.contains("gw1")) {
                bail!("expected the gateway in the session's row; got {text}");
            }
            Ok(json::text(session, "id")?.to_owned())
        })?;
    walk.session = session;

    let show = ["gateway", "show", &walk.gateway];
    let first = see("the gateway shows CPU, RAM, services and the session's container", || {
        product.ask_until(&show, "telemetry with a container", SOON, |shown| {
            let telemetry = telemetry(shown);
            !telemetry["machine"]["memory_total"].is_null()
                && telemetry["services"].as_array().is_some_and(|services| !services.is_empty())
                && telemetry["containers"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["session"] == walk.session.as_str()))
        })
    })?;
    see("  and they change", || {
        product
            .ask_until(&show, "other readings than before", SOON, |shown| {
                telemetry(shown)["machine"] != telemetry(&first)["machine"]
            })
            .map(drop)
    })
}

/// The live readings.
fn telemetry(shown: &Value) -> &Value {
    &json::row(shown)["telemetry"]
}

/// The connected session of a user.
pub fn find<'a>(list: &'a Value, user: &str) -> Option<&'a Value> {
    let rows = json::rows(list).ok()?;
    rows.iter().find(|session| session["user"] == user && session["state"] == "connected")
}
