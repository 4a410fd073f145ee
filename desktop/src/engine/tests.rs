//! The whole way on a table, and what no order of inputs may ever bring about.

use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use viworks_api::desktop::{AnswerResponse, Bootstrap, DesktopStage, DesktopView};
use viworks_domain::{
    ids::{BootstrapId, Digest, GatewayId},
    session::EndReason,
    spa::Knock,
};

const KEY: [u8; 32] = [4; 32];
const GATEWAY: GatewayId = GatewayId([1; 16]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 10);
const START: Millis = Millis(1_800_000_000_000);
/// The server's clock is a minute ahead of the desktop's.
const AHEAD: u64 = 60_000;
const ENDS: Millis = Millis(START.0 + AHEAD + 3_600_000);

/// An engine, a clock, and random bytes that never repeat.
struct Desk {
    engine: Engine,
    now: Millis,
    drawn: u128,
}

impl Desk {
    fn new() -> Self {
        Self { engine: Engine::default(), now: START, drawn: 0 }
    }

    fn hear(&mut self, input: Input) -> Vec<Effect> {
        self.drawn += 1;
        self.engine.handle(input, self.now, self.drawn.to_be_bytes())
    }

    fn after(&mut self, ms: u64) -> Vec<Effect> {
        self.now = Millis(self.now.0 + ms);
        self.hear(Input::Wake)
    }

    /// Sleeps until the engine wants to be woken.
    fn wake(&mut self) -> Vec<Effect> {
        let at = self.engine.next_wake().expect("something is waited for");
        self.now = self.now.max(at);
        self.hear(Input::Wake)
    }

    fn waiting(stage: DesktopStage) -> Self {
        let mut desk = Self::new();
        desk.hear(Input::SignIn);
        desk.hear(Input::Opened(view(5, stage)));
        desk
    }

    /// Verified, and asking for a bootstrap.
    fn asking() -> Self {
        Self::waiting(DesktopStage::Verified { ends_at: ENDS })
    }

    /// In the TLS step.
    fn at_the_door() -> Self {
        let mut desk = Self::asking();
        let effects = desk.hear(Input::Bootstrapped(ticket(desk.now)));
        let ack = ack(&effects);
        desk.hear(Input::Packet(ack));
        desk
    }

    fn connected() -> Self {
        let mut desk = Self::at_the_door();
        let n = desk.engine.attempt;
        desk.hear(Input::TlsUp { n });
        desk.hear(Input::TunnelUp { n, address: ADDRESS });
        assert!(desk.engine.is_connected());
        desk
    }

    fn why(&self) -> Option<&Why> {
        self.engine.ended()
    }
}

fn view(seq: u64, stage: DesktopStage) -> DesktopView {
    DesktopView { seq, stage }
}

const fn waiting() -> DesktopStage {
    DesktopStage::WaitingForPhone { answer_by: ENDS }
}

const fn code(left: u8) -> DesktopStage {
    DesktopStage::CodeRequired { answer_by: ENDS, wrong_answers_left: left }
}

fn digits() -> Digits {
    Digits::parse("123456").expect("a code")
}

fn ticket(now: Millis) -> Box<Ticket> {
    let bootstrap = Bootstrap {
        bootstrap: BootstrapId([2; 16]),
        gateway: GATEWAY,
        gateway_address: Ipv4Addr::new(10, 77, 0, 2),
        spa_port: 62201,
        tls_port: 443,
        gateway_key: Digest([3; 32]),
        spa_key: KEY.to_vec().into(),
        client_address: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 11)),
        certificate: "certificate".into(),
        gateway_ca: "ca".into(),
        address: ADDRESS,
        page: "http://10.8.0.1/s/x/".into(),
        resources: vec!["wiki".into()],
        server_time: Millis(now.0 + AHEAD),
        use_before: Millis(now.0 + AHEAD + 60_000),
        ends_at: ENDS,
    };
    Box::new(Ticket::new(bootstrap, now).expect("a ticket"))
}

fn refusal(status: u16) -> Failure {
    let (code, text) = ("session.over".to_owned(), "no".to_owned());
    Failure::Refused(Refusal { status, code, text, correlation: "c".into() })
}

fn knock(effects: &[Effect]) -> Option<&[u8]> {
    effects.iter().find_map(|e| if let Effect::Knock { packet, .. } = e { Some(&packet[..]) } else { None })
}

