//! Records, consents, looks and exchanges.

use crate::base::{HospitalId, Time};
use crate::health::{AccessCall, Call, Case, Change, ConsentCall, ConsentKey, Purpose, RecordCall, Scope, ShareCall};
use crate::kernel::draw::below;

use super::super::Verb;
use super::{About, Part, Script, TERM, misplaced};

impl Script {
    pub(super) fn record(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let (patient, category) = (self.patient(case, by, 0), self.category(case));
        let call = match verb {
            Verb::Amend => RecordCall::Amend { case, patient },
            Verb::Erase => RecordCall::Erase { patient },
            Verb::Anchor => RecordCall::Anchor { case, patient, category },
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Record(call))
    }

    /// The consent that a patient changes: of what is taken back or goes on mostly one that is in force.
    pub(super) fn consent(&self, verb: Verb, case: Case, by: HospitalId, at: Time) -> Part {
        let (patient, purpose, until) = (self.patient(case, by, 0), self.purpose(case), at + TERM);
        let grantee = match verb {
            Verb::Revoke | Verb::Renew => self.permitted(case, patient, purpose),
            _ => self.near(case, by, 0),
        };
        let change = match verb {
            Verb::Revoke => Change::Revoke,
            Verb::Renew => Change::Renew { until },
            Verb::Deny => Change::Deny,
            Verb::Grant => {
                let usual = below(4, self.bits(case, About::Scope, 0)) > 0;
                Change::Grant { scope: if usual { Scope::USUAL } else { Scope::ALL }, until }
            }
            _ => misplaced(verb),
        };
        let key = ConsentKey { patient, grantee, purpose };
        Part::honest(by, Call::Consent(ConsentCall { key, change }))
    }

    pub(super) fn access(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let (purpose, category) = (self.purpose(case), self.category(case));
        let call = match verb {
            Verb::BreakGlass => {
                let (patient, purpose) = (self.abroad_or_near(case, by, 0), Purpose::Emergency);
                AccessCall::Look { patient, purpose, category }
            }
            Verb::Attend => AccessCall::Session { patient: self.subject(case, by, Purpose::Treatment) },
            Verb::Report => AccessCall::Readings { patient: self.patient(case, by, 0) },
            Verb::Alert => AccessCall::Alert { patient: self.patient(case, by, 0) },
            Verb::Look => AccessCall::Look { patient: self.subject(case, by, purpose), purpose, category },
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Access(call))
    }

    pub(super) fn share(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let (purpose, category) = (self.purpose(case), self.category(case));
        let patient = self.permitting(case, by, purpose);
        let (by, call) = match verb {
            Verb::Disclose => (patient.home, ShareCall::Disclose { case }),
            Verb::Acknowledge => (by, ShareCall::Acknowledge { case }),
            Verb::Request => (by, ShareCall::Request { case, patient, purpose, category }),
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Share(call))
    }
}
