//! Users: the table, the dialog that makes one, the three steps, the phone.

use crate::{
    browser::Browser,
    failure::{Done, ensure},
    held, live,
    looks::machines_shown,
    scene::Scene,
    stage::Program,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
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
    let script = "return [named(arguments[0], 'Create').length, all(arguments[0] + ' [type=submit]').length]";
    let ways = browser.run(script, &[json!(DIALOG)]).await?;
    ensure!(
        ways == json!([1, 1]),
        "expected one Create button, and no other that sends the form; got {ways}"
    );
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
    // The whole sentence: one whose steps failed is announced by name, too.
    scene[other].says("[data-toast]", &format!("{name} is ready")).await
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
    let hours = format!("{DIALOG} .hours");
    set_time(browser, &format!("{hours} [name=from]"), "07:30").await?;
    set_time(browser, &format!("{hours} [name=to]"), "15:45").await?;
    // Working days are chosen as one begins.
    for day in ["wed", "sat"] {
        browser.click(&format!("{hours} [name=day][value={day}]")).await?;
    }
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
    let policy = scene.stage.viworks(&["policy", "show", &policy])?;
    let text = policy.to_string();
    for wanted in ["\"NZ\"", "\"AU\""] {
        ensure!(text.contains(wanted), "expected {wanted} in {text}");
    }
    let days = ["mon", "tue", "thu", "fri", "sat"];
    let wanted = json!([{"days": days, "from_minute": 7 * 60 + 30, "to_minute": 15 * 60 + 45}]);
    let windows = &policy["row"]["document"]["windows"];
    ensure!(*windows == wanted, "expected the hours {wanted}, got {windows} in {text}");
    Ok(())
}