/// What the gateway answers to the knock among `effects`, if its time is right by the server's clock.
fn ack(effects: &[Effect]) -> Vec<u8> {
    let packet = knock(effects).expect("a knock");
    let server = Millis(START.0 + AHEAD);
    let read = Knock::verify(packet, GATEWAY, server, |_| Some(KEY)).expect("a right knock");
    read.ack(&KEY).to_vec()
}

fn said(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(|effect| format!("{effect:?}")).collect()
}

#[test]
fn from_the_password_to_the_page() {
    let mut desk = Desk::new();
    assert_eq!(said(&desk.hear(Input::SignIn)), ["Show(SigningIn)", "OpenSession"]);
    let effects = desk.hear(Input::Opened(view(5, waiting())));
    assert!(matches!(effects[0], Effect::Show(Shown::CodeRequired { .. })));
    assert!(matches!(effects[1], Effect::Poll { after: 5, .. }));

    let effects = desk.hear(Input::Seen(view(6, code(5))));
    assert_eq!(said(&effects), ["Show(CodeOnPhone { left: 5 })", "Poll(after 6)"]);
    assert_eq!(said(&desk.hear(Input::Code(digits()))), ["Answer"]);
    let verified = DesktopStage::Verified { ends_at: ENDS };
    let effects = desk.hear(Input::Answered(AnswerResponse { seq: 7, verified: true, stage: verified }));
    assert_eq!(said(&effects), ["Show(Connecting { step: Bootstrap, attempt: 1 })", "AskBootstrap"]);

    let effects = desk.hear(Input::Bootstrapped(ticket(desk.now)));
    assert_eq!(said(&effects), ["Show(Connecting { step: Spa, attempt: 1 })", "Knock(10.77.0.2:62201)"]);
    let ack = ack(&effects);
    let effects = desk.hear(Input::Packet(ack));
    assert_eq!(
        said(&effects),
        ["Show(Connecting { step: Tls, attempt: 1 })", "ConnectTls(1, 10.77.0.2:443)"]
    );
    let effects = desk.hear(Input::TlsUp { n: 1 });
    assert_eq!(said(&effects), ["Show(Connecting { step: Vpn, attempt: 1 })", "StartTunnel(1)"]);
    let effects = desk.hear(Input::TunnelUp { n: 1, address: ADDRESS });
    assert!(matches!(&effects[0], Effect::Show(Shown::Connected { page, .. }) if page.ends_with("/s/x/")));
}

#[test]
fn a_wrong_code_can_be_followed_by_a_right_one() {
    let mut desk = Desk::waiting(code(5));
    desk.hear(Input::Code(digits()));
    let effects = desk.hear(Input::Answered(AnswerResponse { seq: 6, verified: false, stage: code(4) }));
    assert_eq!(said(&effects), ["Show(CodeRefused { left: 4 })"]);
    assert_eq!(said(&desk.hear(Input::Code(digits()))), ["Answer"]);
}

#[test]
fn a_code_typed_too_early_waits_for_the_phone_and_one_typed_meanwhile_for_the_verdict() {
    let mut desk = Desk::waiting(waiting());
    assert!(desk.hear(Input::Code(digits())).is_empty());
    let effects = desk.hear(Input::Seen(view(6, code(5))));
    assert!(said(&effects).contains(&"Answer".to_owned()));
    assert!(desk.hear(Input::Code(digits())).is_empty());
    let effects = desk.hear(Input::Answered(AnswerResponse { seq: 7, verified: false, stage: code(4) }));
    assert_eq!(said(&effects), ["Show(CodeRefused { left: 4 })", "Answer"]);
}

#[test]
fn an_answer_that_got_lost_is_asked_again_with_its_own_key() {
    let mut desk = Desk::waiting(code(5));
    let key = |effects: &[Effect]| {
        effects.iter().find_map(|e| if let Effect::Answer { key, .. } = e { Some(*key) } else { None })
    };
    let first = key(&desk.hear(Input::Code(digits())));
    assert!(key(&desk.hear(Input::AnswerFailed(Failure::Unreachable))).is_none());
    assert_eq!(key(&desk.after(1_000)), first);
}

