//! The feed: what the mark says, and that a break loses nothing.

use crate::{
    browser::Browser,
    failure::{Done, ensure, fail},
    held,
    scene::Scene,
    stage::Program,
    users::pill,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// How long a page may take to come back to a server that is back: its pauses double up to half a minute.
pub const UNTIL_BACK: Duration = Duration::from_secs(40);

/// Until the page has everything up to there on the screen.
pub async fn reached(browser: &Browser, seq: u64) -> Done {
    let script = "const e = seen('[data-live=live]'); return e && Number(e.dataset.seq) >= arguments[0]";
    browser.until(&format!("the sequence {seq} on the mark"), script, &[json!(seq)]).await.map(drop)
}

pub async fn the_mark_names_the_sequence_that_the_page_has_reached(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    let before: u64 = browser.attribute("[data-live]", "data-seq").await?.parse().unwrap_or_default();
    ensure!(before > 0, "expected a sequence on the mark");
    let id = scene.create(browser, &scene.unique("sam")).await?;
    browser.see(&pill(&id, "panel", "done")).await?;
    let script = "const e = seen('[data-live=live]'); return e && Number(e.dataset.seq) > arguments[0]";
    browser.until("a higher sequence", script, &[json!(before)]).await?;
    let (_, listed) = browser.fetch("GET", "/v1/users?limit=1", &Value::Null).await?;
    let there = listed["seq"].as_u64().unwrap_or_default();
    reached(browser, there).await?;
    // In words and figures that can be seen; also where the views' names have no room beside it.
    for width in [1280, 768, 390] {
        browser.resize(width, 800).await?;
        browser.until(&format!("Live and the sequence in sight on {width} px"), IN_SIGHT, &[]).await?;
    }
    Ok(())
}

/// Word and number are drawn, and nothing cuts them off or lies over them.
const IN_SIGHT: &str = "
    const mark = seen('[data-live=live]'), words = [];
    const walk = mark && document.createTreeWalker(mark, NodeFilter.SHOW_TEXT);
    while (walk && walk.nextNode()) {
        const text = walk.currentNode, range = document.createRange();
        range.selectNodeContents(text);
        const at = range.getBoundingClientRect();
        const there = document.elementFromPoint(at.left + at.width / 2, at.top + at.height / 2);
        if (at.width > 0 && there === text.parentElement) words.push(text.data);
    }
    const said = words.join(' ');
    return mark && /\\bLive\\b/.test(said) && said.replace(/\\D/g, '') === mark.dataset.seq";

/// The server is killed without a last word, and comes back; things happen while the page cannot know.
pub async fn a_killed_server_is_shown_offline_and_its_return_loses_and_doubles_nothing(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let other = scene.signed_in(&owner, "/sessions").await?;
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(scene.create(&scene[at], &scene.unique(&format!("tom{number}"))).await?);
    }
    for at in [at, other] {
        scene[at].run("window.unchanged = true", &[]).await?;
    }
    scene.kill(Program::Viworks)?;
    for at in [at, other] {
        scene[at].see("[data-live=offline]").await?;
        scene[at].says("[data-live=offline]", "Offline since ").await?;
    }
    // What was there is still there to be read.
    for id in &made {
        scene[at].see(&format!("[data-table=users] [data-row='{id}']")).await?;
    }
    scene.start(Program::Viworks)?;
    // Something happens before the page is back, as likely as not.
    let person = scene.stage.person(&scene.unique("uma"))?;
    scene.connect(&person)?;
    for at in [at, other] {
        scene[at].see_within(UNTIL_BACK, "[data-live=live]").await?;
    }
    scene[other]
        .until("uma's session", "return !!rowOf('sessions', arguments[0])", &[json!(person.name)])
        .await?;
    scene[at].see(&pill(&person.id, "panel", "done")).await?;
    for at in [at, other] {
        let same = scene[at].run("return window.unchanged", &[]).await?;
        ensure!(same == json!(true), "the page was loaded anew");
    }
    alike(scene, at, "users", &["user", "list", "--limit", "500"]).await?;
    alike(scene, other, "sessions", &["session", "list", "--active", "--limit", "500"]).await?;
    scene.leave(&person)
}

/// As it is when the server was updated under an open page: one of them says what the other does not read.
pub async fn a_page_that_the_server_does_not_understand_asks_to_be_loaded_anew(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    scene[at].enter(&owner, "/sessions?show=ended").await?;
    let browser = &scene[at];
    browser.run("window.unchanged = true", &[]).await?;
    held::says_nonsense(browser).await?;
    browser.says("[data-live=outdated]", "The server was updated").await?;
    browser.click_named("[data-live=outdated]", "Reload").await?;
    browser.until("another page", "return !window.unchanged", &[]).await?;
    browser.live().await?;
    browser.at("/sessions?show=ended").await
}

/// A page that is told something in the moment in which its connection breaks has it twice over: among what it heard
/// and did not draw yet, and, as far as it says that it has heard it, nowhere in what comes next.
pub async fn what_was_heard_and_not_drawn_when_the_feed_broke_is_drawn_once(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    scene[at].enter(&owner, "/users").await?;
    let browser = &scene[at];
    let name = scene.unique("ulf");
    held::drawing(browser).await?;
    let id = scene.create_quietly(browser, &name).await?;
    // All that happens to the row happens now: nothing that comes later would bring it.
    scene.ready(&id).await?;
    let (_, listed) = browser.fetch("GET", "/v1/users?limit=1", &Value::Null).await?;
    held::heard(browser, listed["seq"].as_u64().unwrap_or(u64::MAX)).await?;
    let row = format!("[data-table=users] [data-row='{id}']");
    ensure!(!browser.is_seen(&row).await?, "it was drawn though nothing is");

    let before = held::opened(browser).await?;
    scene.kill(Program::Viworks)?;
    browser.see("[data-live=offline]").await?;
    scene.start(Program::Viworks)?;
    let script = "return hold.opened > arguments[0] && !!seen('[data-live=catching-up]')";
    browser.until_within(UNTIL_BACK, "another feed", script, &[json!(before)]).await?;
    browser.says("[data-live]", "Catching up · ").await?;
    held::let_go(browser).await?;
    browser.see_within(UNTIL_BACK, "[data-live=live]").await?;
    browser.see(&pill(&id, "panel", "done")).await?;
    alike(scene, at, "users", &["user", "list", "--limit", "500"]).await
}

/// The page's rows are the server's: each once, none else.
async fn alike(scene: &Scene, at: usize, table: &str, words: &[&str]) -> Done {
    let rows = scene[at].all_rows(table).await?;
    let unique: BTreeSet<&String> = rows.iter().collect();
    ensure!(unique.len() == rows.len(), "a row stands there twice: {rows:?}");
    let listed = scene.stage.viworks(words)?;
    let Some(listed) = listed["rows"].as_array() else { fail!("expected rows, got {listed}") };
    let known: BTreeSet<String> =
        listed.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect();
    let shown: BTreeSet<String> = rows.into_iter().collect();
    ensure!(shown == known, "the page's {table} are {shown:?}, the server's {known:?}");
    Ok(())
}
