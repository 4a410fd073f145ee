//! What gateways say of themselves.

use super::*;
use crate::tests::world::World;
use viworks_api::feed::{Change, Frame, Notice, Query, Window};
use viworks_domain::{
    gateway::Health,
    gateway_bus::{Machine, Service, Telemetry},
    permission::Role,
};

fn word(cpu: f32) -> Telemetry {
    let machine = Machine {
        cpu,
        memory_used: 1,
        memory_total: 2,
        disk_used: 3,
        disk_total: 4,
        network_in: 5,
        network_out: 6,
    };
    let services = vec![Service { name: "nginx".into(), up: true }];
    Telemetry { machine: Some(machine), services, ..Telemetry::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetry_comes_as_it_is_heard_to_those_who_look_at_gateways() {
    let world = World::up(1).await;
    let token = world.stand.operator("watcher", Role::Viewer).await;
    let gateways = Window { id: 1, query: Query::Gateways, limit: 50 };
    let mut browser = Browser::open(&world.stand, &token, std::slice::from_ref(&gateways)).await;
    let mut other = Browser::open(&world.stand, &token, &[users(1)]).await;
    world.gateway.telemetry.send(word(0.25)).expect("the gateway runs");
    let of_machine = |frame: &Frame| match frame {
        Frame::Telemetry { gateway, telemetry } => Some((*gateway, telemetry.machine?.cpu)),
        _ => None,
    };
    browser.sees(|b| b.words.iter().any(|frame| of_machine(frame).is_some())).await;
    let told = browser.words.iter().find_map(of_machine);
    assert_eq!(told, Some((world.gateway.id, 0.25)), "{:?}", browser.words);

    // Who comes later begins with what was heard before.
    let mut later = Browser::open(&world.stand, &token, &[gateways]).await;
    let Change::Gateway(row) = later.rows(1)[0] else { panic!("no gateway") };
    assert_eq!(row.telemetry.as_ref().map(|telemetry| telemetry.services.len()), Some(1));
    let samples_of = |frame: &Frame| match frame {
        Frame::History { samples, .. } => Some(samples.len()),
        _ => None,
    };
    later.sees(|b| b.words.iter().any(|frame| samples_of(frame).is_some())).await;
    assert_eq!(later.words.iter().find_map(samples_of), Some(1), "{:?}", later.words);

    // In the log, and worth a word to everybody; what is degraded still works.
    for health in [Health::Degraded, Health::Down, Health::Up] {
        world.gateway.health(health);
    }
    let (gateway, name) = (world.gateway.id, "gw1".to_owned());
    for browser in [&mut browser, &mut other] {
        browser.sees(|b| b.notices.len() == 2).await;
        let down = Notice::GatewayDown { gateway, name: name.clone() };
        assert_eq!(browser.notices, [down, Notice::GatewayUp { gateway, name: name.clone() }]);
    }
    let is_up = |row: &Change| matches!(row, Change::Gateway(row) if row.health == Some(Health::Up));
    browser.sees(|b| b.held[&1].values().all(is_up)).await;
    assert!(other.words.is_empty(), "nobody there looks at gateways");
}
