//! `/v1/policies`.

use super::{
    call::{Answer, Call},
    guard::{ManagePolicies, Permit, Read},
    reading::{OF_LISTS, OF_ROWS},
    route::Id,
    rows,
};
use viworks_api::{
    Created,
    policy::{ChangeRequest, DraftRequest},
};
use viworks_domain::{command::WireCommand, ids::PolicyId, policy::Command};

/// `POST /v1/policies`
pub async fn draft(mut call: Call, permit: Permit<ManagePolicies>, (): ()) -> Answer {
    let request: DraftRequest = call.json().await?;
    let asker = call.asker(permit.actor())?;
    let id = PolicyId(call.app.keys.new_id(asker.command()));
    let draft = WireCommand::Policy(Command::Draft { document: request.document });
    let mut accepted = call.app.ask(&asker, id, draft, None).await?;
    if request.activate {
        let activate = WireCommand::Policy(Command::Activate);
        accepted.seq = call.app.ask(&asker.also("activate"), id, activate, None).await?.seq;
    }
    call.ok(&Created { id, accepted })
}

/// `PUT /v1/policies/{id}`
pub async fn change(mut call: Call, permit: Permit<ManagePolicies>, id: Id<PolicyId>) -> Answer {
    let request: ChangeRequest = call.json().await?;
    act(call, &permit, id, Command::Change { document: request.document }).await
}

/// `POST /v1/policies/{id}/activate`
pub async fn activate(mut call: Call, permit: Permit<ManagePolicies>, id: Id<PolicyId>) -> Answer {
    call.nothing().await?;
    act(call, &permit, id, Command::Activate).await
}

/// `POST /v1/policies/{id}/retire`
pub async fn retire(mut call: Call, permit: Permit<ManagePolicies>, id: Id<PolicyId>) -> Answer {
    call.nothing().await?;
    act(call, &permit, id, Command::Retire).await
}

async fn act(
    mut call: Call,
    permit: &Permit<ManagePolicies>,
    Id(id): Id<PolicyId>,
    command: Command,
) -> Answer {
    let asker = call.asker(permit.actor())?;
    let accepted = call.app.ask(&asker, id, WireCommand::Policy(command), None).await?;
    call.ok(&accepted)
}

/// `GET /v1/policies`: whole documents, with the addresses of what they let people reach. For whoever manages them;
/// what others read of a policy is in the feed.
pub async fn list(call: Call, _: Permit<ManagePolicies>, (): ()) -> Answer {
    call.only(&OF_LISTS)?;
    call.caught_up().await?;
    call.rows(call.app.queries.policies(&call.page()?).await?, rows::policy)
}

/// `GET /v1/policies/summaries`: what screens show of each, as the feed tells it; for what is behind the feed's answer.
pub async fn summaries(call: Call, _: Permit<Read>, (): ()) -> Answer {
    call.only(&OF_LISTS)?;
    call.caught_up().await?;
    call.rows(call.app.queries.policies(&call.page()?).await?, rows::policy_summary)
}

/// `GET /v1/policies/{id}`
pub async fn show(call: Call, _: Permit<ManagePolicies>, Id(id): Id<PolicyId>) -> Answer {
    call.only(&OF_ROWS)?;
    call.caught_up().await?;
    let seq = call.app.queries.seq().await?;
    call.row(seq, call.app.queries.policy(id).await?, rows::policy)
}
