//! One Chromium with a profile of its own, and how a person uses it: looks, clicks, types.
//!
//! Every look is repeated until it is as wanted or its deadline has passed. The page may redraw anything at any
//! time, so an element that went away between finding and clicking is looked for again.

use crate::{
    driver::Driver,
    failure::{Done, Failure, fail},
    stage::{Operator, Stage},
};
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::{
    BrowserLogEntry, By, ChromiumLikeCapabilities as _, DesiredCapabilities, Key, LoggingPrefsLogLevel,
    WebDriver, WebElement,
};
use tokio::time::Instant;

/// For what crosses the bus a few times and ends as a changed pixel, on a slow and busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// A page that answers the driver later than this hangs.
const ANSWER: Duration = Duration::from_secs(30);

/// The gap between two looks: a look costs the browser something, too.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Facts of this Chromium in headless mode; none of them loosens what a page may do, but `--no-sandbox`, without
/// which it refuses to run as root.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// What a browser calls an error and a page may make it say: answers that the console asks for and shows, nobody
/// being signed in, a role that may not, a name that is taken, and what a form cannot know beforehand.
const REFUSALS: [&str; 5] =
    ["a status of 401", "a status of 403", "a status of 409", "a status of 422", "response code: 401"];

/// An opinion about forms; and that a page has given up a feed before it stood, as when one signs out at once.
const NO_ERROR: [&str; 2] =
    ["Password field is not contained", "closed before the connection is established"];

/// What a browser says of a server that a test has taken away, and that is not ready yet as it comes back.
const AWAY: [&str; 4] = ["net::ERR_", "WebSocket connection to", "a status of 503", "response code: 503"];

pub struct Browser {
    driver: WebDriver,
    url: String,
    heard: Vec<BrowserLogEntry>,
    // Goes after the browser has been told to end.
    _chromedriver: Driver,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub async fn open(stage: &Stage) -> Done<Self> {
        Self::at_origin(stage.url(), &stage.trust().spki).await
    }

    /// At another server than the stage's.
    pub async fn at_origin(url: &str, spki: &str) -> Done<Self> {
        let profile = tempfile::Builder::new().prefix("viworks-profile-").tempdir()?;
        let chromedriver = Driver::start()?;
        let mut caps = DesiredCapabilities::chrome();
        for flag in FLAGS {
            caps.add_arg(flag)?;
        }
        caps.add_arg("--window-size=1280,800")?;
        caps.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        // This one key and no other: everything else about the connection is checked as always.
        caps.add_arg(&format!("--ignore-certificate-errors-spki-list={spki}"))?;
        caps.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver =
            WebDriver::builder(chromedriver.url.clone(), caps).request_timeout(ANSWER).connect().await?;
        driver.set_script_timeout(ANSWER).await?;
        Ok(Self {
            driver,
            url: url.to_owned(),
            heard: Vec::new(),
            _chromedriver: chromedriver,
            _profile: profile,
        })
    }

    // --- measuring

    /// Runs in every page that is loaded from now on, before its own scripts.
    pub async fn on_every_page(&self, script: &str) -> Done {
        let source = json!({ "source": script });
        self.driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", source).await?;
        self.driver.cdp().send_raw("Performance.enable", json!({})).await?;
        Ok(())
    }

    /// Seconds that the page's main thread has worked so far: `script` alone, and as a whole.
    pub async fn work(&self) -> Done<Value> {
        let told = self.driver.cdp().send_raw("Performance.getMetrics", json!({})).await?;
        let metrics = told["metrics"].as_array().into_iter().flatten();
        let of = |name: &str| {
            metrics.clone().find(|metric| metric["name"] == name).map(|metric| metric["value"].clone())
        };
        Ok(json!({ "script": of("ScriptDuration"), "task": of("TaskDuration") }))
    }

    // --- going somewhere

    /// Loads a page anew: the way of a link in a mail.
    pub async fn load(&self, path: &str) -> Done {
        Ok(self.driver.goto(format!("{}{path}", self.url)).await?)
    }

