//! How it looks, for whom: contrast and names for assistive technology, widths, themes; and what must not be seen.

use crate::{
    axe,
    browser::Browser,
    failure::{Done, ensure},
    scene::Scene,
};
use serde_json::json;
use thirtyfour::Key;

/// Every view with something in it.
pub struct Views {
    pub person: crate::stage::Person,
    pub session: String,
}

impl Views {
    /// A person with a phone who is connected.
    pub async fn populated(scene: &Scene, name: &str) -> Done<Self> {
        Self::of(scene, scene.stage.person(&scene.unique(name))?).await
    }

    pub async fn of(scene: &Scene, person: crate::stage::Person) -> Done<Self> {
        scene.connect(&person)?;
        let session = scene.session_of(&person).await?;
        Ok(Self { person, session })
    }

    /// Loads the view that a dialog belongs to, and opens it there.
    pub async fn open_dialog(&self, browser: &Browser, dialog: &str) -> Done {
        browser.load(if dialog == "terminate" { "/sessions" } else { "/users" }).await?;
        browser.live().await?;
        match dialog {
            "create-user" => browser.click_named("main", "Create user").await?,
            "phone" => {
                browser.click_named(&format!("[data-row='{}']", self.person.id), "Enrol phone").await?
            }
            "palette" => browser.chord(Key::Control, 'k').await?,
            "keys" => browser.keys("?".to_owned()).await?,
            _ => browser.click_named(&format!("[data-row='{}']", self.session), "Terminate").await?,
        }
        let inside = match dialog {
            "phone" => " [data-qr]",
            _ => "",
        };
        browser.see(&format!("dialog[open][data-dialog={dialog}]{inside}")).await
    }

    /// Name, address, and what is there once it is complete.
    pub fn all(&self) -> Vec<(&'static str, String, &'static str)> {
        vec![
            ("users", "/users".to_owned(), "main[data-view=users] [data-row] [data-step]"),
            ("sessions", "/sessions".to_owned(), "main[data-view=sessions] [data-row]"),
            ("gateways", "/gateways".to_owned(), "main[data-view=gateways] [data-spark=cpu]"),
            ("audit", "/audit".to_owned(), "main[data-view=audit] [data-entry]"),
            (
                "user-panel",
                format!("/users?panel=user:{}", self.person.id),
                "aside[data-panel=user] [data-entry]",
            ),
            (
                "session-panel",
                format!("/sessions?panel=session:{}", self.session),
                "aside[data-panel=session] [data-receipt], aside[data-panel=session] [data-rule]",
            ),
        ]
    }
}

pub async fn choose_theme(browser: &Browser, theme: &str) -> Done {
    browser.open_menu().await?;
    browser.click(&format!("[data-theme-choice={theme}]")).await?;
    browser.keys(Key::Escape + "").await?;
    if theme != "system" {
        browser.see(&format!("html[data-theme={theme}]")).await?;
    }
    Ok(())
}

pub async fn axe_finds_nothing_serious_on_any_view_in_either_theme(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let views = Views::populated(scene, "yara").await?;
    let at = scene.open().await?;
    let browser = &scene[at];
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        browser.prefer(theme).await?;
        browser.load("/users").await?;
        browser.see("form[data-view=sign-in]").await?;
        found.extend(axe::serious(browser, &format!("sign-in, {theme}")).await?);
    }
    browser.sign_in(&owner).await?;
    browser.live().await?;
    for theme in ["light", "dark"] {
        browser.load("/users").await?;
        browser.live().await?;
        choose_theme(browser, theme).await?;
        for (name, place, complete) in views.all() {
            browser.load(&place).await?;
            browser.live().await?;
            browser.see(complete).await?;
            found.extend(axe::serious(browser, &format!("{name}, {theme}")).await?);
        }
        for dialog in ["create-user", "phone", "palette", "keys", "terminate"] {
            views.open_dialog(browser, dialog).await?;
            found.extend(axe::serious(browser, &format!("dialog {dialog}, {theme}")).await?);
        }
    }
    // The same complaint about every page is one.
    found.sort();
    found.dedup_by(|(a, _), (b, _)| a == b);
    let told: Vec<String> = found.into_iter().map(|(what, place)| format!("{place}: {what}")).collect();
    ensure!(told.is_empty(), "axe finds\n{}", told.join("\n"));
    Ok(())
}