#[test]
fn the_last_wrong_code_ends_it_and_says_so() {
    let mut desk = Desk::waiting(code(1));
    desk.hear(Input::Code(digits()));
    let expired = AnswerResponse { seq: 6, verified: false, stage: DesktopStage::Expired };
    let effects = desk.hear(Input::Answered(expired));
    assert_eq!(said(&effects)[..2], ["CutTunnel", "Wipe"]);
    assert_eq!(desk.why(), Some(&Why::TooManyWrongCodes));
}

#[test]
fn a_denial_is_passed_on_in_the_servers_words() {
    let mut desk = Desk::waiting(waiting());
    desk.hear(Input::Seen(view(6, DesktopStage::Denied { advice: "ask".into() })));
    assert_eq!(desk.why(), Some(&Why::Denied { advice: "ask".into() }));
}

#[test]
fn a_wrong_password_ends_at_once_and_an_absent_server_after_a_few_tries() {
    let mut desk = Desk::new();
    desk.hear(Input::SignIn);
    desk.hear(Input::OpenFailed(refusal(401)));
    assert!(matches!(desk.why(), Some(Why::Refused(_))));

    let mut desk = Desk::new();
    desk.hear(Input::SignIn);
    for _ in 1..FIRST_TRIES {
        assert!(desk.hear(Input::OpenFailed(Failure::Unreachable)).is_empty());
        assert_eq!(said(&desk.wake()), ["OpenSession"]);
    }
    desk.hear(Input::OpenFailed(Failure::Unreachable));
    assert_eq!(desk.why(), Some(&Why::ServerUnreachable));
}

#[test]
fn knocks_are_repeated_with_fresh_nonces_at_growing_intervals_until_one_is_answered() {
    let mut desk = Desk::asking();
    let mut packets = vec![];
    let effects = desk.hear(Input::Bootstrapped(ticket(desk.now)));
    packets.push(knock(&effects).expect("a knock").to_vec());
    for gap in [100, 200, 400, 800, 1_000] {
        assert!(knock(&desk.after(gap - 1)).is_none(), "{gap}");
        packets.push(knock(&desk.after(1)).expect("a knock").to_vec());
    }
    let nonces: std::collections::HashSet<_> = packets.iter().map(|packet| packet[43..59].to_vec()).collect();
    assert_eq!(nonces.len(), packets.len());

    // A late ack of the first one counts as much as one of the last.
    let first = Knock::verify(&packets[0], GATEWAY, Millis(START.0 + AHEAD), |_| Some(KEY)).expect("read");
    let effects = desk.hear(Input::Packet(first.ack(&KEY).to_vec()));
    assert!(said(&effects).iter().any(|e| e.starts_with("ConnectTls")));
}

#[test]
fn only_an_ack_under_the_bootstraps_key_opens_the_next_step() {
    let mut desk = Desk::asking();
    let effects = desk.hear(Input::Bootstrapped(ticket(desk.now)));
    let right = ack(&effects);
    for bit in [0, 100, right.len() * 8 - 1] {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(desk.hear(Input::Packet(wrong)).is_empty());
    }
    assert!(desk.hear(Input::Packet(vec![])).is_empty());
    assert!(!desk.hear(Input::Packet(right)).is_empty());
}

#[test]
fn an_attempt_that_fails_is_followed_by_one_with_a_new_bootstrap() {
    let mut desk = Desk::at_the_door();
    let effects = desk.hear(Input::TlsFailed { n: 1 });
    assert_eq!(said(&effects), ["CutTunnel", "Show(Connecting { step: Rest, attempt: 1 })"]);
    assert!(said(&desk.wake()).contains(&"AskBootstrap".to_owned()));
    // What the first attempt still says is nothing to the second.
    assert!(desk.hear(Input::TlsUp { n: 1 }).is_empty());
}

#[test]
fn a_gateway_that_never_answers_is_given_up_with_words_that_help() {
    let mut desk = Desk::asking();
    for _ in 0..1_000 {
        if desk.why().is_some() {
            break;
        }
        let now = desk.now;
        desk.hear(Input::Bootstrapped(ticket(now)));
        desk.wake();
    }
    assert_eq!(desk.why(), Some(&Why::GatewayUnreachable));
}

