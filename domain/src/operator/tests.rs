use super::{
    Command, Disabled, Event, Invited, Operator, PasswordSet, Prepared, Refusal, RoleChanged, SignInFailed,
    SignedIn, SignedOut,
};
use crate::{
    Millis,
    given::{Given, START, given},
    ids::{Digest, UserId},
    permission::Role,
    personal::{DataKey, Personal},
    user::PasswordHash,
};
use std::time::Duration;

const TOKEN: Digest = Digest([9; 32]);
const LASTS: Duration = Duration::from_secs(90);

#[test]
fn an_operator_is_invited_once_with_a_name() {
    let invite = |name: &str| asked(Command::Invite { name: name.into(), role: Role::Viewer });
    given::<Operator>([])
        .when(invite("eve"))
        .then([Invited { name: "eve".into(), role: Role::Viewer }.into()]);
    given::<Operator>([]).when(invite(" ")).then_refused(Refusal::InvalidName);
    owner().when(invite("eve")).then_refused(Refusal::AlreadyExists);
}

#[test]
fn a_token_carries_its_operators_role_until_its_time() {
    owner().when(sign_in(1)).then([signed_in()]);
    let owner = owner().and([signed_in()]);
    let end = START.plus(LASTS);
    assert_eq!(owner.state.role_of(&TOKEN, Millis(end.0 - 1)), Some(Role::Owner));
    assert_eq!(owner.state.role_of(&TOKEN, end), None);
    assert_eq!(owner.state.role_of(&Digest([8; 32]), START), None);
}

#[test]
fn a_sign_in_lasts_as_long_as_was_set_when_it_began() {
    let hour = Duration::from_secs(3600);
    let other = Digest([8; 32]);
    let later = Command::SignIn { credential_version: 1, token: other };
    let both = owner().and([signed_in()]).done(Prepared { command: later, sign_in_lasts: hour });
    let role = |token, at: Millis| both.state.role_of(&token, at);
    assert_eq!((role(TOKEN, START.plus(LASTS)), role(other, START.plus(LASTS))), (None, Some(Role::Owner)));
    assert_eq!(role(other, START.plus(hour)), None);
}

#[test]
fn a_password_that_was_changed_in_between_signs_nobody_in() {
    let changed = owner().and([set(2)]);
    changed.when(sign_in(1)).then_refused(Refusal::StaleCredential);
    let invited = given::<Operator>([Invited { name: "eve".into(), role: Role::Viewer }.into()]);
    invited.when(sign_in(0)).then_refused(Refusal::StaleCredential);
}

#[test]
fn a_new_password_ends_every_sign_in() {
    let event = PasswordSet { credential_version: 2, password: password(2) };
    owner().when(asked(Command::SetPassword { password: password(2) })).then([event.into()]);
    assert_eq!(owner().and([signed_in(), set(2)]).state.role_of(&TOKEN, START), None);
}

#[test]
fn signing_out_ends_that_sign_in_once() {
    let signed = owner().and([signed_in()]);
    let out = SignedOut { token: TOKEN };
    signed.when(asked(Command::SignOut { token: TOKEN })).then([out.clone().into()]);
    let after = signed.and([out.into()]);
    assert_eq!(after.state.role_of(&TOKEN, START), None);
    after.when(asked(Command::SignOut { token: TOKEN })).then_refused(Refusal::NotSignedIn);
}

#[test]
fn a_changed_role_counts_for_the_tokens_already_given() {
    let signed = owner().and([signed_in()]);
    signed.when(asked(Command::ChangeRole { role: Role::Owner })).then_refused(Refusal::Unchanged);
    let change = RoleChanged { role: Role::Viewer };
    signed.when(asked(Command::ChangeRole { role: Role::Viewer })).then([change.clone().into()]);
    assert_eq!(signed.and([change.into()]).state.role_of(&TOKEN, START), Some(Role::Viewer));
}

#[test]
fn a_disabled_operator_has_no_role_and_no_way_in() {
    owner().when(asked(Command::Disable)).then([Disabled {}.into()]);
    let disabled = owner().and([signed_in(), Disabled {}.into()]);
    assert_eq!(disabled.state.role_of(&TOKEN, START), None);
    assert_eq!(disabled.state.standing_role(), None);
    disabled.when(sign_in(1)).then_refused(Refusal::Disabled);
    disabled.when(asked(Command::SetPassword { password: password(2) })).then_refused(Refusal::Disabled);
    disabled.when(asked(Command::Disable)).then_refused(Refusal::Unchanged);
}

#[test]
fn failed_sign_ins_are_counted_until_one_succeeds() {
    let failed = Event::from(SignInFailed { source: Digest([7; 32]) });
    owner().when(asked(Command::RecordFailedSignIn { source: Digest([7; 32]) })).then([failed.clone()]);
    let twice = owner().and([failed.clone(), failed]);
    assert_eq!((twice.state.failed_sign_ins, twice.state.last_failed_sign_in), (2, Some(START)));
    assert_eq!(twice.and([signed_in()]).state.failed_sign_ins, 0);
}

#[test]
fn nothing_can_be_asked_of_an_operator_who_does_not_exist() {
    given::<Operator>([]).when(sign_in(0)).then_refused(Refusal::NotFound);
    given::<Operator>([]).when(asked(Command::Disable)).then_refused(Refusal::NotFound);
}

// What the tests speak of.

fn set(version: u32) -> Event {
    PasswordSet { credential_version: version, password: password(1) }.into()
}

fn owner() -> Given<Operator> {
    given([Invited { name: "owner".into(), role: Role::Owner }.into(), set(1)])
}

fn sign_in(credential_version: u32) -> Prepared {
    asked(Command::SignIn { credential_version, token: TOKEN })
}

fn asked(command: Command) -> Prepared {
    Prepared { command, sign_in_lasts: LASTS }
}

fn signed_in() -> Event {
    SignedIn { token: TOKEN, expires_at: START.plus(LASTS) }.into()
}

fn password(n: u8) -> Personal<PasswordHash> {
    Personal::seal(&PasswordHash("phc".into()), UserId([1; 16]), &DataKey([1; 32]), [n; 24])
}
