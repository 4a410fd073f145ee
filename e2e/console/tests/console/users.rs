//! Users: the table, the dialog that makes one, the three steps, the phone.

use crate::{
    browser::Browser,
    failure::{Done, ensure},
    scene::Scene,
    stage::Program,
};
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::Key;

const DIALOG: &str = "dialog[open][data-dialog=create-user]";

/// The id of the row with these words, once it is there. New rows wait behind a button while one works in a table.
pub async fn row_of(browser: &Browser, table: &str, words: &str) -> Done<String> {
    let what = format!("a row of {words} among the {table}, or new rows");
    let script = "return rowOf(arguments[0], arguments[1]) || !!seen('[data-newer]')";
    loop {
        let found = browser.until(&what, script, &[json!(table), json!(words)]).await?;
        match found.as_str() {
            Some(id) => return Ok(id.to_owned()),
            None => browser.click("[data-newer]").await?,
        }
    }
}

pub fn pill(id: &str, step: &str, state: &str) -> String {
    format!("[data-table=users] [data-row='{id}'] [data-step={step}][data-state={state}]")
}

/// Fills in what every user needs.
async fn fill_in(scene: &Scene, browser: &Browser, name: &str, password: &str) -> Done {
    browser.fill(&format!("{DIALOG} [name=username]"), name).await?;
    browser.fill(&format!("{DIALOG} [name=password]"), password).await?;
    browser.choose(&format!("{DIALOG} [name=policy]"), scene.stage.policy_name()).await?;
    let gateway = format!("{DIALOG} [name=gateway][value='{}']", scene.stage.gateway());
    let script = "const box = seen(arguments[0]); return box && {checked: box.checked}";
    let is = browser.until("the gateway to be offered", script, &[json!(gateway)]).await?;
    if is["checked"] == json!(false) {
        browser.click(&gateway).await?;
    }
    Ok(())
}

async fn open_dialog(browser: &Browser) -> Done {
    browser.click_named("main", "Create user").await?;
    browser.see(DIALOG).await
}

pub async fn a_user_that_one_admin_creates_appears_done_on_the_screen_of_another(scene: &mut Scene) -> Done {
    let (acting, watching) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let name = scene.unique("ada");
    let one = scene.signed_in(&acting, "/users").await?;
    let other = scene.signed_in(&watching, "/users").await?;
    scene[other].run("window.unchanged = true", &[]).await?;

    let browser = &scene[one];
    open_dialog(browser).await?;
    fill_in(scene, browser, &name, "a first password of hers").await?;
    browser.click_named(DIALOG, "Create").await?;
    let id = browser.attribute(&format!("{DIALOG} [data-progress]"), "data-id").await?;
    for step in ["directory", "vpn", "panel"] {
        browser.see(&format!("{DIALOG} [data-step={step}][data-state=done]")).await?;
    }
    browser.keys(Key::Escape + "").await?;
    browser.gone(DIALOG).await?;
    for browser in [&scene[one], &scene[other]] {
        ensure!(row_of(browser, "users", &name).await? == id, "two users are called {name}");
        for step in ["directory", "vpn", "panel"] {
            browser.see(&pill(&id, step, "done")).await?;
        }
    }
    let same = scene[other].run("return window.unchanged", &[]).await?;
    ensure!(same == json!(true), "the other page was loaded anew");
    let shown = scene.stage.viworks(&["user", "show", &id])?;
    ensure!(shown["row"]["username"] == json!(name), "the server knows another user: {shown}");
    Ok(())
}

pub async fn a_user_who_is_ready_is_announced_wherever_one_is(scene: &mut Scene) -> Done {
    let (acting, watching) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let name = scene.unique("bea");
    let one = scene.signed_in(&acting, "/users").await?;
    let other = scene.signed_in(&watching, "/gateways").await?;
    scene.create_quietly(&scene[one], &name).await?;
    scene[other].says("[role=status] [data-toast]", &name).await
}

