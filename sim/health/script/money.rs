//! Claims and licences.

use crate::base::HospitalId;
use crate::health::{Amount, BILLED_AT_GENESIS, Call, Case, ClaimCall, LicenceCall, Purpose};
use crate::kernel::draw::below;

use super::super::Verb;
use super::{About, Part, Planted, Script};

/// What a claim is for, least and most, in hundredths: settings of this model, not measured figures.
const CLAIMED: [Amount; 2] = [2_000, 200_000];
/// What data are licensed for, least and most, in hundredths: settings of this model.
const ROYALTY: [Amount; 2] = [100, 10_000];

/// How a claim cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fraud {
    /// Nothing was done: somebody else confirms it.
    Phantom,
    /// It was billed before.
    Twice,
    /// More is paid than was adjudicated.
    Inflated,
    /// It is paid a second time.
    Doubled,
}

impl Script {
    fn fraud(&self, case: Case) -> Option<Fraud> {
        self.plants(self.injection.frauds, case, 0).then(|| match below(4, self.bits(case, About::Manner, 0)) {
            0 => Fraud::Phantom,
            1 => Fraud::Twice,
            2 => Fraud::Inflated,
            _ => Fraud::Doubled,
        })
    }

    /// How many transactions come where one with this verb is due in a case: two where a claim is paid twice.
    pub fn copies(&self, verb: Verb, case: Case) -> u32 {
        if verb == Verb::Pay && self.fraud(case) == Some(Fraud::Doubled) { 2 } else { 1 }
    }

    /// A claim's stages. What a fraud is after is the payment; who bills twice is caught at once, or never.
    pub(super) fn claim(&self, verb: Verb, case: Case, nth: u32, by: HospitalId) -> Part {
        let (patient, fraud) = (self.patient(case, by, 0), self.fraud(case));
        let amount = between(CLAIMED, self.bits(case, About::Amount, 0));
        let payer = self.people.payer(patient);
        let (by, call, caught) = match verb {
            Verb::Submit => {
                let twice = fraud == Some(Fraud::Twice);
                let service = if twice { below(BILLED_AT_GENESIS, case.0) } else { BILLED_AT_GENESIS + case.0 };
                (by, ClaimCall::Submit { case, patient, service, amount }, twice)
            }
            Verb::Confirm => {
                let other = self.patient(case, by, 1);
                let patient = if fraud == Some(Fraud::Phantom) { other } else { patient };
                (by, ClaimCall::Confirm { case, patient }, false)
            }
            Verb::Adjudicate => (payer, ClaimCall::Adjudicate { case }, false),
            Verb::Pay => {
                let amount = (fraud == Some(Fraud::Inflated)).then_some(2 * amount);
                let again = fraud == Some(Fraud::Doubled) && nth > 0;
                let planted = again || matches!(fraud, Some(Fraud::Phantom | Fraud::Inflated));
                (payer, ClaimCall::Pay { case, amount }, planted)
            }
            _ => (by, ClaimCall::Eligibility { patient }, false),
        };
        Part { by, call: Call::Claim(call), planted: caught.then_some(Planted::Fraud) }
    }

    pub(super) fn licence(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let patient = self.patient(case, by, 0);
        let licensee = self.permitted(case, patient, Purpose::Research);
        let (by, call) = match verb {
            Verb::Royalty => (licensee, LicenceCall::Royalty { case }),
            _ => {
                let royalty = between(ROYALTY, self.bits(case, About::Amount, 0)) as u32;
                (by, LicenceCall::Grant { case, patient, licensee, royalty })
            }
        };
        Part::honest(by, Call::Licence(call))
    }
}

fn between([least, most]: [Amount; 2], bits: u64) -> Amount {
    least + below(most - least, bits)
}
