use crate::decision::refusals;

refusals! {
    /// Why a policy command is refused.
    Refusal {
        AlreadyExists, Conflict, "policy.already_exists", "this policy exists already";
        NotFound, NotFound, "policy.not_found", "there is no such policy";
        Retired, Gone, "policy.retired", "this policy is retired";
        InvalidDocument, Invalid, "policy.invalid_document", "the policy document cannot be meant as it is";
        Unchanged, Conflict, "policy.unchanged", "nothing would change";
    }
}
