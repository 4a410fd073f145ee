//! Audit: what happened, by what caused it, newest first; and standing still while one reads.

use crate::{
    browser::{Browser, SOON},
    failure::{Done, ensure, fail},
    scene::Scene,
    stage::field,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use thirtyfour::Key;
use tokio::time::Instant;

/// A story: its correlation, and its entries, newest first.
type Story = (String, Vec<String>);

pub async fn what_belongs_together_is_one_group_and_the_newest_stands_first(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("mia"))?;
    scene.connect(&person)?;
    scene.leave(&person)?;
    let at = scene.signed_in(&owner, &format!("/audit?user={}", person.id)).await?;
    let stories = as_the_server_has_it(&scene[at], &person.id).await?;
    ensure!(stories.len() > 1, "expected several groups, got {stories:?}");
    ensure!(
        stories.iter().any(|(_, entries)| entries.len() > 3),
        "expected the session's story in one group, got {stories:?}"
    );
    Ok(())
}

/// Until the page shows the stories of that user that the server's answer makes: each correlation once, with the
/// entries that have it and no other, the newest first.
async fn as_the_server_has_it(browser: &Browser, user: &str) -> Done<Vec<Story>> {
    let deadline = Instant::now() + SOON;
    let script = "
        for (const hidden of all('[data-earlier]')) hidden.click();
        return all('[data-group]').map(story =>
            [story.dataset.group, [...story.querySelectorAll('[data-entry]')].map(e => e.dataset.entry)])";
    loop {
        let shown: Vec<Story> = serde_json::from_value(browser.run(script, &[]).await?)?;
        let known = known_stories(browser, user).await?;
        if shown == known {
            return Ok(shown);
        }
        if Instant::now() > deadline {
            fail!("expected the stories {known:?}, the page shows {shown:?}");
        }
        tokio::task::yield_now().await;
    }
}

async fn known_stories(browser: &Browser, user: &str) -> Done<Vec<Story>> {
    let (_, told) = browser.fetch("GET", &format!("/v1/audit?user={user}&limit=500"), &Value::Null).await?;
    let mut stories: Vec<Story> = Vec::new();
    for row in told["rows"].as_array().into_iter().flatten() {
        let (correlation, entry) = (field(row, "correlation")?, format!("{}.{}", row["seq"], row["n"]));
        match stories.iter_mut().find(|(known, _)| *known == correlation) {
            Some((_, entries)) => entries.push(entry),
            None => stories.push((correlation, vec![entry])),
        }
    }
    Ok(stories)
}

/// By the keyboard alone; and whoever then looks at the top sees what happens to that user by itself.
pub async fn a_user_is_found_by_a_part_of_the_name_and_followed_live(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/audit").await?;
    let browser = &scene[at];
    let alike = scene.unique("pia");
    let mut ids = BTreeMap::new();
    for last in ["x", "y"] {
        let name = format!("{alike}{last}");
        let id = scene.create_quietly(browser, &name).await?;
        scene.ready(&id).await?;
        ids.insert(name, id);
    }
    browser.fill("main input[name=user]", &alike[1..]).await?;
    let script = "return all('#audit-users [role=option]:not([aria-disabled])').length === arguments[0]";
    browser.until("both of that name", script, &[json!(ids.len())]).await?;
    let chosen = "#audit-users [role=option][aria-selected=true]";
    let first = browser.text(chosen).await?;
    browser.keys(Key::Down + "").await?;
    let script =
        "const e = seen(arguments[0]); return e && e.innerText !== arguments[1] && {text: e.innerText}";
    let second = browser.until("the next one", script, &[json!(chosen), json!(first)]).await?;
    let second = second["text"].as_str().unwrap_or_default();
    let Some((name, id)) = ids.iter().find(|(name, _)| second.contains(name.as_str())) else {
        fail!("expected one of {ids:?}, got {second:?}")
    };
    browser.keys(Key::Enter + "").await?;
    browser.at(&format!("/audit?user={id}")).await?;
    let script = "return document.querySelector('main input[name=user]').value === arguments[0]";
    browser.until("the whole name", script, &[json!(name)]).await?;
    let before = as_the_server_has_it(browser, id).await?;

    let (status, told) = browser.fetch("POST", &format!("/v1/users/{id}/suspend"), &json!({})).await?;
    ensure!(status < 300, "expected {name} to be suspended, got {status} {told}");
    let script = "return all('[data-entry]')[0]?.dataset.kind === 'user.suspended' && !seen('[data-newer]')";
    browser.until("the suspension at the top, without asking for it", script, &[]).await?;
    let after = as_the_server_has_it(browser, id).await?;
    ensure!(after.ends_with(&before), "expected one story more than {before:?}, got {after:?}");
    Ok(())
}

