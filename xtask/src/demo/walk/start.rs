//! Step 1: the first start, the gateway, the first user.

use super::{SOON, Walk, see};
use crate::{
    demo::{
        containers, json, netns,
        product::{DESKTOP_1, DESKTOP_2, Person, Product},
    },
    failure::{Failure, Result, bail},
    report,
};
use serde_json::Value;

/// The label under which the policy names the resource; people see this, never its address.
pub const RESOURCE: &str = "intranet";

pub fn run(mut product: Product) -> Result<Walk> {
    report::headline("1  first start, gateway, user");
    see("`viworks init` makes keys, certificates and configuration", || product.init())?;
    see("the bus is up", || product.start_bus())?;
    see("the control plane serves", || product.start_control())?;
    let password =
        see("the first start prints the owner's one-time password, once", || first_password(&product))?;
    see("the owner signs in over HTTPS", || product.sign_in(&password))?;
    let policy = see("a policy is drafted and activated", || {
        make_policy(&product, "office", &["--allow-country", "AU", "--window", "Mon-Sun 00:00-24:00"])
    })?;
    see("a token that two machines have claimed lets neither in", || claimed_twice(&product))?;
    let (gateway, token) = see("a gateway is invited with a one-use token", || invite(&product, "gw1"))?;
    see("the gateway enrols with it", || {
        let said = product.enrol_agent(&token)?;
        if said.ok() { Ok(()) } else { bail!("expected the agent to enrol; {}", said.everything()) }
    })?;
    see("the gateway is up", || {
        product.start_agent()?;
        gateway_up(&mut product, &gateway)
    })?;
    see("both desktops' tunnel helpers listen", || {
        product.start_tunneld(&DESKTOP_1)?;
        product.start_tunneld(&DESKTOP_2)
    })?;
    let alice = user(&product, "alice", &policy, &gateway)?;
    see("the audit timeline shows one composite user.created", || created_once(&product, &alice))?;
    let bob = user(&product, "bob", &policy, &gateway)?;
    Ok(Walk {
        product,
        policy,
        gateway,
        alice,
        bob,
        desktop: None,
        lying: None,
        session: String::new(),
        page: String::new(),
        address: String::new(),
        while_connected: String::new(),
    })
}

pub fn first_password(product: &Product) -> Result<String> {
    match product.printed_passwords().as_slice() {
        [password] => Ok(password.clone()),
        others => bail!("expected one line `owner password: ...` on stdout; saw {}", others.len()),
    }
}

pub fn make_policy(product: &Product, name: &str, rules: &[&str]) -> Result<String> {
    let resource = format!("{RESOURCE}={RESOURCE},{},{},tcp", netns::ALLOWED_IP, netns::RESOURCE_PORT);
    let mut words = vec!["policy", "create", "--name", name, "--resource", &resource];
    words.extend(["--image", containers::IMAGE]);
    words.extend(rules);
    let created = product.ask(&words)?;
    let id = json::text(&created, "id")?.to_owned();
    product.ask(&["policy", "activate", &id])?;
    Ok(id)
}

pub fn invite(product: &Product, name: &str) -> Result<(String, String)> {
    let invited = product.ask(&["gateway", "invite", "--name", name, "--address", netns::GATEWAY_IP])?;
    Ok((json::text(&invited, "id")?.to_owned(), json::text(&invited, "token")?.to_owned()))
}

/// A copied token: the second claim is refused and takes the first one's place away with it.
fn claimed_twice(product: &Product) -> Result {
    let (gateway, token) = invite(product, "spare")?;
    let first = claim(product, &token, "gateway/spare")?;
    if !first.ok() {
        bail!("expected the first claim to succeed; {}", first.everything());
    }
    let second = claim(product, &token, "gateway/impostor")?;
    if second.ok() {
        bail!("expected the used token to be refused; {}", second.everything());
    }
    let shown =
        product.ask_until(&["gateway", "show", &gateway], "the gateway to be retired", SOON, |shown| {
            json::row(shown)["state"] == "retired"
        });
    shown.map(drop)
}

fn claim(product: &Product, token: &str, state: &str) -> Result<crate::exec::Said> {
    let mut agent = netns::inside(netns::GATEWAY, product.house.place.bin("viworks-agent"));
    agent.args(["enrol", "--token", token, "--state"]).arg(product.house.place.at(state));
    crate::exec::output(agent.arg("--config").arg(product.prepare_gateway()?))
}

pub fn gateway_up(product: &mut Product, gateway: &str) -> Result {
    let up = product.ask_until(&["gateway", "show", gateway], "the gateway to be up", SOON * 3, is_up);
    up.map(drop).map_err(|failure| match failure {
        Failure::Said(text) => {
            let tail = product.house.processes.tail(crate::demo::product::AGENT_NAME);
            Failure::Said(format!("{text}\n{tail}"))
        }
        Failure::Interrupted => Failure::Interrupted,
    })
}

fn is_up(shown: &Value) -> bool {
    json::row(shown)["health"] == "up"
}

/// A user whose three steps go from pending to done, each by real work.
pub fn user(product: &Product, name: &str, policy: &str, gateway: &str) -> Result<Person> {
    let person = see(&format!("{name}'s account is created"), || product.create_user(name, policy, gateway))?;
    see("  directory, VPN user and panel user go pending -> done", || steps_are_done(product, &person))?;
    see("  the gateway's two scripts have recorded the user", || {
        for kind in ["vpn", "panel"] {
            let recorded = product.recorded(kind);
            if !recorded.contains(&person.id) {
                bail!("expected the {kind} script to have recorded {}; it has {recorded:?}", person.id);
            }
        }
        Ok(())
    })?;
    Ok(person)
}

pub fn steps_are_done(product: &Product, person: &Person) -> Result {
    let show = ["user", "show", &person.id];
    let shown = product.ask_until(&show, "three steps done", SOON, |shown| {
        json::row(shown)["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 3 && steps.iter().all(is_done))
    })?;
    json::list(json::row(&shown), "steps").map(drop)
}

fn is_done(step: &Value) -> bool {
    step["state"] == "done"
}

fn created_once(product: &Product, person: &Person) -> Result {
    let told = product.ask(&["audit", "timeline", "--user", &person.id])?;
    let created = json::rows(&told)?.iter().filter(|row| row["kind"] == "user.created").count();
    if created == 1 { Ok(()) } else { bail!("expected one entry user.created; saw {created} in {told}") }
}