/// What a browser's time field makes of typed digits depends on its language; what it hands on does not.
async fn set_time(browser: &Browser, css: &str, time: &str) -> Done {
    let script = "
        const field = seen(arguments[0]);
        if (!field) return null;
        field.value = arguments[1];
        field.dispatchEvent(new Event('input', {bubbles: true}));
        return field.value === arguments[1]";
    browser.until(&format!("{time} in {css}"), script, &[json!(css), json!(time)]).await.map(drop)
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

/// Nobody may see a step done before it is: the gateway is stopped in its tracks. Whoever has made the user sees it all
/// in the dialog: what is awaited, what failed with what to do about it, and that it is done.
pub async fn pills_are_pending_until_the_gateway_has_done_its_part(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    open_dialog(browser).await?;
    fill_in(scene, browser, &scene.unique("dora"), "a first password of hers").await?;
    scene.spoil("panel-user")?;
    scene.freeze(Program::Agent)?;
    browser.click_named(DIALOG, "Create").await?;
    let id = browser.attribute(&format!("{DIALOG} [data-progress]"), "data-id").await?;
    // The row lies behind the dialog, and is seen all the same.
    let followed = async |step: &str, state: &str| -> Done {
        browser.see(&format!("{DIALOG} [data-step={step}][data-state={state}]")).await?;
        browser.see(&pill(&id, step, state)).await
    };
    followed("directory", "done").await?;
    followed("vpn", "pending").await?;
    followed("panel", "pending").await?;
    scene.thaw(Program::Agent)?;
    followed("vpn", "done").await?;
    followed("panel", "failed").await?;
    let remedy = format!("Allow the script on {}, then retry", scene.stage.gateway_name());
    let failed = format!("{DIALOG} .failed-steps");
    browser.says(&failed, &remedy).await?;
    scene.mend("panel-user")?;
    browser.click(&format!("{failed} button")).await?;
    followed("panel", "done").await?;
    browser.gone(&failed).await?;
    browser.says(DIALOG, "is ready").await
}

pub async fn a_failed_step_says_what_to_do_and_retry_does_it_again(scene: &mut Scene) -> Done {
    let (acting, watching) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let at = scene.signed_in(&acting, "/users").await?;
    let other = scene.signed_in(&watching, "/users").await?;
    scene.spoil("panel-user")?;
    let name = scene.unique("emil");
    let id = scene.create(&scene[at], &name).await?;
    scene[at].says("[data-toast]", &format!("{name} could not be set up completely")).await?;
    scene[at].see(&pill(&id, "panel", "failed")).await?;
    scene[at].see(&pill(&id, "vpn", "done")).await?;
    scene[other].see(&pill(&id, "panel", "failed")).await?;
    scene.mend("panel-user")?;
    // Words for people: what to do and where, and no digest.
    let row = format!("[data-table=users] [data-row='{id}']");
    let remedy = scene[at].text(&format!("{row} .remedy")).await?;
    let wanted = format!("Allow the script on {}, then retry: ", scene.stage.gateway_name());
    ensure!(
        remedy.starts_with(&wanted) && remedy.ends_with(", or was changed since it was allowed."),
        "expected the remedy of a script that is not allowed, got {remedy:?}"
    );
    let shown = machines_shown(&scene[at], &row).await?;
    ensure!(shown.is_empty(), "the row shows {shown:?}");
    scene[at].click_named(&row, "Retry").await?;
    for browser in [&scene[at], &scene[other]] {
        browser.see(&pill(&id, "panel", "done")).await?;
        browser.gone(&pill(&id, "panel", "failed")).await?;
    }
    ensure!(!scene[at].offers(&row, "Retry").await?, "expected nothing left to retry");
    Ok(())
}

pub async fn a_retry_that_does_not_reach_the_server_says_so_beside_the_step_and_can_be_repeated(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    scene.spoil("panel-user")?;
    let id = scene.create(browser, &scene.unique("edda")).await?;
    browser.see(&pill(&id, "panel", "failed")).await?;
    scene.mend("panel-user")?;
    browser.click(&format!("[data-row='{id}'] [data-cell=user], [data-row='{id}'] [data-cell=name]")).await?;
    let failed = format!("aside[data-panel=user][data-id='{id}'] .failed-steps");
    let retry = format!("{failed} button");
    browser.says(&retry, "Retry").await?;
    browser.see(&failed).await?;
    scene.kill(Program::Viworks)?;
    browser.click(&retry).await?;
    browser
        .says(&format!("{failed} [role=status]"), "The server cannot be reached. Check the network")
        .await?;
    scene.start(Program::Viworks)?;
    browser.see_within(live::UNTIL_BACK, "[data-live=live]").await?;
    browser.click(&retry).await?;
    browser.see(&pill(&id, "panel", "done")).await?;
    browser.gone(&failed).await
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
    // Seconds that are left: fewer and fewer.
    let script = "
        const e = seen(arguments[0]), left = e && e.innerText.match(/^(\\d+):(\\d\\d)$/);
        const seconds = left && left[1] * 60 + Number(left[2]);
        return seconds && (arguments[1] === null || seconds < arguments[1]) && seconds";
    let countdown = format!("{dialog} [data-countdown]");
    let mut left = Value::Null;
    for _ in 0..3 {
        left = browser.until("the countdown to go down", script, &[json!(countdown), left]).await?;
    }

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
    // Who comes while one searches for somebody else does not come in between, nor waits to.
    let (_, decided) = scene.create_at(browser, &other).await?;
    live::reached(browser, decided).await?;
    let one_alone = async |when: &str| -> Done {
        let rows = browser.attributes("[data-table=users] [data-row]", "data-row").await?;
        let waits = browser.is_seen("[data-newer]").await?;
        ensure!(
            rows.len() == 1 && !waits,
            "expected {one} alone {when}, got {rows:?}, more waiting: {waits}"
        );
        Ok(())
    };
    one_alone("when another had come").await?;
    browser.load(&format!("/users?q={one}")).await?;
    row_of(browser, "users", &one).await?;
    one_alone("after loading anew").await?;
    let (status, answer) = browser.fetch("GET", &format!("/v1/users?text={one}"), &Value::Null).await?;
    let found = answer["rows"].as_array().map_or(0, Vec::len);
    ensure!(status == 200 && found == 1, "the server finds {found} ({status})");
    Ok(())
}

pub async fn what_is_chosen_is_in_the_address_and_narrows_the_list(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let (alike, other) = (scene.unique("nele"), scene.another_policy()?);
    let mut ids = Vec::new();
    for last in ["x", "y"] {
        let id = scene.create_quietly(browser, &format!("{alike}{last}")).await?;
        scene.ready(&id).await?;
        ids.push(id);
    }
    let path = format!("/v1/users/{}/suspend", ids[1]);
    let (status, told) = browser.fetch("POST", &path, &json!({})).await?;
    ensure!(status < 300, "expected {} to be suspended, got {status} {told}", ids[1]);

    let place = format!("/users?q={alike}");
    browser.load(&place).await?;
    browser.live().await?;
    let (both, nobody) = (ids.as_slice(), &ids[..0]);
    rows_are(browser, "users", both).await?;
    let (policy, gateway) = (scene.stage.policy(), scene.stage.gateway());
    let choices = [
        ("state", "suspended", &ids[1..]),
        ("state", "active", &ids[..1]),
        ("policy", other.as_str(), nobody),
        ("policy", policy, both),
        ("gateway", gateway, both),
    ];
    for (name, value, found) in choices {
        let select = format!("main select[name={name}]");
        browser.choose(&select, value).await?;
        browser.at(&format!("{place}&{name}={value}")).await?;
        rows_are(browser, "users", found).await?;
        browser.choose(&select, "").await?;
        browser.at(&place).await?;
        rows_are(browser, "users", both).await?;
    }
    Ok(())
}

/// These rows and no others, in whatever order.
pub async fn rows_are(browser: &Browser, table: &str, ids: &[String]) -> Done {
    let script = "
        const [table, ids] = arguments, rows = all(`[data-table=${table}] [data-row]`).map(e => e.dataset.row);
        return !seen('[data-asking]') && String(rows.sort()) === String(ids.sort())";
    let what = format!("the {table} {ids:?} and no others");
    browser.until(&what, script, &[json!(table), json!(ids)]).await.map(drop)
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

/// The server has decided and has said so; as long as this page has not heard of it, nobody here is told that it is
/// done.
pub async fn a_suspension_is_not_called_done_before_the_row_shows_it(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    scene[at].enter(&owner, "/users").await?;
    let browser = &scene[at];
    let name = scene.unique("juno");
    let id = scene.create(browser, &name).await?;
    browser.see(&pill(&id, "panel", "done")).await?;
    let row = format!("[data-table=users] [data-row='{id}']");
    browser.see(&format!("{row}[data-state=active]")).await?;

    browser.click_named(&row, "Suspend").await?;
    browser.see("dialog[open][data-dialog=suspend]").await?;
    held::frames(browser).await?;
    browser.click_named("dialog[open]", "Suspend").await?;
    held::answered(browser, &format!("/v1/users/{id}/suspend")).await?;
    let known = scene.stage.viworks(&["user", "show", &id])?;
    let state = &known["row"]["state"];
    ensure!(*state == json!("suspended"), "expected the server to have decided, got {known}");
    ensure!(
        browser.is_seen("dialog[open][data-dialog=suspend] [aria-busy=true]").await?,
        "the dialog was done with it before the row was"
    );
    let said = format!("{name} is suspended");
    let script = "return all('[data-toast]').some(e => e.innerText.includes(arguments[0]))";
    ensure!(
        browser.run(script, &[json!(said)]).await? == json!(false),
        "{said:?} was said before it was seen"
    );
    ensure!(browser.is_seen(&format!("{row}[data-state=active]")).await?, "the row changed by itself");

    held::let_go(browser).await?;
    browser.gone("dialog[open]").await?;
    browser.see(&format!("{row}[data-state=suspended]")).await?;
    browser.says("[data-toast]", &said).await
}

/// Rows that come while one has scrolled wait behind a button, but for the one that one has just made oneself.
pub async fn who_one_has_created_stands_in_a_list_that_holds_still(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    scene[at].enter(&owner, "/users").await?;
    let browser = &scene[at];
    browser.resize(1280, 360).await?;
    for number in 0..8 {
        scene.create_quietly(browser, &scene.unique(&format!("lea{number}"))).await?;
    }
    let script = "
        const scroller = seen('[data-table=users]').closest('.scroller');
        scroller.scrollTop = 40;
        return scroller.scrollTop === 40";
    browser.until("a list that is scrolled", script, &[]).await?;
    let (name, waits) = (scene.unique("mona"), scene.unique("nora"));
    scene.create_quietly(browser, &waits).await?;
    browser.see("[data-newer]").await?;

    open_dialog(browser).await?;
    fill_in(scene, browser, &name, "a first password of hers").await?;
    held::frames(browser).await?;
    browser.click_named(DIALOG, "Create").await?;
    held::answered(browser, "/v1/users").await?;
    held::let_go(browser).await?;
    let id = browser.attribute(&format!("{DIALOG} [data-progress]"), "data-id").await?;
    let script = "return !!document.querySelector(`[data-table=users] [data-row='${arguments[0]}']`)";
    browser.until("the new row, without asking for it", script, &[json!(id)]).await.map(drop)
}

pub async fn of_many_words_in_passing_the_last_three_are_seen_and_the_others_counted(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let names: Vec<String> = (0..5).map(|number| scene.unique(&format!("kit{number}"))).collect();
    for (number, name) in names.iter().enumerate() {
        scene.create_quietly(browser, name).await?;
        browser.says("[data-toast]", &format!("{name} is ready")).await?;
        if number == 0 {
            // None goes while somebody points at them.
            browser.point_at("[data-toast]").await?;
        }
    }
    let script = "
        const said = all('[data-toast]').map(e => e.innerText);
        return said.length === 3 && arguments[0].every(name => said.some(text => text.includes(name))) && said";
    browser.until("the last three", script, &[json!(names[2..])]).await?;
    let more = browser.text(".toast-more").await?;
    ensure!(more == "and 2 more · dismiss all", "expected two more, got {more:?}");
    browser.click_named("body", &more).await?;
    browser.gone("[data-toast]").await?;
    browser.gone(".toast-more").await
}

/// As many as the console's first answer, and some more.
const BEYOND_A_PAGE: usize = 210;

/// Nothing has to be done for them at a gateway: they are there as fast as passwords are hashed.
pub async fn users_beyond_the_first_answer_come_as_one_scrolls_each_of_them_once(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    let prefix = scene.unique("many");
    let script = "
        const [prefix, policy, from, to, done] = arguments;
        const create = n => fetch('/v1/users', {
            method: 'POST',
            headers: {'Idempotency-Key': crypto.randomUUID(), 'Content-Type': 'application/json'},
            body: JSON.stringify({username: `${prefix}n${n}`, password: 'a first password of theirs', policies: [policy], gateways: []}),
        });
        let n = from;
        const some = async () => {
            while (n < to) {
                const answer = await create(n++);
                if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
            }
        };
        Promise.all([some(), some(), some(), some()]).then(() => done(true), e => done(String(e)))";
    for from in (0..BEYOND_A_PAGE).step_by(30) {
        let to = BEYOND_A_PAGE.min(from + 30);
        let args = [json!(prefix), json!(scene.stage.policy()), json!(from), json!(to)];
        let done = browser.run_async(script, &args).await?;
        ensure!(done == json!(true), "expected users {from} to {to} to be created, got {done}");
    }
    let path = format!("/v1/users?text={prefix}&limit=500");
    let (_, listed) = browser.fetch("GET", &path, &Value::Null).await?;
    let known: BTreeSet<&str> =
        listed["rows"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str()).collect();
    ensure!(known.len() == BEYOND_A_PAGE, "the server lists {} users called {prefix}", known.len());

    browser.load(&format!("/users?q={prefix}")).await?;
    browser.live().await?;
    let script = "
        const table = seen('[data-table=users]');
        return table && !!seen('[data-table=users] [data-row]') && table.getAttribute('aria-rowcount')";
    let count = browser.until("the first rows", script, &[]).await?;
    ensure!(count == json!("-1"), "expected more rows than the first answer held, got all {count}");
    let script = "
        const table = seen('[data-table=users]'), scroller = table.closest('.scroller');
        scroller.scrollTop = scroller.scrollHeight;
        return table.getAttribute('aria-rowcount') === String(arguments[0] + 1)";
    browser.until("the last row", script, &[json!(BEYOND_A_PAGE)]).await?;
    let shown = browser.all_rows("users").await?;
    let unique: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
    ensure!(unique.len() == shown.len(), "a row stands there twice");
    ensure!(unique == known, "the page has {} of {} users", unique.len(), known.len());
    Ok(())
}
