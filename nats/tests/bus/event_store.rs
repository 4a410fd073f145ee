//! The log.

use crate::{
    counter::Counter,
    fixtures::{claim, decide, name, release, store},
};
use futures_util::StreamExt;
use viworks_domain::{Root, aggregate::Known, decision::Outcome};
use viworks_nats::{
    event_store::{AppendError, EventStore, ReadError, events},
    identity::role::BusRole,
    subject::Subject,
    testing::{TestServer, until},
};

#[tokio::test]
async fn what_was_appended_is_loaded_at_once_and_in_order() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let mut root = Root::<Counter>::default();
    for id in 1..=25 {
        let decision = decide(&root, &claim(name(1), id, id));
        let seq = store.append(&decision, root.last_seq).await.unwrap();
        root.apply(seq, &decision).unwrap();
        assert_eq!(store.root::<Counter>(name(1)).await.unwrap().version, u64::from(id));
    }
    assert_eq!(root.state.claims, 25);
    assert!(store.load(name(2)).await.unwrap().is_empty());
    assert_eq!(store.last_sequence().await.unwrap(), 25);
}

#[tokio::test]
async fn two_decisions_on_the_same_state_conflict_and_only_one_stands() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let root = Root::<Counter>::default();
    store.append(&decide(&root, &claim(name(1), 1, 1)), 0).await.unwrap();
    let late = store.append(&decide(&root, &claim(name(1), 2, 2)), 0).await;
    assert!(matches!(late, Err(AppendError::Conflict(_))), "{late:?}");
    // Another aggregate is not concerned.
    store.append(&decide(&root, &claim(name(2), 3, 3)), 0).await.unwrap();
    assert_eq!(store.load(name(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn sixty_four_writers_on_one_aggregate_lose_no_decision_and_make_none_twice() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let writers = (1..=64u8).map(|id| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let root = store.root::<Counter>(name(1)).await.unwrap();
                match store.append(&decide(&root, &claim(name(1), id, id)), root.last_seq).await {
                    Ok(_) => break,
                    Err(AppendError::Conflict(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(store.root::<Counter>(name(1)).await.unwrap().state.claims, 64);
}

#[tokio::test]
async fn refusals_are_decisions_that_the_aggregate_remembers() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let refused = release(name(1), 1, 1);
    let decision = decide(&Root::default(), &refused);
    assert!(decision.events.is_empty());
    let seq = store.append(&decision, 0).await.unwrap();
    let root = store.root::<Counter>(name(1)).await.unwrap();
    assert_eq!(root.version, 0);
    assert!(matches!(
        root.known(&refused.id, &refused.digest),
        Known::Decided { outcome: Outcome::Refused(_), seq: at } if at == seq
    ));
}

#[tokio::test]
async fn a_reader_sees_every_decision_in_order_then_waits_for_more() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    for n in 1..=30 {
        store.append(&decide(&Root::default(), &claim(name(n), n, n)), 0).await.unwrap();
    }
    let mut reader = reader(&server).await.read_from(11).await.unwrap();
    for seq in 11..=30 {
        assert_eq!(reader.next().await.unwrap().seq, seq);
    }
    let (next, _) = tokio::join!(reader.next(), async {
        store.append(&decide(&Root::default(), &claim(name(31), 31, 31)), 0).await.unwrap();
    });
    assert_eq!(next.unwrap().seq, 31);
}

#[tokio::test]
async fn auditors_and_projectors_read_the_same_over_many_pages() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let count = 2_345u32;
    futures_util::stream::iter(0..count)
        .for_each_concurrent(64, |n| {
            let store = store.clone();
            async move {
                let [high, low] = u16::try_from(n).unwrap().to_be_bytes();
                let mut command = claim(name(1), 1, 1);
                let id = [&[high, low], [9; 14].as_slice()].concat().try_into().unwrap();
                command.aggregate = viworks_domain::ids::NameId(id).into();
                store.append(&decide(&Root::default(), &command), 0).await.unwrap();
            }
        })
        .await;
    let mut readings = Vec::new();
    for role in [BusRole::Reader, BusRole::Projector] {
        let mut reader = EventStore::new(server.bus(role).await).read_from(1).await.unwrap();
        let mut entries = Vec::new();
        while reader.expected() <= u64::from(count) {
            entries.push(reader.next_entry().await.unwrap());
        }
        readings.push(entries);
    }
    assert_eq!(readings[0], readings[1]);
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_when_the_server_was_killed() {
    let mut server = TestServer::start().await;
    let store = store(&server).await;
    store.append(&decide(&Root::default(), &claim(name(1), 1, 1)), 0).await.unwrap();
    let mut reader = reader(&server).await.read_from(1).await.unwrap();
    assert_eq!(reader.next().await.unwrap().seq, 1);
    server.kill();
    server.restart().await;
    let decision = decide(&Root::default(), &claim(name(2), 2, 2));
    until("the append is taken", || async {
        // A conflict is with itself: the answer was lost.
        matches!(store.append(&decision, 0).await, Ok(_) | Err(AppendError::Conflict(_))).then_some(())
    })
    .await;
    assert_eq!(reader.next().await.unwrap().seq, 2);
}

#[tokio::test]
async fn an_event_of_an_unknown_version_stops_the_reader_and_names_stream_sequence_and_version() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    store.append(&decide(&Root::default(), &claim(name(1), 1, 1)), 0).await.unwrap();
    let mut future = decide(&Root::default(), &claim(name(2), 2, 2));
    future.events[0].version = 9;
    store.append(&future, 0).await.unwrap();
    store.append(&decide(&Root::default(), &claim(name(3), 3, 3)), 0).await.unwrap();

    let error = store.root::<Counter>(name(2)).await.unwrap_err();
    assert!(!error.is_passing());
    let text = error.to_string();
    for part in ["VW_EVENTS", "sequence 2", "version 9"] {
        assert!(text.contains(part), "{text}");
    }
    // The reader hands the decision over; whoever asks for its events stops there.
    let mut reader = reader(&server).await.read_from(1).await.unwrap();
    assert_eq!(events(&reader.next().await.unwrap()).unwrap().len(), 1);
    assert_eq!(events(&reader.next().await.unwrap()).unwrap_err().to_string(), text);
}

#[tokio::test]
async fn bytes_that_are_no_decision_stop_the_reader_at_their_sequence() {
    let server = TestServer::start().await;
    let worker = server.bus(BusRole::Worker).await;
    let subject = Subject::Event(name(1)).to_string();
    worker.jetstream.publish(subject, "no decision".into()).await.unwrap().await.unwrap();
    let mut reader = reader(&server).await.read_from(1).await.unwrap();
    let error = reader.next().await.unwrap_err();
    assert!(matches!(error, ReadError::BadDecision { seq: 1, .. }), "{error}");
    assert!(error.to_string().contains("VW_EVENTS sequence 1"));
}

#[tokio::test]
async fn a_decision_on_another_aggregates_subject_is_not_believed() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let worker = server.bus(BusRole::Worker).await;
    let decision = decide(&Root::default(), &claim(name(2), 1, 1));
    let subject = Subject::Event(name(1)).to_string();
    worker.jetstream.publish(subject, decision.to_bytes().into()).await.unwrap().await.unwrap();
    assert!(matches!(store.load(name(1)).await, Err(ReadError::Misplaced { seq: 1, .. })));
}

async fn reader(server: &TestServer) -> EventStore {
    EventStore::new(server.bus(BusRole::Reader).await)
}
