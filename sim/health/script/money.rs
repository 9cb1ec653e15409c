//! Claims and licences.

use crate::base::HospitalId;
use crate::health::{Amount, BILLED_AT_GENESIS, Call, Case, ClaimCall, LicenceCall, Purpose};
use crate::kernel::draw::below;

use super::super::Verb;
use super::{About, Part, Planted, Script, misplaced};

/// What a claim is for, least and most, in hundredths: settings of this model, not measured figures.
const CLAIMED: [Amount; 2] = [2_000, 200_000];
/// What data are licensed for, least and most, in hundredths: settings of this model.
const ROYALTY: [Amount; 2] = [100, 10_000];

impl Script {
    /// How a claim cheats.
    fn fraud(&self, case: Case) -> Option<Planted> {
        let manners = [Planted::Phantom, Planted::Rebilled, Planted::Inflated, Planted::PaidTwice];
        let manner = manners[below(4, self.bits(case, About::Manner, 0)) as usize];
        self.plants(self.injection.frauds, case, 0).then_some(manner)
    }

    /// How many transactions come where one with this verb is due in a case: two where a claim is paid twice.
    pub fn copies(&self, verb: Verb, case: Case) -> u32 {
        if verb == Verb::Pay && self.fraud(case) == Some(Planted::PaidTwice) { 2 } else { 1 }
    }

    /// A claim's stages. Each manner of cheating shows at one of them.
    pub(super) fn claim(&self, verb: Verb, case: Case, nth: u32, by: HospitalId) -> Part {
        let (patient, fraud) = (self.patient(case, by, 0), self.fraud(case));
        let amount = between(CLAIMED, self.bits(case, About::Amount, 0));
        let payer = self.people.payer(patient);
        let (by, call, shows) = match verb {
            Verb::Submit => {
                let again = fraud == Some(Planted::Rebilled);
                let service = if again { below(BILLED_AT_GENESIS, case.0) } else { BILLED_AT_GENESIS + case.0 };
                (by, ClaimCall::Submit { case, patient, service, amount }, again)
            }
            Verb::Confirm => {
                // Nothing was done to the patient: somebody else confirms it.
                let other = self.patient(case, by, 1);
                let patient = if fraud == Some(Planted::Phantom) { other } else { patient };
                (by, ClaimCall::Confirm { case, patient }, false)
            }
            Verb::Adjudicate => (payer, ClaimCall::Adjudicate { case }, false),
            Verb::Pay => {
                let amount = (fraud == Some(Planted::Inflated)).then_some(2 * amount);
                let shows = match fraud {
                    Some(Planted::PaidTwice) => nth > 0,
                    Some(Planted::Phantom | Planted::Inflated) => true,
                    _ => false,
                };
                (payer, ClaimCall::Pay { case, amount }, shows)
            }
            Verb::Inquire => (by, ClaimCall::Eligibility { patient }, false),
            _ => misplaced(verb),
        };
        Part { by, call: Call::Claim(call), planted: fraud.filter(|_| shows) }
    }

    pub(super) fn licence(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let patient = self.patient(case, by, 0);
        let licensee = self.permitted(case, patient, Purpose::Research);
        let (by, call) = match verb {
            Verb::Royalty => (licensee, LicenceCall::Royalty { case }),
            Verb::License => {
                let royalty = between(ROYALTY, self.bits(case, About::Amount, 0)) as u32;
                (by, LicenceCall::Grant { case, patient, licensee, royalty })
            }
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Licence(call))
    }
}

fn between([least, most]: [Amount; 2], bits: u64) -> Amount {
    least + below(most - least, bits)
}
