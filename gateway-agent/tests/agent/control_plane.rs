//! The control plane's part, played: orders out, reports in.

use super::{
    clock::PATIENCE,
    house::{House, IMAGE, leaf},
};
use hpke::{
    Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305 as Aead, kdf::HkdfSha256,
    kem::DhP256HkdfSha256 as Kem,
};
use p256::elliptic_curve::sec1::ToSec1Point;
use rcgen::{CertifiedIssuer, ExtendedKeyUsagePurpose, KeyPair};
use sha2::{Digest as _, Sha256};
use std::{net::IpAddr, sync::Arc, time::Duration};
use viworks_domain::{
    bootstrap::{self, Secrets},
    gateway_bus::{Action, Admit, End, GatewayCommand, News, Order, Place, Provision, Report},
    ids::{BootstrapId, BusAccount, Digest, EndId, Incarnation, SessionId, UserId},
    label::Label,
    policy::{Grant, Protocol},
    seal::SealedBox,
    session::{EndReason, Layer},
};
use viworks_nats::{
    gateway_bus::{
        intake::{FindGateway, KnownGateway, ReportIntake},
        orders::OrderSender,
    },
    identity::role::BusRole,
    testing::{LOG, now},
};

/// What the desktop gets of an admission.
pub struct Admitted {
    pub gateway: viworks_domain::ids::GatewayId,
    pub bootstrap: BootstrapId,
    pub spa_key: [u8; 32],
    pub path: [u8; 16],
    pub key_pem: String,
    pub certificate_pem: String,
}

impl Admitted {
    pub fn page_path(&self) -> String {
        format!("/s/{}/", bootstrap::path_text(&self.path))
    }
}

#[derive(Clone)]
struct Known(BusAccount, KnownGateway);

impl FindGateway for Known {
    async fn find(
        &self,
        account: &BusAccount,
    ) -> Result<Option<KnownGateway>, Box<dyn std::error::Error + Send + Sync>> {
        Ok((*account == self.0).then_some(self.1))
    }
}

pub struct Story {
    runtime: tokio::runtime::Handle,
    orders: OrderSender,
    intake: ReportIntake<Known>,
    account: BusAccount,
    gateway: viworks_domain::ids::GatewayId,
    opening: Vec<u8>,
    session_ca: Arc<CertifiedIssuer<'static, KeyPair>>,
    pub incarnation: Incarnation,
    pub session: SessionId,
    bootstraps: u8,
    n: u64,
    last_report: u64,
    admit: Option<Admit>,
}

impl Story {
    /// Once the agent has said that it started.
    pub fn begin(house: &mut House) -> Self {
        let known = KnownGateway { gateway: house.gateway.id, report_key: house.report_key.verifying_key() };
        let known = Known(house.gateway.account.clone(), known);
        let server = house.server.as_ref().unwrap();
        let (orders, intake) = house.runtime.block_on(async {
            let process = server.bus(BusRole::Process).await;
            let orders = OrderSender::new(process, house.orders_key.clone());
            (orders, ReportIntake::open(server.bus(BusRole::Intake).await, LOG, known).await.unwrap())
        });
        let mut story = Self {
            runtime: house.runtime.handle().clone(),
            orders,
            intake,
            account: house.gateway.account.clone(),
            gateway: house.gateway.id,
            opening: house.opening.public_key().to_sec1_point(false).as_bytes().to_vec(),
            session_ca: Arc::clone(&house.session_ca),
            incarnation: Incarnation([0; 16]),
            session: SessionId([0x51; 16]),
            bootstraps: 0,
            n: 1_600,
            last_report: 0,
            admit: None,
        };
        story.expect("started", |news| matches!(news, News::Started { .. }));
        story
    }

