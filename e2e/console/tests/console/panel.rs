//! The panel: one user or session from all sides, by its address.

use crate::{
    failure::{Done, ensure},
    scene::Scene,
    users::row_of,
};
use serde_json::json;

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
    browser.says(&panel, "intranet").await?;
    browser.says(&panel, scene.stage.policy_name()).await?;
    for step in ["directory", "vpn", "panel"] {
        browser.see(&format!("{panel} [data-step={step}][data-state=done]")).await?;
    }
    browser.see(&format!("{panel} [data-device]")).await?;
    browser.see(&format!("{panel} [data-device] [data-rule]")).await?;
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

pub async fn a_click_on_a_row_opens_its_panel_and_puts_it_into_the_address(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("rex"))?;
    let at = scene.signed_in(&owner, &format!("/users?q={}", person.name)).await?;
    let browser = &scene[at];
    let id = row_of(browser, "users", &person.name).await?;
    browser.click(&format!("[data-row='{id}'] [data-cell=user], [data-row='{id}'] [data-cell=name]")).await?;
    browser.see(&format!("aside[data-panel=user][data-id='{id}']")).await?;
    let place = browser.place().await?;
    ensure!(place.contains(&format!("q={}", person.name)), "the search was lost: {place}");
    browser
        .until(
            "the panel in the address",
            "return decodeURIComponent(location.search).includes('panel=user:' + arguments[0])",
            &[json!(id)],
        )
        .await
        .map(drop)
}
