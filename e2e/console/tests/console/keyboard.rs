//! Without a mouse: the palette, and a whole visit by keys alone.

use crate::{
    browser::Browser,
    failure::{Done, ensure, fail},
    scene::Scene,
    users::row_of,
};
use serde_json::json;
use thirtyfour::Key;

const PALETTE: &str = "dialog[open][data-dialog=palette]";

async fn palette(browser: &Browser, words: &str) -> Done {
    palette_by(Key::Control, browser, words).await
}

async fn palette_by(modifier: Key, browser: &Browser, words: &str) -> Done {
    browser.chord(modifier, 'k').await?;
    browser.see(PALETTE).await?;
    browser.keys(words.to_owned()).await?;
    browser.see(&format!("{PALETTE} [role=option]")).await
}

pub async fn the_palette_finds_users_gateways_sessions_and_what_one_can_do(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("vera"))?;
    scene.connect(&person)?;
    let session = scene.session_of(&person).await?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    let (option, chosen) =
        (format!("{PALETTE} [role=option]"), format!("{PALETTE} [role=option][aria-selected=true]"));

    palette(browser, &person.name).await?;
    browser.says(&option, &person.name).await?;
    browser.keys(Key::Enter + "").await?;
    browser.gone(PALETTE).await?;
    browser.see(&format!("aside[data-panel=user][data-id='{}']", person.id)).await?;

    // With the other key that is held; and down to the session, which stands below the user.
    palette_by(Key::Meta, browser, &person.name).await?;
    let title = format!("Session of {}", person.name);
    browser.says(&option, &format!("Terminate session of {}", person.name)).await?;
    browser.keys(Key::Down + "").await?;
    browser.says(&chosen, &title).await?;
    browser.keys(Key::Down + "").await?;
    browser.says(&chosen, "Terminate session of").await?;
    browser.keys(Key::Up + "").await?;
    browser.says(&chosen, &title).await?;
    browser.keys(Key::Enter + "").await?;
    browser.gone(PALETTE).await?;
    browser.see(&format!("aside[data-panel=session][data-id='{session}']")).await?;

    palette(browser, scene.stage.gateway_name()).await?;
    browser.says(&chosen, scene.stage.gateway_name()).await?;
    browser.keys(Key::Enter + "").await?;
    browser.gone(PALETTE).await?;
    browser.see(&format!("main[data-view=gateways] [data-gateway='{}']", scene.stage.gateway())).await?;

    palette(browser, "create user").await?;
    browser.keys(Key::Enter + "").await?;
    browser.see("dialog[open][data-dialog=create-user]").await?;
    browser.keys(Key::Escape + "").await?;
    browser.gone("dialog[open]").await?;
    scene.leave(&person)
}

pub async fn the_palette_ends_a_session_with_a_reason(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("vito"))?;
    scene.connect(&person)?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    palette(browser, &person.name).await?;
    let option = format!("{PALETTE} [role=option]");
    browser.click_saying(&option, &format!("Terminate session of {}", person.name)).await?;
    browser.gone(PALETTE).await?;
    let dialog = "dialog[open][data-dialog=terminate]";
    browser.says(dialog, &person.name).await?;
    browser.fill(&format!("{dialog} [name=reason]"), "found by its name").await?;
    browser.click_named(dialog, "Terminate").await?;
    browser.see(&format!("{dialog} [data-receipt]")).await?;
    browser.says(dialog, "found by its name").await?;
    scene.cut_off(&person).map(drop)
}

/// Where the keyboard is.
const FOCUSED: &str = "
    const e = document.activeElement;
    return {name: e.name || nameOf(e), tag: e.tagName, type: e.type || '', href: e.getAttribute('href') || '',
            row: e.closest('[data-row]')?.dataset.row || ''}";

/// Goes on with Tab until the focus is where the script says.
async fn tab_to(browser: &Browser, what: &str, script: &str) -> Done {
    for _ in 0..120 {
        if browser.run(&format!("const e = document.activeElement; return {script}"), &[]).await?
            == json!(true)
        {
            return Ok(());
        }
        browser.keys(Key::Tab + "").await?;
    }
    let now = browser.run(FOCUSED, &[]).await?;
    fail!("Tab never leads to {what}; it is at {now}")
}

