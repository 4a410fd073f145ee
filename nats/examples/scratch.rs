use std::time::Instant;
use viworks_domain::ids::NameId;
use viworks_nats::{event_store::EventStore, identity::role::BusRole, pull::Puller, testing::*};
#[tokio::main]
async fn main() {
    let server = TestServer::start().await;
    let bus = server.bus(BusRole::Worker).await;
    let un = server.unlimited().await;
    if std::env::var_os("ANCHOR").is_some() {
        let mut c = viworks_nats::stream::streams(1)[1].clone();
        c.subjects.push("vw.anchor".into());
        un.jetstream.update_stream(c).await.unwrap();
        un.jetstream.publish("vw.anchor", "x".into()).await.unwrap().await.unwrap();
    }
    let store = EventStore::new(bus.clone());
    let mut p = Puller::open(un.client.clone(), "$JS.API.CONSUMER.MSG.NEXT.VW_COMMANDS.workers".into(), 256)
        .await
        .unwrap();
    let (mut a, mut b, mut c, mut d) = (vec![], vec![], vec![], vec![]);
    for n in 0..300u32 {
        let mut id = [0u8; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let s = Instant::now();
        let ack = un
            .jetstream
            .publish(format!("vw.cmd.directory.{}", NameId(id)), vec![0; 300].into())
            .await
            .unwrap();
        let d1 = p.next().await.unwrap().unwrap();
        d.push(s.elapsed());
        ack.await.unwrap();
        a.push(s.elapsed());
        let s = Instant::now();
        if std::env::var_os("PLAIN").is_some() {
            d1.ack().await.unwrap();
        } else {
            d1.double_ack().await.unwrap();
        }
        b.push(s.elapsed());
        let s = Instant::now();
        store.load(NameId(id).into()).await.unwrap();
        c.push(s.elapsed());
    }
    for (n, v) in
        [("publish acked", &mut a), ("delivered", &mut d), ("double ack", &mut b), ("load empty", &mut c)]
    {
        v.sort();
        println!("{n} p50 {:?} p99 {:?}", v[150], v[296]);
    }
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let s = Instant::now();
    let mut e = vec![];
    for _ in 0..100 {
        e = viworks_domain::envelope::seal(viworks_domain::envelope::Kind::Command, &key, &[0; 300]);
    }
    println!("seal {:?}", s.elapsed() / 100);
    let s = Instant::now();
    for _ in 0..100 {
        viworks_domain::envelope::open(viworks_domain::envelope::Kind::Command, &e, |_| {
            Some(key.verifying_key())
        })
        .unwrap();
    }
    println!("open {:?}", s.elapsed() / 100);
}
