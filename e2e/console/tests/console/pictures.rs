//! Pictures of every view for the documentation, in both themes and three widths: no test, and only when asked
//! for, because a test changes nothing in the tree.

use crate::{
    browser::Browser,
    failure::Done,
    looks::{Views, choose_theme},
    pixels,
    scene::Scene,
    users::pill,
};
use std::{fs, path::Path};
use thirtyfour::Key;

const SIZES: [(u32, u32); 3] = [(390, 844), (1280, 800), (2560, 1440)];

/// Who works at the company in the pictures.
const PEOPLE: [&str; 11] = [
    "amelia.ward",
    "ben.okafor",
    "chandra.rao",
    "dario.conti",
    "elif.kaya",
    "farid.aziz",
    "grace.lim",
    "hana.sato",
    "ines.ferreira",
    "jakob.lind",
    "kemal.demir",
];

pub async fn every_view(scene: &mut Scene) -> Done {
    let into = scene.pictures.clone().unwrap_or_default();
    fs::create_dir_all(&into)?;
    let owner = scene.stage.operator("morgan", "owner")?;
    let at = scene.signed_in(&owner, "/users").await?;
    let views = company(scene, &scene[at]).await?;
    let browser = &scene[at];
    for theme in ["light", "dark"] {
        browser.resize(1280, 800).await?;
        browser.prefer(theme).await?;
        browser.load("/users").await?;
        browser.live().await?;
        choose_theme(browser, theme).await?;
        for (width, height) in SIZES {
            browser.resize(width, height).await?;
            for (name, place, complete) in views.all() {
                browser.load(&place).await?;
                browser.live().await?;
                browser.see(complete).await?;
                keep(browser, &into, name, theme, width).await?;
            }
            browser.load("/users").await?;
            browser.live().await?;
            browser.click_named("main", "Create user").await?;
            browser.see("dialog[open][data-dialog=create-user]").await?;
            keep(browser, &into, "create-user", theme, width).await?;
            browser.keys(Key::Escape + "").await?;
            browser.gone("dialog[open]").await?;
        }
    }
    // Before anybody has signed in there is no choice of theme: the machine's counts.
    let fresh = scene.open().await?;
    let browser = &scene[fresh];
    for theme in ["light", "dark"] {
        browser.prefer(theme).await?;
        for (width, height) in SIZES {
            browser.load("/users").await?;
            browser.resize(width, height).await?;
            browser.see("form[data-view=sign-in]").await?;
            keep(browser, &into, "sign-in", theme, width).await?;
        }
    }
    scene.leave(&views.person)
}

/// People, sessions that go on and that are over, a step that failed.
async fn company(scene: &Scene, browser: &Browser) -> Done<Views> {
    for name in PEOPLE {
        scene.create(browser, name).await?;
    }
    scene.spoil("panel-user")?;
    let id = scene.create(browser, "lena.vogel").await?;
    browser.see(&pill(&id, "panel", "failed")).await?;
    scene.mend("panel-user")?;
    for name in ["noor.haddad", "oscar.nyman"] {
        let person = scene.stage.person(name)?;
        scene.connect(&person)?;
        scene.leave(&person)?;
    }
    let other = scene.stage.person("priya.nair")?;
    scene.connect(&other)?;
    let views = Views::of(scene, scene.stage.person("quentin.roy")?).await?;
    // A line needs some readings to be one: one comes every two seconds.
    browser.load("/gateways").await?;
    let readings = "
        const line = all('[data-spark=cpu] :is(path, polyline)')[0];
        const text = line && (line.getAttribute('points') || line.getAttribute('d') || '');
        return text && text.match(/[\\d.]+/g).length > 60";
    browser.until_within(std::time::Duration::from_secs(90), "a line of readings", readings, &[]).await?;
    Ok(views)
}

async fn keep(browser: &Browser, into: &Path, name: &str, theme: &str, width: u32) -> Done {
    // Nothing is on its way: no dialog, no toast, no letter.
    let still = "return document.fonts.status === 'loaded' && !seen('[data-toast]')
        && document.getAnimations().every(a => a.playState !== 'running')";
    browser.until("a page at rest", still, &[]).await?;
    let small = pixels::with_palette(&browser.picture().await?)?;
    fs::write(into.join(format!("console-{name}-{theme}-{width}.png")), small)?;
    Ok(())
}
