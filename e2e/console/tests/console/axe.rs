//! axe-core in the page: injected by the driver, which the page's policy does not bind.

use crate::{
    browser::Browser,
    failure::{Done, fail},
};
use serde_json::{Value, json};

const AXE: &str = include_str!("axe.min.js");

/// Nothing serious or critical on the page as it is now.
pub async fn nothing_serious(browser: &Browser, what: &str) -> Done {
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
    let Some(found) = found.as_array() else { fail!("{what}: axe said {found}") };
    if found.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = found.iter().map(told).collect();
    fail!("{what}: axe finds\n{}", told.join("\n"))
}

fn told(violation: &Value) -> String {
    let nodes: Vec<&str> =
        violation["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let shown = nodes.iter().take(4).map(|node| format!("\n        {}", node.replace('\n', " ")));
    format!(
        "    {}: {} ({} places){}",
        violation["id"],
        violation["help"],
        nodes.len(),
        shown.collect::<String>()
    )
}