#[test]
fn a_tunnel_that_breaks_is_rebuilt_for_as_long_as_the_session_lasts() {
    let mut desk = Desk::connected();
    let effects = desk.hear(Input::TunnelDown { n: 1, how: Down::Broken });
    assert_eq!(said(&effects)[..2], ["Show(Reconnecting)", "CutTunnel"]);
    for _ in 0..10_000 {
        if desk.why().is_some() {
            break;
        }
        desk.hear(Input::BootstrapFailed(Failure::Unreachable));
        desk.hear(Input::PollFailed(Failure::Unreachable));
        desk.wake();
    }
    assert_eq!(desk.why(), Some(&Why::TimeUp));
    assert!(desk.now.0 + AHEAD >= ENDS.0);
}

#[test]
fn an_end_by_the_server_is_final_and_says_why() {
    for mut desk in [Desk::waiting(code(5)), Desk::asking(), Desk::at_the_door(), Desk::connected()] {
        let reason = EndReason::Terminated { note: "bye".into() };
        let effects = desk.hear(Input::Seen(view(9, DesktopStage::Ended { reason: reason.clone() })));
        assert_eq!(said(&effects)[..2], ["CutTunnel", "Wipe"]);
        assert_eq!(desk.why(), Some(&Why::EndedByServer(reason)));
        assert!(desk.hear(Input::SignIn).is_empty() && desk.engine.next_wake().is_none());
    }
}

#[test]
fn a_halt_takes_its_reason_from_the_server() {
    let mut desk = Desk::connected();
    let effects = desk.hear(Input::TunnelDown { n: 1, how: Down::Halted("over".into()) });
    assert_eq!(said(&effects), ["CutTunnel"]);
    desk.hear(Input::Seen(view(9, DesktopStage::Ended { reason: EndReason::WindowClosed })));
    assert_eq!(desk.why(), Some(&Why::EndedByServer(EndReason::WindowClosed)));
}

#[test]
fn a_halt_while_the_server_is_away_is_an_end_in_the_gateways_words() {
    let mut desk = Desk::connected();
    desk.hear(Input::TunnelDown { n: 1, how: Down::Halted("lease".into()) });
    desk.hear(Input::PollFailed(Failure::Unreachable));
    desk.after(3_000);
    assert_eq!(desk.why(), Some(&Why::CutByGateway("lease".into())));
}

#[test]
fn a_halt_of_a_session_that_goes_on_is_answered_by_connecting_anew() {
    let mut desk = Desk::connected();
    desk.hear(Input::TunnelDown { n: 1, how: Down::Halted("restarting".into()) });
    desk.hear(Input::Seen(view(9, DesktopStage::Verified { ends_at: ENDS })));
    let effects = desk.after(3_000);
    assert!(said(&effects).contains(&"AskBootstrap".to_owned()), "{effects:?}");
}

#[test]
fn while_the_server_is_away_a_tunnel_stands_until_its_time_is_up() {
    let mut desk = Desk::connected();
    for _ in 0..100 {
        desk.hear(Input::PollFailed(Failure::Unreachable));
        desk.wake();
        assert!(desk.engine.is_connected());
    }
    desk.now = Millis(ENDS.0 - AHEAD + 1_999);
    desk.hear(Input::Wake);
    assert!(desk.engine.is_connected());
    desk.after(1);
    assert_eq!(desk.why(), Some(&Why::TimeUp));
}

#[test]
fn a_bootstrap_refused_because_it_is_over_waits_for_the_reason() {
    let mut desk = Desk::asking();
    desk.hear(Input::BootstrapFailed(refusal(410)));
    desk.hear(Input::Seen(view(9, DesktopStage::Ended { reason: EndReason::PolicyChanged })));
    assert_eq!(desk.why(), Some(&Why::EndedByServer(EndReason::PolicyChanged)));

    let mut desk = Desk::asking();
    desk.hear(Input::BootstrapFailed(refusal(403)));
    desk.after(3_000);
    assert!(matches!(desk.why(), Some(Why::Refused(_))));
}

#[test]
fn too_many_bootstraps_are_waited_out() {
    let mut desk = Desk::asking();
    desk.hear(Input::BootstrapFailed(refusal(429)));
    assert!(!said(&desk.after(59_999)).contains(&"AskBootstrap".to_owned()));
    assert!(said(&desk.after(1)).contains(&"AskBootstrap".to_owned()));
}

