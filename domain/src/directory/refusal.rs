use crate::decision::refusals;

refusals! {
    /// Why a claim is refused.
    Refusal {
        Taken, Conflict, "directory.taken", "this name is taken";
        NotYours, Conflict, "directory.not_yours", "this name is not claimed by that user";
    }
}