pub async fn countries_and_hours_of_their_own_are_kept_in_a_policy_made_for_that_user(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let name = scene.unique("cleo");
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    open_dialog(browser).await?;
    fill_in(scene, browser, &name, "a first password of hers").await?;
    browser.fill(&format!("{DIALOG} [name=country-search]"), "zealand").await?;
    browser.click(&format!("{DIALOG} [name=country][value=NZ]")).await?;
    browser.click(&format!("{DIALOG} [name=any-time]")).await?;
    browser.see(&format!("{DIALOG} .hours [name=from]")).await?;
    browser.click_named(DIALOG, "Create").await?;
    let id = browser.attribute(&format!("{DIALOG} [data-progress]"), "data-id").await?;
    for step in ["directory", "vpn", "panel"] {
        browser.see(&format!("{DIALOG} [data-step={step}][data-state=done]")).await?;
    }
    let shown = scene.stage.viworks(&["user", "show", &id])?;
    let policy = shown["row"]["policies"][0].as_str().unwrap_or_default().to_owned();
    ensure!(
        !policy.is_empty() && policy != scene.stage.policy(),
        "expected a policy of their own, got {shown}"
    );
    let policy = scene.stage.viworks(&["policy", "show", &policy])?.to_string();
    for wanted in ["\"NZ\"", "\"AU\"", "\"mon\""] {
        ensure!(policy.contains(wanted), "expected {wanted} in {policy}");
    }
    Ok(())
}

pub async fn what_cannot_be_is_named_at_its_field_and_nothing_is_created(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let (taken, fine) = (scene.stage.person(&scene.unique("taken"))?, scene.unique("fine"));
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    open_dialog(browser).await?;
    let good = "a first password of hers";
    let tries = [
        ("no user's name!", good, "username"),
        (&fine, "short", "password"),
        (&taken.name, good, "username"),
    ];
    for (name, password, field) in tries {
        fill_in(scene, browser, name, password).await?;
        browser.click_named(DIALOG, "Create").await?;
        let script = "
            const field = seen(arguments[0])?.closest('.field.wrong');
            return field && field.querySelector('.error').innerText.trim()";
        let css = format!("{DIALOG} [name={field}]");
        browser.until(&format!("what is wrong with {name:?}, at {field}"), script, &[json!(css)]).await?;
        ensure!(!browser.is_seen(&format!("{DIALOG} [data-progress]")).await?, "{name:?} was created");
    }
    // What was typed is not lost by a slip of the finger.
    browser.keys(Key::Escape + "").await?;
    browser.click_named(DIALOG, "Close and forget").await?;
    browser.gone(DIALOG).await?;
    let listed = scene.stage.viworks(&["user", "list", "--limit", "500"])?.to_string();
    ensure!(!listed.contains(&fine), "it was created all the same");
    Ok(())
}

/// Nobody may see a step done before it is: the gateway is stopped in its tracks.
pub async fn pills_are_pending_until_the_gateway_has_done_its_part(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    scene.stage.freeze(Program::Agent, true)?;
    let seen = async {
        let id = scene.create(&scene[at], &scene.unique("dora")).await?;
        scene[at].see(&pill(&id, "directory", "done")).await?;
        scene[at].see(&pill(&id, "vpn", "pending")).await?;
        scene[at].see(&pill(&id, "panel", "pending")).await?;
        Ok(id)
    };
    let seen: Done<String> = seen.await;
    scene.stage.freeze(Program::Agent, false)?;
    let id = seen?;
    scene[at].see(&pill(&id, "vpn", "done")).await?;
    scene[at].see(&pill(&id, "panel", "done")).await
}

pub async fn a_failed_step_says_what_to_do_and_retry_does_it_again(scene: &mut Scene) -> Done {
    let (acting, watching) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let at = scene.signed_in(&acting, "/users").await?;
    let other = scene.signed_in(&watching, "/users").await?;
    scene.stage.spoil("panel-user")?;
    let seen = async {
        let id = scene.create(&scene[at], &scene.unique("emil")).await?;
        scene[at].see(&pill(&id, "panel", "failed")).await?;
        scene[at].see(&pill(&id, "vpn", "done")).await?;
        scene[other].see(&pill(&id, "panel", "failed")).await?;
        Ok(id)
    };
    let seen: Done<String> = seen.await;
    scene.stage.mend("panel-user")?;
    let id = seen?;
    // Words for people: what to do, and no digest.
    let row = format!("[data-table=users] [data-row='{id}']");
    let script = "
        const row = seen(arguments[0]);
        const words = row && [row.innerText, ...[...row.querySelectorAll('[title], [aria-label]')]
            .map(e => (e.title || '') + ' ' + (e.ariaLabel || ''))].join(' ');
        return words && words.length > 60 && words";
    scene[at].until("the remedy in the row", script, &[json!(row)]).await?;
    scene[at].click_named(&row, "Retry").await?;
    for browser in [&scene[at], &scene[other]] {
        browser.see(&pill(&id, "panel", "done")).await?;
        browser.gone(&pill(&id, "panel", "failed")).await?;
    }
    ensure!(!scene[at].offers(&row, "Retry").await?, "expected nothing left to retry");
    Ok(())
}

