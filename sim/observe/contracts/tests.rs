//! The judge beside the executor: they agree on whatever is asked for, and no wrong verdict passes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::Digest;
use crate::health::campaign::{self, Step};
use crate::health::{Contracts, Verdict};
use crate::ledger::{Kind, Stage, TxNumber};

use super::*;

/// The executor, and the judge that hears its verdicts.
struct Court {
    contracts: Contracts,
    judge: ContractRules,
    height: Height,
}

impl Court {
    fn new(people: Arc<People>) -> Court {
        let contracts = Contracts::new(people.clone());
        Court { contracts, judge: ContractRules::new(people), height: Height(0) }
    }

    fn execute(&mut self, step: &Step) -> Verdict {
        if self.height != step.height {
            self.height = step.height;
            self.contracts.begin(step.height);
        }
        self.contracts.execute(step.signed, &step.call)
    }

    fn hears(&mut self, step: &Step, verdict: Verdict) -> Result<(), String> {
        let transaction = transaction(step);
        let (height, call) = (step.height, &step.call);
        self.judge.observe(&Tap::Decided { height, transaction: &transaction, call, verdict })
    }

    fn settles(&mut self, balances: [i64; 4]) -> Result<(), String> {
        self.judge.observe(&Tap::Settled { balances })
    }
}

fn transaction(step: &Step) -> Transaction {
    Transaction {
        id: Digest::of(b"whichever"),
        number: TxNumber(7),
        submitted: step.signed.at,
        hospital: step.signed.by,
        wire: step.signed.bytes,
        payload: 0,
        kind: Kind(0),
        authentic: true,
        replay: false,
        stage: Stage::Local,
    }
}

/// Every call is decided as the judge says, and money is where it says. Returns the verdicts.
fn agree(words: &[u64]) -> Vec<(Step, Verdict)> {
    let people = campaign::people();
    let mut court = Court::new(people.clone());
    let mut decided = Vec::new();
    for step in campaign::steps(&people, words) {
        let verdict = court.execute(&step);
        assert_eq!(court.hears(&step, verdict), Ok(()), "{step:?} after {} calls", decided.len());
        decided.push((step, verdict));
    }
    let balances = court.contracts.balances();
    assert_eq!(court.settles(balances), Ok(()));
    decided
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_judge_agrees_with_the_executor_on_every_call(words in vec(any::<u64>(), 1..500)) {
        agree(&words);
    }
}

#[test]
fn lives_of_every_kind_go_on_to_their_ends_and_every_reason_is_given() {
    let (mut allowed, mut reasons) = (BTreeMap::new(), BTreeSet::new());
    for seed in 0..40 {
        for (step, verdict) in agree(&campaign::words(seed, 600)) {
            match verdict {
                Ok(()) => *allowed.entry(campaign::verb(&step.call)).or_insert(0) += 1,
                Err(refusal) => drop(reasons.insert(refusal)),
            }
        }
    }
    assert_eq!(allowed.len(), campaign::VERBS, "{allowed:?}");
    let never: Vec<&str> = Refusal::all().filter(|refusal| !reasons.contains(refusal)).map(Refusal::name).collect();
    assert!(never.is_empty(), "never refused so: {never:?}");
}

#[test]
fn every_wrong_verdict_is_convicted_whatever_was_asked_for() {
    let mut convicted = BTreeSet::new();
    for seed in 0..8 {
        let people = campaign::people();
        let mut court = Court::new(people.clone());
        for step in campaign::steps(&people, &campaign::words(seed, 400)) {
            let verdict = court.execute(&step);
            let others = [Refusal::DoneBefore, Refusal::WrongParty].map(Err);
            for lie in others.into_iter().chain([Ok(())]).filter(|lie| *lie != verdict) {
                let what = court.hears(&step, lie).expect_err("a wrong verdict");
                assert!(what.contains("the rules say") && what.starts_with("transaction 7 of "), "{what}");
                convicted.insert((campaign::verb(&step.call), verdict.err(), lie.err()));
            }
            assert_eq!(court.hears(&step, verdict), Ok(()), "a lie leaves no trace: {step:?}");
        }
    }
    let allowed_wrongly: BTreeSet<_> = convicted.iter().filter(|(.., lie)| lie.is_none()).collect();
    assert!(allowed_wrongly.len() > 60, "{} sorts of refusals were kept silent about", allowed_wrongly.len());
}

#[test]
fn money_that_nobody_paid_is_convicted() {
    let people = campaign::people();
    let mut court = Court::new(people.clone());
    for step in campaign::steps(&people, &campaign::words(1, 3_000)) {
        let verdict = court.execute(&step);
        court.hears(&step, verdict).expect("it is right");
    }
    let [hospitals, payers, patients, operator] = court.contracts.balances();
    assert!(payers < 0 && patients > 0 && operator > 0, "all have paid or been paid");
    assert_eq!(court.settles([hospitals, payers, patients, operator]), Ok(()));
    for balances in [
        [hospitals + 1, payers - 1, patients, operator],
        [hospitals, payers, patients + operator, 0],
        [hospitals, payers, patients, operator + 1],
    ] {
        let what = court.settles(balances).expect_err("a sum is wrong");
        assert!(what.contains("by what was allowed they have"), "{what}");
    }
}
