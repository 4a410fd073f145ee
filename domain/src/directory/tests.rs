use super::{ClaimRefused, Claimed, Command, Directory, Refusal, Released};
use crate::{given::given, ids::UserId};

const ADA: UserId = UserId([1; 16]);
const BOB: UserId = UserId([2; 16]);

#[test]
fn a_free_name_is_claimed() {
    given::<Directory>([]).when(Command::Claim { user: ADA }).then([Claimed { user: ADA }.into()]);
}

#[test]
fn claiming_ones_own_name_again_succeeds_and_changes_nothing() {
    given::<Directory>([Claimed { user: ADA }.into()]).when(Command::Claim { user: ADA }).then_nothing();
}

#[test]
fn a_name_has_one_holder() {
    given::<Directory>([Claimed { user: ADA }.into()])
        .when(Command::Claim { user: BOB })
        .then([ClaimRefused { user: BOB }.into()]);
}

#[test]
fn a_released_name_is_free_for_anybody() {
    given::<Directory>([Claimed { user: ADA }.into(), Released { user: ADA }.into()])
        .when(Command::Claim { user: BOB })
        .then([Claimed { user: BOB }.into()]);
}

#[test]
fn only_the_holder_can_release_a_name() {
    let taken = given::<Directory>([Claimed { user: ADA }.into()]);
    taken.when(Command::Release { user: BOB }).then_refused(Refusal::NotYours);
    taken.when(Command::Release { user: ADA }).then([Released { user: ADA }.into()]);
    given::<Directory>([]).when(Command::Release { user: ADA }).then_refused(Refusal::NotYours);
}