    /// A page that is not ours.
    pub async fn load_elsewhere(&self, url: &str) -> Done {
        Ok(self.driver.goto(url).await?)
    }

    /// Looks from within the page's first frame from here on.
    pub async fn enter_frame(&self) -> Done {
        Ok(self.driver.enter_frame(0).await?)
    }

    pub async fn back(&self) -> Done {
        Ok(self.driver.back().await?)
    }

    /// Path and query of where it is.
    pub async fn place(&self) -> Done<String> {
        let url = self.driver.current_url().await?;
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    pub async fn at(&self, place: &str) -> Done {
        self.until(
            &format!("the address {place}"),
            "return location.pathname + location.search === arguments[0]",
            &[json!(place)],
        )
        .await
        .map(drop)
    }

    /// The sign-in page, filled in and sent.
    pub async fn sign_in(&self, who: &Operator) -> Done {
        self.fill("form[data-view=sign-in] [name=name]", &who.name).await?;
        self.fill("form[data-view=sign-in] [name=password]", &who.password).await?;
        self.click("form[data-view=sign-in] [type=submit]").await
    }

    /// Signed in at a place, with the feed live.
    pub async fn enter(&self, who: &Operator, place: &str) -> Done {
        self.load(place).await?;
        self.sign_in(who).await?;
        self.live().await?;
        self.point_nowhere().await
    }

    /// By the menu of whoever is signed in.
    pub async fn sign_out(&self) -> Done {
        self.open_menu().await?;
        self.click_named("body", "Sign out").await
    }

    pub async fn open_menu(&self) -> Done {
        self.click("button[data-menu=me]").await
    }

    pub async fn cookies(&self) -> Done<Vec<thirtyfour::Cookie>> {
        Ok(self.driver.get_all_cookies().await?)
    }

    pub async fn live(&self) -> Done {
        self.see("[data-live=live]").await
    }

    // --- a second window of the same profile

    pub async fn another_window(&self) -> Done<thirtyfour::WindowHandle> {
        let handle = self.driver.new_window().await?;
        self.turn_to(&handle).await?;
        Ok(handle)
    }

    pub async fn window(&self) -> Done<thirtyfour::WindowHandle> {
        Ok(self.driver.window().await?)
    }

    pub async fn turn_to(&self, window: &thirtyfour::WindowHandle) -> Done {
        Ok(self.driver.switch_to_window(window.clone()).await?)
    }

    // --- looking

    /// Runs the script until it returns something true, and hands that back.
    pub async fn until(&self, what: &str, script: &str, args: &[Value]) -> Done<Value> {
        self.until_within(SOON, what, script, args).await
    }

    pub async fn until_within(
        &self,
        within: Duration,
        what: &str,
        script: &str,
        args: &[Value],
    ) -> Done<Value> {
        let deadline = Instant::now() + within;
        loop {
            let seen = self.run(script, args).await;
            match &seen {
                Ok(Value::Null | Value::Bool(false)) => {}
                Ok(seen) => return Ok(seen.clone()),
                // The page is just being replaced.
                Err(_) => {}
            }
            if Instant::now() > deadline {
                let last = seen.map_or_else(|failure| failure.0, |value| value.to_string());
                fail!("expected {what} within {} s ({last}); {}", within.as_secs(), self.shown().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn run(&self, script: &str, args: &[Value]) -> Done<Value> {
        let script = format!("{LOOKING}{script}");
        Ok(self.driver.execute(script, args.to_vec()).await?.json().clone())
    }

    /// The script's last argument is the callback.
    pub async fn run_async(&self, script: &str, args: &[Value]) -> Done<Value> {
        Ok(self.driver.execute_async(script, args.to_vec()).await?.json().clone())
    }

    pub async fn see(&self, css: &str) -> Done {
        self.until(&format!("to see {css}"), "return !!seen(arguments[0])", &[json!(css)]).await.map(drop)
    }

    pub async fn see_within(&self, within: Duration, css: &str) -> Done {
        let script = "return !!seen(arguments[0])";
        self.until_within(within, &format!("to see {css}"), script, &[json!(css)]).await.map(drop)
    }

    pub async fn gone(&self, css: &str) -> Done {
        self.until(&format!("{css} to be gone"), "return !seen(arguments[0])", &[json!(css)]).await.map(drop)
    }

    pub async fn is_seen(&self, css: &str) -> Done<bool> {
        Ok(self.run("return !!seen(arguments[0])", &[json!(css)]).await? == json!(true))
    }

    /// The visible text of the first such element.
    pub async fn text(&self, css: &str) -> Done<String> {
        let script = "const e = seen(arguments[0]); return e && {text: e.innerText}";
        let found = self.until(&format!("to see {css}"), script, &[json!(css)]).await?;
        Ok(found["text"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn says(&self, css: &str, words: &str) -> Done {
        let script = "return all(arguments[0]).some(e => e.innerText.includes(arguments[1]))";
        self.until(&format!("{css} to say {words:?}"), script, &[json!(css), json!(words)]).await.map(drop)
    }

    /// Attribute of the first such element.
    pub async fn attribute(&self, css: &str, name: &str) -> Done<String> {
        let script = "const e = seen(arguments[0]); return e && {value: e.getAttribute(arguments[1])}";
        let found = self.until(&format!("to see {css}"), script, &[json!(css), json!(name)]).await?;
        Ok(found["value"].as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of every such element, in the page's order.
    pub async fn attributes(&self, css: &str, name: &str) -> Done<Vec<String>> {
        let script = "return all(arguments[0]).map(e => e.getAttribute(arguments[1]))";
        let found = self.run(script, &[json!(css), json!(name)]).await?;
        let found = found.as_array().cloned().unwrap_or_default();
        Ok(found.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
    }

    /// The ids of all rows of a table, also of those that are drawn only once one scrolls to them.
    pub async fn all_rows(&self, table: &str) -> Done<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        let css = format!("[data-table={table}] [data-row]");
        let script = "
            scrollTo(0, 0);
            document.querySelectorAll('.scroller').forEach(e => { e.scrollTop = 0; });
            requestAnimationFrame(() => requestAnimationFrame(() => arguments[0](true)))";
        self.run_async(script, &[]).await?;
        loop {
            let drawn = self.attributes(&css, "data-row").await?;
            let before = found.len();
            let unseen: Vec<String> = drawn.iter().filter(|id| !found.contains(id)).cloned().collect();
            // The same id twice in one drawing is for the caller to see.
            let mut sorted = drawn.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.len() != drawn.len() {
                return Ok(drawn);
            }
            found.extend(unseen);
            if found.len() == before {
                return Ok(found);
            }
            let script = "
                const done = arguments[1];
                const rows = document.querySelectorAll(arguments[0]);
                rows[rows.length - 1]?.scrollIntoView({block: 'start'});
                requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
            self.run_async(script, &[json!(css)]).await?;
        }
    }

    // --- acting

    pub async fn click(&self, css: &str) -> Done {
        self.click_found(css, || async { Ok(self.driver.find_all(By::Css(css)).await?) }).await
    }

    /// The button, link or menu item that is called so, within what `scope` names.
    pub async fn click_named(&self, scope: &str, name: &str) -> Done {
        let script = "return named(arguments[0], arguments[1])";
        self.click_found(&format!("{name:?} in {scope}"), || async {
            let found =
                self.driver.execute(format!("{LOOKING}{script}"), vec![json!(scope), json!(name)]).await?;
            Ok(found.elements()?)
        })
        .await
    }

    /// The first such element with these words in it.
    pub async fn click_saying(&self, css: &str, words: &str) -> Done {
        self.click_found(&format!("{words:?} among {css}"), || async {
            let script =
                format!("{LOOKING}return all(arguments[0]).filter(e => e.innerText.includes(arguments[1]))");
            Ok(self.driver.execute(script, vec![json!(css), json!(words)]).await?.elements()?)
        })
        .await
    }

    async fn click_found<F, R>(&self, what: &str, find: F) -> Done
    where
        F: Fn() -> R,
        R: Future<Output = Done<Vec<WebElement>>>,
    {
        let deadline = Instant::now() + SOON;
        loop {
            let mut why = "there is none".to_owned();
            match find().await {
                Ok(found) => {
                    for element in found {
                        match element.click().await {
                            Ok(()) => return Ok(()),
                            Err(error) => why = Failure::from(error).0,
                        }
                    }
                }
                Err(failure) => why = failure.0,
            }
            if Instant::now() > deadline {
                fail!("expected to click {what} within {} s: {why}; {}", SOON.as_secs(), self.shown().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether something of that name is offered within `scope`.
    pub async fn offers(&self, scope: &str, name: &str) -> Done<bool> {
        let script = "return named(arguments[0], arguments[1]).length > 0";
        Ok(self.run(script, &[json!(scope), json!(name)]).await? == json!(true))
    }

    /// Replaces what an input holds, by typing.
    pub async fn fill(&self, css: &str, text: &str) -> Done {
        let deadline = Instant::now() + SOON;
        loop {
            let typed = async {
                let element = self.driver.find(By::Css(css)).await?;
                element.click().await?;
                element.send_keys(Key::Control + "a").await?;
                element.send_keys(Key::Delete + "").await?;
                element.send_keys(text).await?;
                element.prop("value").await
            };
            let why = match typed.await {
                Ok(Some(value)) if value == text => return Ok(()),
                Ok(value) => format!("it holds {value:?}"),
                Err(error) => Failure::from(error).0,
            };
            if Instant::now() > deadline {
                fail!("expected to fill {css} within {} s: {why}; {}", SOON.as_secs(), self.shown().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Chooses in a `<select>`, by the option's value or words.
    pub async fn choose(&self, css: &str, option: &str) -> Done {
        let script = "
            const box = seen(arguments[0]);
            const found = box && [...box.options].find(o => o.value === arguments[1] || o.text.includes(arguments[1]));
            if (!found) return null;
            box.value = found.value;
            box.dispatchEvent(new Event('input', {bubbles: true}));
            box.dispatchEvent(new Event('change', {bubbles: true}));
            return true";
        self.until(&format!("{option:?} in {css}"), script, &[json!(css), json!(option)]).await.map(drop)
    }

    /// Types to whatever has the focus.
    pub async fn keys(&self, keys: impl Into<thirtyfour::TypingData>) -> Done {
        let keys: thirtyfour::TypingData = keys.into();
        Ok(self.driver.active_element().await?.send_keys(keys).await?)
    }

    /// Holds a modifier, as `Ctrl-K` does, to whatever has the focus.
    pub async fn chord(&self, modifier: Key, key: char) -> Done {
        Ok(self
            .driver
            .action_chain()
            .key_down(modifier.clone())
            .send_keys(key)
            .key_up(modifier)
            .perform()
            .await?)
    }

    /// Holds the pointer over the middle of the first such element.
    pub async fn point_at(&self, css: &str) -> Done {
        let element = self.driver.find(By::Css(css)).await?;
        Ok(self.driver.action_chain().move_to_element_center(&element).perform().await?)
    }

    /// Takes the pointer out of whatever it is over: lists hold still under it.
    pub async fn point_nowhere(&self) -> Done {
        Ok(self.driver.action_chain().move_to(1, 1).perform().await?)
    }

    // --- requests of the page itself, with its cookie

    /// Status and body.
    pub async fn fetch(&self, method: &str, path: &str, body: &Value) -> Done<(u64, Value)> {
        let script = "
            const [method, path, body, done] = arguments;
            const bare = method === 'GET' || method === 'HEAD';
            const headers = {'Idempotency-Key': crypto.randomUUID()};
            if (!bare) headers['Content-Type'] = 'application/json';
            fetch(path, {method, headers, body: bare ? undefined : JSON.stringify(body)})
                .then(async r => done({status: r.status, body: await r.json().catch(() => null)}))
                .catch(e => done({failed: String(e)}))";
        let answer = self.run_async(script, &[json!(method), json!(path), body.clone()]).await?;
        match answer["status"].as_u64() {
            Some(status) => Ok((status, answer["body"].clone())),
            None => fail!("{method} {path}: {answer}"),
        }
    }

    // --- the screen

    /// CSS pixels; smaller than any window may be.
    pub async fn resize(&self, width: u32, height: u32) -> Done {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await?;
        self.until("the new width", "return innerWidth === arguments[0]", &[json!(width)]).await.map(drop)
    }

    /// What the machine prefers, and whether things may move.
    pub async fn prefer(&self, scheme: &str) -> Done {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        let script = "return matchMedia(`(prefers-color-scheme: ${arguments[0]})`).matches";
        self.until(&format!("a machine that prefers {scheme}"), script, &[json!(scheme)]).await.map(drop)
    }

    pub async fn picture(&self) -> Done<Vec<u8>> {
        Ok(self.driver.screenshot_as_png().await?)
    }

    pub async fn source(&self) -> Done<String> {
        Ok(self.driver.source().await?)
    }

    /// Where it is and what stands there, for a failure's text.
    async fn shown(&self) -> String {
        let place = self.place().await.unwrap_or_else(|failure| failure.0);
        let text = self.run("return document.body.innerText.slice(0, 600)", &[]).await.unwrap_or_default();
        format!("at {place} it shows {:?}", text.as_str().unwrap_or_default().replace('\n', " · "))
    }

    // --- what the browser has to complain about

    pub async fn log(&mut self) -> Done<&[BrowserLogEntry]> {
        self.heard.extend(self.driver.browser_log().await?);
        Ok(&self.heard)
    }

    /// What no page of ours may ever make a browser say; `was_away`: the server was gone for a while.
    pub async fn complaints(&mut self, was_away: bool) -> Done<Vec<String>> {
        let log = self.log().await?;
        let expected = |message: &str| {
            let says = |words: &&str| message.contains(words);
            let known = NO_ERROR.iter().chain(&REFUSALS).any(says);
            known || (was_away && AWAY.iter().any(says))
        };
        let grave = |entry: &&BrowserLogEntry| {
            entry.message.contains("Content Security Policy")
                || entry.message.contains("panicked")
                || entry.message.contains("Uncaught")
                || (entry.level == "SEVERE" && !expected(&entry.message))
        };
        Ok(log.iter().filter(grave).map(|entry| format!("{} {}", entry.level, entry.message)).collect())
    }

    /// A complaint that a test asked for: waits until it is there, and takes it out of the log.
    pub async fn expect_complaint(&mut self, words: &str) -> Done {
        let deadline = Instant::now() + SOON;
        loop {
            if self.log().await?.iter().any(|entry| entry.message.contains(words)) {
                self.heard.retain(|entry| !entry.message.contains(words));
                return Ok(());
            }
            if Instant::now() > deadline {
                fail!("expected the browser to complain of {words:?}; it says {:?}", self.heard);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn quit(self) -> Done {
        self.driver.quit().await.map_err(Failure::from)
    }
}

/// What every script may use.
const LOOKING: &str = "
    const visible = e => e.checkVisibility({visibilityProperty: true, opacityProperty: false});
    const all = css => [...document.querySelectorAll(css)].filter(visible);
    const seen = css => all(css)[0];
    const namesOf = e => [e.getAttribute('aria-label'), e.innerText, e.value].map(name => (name || '').trim());
    const nameOf = e => namesOf(e).find(name => name) || '';
    const rowOf = (table, words) => {
        const row = all(`[data-table=${table}] [data-row]`).find(e => e.innerText.includes(words));
        return row && row.dataset.row;
    };
    const named = (scope, name) => all(scope).flatMap(s => [...s.querySelectorAll(
        'button, a, [role=button], [role=menuitem], [role=option], [role=tab], summary')])
        .filter(e => visible(e) && !e.disabled && e.ariaDisabled !== 'true' && namesOf(e).includes(name));
";
