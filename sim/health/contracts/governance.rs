//! Governance: members propose, vote and enact. What is enacted takes effect some blocks later, at the same height for
//! everyone.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Encode, Height, HospitalId, Sink};
use crate::health::call::encode_calls;
use crate::health::{Amount, Case, People, Refusal, Residency};

use super::table::{Table, Write};
use super::trials::STIPEND;
use super::{Signed, Verdict};

/// What members do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GovernanceCall {
    /// A hospital proposes something.
    Propose {
        /// Names the motion.
        case: Case,
        /// What.
        motion: Motion,
    },
    /// A member votes.
    Vote {
        /// The motion.
        case: Case,
        /// For it, or against.
        yes: bool,
    },
    /// Who proposed it enacts it.
    Enact {
        /// The motion.
        case: Case,
    },
}

/// What can be proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// A country lets its patients' data go elsewhere, or does not.
    Residency {
        /// The country, by number.
        country: u16,
        /// Where its data may go from then on.
        policy: Residency,
    },
    /// A hospital is a member no more: its calls are refused.
    Suspend(HospitalId),
    /// A hospital is one again.
    Admit(HospitalId),
    /// A dispute about a claim is upheld: nothing more is paid on it.
    Dispute(Case),
    /// A parameter: what subjects of trials are paid from then on, hundredths.
    Stipend(Amount),
}

impl Encode for Motion {
    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Motion::Residency { country, policy } => (0u8, country, policy as u8).encode(sink),
            Motion::Suspend(hospital) => (1u8, hospital).encode(sink),
            Motion::Admit(hospital) => (2u8, hospital).encode(sink),
            Motion::Dispute(claim) => (3u8, claim).encode(sink),
            Motion::Stipend(amount) => (4u8, amount).encode(sink),
        }
    }
}

encode_calls!(GovernanceCall {
    0 Propose { case, motion }
    1 Vote { case, yes }
    2 Enact { case }
});

/// Blocks from the one that enacts a motion to the first for which it is in effect.
pub const NOTICE: u64 = 8;
/// The parameter that [`Motion::Stipend`] sets.
const PAID_TO_SUBJECTS: u8 = 0;

#[derive(Clone, Copy, Debug)]
struct Proposal {
    by: HospitalId,
    motion: Motion,
    /// Members who voted, and those of them who are for it: a bit for each, in the order of members.
    voted: u64,
    yes: u64,
    /// The first height for which it is in effect, once it is enacted.
    from: Option<Height>,
}

impl Encode for Proposal {
    fn encode(&self, sink: &mut impl Sink) {
        (self.by, self.motion, self.from.unwrap_or(Height(0))).encode(sink);
        (self.voted, self.yes).encode(sink);
    }
}

/// Motions, and the rules that follow from those in effect.
#[derive(Clone, Debug)]
pub(super) struct Governance {
    people: Arc<People>,
    height: Height,
    proposals: Table<Case, Proposal>,
    /// Motions enacted and not in effect yet, in the order in which they were: of two that contradict the later holds.
    due: VecDeque<(Height, Case, Motion)>,
    /// Policies that motions have set, by country.
    residency: Table<u16, Residency>,
    /// Hospitals about whose membership a motion was enacted: whether they are suspended.
    suspended: Table<HospitalId, bool>,
    /// Parameters that motions have set; there is one.
    parameters: Table<u8, Amount>,
}

impl Governance {
    pub fn new(people: Arc<People>) -> Governance {
        let (proposals, residency, suspended) = (Table::new(16), Table::new(17), Table::new(18));
        let (height, due, parameters) = (Height(0), VecDeque::new(), Table::new(19));
        Governance { people, height, proposals, due, residency, suspended, parameters }
    }

