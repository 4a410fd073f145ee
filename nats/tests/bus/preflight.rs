//! A server that would lose what it acknowledged is not served on.

use viworks_nats::{
    preflight::{self, Objection, Refused},
    testing::TestServer,
};

#[tokio::test]
async fn the_server_as_we_configure_it_passes() {
    let server = TestServer::start_bare().await;
    preflight::check(&server.system().await).await.unwrap();
}

#[tokio::test]
async fn a_server_that_acknowledges_before_it_fsyncs_is_refused_with_what_to_set() {
    let server = TestServer::start_with(|conf| conf.replace("sync_interval: always", "")).await;
    let refused = preflight::check(&server.system().await).await.unwrap_err();
    assert!(refused.to_string().contains("set `jetstream.sync_interval: always`"), "{refused}");
    let Refused::Objections(objections) = refused else { panic!("{refused}") };
    assert_eq!(objections, [Objection::NotSynced { server: "viworks".into() }]);
}

#[tokio::test]
async fn a_server_without_jetstream_or_client_certificates_is_refused_on_both_counts() {
    let server = TestServer::start_with(|conf| {
        let start = conf.find("jetstream {").unwrap();
        let end = start + conf[start..].find('}').unwrap() + 1;
        format!("{}{}", &conf[..start], &conf[end..]).replace("verify: true", "verify: false")
    })
    .await;
    let Err(Refused::Objections(objections)) = preflight::check(&server.system().await).await else {
        panic!("not refused");
    };
    let server = || "viworks".to_owned();
    assert_eq!(
        objections,
        [Objection::NoJetStream { server: server() }, Objection::NoClientCertificates { server: server() }]
    );
}
