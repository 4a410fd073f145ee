use super::*;
use crate::{
    device, policy,
    process::story::{self, Story, arm, deadline, disarm, later, order, request_end, verified_session},
    session::{EndMoved, Ended, EndsBecause},
    user,
};

fn admit(story: &Story<Enforcement>) -> Effect {
    let issued = story::bootstrap_issued();
    let admit = Admit {
        session: story::SESSION,
        session_version: 5,
        not_after: issued.use_before,
        incarnation: story::INCARNATION,
        bootstrap: story::BOOTSTRAP,
        sealed: issued.sealed,
        use_before: issued.use_before,
        client_key: story::CLIENT_KEY,
        certificate: issued.certificate,
        grants: vec![],
        image: "page".into(),
        ends_at: later(3_600_000),
        lease_until: later(600_000),
    };
    order(Order::Admit(admit), story.seq(), 0)
}

/// A session with its first bootstrap.
fn admitted() -> Story<Enforcement> {
    let mut story = verified_session::<Enforcement>();
    story.session(story::bootstrap_issued());
    story
}

fn change(document: policy::Document) -> Vec<policy::Event> {
    vec![policy::Changed { version: 2, document }.into()]
}

#[test]
fn an_issued_bootstrap_is_admitted_with_the_desktops_key_until_it_must_be_used() {
    let mut story = verified_session::<Enforcement>();
    let effects = story.session(story::bootstrap_issued());
    assert_eq!(effects, vec![admit(&story), arm(AlarmKind::Lease, later(300_000), story.seq())]);
}

#[test]
fn a_bootstrap_decided_before_its_worker_saw_the_suspension_is_not_admitted() {
    let mut story = verified_session::<Enforcement>();
    // The session had no way in yet, but it is live: its end is asked for as well.
    let suspended = story.decision::<user::Event>(story::USER, vec![user::Suspended {}.into()]);
    assert_eq!(suspended, vec![request_end(EndReason::UserNotActive)]);
    assert_eq!(story.session(story::bootstrap_issued()), vec![]);
}

#[test]
fn a_bootstrap_of_a_posture_that_the_policy_forbids_by_now_is_not_admitted() {
    let mut story = verified_session::<Enforcement>();
    let mut issued = story::bootstrap_issued();
    issued.verdict.facts.posture = Some(story::posture("XX"));
    assert_eq!(story.session(issued), vec![request_end(EndReason::PolicyChanged)]);
}

#[test]
fn an_ending_or_unknown_session_is_never_admitted() {
    let mut story = verified_session::<Enforcement>();
    story.session(story::ending());
    assert_eq!(story.session(story::bootstrap_issued()), vec![]);
    story.session(Ended {});
    assert_eq!(story.session(story::bootstrap_issued()), vec![]);
    assert_eq!(Story::<Enforcement>::default().session(story::bootstrap_issued()), vec![]);
}

#[test]
fn a_change_that_forbids_it_ends_a_standing_session_once() {
    let forbidden = policy::Document {
        countries: policy::CountryRule { allow: vec!["NZ".parse().expect("a country")], deny: vec![] },
        ..story::document()
    };
    let mut story = admitted();
    assert_eq!(story.decision(story::POLICY, change(forbidden)), vec![request_end(EndReason::PolicyChanged)]);
    assert_eq!(
        story.decision::<policy::Event>(story::POLICY, vec![policy::Retired {}.into()]),
        vec![],
        "its end has been asked for"
    );
}

#[test]
fn a_change_that_still_allows_it_renews_at_once_so_that_an_earlier_end_is_known_everywhere() {
    let mut story = admitted();
    let effects =
        story.decision(story::POLICY, change(policy::Document { max_minutes: 30, ..story::document() }));
    assert_eq!(effects, vec![deadline(DeadlineKind::Lease, story.seq())]);
}

#[test]
fn a_session_that_was_granted_more_than_the_policy_gives_now_is_ended() {
    let resource = policy::Resource {
        label: "files".into(),
        address: std::net::Ipv4Addr::new(10, 78, 0, 2),
        port: 8080,
        protocol: policy::Protocol::Tcp,
    };
    let mut story = verified_session::<Enforcement>();
    let with = policy::Document { resources: vec![resource.clone()], ..story::document() };
    story.decision(story::POLICY, change(with));
    story.session(session::BootstrapIssued {
        grants: vec![policy::Grant::from(&resource)],
        ..story::bootstrap_issued()
    });
    assert_eq!(
        story.decision(story::POLICY, change(story::document())),
        vec![request_end(EndReason::PolicyChanged)]
    );
}

