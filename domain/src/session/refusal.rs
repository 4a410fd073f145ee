use crate::decision::refusals;

refusals! {
    /// Why a session command is refused. What a person reads never tells an attacker which rule fired.
    Refusal {
        AlreadyOpened, Conflict, "session.already_opened", "this session exists already";
        NotFound, NotFound, "session.not_found", "there is no such session";
        Over, Gone, "session.over", "this session is over; sign in again";
        NotNow, Conflict, "session.not_now", "this cannot be asked of the session as it stands";
        AttemptNotReserved, Conflict, "session.attempt_not_reserved", "this answer was not announced";
        OtherDevice, Forbidden, "session.other_device", "this session waits for another device";
        OtherGateway, Forbidden, "session.other_gateway", "this session belongs to another gateway";
        OtherKey, Forbidden, "session.other_key", "the session's desktop holds another key";
        TooManyCodes, TooMany, "session.too_many_codes", "no more codes for this session; sign in again";
        TooManyBootstraps, TooMany, "session.too_many_bootstraps", "too many connections in a short time; wait a few minutes";
        BootstrapUnusable, Gone, "session.bootstrap_unusable", "this connection offer cannot be used any more";
        GatewayUnavailable, Conflict, "session.gateway_unavailable", "the gateway is not available at the moment";
        NotThatEnd, Conflict, "session.not_that_end", "this receipt is for another end";
        NoPhone, Conflict, "session.no_phone", "no phone is enrolled for this account; ask your administrator for its code";
        NoPolicy, Conflict, "session.no_policy", "this account may not use anything yet; ask your administrator";
        UnreadableReport, Invalid, "session.unreadable_report", "the phone's report cannot be read";
        Unchanged, Conflict, "session.unchanged", "nothing would change";
        NotYet, Conflict, "session.not_yet", "this deadline has not passed";
    }
}
