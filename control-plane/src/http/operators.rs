//! `/v1/operator/*`: sign in, sign out, who am I.

use super::{
    call::{Answer, Call},
    guard::{Anybody, BeSignedIn, Permit},
    limits::Act,
};
use crate::operators;
use viworks_api::operator::{SignInRequest, SignInResponse};
use viworks_domain::{actor::Actor, command::WireCommand, operator::Command};

/// `POST /v1/operator/sign-in`
pub async fn sign_in(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::SignIn, call.peer.address)?;
    let request: SignInRequest = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let signed_in = operators::sign_in(&call.app, &asker, call.peer.address, request).await?;
    call.ok(&SignInResponse {
        token: signed_in.token.expose(),
        operator: signed_in.operator,
        role: signed_in.role,
        expires_at: signed_in.expires_at,
    })
}

/// `POST /v1/operator/sign-out`: this token alone.
pub async fn sign_out(mut call: Call, permit: Permit<BeSignedIn>, (): ()) -> Answer {
    call.nothing().await?;
    let asker = call.asker(permit.actor())?;
    let command = WireCommand::Operator(Command::SignOut { token: permit.token });
    let accepted = call.app.ask(&asker, permit.operator, command, None).await?;
    call.ok(&accepted)
}

/// `GET /v1/operator/me`
pub async fn me(call: Call, permit: Permit<BeSignedIn>, (): ()) -> Answer {
    call.ok(&permit.me())
}
