use crate::decision::refusals;

refusals! {
    /// Why a device command is refused.
    Refusal {
        AlreadyEnrolled, Conflict, "device.already_enrolled", "this device is enrolled already";
        NotFound, NotFound, "device.not_found", "there is no such device";
        OfferUnusable, Gone, "device.offer_unusable", "this code cannot be used; ask for a new one";
        NotProven, Forbidden, "device.not_proven", "the device could not prove its key";
        Revoked, Gone, "device.revoked", "this device is revoked";
        StalePosture, Conflict, "device.stale_posture", "a newer report of this device is known";
    }
}
