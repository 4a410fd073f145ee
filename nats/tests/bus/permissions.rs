//! Who may do what, tried against the server: every role against every subject, a gateway against all that is
//! not its own.

use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use std::{collections::BTreeSet, time::Duration};
use viworks_nats::{
    connect,
    identity::role::BusRole::{
        self, Admission, Api, Intake, Process, Projector, Reader, Sealer, Setup, Worker,
    },
    subject::local,
    testing::{PATIENCE, TestServer, until},
};

const GATEWAY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Every kind of subject there is, and the roles that may publish it.
fn may_publish() -> Vec<(String, Vec<BusRole>)> {
    let rows: Vec<(String, &[BusRole])> = vec![
        (format!("vw.evt.user.{ID}"), &[Worker]),
        (format!("vw.cmd.user.{ID}"), &[Api, Process, Intake]),
        ("vw.parked.commands.unauthentic".into(), &[Worker]),
        ("vw.parked.reports.unauthentic".into(), &[Intake]),
        (format!("vw.due.set.teardown.{ID}.end"), &[Process]),
        (format!("vw.due.fire.teardown.{ID}.end"), &[]),
        (format!("vw.gw.{GATEWAY}.cmd"), &[Process]),
        (format!("vw.gw.{GATEWAY}.lease"), &[Process]),
        (format!("vw.gw.{GATEWAY}.report"), &[]),
        (format!("vw.gw.{GATEWAY}.telemetry"), &[]),
        ("vw.seal".into(), &[Sealer]),
        ("vw.live".into(), &[Projector]),
        ("vw.anchor.commands".into(), &[Setup]),
        ("vw.other".into(), &[]),
        (format!("$KV.VW_KEYS.{ID}"), &[Api]),
        ("$KV.VW_PROCESS.teardown".into(), &[Process]),
        ("_INBOX.api.x.1".into(), &[Worker]),
        ("_INBOX.process.x.1".into(), &[Worker]),
        ("_INBOX.intake.x.1".into(), &[Worker]),
        ("_INBOX.worker.x.1".into(), &[]),
        ("_INBOX.setup.x.1".into(), &[]),
        ("_INBOX.x.1".into(), &[]),
        ("$JS.API.STREAM.CREATE.ANY".into(), &[Setup]),
        ("$JS.API.STREAM.UPDATE.VW_EVENTS".into(), &[Setup]),
        ("$JS.API.STREAM.DELETE.VW_EVENTS".into(), &[]),
        ("$JS.API.STREAM.DELETE.VW_DEADLINES".into(), &[]),
        ("$JS.API.STREAM.PURGE.VW_COMMANDS".into(), &[]),
        ("$JS.API.STREAM.MSG.DELETE.VW_EVENTS".into(), &[]),
        ("$JS.API.STREAM.MSG.GET.VW_EVENTS".into(), &[]),
        ("$JS.API.STREAM.SNAPSHOT.VW_EVENTS".into(), &[]),
        ("$JS.API.STREAM.RESTORE.VW_EVENTS".into(), &[]),
        ("$JS.API.STREAM.INFO.VW_EVENTS".into(), &[Api, Worker, Process, Projector, Sealer, Intake, Setup]),
        ("$JS.API.DIRECT.GET.VW_EVENTS".into(), &[Api, Worker, Process, Projector, Sealer, Intake, Reader]),
        ("$JS.API.DIRECT.GET.VW_COMMANDS".into(), &[]),
        ("$JS.API.DIRECT.GET.VW_SEALS".into(), &[Sealer, Reader]),
        ("$JS.API.DIRECT.GET.VW_PARKED".into(), &[Reader]),
        (format!("$JS.API.DIRECT.GET.KV_VW_KEYS.$KV.VW_KEYS.{ID}"), &[Api, Worker, Projector]),
        ("$JS.API.CONSUMER.CREATE.VW_EVENTS.any".into(), &[Process, Projector, Sealer, Setup]),
        ("$JS.API.CONSUMER.CREATE.VW_COMMANDS.any".into(), &[Setup]),
        (format!("$JS.API.CONSUMER.CREATE.VW_GATEWAY.any.vw.gw.{GATEWAY}.cmd"), &[Admission, Setup]),
        ("$JS.API.CONSUMER.CREATE.VW_REPORTS.any".into(), &[Setup]),
        ("$JS.API.CONSUMER.DELETE.VW_COMMANDS.workers".into(), &[]),
        ("$JS.API.CONSUMER.MSG.NEXT.VW_COMMANDS.workers".into(), &[Worker]),
        ("$JS.API.CONSUMER.MSG.NEXT.VW_REPORTS.intake".into(), &[Intake]),
        ("$JS.API.CONSUMER.MSG.NEXT.VW_DEADLINES.ring-teardown".into(), &[Process]),
        (format!("$JS.API.CONSUMER.MSG.NEXT.VW_GATEWAY.{GATEWAY}"), &[]),
        ("$JS.ACK.VW_COMMANDS.workers.1.1.1.1.0".into(), &[Worker]),
        ("$JS.ACK.VW_REPORTS.intake.1.1.1.1.0".into(), &[Intake]),
        (format!("$JS.ACK.VW_GATEWAY.{GATEWAY}.1.1.1.1.0"), &[]),
        ("$SYS.REQ.CLAIMS.UPDATE".into(), &[]),
        ("$SYS.REQ.SERVER.PING.VARZ".into(), &[]),
    ];
    rows.into_iter().map(|(subject, roles)| (subject, roles.to_vec())).collect()
}

