//! The demo without `--check`: everything up, for a person to use, until Ctrl-C.

use super::{
    netns,
    place::{self, Place},
    product::{DESKTOP_1, DESKTOP_2, Product, URL},
};
use crate::{clock, failure::Result, interrupt, report};

/// Starts what has to run and says what to type next.
pub fn stay(mut product: Product) -> Result {
    report::headline("starting ViWorkS");
    let again = product.is_initialised();
    if !again {
        product.init()?;
    }
    product.start_bus()?;
    product.start_control()?;
    product.start_tunneld(&DESKTOP_1)?;
    product.start_tunneld(&DESKTOP_2)?;
    let config = product.prepare_gateway()?;
    if product.agent_is_enrolled() {
        product.start_agent()?;
    }
    shortcuts(&product.house.place)?;
    tell(&product, again, &config.display().to_string());
    while !interrupt::asked() {
        clock::pause();
    }
    report::note("stopping everything");
    product.house.place.nothing_to_look_at();
    Ok(())
}

/// One word each for what would be long lines with `nsenter` in them.
fn shortcuts(place: &Place) -> Result {
    let dir = place.at("do");
    place.make(&dir, 0o755)?;
    let data = place.at("").display().to_string();
    let data = data.trim_end_matches('/');
    let inside = |namespace: &str| format!("nsenter --net=/run/netns/{namespace} --");
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --";
    let connect = |namespace: &str| {
        let enter = inside(namespace);
        format!(
            "HOME={data}/run/{namespace}/home exec {enter} {nobody} {data}/bin/viworks-connect --url {URL} \
             --ca {data}/run/ca.pem --tunnel-socket {data}/run/{namespace}/tunnel.sock"
        )
    };
    for (name, line) in [
        ("viworks", format!("VIWORKS_HOME={data}/admin exec {data}/bin/viworks")),
        ("agent", format!("exec {} {data}/bin/viworks-agent", inside(netns::GATEWAY))),
        ("phone", format!("exec {data}/bin/viworks-authenticator")),
        ("desktop-1", connect(netns::DESKTOP_1)),
        ("desktop-2", connect(netns::DESKTOP_2)),
        ("in-desktop-1", format!("exec {}", inside(netns::DESKTOP_1))),
        ("replay", format!("exec {data}/bin/viworks-replay --data {data}/control")),
    ] {
        place::write(&dir.join(name), format!("#!/bin/sh\n{line} \"$@\"\n").as_bytes(), 0o755)?;
    }
    Ok(())
}

fn tell(product: &Product, again: bool, config: &str) {
    let dir = product.house.place.at("do");
    let do_ = dir.display();
    println!();
    println!("ViWorkS is up.");
    println!("  address         {URL}   (certificate authority: {})", product.ca().display());
    match product.printed_passwords().last() {
        Some(password) if !again => println!("  owner password  {password}   (user: owner; shown once)"),
        _ => println!("  owner password  the one of the first start"),
    }
    println!("\nNext, in another terminal, as root:");
    println!("  cd {do_}");
    println!("  ./viworks signin --url {URL} --ca {} --user owner", product.ca().display());
    if product.agent_is_enrolled() {
        println!("  ./viworks gateway list");
    } else {
        println!(
            "  ./viworks policy create --name office --allow-country AU --resource intranet=intranet,{},{},tcp \\",
            netns::ALLOWED_IP,
            netns::RESOURCE_PORT
        );
        println!(
            "      --image {}            # then: ./viworks policy activate POLICY",
            super::containers::IMAGE
        );
        println!("  ./viworks gateway invite --name gw1 --address {}", netns::GATEWAY_IP);
        let state = product.agent_state();
        println!("  ./agent enrol --token TOKEN --state {} --config {config}", state.display());
        println!("  ./agent run --state {}                # stays in that terminal", state.display());
    }
    println!("  ./viworks user create alice --policy POLICY --gateway GATEWAY");
    println!("  ./viworks user enrol-phone ALICE");
    println!("  ./phone enrol --payload PAYLOAD --state alice-phone");
    println!("  ./desktop-1 --user alice                   # and, when it asks for the code:");
    println!("  ./phone wait --state alice-phone --country AU");
    println!("  ./in-desktop-1 wget -qO- PAGE              # the page that desktop-1 names");
    println!("  ./viworks session list; ./viworks session terminate SESSION --reason because");
    println!("  ./replay timeline SESSION");
    if product.house.place.keeps() {
        println!("\nThe data stays in {}.", product.house.place.at("").display());
    }
    println!("\nCtrl-C stops all of it and leaves nothing behind.");
}
