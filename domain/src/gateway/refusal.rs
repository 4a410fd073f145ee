use crate::decision::refusals;

refusals! {
    /// Why a gateway command is refused.
    Refusal {
        AlreadyExists, Conflict, "gateway.already_exists", "this gateway exists already";
        NotFound, NotFound, "gateway.not_found", "there is no such gateway";
        InvalidName, Invalid, "gateway.invalid_name", "give a name of 1 to 64 bytes";
        TokenUnusable, Gone, "gateway.token_unusable", "this enrolment token cannot be used; invite the gateway again";
        NotEnrolled, Conflict, "gateway.not_enrolled", "this gateway is not enrolled";
        Retired, Gone, "gateway.retired", "this gateway is retired";
        Unchanged, Conflict, "gateway.unchanged", "nothing would change";
    }
}
