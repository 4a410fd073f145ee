//! What accounts offer each other: the control plane's to gateways and auditors, and nothing the other way.

use super::claims;
use crate::subject::{self, EVENTS, GATEWAY, PARKED, SEALS, Subject, local};
use serde_json::{Value, json};
use viworks_domain::ids::BusAccount;

/// The control plane's account. For gateways the server itself puts the importing account's key at the named
/// token, so the subject tells who is calling.
pub(super) fn control() -> Value {
    let mut limits = claims::limits(-1);
    for name in ["mem_storage", "disk_storage", "streams", "consumer", "max_ack_pending"] {
        limits[name] = json!(-1);
    }
    let of_gateways = |name: &str, subject: &str, kind: &str, position: u32| json!({ "name": name, "subject": subject, "type": kind, "account_token_position": position });
    let mut next = of_gateways("next", &format!("$JS.API.CONSUMER.MSG.NEXT.{GATEWAY}.*"), "service", 7);
    next["response_type"] = json!("Stream");
    let mut exports = vec![
        next,
        of_gateways("ack", &format!("$JS.ACK.{GATEWAY}.*.>"), "service", 4),
        of_gateways("report", "vw.gw.*.report", "service", 3),
        of_gateways("telemetry", "vw.gw.*.telemetry", "service", 3),
        of_gateways("lease", "vw.gw.*.lease", "stream", 3),
    ];
    exports.extend(audited().map(
        |subject| json!({ "name": subject, "subject": subject, "type": "service", "response_type": "Stream" }),
    ));
    claims::account(limits, json!({ "exports": exports }))
}

/// A gateway's account: its own subjects of the control plane's and no others, under names that hold nobody's.
pub(super) fn gateway(account: &BusAccount, control: &str) -> Value {
    let service = |name: &str, subject: String, local: Option<&str>| {
        let mut import = json!({ "name": name, "subject": subject, "account": control, "type": "service" });
        if let Some(local) = local {
            import["local_subject"] = json!(local);
        }
        import
    };
    let consumer = subject::gateway_consumer(account);
    let of = |subject: Subject| subject.to_string();
    json!({ "imports": [
        service("next", format!("$JS.API.CONSUMER.MSG.NEXT.{GATEWAY}.{consumer}"), Some(local::NEXT)),
        service("ack", format!("$JS.ACK.{GATEWAY}.{consumer}.>"), None),
        service("report", of(Subject::GatewayReport(account.clone())), Some(local::REPORT)),
        service("telemetry", of(Subject::GatewayTelemetry(account.clone())), Some(local::TELEMETRY)),
        {
            "name": "lease", "type": "stream", "account": control,
            "subject": of(Subject::GatewayLease(account.clone())), "local_subject": local::LEASE,
        },
    ]})
}

/// The auditors' account: questions to the log, seals and what was parked. In the control plane's account a
/// question's reply address could make the server write the answer into any subject there; here it cannot.
pub(super) fn audit(control: &str) -> Value {
    let imports: Vec<Value> = audited()
        .map(|subject| json!({ "name": subject, "subject": subject, "account": control, "type": "service" }))
        .collect();
    claims::account(claims::limits(-1), json!({ "imports": imports }))
}

/// What auditors may ask. (A stream's state is not among it: the server answers that only in the stream's own
/// account.)
fn audited() -> impl Iterator<Item = String> {
    [EVENTS, SEALS, PARKED].into_iter().map(|stream| format!("$JS.API.DIRECT.GET.{stream}"))
}