pub async fn a_phone_enrols_from_the_qr_code_on_the_screen_while_its_countdown_runs(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let name = scene.unique("fay");
    let at = scene.signed_in(&owner, "/users").await?;
    let id = scene.create(&scene[at], &name).await?;
    let browser = &scene[at];
    browser.see(&pill(&id, "panel", "done")).await?;
    browser.click_named(&format!("[data-row='{id}']"), "Enrol phone").await?;
    let dialog = "dialog[open][data-dialog=phone]";
    browser.see(&format!("{dialog} [data-qr]")).await?;
    let first = browser.text(&format!("{dialog} [data-countdown]")).await?;
    let script = "const e = seen(arguments[0]); return e && e.innerText !== arguments[1]";
    let countdown = format!("{dialog} [data-countdown]");
    browser.until("the countdown to run", script, &[json!(countdown), json!(first)]).await?;

    let payload = crate::qr::read(&browser.picture().await?)?;
    scene.stage.enrol_phone(&name, &payload)?;
    // The page hears of it: the code has served.
    browser
        .until_within(
            Duration::from_secs(20),
            "the page to notice the phone",
            "return !seen('[data-qr]')",
            &[],
        )
        .await?;
    let shown = scene.stage.viworks(&["user", "show", &id])?.to_string();
    ensure!(shown.contains("\"enrolled\":true"), "expected an enrolled phone in {shown}");
    let html = browser.source().await?;
    ensure!(!html.contains(&payload), "the code's content is still in the page");
    Ok(())
}

pub async fn the_list_is_searched_by_the_server_and_the_search_is_in_the_address(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let (one, other) = (scene.unique("gwen"), scene.unique("hugo"));
    scene.create(&scene[at], &one).await?;
    let browser = &scene[at];
    browser.fill("main [name=q]", &one).await?;
    browser.at(&format!("/users?q={one}")).await?;
    row_of(browser, "users", &one).await?;
    // Who comes while one searches for somebody else does not come in between.
    scene.create_quietly(browser, &other).await?;
    browser.load(&format!("/users?q={one}")).await?;
    row_of(browser, "users", &one).await?;
    let rows = browser.attributes("[data-table=users] [data-row]", "data-row").await?;
    ensure!(rows.len() == 1, "expected one user called {one}, got {rows:?}");
    let (status, answer) = browser.fetch("GET", &format!("/v1/users?text={one}"), &Value::Null).await?;
    let found = answer["rows"].as_array().map_or(0, Vec::len);
    ensure!(status == 200 && found == 1, "the server finds {found} ({status})");
    Ok(())
}

pub async fn suspending_a_user_ends_their_session_and_resuming_lets_them_in_again(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("ivo"))?;
    scene.connect(&person)?;
    let at = scene.signed_in(&owner, &format!("/users?q={}", person.name)).await?;
    let browser = &scene[at];
    let row = format!("[data-table=users] [data-row='{}']", person.id);
    browser.click_named(&row, "Suspend").await?;
    // Asked once more, because it cuts somebody off.
    browser.click_named("dialog[open]", "Suspend").await?;
    browser.gone("dialog[open]").await?;
    browser.see(&format!("{row}[data-state=suspended]")).await?;
    scene.cut_off(&person)?;
    browser.click_named(&row, "Resume").await?;
    browser.see(&format!("{row}[data-state=active]")).await?;
    scene.connect(&person)?;
    scene.leave(&person)
}
