//! Random calls of every family among few hospitals and patients, for tests: most find something that an earlier one
//! left, so that lives go on to their ends, and some are of who has no business there.

use std::sync::Arc;

use crate::base::{Height, HospitalId, Rate, Span, Time};
use crate::kernel::draw::{Site, below, draw};

use super::{
    AccessCall, BILLED_AT_GENESIS, Call, Case, Category, Change, ClaimCall, ConsentCall, ConsentKey, GovernanceCall,
    Habits, Home, LicenceCall, Motion, Pack, PackCall, Patient, People, Purpose, RecordCall, Residency, RxCall, Scope,
    ShareCall, Signed, TrialCall, Unit,
};

/// Hospitals of a campaign; two of them are no members.
const HOSPITALS: u64 = 9;

/// A call in its place.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub height: Height,
    pub signed: Signed,
    pub call: Call,
}

/// Four countries: one asks for adequacy, one protects nothing, one keeps its data, one does not care.
pub fn people() -> Arc<People> {
    let home = |country, residency, adequate| Home { patients: 3, country, residency, adequate, uplink: Rate::new(1) };
    let mut homes = vec![home(0, Residency::Adequacy, true); 2];
    homes.push(home(1, Residency::Free, false));
    homes.extend([home(2, Residency::LocalOnly, true); 2]);
    homes.extend([home(3, Residency::Free, true); 4]);
    let habits = Habits { consented: 0.6, expired: 0.2, denied: 0.1, elsewhere: 0.0, abroad: 0.0, insured: 0.8 };
    Arc::new(People::new(3, homes, habits))
}

/// As many words as asked for, of a seed.
pub fn words(seed: u64, count: u64) -> Vec<u64> {
    (0..count).map(|nth| draw(seed, Site::Schedule, nth, 0, 0)).collect()
}

/// A call for each word.
pub fn steps(people: &People, words: &[u64]) -> Vec<Step> {
    let mut height = 1;
    let step = |(nth, word): (usize, &u64)| {
        let mut dice = Dice { people, word: *word, rolled: 0, nth: nth as u64 };
        height += u64::from(dice.roll(4) == 0);
        let (right, call) = dice.call();
        let by = if dice.roll(10) == 0 { dice.hospital() } else { right };
        Step { height: Height(height), signed: Signed { by, at: at(nth as u64), bytes: 100 }, call }
    };
    words.iter().enumerate().map(step).collect()
}

/// What a call does, in words that no other has: its family and its variant, and how a consent changes.
pub fn verb(call: &Call) -> String {
    let text = match call {
        Call::Consent(ConsentCall { change, .. }) => format!("Consent({change:?})"),
        call => format!("{call:?}"),
    };
    text.split([' ', ')']).next().expect("a split has a first part").to_owned()
}

/// How many different words [`verb`] has.
pub const VERBS: usize = 42;

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// The choices of one word, for the `nth` call.
struct Dice<'a> {
    people: &'a People,
    word: u64,
    rolled: u64,
    nth: u64,
}

