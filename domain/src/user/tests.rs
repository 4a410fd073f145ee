use super::{
    ATTEMPTS_PER_DAY, AttemptRefunded, AttemptReserved, Command, Created, Deleted, DeletionRequested,
    DeviceAdded, Erased, Event, GatewaysAssigned, LoginFailed, LoginSucceeded, PasswordHash, PasswordSet,
    Refusal, Resumed, Status, Step, StepFailed, StepFailure, StepFinished, StepRetried, Suspended, User,
};
use crate::{
    Millis,
    given::{Given, START, given},
    ids::{AttemptId, CodeId, DeviceId, Digest, GatewayId, NameId, PolicyId, SessionId, UserId},
    personal::{DataKey, Personal, Profile},
};
use std::time::Duration;

const GW: GatewayId = GatewayId([7; 16]);
const GW2: GatewayId = GatewayId([8; 16]);
const VPN: Step = Step::Vpn { gateway: GW };
const PANEL: Step = Step::Panel { gateway: GW };
const STEPS: [Step; 3] = [Step::Directory, VPN, PANEL];
const SESSION: SessionId = SessionId([5; 16]);
const CODE: CodeId = CodeId([6; 16]);

// Creation and its steps.

#[test]
fn a_new_user_has_a_directory_step_and_two_for_each_gateway_all_pending() {
    given::<User>([])
        .when(Command::Create {
            name: NameId([1; 16]),
            profile: profile(),
            password: password(1),
            policies: vec![PolicyId([2; 16])],
            gateways: vec![GW, GW],
        })
        .then([created()]);
}

#[test]
fn a_user_is_created_once() {
    let again = Command::Create {
        name: NameId([1; 16]),
        profile: profile(),
        password: password(1),
        policies: vec![],
        gateways: vec![],
    };
    provisioning().when(again).then_refused(Refusal::AlreadyExists);
}

#[test]
fn a_user_is_active_when_every_step_is_done_and_not_before() {
    let two = provisioning().and([finished(Step::Directory, 1), finished(VPN, 1)]);
    assert_eq!(two.state.status(), Some(Status::Provisioning));
    let three = two.and([finished(PANEL, 1)]);
    assert_eq!(three.state.status(), Some(Status::Active));
    assert_eq!(three.state.usable_gateways().collect::<Vec<_>>(), [GW]);
}

#[test]
fn a_failed_step_leaves_the_others_standing_and_can_be_retried() {
    let failed = provisioning().and([finished(Step::Directory, 1), failed(VPN, 1), finished(PANEL, 1)]);
    assert_eq!(failed.state.status(), Some(Status::Provisioning));
    let retried = StepRetried { step: VPN, attempt: 2 };
    failed.when(Command::RetryStep { step: VPN }).then([retried.clone().into()]);
    let again = failed.and([retried.into()]);
    again.when(record(VPN, 2, Ok(()))).then([finished(VPN, 2)]);
    assert!(again.and([finished(VPN, 2)]).state.is_active());
}

#[test]
fn only_a_failed_step_that_exists_can_be_retried() {
    let user = provisioning().and([finished(VPN, 1)]);
    user.when(Command::RetryStep { step: VPN }).then_refused(Refusal::StepNotFailed);
    user.when(Command::RetryStep { step: PANEL }).then_refused(Refusal::StepNotFailed);
    user.when(Command::RetryStep { step: Step::Vpn { gateway: GW2 } }).then_refused(Refusal::NoSuchStep);
}

#[test]
fn a_late_result_of_an_earlier_attempt_changes_nothing() {
    let second = provisioning().and([failed(VPN, 1), StepRetried { step: VPN, attempt: 2 }.into()]);
    second.when(record(VPN, 1, Ok(()))).then_nothing();
    second.when(record(VPN, 1, Err(StepFailure::ScriptFailed))).then_nothing();
    second.when(record(VPN, 3, Ok(()))).then_refused(Refusal::NoSuchStep);
}

#[test]
fn a_result_that_is_known_changes_nothing() {
    let user = provisioning().and([finished(VPN, 1), failed(PANEL, 1)]);
    user.when(record(VPN, 1, Ok(()))).then_nothing();
    user.when(record(VPN, 1, Err(StepFailure::ScriptFailed))).then_nothing();
    user.when(record(PANEL, 1, Err(StepFailure::ScriptTimedOut))).then_nothing();
}

#[test]
fn a_success_after_its_attempt_was_given_up_is_the_truth_all_the_same() {
    provisioning().and([failed(VPN, 1)]).when(record(VPN, 1, Ok(()))).then([finished(VPN, 1)]);
}