#[test]
fn signing_out_cuts_first_and_tells_the_server_then() {
    let mut desk = Desk::connected();
    assert_eq!(said(&desk.hear(Input::SignOut)), ["CutTunnel", "Show(SigningOut)", "SignOut"]);
    desk.hear(Input::SignedOut);
    assert_eq!(desk.why(), Some(&Why::SignedOut { told: true }));

    let mut desk = Desk::connected();
    desk.hear(Input::SignOut);
    assert!(desk.hear(Input::SignOutFailed(Failure::Unreachable)).is_empty());
    assert_eq!(said(&desk.wake()), ["SignOut"]);
    desk.after(15_000);
    assert_eq!(desk.why(), Some(&Why::SignedOut { told: false }));
    assert_eq!(desk.why().map(Why::exit_code), Some(0));
}

#[test]
fn signing_out_twice_waits_for_nobody() {
    let mut desk = Desk::connected();
    desk.hear(Input::SignOut);
    desk.hear(Input::SignOut);
    assert_eq!(desk.why(), Some(&Why::SignedOut { told: false }));
}

#[test]
fn an_address_that_was_not_promised_is_not_used() {
    let mut desk = Desk::at_the_door();
    desk.hear(Input::TlsUp { n: 1 });
    let effects = desk.hear(Input::TunnelUp { n: 1, address: Ipv4Addr::new(10, 8, 0, 11) });
    assert_eq!(said(&effects)[0], "CutTunnel");
    assert_eq!(desk.why(), Some(&Why::Broken));
}

#[test]
fn a_server_that_answers_at_once_with_nothing_new_is_not_asked_in_a_circle() {
    let mut desk = Desk::waiting(waiting());
    assert!(desk.hear(Input::Seen(view(5, waiting()))).is_empty());
    assert_eq!(said(&desk.after(1_000)), ["Poll(after 5)"]);
}

/// One input of any kind, at any moment.
#[derive(Clone, Debug)]
enum Any {
    Input(u8),
    /// What brings the engine one step on.
    Forward,
    Sleep(u16),
}

fn forward(desk: &Desk, last_ack: &[u8]) -> Input {
    let (n, seq) = (desk.engine.attempt, desk.engine.seq + 1);
    match &desk.engine.state {
        State::Login => Input::SignIn,
        State::SigningIn { .. } => Input::Opened(view(seq, waiting())),
        State::WaitingForPhone => Input::Seen(view(seq, code(5))),
        State::EnterCode { answering: None } => Input::Code(digits()),
        State::EnterCode { answering: Some(_) } => {
            let verified = DesktopStage::Verified { ends_at: ENDS };
            Input::Answered(AnswerResponse { seq, verified: true, stage: verified })
        }
        State::Connecting(Step::Asking) => Input::Bootstrapped(ticket(desk.now)),
        State::Connecting(Step::Knocking(_)) => Input::Packet(last_ack.to_vec()),
        State::Connecting(Step::Tls { .. }) => Input::TlsUp { n },
        State::Connecting(Step::Vpn { .. }) => Input::TunnelUp { n, address: ADDRESS },
        State::Connecting(Step::Resting { .. })
        | State::Connected
        | State::Closing { .. }
        | State::SigningOut { .. }
        | State::Ended(_) => Input::Wake,
    }
}

