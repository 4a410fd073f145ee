//! Step 8: every process is killed in the middle of somebody's way, and what was acknowledged still happens once.

use super::{SOON, Walk, code, past, phones, see, start, tunnel};
use crate::{
    clock,
    demo::{
        netns,
        probe::Answer,
        product::{AGENT_NAME, BUS_NAME, CONTROL_NAME, DESKTOP_1, DESKTOP_2, Product},
        supervisor,
    },
    failure::{Failure, Result, bail},
    report,
};
use std::time::Duration;

/// How long the time-limited session may still run when the control plane goes away.
const LIMIT: Duration = Duration::from_secs(40);

pub fn run(walk: &mut Walk) -> Result {
    report::headline("8  killed and restarted");
    user_arrives_all_the_same(walk)?;
    without_the_control_plane(walk)?;
    see("no provisioning ran twice, and the projections still equal the log", || past::rebuilt_alike(walk))
}

/// Another user's way from account to page, with a SIGKILL at every stage of it.
fn user_arrives_all_the_same(walk: &mut Walk) -> Result {
    let product = &mut walk.product;
    let dave = product.create_user("dave", &walk.policy, &walk.gateway)?;
    see("the control plane is killed while dave is being set up", || kill_control(product))?;
    see("the bus is killed", || kill_bus(product))?;
    see("dave's three steps are done all the same", || start::steps_are_done(product, &dave))?;
    see("the agent's processes are killed, one after the other, and come back", || {
        for part in ["edge", "control", "runner"] {
            kill_part(product, part)?;
        }
        start::gateway_up(product, &walk.gateway)
    })?;
    phones::enrol(product, &dave)?;
    let mut desktop = see("dave signs in", || code::sign_in(product, &DESKTOP_1, &dave))?;
    see("the control plane is killed between code and answer", || kill_control(product))?;
    let code = see("his phone shows the code", || code::shown_code(product, &dave.name, "AU"))?;
    see("the bus is killed before the answer", || kill_bus(product))?;
    let connected = see("dave arrives", || {
        desktop.say(&code)?;
        desktop.wait_state(&["connected"], SOON * 2)
    })?;
    let page = crate::demo::json::text(&connected, "page")?.to_owned();
    see("  and sees his page", || tunnel::page_is_there(product, &page))?;
    see("the agent's parent is killed, and comes back; dave signs out", || {
        product.house.processes.kill(AGENT_NAME)?;
        product.house.processes.restart(AGENT_NAME)?;
        start::gateway_up(product, &walk.gateway)?;
        desktop.hang_up(SOON).map(drop)
    })
}

/// What is connected goes on without the control plane and the bus, and what is over is cut by the gateway.
fn without_the_control_plane(walk: &mut Walk) -> Result {
    let product = &mut walk.product;
    let mut lasting = see("alice connects again", || {
        let mut desktop = code::sign_in(product, &DESKTOP_1, &walk.alice)?;
        desktop.say(&code::shown_code(product, &walk.alice.name, "AU")?)?;
        desktop.wait_state(&["connected"], SOON)?;
        Ok(desktop)
    })?;
    let ends = clock::unix() + LIMIT;
    let rules = ["--allow-country", "AU", "--ends-at", &tunnel::rfc3339(ends)];
    let short = start::make_policy(product, "short", &rules)?;
    let erin = start::user(product, "erin", &short, &walk.gateway)?;
    phones::enrol(product, &erin)?;
    let mut limited = see("erin connects for a short time", || {
        let mut desktop = code::sign_in(product, &DESKTOP_2, &erin)?;
        desktop.say(&code::shown_code(product, &erin.name, "AU")?)?;
        desktop.wait_state(&["connected"], SOON)?;
        Ok(desktop)
    })?;
    see("control plane and bus are killed and stay down", || {
        product.house.processes.kill(CONTROL_NAME)?;
        product.house.processes.kill(BUS_NAME)
    })?;
    let allowed = tunnel::resource(netns::ALLOWED_IP);
    see("alice goes on working", || tunnel::expect(product, netns::DESKTOP_1, &allowed, &[Answer::Open]))?;
    see("erin is cut by the gateway on time", || {
        limited.wait_state(&["ended"], LIMIT + SOON)?;
        let now = clock::unix();
        if now < ends || now > ends + Duration::from_secs(5) {
            bail!("expected the end at {}; it came at {}", tunnel::rfc3339(ends), tunnel::rfc3339(now));
        }
        limited.ended(SOON).map(drop)
    })?;
    see("alice still goes on", || tunnel::expect(product, netns::DESKTOP_1, &allowed, &[Answer::Open]))?;
    see("bus and control plane come back and learn what happened", || {
        product.house.processes.restart(BUS_NAME)?;
        product.bus_ready()?;
        product.house.processes.restart(CONTROL_NAME)?;
        product.control_ready()?;
        let list = ["session", "list", "--active"];
        product.ask_until(&list, "erin's session ended and alice's connected", SOON * 2, |list| {
            super::watch::find(list, &walk.alice.id).is_some() && super::watch::find(list, &erin.id).is_none()
        })?;
        lasting.hang_up(SOON).map(drop)
    })
}

fn kill_control(product: &mut Product) -> Result {
    product.house.processes.kill(CONTROL_NAME)?;
    product.house.processes.restart(CONTROL_NAME)?;
    product.control_ready()
}

fn kill_bus(product: &mut Product) -> Result {
    product.house.processes.kill(BUS_NAME)?;
    product.house.processes.restart(BUS_NAME)?;
    product.bus_ready()
}

/// One of the agent's children; its parent starts it again.
fn kill_part(product: &mut Product, part: &str) -> Result {
    let parent = product.house.processes.pid(AGENT_NAME)?;
    let find = || {
        let children = supervisor::children(parent);
        children.into_iter().find(|(_, line)| line.split(' ').nth(1) == Some(part)).map(|(pid, _)| pid)
    };
    let Some(old) = find() else {
        let children = supervisor::children(parent);
        return Err(Failure::said(format!(
            "expected the agent to have a process `{part}`; it has {children:?}"
        )));
    };
    supervisor::signal(old, "KILL");
    let what = format!("running `{part}` again");
    product.house.processes.wait_until(AGENT_NAME, &what, SOON, |_| find().is_some_and(|new| new != old))
}
