//! What holds after any calls, each beside a record that is kept as naively as can be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::health::campaign::{self, Step};
use crate::health::{Amount, Pack, Unit, Verb};

/// Executes a campaign and shows each call with its verdict, and what the contracts came to before and after.
fn walk(words: &[u64], mut see: impl FnMut(&People, &Step, Verdict, [[i64; 4]; 2])) -> Contracts {
    let people = campaign::people();
    let mut contracts = Contracts::new(people.clone());
    let (mut height, mut before) = (Height(0), [0; 4]);
    for step in campaign::steps(&people, words) {
        if step.height != height {
            height = step.height;
            contracts.begin(height);
        }
        let verdict = contracts.execute(step.signed, &step.call);
        let after = contracts.balances();
        see(&people, &step, verdict, [before, after]);
        before = after;
    }
    contracts
}

fn gained([before, after]: [[i64; 4]; 2]) -> [i64; 4] {
    std::array::from_fn(|holder| after[holder] - before[holder])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_is_neither_made_nor_lost_and_royalties_are_split_to_the_hundredth(words in vec(any::<u64>(), 1..500)) {
        let mut royalties = BTreeMap::new();
        walk(&words, |_, step, verdict, balances| {
            assert_eq!(balances[1].iter().sum::<i64>(), 0, "{step:?}");
            let due = match step.call {
                _ if verdict.is_err() => [0; 4],
                Call::Trial(TrialCall::Stipend { .. }) => {
                    let [_, _, paid, _] = gained(balances);
                    assert!((10_000..40_000).contains(&paid), "{paid}");
                    [-paid, 0, paid, 0]
                }
                Call::Licence(LicenceCall::Royalty { case }) => {
                    let royalty = royalties[&case];
                    let (keeper, operator) = (royalty / 5, royalty / 10);
                    [keeper - royalty, 0, royalty - keeper - operator, operator]
                }
                Call::Licence(LicenceCall::Grant { case, royalty, .. }) => {
                    royalties.insert(case, i64::from(royalty));
                    [0; 4]
                }
                Call::Claim(ClaimCall::Pay { .. }) => {
                    let [paid, ..] = gained(balances);
                    assert!(paid > 0);
                    [paid, -paid, 0, 0]
                }
                _ => [0; 4],
            };
            assert_eq!(gained(balances), due, "{step:?}");
        });
    }

    #[test]
    fn a_call_fits_the_references_of_its_kinds(words in vec(any::<u64>(), 1..500)) {
        walk(&words, |_, step, _, _| {
            let (mut bytes, looks) = (Vec::new(), matches!(step.call, Call::Access(_)));
            step.call.encode(&mut bytes);
            let verb = if looks { Verb::Look } else { Verb::Grant };
            assert!(bytes.len() as u64 <= verb.call_bytes(), "{} bytes: {step:?}", bytes.len());
        });
    }

    #[test]
    fn a_claim_is_paid_once_when_it_was_confirmed_and_within_the_cover(words in vec(any::<u64>(), 1..500)) {
        let (mut of, mut confirmed, mut paid) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (mut services, mut sums) = (BTreeSet::new(), BTreeMap::new());
        walk(&words, |people, step, verdict, balances| {
            let Call::Claim(call) = step.call else { return };
            match call {
                _ if verdict.is_err() => {}
                ClaimCall::Submit { case, patient, service, amount } => {
                    assert!(services.insert((patient, service)), "billed twice: {step:?}");
                    of.insert(case, (patient, amount));
                }
                ClaimCall::Confirm { case, patient } => {
                    assert_eq!((of[&case].0, step.signed.by), (patient, patient.home));
                    assert!(confirmed.insert(case));
                }
                ClaimCall::Pay { case, .. } => {
                    assert!(confirmed.contains(&case) && paid.insert(case), "{step:?}");
                    let (patient, amount) = of[&case];
                    let went = Amount::try_from(gained(balances)[0]).expect("hospitals are paid");
                    let sum = sums.entry(patient).or_insert(0);
                    *sum += went;
                    let cover = people.cover(patient).expect("who claims is insured");
                    assert!(went <= amount && *sum <= cover, "{went} of {amount}, {sum} of {cover}: {step:?}");
                }
                ClaimCall::Eligibility { .. } | ClaimCall::Adjudicate { .. } => {}
            }
        });
    }

    #[test]
    fn a_unit_is_in_one_hand_at_most_and_a_pack_is_gone_once(words in vec(any::<u64>(), 1..500)) {
        // Who holds each unit that was touched; nobody, if it is on its way or no more.
        let mut held: BTreeMap<Unit, Option<HospitalId>> = BTreeMap::new();
        let mut going: BTreeMap<Unit, HospitalId> = BTreeMap::new();
        let mut gone: BTreeSet<Pack> = BTreeSet::new();
        walk(&words, |_, step, verdict, _| {
            let by = step.signed.by;
            let holds = |held: &BTreeMap<_, _>, unit: Unit| {
                let genesis = (unit.is_of_genesis() && !unit.is_expected()).then_some(unit.home);
                assert_eq!(held.get(&unit).copied().unwrap_or(genesis), Some(by), "{step:?}");
            };
            match step.call {
                _ if verdict.is_err() => {}
                Call::Rx(RxCall::Dispense { pack, .. }) | Call::Pack(PackCall::Decommission { pack }) => {
                    assert!(pack.is_genuine() && pack.home == by && gone.insert(pack), "{step:?}");
                }
                Call::Pack(PackCall::Commission { unit, .. }) => {
                    assert!(!unit.is_of_genesis() && held.insert(unit, Some(by)).is_none(), "{step:?}");
                }
                Call::Pack(PackCall::Ship { unit, to }) => {
                    holds(&held, unit);
                    held.insert(unit, None);
                    going.insert(unit, to);
                }
                Call::Pack(PackCall::Receive { unit }) => {
                    let expected = (unit.is_expected() && !held.contains_key(&unit)).then_some(unit.home);
                    assert_eq!(going.remove(&unit).or(expected), Some(by), "{step:?}");
                    held.insert(unit, Some(by));
                }
                Call::Pack(PackCall::Unpack { unit }) => {
                    holds(&held, unit);
                    held.insert(unit, None);
                }
                Call::Pack(PackCall::Aggregate { unit, into }) => {
                    holds(&held, into);
                    holds(&held, unit);
                    held.insert(unit, None);
                    holds(&held, into);
                }
                Call::Pack(PackCall::Transform { unit, into }) => {
                    holds(&held, unit);
                    held.insert(unit, None);
                    assert!(!into.is_of_genesis() && held.insert(into, Some(by)).is_none(), "{step:?}");
                }
                Call::Pack(PackCall::Sense { unit }) => holds(&held, unit),
                Call::Pack(PackCall::Verify { pack }) => assert!(!gone.contains(&pack), "{step:?}"),
                _ => {}
            }
        });
    }

    #[test]
    fn nothing_is_used_after_it_was_taken_back_until_it_is_granted_anew(words in vec(any::<u64>(), 1..500)) {
        let mut taken_back: BTreeSet<ConsentKey> = BTreeSet::new();
        let mut subjects = BTreeMap::new();
        walk(&words, |_, step, verdict, _| {
            let key = |patient, grantee, purpose| ConsentKey { patient, grantee, purpose };
            let by = step.signed.by;
            let used = match step.call {
                _ if verdict.is_err() => return,
                Call::Consent(ConsentCall { key, change }) => {
                    match change {
                        Change::Revoke | Change::Deny => drop(taken_back.insert(key)),
                        Change::Grant { .. } => drop(taken_back.remove(&key)),
                        Change::Renew { .. } => assert!(!taken_back.contains(&key), "{step:?}"),
                    }
                    return;
                }
                Call::Trial(TrialCall::Enrol { case, patient, site }) => {
                    taken_back.remove(&key(patient, site, Purpose::Research));
                    subjects.insert(case, key(patient, site, Purpose::Research));
                    return;
                }
                Call::Trial(TrialCall::Withdraw { case, .. }) => {
                    taken_back.insert(subjects[&case]);
                    return;
                }
                Call::Trial(TrialCall::Capture { case }) => subjects[&case],
                Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. }) => return,
                Call::Access(AccessCall::Look { patient, purpose, .. })
                | Call::Share(ShareCall::Request { patient, purpose, .. }) => key(patient, by, purpose),
                Call::Access(AccessCall::Session { patient }) => key(patient, by, Purpose::Treatment),
                Call::Licence(LicenceCall::Grant { patient, licensee, .. }) => {
                    key(patient, licensee, Purpose::Research)
                }
                _ => return,
            };
            assert!(!taken_back.contains(&used), "{step:?}");
        });
    }

    #[test]
    fn records_are_anchored_once_and_amended_until_they_are_forgotten(words in vec(any::<u64>(), 1..500)) {
        let (mut anchored, mut forgotten) = (BTreeMap::new(), BTreeSet::new());
        let mut written: BTreeMap<Patient, u64> = BTreeMap::new();
        let contracts = walk(&words, |_, step, verdict, _| {
            match step.call {
                _ if verdict.is_err() => {}
                Call::Record(RecordCall::Anchor { case, patient, .. }) => {
                    assert!(anchored.insert(case, patient).is_none() && !forgotten.contains(&patient), "{step:?}");
                    *written.entry(patient).or_default() += 1;
                }
                Call::Record(RecordCall::Amend { case, patient }) => {
                    assert!(anchored.get(&case) == Some(&patient) && !forgotten.contains(&patient), "{step:?}");
                    *written.entry(patient).or_default() += 1;
                }
                Call::Record(RecordCall::Erase { patient }) => assert!(forgotten.insert(patient), "{step:?}"),
                _ => {}
            }
        });
        let of = |patient: &Patient| written.get(patient).copied().unwrap_or(0);
        let count: u64 = forgotten.iter().map(of).sum();
        let orphaned = Anchors { count, bytes: 100 * count };
        assert_eq!(contracts.residue(), Residue { patients: forgotten.len() as u64, orphaned });
        assert_eq!(contracts.recorded(), written.len() as u64, "who is forgotten had records");
    }

    #[test]
    fn a_hospital_is_suspended_from_the_eighth_block_after_the_motion_was_enacted(
        words in vec(any::<u64>(), 1..500),
    ) {
        let mut proposed = BTreeMap::new();
        let mut enacted: Vec<(u64, Motion)> = Vec::new();
        walk(&words, |_, step, verdict, _| {
            let emergency = matches!(step.call, Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. }));
            let about = |(from, motion): &&(u64, Motion)| {
                let this = matches!(motion, Motion::Suspend(who) | Motion::Admit(who) if *who == step.signed.by);
                this && *from <= step.height.0
            };
            let suspended = matches!(enacted.iter().rfind(about), Some((_, Motion::Suspend(_))));
            assert_eq!(verdict == Err(Refusal::Suspended), suspended && !emergency, "{step:?}");
            match step.call {
                Call::Governance(GovernanceCall::Propose { case, motion }) if verdict.is_ok() => {
                    proposed.insert(case, motion);
                }
                Call::Governance(GovernanceCall::Enact { case }) if verdict.is_ok() => {
                    let motion = proposed.remove(&case).expect("it was proposed, and is enacted once");
                    enacted.push((step.height.0 + 8, motion));
                }
                _ => {}
            }
        });
    }

    #[test]
    fn equal_calls_lead_to_equal_histories_and_others_do_not(words in vec(any::<u64>(), 2..200)) {
        let history = |words: &[u64]| walk(words, |_, _, _, _| {}).history();
        let whole = history(&words);
        prop_assert_eq!(whole, history(&words));
        prop_assert_ne!(whole, history(&words[..words.len() - 1]), "each call leaves a trace");
    }
}
