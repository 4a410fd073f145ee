//! The real `viworks-connect` and `viworks-tunneld`, over a real OpenVPN, against a stand-in for the server and
//! the gateway that lives in this process. Each scenario runs in a network namespace of its own; without root,
//! OpenVPN or /dev/net/tun it says so and is skipped.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "all of this is test code")]

#[path = "way_in/api.rs"]
mod api;
#[path = "way_in/authority.rs"]
mod authority;
#[path = "way_in/desktop.rs"]
mod desktop;
#[path = "way_in/gateway.rs"]
mod gateway;
#[path = "way_in/ground.rs"]
mod ground;

use desktop::Desktop;
use ground::{Ground, alone, eventually};
use serde_json::Value;
use viworks_api::desktop::DesktopStage;
use viworks_domain::session::EndReason;

#[test]
fn from_the_password_to_the_tunnel_and_to_the_administrators_end() {
    alone("from_the_password_to_the_tunnel_and_to_the_administrators_end", async |ground: Ground| {
        let mut desktop = Desktop::start(&ground);
        desktop.type_line("the password");
        let _: Value = desktop.state("code_required").await;
        ground.api.phone_speaks();
        desktop.state("code_on_phone").await;
        desktop.type_line("000000");
        assert_eq!(desktop.state("code_refused").await["wrong_answers_left"], 4);
        desktop.type_line("492817");
        let connected = desktop.state("connected").await;
        assert_eq!(connected["address"], "10.8.0.10");
        assert_eq!(connected["page"], "http://10.8.0.1/s/x/");
        assert_eq!(ground.interfaces(), ["viworks0"]);
        assert_eq!(ground.routes(), ["10.8.0.0/24", "10.9.2.2"]);
        assert_eq!(ground.openvpn_users(), [65534], "OpenVPN stays root");

        let reason = EndReason::Terminated { note: "lunch".into() };
        ground.api.stage(DesktopStage::Ended { reason });
        ground.gateway.halt();
        let ended = desktop.state("ended").await;
        assert_eq!(ended["reason"], "terminated by administrator");
        assert_eq!(ended["note"], "lunch");
        assert_eq!(desktop.exit_code().await, Some(13));
        ground.nothing_is_left().await;
    });
}

#[test]
fn a_wrong_password_is_refused_in_the_servers_words() {
    alone("a_wrong_password_is_refused_in_the_servers_words", async |ground: Ground| {
        let mut desktop = Desktop::start(&ground);
        desktop.type_line("not the password");
        let refused = desktop.state("refused").await;
        assert_eq!(refused["reason"], "Sign-in failed");
        assert!(refused["correlation"].is_string());
        assert_eq!(desktop.exit_code().await, Some(10));
    });
}

#[test]
fn ctrl_c_signs_out_and_leaves_nothing() {
    alone("ctrl_c_signs_out_and_leaves_nothing", async |ground: Ground| {
        let mut desktop = Desktop::connected(&ground).await;
        desktop.interrupt();
        assert_eq!(desktop.state("ended").await["code"], "signed_out");
        assert_eq!(desktop.exit_code().await, Some(0));
        assert!(ground.api.heard().iter().any(|request| request.contains("/sign-out")));
        ground.nothing_is_left().await;
    });
}

#[test]
fn a_client_that_is_killed_takes_its_tunnel_with_it() {
    alone("a_client_that_is_killed_takes_its_tunnel_with_it", async |ground: Ground| {
        let mut desktop = Desktop::connected(&ground).await;
        desktop.kill();
        ground.nothing_is_left().await;
    });
}

#[test]
fn a_helper_that_is_killed_takes_the_tunnel_with_it_and_the_client_says_so() {
    alone(
        "a_helper_that_is_killed_takes_the_tunnel_with_it_and_the_client_says_so",
        async |mut ground: Ground| {
            let mut desktop = Desktop::connected(&ground).await;
            ground.kill_helper();
            ground.nothing_is_left().await;
            assert_eq!(desktop.state("ended").await["code"], "helper");
            assert_eq!(desktop.exit_code().await, Some(22));
        },
    );
}

#[test]
fn a_connection_that_breaks_is_rebuilt_with_a_new_bootstrap() {
    alone("a_connection_that_breaks_is_rebuilt_with_a_new_bootstrap", async |ground: Ground| {
        let mut desktop = Desktop::connected(&ground).await;
        ground.gateway.break_connections();
        desktop.state("reconnecting").await;
        assert_eq!(desktop.state("connected").await["address"], "10.8.0.10");
        assert_eq!(ground.api.bootstraps(), 2);
    });
}

#[test]
fn a_tunnel_outlives_its_renegotiations() {
    alone("a_tunnel_outlives_its_renegotiations", async |ground: Ground| {
        let desktop = Desktop::connected(&ground).await;
        // The server renegotiates every few seconds here, hourly elsewhere; each time it asks again.
        eventually("two renegotiations", || (ground.gateway.tunnels() >= 3).then_some(())).await;
        assert_eq!(ground.api.bootstraps(), 1, "the tunnel was rebuilt");
        assert_eq!(ground.interfaces(), ["viworks0"]);
        drop(desktop);
    });
}

#[test]
fn a_gateway_with_another_key_gets_no_byte_of_ours() {
    alone("a_gateway_with_another_key_gets_no_byte_of_ours", async |ground: Ground| {
        ground.api.promise_another_key();
        let mut desktop = Desktop::start(&ground);
        desktop.type_line("the password");
        desktop.state("code_required").await;
        ground.api.phone_speaks();
        desktop.type_line("492817");
        let resting = async |desktop: &mut Desktop| {
            while desktop.state("connecting").await["step"] != "rest" {}
        };
        resting(&mut desktop).await;
        resting(&mut desktop).await;
        assert_eq!(ground.gateway.tunnels(), 0);
    });
}

#[test]
fn the_keys_of_a_session_are_on_no_disk() {
    alone("the_keys_of_a_session_are_on_no_disk", async |ground: Ground| {
        let desktop = Desktop::connected(&ground).await;
        let files = eventually("the files of the client", || Some(desktop.files())).await;
        assert_eq!(files, ["desktop.key"], "only the installation's own key is written");
        drop(desktop);
    });
}