pub async fn nothing_scrolls_sideways_from_a_phone_to_a_wall(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let views = Views::populated(scene, "zoe").await?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    for (width, height) in [(360, 740), (390, 844), (768, 1024), (1280, 800), (2560, 1440), (3840, 2160)] {
        browser.resize(width, height).await?;
        for (name, place, complete) in views.all() {
            browser.load(&place).await?;
            browser.live().await?;
            browser.see(complete).await?;
            // What can be seen beyond the screen, as far as nothing around it cuts it off; and what scrolls by itself.
            let script = "
                const told = e => e.outerHTML.slice(0, 120);
                const right = e => e.getBoundingClientRect().right;
                const cut = e => !e || e === document.body ? Infinity
                    : Math.min(cut(e.parentElement), getComputedStyle(e).overflowX === 'visible' ? Infinity : right(e));
                const beyond = all('body *').filter(e => right(e) > innerWidth + 1
                    && getComputedStyle(e).position !== 'fixed' && cut(e.parentElement) > innerWidth + 1);
                const scrolls = all('.scroller, main, dialog, aside').filter(e => e.scrollWidth > e.clientWidth + 1);
                return {wide: document.documentElement.scrollWidth,
                        beyond: beyond.slice(0, 3).map(told), scrolls: scrolls.slice(0, 3).map(told)}";
            let seen = browser.run(script, &[]).await?;
            let wide = seen["wide"].as_u64().unwrap_or(u64::MAX);
            ensure!(wide <= u64::from(width), "{name} is {wide} px wide on {width}: {seen}");
            let none = seen["beyond"] == json!([]) && seen["scrolls"] == json!([]);
            ensure!(none, "{name} reaches beyond {width} px: {seen}");
        }
    }
    scene.leave(&views.person)
}

pub async fn the_theme_follows_the_machine_until_one_chooses_and_the_choice_stays(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    // Whether the page is as bright as its theme.
    let script = "
        const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
        const bright = (r + g + b) / 3;
        return arguments[0] === 'light' ? bright > 200 : bright < 80";
    for machine in ["light", "dark"] {
        browser.prefer(machine).await?;
        browser.until(&format!("a {machine} page on a {machine} machine"), script, &[json!(machine)]).await?;
    }
    choose_theme(browser, "light").await?;
    browser.load("/users").await?;
    browser.live().await?;
    browser.see("html[data-theme=light]").await?;
    browser.until("the light page that was chosen on a dark machine", script, &[json!("light")]).await?;
    // And back to what the machine has, now and after loading anew.
    choose_theme(browser, "system").await?;
    browser.until("the machine's dark again", script, &[json!("dark")]).await?;
    browser.load("/users").await?;
    browser.live().await?;
    for machine in ["dark", "light"] {
        browser.prefer(machine).await?;
        browser.until(&format!("a page that follows a {machine} machine"), script, &[json!(machine)]).await?;
    }
    Ok(())
}

/// Addresses and ports of machines, digests, what programs say when they break.
const NEVER: [(&str, &str); 5] = [
    ("an address of the machines", r"\b10\.7[78]\.\d+\.\d+"),
    ("a port", r"\b(?:4222|8443|1194|7505)\b"),
    ("a digest", r"\b[0-9a-f]{40,}\b"),
    ("a panic", r"panicked|RUST_BACKTRACE|\bat \S+\.rs:\d+"),
    ("a type's name", r"\b(?:Some|Ok|Err|None)\b\(|viworks_[a-z]+::"),
];

pub async fn nothing_of_the_machines_stands_in_any_view(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let views = Views::populated(scene, "abel").await?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    for (name, place, complete) in views.all() {
        browser.load(&place).await?;
        browser.live().await?;
        browser.see(complete).await?;
        let found = machines_shown(browser, "body").await?;
        ensure!(found.is_empty(), "{name} shows {found:?}");
    }
    scene.leave(&views.person)
}

/// What of [`NEVER`] is within the first such element: in what is read, and in what stands in attributes (titles,
/// labels, data), but for scripts' and styles' names.
pub async fn machines_shown(browser: &Browser, css: &str) -> Done<Vec<String>> {
    let script = "
        const within = seen(arguments[1]);
        if (!within) return null;
        const words = [within.innerText];
        for (const e of [within, ...within.querySelectorAll('*')])
            for (const a of e.attributes)
                if (!['d', 'points', 'class', 'viewBox', 'style'].includes(a.name)) words.push(a.value);
        const text = words.join('\\n');
        return {found: arguments[0].map(([what, pattern]) => {
            const found = text.match(new RegExp(pattern));
            return found && `${what}: ${text.slice(Math.max(0, found.index - 40), found.index + 60)}`;
        }).filter(found => found)}";
    let seen = browser.until(&format!("to see {css}"), script, &[json!(NEVER), json!(css)]).await?;
    let found = seen["found"].as_array().into_iter().flatten();
    Ok(found.filter_map(|found| found.as_str().map(str::to_owned)).collect())
}
