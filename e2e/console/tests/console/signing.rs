//! Signing in and out, and what happens when a sign-in ends by itself.

use crate::{
    browser::{Browser, SOON},
    failure::{Done, ensure},
    held,
    scene::Scene,
    stage::{Operator, Program},
};
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::Key;

const FORM: &str = "form[data-view=sign-in]";

pub async fn a_wrong_password_is_refused_in_words_that_say_nothing_about_the_name(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    let browser = &scene[at];
    browser.load("/users").await?;
    let known = refused(browser, &owner.name).await?;
    browser.load("/users").await?;
    let unknown = refused(browser, "nobodyhere").await?;
    ensure!(known == unknown, "a known name is told {known:?}, an unknown one {unknown:?}");
    // Nothing was lost by it: the right password, in the same form.
    browser.sign_in(&owner).await?;
    browser.see("main[data-view=users]").await
}

async fn refused(browser: &Browser, name: &str) -> Done<String> {
    browser.sign_in(&Operator { name: name.to_owned(), password: "not the password".to_owned() }).await?;
    let script = "const e = seen(arguments[0]); return e && e.innerText.trim()";
    let words = browser.until("a refusal", script, &[json!(format!("{FORM} [role=alert]"))]).await?;
    Ok(words.as_str().unwrap_or_default().to_owned())
}

pub async fn signing_in_leads_to_where_one_wanted_to_go_and_signing_out_takes_it_away(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/gateways").await?;
    let browser = &scene[at];
    browser.at("/gateways").await?;
    browser.see("main[data-view=gateways]").await?;
    browser.sign_out().await?;
    browser.see(FORM).await?;
    let (status, _) = browser.fetch("GET", "/v1/users", &Value::Null).await?;
    ensure!(status == 401, "expected the server to have forgotten the sign-in; it answers {status}");
    browser.load("/users").await?;
    browser.see(FORM).await
}

pub async fn the_sign_in_is_kept_where_no_script_can_read_it(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.signed_in(&owner, "/users").await?;
    let browser = &scene[at];
    let script = "return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])";
    let readable = browser.run(script, &[]).await?;
    let readable = readable.as_str().unwrap_or_default();
    ensure!(readable.starts_with("[\"\""), "expected no cookie for scripts; they read {readable}");
    let cookies = browser.cookies().await?;
    ensure!(!cookies.is_empty(), "expected a cookie");
    for cookie in cookies {
        let shown = format!("{cookie:?}");
        ensure!(
            cookie.name.starts_with("__Host-")
                && cookie.secure == Some(true)
                && cookie.path.as_deref() == Some("/")
                && cookie.domain.as_deref().is_none_or(|domain| !domain.starts_with('.'))
                && shown.contains("Strict"),
            "expected __Host-, Secure, SameSite=Strict; got the cookie {}",
            cookie.name
        );
        ensure!(!readable.contains(&cookie.value), "a script can read the sign-in");
    }
    Ok(())
}

pub async fn signing_out_in_another_window_closes_this_one_and_signing_in_again_comes_back_to_the_same_place(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let place = "/users?q=somebody&state=active";
    let at = scene.signed_in(&owner, place).await?;
    let browser = &scene[at];
    let first = browser.window().await?;
    browser.another_window().await?;
    browser.load("/sessions").await?;
    browser.live().await?;
    browser.sign_out().await?;
    browser.see(FORM).await?;

    browser.turn_to(&first).await?;
    browser.see(FORM).await?;
    browser.gone("[data-live]").await?;
    browser.at(place).await?;
    browser.sign_in(&owner).await?;
    browser.live().await?;
    browser.see("main[data-view=users]").await?;
    browser.at(place).await
}

pub async fn a_recovered_password_ends_the_old_sign_ins_at_once_and_loses_nobody_their_place(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    let browser = &scene[at];
    browser.enter(&owner, "/audit?kind=user.created").await?;
    let id = scene.create_quietly(browser, &scene.unique("tess")).await?;
    let place = format!("/audit?kind=user.created&panel=user:{id}");
    let panel = format!("aside[data-panel=user][data-id='{id}']");
    browser.load(&place).await?;
    browser.see(&panel).await?;
    let again = scene.stage.recover(&owner.name)?;
    browser.see(FORM).await?;
    browser.gone("[data-live]").await?;
    held::closed(browser).await?;
    // Keys are the sign-in page's now: none of them is for what lies behind it.
    browser.keys(Key::Escape + "").await?;
    browser.at(&place).await?;
    browser.sign_in(&again).await?;
    browser.live().await?;
    browser.see("main[data-view=audit]").await?;
    browser.see(&panel).await?;
    browser.at(&place).await
}

/// Long enough to see on a busy machine that one is signed in, short enough to wait for.
const SHORT_SECONDS: u64 = 15;

/// Nobody does anything: the time goes by.
pub async fn a_sign_in_whose_time_is_over_closes_the_feed_and_the_next_one_goes_on_in_the_same_place(
    scene: &mut Scene,
) -> Done {
    let owner = scene.owner()?;
    let place = "/users?q=somebody&state=active";
    let seconds = SHORT_SECONDS.to_string();
    scene.restart_with(Program::Viworks, &[("VIWORKS_OPERATORS_SIGN_IN_SECONDS", &seconds)])?;
    let at = scene.open().await?;
    held::prepare(&scene[at]).await?;
    let browser = &scene[at];
    browser.enter(&owner, place).await?;
    browser.run("window.unchanged = true", &[]).await?;
    let (status, _) = browser.fetch("GET", "/v1/operator/me", &Value::Null).await?;
    ensure!(status == 200, "expected to be signed in until the time is over, got {status}");

    browser.see_within(Duration::from_secs(SHORT_SECONDS) + SOON, FORM).await?;
    browser.gone("[data-live]").await?;
    held::closed(browser).await?;
    browser.gone("main[data-view=users]").await?;
    browser.at(place).await?;
    let (status, _) = browser.fetch("GET", "/v1/users", &Value::Null).await?;
    ensure!(status == 401, "expected nothing without a sign-in, got {status}");

    browser.sign_in(&owner).await?;
    browser.live().await?;
    browser.see("main[data-view=users]").await?;
    browser.at(place).await?;
    ensure!(browser.run("return window.unchanged", &[]).await? == json!(true), "the page was loaded anew");
    scene.restart(Program::Viworks)
}