#[test]
fn what_a_session_stands_on_ends_it_when_it_goes() {
    let ends = |effects| assert_eq!(effects, vec![request_end(EndReason::PolicyChanged)]);
    ends(admitted().decision::<policy::Event>(story::POLICY, vec![policy::Retired {}.into()]));
    ends(admitted().decision::<device::Event>(story::DEVICE, vec![device::Revoked {}.into()]));
    ends(admitted().decision::<gateway::Event>(story::GATEWAY, vec![gateway::Retired {}.into()]));
    ends(admitted().decision::<user::Event>(
        story::USER,
        vec![user::PoliciesAssigned { policies: vec![PolicyId([99; 16])] }.into()],
    ));
    ends(admitted().decision::<user::Event>(
        story::USER,
        vec![user::GatewaysAssigned { gateways: vec![], steps: vec![] }.into()],
    ));
    assert_eq!(
        admitted().decision::<user::Event>(story::USER, vec![user::DeletionRequested {}.into()]),
        vec![request_end(EndReason::UserNotActive)]
    );
}

#[test]
fn of_two_sessions_that_raced_past_the_limit_the_first_one_stays() {
    let mut story = admitted();
    let second = SessionId([77; 16]);
    let mut opened = story::opened();
    opened.desktop.install_key = Digest([99; 32]);
    let events: Vec<session::Event> =
        vec![opened.into(), story::verified(3_600_000).into(), story::bootstrap_issued().into()];
    let end = story::command(
        second.into(),
        WireCommand::Session(session::WireCommand::RequestEnd { reason: EndReason::PolicyChanged }),
    );
    assert_eq!(story.decision(second, events), vec![end]);
    // Asked again, the first is not pushed out by the second.
    let unchanged = policy::Document { max_minutes: 30, ..story::document() };
    let seq = story.seq() + 1;
    assert_eq!(story.decision(story::POLICY, change(unchanged)), vec![deadline(DeadlineKind::Lease, seq)]);
}

#[test]
fn a_desktop_that_is_verified_again_ends_what_it_left_standing_before() {
    let mut story = admitted();
    let again: Vec<session::Event> = vec![story::opened().into(), story::verified(3_600_000).into()];
    let end = request_end(EndReason::SignedInAgain);
    assert_eq!(story.decision(SessionId([77; 16]), again), vec![end]);
    // Before it is verified, a second sign-in takes nothing away: anybody who knows the password could.
    let begun: Vec<session::Event> = vec![story::opened().into()];
    assert_eq!(story.decision(SessionId([78; 16]), begun), vec![]);
}

#[test]
fn half_the_lease_asks_for_renewal_and_the_renewal_goes_to_the_gateway() {
    let mut story = admitted();
    let issued = story.seq();
    assert_eq!(story.rings(AlarmKind::Lease, later(300_000))[0], deadline(DeadlineKind::Lease, issued));
    let renew = Renew {
        session: story::SESSION,
        session_version: 6,
        not_after: later(900_000),
        incarnation: story::INCARNATION,
        lease_until: later(900_000),
        ends_at: later(3_600_000),
    };
    let effects = story.at(later(300_000)).session(story::lease_renewed(900_000));
    assert_eq!(
        effects,
        vec![order(Order::Renew(renew), story.seq(), 0), arm(AlarmKind::Lease, later(600_000), story.seq())]
    );
}

#[test]
fn a_lease_that_reaches_the_end_is_not_renewed_any_more() {
    let mut story = admitted();
    let effects = story.session(story::lease_renewed(3_600_000));
    assert_eq!(effects[1..], [disarm(AlarmKind::Lease)]);
}

#[test]
fn an_end_that_moved_closer_goes_out_with_the_next_order() {
    let mut story = verified_session::<Enforcement>();
    story.session(EndMoved { ends_at: later(500_000), because: EndsBecause::Window });
    let issued = session::BootstrapIssued { lease_until: later(500_000), ..story::bootstrap_issued() };
    let effects = story.session(issued);
    let [Effect::Order { order: Order::Admit(admit), .. }] = &effects[..] else {
        panic!("an admit alone: {effects:?}")
    };
    assert_eq!(admit.ends_at, later(500_000));
}
