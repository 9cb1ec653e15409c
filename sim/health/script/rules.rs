//! Trials and governance.

use crate::base::HospitalId;
use crate::health::{Amount, Call, Case, GovernanceCall, Motion, Residency, TrialCall};
use crate::kernel::draw::below;
use crate::ledger::TxNumber;

use super::super::Verb;
use super::{About, Part, Planted, Script, misplaced};

/// Members who are for a motion, of all: a setting of this model, not a measured figure.
const FOR: f64 = 0.85;
/// What motions would pay subjects of trials, least and most, in hundredths: a setting of this model.
const STIPENDS: [Amount; 2] = [10_000, 50_000];

impl Script {
    pub(super) fn trial(&self, verb: Verb, case: Case, nth: u32, by: HospitalId) -> Part {
        let patient = self.patient(case, by, 0);
        let breach = verb == Verb::Capture && self.plants(self.injection.breaches, case, u64::from(nth));
        let call = match verb {
            Verb::Enrol => TrialCall::Enrol { case, patient, site: by },
            Verb::Stipend => TrialCall::Stipend { case },
            Verb::Withdraw => TrialCall::Withdraw { case, patient },
            // No case has this number: a slice holds fewer.
            Verb::Capture if breach => TrialCall::Capture { case: Case(u64::MAX - case.0) },
            Verb::Capture => TrialCall::Capture { case },
            _ => misplaced(verb),
        };
        Part { by, call: Call::Trial(call), planted: breach.then_some(Planted::Breach) }
    }

    pub(super) fn motion(&self, verb: Verb, case: Case, nth: u32, by: HospitalId) -> Part {
        let members = self.people.members();
        let (by, call) = match verb {
            Verb::Propose => (by, GovernanceCall::Propose { case, motion: self.proposed(case, by) }),
            Verb::Vote => {
                let yes = self.happens(FOR, case, About::Vote, u64::from(nth));
                (members[nth as usize % members.len()], GovernanceCall::Vote { case, yes })
            }
            Verb::Enact => (by, GovernanceCall::Enact { case }),
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Governance(call))
    }

    fn proposed(&self, case: Case, by: HospitalId) -> Motion {
        let bits = self.bits(case, About::Motion, 0);
        let other = self.near(case, by, 0);
        match below(5, bits) {
            0 => Motion::Suspend(other),
            1 => Motion::Admit(other),
            // The first of the slice before, if there is one.
            2 => {
                let slice = (case.0 >> TxNumber::PLACE_BITS).saturating_sub(1);
                Motion::Dispute(Case(slice << TxNumber::PLACE_BITS | self.claims))
            }
            3 => Motion::Stipend(STIPENDS[0] + bits % (STIPENDS[1] - STIPENDS[0])),
            _ => {
                let policy = [Residency::Free, Residency::Adequacy, Residency::LocalOnly][(bits % 3) as usize];
                Motion::Residency { country: self.people.home(other).country, policy }
            }
        }
    }
}