pub async fn a_filter_is_in_the_address_and_the_server_does_it(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("noa"))?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    // Further back than what the page is given of everything.
    until_beyond_the_first_page(scene, browser, "gateway.enrolled").await?;
    browser.load("/audit").await?;
    browser.see("[data-entry]").await?;
    choose_or_fill(browser, "kind", "gateway.enrolled").await?;
    browser
        .until("the kind in the address", "return location.search.includes('kind=gateway.enrolled')", &[])
        .await?;
    browser
        .until(
            "one entry of that kind and no other",
            "return all('[data-entry]').length === 1 && all('[data-entry]')[0].innerText.length > 0",
            &[],
        )
        .await?;
    let place = browser.place().await?;
    browser.load(&place).await?;
    browser.until("the same after loading anew", "return all('[data-entry]').length === 1", &[]).await?;

    browser.load(&format!("/audit?user={}&kind=user.created", person.id)).await?;
    browser.until("her creation alone", "return all('[data-entry]').length === 1", &[]).await?;
    let (_, told) = browser
        .fetch("GET", &format!("/v1/audit?user={}&kind=user.created", person.id), &Value::Null)
        .await?;
    let seq = told["rows"][0]["seq"].as_u64().unwrap_or_default();
    let entry = browser.attribute("[data-entry]", "data-entry").await?;
    ensure!(entry.split('.').next() == Some(&seq.to_string()), "expected entry {seq}, got {entry}");
    Ok(())
}

pub async fn one_session_alone_is_asked_of_the_server_by_its_id(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("nils"))?;
    scene.connect(&person)?;
    let session = scene.session_of(&person).await?;
    scene.leave(&person)?;
    let at = scene.signed_in(&owner, &format!("/audit?user={}", person.id)).await?;
    let browser = &scene[at];
    // With all that the user did beside it, first.
    browser.see("[data-entry][data-kind='user.created']").await?;
    browser.fill("main input[name=session]", &session).await?;
    browser.keys(Key::Enter + "").await?;
    browser
        .until(
            "the session in the address",
            "return location.search.includes(arguments[0])",
            &[json!(session)],
        )
        .await?;
    browser.gone("[data-entry][data-kind='user.created']").await?;
    browser.see("[data-entry]").await?;
    let path = format!("/v1/audit?user={}&session={session}&limit=200", person.id);
    let (status, told) = browser.fetch("GET", &path, &Value::Null).await?;
    let known: BTreeSet<&str> =
        told["rows"].as_array().into_iter().flatten().filter_map(|row| row["kind"].as_str()).collect();
    ensure!(status == 200 && !known.is_empty(), "the server knows nothing of {session}: {told}");
    let shown = browser.attributes("[data-entry]", "data-kind").await?;
    ensure!(!shown.is_empty(), "nothing of {session} is shown");
    for kind in &shown {
        ensure!(known.contains(kind.as_str()), "{kind} is shown, and is nothing of {session}: {known:?}");
    }
    // An id that is none finds nothing, and says so.
    browser.fill("main input[name=session]", "yesterday's").await?;
    browser.keys(Key::Enter + "").await?;
    browser.says("main .filter .error", "This is no session’s id.").await
}

pub async fn an_operator_is_called_by_name_and_whoever_reads_it_you(scene: &mut Scene) -> Done {
    let (acting, reading) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let one = scene.signed_in(&acting, "/users").await?;
    let id = scene.create_quietly(&scene[one], &scene.unique("rue")).await?;
    let (place, by) = (format!("/audit?user={id}"), "[data-kind='user.created'] .entry-actor");
    let other = scene.signed_in(&reading, &place).await?;
    scene[other].says(by, &format!("by {}", acting.name)).await?;
    scene[one].load(&place).await?;
    scene[one].says(by, "by you").await
}

async fn choose_or_fill(browser: &Browser, name: &str, value: &str) -> Done {
    if browser.is_seen(&format!("main select[name={name}]")).await? {
        browser.choose(&format!("main select[name={name}]"), value).await
    } else {
        browser.fill(&format!("main input[name={name}]"), value).await?;
        browser.keys(Key::Enter + "").await
    }
}