impl Dice<'_> {
    fn roll(&mut self, sides: u64) -> u64 {
        self.rolled += 1;
        below(sides, draw(self.word, Site::Schedule, self.rolled, 0, 0))
    }

    fn hospital(&mut self) -> HospitalId {
        HospitalId(self.roll(HOSPITALS) as u32)
    }

    /// One of some cases of these days; `days` calls later others are at hand.
    fn case(&mut self, days: u64, cases: u64) -> Case {
        Case(self.nth / days * cases + self.roll(cases + 1))
    }

    /// Whom a case is about, mostly.
    fn patient(&mut self, case: Case) -> Patient {
        let (home, number) = (HospitalId((case.0 % HOSPITALS) as u32), (case.0 / HOSPITALS % 2) as u32);
        match self.roll(30) {
            0 => Patient { home, number: 99 },
            1 => Patient { home: self.hospital(), number },
            _ => Patient { home, number },
        }
    }

    /// The other hospital of a case.
    fn other(&self, case: Case) -> HospitalId {
        HospitalId(((case.0 + 1 + case.0 / HOSPITALS % 3) % HOSPITALS) as u32)
    }

    fn purpose(&mut self) -> Purpose {
        if self.roll(2) == 0 { Purpose::Treatment } else { Purpose::Research }
    }

    fn category(&mut self) -> Category {
        Category::ALL[[0, 0, 1, 2, 3][self.roll(5) as usize]]
    }

    /// A call, and who it is for to make it.
    fn call(&mut self) -> (HospitalId, Call) {
        match self.roll(100) {
            0 => (self.hospital(), Call::Plain),
            1..8 => self.record(),
            8..18 => self.consent(),
            18..28 => self.access(),
            28..37 => self.share(),
            37..51 => self.claim(),
            51..57 => self.prescription(),
            57..70 => self.unit(),
            70..75 => self.pack(),
            75..82 => self.trial(),
            82..87 => self.licence(),
            _ => self.motion(),
        }
    }

    fn record(&mut self) -> (HospitalId, Call) {
        let case = self.case(120, 4);
        let (patient, category) = (self.patient(case), self.category());
        let call = match self.roll(16) {
            0..9 => RecordCall::Anchor { case, patient, category },
            9..15 => RecordCall::Amend { case, patient },
            _ => RecordCall::Erase { patient },
        };
        (patient.home, Call::Record(call))
    }

    fn consent(&mut self) -> (HospitalId, Call) {
        let case = self.case(60, 4);
        let key = ConsentKey { patient: self.patient(case), grantee: self.other(case), purpose: self.purpose() };
        let until = at(self.nth + self.roll(80));
        let change = match self.roll(8) {
            0..4 => Change::Grant { scope: [Scope::ALL, Scope::USUAL][self.roll(2) as usize], until },
            4 | 5 => Change::Renew { until },
            6 => Change::Revoke,
            _ => Change::Deny,
        };
        (key.patient.home, Call::Consent(ConsentCall { key, change }))
    }

    fn access(&mut self) -> (HospitalId, Call) {
        let case = self.case(60, 4);
        let (patient, category) = (self.patient(case), self.category());
        let purpose = if self.roll(6) == 0 { Purpose::Emergency } else { self.purpose() };
        match self.roll(8) {
            0 => (patient.home, Call::Access(AccessCall::Readings { patient })),
            1 => (patient.home, Call::Access(AccessCall::Alert { patient })),
            2 | 3 => (self.other(case), Call::Access(AccessCall::Session { patient })),
            _ => (self.other(case), Call::Access(AccessCall::Look { patient, purpose, category })),
        }
    }

    fn share(&mut self) -> (HospitalId, Call) {
        let case = self.case(240, 2);
        let (patient, purpose, category) = (self.patient(case), self.purpose(), self.category());
        match self.roll(4) {
            0 | 1 => (self.other(case), Call::Share(ShareCall::Request { case, patient, purpose, category })),
            2 => (patient.home, Call::Share(ShareCall::Disclose { case })),
            _ => (self.other(case), Call::Share(ShareCall::Acknowledge { case })),
        }
    }

    /// Few patients are often ill: their covers are used up.
    fn claim(&mut self) -> (HospitalId, Call) {
        let case = self.case(300, 2);
        let patient = self.patient(Case(case.0 % 2));
        let payer = if self.people.known(patient).is_ok() { self.people.payer(patient) } else { self.hospital() };
        let before = self.roll(10) == 0;
        let service = if before { self.roll(BILLED_AT_GENESIS) } else { BILLED_AT_GENESIS + case.0 + self.roll(2) };
        let wrong = (self.roll(6) == 0).then(|| self.roll(1_000_000));
        let (by, call) = match self.roll(10) {
            0 => (self.other(case), ClaimCall::Eligibility { patient: self.patient(case) }),
            1..4 => {
                let amount = self.roll(1_000_000);
                (self.other(case), ClaimCall::Submit { case, patient, service, amount })
            }
            4 | 5 => (patient.home, ClaimCall::Confirm { case, patient }),
            6 | 7 => (payer, ClaimCall::Adjudicate { case }),
            _ => (payer, ClaimCall::Pay { case, amount: wrong }),
        };
        (by, Call::Claim(call))
    }

    fn genuine(&mut self, days: u64) -> Pack {
        let home = HospitalId((self.nth / days % HOSPITALS) as u32);
        Pack { home, serial: self.nth / days * 12 + self.roll(16) }
    }

    fn some_pack(&mut self, days: u64) -> Pack {
        let genuine = self.genuine(days);
        if self.roll(12) == 0 { Pack::invented(genuine.home, genuine.serial) } else { genuine }
    }

    fn prescription(&mut self) -> (HospitalId, Call) {
        let (case, pack) = (Case(self.nth / 200), self.some_pack(60));
        match self.roll(8) {
            0 => {
                let patient = self.patient(case);
                (patient.home, Call::Rx(RxCall::Prescribe { case, patient }))
            }
            _ => (pack.home, Call::Rx(RxCall::Dispense { case, pack })),
        }
    }

    fn unit(&mut self) -> (HospitalId, Call) {
        let case = self.case(300, 2);
        let (home, to) = (HospitalId((case.0 % HOSPITALS) as u32), self.other(case));
        let nth = case.0 + self.roll(2);
        let unit = match case.0 % 8 {
            0 | 2 | 4 | 6 => Unit::filled(home, nth),
            7 => Unit::expected(to, nth),
            _ => Unit { home, serial: nth },
        };
        let lot = self.people.lot_of_unit(Unit { home, serial: nth });
        let (by, call) = match self.roll(14) {
            0..3 => (home, PackCall::Commission { unit: Unit::filled(home, nth), lot }),
            3 => (home, PackCall::Aggregate { unit, into: Unit { home, serial: nth + self.roll(2) } }),
            4..7 => (home, PackCall::Ship { unit, to }),
            7..10 => (to, PackCall::Receive { unit }),
            10 => (to, PackCall::Unpack { unit }),
            11 => (to, PackCall::Transform { unit, into: Unit::filled(to, 100_000 + nth) }),
            12 => (home, PackCall::Sense { unit }),
            _ => (home, PackCall::Recall { lot }),
        };
        (by, Call::Pack(call))
    }

    fn pack(&mut self) -> (HospitalId, Call) {
        let pack = self.some_pack(60);
        let call = match self.roll(6) {
            0 | 1 => PackCall::Verify { pack },
            2 | 3 => PackCall::Decommission { pack },
            4 => PackCall::Recall { lot: self.people.lot(pack) },
            _ => PackCall::Suspect { pack },
        };
        (pack.home, Call::Pack(call))
    }

    fn trial(&mut self) -> (HospitalId, Call) {
        let case = self.case(250, 2);
        let (patient, site) = (self.patient(case), self.other(case));
        let (by, call) = match self.roll(8) {
            0 | 1 => (patient.home, TrialCall::Enrol { case, patient, site }),
            2..5 => (site, TrialCall::Capture { case }),
            5 | 6 => (site, TrialCall::Stipend { case }),
            _ => (patient.home, TrialCall::Withdraw { case, patient }),
        };
        (by, Call::Trial(call))
    }

    fn licence(&mut self) -> (HospitalId, Call) {
        let case = self.case(200, 2);
        let (patient, licensee) = (self.patient(case), self.other(case));
        match self.roll(2) {
            0 => {
                let royalty = self.roll(10_000) as u32;
                (patient.home, Call::Licence(LicenceCall::Grant { case, patient, licensee, royalty }))
            }
            _ => (licensee, Call::Licence(LicenceCall::Royalty { case })),
        }
    }

    /// Two hospitals are suspended and admitted again and again; the others suffice to carry a motion.
    fn motion(&mut self) -> (HospitalId, Call) {
        let case = Case(self.nth / 160);
        let proposer = HospitalId((case.0 % HOSPITALS) as u32);
        let hospital = [HospitalId(2), HospitalId(4)][self.roll(2) as usize];
        let (by, call) = match self.roll(12) {
            0 | 1 => {
                let motion = match self.roll(6) {
                    0 => Motion::Suspend(hospital),
                    1 => Motion::Admit(hospital),
                    // Claims of today, or of when it is in effect.
                    2 | 3 => Motion::Dispute(Case(self.nth / 300 * 2 + self.roll(6))),
                    4 => Motion::Stipend(10_000 + self.roll(30_000)),
                    _ => {
                        let policies = [Residency::Free, Residency::Adequacy, Residency::LocalOnly];
                        let (country, policy) = (self.roll(4) as u16, policies[self.roll(3) as usize]);
                        Motion::Residency { country, policy }
                    }
                };
                (proposer, GovernanceCall::Propose { case, motion })
            }
            2..10 => (self.hospital(), GovernanceCall::Vote { case, yes: self.roll(10) > 0 }),
            _ => (proposer, GovernanceCall::Enact { case }),
        };
        (by, Call::Governance(call))
    }
}
