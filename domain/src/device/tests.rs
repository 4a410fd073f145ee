use super::{
    Command, Device, DeviceKeys, Enrolled, Event, OFFER_LIFETIME, Offered, PostureSeen, Refusal, Revoked,
    enrolment_input,
};
use crate::{
    Millis,
    given::{Given, START, given},
    ids::{Digest, OfferId, SessionId, UserId},
    policy::KeyProtection,
};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};

const ADA: UserId = UserId([1; 16]);
const OFFER: OfferId = OfferId([2; 16]);
const SECRET: Digest = Digest([3; 32]);
const TOKEN: Digest = Digest([4; 32]);

#[test]
fn an_offer_is_good_for_ten_minutes() {
    given::<Device>([]).when(offer(ADA, OFFER)).then([offered()]);
    let last = waiting().at(Millis(START.plus(OFFER_LIFETIME).0 - 1));
    last.when(enrol(5)).then([enrolled(5)]);
    waiting().at(START.plus(OFFER_LIFETIME)).when(enrol(5)).then_refused(Refusal::OfferUnusable);
}

#[test]
fn a_new_offer_voids_the_one_before() {
    let renewed = waiting().done(offer(ADA, OfferId([9; 16])));
    renewed.when(enrol(5)).then_refused(Refusal::OfferUnusable);
}

#[test]
fn an_offer_is_for_its_own_user() {
    waiting().when(offer(UserId([9; 16]), OFFER)).then_refused(Refusal::NotFound);
}

#[test]
fn a_wrong_secret_enrols_nobody() {
    let Command::Enrol { offer, keys, signature, token, .. } = enrol(5) else { panic!("an enrolment") };
    let wrong = Command::Enrol { offer, secret: Digest([9; 32]), keys, signature, token };
    waiting().when(wrong).then_refused(Refusal::OfferUnusable);
}

#[test]
fn a_phone_must_prove_that_it_holds_the_key_it_names() {
    let Command::Enrol { offer, secret, keys, mut signature, token } = enrol(5) else {
        panic!("an enrolment")
    };
    signature[10] ^= 1;
    let forged = Command::Enrol { offer, secret, keys: keys.clone(), signature, token };
    waiting().when(forged).then_refused(Refusal::NotProven);

    // The signature covers the agreement key: it cannot be swapped for another's.
    let Command::Enrol { signature, .. } = enrol(5) else { panic!("an enrolment") };
    let swapped = DeviceKeys { agree: public(8), ..keys };
    let swapped = Command::Enrol { offer, secret, keys: swapped, signature, token };
    waiting().when(swapped).then_refused(Refusal::NotProven);
}

#[test]
fn bytes_that_are_no_point_are_no_key() {
    let keys = DeviceKeys { sign: vec![4; 65], agree: vec![], protection: KeyProtection::File };
    let nonsense =
        Command::Enrol { offer: OFFER, secret: SECRET, keys, signature: vec![0; 64], token: TOKEN };
    waiting().when(nonsense).then_refused(Refusal::NotProven);
}

#[test]
fn a_key_that_no_code_could_be_sealed_to_is_refused_however_well_it_is_signed_for() {
    let keys = DeviceKeys { agree: vec![4; 65], ..keys(5) };
    let signature: Signature = signer(5).sign(&enrolment_input(OFFER, SECRET, &keys));
    let signature = signature.to_bytes().to_vec();
    let sealed_to_nobody = Command::Enrol { offer: OFFER, secret: SECRET, keys, signature, token: TOKEN };
    waiting().when(sealed_to_nobody).then_refused(Refusal::NotProven);
}

#[test]
fn the_same_phone_asking_again_is_given_a_token_again() {
    waiting().and([enrolled(5)]).when(enrol(5)).then([enrolled(5)]);
}

#[test]
fn a_second_phone_with_the_same_code_voids_the_first() {
    let copied = waiting().and([enrolled(5)]);
    copied.when(enrol(6)).then([Revoked {}.into()]);
    let revoked = copied.and([Revoked {}.into()]);
    assert!(!revoked.state.is_enrolled());
    assert_eq!(revoked.state.token, None);
    revoked.when(enrol(5)).then_refused(Refusal::Revoked);
}

#[test]
fn an_enrolled_phone_is_not_offered_again() {
    waiting().and([enrolled(5)]).when(offer(ADA, OFFER)).then_refused(Refusal::AlreadyEnrolled);
}

#[test]
fn only_newer_reports_of_an_enrolled_phone_count() {
    let see = |at| Command::SeePosture { session: SessionId([1; 16]), reported_at: Millis(at) };
    let seen = |at| Event::from(PostureSeen { session: SessionId([1; 16]), reported_at: Millis(at) });
    waiting().when(see(5)).then_refused(Refusal::NotFound);
    let phone = waiting().and([enrolled(5), seen(5)]);
    phone.when(see(5)).then_refused(Refusal::StalePosture);
    phone.when(see(4)).then_refused(Refusal::StalePosture);
    phone.when(see(6)).then([seen(6)]);
}

#[test]
fn a_revoked_phone_signs_nothing_that_counts() {
    let phone = waiting().and([enrolled(5)]);
    let signature: Signature = signer(5).sign(b"posture");
    assert!(phone.state.signed(b"posture", &signature.to_bytes()));
    assert!(!phone.state.signed(b"another", &signature.to_bytes()));
    assert!(!phone.state.signed(b"posture", &[]));
    let revoked = phone.done(Command::Revoke);
    assert!(!revoked.state.signed(b"posture", &signature.to_bytes()));
    revoked.when(Command::Revoke).then_refused(Refusal::Revoked);
}

#[test]
fn nothing_can_be_asked_of_a_phone_that_does_not_exist() {
    given::<Device>([]).when(enrol(5)).then_refused(Refusal::NotFound);
    given::<Device>([]).when(Command::Revoke).then_refused(Refusal::NotFound);
}

// What the tests speak of.

fn signer(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).expect("a scalar")
}

fn public(n: u8) -> Vec<u8> {
    p256::PublicKey::from(*signer(n).verifying_key()).to_sec1_point(false).as_bytes().to_vec()
}

fn keys(n: u8) -> DeviceKeys {
    DeviceKeys { sign: public(n), agree: public(n + 100), protection: KeyProtection::File }
}

fn offer(user: UserId, offer: OfferId) -> Command {
    Command::Offer { user, offer, secret: SECRET }
}

fn offered() -> Event {
    Offered { user: ADA, offer: OFFER, secret: SECRET, expires_at: START.plus(OFFER_LIFETIME) }.into()
}

fn waiting() -> Given<Device> {
    given([offered()])
}

fn enrol(n: u8) -> Command {
    let keys = keys(n);
    let signature: Signature = signer(n).sign(&enrolment_input(OFFER, SECRET, &keys));
    Command::Enrol {
        offer: OFFER,
        secret: SECRET,
        keys,
        signature: signature.to_bytes().to_vec(),
        token: TOKEN,
    }
}

fn enrolled(n: u8) -> Event {
    Enrolled { user: ADA, keys: keys(n), token: TOKEN }.into()
}