    /// A block begins: motions that are due take effect, and are returned. What follows from a dispute is for claims.
    pub fn begin(&mut self, height: Height) -> Vec<(Case, Motion)> {
        self.height = height;
        let mut in_effect = Vec::new();
        while let Some((_, case, motion)) = self.due.front().copied().filter(|(from, ..)| *from <= height) {
            self.due.pop_front();
            match motion {
                Motion::Residency { country, policy } => self.residency.put(country, policy),
                Motion::Suspend(hospital) => self.suspended.put(hospital, true),
                Motion::Admit(hospital) => self.suspended.put(hospital, false),
                Motion::Dispute(_) => {}
                Motion::Stipend(amount) => self.parameters.put(PAID_TO_SUBJECTS, amount),
            }
            in_effect.push((case, motion));
        }
        in_effect
    }

    pub fn execute(&mut self, signed: Signed, call: &GovernanceCall) -> Verdict {
        match *call {
            GovernanceCall::Propose { case, motion } => {
                if self.proposals.contains(&case) {
                    return Err(Refusal::DoneBefore);
                }
                let proposal = Proposal { by: signed.by, motion, voted: 0, yes: 0, from: None };
                self.proposals.put(case, proposal);
                Ok(())
            }
            GovernanceCall::Vote { case, yes } => self.vote(signed, case, yes),
            GovernanceCall::Enact { case } => self.enact(signed, case),
        }
    }

    fn proposal(&self, case: Case) -> Result<Proposal, Refusal> {
        self.proposals.get(&case).copied().ok_or(Refusal::NotProposed)
    }

    fn vote(&mut self, signed: Signed, case: Case, yes: bool) -> Verdict {
        let proposal = self.proposal(case)?;
        let members = self.people.members();
        let member = members.iter().position(|member| *member == signed.by).ok_or(Refusal::NoMember)?;
        if proposal.from.is_some() || proposal.voted >> member & 1 == 1 {
            return Err(Refusal::DoneBefore);
        }
        self.proposals.change(&case, |proposal| {
            proposal.voted |= 1 << member;
            proposal.yes |= u64::from(yes) << member;
        });
        Ok(())
    }

    /// More than two thirds of the members must be for it; who is suspended counts neither way, so that some can still make
    /// rules where many are.
    fn enact(&mut self, signed: Signed, case: Case) -> Verdict {
        let proposal = self.proposal(case)?;
        let entitled = self.entitled();
        match () {
            () if proposal.by != signed.by => return Err(Refusal::WrongParty),
            () if proposal.from.is_some() => return Err(Refusal::DoneBefore),
            () if 3 * (proposal.yes & entitled).count_ones() <= 2 * entitled.count_ones() => {
                return Err(Refusal::NotCarried);
            }
            () => {}
        }
        let from = Height(self.height.0 + NOTICE);
        self.due.push_back((from, case, proposal.motion));
        self.proposals.change(&case, |proposal| proposal.from = Some(from));
        Ok(())
    }

    /// Members who are not suspended: a bit for each, in the order of members.
    fn entitled(&self) -> u64 {
        let members = self.people.members().iter().enumerate();
        members.filter(|(_, member)| self.admitted(**member).is_ok()).map(|(nth, _)| 1 << nth).sum()
    }

    /// What a subject of a trial is paid.
    pub fn stipend(&self) -> Amount {
        self.parameters.get(&PAID_TO_SUBJECTS).copied().unwrap_or(STIPEND)
    }

    /// Whether a hospital may use the ledger.
    pub fn admitted(&self, hospital: HospitalId) -> Verdict {
        if self.suspended.get(&hospital) == Some(&true) { Err(Refusal::Suspended) } else { Ok(()) }
    }

    /// Whether the law of a country lets its patients' data go to another hospital.
    pub fn may_leave(&self, from: HospitalId, to: HospitalId) -> Verdict {
        let (from, to) = (self.people.home(from), self.people.home(to));
        let policy = self.residency.get(&from.country).copied().unwrap_or(from.residency);
        match policy {
            _ if from.country == to.country => Ok(()),
            Residency::Free => Ok(()),
            Residency::Adequacy if to.adequate => Ok(()),
            Residency::Adequacy => Err(Refusal::NoAdequacy),
            Residency::LocalOnly => Err(Refusal::DataStay),
        }
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.proposals.settle(writes);
        self.residency.settle(writes);
        self.suspended.settle(writes);
        self.parameters.settle(writes);
    }
}
