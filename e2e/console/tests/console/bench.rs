//! `console --bench '{"url":..,"spki":..}'`: what a browser makes of many live rows. It judges nothing; figures go
//! to stdout as one JSON line, for `cargo xtask bench web`.

use crate::{
    browser::Browser,
    failure::{Done, Failure, fail},
};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// Twenty thousand rows in pages of five hundred, on a busy machine.
const UNTIL_ALL_ARE_HERE: Duration = Duration::from_secs(120);
const SECONDS: u64 = 10;

/// In every new page, before its own scripts: when the first row was painted.
const FIRST_ROW: &str = "
new MutationObserver((_, observer) => {
  if (!document.querySelector('[data-row]')) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.firstRowAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
";

/// Asks for the next page until there is none, and stays a little below the top: whoever is at the top keeps no more
/// rows than are needed there.
const LOAD_ALL: &str = "
const table = document.querySelector('[data-table=sessions]');
const scroller = table && table.closest('.scroller');
if (!scroller) return false;
if (table.getAttribute('aria-rowcount') !== '-1') { scroller.scrollTop = 2 * scroller.clientHeight; return Number(table.getAttribute('aria-rowcount')) - 1; }
scroller.scrollTop = scroller.scrollHeight;
return false;
";

/// Draws for some seconds, scrolling or not, and says how that went.
const FRAMES: &str = "
const [seconds, step, done] = arguments;
const scroller = document.querySelector('[data-table=sessions]').closest('.scroller');
const tasks = [];
const observer = new PerformanceObserver(list => list.getEntries().forEach(entry => tasks.push(entry.duration)));
observer.observe({ type: 'longtask', buffered: false });
const frames = [];
let down = 1;
const frame = at => {
  frames.push(at);
  if (step) {
    if (scroller.scrollTop + scroller.clientHeight + step >= scroller.scrollHeight) down = -1;
    if (scroller.scrollTop <= step) down = 1;
    scroller.scrollTop += down * step;
  }
  if (at - frames[0] < seconds * 1000) return requestAnimationFrame(frame);
  observer.disconnect();
  const gaps = frames.slice(1).map((at, n) => at - frames[n]).sort((a, b) => a - b);
  done({
    fps: gaps.length * 1000 / (frames[frames.length - 1] - frames[0]),
    frame_p99_ms: gaps[Math.floor(gaps.length * 0.99)],
    longest_frame_ms: gaps[gaps.length - 1],
    long_tasks: tasks.length,
    longest_task_ms: Math.max(0, ...tasks),
  });
};
requestAnimationFrame(frame);
";

/// None when this is not what the program was started for.
pub fn asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip_while(|word| word != "--bench");
    words.next()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = match (runtime, words.next()) {
        (Ok(runtime), Some(crowd)) => runtime.block_on(measure(&crowd)),
        _ => Err(Failure("--bench wants where the crowd is, as it printed it".to_owned())),
    };
    Some(match measured {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    })
}

async fn measure(crowd: &str) -> Done<Value> {
    let crowd: Value = serde_json::from_str(crowd)?;
    let (Some(url), Some(spki)) = (crowd["url"].as_str(), crowd["spki"].as_str()) else {
        fail!("expected a url and an spki, got {crowd}");
    };
    let browser = Browser::at_origin(url, spki).await?;
    let figures = walk(&browser).await;
    browser.quit().await?;
    figures
}

async fn walk(browser: &Browser) -> Done<Value> {
    browser.on_every_page(FIRST_ROW).await?;
    browser.load("/sessions").await?;
    let first = browser.until("the first row", "return window.firstRowAt", &[]).await?;
    let rows = browser.until_within(UNTIL_ALL_ARE_HERE, "every row", LOAD_ALL, &[]).await?;
    let standing = frames(browser, 0).await?;
    let scrolling = frames(browser, 40).await?;
    Ok(json!({ "first_useful_screen_ms": first, "rows": rows, "standing": standing, "scrolling": scrolling }))
}

async fn frames(browser: &Browser, step: u32) -> Done<Value> {
    let before = browser.work().await?;
    let mut seen = browser.run_async(FRAMES, &[json!(SECONDS), json!(step)]).await?;
    let after = browser.work().await?;
    for (name, was) in before.as_object().into_iter().flatten() {
        let spent = after[name].as_f64().unwrap_or_default() - was.as_f64().unwrap_or_default();
        seen[format!("{name}_ms_per_s")] = json!(spent * 1_000.0 / SECONDS as f64);
    }
    Ok(seen)
}
