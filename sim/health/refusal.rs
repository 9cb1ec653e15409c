//! Why contracts refuse.

/// Why a contract refuses a call. The transaction is in effect all the same: that it was refused is on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The hospital has no such patient.
    UnknownPatient = 0,
    /// Somebody else has to do that.
    WrongParty = 1,
    /// It was done before.
    DoneBefore = 2,
    /// The members have suspended the hospital.
    Suspended = 3,
    /// There is no consent.
    NoConsent = 4,
    /// The patient has revoked it.
    ConsentRevoked = 5,
    /// The patient denies it.
    ConsentDenied = 6,
    /// It was for a time that is over.
    ConsentExpired = 7,
    /// It does not cover that class of data.
    OutOfScope = 8,
    /// There is nothing in force to be revoked or renewed.
    NothingInForce = 9,
    /// The patient's key is destroyed.
    Erased = 10,
    /// There is no such record.
    UnknownRecord = 11,
    /// The patient's country lets such data go nowhere else.
    DataStay = 12,
    /// The patient's country lets them go only where they are protected as well, and the other is no such country.
    NoAdequacy = 13,
    /// Nobody asked, or what was asked for was refused.
    NotRequested = 14,
    /// Nothing was handed over.
    NotDisclosed = 15,
    /// The patient is not insured.
    NotCovered = 16,
    /// The service was billed before.
    BilledBefore = 17,
    /// There is no such claim.
    NotSubmitted = 18,
    /// The patient has not confirmed the service.
    NotConfirmed = 19,
    /// What the patient's cover pays in a year is used up.
    CoverageExhausted = 20,
    /// The payer has not said what it pays.
    NotAdjudicated = 21,
    /// It is not the amount that was adjudicated.
    WrongAmount = 22,
    /// The members uphold a dispute about it.
    Disputed = 23,
    /// There is no such prescription.
    NotPrescribed = 24,
    /// The prescription has been filled as often as it may.
    FillsUsedUp = 25,
    /// No maker has commissioned that serial number.
    UnknownSerial = 26,
    /// It is in somebody else's custody.
    NotInCustody = 27,
    /// The serial number was dispensed before.
    DispensedBefore = 28,
    /// It was taken out of the supply before.
    Decommissioned = 29,
    /// Its lot is recalled.
    Recalled = 30,
    /// Nobody has shipped it there.
    NotShipped = 31,
    /// There is no such subject in the trial.
    NotEnrolled = 32,
    /// The subject has withdrawn.
    Withdrawn = 33,
    /// There is no such licence.
    NotLicensed = 34,
    /// There is no such motion.
    NotProposed = 35,
    /// It is for members to vote.
    NoMember = 36,
    /// Too few members are for it.
    NotCarried = 37,
    /// It was paid before.
    PaidBefore = 38,
}

/// Every reason with its name in reports, in order.
const NAMES: [(Refusal, &str); 39] = [
    (Refusal::UnknownPatient, "unknown_patient"),
    (Refusal::WrongParty, "wrong_party"),
    (Refusal::DoneBefore, "done_before"),
    (Refusal::Suspended, "suspended"),
    (Refusal::NoConsent, "no_consent"),
    (Refusal::ConsentRevoked, "consent_revoked"),
    (Refusal::ConsentDenied, "consent_denied"),
    (Refusal::ConsentExpired, "consent_expired"),
    (Refusal::OutOfScope, "out_of_scope"),
    (Refusal::NothingInForce, "nothing_in_force"),
    (Refusal::Erased, "erased"),
    (Refusal::UnknownRecord, "unknown_record"),
    (Refusal::DataStay, "data_stay"),
    (Refusal::NoAdequacy, "no_adequacy"),
    (Refusal::NotRequested, "not_requested"),
    (Refusal::NotDisclosed, "not_disclosed"),
    (Refusal::NotCovered, "not_covered"),
    (Refusal::BilledBefore, "billed_before"),
    (Refusal::NotSubmitted, "not_submitted"),
    (Refusal::NotConfirmed, "not_confirmed"),
    (Refusal::CoverageExhausted, "coverage_exhausted"),
    (Refusal::NotAdjudicated, "not_adjudicated"),
    (Refusal::WrongAmount, "wrong_amount"),
    (Refusal::Disputed, "disputed"),
    (Refusal::NotPrescribed, "not_prescribed"),
    (Refusal::FillsUsedUp, "fills_used_up"),
    (Refusal::UnknownSerial, "unknown_serial"),
    (Refusal::NotInCustody, "not_in_custody"),
    (Refusal::DispensedBefore, "dispensed_before"),
    (Refusal::Decommissioned, "decommissioned"),
    (Refusal::Recalled, "recalled"),
    (Refusal::NotShipped, "not_shipped"),
    (Refusal::NotEnrolled, "not_enrolled"),
    (Refusal::Withdrawn, "withdrawn"),
    (Refusal::NotLicensed, "not_licensed"),
    (Refusal::NotProposed, "not_proposed"),
    (Refusal::NoMember, "no_member"),
    (Refusal::NotCarried, "not_carried"),
    (Refusal::PaidBefore, "paid_before"),
];

impl Refusal {
    /// How many reasons there are.
    pub const COUNT: usize = NAMES.len();

    /// Every reason, in the order of reports.
    pub fn all() -> impl Iterator<Item = Refusal> {
        NAMES.iter().map(|(refusal, _)| *refusal)
    }

    /// The reason's name in reports.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_reasons() {
        assert!(Refusal::all().enumerate().all(|(nth, refusal)| refusal as usize == nth));
    }
}
