//! One page, one person after the other: what each of them finds there.

use crate::{
    browser::Browser,
    failure::{Done, ensure, fail},
    scene::Scene,
};
use serde_json::json;

const FORM: &str = "form[data-view=sign-in]";
const DIALOG: &str = "dialog[open][data-dialog=create-user]";

/// What stands in the dialog's first two fields.
async fn typed(browser: &Browser) -> Done<(String, String)> {
    browser.see(DIALOG).await?;
    let script = "return ['username', 'password'].map(name => seen(`${arguments[0]} [name=${name}]`)?.value)";
    let found = browser.run(script, &[json!(DIALOG)]).await?;
    let of = |at: usize| found[at].as_str().map(str::to_owned);
    match (of(0), of(1)) {
        (Some(name), Some(password)) => Ok((name, password)),
        _ => fail!("expected both fields in the dialog, got {found}"),
    }
}

async fn is_called(browser: &Browser, title: &str) -> Done {
    let script = "return document.title === arguments[0]";
    browser.until(&format!("the title {title:?}"), script, &[json!(title)]).await.map(drop)
}

pub async fn the_same_person_finds_a_half_typed_form_again_and_the_next_one_finds_nothing_of_it(
    scene: &mut Scene,
) -> Done {
    let (first, next) = (scene.owner()?, scene.stage.operator(&scene.unique("second"), "owner")?);
    let (name, password) = (scene.unique("half"), "a password that is hers alone");
    let at = scene.signed_in(&first, "/users").await?;
    let browser = &scene[at];
    browser.run("window.unchanged = true", &[]).await?;
    browser.click_named("main", "Create user").await?;
    browser.fill(&format!("{DIALOG} [name=username]"), &name).await?;
    browser.fill(&format!("{DIALOG} [name=password]"), password).await?;

    // Her sign-in ends; she comes back.
    let again = scene.stage.recover(&first.name)?;
    browser.see(FORM).await?;
    is_called(browser, "Sign in · ViWorkS").await?;
    browser.until("the focus in the name", "return document.activeElement.name === 'name'", &[]).await?;
    browser.sign_in(&again).await?;
    browser.live().await?;
    ensure!(
        typed(browser).await? == (name, password.to_owned()),
        "expected the form as she left it, got another one"
    );
    is_called(browser, "Users · ViWorkS").await?;

    // It ends once more, and somebody else sits down.
    scene.stage.recover(&first.name)?;
    browser.see(FORM).await?;
    browser.sign_in(&next).await?;
    browser.live().await?;
    browser.says("[data-menu=me]", &next.name).await?;
    let (name, password) = typed(browser).await?;
    ensure!(name.is_empty() && password.is_empty(), "expected an empty form, it is about {name:?}");
    ensure!(browser.run("return window.unchanged", &[]).await? == json!(true), "the page was loaded anew");
    Ok(())
}
