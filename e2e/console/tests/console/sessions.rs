//! Sessions: who is in, how they end, and what every layer says about it.

use crate::{
    browser::Browser,
    failure::{Done, ensure, fail},
    held,
    scene::Scene,
    stage::Program,
    users::{row_of, rows_are},
};
use serde_json::{Value, json};

const LAYERS: [&str; 5] = ["spa", "tls", "vpn", "container", "path"];

fn row(id: &str) -> String {
    format!("[data-table=sessions] [data-row='{id}']")
}

/// Terminates by the row's button and the dialog.
async fn terminate(browser: &Browser, id: &str, reason: &str) -> Done {
    let dialog = "dialog[open][data-dialog=terminate]";
    browser.click_named(&row(id), "Terminate").await?;
    browser.see(dialog).await?;
    browser.fill(&format!("{dialog} [name=reason]"), reason).await?;
    browser.click_named(dialog, "Terminate").await
}

/// The cell's words match, and the moment behind them is the server's.
async fn says_when(browser: &Browser, id: &str, cell: &str, moment: &Value, words: &str) -> Done {
    let script = "
        const [cell, moment, words] = arguments, at = seen(cell + ' time');
        return at && Date.parse(at.dateTime) === new Date(moment).getTime() && new RegExp(words).test(at.innerText.trim())
            && at.title.length > 8";
    let cell = format!("{} [data-cell={cell}]", row(id));
    let what = format!("{cell} to say {words:?} of {moment}");
    browser.until(&what, script, &[json!(cell), moment.clone(), json!(words)]).await.map(drop)
}

/// Out of the list, or only held there because one works in it.
fn standing(id: &str) -> String {
    format!("{}:not([data-leaving])", row(id))
}

pub async fn a_session_comes_live_and_ends_with_a_reason_and_a_receipt_of_every_layer(
    scene: &mut Scene,
) -> Done {
    let (acting, watching) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let person = scene.stage.person(&scene.unique("iris"))?;
    let one = scene.signed_in(&acting, "/sessions").await?;
    let other = scene.signed_in(&watching, "/sessions").await?;
    scene.connect(&person)?;

    // Wide enough for every column.
    scene[one].resize(1920, 1080).await?;
    let browser = &scene[one];
    let id = row_of(browser, "sessions", &person.name).await?;
    browser.see(&format!("{}[data-state=connected]", row(&id))).await?;
    scene[other].see(&format!("{}[data-state=connected]", row(&id))).await?;
    let listed = scene.stage.viworks(&["session", "show", &id])?;
    let listed = if listed["row"].is_object() { &listed["row"] } else { &listed };
    let address = listed["address"].as_str().unwrap_or_default().to_owned();
    let cells = [
        ("user", person.name.as_str()),
        ("gateway", scene.stage.gateway_name()),
        ("address", &address),
        ("resources", "intranet"),
        ("policy", scene.stage.policy_name()),
    ];
    for (cell, words) in cells {
        browser.says(&format!("{} [data-cell={cell}]", row(&id)), words).await?;
    }
    // Since when and until when: in words that a person says, and the server's own moments behind them.
    says_when(browser, &id, "since", &listed["connected_at"], "(just now|ago)$").await?;
    says_when(browser, &id, "ends", &listed["ends_at"], "^in \\d+ h").await?;
    browser.says(&format!("{} [data-cell=ends]", row(&id)), "time limit").await?;

    // Without a reason nothing happens.
    let dialog = "dialog[open][data-dialog=terminate]";
    browser.click_named(&row(&id), "Terminate").await?;
    browser.see(dialog).await?;
    browser.click_named(dialog, "Terminate").await?;
    ensure!(browser.is_seen(dialog).await?, "it was terminated without a reason");
    browser.keys(thirtyfour::Key::Escape + "").await?;
    browser.gone(dialog).await?;
    browser.see(&format!("{}[data-state=connected]", row(&id))).await?;

    terminate(browser, &id, "end of the visit").await?;
    // Toasts go by themselves: first of all.
    for browser in [&scene[other], &scene[one]] {
        let said = format!("The session of {} was terminated", person.name);
        browser.says("[data-toast]", &said).await?;
    }
    // The same dialog shows what every layer says.
    for layer in LAYERS {
        browser.see(&format!("{dialog} [data-receipt={layer}]:not([data-state=pending])")).await?;
    }
    browser.keys(thirtyfour::Key::Escape + "").await?;
    browser.gone(dialog).await?;
    browser.gone(&standing(&id)).await?;
    let said = scene.cut_off(&person)?;
    ensure!(
        said["reason"].as_str().is_some_and(|words| !words.is_empty()),
        "the desktop says no reason: {said}"
    );
    for browser in [&scene[one], &scene[other]] {
        browser.click("[data-filter=ended]").await?;
        browser
            .until("the filter in the address", "return location.search.includes('show=ended')", &[])
            .await?;
        browser.see(&format!("{}[data-state=ended]", row(&id))).await?;
        browser.says(&format!("{} [data-cell=ends]", row(&id)), "Terminated: “end of the visit”").await?;
        let ended = scene.stage.viworks(&["session", "show", &id])?;
        let ended = if ended["row"].is_object() { &ended["row"] } else { &ended };
        says_when(browser, &id, "ends", &ended["ended_at"], "(just now|ago)").await?;
        let place = format!("/sessions?show=ended&panel=session:{id}");
        browser.load(&place).await?;
        let panel = format!("aside[data-panel=session][data-id='{id}']");
        for layer in LAYERS {
            browser.see(&format!("{panel} [data-receipt={layer}]:not([data-state=pending])")).await?;
        }
        browser.says(&panel, "end of the visit").await?;
    }
    scene[one].load("/sessions").await?;
    scene[one].live().await?;
    scene[one].gone(&row(&id)).await
}