/// And those that may hear it.
fn may_subscribe() -> Vec<(String, Vec<BusRole>)> {
    let mut rows: Vec<(String, Vec<BusRole>)> = vec![
        (format!("vw.evt.user.{ID}"), vec![]),
        (format!("vw.cmd.user.{ID}"), vec![]),
        (format!("vw.gw.{GATEWAY}.cmd"), vec![]),
        (format!("vw.gw.{GATEWAY}.report"), vec![]),
        (format!("vw.gw.{GATEWAY}.telemetry"), vec![Api]),
        ("vw.live".into(), vec![Api]),
        ("vw.seal".into(), vec![]),
        (format!("$KV.VW_KEYS.{ID}"), vec![]),
    ];
    rows.extend(BusRole::ALL.map(|role| (format!("_INBOX.{}.x", role.as_str()), vec![role])));
    rows
}

#[tokio::test]
async fn every_role_publishes_what_is_its_own_and_nothing_else() {
    let server = TestServer::start().await;
    let observer = server.unlimited().await.client;
    let mut everything = observer.subscribe(">").await.unwrap();
    settled(&observer, Setup, &observer).await;
    for role in BusRole::ALL {
        let client = server.bus(role).await.client;
        let table = may_publish();
        let expected: BTreeSet<&str> = table
            .iter()
            .filter(|(_, roles)| roles.contains(&role))
            .map(|(subject, _)| subject.as_str())
            .collect();
        for (subject, _) in &table {
            client.publish(subject.clone(), "tried".into()).await.unwrap();
        }
        if role == Reader {
            // In another account, where the observer's words are not heard; but its questions are answered.
            client.request("$JS.API.DIRECT.GET.VW_EVENTS", r#"{"seq":1}"#.into()).await.unwrap();
        } else {
            settled(&client, role, &observer).await;
        }
        let seen = heard(&observer, &mut everything).await;
        let seen: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!(seen, expected, "{role:?}");
    }
}

#[tokio::test]
async fn every_role_hears_what_is_its_own_and_nothing_else() {
    let server = TestServer::start_bare().await;
    let speaker = server.unlimited().await.client;
    // An auditor's account is another: nobody says anything there.
    for role in BusRole::ALL.into_iter().filter(|role| *role != Reader) {
        let client = server.bus(role).await.client;
        for (subject, roles) in may_subscribe() {
            let mut heard = client.subscribe(subject.clone()).await.unwrap();
            settled(&client, role, &speaker).await;
            speaker.publish(subject.clone(), "said".into()).await.unwrap();
            // What was said before a later word is there when that is.
            settled(&client, role, &speaker).await;
            let got = futures_util::FutureExt::now_or_never(heard.next()).flatten().is_some();
            assert_eq!(got, roles.contains(&role), "{role:?} {subject}");
        }
    }
}

#[tokio::test]
async fn a_gateways_credentials_reach_its_own_four_subjects_and_no_others() {
    let server = TestServer::start().await;
    let (mine, other) = (server.gateway(7).await, server.gateway(8).await);
    let observer = server.unlimited().await.client;
    let mut everything = observer.subscribe(">").await.unwrap();
    settled(&observer, Setup, &observer).await;
    let client =
        connect::connect(&server.link(), &mine.credentials(), "gateway", local::INBOX).await.unwrap();

    let mut subjects: Vec<String> = may_publish().into_iter().map(|(subject, _)| subject).collect();
    for account in [&mine.account, &other.account] {
        subjects.extend(subjects.clone().iter().map(|subject| subject.replace(GATEWAY, account.as_str())));
    }
    for subject in &subjects {
        client.publish(subject.clone(), "tried".into()).await.unwrap();
    }
    client.publish(local::REPORT, "tried".into()).await.unwrap();
    client.publish(local::TELEMETRY, "the last".into()).await.unwrap();
    let seen = heard_until(&mut everything, &format!("vw.gw.{}.telemetry", mine.account)).await;
    // Its own acknowledgement came through as well, and acknowledged nothing.
    let own =
        [format!("$JS.ACK.VW_GATEWAY.{}.1.1.1.1.0", mine.account), format!("vw.gw.{}.report", mine.account)];
    assert_eq!(BTreeSet::from_iter(seen), BTreeSet::from(own));
}

#[tokio::test]
async fn a_gateway_hears_nothing_of_another() {
    let server = TestServer::start().await;
    let (mine, other) = (server.gateway(7).await, server.gateway(8).await);
    let client =
        connect::connect(&server.link(), &mine.credentials(), "gateway", local::INBOX).await.unwrap();
    let observer = server.unlimited().await.client;
    let mut telemetry = observer.subscribe("vw.gw.*.telemetry").await.unwrap();
    settled(&observer, Setup, &observer).await;
    let mut last = client.subscribe("lease").await.unwrap();
    let process = server.bus(Process).await;
    for subject in [
        format!("vw.gw.{}.cmd", other.account),
        format!("vw.gw.{}.lease", other.account),
        "_INBOX.gateway-8.x".to_owned(),
        "vw.>".to_owned(),
        ">".to_owned(),
    ] {
        let mut heard = client.subscribe(subject.clone()).await.unwrap();
        client.publish(local::TELEMETRY, "".into()).await.unwrap();
        tokio::time::timeout(PATIENCE, telemetry.next()).await.unwrap().unwrap();
        let orders = format!("vw.gw.{}.cmd", other.account);
        process.jetstream.publish(orders, "order".into()).await.unwrap().await.unwrap();
        process.client.publish(format!("vw.gw.{}.lease", other.account), "lease".into()).await.unwrap();
        process.client.publish(format!("vw.gw.{}.lease", mine.account), "lease".into()).await.unwrap();
        tokio::time::timeout(PATIENCE, last.next()).await.unwrap().unwrap();
        let got = futures_util::FutureExt::now_or_never(heard.next()).flatten();
        assert!(got.is_none(), "{subject}");
    }
}

#[tokio::test]
async fn a_reply_address_makes_the_server_store_nothing_foreign() {
    let server = TestServer::start().await;
    let (mine, other) = (server.gateway(7).await, server.gateway(8).await);
    let client =
        connect::connect(&server.link(), &mine.credentials(), "gateway", local::INBOX).await.unwrap();
    let order = format!("vw.gw.{}.cmd", mine.account);
    let process = server.bus(Process).await;
    process.jetstream.publish(order, "order for 7".into()).await.unwrap().await.unwrap();

    // The stream answers a report, and the consumer a pull, to wherever the gateway says.
    for reply in [
        format!("vw.gw.{}.cmd", other.account),
        format!("vw.gw.{}.report", other.account),
        format!("vw.cmd.user.{ID}"),
        format!("vw.evt.user.{ID}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.VW_GATEWAY.{}", other.account),
        "_INBOX.api.x.1".to_owned(),
        "vw.seal".to_owned(),
    ] {
        for subject in [local::REPORT, local::NEXT] {
            client.publish_with_reply(subject, reply.clone(), r#"{"batch":1}"#.into()).await.unwrap();
        }
    }
    // One of its own, acknowledged after all of them.
    client.request(local::REPORT, "the last".into()).await.unwrap();
    let setup = server.bus(Setup).await;
    let messages =
        async |stream: &str| setup.jetstream.get_stream(stream).await.unwrap().cached_info().state.messages;
    assert_eq!(messages("VW_EVENTS").await, 0);
    // The anchor alone.
    assert_eq!(messages("VW_COMMANDS").await, 1);
    assert_eq!(messages("VW_SEALS").await, 0);
    assert_eq!(messages("VW_GATEWAY").await, 1);
    // Whatever is among the reports, is on its own report subject.
    let foreign = format!("vw.gw.{}.report", other.account);
    let stream = setup.jetstream.get_stream("VW_REPORTS").await.unwrap();
    let info = stream.info_with_subjects(">").await.unwrap();
    let subjects: Vec<(String, usize)> = info.map(Result::unwrap).collect().await;
    assert!(subjects.iter().all(|(subject, _)| *subject != foreign), "{subjects:?}");
}

#[tokio::test]
async fn an_auditor_reads_everything_and_makes_the_server_write_nothing() {
    let server = TestServer::start().await;
    let worker = server.bus(Worker).await;
    for n in 0..3 {
        let subject = "vw.parked.commands.unauthentic";
        worker.jetstream.publish(subject, vec![n].into()).await.unwrap().await.unwrap();
    }
    let auditor = server.bus(Reader).await;
    let last = async || {
        let question = r#"{"last_by_subj":">"}"#;
        auditor.client.request("$JS.API.DIRECT.GET.VW_PARKED", question.into()).await.unwrap()
    };
    assert_eq!(last().await.payload, vec![2]);
    // Answers asked for into other people's subjects stay in the auditors' own account.
    let observer = server.unlimited().await.client;
    let mut everything = observer.subscribe(">").await.unwrap();
    settled(&observer, Setup, &observer).await;
    for reply in [format!("$KV.VW_KEYS.{ID}"), format!("vw.evt.user.{ID}"), "_INBOX.api.x.1".to_owned()] {
        let request = r#"{"seq":1,"batch":10,"next_by_subj":">"}"#;
        let question = "$JS.API.DIRECT.GET.VW_PARKED";
        auditor.client.publish_with_reply(question, reply, request.into()).await.unwrap();
    }
    // Answered after all of those.
    last().await;
    observer.publish("test.now", "".into()).await.unwrap();
    loop {
        let message = tokio::time::timeout(PATIENCE, everything.next()).await.unwrap().unwrap();
        let subject = message.subject.as_str();
        assert!(!subject.starts_with("$KV") && !subject.starts_with("vw.") && subject != "_INBOX.api.x.1");
        if subject == "test.now" {
            break;
        }
    }
}

/// The server has taken in everything that this client has sent so far: it hears what it subscribed to last.
async fn settled(client: &Client, role: BusRole, speaker: &Client) {
    let word = format!("_INBOX.{}.{}", role.as_str(), client.new_inbox().replace('.', "-"));
    let mut ear = client.subscribe(word.clone()).await.unwrap();
    until("it hears", async || {
        speaker.publish(word.clone(), "".into()).await.unwrap();
        tokio::time::timeout(Duration::from_millis(100), ear.next()).await.ok()
    })
    .await;
}

/// What was tried and came through until now.
async fn heard(observer: &Client, everything: &mut Subscriber) -> Vec<String> {
    observer.publish("test.now", "".into()).await.unwrap();
    heard_until(everything, "test.now").await
}

async fn heard_until(everything: &mut Subscriber, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let message = tokio::time::timeout(PATIENCE, everything.next()).await.unwrap().unwrap();
        if message.subject.as_str() == last {
            return seen;
        }
        // `_R_` is the server's own way back to another account.
        if message.payload == "tried" && !message.subject.starts_with("_R_.") {
            seen.push(message.subject.to_string());
        }
    }
}
