use crate::decision::refusals;

refusals! {
    /// Why a user command is refused.
    Refusal {
        AlreadyExists, Conflict, "user.already_exists", "this user exists already";
        NotFound, NotFound, "user.not_found", "there is no such user";
        NotActive, Conflict, "user.not_active", "this user is not active";
        NotSuspended, Conflict, "user.not_suspended", "this user is not suspended";
        Gone, Gone, "user.gone", "this user is deleted";
        NoSuchStep, NotFound, "user.no_such_step", "this user has no such step";
        StepNotFailed, Conflict, "user.step_not_failed", "only a failed step can be retried";
        StaleCredential, Conflict, "user.stale_credential", "the password was changed in between";
        TooManyAttempts, TooMany, "user.too_many_attempts", "too many wrong codes; try again tomorrow or enrol the phone again";
        AttemptReused, Conflict, "user.attempt_reused", "this answer was announced for another code";
        NotDeleted, Conflict, "user.not_deleted", "only a deleted user can be erased";
    }
}