pub async fn a_user_is_created_and_a_session_ended_with_the_keyboard_alone(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("walt"))?;
    scene.connect(&person)?;
    let at = scene.open().await?;
    let browser = &scene[at];
    browser.load("/users").await?;
    browser.see("form[data-view=sign-in]").await?;
    tab_to(browser, "the name", "e.name === 'name'").await?;
    browser.keys(owner.name.clone()).await?;
    browser.keys(Key::Tab + "").await?;
    browser.keys(owner.password.clone()).await?;
    browser.keys(Key::Enter + "").await?;
    browser.live().await?;

    let name = scene.unique("xeno");
    let dialog = "dialog[open][data-dialog=create-user]";
    tab_to(browser, "Create user", "nameOf(e) === 'Create user'").await?;
    browser.keys(Key::Enter + "").await?;
    browser.see(dialog).await?;
    tab_to(browser, "the user's name", "e.name === 'username'").await?;
    browser.keys(name.clone()).await?;
    tab_to(browser, "the password", "e.name === 'password'").await?;
    browser.keys("a first password of theirs".to_owned()).await?;
    tab_to(browser, "the policy", "e.name === 'policy'").await?;
    browser.keys(scene.stage.policy_name().to_owned()).await?;
    tab_to(browser, "the gateway", "e.name === 'gateway'").await?;
    if browser.run("return document.activeElement.checked", &[]).await? == json!(false) {
        browser.keys(" ".to_owned()).await?;
    }
    tab_to(browser, "Create", "nameOf(e) === 'Create'").await?;
    browser.keys(Key::Enter + "").await?;
    browser.see(&format!("{dialog} [data-step=panel][data-state=done]")).await?;
    browser.keys(Key::Escape + "").await?;
    browser.gone(dialog).await?;

    // `g` and then `s`: to the sessions.
    browser.keys("gs".to_owned()).await?;
    browser.see("main[data-view=sessions]").await?;
    let session = row_of(browser, "sessions", &person.name).await?;
    let there = format!(
        "namesOf(e).includes('Terminate') && e.closest('[data-row]')?.dataset.row === {}",
        json!(session)
    );
    tab_to(browser, "the session's Terminate", &there).await?;
    browser.keys(Key::Enter + "").await?;
    browser.see("dialog[open][data-dialog=terminate]").await?;
    tab_to(browser, "the reason", "e.name === 'reason'").await?;
    browser.keys("by hand, without a mouse".to_owned()).await?;
    tab_to(browser, "Terminate", "nameOf(e) === 'Terminate' && !!e.closest('dialog')").await?;
    browser.keys(Key::Enter + "").await?;
    scene.cut_off(&person)?;
    browser.gone(&format!("[data-table=sessions] [data-row='{session}']:not([data-leaving])")).await
}

pub async fn keys_go_from_row_to_row_open_them_and_lead_to_the_search(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let alike = scene.unique("zita");
    for number in 0..3 {
        scene.create_quietly(browser, &format!("{alike}n{number}")).await?;
    }
    browser.load(&format!("/users?q={alike}")).await?;
    browser.live().await?;
    let script = "const rows = all('[data-table=users] [data-row]'); return rows.length === 3 && rows.map(e => e.dataset.row)";
    let rows = browser.until("three rows", script, &[]).await?;
    // From nowhere the first key leads to the first row.
    let typed = |key: &str| thirtyfour::TypingData::from(key.to_owned());
    let steps = [
        ("j", typed("j"), 0),
        ("j", typed("j"), 1),
        ("k", typed("k"), 0),
        ("Down", Key::Down + "", 1),
        ("Down", Key::Down + "", 2),
        ("Up", Key::Up + "", 1),
        ("End", Key::End + "", 2),
        ("Home", Key::Home + "", 0),
        ("j", typed("j"), 1),
    ];
    let focused = "return document.activeElement.dataset.row === arguments[0]";
    for (name, key, row) in steps {
        browser.keys(key).await?;
        let what = format!("row {row} to have the focus after {name}");
        browser.until(&what, focused, &[rows[row].clone()]).await?;
    }
    browser.keys(Key::Enter + "").await?;
    browser.see(&format!("aside[data-panel=user][data-id={}]", rows[1])).await?;
    browser.keys(Key::Escape + "").await?;
    browser.gone("aside[data-panel]").await?;
    browser.until("the focus on the row again", focused, &[rows[1].clone()]).await?;

    browser.keys("/".to_owned()).await?;
    browser.until("the focus in the search", "return document.activeElement.name === 'q'", &[]).await?;
    // What stands there is marked, so typing begins anew.
    let one = format!("{alike}n2");
    browser.keys(one.clone()).await?;
    browser.at(&format!("/users?q={one}")).await?;
    let script = "const rows = all('[data-table=users] [data-row]'); return rows.length === 1 && rows[0].innerText.includes(arguments[0])";
    browser.until(&format!("{one} alone"), script, &[json!(one)]).await.map(drop)
}

pub async fn the_keys_are_listed_and_focus_goes_back_to_where_it_came_from(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    tab_to(browser, "Create user", "nameOf(e) === 'Create user'").await?;
    browser.keys("?".to_owned()).await?;
    browser.see("dialog[open][data-dialog=keys]").await?;
    browser.says("dialog[open][data-dialog=keys]", "Ctrl").await?;
    browser.keys(Key::Escape + "").await?;
    browser.gone("dialog[open]").await?;
    let back = browser.run("return nameOf(document.activeElement)", &[]).await?;
    ensure!(back == json!("Create user"), "expected the focus back on the button, it is on {back}");
    Ok(())
}