pub async fn what_happens_meanwhile_does_not_move_what_one_reads(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    // Something to scroll through.
    let person = scene.stage.person(&scene.unique("ola"))?;
    let at = scene.signed_in(&owner, "/audit").await?;
    let browser = &scene[at];
    browser.see("[data-entry]").await?;
    browser.resize(1280, 400).await?;
    // An entry in the middle of the screen, scrolled to; where it stands on the screen.
    let script = "
        const entry = all('[data-entry]').at(Math.min(12, all('[data-entry]').length - 1));
        entry.scrollIntoView({block: 'center'});
        return {entry: entry.dataset.entry, top: Math.round(entry.getBoundingClientRect().top)}";
    let before = browser.run(script, &[]).await?;
    let name = scene.unique("pat");
    scene.create_quietly(browser, &name).await?;
    browser.see("[data-newer]").await?;
    let script = "
        const entry = document.querySelector(`[data-entry='${arguments[0]}']`);
        return entry && Math.round(entry.getBoundingClientRect().top)";
    let after = browser.run(script, &[before["entry"].clone()]).await?;
    ensure!(after == before["top"], "the entry stood at {}, and stands at {after}", before["top"]);
    browser.click("[data-newer]").await?;
    browser.gone("[data-newer]").await?;
    let newest =
        "const e = all('[data-entry]')[0]; return e && Number(e.dataset.entry.split('.')[0]) > arguments[0]";
    let old = before["entry"].as_str().and_then(|entry| entry.split('.').next()?.parse::<u64>().ok());
    browser.until("the newest at the top", newest, &[json!(old)]).await?;
    drop(person);
    Ok(())
}

/// Entries of the console's first answer.
const PAGE: usize = 200;

/// More entries than one answer holds after the last of that kind, whatever ran before: somebody is suspended and let
/// in again until it is so.
async fn until_beyond_the_first_page(scene: &Scene, browser: &Browser, kind: &str) -> Done {
    let id = scene.create_quietly(browser, &scene.unique("otto")).await?;
    scene.ready(&id).await?;
    let script = "
        const [id, times, done] = arguments;
        const headers = () => ({'Idempotency-Key': crypto.randomUUID(), 'Content-Type': 'application/json'});
        const post = what => fetch(`/v1/users/${id}/${what}`, {method: 'POST', headers: headers(), body: '{}'});
        (async () => {
            for (let n = 0; n < times; n += 1)
                for (const what of ['suspend', 'resume'])
                    { const answer = await post(what); if (!answer.ok) return done(answer.status); }
            done(true);
        })()";
    for _ in 0..PAGE {
        let (_, page) = browser.fetch("GET", &format!("/v1/audit?limit={PAGE}"), &Value::Null).await?;
        let holds_it = page["rows"].as_array().into_iter().flatten().any(|row| row["kind"] == kind);
        if page["next"].is_string() && !holds_it {
            return Ok(());
        }
        let done = browser.run_async(script, &[json!(id), json!(10)]).await?;
        ensure!(done == json!(true), "expected to suspend and resume, got {done}");
    }
    fail!("{kind} never leaves the audit's first page")
}

pub async fn the_list_goes_back_page_by_page_to_the_first_entry_of_all(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/audit").await?;
    let browser = &scene[at];
    until_beyond_the_first_page(scene, browser, "gateway.enrolled").await?;
    browser.load("/audit").await?;
    browser.live().await?;
    // The server's own pages say which is the first.
    let (mut cursor, mut first, mut pages) = (String::new(), Value::Null, 0);
    loop {
        let (_, page) =
            browser.fetch("GET", &format!("/v1/audit?limit={PAGE}{cursor}"), &Value::Null).await?;
        if let Some(last) = page["rows"].as_array().and_then(|rows| rows.last()) {
            first = json!(format!("{}.{}", last["seq"], last["n"]));
        }
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ensure!(pages > 1, "expected more than one page of {PAGE} entries");
    browser.see("[data-entry]").await?;
    let script = "
        if (document.querySelector(`[data-entry='${arguments[0]}']`)) return true;
        for (const more of all('[data-earlier]')) more.click();
        const last = all('[data-group]').at(-1);
        last?.scrollIntoView({block: 'end'});
        return false";
    let what = format!("entry {first}, {pages} pages down");
    browser.until_within(SOON * 2, &what, script, &[first]).await?;
    let script = "
        const met = new Set(), twice = [];
        for (const e of document.querySelectorAll('[data-entry]'))
            met.has(e.dataset.entry) ? twice.push(e.dataset.entry) : met.add(e.dataset.entry);
        return twice";
    let twice = browser.run(script, &[]).await?;
    ensure!(twice == json!([]), "entries stand there twice: {twice}");
    Ok(())
}