#[test]
fn a_gateway_added_later_brings_its_steps_and_takes_nothing_away() {
    let event =
        GatewaysAssigned { gateways: vec![GW, GW2], steps: vec![Step::Vpn { gateway: GW2 }, panel2()] };
    active().when(Command::AssignGateways { gateways: vec![GW, GW2] }).then([event.clone().into()]);
    let user = active().and([event.into()]);
    assert!(user.state.is_active());
    assert_eq!(user.state.usable_gateways().collect::<Vec<_>>(), [GW]);
}

#[test]
fn a_gateway_taken_away_and_given_back_starts_a_new_attempt() {
    let user = active()
        .done(Command::AssignGateways { gateways: vec![] })
        .done(Command::AssignGateways { gateways: vec![GW] });
    assert_eq!(user.state.steps[&VPN].attempt, 2);
    assert_eq!(user.state.usable_gateways().count(), 0);
}

#[test]
fn taking_away_the_gateway_that_failed_lets_the_rest_be_enough() {
    let stuck = provisioning().and([finished(Step::Directory, 1), failed(VPN, 1), finished(PANEL, 1)]);
    assert!(stuck.done(Command::AssignGateways { gateways: vec![] }).state.is_active());
}

// Credentials.

#[test]
fn a_new_password_makes_the_old_verification_stale() {
    let set = PasswordSet { credential_version: 2, password: password(2) };
    active().when(Command::SetPassword { password: password(2) }).then([set.clone().into()]);
    let user = active().and([set.into()]);
    let login = |credential_version| Command::RecordLogin { session: SESSION, credential_version };
    user.when(login(1)).then_refused(Refusal::StaleCredential);
    user.when(login(2)).then([LoginSucceeded { session: SESSION }.into()]);
}

#[test]
fn wrong_passwords_are_counted_and_never_lock() {
    let source = Digest([1; 32]);
    let mut user = active();
    for _ in 0..100 {
        user = user.done(Command::RecordFailedLogin { source });
    }
    assert_eq!(user.state.failed_logins, 100);
    assert!(user.state.is_active());
    user.when(Command::RecordFailedLogin { source }).then([LoginFailed { source }.into()]);
    let user = user.done(Command::RecordLogin { session: SESSION, credential_version: 1 });
    assert_eq!(user.state.failed_logins, 0);
}

// Attempts.

#[test]
fn twenty_attempts_a_day_are_all_over_all_sessions() {
    let spent = spent(ATTEMPTS_PER_DAY);
    spent.when(reserve(99, 77)).then_refused(Refusal::TooManyAttempts);
}

#[test]
fn an_attempt_that_is_a_day_old_no_longer_counts() {
    let day = Duration::from_secs(24 * 3600);
    let spent = spent(ATTEMPTS_PER_DAY);
    let just_before = spent.at(Millis(START.0 + 24 * 3600 * 1000 - 1));
    just_before.when(reserve(99, 77)).then_refused(Refusal::TooManyAttempts);
    let day_later = just_before.at(START.plus(day));
    day_later.when(reserve(99, 77)).then([reserved(99, 77)]);
}

#[test]
fn a_refund_gives_the_attempt_back_once() {
    let spent = spent(ATTEMPTS_PER_DAY);
    let refund = AttemptRefunded { attempt: AttemptId([0; 16]) };
    spent.when(Command::RefundAttempt { attempt: AttemptId([0; 16]) }).then([refund.clone().into()]);
    let refunded = spent.and([refund.into()]);
    refunded.when(Command::RefundAttempt { attempt: AttemptId([0; 16]) }).then_nothing();
    refunded.when(reserve(99, 77)).then([reserved(99, 77)]);
}

#[test]
fn an_attempt_is_held_for_its_own_session_and_code_alone() {
    let user = active().and([reserved(1, 2)]);
    assert!(user.state.holds_attempt(AttemptId([1; 16]), SessionId([2; 16]), CODE));
    assert!(!user.state.holds_attempt(AttemptId([1; 16]), SESSION, CODE));
    assert!(!user.state.holds_attempt(AttemptId([1; 16]), SessionId([2; 16]), CodeId([9; 16])));
    user.when(reserve(1, 2)).then_nothing();
    user.when(reserve(1, 3)).then_refused(Refusal::AttemptReused);
}

