//! Gateways: how they are, as they say it themselves every two seconds.

use crate::{
    failure::{Done, ensure},
    scene::Scene,
    stage::Program,
};
use serde_json::json;
use std::time::Duration;

/// What a gateway is made of, as the console calls it.
const SERVICES: [(&str, &str); 5] = [
    ("spa", "Knock listener"),
    ("tls", "TLS edge"),
    ("openvpn", "VPN"),
    ("nginx", "Published pages"),
    ("containers", "Containers"),
];

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
    // A line for each, with a figure; and a while later the line has more of them, until five minutes are full.
    let script = "
        const figure = {cpu: /^[<>]?\\d+ %$/, memory: /^[<>]?\\d+ % · [\\d.]+ \\wiB of [\\d.]+ \\wiB$/};
        figure.disk = figure.memory;
        const [card, before] = arguments, lines = ['cpu', 'memory', 'disk'].map(what => {
            const spark = seen(`${card} [data-spark=${what}]`);
            const line = spark && spark.querySelector('.spark-line').getAttribute('d') || '';
            const said = spark && figure[what].test(spark.querySelector('.spark-text').innerText.trim());
            return {line, said, points: (line.match(/[ML]/g) || []).length};
        });
        const full = 150, grown = (now, then) => now.points > then.points || now.points === full;
        return lines.every(now => now.said && now.points > 1)
            && (!before || lines.every((now, n) => grown(now, before[n])) && lines[0].line !== before[0].line)
            && lines";
    let first = browser.until("a line and a figure for CPU, memory and disk", script, &[json!(card)]).await?;
    browser.until("each line to go on", script, &[json!(card), first]).await?;
    // Each service with how it is, and how new all of it is.
    for (service, words) in SERVICES {
        browser
            .says(&format!("{card} [data-service={service}][data-state=up]"), &format!("{words} up"))
            .await?;
    }
    let script = "
        const heard = seen(arguments[0] + ' .seen'), at = heard && heard.querySelector('time');
        return at && /^Updated (just now|\\d+ s ago)$/.test(heard.innerText.trim()) && Date.parse(at.dateTime)";
    let heard = browser.until("when it was heard last", script, &[json!(card)]).await?;
    let newer =
        format!("const at = (function () {{ {script} }}).apply(null, arguments); return at > arguments[1]");
    browser.until("a newer word of it", &newer, &[json!(card), heard]).await?;

    scene.connect(&person)?;
    let session = scene.session_of(&person).await?;
    // Whose it is and which way to the session, its image, its name, and whether it runs.
    let container = format!("{card} [data-container][data-session='{session}'][data-state=running]");
    browser.see(&container).await?;
    let name = browser.attribute(&container, "data-container").await?;
    ensure!(!name.is_empty(), "a container without a name");
    let image = scene.stage.image();
    let parts = [
        ("a", person.name.as_str()),
        // Without the registry: it is this machine.
        (".image", image.strip_prefix("localhost/").unwrap_or(image)),
        (".container-name", name.as_str()),
        ("", "running"),
    ];
    for (part, words) in parts {
        browser.says(format!("{container} {part}").trim_end(), words).await?;
    }
    let link = browser.attribute(&format!("{container} a"), "href").await?;
    ensure!(link.contains(&session), "expected a way to the session {session}, got {link}");
    scene.leave(&person)?;
    browser.gone(&format!("{card} [data-container='{name}']")).await
}

pub async fn a_gateway_without_its_published_pages_is_degraded_and_names_the_service_that_is_down(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let card = format!("[data-gateway='{}']", scene.stage.gateway());
    browser.see(&format!("{card}[data-health=up]")).await?;
    scene.take_page_port()?;
    browser.see(&format!("{card}[data-health=degraded]")).await?;
    browser.says(&format!("{card} header"), "Degraded").await?;
    let down = format!("{card} [data-service=nginx][data-state=down]");
    browser.says(&down, "Published pages down").await?;
    // The ways in are open, so it is not down.
    for service in ["spa", "tls", "openvpn"] {
        browser.see(&format!("{card} [data-service={service}][data-state=up]")).await?;
    }
    browser.says("main .count", "1 degraded").await?;
    scene.give_page_port_back()?;
    browser.see(&format!("{card}[data-health=up]")).await?;
    browser.see(&format!("{card} [data-service=nginx][data-state=up]")).await
}

pub async fn a_gateway_that_falls_silent_is_down_and_comes_back_up_with_a_word_on_every_view(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let other = scene.signed_in(&owner, "/users").await?;
    let card = format!("[data-gateway='{}']", scene.stage.gateway());
    scene[at].see(&format!("{card}[data-health=up]")).await?;
    let name = scene.stage.gateway_name();
    scene.kill(Program::Agent)?;
    scene[at].see_within(UNTIL_DOWN, &format!("{card}[data-health=down]")).await?;
    scene[other].says("[data-toast]", &format!("Gateway {name} is down")).await?;
    // What it said last is shown as old.
    scene[at].says(&format!("{card}[data-stale] .seen"), "Stale: no word for ").await?;
    scene[at].says(&format!("{card} h3"), "Services, as last heard").await?;
    scene.start(Program::Agent)?;
    scene[at].see_within(UNTIL_DOWN, &format!("{card}[data-health=up]")).await?;
    scene[other].says("[data-toast]", &format!("Gateway {name} is up")).await?;
    scene[at].says(&format!("{card}:not([data-stale]) .seen"), "Updated ").await
}
