use crate::decision::refusals;

refusals! {
    /// Why an operator command is refused.
    Refusal {
        AlreadyExists, Conflict, "operator.already_exists", "this operator exists already";
        NotFound, NotFound, "operator.not_found", "there is no such operator";
        InvalidName, Invalid, "operator.invalid_name", "give a name of 1 to 64 bytes";
        Disabled, Forbidden, "operator.disabled", "this operator is disabled";
        StaleCredential, Conflict, "operator.stale_credential", "the password was changed in between";
        NotSignedIn, Conflict, "operator.not_signed_in", "this sign-in is not active";
        Unchanged, Conflict, "operator.unchanged", "nothing would change";
    }
}