#[test]
fn a_new_enrolment_gives_a_fresh_day() {
    let user = spent(ATTEMPTS_PER_DAY).and([DeviceAdded { device: DeviceId([1; 16]) }.into()]);
    user.when(reserve(99, 77)).then([reserved(99, 77)]);
    user.when(Command::AddDevice { device: DeviceId([1; 16]) }).then_nothing();
}

#[test]
fn nobody_but_an_active_user_may_answer() {
    provisioning().when(reserve(1, 1)).then_refused(Refusal::NotActive);
    active().and([Suspended {}.into()]).when(reserve(1, 1)).then_refused(Refusal::NotActive);
}

// Standing and the end.

#[test]
fn suspension_is_taken_back_by_resuming() {
    active().when(Command::Suspend).then([Suspended {}.into()]);
    let suspended = active().and([Suspended {}.into()]);
    assert_eq!(suspended.state.status(), Some(Status::Suspended));
    suspended.when(Command::Suspend).then_refused(Refusal::NotActive);
    suspended.when(Command::Resume).then([Resumed {}.into()]);
    let resumed = suspended.and([Resumed {}.into()]);
    assert!(resumed.state.is_active());
    resumed.when(Command::Resume).then_refused(Refusal::NotSuspended);
}

#[test]
fn a_user_is_deleted_only_when_every_place_has_confirmed() {
    let deleting = active().and([DeletionRequested {}.into()]);
    assert_eq!(deleting.state.status(), Some(Status::Deleting));
    assert_eq!(deleting.state.steps[&VPN].attempt, 2);
    deleting.when(record(VPN, 1, Ok(()))).then_nothing();
    let rest = deleting.and([finished(Step::Directory, 2), finished(VPN, 2)]);
    rest.when(record(PANEL, 2, Ok(()))).then([finished(PANEL, 2), Deleted {}.into()]);
    rest.when(Command::Suspend).then_refused(Refusal::Gone);
    rest.when(Command::Erase).then_refused(Refusal::NotDeleted);
}

#[test]
fn only_a_deleted_user_is_erased_and_nothing_personal_stays_in_the_fold() {
    active().when(Command::Erase).then_refused(Refusal::NotDeleted);
    let deleted = active().and([DeletionRequested {}.into(), Deleted {}.into()]);
    deleted.when(Command::Erase).then([Erased {}.into()]);
    let erased = deleted.and([Erased {}.into()]);
    assert_eq!((erased.state.profile.as_ref(), erased.state.password.as_ref()), (None, None));
    erased.when(Command::Erase).then_refused(Refusal::Gone);
}

#[test]
fn nothing_can_be_asked_of_somebody_who_does_not_exist() {
    for command in [Command::Suspend, Command::Delete, Command::Erase, reserve(1, 1)] {
        given::<User>([]).when(command).then_refused(Refusal::NotFound);
    }
}

// What the tests speak of.

fn profile() -> Personal<Profile> {
    Personal::seal(&Profile { username: "ada".into() }, UserId([1; 16]), &DataKey([1; 32]), [1; 24])
}

fn password(n: u8) -> Personal<PasswordHash> {
    Personal::seal(&PasswordHash("phc".into()), UserId([1; 16]), &DataKey([1; 32]), [n; 24])
}

fn created() -> Event {
    Created {
        name: NameId([1; 16]),
        profile: profile(),
        password: password(1),
        policies: vec![PolicyId([2; 16])],
        gateways: vec![GW],
        steps: STEPS.to_vec(),
    }
    .into()
}

fn provisioning() -> Given<User> {
    given([created()])
}

fn active() -> Given<User> {
    provisioning().and(STEPS.map(|step| finished(step, 1)))
}

fn spent(attempts: usize) -> Given<User> {
    active().and((0u8..).take(attempts).map(|n| reserved(n, n)))
}

fn panel2() -> Step {
    Step::Panel { gateway: GW2 }
}

fn finished(step: Step, attempt: u32) -> Event {
    StepFinished { step, attempt }.into()
}

fn failed(step: Step, attempt: u32) -> Event {
    StepFailed { step, attempt, reason: StepFailure::ScriptFailed }.into()
}

fn record(step: Step, attempt: u32, result: Result<(), StepFailure>) -> Command {
    Command::RecordStep { step, attempt, result }
}

fn reserve(attempt: u8, session: u8) -> Command {
    Command::ReserveAttempt {
        attempt: AttemptId([attempt; 16]),
        session: SessionId([session; 16]),
        code: CODE,
    }
}

fn reserved(attempt: u8, session: u8) -> Event {
    AttemptReserved { attempt: AttemptId([attempt; 16]), session: SessionId([session; 16]), code: CODE }
        .into()
}
