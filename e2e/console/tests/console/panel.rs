//! The panel: one user or session from all sides, by its address.

use crate::{
    browser::Browser,
    failure::{Done, ensure},
    scene::Scene,
    users::row_of,
};
use serde_json::{Value, json};

pub async fn a_user_from_all_sides_opens_by_the_address_alone(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("quin"))?;
    scene.connect(&person)?;
    let place = format!("/users?panel=user:{}", person.id);
    let at = scene.signed_in(&owner, &place).await?;
    let browser = &scene[at];
    let panel = format!("aside[data-panel=user][data-id='{}']", person.id);
    browser.see(&panel).await?;
    // Profile, what they may reach, steps, the phone with what the policy found of it, the session, the audit.
    browser.says(&panel, &person.name).await?;
    let policy = format!("{panel} [data-part=access] [data-policy='{}']", scene.stage.policy());
    browser.says(&policy, scene.stage.policy_name()).await?;
    browser.says(&policy, "intranet").await?;
    for step in ["directory", "vpn", "panel"] {
        browser.see(&format!("{panel} [data-step={step}][data-state=done]")).await?;
    }
    browser.see(&format!("{panel} [data-device]")).await?;
    every_rule_is_shown(browser, &panel, &person.id).await?;
    browser.see(&format!("{panel} [data-brief]")).await?;
    browser.see(&format!("{panel} [data-entry]")).await?;
    scene.leave(&person)?;
    browser
        .until(
            "the session to end in the panel",
            "return !!seen(arguments[0] + ' [data-brief] [data-state=ended]')",
            &[json!(panel)],
        )
        .await?;
    browser.keys(thirtyfour::Key::Escape + "").await?;
    browser.gone("aside[data-panel]").await?;
    browser.at("/users").await?;
    browser.back().await?;
    browser.see(&panel).await
}

/// Each rule that the policy asked of the phone, with its standing, in attributes and in words.
async fn every_rule_is_shown(browser: &Browser, panel: &str, user: &str) -> Done {
    let (_, told) = browser.fetch("GET", &format!("/v1/users/{user}"), &Value::Null).await?;
    let findings = told["row"]["devices"][0]["verdict"]["findings"].as_array().cloned().unwrap_or_default();
    ensure!(findings.len() > 3, "expected a verdict with its findings in {told}");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut known: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {}", text(finding, "rule"), text(finding, "standing")))
        .collect();
    known.sort_unstable();
    let script = "
        const rules = all(arguments[0] + ' [data-device] [data-rule]');
        return rules.every(e => e.cells.length === 2 && [...e.cells].every(cell => cell.innerText.trim()))
            && String(rules.map(e => `${e.dataset.rule} ${e.dataset.standing}`).sort()) === String(arguments[1])";
    let what = format!("each of {known:?} in the panel");
    browser.until(&what, script, &[json!(panel), json!(known)]).await.map(drop)
}

pub async fn a_click_on_a_row_opens_its_panel_and_puts_it_into_the_address(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("rex"))?;
    let at = scene.signed_in(&owner, &format!("/users?q={}", person.name)).await?;
    let browser = &scene[at];
    let id = row_of(browser, "users", &person.name).await?;
    opens(browser, "user", &id, "name").await?;
    scene.connect(&person)?;
    browser.load(&format!("/sessions?q={}", person.name)).await?;
    let session = row_of(browser, "sessions", &person.name).await?;
    opens(browser, "session", &session, "user").await?;
    let place = browser.place().await?;
    ensure!(place.contains(&format!("q={}", person.name)), "the search was lost: {place}");
    scene.leave(&person)
}

async fn opens(browser: &Browser, what: &str, id: &str, cell: &str) -> Done {
    browser.click(&format!("[data-row='{id}'] [data-cell={cell}]")).await?;
    browser.see(&format!("aside[data-panel={what}][data-id='{id}']")).await?;
    let script = "return decodeURIComponent(location.search).includes(arguments[0])";
    browser.until("the panel in the address", script, &[json!(format!("panel={what}:{id}"))]).await.map(drop)
}