fn any_input(kind: u8, desk: &Desk) -> Input {
    let (n, stage) = (desk.engine.attempt, u64::from(kind / 24) + desk.engine.seq);
    match kind % 24 {
        0 => Input::SignIn,
        1 => Input::Opened(view(stage, waiting())),
        2 => Input::Opened(view(stage, code(5))),
        3 => Input::OpenFailed(Failure::Unreachable),
        4 => Input::Seen(view(stage, code(3))),
        5 => Input::Seen(view(stage, DesktopStage::Verified { ends_at: ENDS })),
        6 => Input::Seen(view(stage, DesktopStage::Connected { ends_at: ENDS, address: ADDRESS })),
        7 => Input::PollFailed(Failure::Unreachable),
        8 => Input::Code(digits()),
        9 => Input::Answered(AnswerResponse { seq: stage, verified: false, stage: code(2) }),
        10 => {
            let verified = DesktopStage::Verified { ends_at: ENDS };
            Input::Answered(AnswerResponse { seq: stage, verified: true, stage: verified })
        }
        11 => Input::AnswerFailed(Failure::Unreachable),
        12 | 13 => Input::Bootstrapped(ticket(desk.now)),
        14 => Input::BootstrapFailed(refusal(409)),
        15 => Input::BootstrapFailed(refusal(410)),
        16 => Input::Packet(vec![0; 67]),
        17 => Input::TlsUp { n },
        18 => Input::TlsUp { n: n.wrapping_sub(1) },
        19 => Input::TlsFailed { n },
        20 => Input::TunnelUp { n, address: ADDRESS },
        21 => Input::TunnelDown { n, how: Down::Broken },
        22 => Input::TunnelDown { n, how: Down::Halted(String::new()) },
        _ if kind > 250 => Input::SignOut,
        _ => Input::Wake,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_order_of_inputs_connects_without_every_step(
        script in prop::collection::vec(
            prop_oneof![
                8 => any::<u8>().prop_map(Any::Input),
                6 => Just(Any::Forward),
                2 => any::<u16>().prop_map(Any::Sleep),
            ],
            0..120,
        )
    ) {
        let mut desk = Desk::new();
        let mut seen = Seen::default();
        for step in script {
            let input = match step {
                Any::Input(kind) => any_input(kind, &desk),
                Any::Forward => forward(&desk, &seen.last_ack),
                Any::Sleep(ms) => {
                    desk.now = Millis(desk.now.0 + u64::from(ms));
                    Input::Wake
                }
            };
            seen.input(&input);
            let over = desk.why().is_some();
            let effects = desk.hear(input);
            prop_assert!(!over || effects.is_empty(), "something happens after the end: {effects:?}");
            for effect in &effects {
                seen.effect(effect)?;
            }
            prop_assert_eq!(desk.engine.is_connected(), seen.up);
        }
    }
}

/// What must have come before what.
#[derive(Default)]
struct Seen {
    polls: u32,
    verified: bool,
    bootstrapped: bool,
    knocked: bool,
    acked: bool,
    tls: bool,
    tunnel: bool,
    up: bool,
    ended: bool,
    last_ack: Vec<u8>,
}

impl Seen {
    fn input(&mut self, input: &Input) {
        match input {
            Input::Seen(view) => {
                self.polls = self.polls.saturating_sub(1);
                self.verified |=
                    matches!(view.stage, DesktopStage::Verified { .. } | DesktopStage::Connected { .. });
            }
            Input::PollFailed(_) => self.polls = self.polls.saturating_sub(1),
            Input::Answered(answer) => self.verified |= answer.verified,
            Input::Bootstrapped(_) => self.bootstrapped = true,
            Input::Packet(packet) => self.acked |= self.knocked && *packet == self.last_ack,
            Input::TlsUp { .. } => {}
            _ => {}
        }
    }

    fn effect(&mut self, effect: &Effect) -> Result<(), TestCaseError> {
        prop_assert!(!self.ended, "something happens after the end");
        match effect {
            Effect::Poll { .. } => {
                self.polls += 1;
                prop_assert!(self.polls <= 1, "two polls at once");
            }
            Effect::AskBootstrap { .. } => {
                prop_assert!(self.verified, "a bootstrap is asked for without a right code");
                (self.bootstrapped, self.knocked, self.acked, self.tls, self.tunnel) = Default::default();
            }
            Effect::Knock { packet, .. } => {
                prop_assert!(self.bootstrapped);
                self.knocked = true;
                let body = [b"VA", &packet[2..3], &packet[19..35], &packet[43..59]].concat();
                let time = u64::from_be_bytes(packet[35..43].try_into().expect("8 bytes"));
                let read =
                    Knock::verify(packet, GATEWAY, Millis(time), |_| Some(KEY)).expect("a right knock");
                self.last_ack = read.ack(&KEY).to_vec();
                prop_assert!(self.last_ack.starts_with(&body));
            }
            Effect::ConnectTls { .. } => {
                prop_assert!(self.acked, "TLS before the door is open");
                self.tls = true;
            }
            Effect::StartTunnel { .. } => {
                prop_assert!(self.tls, "VPN before TLS");
                self.tunnel = true;
            }
            Effect::CutTunnel => self.up = false,
            Effect::Show(Shown::Connected { .. }) => {
                prop_assert!(self.tunnel, "connected without a tunnel");
                self.up = true;
            }
            Effect::Show(Shown::Ended(_)) => {
                prop_assert!(!self.up, "ended with a tunnel");
                self.ended = true;
            }
            _ => {}
        }
        Ok(())
    }
}
