//! What each contract takes on the host at hand, for cost tables. Like the rest of what measures, it reads the wall clock
//! and runs in no simulation.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use crate::base::{Height, HospitalId, Rate, Span, Time};
use crate::crypto::ContractCosts;
use crate::health::script::Script;
use crate::health::{Call, Case, Habits, Home, Injection, People, Residency, Verb};

use super::{Contracts, Signed};

/// Cases of each contract: enough that its rows are in no cache of the first level.
const CASES: u64 = 4_096;
/// Runs, each from genesis, of which the median counts.
const RUNS: usize = 5;
const HOSPITALS: u32 = 500;
const PATIENTS: u32 = 100_000;

/// Measures every contract on one thread: the mean over the calls of a life of 4,096 cases, stage by stage, refused
/// ones included. Some tenths of a second compiled for release.
pub fn measure_contracts() -> ContractCosts {
    use Verb::*;
    let script = Script::new(1, people(), Injection::default());
    let ns = |life: &[Verb]| median(&calls(&script, life));
    ContractCosts {
        record: ns(&[Anchor, Anchor, Amend]),
        consent: ns(&[Grant, Renew, Revoke, Deny]),
        access: ns(&[Look, Look, Look, Attend, Report]),
        share: ns(&[Request, Disclose, Acknowledge]),
        claim: ns(&[Inquire, Submit, Confirm, Adjudicate, Pay]),
        prescription: ns(&[Prescribe, Dispense]),
        pack: ns(&[Commission, Ship, Receive, Unpack, Verify, Decommission]),
        trial: ns(&[Enrol, Capture, Capture, Stipend]),
        licence: ns(&[License, Royalty]),
        governance: ns(&[Propose, Vote, Vote, Vote, Vote, Vote, Vote, Vote, Enact]),
    }
}

fn people() -> Arc<People> {
    let home = |nth: u32| Home {
        patients: PATIENTS,
        country: (nth / 25) as u16,
        residency: [Residency::Free, Residency::Adequacy, Residency::LocalOnly][nth as usize / 25 % 3],
        adequate: (nth / 25).is_multiple_of(2),
        uplink: Rate::from_mbps(100.0),
    };
    let habits = Habits { consented: 0.5, expired: 0.02, denied: 0.01, elsewhere: 0.2, abroad: 0.1, insured: 0.9 };
    Arc::new(People::new(1, (0..HOSPITALS).map(home).collect(), habits))
}

/// All cases come to a stage before any comes to the next. Where a stage comes again, it is the case's next of its kind.
fn calls(script: &Script, life: &[Verb]) -> Vec<(Signed, Call)> {
    let mut calls = Vec::with_capacity(life.len() * CASES as usize);
    for (stage, &verb) in life.iter().enumerate() {
        let nth = life[..stage].iter().filter(|&&earlier| earlier == verb).count() as u32;
        for number in 0..CASES {
            let by = HospitalId((number % u64::from(HOSPITALS)) as u32);
            // A record that is anchored again would be refused: it is another.
            let case = Case(number + if verb == Verb::Anchor { u64::from(nth) * CASES } else { 0 });
            let at = Time::ZERO + Span::from_millis(number);
            let part = script.part(verb, case, nth, by, at);
            calls.push((Signed { by: part.by, at, bytes: 224 }, part.call));
        }
    }
    calls
}

/// Nanoseconds a call.
fn median(calls: &[(Signed, Call)]) -> u64 {
    let mut runs: Vec<u128> = (0..RUNS).map(|_| run(calls)).collect();
    runs.sort_unstable();
    u64::try_from(runs[RUNS / 2].div_ceil(calls.len() as u128)).expect("a call takes less than 584 years")
}

fn run(calls: &[(Signed, Call)]) -> u128 {
    let mut contracts = Contracts::new(people());
    contracts.begin(Height(1));
    let start = Instant::now();
    for (signed, call) in calls {
        let _verdict = black_box(contracts.execute(*signed, call));
    }
    start.elapsed().as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_what_is_measured_is_done_and_not_refused() {
        let script = Script::new(1, people(), Injection::default());
        let lives = [
            vec![Verb::Anchor, Verb::Anchor, Verb::Amend],
            vec![Verb::Request, Verb::Disclose, Verb::Acknowledge],
            vec![Verb::Submit, Verb::Confirm, Verb::Adjudicate, Verb::Pay],
            vec![Verb::Prescribe, Verb::Dispense],
            vec![Verb::Enrol, Verb::Capture, Verb::Stipend],
            vec![Verb::License, Verb::Royalty],
        ];
        for life in lives {
            let (calls, mut contracts) = (calls(&script, &life), Contracts::new(people()));
            contracts.begin(Height(1));
            let done = calls.iter().filter(|(signed, call)| contracts.execute(*signed, call).is_ok()).count();
            assert!(done * 2 > calls.len(), "{life:?}: {done} of {}", calls.len());
        }
    }

    #[test]
    fn every_contract_takes_some_time() {
        let ContractCosts { record, consent, access, share, claim, prescription, pack, trial, licence, governance } =
            measure_contracts();
        let all = [record, consent, access, share, claim, prescription, pack, trial, licence, governance];
        assert!(all.iter().all(|&ns| ns > 0), "{all:?}");
    }
}
