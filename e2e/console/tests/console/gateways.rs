//! Gateways: how they are, as they say it themselves every two seconds.

use crate::{
    failure::{Done, ensure},
    scene::Scene,
    stage::Program,
};
use serde_json::json;
use std::time::Duration;

/// A gateway that says nothing is down after ten seconds, looked at every two.
const UNTIL_DOWN: Duration = Duration::from_secs(30);

pub async fn a_gateway_shows_its_machine_its_services_and_the_containers_of_sessions(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("lea"))?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let card = format!("[data-gateway='{}']", scene.stage.gateway());
    browser.see(&format!("{card}[data-health=up]")).await?;
    browser.says(&card, scene.stage.gateway_name()).await?;
    let drawn = "
        return ['cpu', 'memory', 'disk'].map(what => {
            const shapes = [...document.querySelectorAll(`${arguments[0]} [data-spark=${what}] :is(path, polyline)`)];
            return shapes.map(s => s.getAttribute('d') || s.getAttribute('points') || '').join('');
        })";
    let all_drawn = format!(
        "const drawn = (function () {{ {drawn} }}).apply(null, arguments); return drawn.every(d => d.length > 12) && drawn"
    );
    let first = browser.until("a line for CPU, memory and disk", &all_drawn, &[json!(card)]).await?;
    let moved = format!(
        "const drawn = (function () {{ {drawn} }}).apply(null, arguments); return drawn[0] !== arguments[1]"
    );
    browser.until("the line to move", &moved, &[json!(card), first[0].clone()]).await?;
    ensure!(
        !browser.attributes(&format!("{card} [data-service]"), "data-service").await?.is_empty(),
        "expected services of the gateway"
    );

    scene.connect(&person)?;
    let session = scene.session_of(&person).await?;
    let script = "
        const found = all(arguments[0] + ' [data-container]').find(e =>
            e.dataset.session === arguments[1] || e.innerHTML.includes(arguments[1]) || e.innerText.includes(arguments[2]));
        return found && found.dataset.container";
    let args = [json!(card), json!(session), json!(person.name)];
    let container = browser.until("the session's container", script, &args).await?;
    scene.leave(&person)?;
    browser.gone(&format!("{card} [data-container='{}']", container.as_str().unwrap_or_default())).await
}

pub async fn a_gateway_that_falls_silent_is_down_and_comes_back_up_with_a_word_on_every_view(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let other = scene.signed_in(&owner, "/users").await?;
    let card = format!("[data-gateway='{}']", scene.stage.gateway());
    scene[at].see(&format!("{card}[data-health=up]")).await?;
    scene.stage.kill(Program::Agent)?;
    let seen = async {
        scene[at].see_within(UNTIL_DOWN, &format!("{card}[data-health=down]")).await?;
        scene[other].says("[role=status] [data-toast]", scene.stage.gateway_name()).await
    };
    let seen: Done = seen.await;
    scene.stage.start(Program::Agent)?;
    seen?;
    scene[at].see_within(UNTIL_DOWN, &format!("{card}[data-health=up]")).await
}
