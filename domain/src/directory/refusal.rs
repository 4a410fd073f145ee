use crate::decision::refusals;

refusals! {
    /// Why a claim is refused.
    Refusal {
        NotYours, Conflict, "directory.not_yours", "this name is not claimed by that user";
    }
}
