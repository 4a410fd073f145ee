//! From a decided event to the row that shows it, on the sessions view of a real browser against the real product.
//! No test: it prints figures, and only when asked for.

use crate::{
    failure::{Done, ensure},
    scene::Scene,
};
use serde_json::{Value, json};

/// Each life of a session, from sign-in to its last receipt, changes its row some fifteen times.
const LIVES: usize = 6;

/// Notes, for each drawing of the page: when the frame after it began, how far the page was, which rows changed. An
/// event that changes no row moves the mark all the same, and is not taken for the next one's.
const WATCH: &str = "
    const table = document.querySelector('[data-table=sessions]'), mark = document.querySelector('[data-live]');
    window.drawings = [];
    const row = node => (node.nodeType === 1 ? node : node.parentElement)?.closest('[data-row]')?.dataset.row;
    let rows = null;
    const drawn = now => {
        drawings.push({seq: Number(mark.dataset.seq), rows, at: performance.timeOrigin + now});
        rows = null;
    };
    new MutationObserver(records => {
        if (!rows) {
            rows = [];
            requestAnimationFrame(drawn);
        }
        rows.push(...records.flatMap(record => [record.target, ...record.addedNodes]).map(row).filter(Boolean));
    }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
    return !!table";

/// Of every event of the session that its row shows: milliseconds from the worker's stamp, which is before the log
/// has it, to the begin of the frame after the one that shows it, which is behind the pixel.
const MEASURE: &str = "
    const [session, done] = arguments;
    fetch(`/v1/audit?session=${session}&limit=200`).then(answer => answer.json()).then(page => {
        const events = page.rows.filter(row => row.kind.startsWith('session.')).map(row => ({seq: row.seq, at: Date.parse(row.at) || row.at}));
        const late = [];
        let before = 0;
        for (const drawing of drawings) {
            if (drawing.rows.includes(session)) {
                const shown = events.filter(event => event.seq > before && event.seq <= drawing.seq);
                if (shown.length) late.push(drawing.at - Math.min(...shown.map(event => event.at)));
            }
            before = Math.max(before, drawing.seq);
        }
        done({late, events: events.length});
    })";

pub async fn from_a_decided_event_to_the_drawn_row(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let person = scene.stage.person(&scene.unique("lea"))?;
    let at = scene.signed_in(&owner, "/sessions").await?;
    let browser = &scene[at];
    let mut late: Vec<f64> = Vec::new();
    for _ in 0..LIVES {
        browser.load("/sessions").await?;
        browser.live().await?;
        browser.point_nowhere().await?;
        ensure!(browser.run(WATCH, &[]).await? == json!(true), "there is no table of sessions");
        scene.connect(&person)?;
        let id = scene.session_of(&person).await?;
        let row = format!("[data-table=sessions] [data-row='{id}']");
        browser.see(&format!("{row}[data-state=connected]")).await?;
        let reason = json!({ "reason": "measured" });
        browser.fetch("POST", &format!("/v1/sessions/{id}/terminate"), &reason).await?;
        browser.gone(&row).await?;
        scene.cut_off(&person)?;
        let measured = browser.run_async(MEASURE, &[json!(id)]).await?;
        late.extend(measured["late"].as_array().into_iter().flatten().filter_map(Value::as_f64));
    }
    ensure!(late.len() >= LIVES * 5, "only {} changes of rows were seen", late.len());
    late.sort_by(f64::total_cmp);
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    println!(
        "\nfrom a decided event to the drawn row, sessions view: {} changes, p50 {:.1} ms, p99 {:.1} ms, least {:.1} ms, \
         most {:.1} ms",
        late.len(),
        at(0.5),
        at(0.99),
        at(0.0),
        at(1.0)
    );
    Ok(())
}
