//! `/v1/console/*`: signing in and out with a browser. The token stands in a cookie that no script can read.

use super::{
    call::{Answer, Call},
    cookie,
    guard::{Anybody, BeSignedIn, Permit, me},
    limits::Act,
};
use crate::{
    error::{ApiError, Rejection},
    operators::{self, SignedIn},
};
use viworks_api::operator::SignInRequest;
use viworks_domain::{
    actor::Actor,
    command::WireCommand,
    decision::Refusal as _,
    operator::{Command, Refusal},
};

/// `POST /v1/console/sign-in`: as `/v1/operator/sign-in`, for pages of ours alone.
pub async fn sign_in(mut call: Call, _: Anybody, (): ()) -> Answer {
    call.app.limits.check(Act::SignIn, call.peer.address)?;
    // Or a foreign page could sign its own account in here, and watch what is done under it.
    cookie::from_our_page(&call)?;
    let request: SignInRequest = call.json().await?;
    let asker = call.asker(Actor::Stranger)?;
    let signed_in = operators::sign_in(&call.app, &asker, call.peer.address, request).await?;
    end_replaced(&mut call).await;
    let seconds = signed_in.expires_at.0.saturating_sub(call.app.now().0) / 1000;
    let SignedIn { token, operator, name, role, expires_at } = signed_in;
    let response = call.ok(&me(operator, name, role, expires_at))?;
    cookie::set(response, &token.expose(), seconds)
}

/// A browser has one cookie for all its windows: the sign-in that it stood for so far is nobody's any more, and a
/// window that still shows it has to ask who it is.
async fn end_replaced(call: &mut Call) {
    let Ok(token) = cookie::token_of(call) else { return };
    let Ok(permit) = Permit::<BeSignedIn>::of(&call.app, &token).await else { return };
    if let Err(error) = end(call, &permit).await {
        // It ends by itself, later.
        tracing::warn!(error = &error as &dyn std::error::Error, "a replaced sign-in was not ended");
    }
}

/// `POST /v1/console/sign-out`: ends that sign-in and clears the cookie, also when it had ended already.
pub async fn sign_out(mut call: Call, _: Anybody, (): ()) -> Answer {
    cookie::from_our_page(&call)?;
    call.nothing().await?;
    if let Ok(token) = cookie::token_of(&call) {
        match Permit::<BeSignedIn>::of(&call.app, &token).await {
            Ok(permit) => end(&mut call, &permit).await?,
            Err(ApiError::Rejected(Rejection::NotSignedIn)) => {}
            // Still signed in, as far as anybody knows: the cookie stays, so that one can ask again.
            Err(error) => return Err(error),
        }
    }
    cookie::set(call.ok(&serde_json::json!({}))?, "", 0)
}

async fn end(call: &mut Call, permit: &Permit<BeSignedIn>) -> Result<(), ApiError> {
    let asker = call.asker(permit.actor())?;
    let command = WireCommand::Operator(Command::SignOut { token: permit.token });
    match call.app.ask(&asker, permit.operator, command, None).await {
        // Durable: it will be done.
        Ok(_) | Err(ApiError::Pending(_)) => Ok(()),
        Err(ApiError::Refused(refused)) if refused == Refusal::NotSignedIn.stored() => Ok(()),
        Err(error) => Err(error),
    }
}
