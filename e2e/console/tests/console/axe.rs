//! axe-core in the page: injected by the driver, which the page's policy does not bind.

use crate::{
    browser::Browser,
    failure::{Done, fail},
};
use serde_json::{Value, json};

const AXE: &str = include_str!("axe.min.js");

/// What is serious or critical on the page as it is now, each with where it was found.
pub async fn serious(browser: &Browser, place: &str) -> Done<Vec<(String, String)>> {
    if browser.run("return typeof axe", &[]).await? == json!("undefined") {
        browser.run(AXE, &[]).await?;
    }
    let script = "
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ['violations']})
            .then(r => done(r.violations
                .filter(v => v.impact === 'serious' || v.impact === 'critical')
                .map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))))
            .catch(e => done([{id: 'axe itself', help: String(e), nodes: []}]))";
    let found = browser.run_async(script, &[]).await?;
    let Some(found) = found.as_array() else { fail!("{place}: axe said {found}") };
    Ok(found.iter().map(|violation| (told(violation), place.to_owned())).collect())
}

fn told(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let shown = nodes.take(4).map(|node| format!("\n        {}", node.replace('\n', " ")));
    format!("{}: {}{}", violation["id"], violation["help"], shown.collect::<String>())
}
