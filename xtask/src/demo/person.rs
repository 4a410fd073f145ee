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
    product.public_ca()?;
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
        ("browse-1", format!("exec {} {data}/bin/xtask probe get", inside(netns::DESKTOP_1))),
        ("in-desktop-1", format!("exec {}", inside(netns::DESKTOP_1))),
        ("replay", format!("exec {data}/bin/viworks-replay --data {data}/control")),
    ] {
        place::write(&dir.join(name), format!("#!/bin/sh\n{line} \"$@\"\n").as_bytes(), 0o755)?;
    }
    Ok(())
}

fn tell(product: &Product, again: bool, config: &str) {
    println!();
    println!("ViWorkS is up. Its console, in a browser on this machine:");
    println!("  address         {URL}   (certificate authority: {})", product.ca().display());
    match product.printed_passwords().last() {
        Some(password) if !again => println!("  owner password  {password}   (user: owner; shown once)"),
        _ => println!("  owner password  the one of the first start   (user: owner)"),
    }
    println!("  (a browser that does not know the authority asks about it; from another machine, with");
    println!(
        "  `ssh -L 8443:{}` to this one, it is https://localhost:8443)",
        URL.trim_start_matches("https://")
    );
    println!(
        "\nNext, in other terminals, as root; what stands in CAPITALS was printed by a command before it:\n"
    );
    println!("  cd {}", product.house.place.at("do").display());
    println!("  ./viworks signin --url {URL} --ca {} --user owner", product.ca().display());
    if product.agent_is_enrolled() {
        println!(
            "  ./viworks gateway list; ./viworks user list      # what was there before; go on with ./desktop-1"
        );
    } else {
        gateway(&product.agent_state().display().to_string(), config);
    }
    println!(
        "\n  ./viworks user create alice --policy POLICY --gateway GATEWAY     # asks for her first password"
    );
    println!("  ./viworks user enrol-phone USER");
    println!("  ./phone enrol --payload VWQR1... --state alice-phone");
    println!(
        "\n  ./desktop-1 --user alice                         # in a terminal of its own; asks for the code"
    );
    println!("  ./phone wait --state alice-phone --country AU    # shows it");
    println!("  ./browse-1 PAGE                                  # the page that the desktop names");
    println!("  ./viworks session list");
    println!("  ./viworks session terminate SESSION --reason because");
    println!("  ./replay timeline SESSION");
    if product.house.place.keeps() {
        let dir = product.house.place.at("");
        println!(
            "\nCtrl-C here stops all of it. The data stays in {}; a second start goes on.",
            dir.display()
        );
    } else {
        println!("\nCtrl-C here stops all of it and leaves nothing behind.");
    }
}

fn gateway(state: &str, config: &str) {
    println!(
        "\n  ./viworks policy create --name office --allow-country AU --image {} \\",
        super::containers::IMAGE
    );
    println!(
        "      --resource intranet=intranet,{},{},tcp --activate",
        netns::ALLOWED_IP,
        netns::RESOURCE_PORT
    );
    println!("  ./viworks gateway invite --name gw1 --address {}", netns::GATEWAY_IP);
    println!("  ./agent enrol --state {state} --config {config} --token VWGW1...");
    println!("  ./agent run --state {state}      # in a terminal of its own");
}
