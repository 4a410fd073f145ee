//! Audit: what happened, by what caused it, newest first; and standing still while one reads.

use crate::{
    browser::SOON,
    failure::{Done, ensure, fail},
    scene::Scene,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub async fn what_belongs_together_is_one_group_and_the_newest_stands_first(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("mia"))?;
    scene.connect(&person)?;
    scene.leave(&person)?;
    let at = scene.signed_in(&owner, &format!("/audit?user={}", person.id)).await?;
    let browser = &scene[at];
    browser.see("[data-group] [data-entry]").await?;
    let script = "
        return all('[data-group]').map(g => ({
            group: g.dataset.group,
            seqs: [...g.querySelectorAll('[data-entry]')].map(e => Number(e.dataset.entry.split('.')[0])),
        }))";
    let groups = browser.run(script, &[]).await?;
    let Some(groups) = groups.as_array() else { fail!("no groups") };
    ensure!(groups.len() > 1, "expected several groups, got {groups:?}");
    let newest: Vec<u64> = groups
        .iter()
        .filter_map(|group| group["seqs"].as_array()?.iter().filter_map(Value::as_u64).max())
        .collect();
    ensure!(newest.is_sorted_by(|a, b| a >= b), "expected the newest group first, got {newest:?}");
    ensure!(
        groups.iter().any(|group| group["seqs"].as_array().is_some_and(|seqs| seqs.len() > 3)),
        "expected the session's story in one group, got {groups:?}"
    );
    let mut names: Vec<&str> = groups.iter().filter_map(|group| group["group"].as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    ensure!(names.len() == all, "a group stands there twice");
    Ok(())
}

pub async fn a_filter_is_in_the_address_and_the_server_does_it(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("noa"))?;
    let at = scene.signed_in(&owner, "/audit").await?;
    let browser = &scene[at];
    browser.see("[data-entry]").await?;
    // Enrolled first of all on this stage: further back than the first page of a list of everything goes.
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
    browser.keys(thirtyfour::Key::Enter + "").await?;
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
    browser.keys(thirtyfour::Key::Enter + "").await?;
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

async fn choose_or_fill(browser: &crate::browser::Browser, name: &str, value: &str) -> Done {
    if browser.is_seen(&format!("main select[name={name}]")).await? {
        browser.choose(&format!("main select[name={name}]"), value).await
    } else {
        browser.fill(&format!("main input[name={name}]"), value).await?;
        browser.keys(thirtyfour::Key::Enter + "").await
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

/// More entries than one answer holds, whatever ran before: somebody is suspended and let in again until it is so.
async fn enough_for_pages(scene: &Scene, browser: &crate::browser::Browser) -> Done {
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
        if page["next"].is_string() {
            return Ok(());
        }
        let done = browser.run_async(script, &[json!(id), json!(10)]).await?;
        ensure!(done == json!(true), "expected to suspend and resume, got {done}");
    }
    fail!("the audit never has a second page")
}

pub async fn the_list_goes_back_page_by_page_to_the_first_entry_of_all(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/audit").await?;
    let browser = &scene[at];
    enough_for_pages(scene, browser).await?;
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
