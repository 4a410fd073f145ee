//! Step 3: password, posture, policy, code.

use super::{SOON, Walk, see};
use crate::{
    demo::{
        conversation::Conversation,
        json,
        product::{DESKTOP_1, DESKTOP_2, Desktop, Person, Product},
    },
    exec,
    failure::{Result, bail},
    report,
};
use serde_json::Value;

pub fn run(walk: &mut Walk) -> Result {
    report::headline("3  password, posture, code");
    let product = &walk.product;
    see("a wrong password is refused", || wrong_password(product, &walk.alice))?;
    see("an unknown user is refused with the same words", || {
        wrong_password(product, &Person { name: "nobody-here".to_owned(), ..walk.alice.clone() })
    })?;

    let mut desktop =
        see("alice's password leads to: code required", || sign_in(product, &DESKTOP_1, &walk.alice))?;
    let code = see("her phone sends its signed posture and shows a code of six digits", || {
        shown_code(product, &walk.alice.name, "AU")
    })?;
    see("a wrong code is refused neutrally", || wrong_code(&mut desktop, &code))?;
    super::tunnel::nobody_is_answered(walk)?;
    super::tunnel::the_right_code_leads_in(walk, desktop, &code)?;

    let product = &walk.product;
    see("the used code is refused in another sign-in", || {
        let mut second = sign_in(product, &DESKTOP_2, &walk.bob)?;
        let fresh = shown_code(product, &walk.bob.name, "AU")?;
        if fresh == code {
            bail!("expected a fresh code; the phone shows the used one again");
        }
        second.say(&code)?;
        refused(&mut second)?;
        second.hang_up(SOON).map(drop)
    })?;
    see("bob, in a forbidden country, is denied neutrally on both screens", || denied(product, &walk.bob))?;
    see("  the audit names the rule that he failed", || finding(product, &walk.bob))
}

/// Up to the point where the phone's code is wanted.
pub fn sign_in(product: &Product, desktop: &Desktop, person: &Person) -> Result<Conversation> {
    let mut talk = product.connect(desktop, person)?;
    talk.wait_state(&["code_required"], SOON)?;
    Ok(talk)
}

/// What the phone shows, once it has reported that it is in `country`.
pub fn shown_code(product: &Product, person: &str, country: &str) -> Result<String> {
    let answer = phone_waits(product, person, country)?;
    let code = json::text(&answer, "code")?;
    if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(code.to_owned())
    } else {
        bail!("expected six digits on the phone; it shows {code:?}")
    }
}

fn phone_waits(product: &Product, person: &str, country: &str) -> Result<Value> {
    let mut phone = product.phone(person, &["wait", "--country", country, "--json"]);
    let said = exec::output_within(&mut phone, None, SOON)?;
    let last = said.stdout.lines().rev().find(|line| line.starts_with('{'));
    match last {
        Some(line) => json::parse("viworks-authenticator wait", line),
        None => bail!("expected the phone to show something; {}", said.everything()),
    }
}

fn wrong_password(product: &Product, person: &Person) -> Result {
    let mut talk = product.connect_as(&DESKTOP_1, &person.name, "not the password", &[])?;
    let said = talk.wait_state(&["refused", "denied", "ended", "failed"], SOON)?;
    let words = said["reason"].as_str().or_else(|| said["error"].as_str()).unwrap_or_default();
    // The same text for both is what keeps a stranger from learning which names exist.
    if words.contains(&person.name) || words.contains("unknown") {
        bail!("expected words that say nothing about the name; got {said}");
    }
    talk.ended(SOON).map(drop)
}

fn wrong_code(desktop: &mut Conversation, right: &str) -> Result {
    let wrong = if right == "000000" { "000001" } else { "000000" };
    desktop.say(wrong)?;
    refused(desktop)
}

fn refused(desktop: &mut Conversation) -> Result {
    desktop.wait_state(&["code_refused", "code_required"], SOON).map(drop)
}

fn denied(product: &Product, bob: &Person) -> Result {
    let mut talk = product.connect(&DESKTOP_2, bob)?;
    let phone = phone_waits(product, &bob.name, "RU")?;
    if !phone["code"].is_null() {
        bail!("expected no code on bob's phone; it shows {phone}");
    }
    let said = talk.wait_state(&["denied", "ended"], SOON)?;
    for screen in [&phone, &said] {
        let text = screen.to_string().to_lowercase();
        if text.contains("country") || text.contains("ru\"") {
            bail!("expected a neutral text; got {screen}");
        }
    }
    talk.ended(SOON).map(drop)
}

fn finding(product: &Product, bob: &Person) -> Result {
    let told = product.ask(&["audit", "timeline", "--user", &bob.id])?;
    if told.to_string().to_lowercase().contains("country") {
        Ok(())
    } else {
        bail!("expected the finding about the country in the audit; got {told}")
    }
}
