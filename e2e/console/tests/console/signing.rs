//! Signing in and out, and what happens when a sign-in ends by itself.

use crate::{failure::Done, scene::Scene, stage::Operator};

pub async fn a_wrong_password_is_refused_in_words_that_say_nothing_about_the_name(scene: &mut Scene) -> Done {
    let owner = scene.owner()?;
    let at = scene.open().await?;
    let browser = &scene[at];
    browser.load("/users").await?;
    browser.see("form[data-view=sign-in]").await?;
    browser.sign_in(&Operator { password: "not the password".to_owned(), ..owner.clone() }).await?;
    let known = browser.text("form[data-view=sign-in] [role=alert]").await?;
    browser.load("/users").await?;
    browser
        .sign_in(&Operator { name: "nobodyhere".to_owned(), password: "not the password".to_owned() })
        .await?;
    let unknown = browser.text("form[data-view=sign-in] [role=alert]").await?;
    crate::failure::ensure!(known == unknown, "a known name is told {known:?}, an unknown one {unknown:?}");
    Ok(())
}