pub async fn an_end_that_the_gateway_has_not_confirmed_is_shown_as_ending(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("jon"))?;
    let at = scene.signed_in(&owner, "/sessions").await?;
    scene.connect(&person)?;
    let id = row_of(&scene[at], "sessions", &person.name).await?;
    scene[at].see(&format!("{}[data-state=connected]", row(&id))).await?;
    scene.freeze(Program::Agent)?;
    let browser = &scene[at];
    terminate(browser, &id, "to see it hang").await?;
    for layer in LAYERS {
        browser.see(&format!("dialog[open] [data-receipt={layer}][data-state=pending]")).await?;
    }
    browser.says("dialog[open] .certainty", "Not confirmed yet: 1 of 6 gone").await?;
    browser.see(&format!("{}[data-state=ending]", row(&id))).await?;
    browser.says(&format!("{} [data-cell=state]", row(&id)), "Ending, unconfirmed").await?;
    // The desktop's token is the server's own.
    browser.says(&format!("{} [data-cell=ends]", row(&id)), "1 of 6 gone").await?;
    browser.load(&format!("/sessions?panel=session:{id}")).await?;
    for layer in LAYERS {
        browser.see(&format!("[data-panel=session] [data-receipt={layer}][data-state=pending]")).await?;
    }
    // Ten seconds after the decision it says that this takes too long; both say how many of how many.
    browser.says("[data-panel=session] .certainty", "1 of 6").await?;
    scene.thaw(Program::Agent)?;
    for layer in LAYERS {
        browser
            .see(&format!("[data-panel=session] [data-receipt={layer}]:not([data-state=pending])"))
            .await?;
    }
    browser.says("[data-panel=session] .certainty", "Confirmed: nothing of it is left").await?;
    browser.gone(&format!("{}[data-state=ending]", row(&id))).await?;
    browser.load("/sessions?show=ended").await?;
    browser.see(&format!("{}[data-state=ended]", row(&id))).await?;
    scene.cut_off(&person).map(drop)
}

pub async fn the_lists_of_active_and_ended_sessions_are_those_of_the_server(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("kim"))?;
    scene.connect(&person)?;
    let (id, other) = (scene.session_of(&person).await?, scene.another_policy()?);
    let place = format!("/sessions?show=ended&q={}", person.name);
    let at = scene.signed_in(&owner, &place).await?;
    let browser = &scene[at];
    // It comes to those that have ended while one looks at them.
    browser.says("main", "No session is like this.").await?;
    browser.run("window.unchanged = true", &[]).await?;
    scene.leave(&person)?;
    browser.see(&format!("{}[data-state=ended]", row(&id))).await?;
    ensure!(browser.run("return window.unchanged", &[]).await? == json!(true), "the page was loaded anew");
    let rows = browser.attributes("[data-table=sessions] [data-row]", "data-row").await?;
    let path = format!("/v1/sessions?active=false&text={}", person.name);
    let (_, answer) = browser.fetch("GET", &path, &Value::Null).await?;
    let Some(known) = answer["rows"].as_array() else { fail!("expected rows, got {answer}") };
    let known: Vec<Value> = known.iter().map(|row| row["id"].clone()).collect();
    ensure!(json!(rows) == json!(known), "the page lists {rows:?}, the server {known:?}");
    let (policy, gateway) = (scene.stage.policy(), scene.stage.gateway());
    let choices = [("policy", other.as_str(), 0), ("policy", policy, 1), ("gateway", gateway, 1)];
    for (name, value, found) in choices {
        browser.choose(&format!("main select[name={name}]"), value).await?;
        browser.at(&format!("{place}&{name}={value}")).await?;
        rows_are(browser, "sessions", &rows[..found]).await?;
        browser.choose(&format!("main select[name={name}]"), "").await?;
        browser.at(&place).await?;
    }
    browser.click("[data-filter=active]").await?;
    browser.gone(&row(&id)).await
}

/// Whoever ends a session is not given the button back before they see that it ends.
pub async fn an_end_is_being_asked_for_until_the_screen_shows_that_it_is_decided(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("lou"))?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    scene.connect(&person)?;
    scene[at].enter(&owner, &format!("/sessions?q={}", person.name)).await?;
    let browser = &scene[at];
    let id = row_of(browser, "sessions", &person.name).await?;
    let dialog = "dialog[open][data-dialog=terminate]";
    browser.click_named(&row(&id), "Terminate").await?;
    browser.fill(&format!("{dialog} [name=reason]"), "to see it decided").await?;
    held::frames(browser).await?;
    browser.click_named(dialog, "Terminate").await?;
    held::answered(browser, &format!("/v1/sessions/{id}/terminate")).await?;
    ensure!(
        browser.is_seen(&format!("{dialog} form [aria-busy=true]")).await?,
        "the dialog took the answer for what it has not seen yet"
    );
    ensure!(
        browser.is_seen(&format!("{}[data-state=connected]", row(&id))).await?,
        "the row changed by itself"
    );
    held::let_go(browser).await?;
    browser.see(&format!("{dialog} [data-receipt]")).await?;
    scene.cut_off(&person).map(drop)
}