    /// The next report, in order and without a gap.
    pub fn next(&mut self) -> Option<Report> {
        let (runtime, intake) = (self.runtime.clone(), &mut self.intake);
        let incoming = runtime.block_on(async { tokio::time::timeout(PATIENCE, intake.next()).await });
        let incoming = incoming.ok()?.unwrap();
        // Unconfirmed, it comes again.
        let _ = self.runtime.block_on(incoming.done());
        let report = incoming.report;
        // Twice is allowed (an acknowledgement may be lost), a gap is not.
        if report.report_n > self.last_report {
            assert_eq!(report.report_n, self.last_report + 1, "a gap in the reports");
            self.last_report = report.report_n;
        }
        println!("report {}: {:?}", report.report_n, report.news);
        if let News::Started { .. } = report.news {
            self.incarnation = report.incarnation;
        }
        Some(report)
    }

    pub fn expect(&mut self, what: &str, wanted: impl Fn(&News) -> bool) -> News {
        loop {
            let Some(report) = self.next() else { panic!("waited in vain for: {what}") };
            if wanted(&report.news) {
                return report.news;
            }
        }
    }

    pub fn expect_receipts(&mut self) {
        let mut missing = Layer::AT_GATEWAY.to_vec();
        while !missing.is_empty() {
            let receipt = self.expect("receipts", |news| matches!(news, News::Receipt { .. }));
            if let News::Receipt { layer, .. } = receipt {
                missing.retain(|l| *l != layer);
            }
        }
    }

    pub fn order(&mut self, order: Order) {
        self.n += 16;
        let command = GatewayCommand {
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            recipient: self.gateway,
            n: self.n,
            cause_seq: self.n / 16,
            issued_at: now(),
            order,
        };
        self.runtime.block_on(self.orders.send(&self.account, &command)).unwrap();
    }

    pub fn admit(&mut self, lease: Duration) -> Admitted {
        self.bootstraps += 1;
        let key = KeyPair::generate().unwrap();
        let certificate =
            leaf(&self.session_ca, &key, &self.session.to_string(), ExtendedKeyUsagePurpose::ClientAuth);
        let (spa_key, path) = ([self.bootstraps; 32], [0x30 + self.bootstraps; 16]);
        let client_address = IpAddr::from([10, 77, 0, 11]);
        let use_before = now().plus(Duration::from_secs(60));
        let bootstrap = BootstrapId([self.bootstraps; 16]);
        let aad = bootstrap::sealed_aad(self.gateway, self.session, bootstrap, use_before);
        let secrets = viworks_domain::bytes::encode(&Secrets { spa_key, path, client_address });
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&self.opening).unwrap();
        let (enc, ciphertext) = hpke::single_shot_seal::<Aead, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public,
            Label::SealBootstrap.as_bytes(),
            &secrets,
            &aad,
        )
        .unwrap();
        let admit = Admit {
            session: self.session,
            session_version: self.n,
            not_after: now().plus(Duration::from_secs(30)),
            incarnation: self.incarnation,
            bootstrap,
            sealed: SealedBox { enc: enc.to_bytes().to_vec(), ciphertext },
            use_before,
            client_key: Digest(Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&key)).into()),
            certificate: Digest(Sha256::digest(certificate.der()).into()),
            grants: vec![Grant { address: [10, 78, 0, 2].into(), port: 8080, protocol: Protocol::Tcp }],
            image: IMAGE.into(),
            ends_at: now().plus(Duration::from_secs(3600)),
            lease_until: now().plus(lease),
        };
        self.admit = Some(admit.clone());
        self.order(Order::Admit(admit));
        Admitted {
            gateway: self.gateway,
            bootstrap,
            spa_key,
            path,
            key_pem: key.serialize_pem(),
            certificate_pem: certificate.pem(),
        }
    }

    /// The last one, in time and for this start.
    pub fn admit_again(&mut self) {
        let admit = self.admit.clone().unwrap();
        self.order(Order::Admit(Admit { incarnation: self.incarnation, ..admit }));
    }

    pub fn provision(&mut self, place: Place) {
        self.order(Order::Provision(Provision {
            user: UserId([5; 16]),
            place,
            action: Action::Create,
            attempt: 1,
            not_after: now().plus(Duration::from_secs(30)),
        }));
    }

    pub fn end(&mut self, reason: EndReason) {
        let (session, session_version) = (self.session, self.n);
        self.order(Order::End(End { session, session_version, end: EndId([0xE; 16]), reason }));
    }
}
