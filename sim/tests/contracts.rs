//! Contracts in whole runs: every look at data is decided, cases go on as they began, and revocations are felt.

use systole::base::Digest;
use systole::engine::{ContractOutcome, Decided, Felt};
use systole::health::{Planted, Refusal};
use systole::ledger::Rejection;

use systole::scenario::{RunOptions, Scenario};

use crate::runs::{regional, run, run_modelled, setup, workloads, world};

const SHORT: [&str; 3] = ["run.warm_up_s=5", "run.window_s=5", "world.load_tps=2000"];

struct Told {
    kinds: Vec<String>,
    outcome: ContractOutcome,
}

impl Told {
    fn by(settings: &[&str]) -> Told {
        let scenario = regional(&[&SHORT[..], settings].concat());
        let outcome = run_modelled(&scenario).contracts.expect("jolteon runs contracts");
        Told { kinds: world().kinds.iter().map(|kind| kind.name.clone()).collect(), outcome }
    }

    fn of(&self, kind: &str) -> &Decided {
        let index = self.kinds.iter().position(|name| name == kind).expect("the taxonomy has it");
        &self.outcome.by_kind[index]
    }

    fn done(&self, kind: &str) -> u64 {
        self.of(kind).done
    }

    fn refused(&self, kind: &str, reason: Refusal) -> u64 {
        self.of(kind).refused[reason as usize]
    }
}

#[test]
fn most_looks_are_allowed_and_each_refusal_has_its_reason() {
    let told = Told::by(&[]);
    let read = told.of("access.read");
    let refused: u64 = read.refused.iter().sum();
    assert!(read.done > 4_000 && refused > 0 && refused * 5 < read.done, "{read:?}");
    assert!(told.refused("access.read", Refusal::OutOfScope) > 0);
    assert_eq!(told.refused("access.read", Refusal::UnknownPatient), 0);
    assert!(told.outcome.emergencies > 10);
    assert_eq!(told.of("access.break_glass").refused.iter().sum::<u64>(), 0);
}

#[test]
fn whoever_asks_nobody_finds_data_without_consent() {
    let told = Told::by(&["people.consented=0", "people.elsewhere=1", "people.abroad=0"]);
    let read = told.of("access.read");
    assert_eq!(read.done, 0, "{read:?}");
    assert!(told.refused("access.read", Refusal::NoConsent) > 4_000);
    assert_eq!(told.of("share.disclose").done + told.of("share.acknowledge").done, 0);
    assert!(told.refused("share.disclose", Refusal::NotRequested) > 10);
}

#[test]
fn what_was_asked_for_is_handed_over_and_acknowledged_a_step_later_each() {
    let told = Told::by(&[
        "people.consented=1",
        "people.expired=0",
        "people.denied=0",
        "people.abroad=0",
        "world.only=[\"share.*\"]",
    ]);
    let [asked, handed_over, come] =
        ["share.request", "share.disclose", "share.acknowledge"].map(|kind| told.of(kind).done);
    // The run is 10 s long, and a step 1.5 s.
    assert!(asked > 100 && handed_over * 10 > asked * 7 && come * 10 > asked * 5, "{asked} {handed_over} {come}");
    assert!(come < handed_over && handed_over < asked, "{asked} {handed_over} {come}");
    for kind in ["share.disclose", "share.acknowledge"] {
        let decided = told.of(kind);
        let odd: u64 = decided.refused.iter().sum::<u64>()
            - told.refused(kind, Refusal::NotRequested)
            - told.refused(kind, Refusal::NotDisclosed);
        assert_eq!(odd, 0, "{kind}: {decided:?}");
    }
}

#[test]
fn laws_keep_data_in_their_country() {
    let told = Told::by(&[
        "people.consented=1",
        "people.expired=0",
        "people.elsewhere=1",
        "people.abroad=1",
        "world.only=[\"share.*\", \"access.*\"]",
    ]);
    let kept = [Refusal::DataStay, Refusal::NoAdequacy].map(|reason| told.refused("share.request", reason));
    assert!(kept.iter().all(|&count| count > 5), "{kept:?}");
    assert!(told.refused("access.read", Refusal::DataStay) > 5, "to look from abroad is to have data leave");
    assert_eq!(told.of("access.break_glass").refused.iter().sum::<u64>(), 0, "glass may be broken anywhere");
}

#[test]
fn a_revocation_is_felt_everywhere_within_seconds() {
    let told = Told::by(&[]);
    let reach = &told.outcome.reach[Felt::Revocation as usize];
    let [replicas, hospitals] = [&reach.replicas, &reach.hospitals];
    assert!(replicas.count() > 0 && replicas.count() == hospitals.count());
    assert!(replicas.quantile_ms(0.5) < hospitals.quantile_ms(0.5) && hospitals.quantile_ms(0.99) < 5_000.0);
    assert_eq!(told.refused("consent.deny", Refusal::NothingInForce), 0);
    assert!(told.refused("consent.revoke", Refusal::NothingInForce) < told.of("consent.revoke").done);
}

#[test]
fn patients_sign_their_consents_and_forgeries_are_refused_before_they_are_decided() {
    let scenario = regional(&[&SHORT[..], &["inject.forged=0.4", "world.load_tps=200"]].concat());
    let outcome = run_modelled(&scenario);
    let decided: u64 = outcome.contracts.expect("jolteon runs contracts").by_kind.iter().map(Decided::all).sum();
    assert_eq!(decided, outcome.counts.in_effect_total);
    assert!(outcome.counts.rejected_total[Rejection::ForgedSignature as usize] > 100);
    let scenario = regional(&[&SHORT[..], &["world.load_tps=300", "run.window_s=1"]].concat());
    let real = run(&scenario, &setup(&scenario, 2, false));
    assert_eq!(real.digest, run_modelled(&scenario).digest);
    assert_eq!(real.counts.rejected_total, run_modelled(&scenario).counts.rejected_total);
}

#[test]
fn a_claim_is_paid_after_three_other_stages_and_cheats_are_not() {
    let told = Told::by(&["world.only=[\"claim.*\"]", "world.load_tps=600", "inject.frauds=0.2"]);
    let [submitted, confirmed, paid] =
        ["claim.submit", "claim.service_confirm", "claim.pay"].map(|kind| told.done(kind));
    assert!(submitted > 500 && confirmed > submitted / 2 && paid > submitted / 4, "{submitted} {confirmed} {paid}");
    for manner in [Planted::Phantom, Planted::Rebilled, Planted::Inflated, Planted::PaidTwice] {
        let frauds = told.outcome.caught[manner as usize];
        // Of some the claim was refused before, for want of insurance.
        let caught = frauds.missed == 0 && frauds.caught * 10 > frauds.planted * 6;
        assert!(frauds.planted > 20 && caught, "{manner:?}: {frauds:?}");
    }
    let reasons = [
        told.refused("claim.submit", Refusal::BilledBefore),
        told.refused("claim.service_confirm", Refusal::WrongParty),
        told.refused("claim.pay", Refusal::WrongAmount),
        told.refused("claim.pay", Refusal::NotConfirmed),
        told.refused("claim.pay", Refusal::PaidBefore),
    ];
    assert!(reasons.iter().all(|&count| count > 10), "{reasons:?}");
    let [hospitals, payers, ..] = told.outcome.balances;
    assert!(hospitals > 0 && hospitals == -payers, "what payers pay, hospitals get");
    assert!(told.outcome.settlement.count() > 0);
}

#[test]
fn false_packs_are_caught_but_for_the_first_copy_of_a_code() {
    let settings = ["world.only=[\"rx.*\", \"pack.*\"]", "inject.counterfeits=0.1", "people.share=0.001"];
    let told = Told::by(&settings);
    let false_ones = told.outcome.caught[Planted::Counterfeit as usize];
    let missed = false_ones.missed;
    assert!(missed > 0 && false_ones.caught > 3 * missed, "{false_ones:?}");
    assert!(told.refused("rx.dispense", Refusal::UnknownSerial) > 10);
    assert!(told.refused("rx.dispense", Refusal::NotInCustody) > 10);
    assert!(told.done("rx.dispense") > 8 * false_ones.planted / 2);
    assert!(told.done("pack.receive") > 10 && told.done("pack.receive") <= told.done("pack.ship"));
}

#[test]
fn subjects_of_trials_are_captured_paid_once_and_let_go() {
    let extra = "world.extra={\"trial.withdraw\" = 50.0}";
    let told =
        Told::by(&["world.only=[\"trial.*\"]", extra, "world.load_tps=800", "run.window_s=12", "inject.breaches=0.05"]);
    let [enrolled, paid] = ["trial.consent", "trial.pay"].map(|kind| told.done(kind));
    assert!(enrolled > 100 && paid > enrolled / 2 && paid <= enrolled, "{enrolled} {paid}");
    assert!(told.refused("trial.capture", Refusal::NotEnrolled) > 5);
    assert!(told.refused("trial.capture", Refusal::Withdrawn) > 5);
    let breaches = told.outcome.caught[Planted::Breach as usize];
    assert!(breaches.planted > 0 && breaches.caught == breaches.planted);
    let [hospitals, payers, patients, operator] = told.outcome.balances;
    assert_eq!((hospitals + patients, payers, operator), (0, 0, 0));
}

#[test]
fn who_is_forgotten_leaves_anchors_that_are_nobodys() {
    let extra = "world.extra={\"record.erase\" = 20.0}";
    let told = Told::by(&["world.only=[\"record.*\"]", extra]);
    let residue = told.outcome.residue;
    assert!(residue.patients > 50 && residue.orphaned.count >= residue.patients / 2, "{residue:?}");
    assert!(residue.orphaned.bytes >= 224 * residue.orphaned.count);
    assert!(told.outcome.reach[Felt::Erasure as usize].replicas.count() > 0);
}

#[test]
fn the_state_has_a_root_whose_rows_are_proved() {
    let scenario = regional(&[&SHORT[..], &["world.load_tps=300", "run.window_s=1"]].concat());
    let real = run(&scenario, &setup(&scenario, 2, false));
    let state = real.real.state.expect("a real run makes the tree");
    assert!(state.rows > 50 && state.proved == state.rows.min(state.proved) && state.proved > 50, "{state:?}");
    let again = run(&scenario, &setup(&scenario, 1, false));
    assert_eq!(again.real.state, Some(state.clone()), "the roots follow from the rows");
    assert!(run_modelled(&scenario).real.state.is_none());
    assert_eq!(state.roots.len() as u64, real.counts.blocks_total, "each block has one");
    let mut kept = setup(&scenario, 0, true);
    kept.keep_ledger = true;
    let outcome = run(&scenario, &kept);
    let headers: Vec<Digest> =
        outcome.archive.expect("it was asked for").blocks().map(|block| block.state_root).collect();
    assert_eq!((outcome.digest, headers), (real.digest, state.roots), "a ledger's headers have them, modelled or not");
}

#[test]
fn members_enact_motions_and_a_judge_counts_what_crosses_borders() {
    let extra = "world.extra={\"governance.propose\" = 40.0, \"governance.vote\" = 280.0, \"governance.enact\" = 40.0}";
    let only = "world.only=[\"share.*\", \"governance.*\"]";
    let settings = [extra, only, "people.abroad=0.5", "world.load_tps=300", "run.window_s=20", "run.drain_s=10"];
    let outcome = run_modelled(&regional(&[&SHORT[..], &settings].concat()));
    let contracts = outcome.contracts.expect("jolteon runs contracts");
    let [enacted, known] = [&contracts.enacted, &contracts.reach[Felt::Enactment as usize].replicas];
    assert!(enacted.count() > 5, "{} motions in effect", enacted.count());
    assert!(enacted.quantile_ms(0.5) > known.quantile_ms(0.5), "in effect eight blocks after the one that all know");
    let counted = |name| outcome.counted.iter().find(|(known, _)| *known == name).expect("the judge counts it").1;
    assert!(counted("border_crossings") > 0 && counted("border_crossings") >= contracts.abroad[0]);
    assert_eq!(counted("residency_violations"), 0);
}

/// Every shipped scenario, shortened, under a chain and a DAG.
#[test]
fn every_shipped_scenario_runs_with_every_judge_silent() {
    let files = std::fs::read_dir(workloads()).expect("the shipped scenarios are there");
    let mut names: Vec<_> = files.map(|entry| entry.expect("readable").path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    for path in &names {
        for protocol in ["jolteon", "mysticeti"] {
            let name = path.file_stem().expect("a file has a name").to_string_lossy();
            let mut settings = vec![
                format!("consensus.protocol={protocol}"),
                "consensus.replicas=4".into(),
                "world.hospitals=100".into(),
                "run.warm_up_s=1".into(),
                "run.window_s=3".into(),
                "run.drain_s=6".into(),
            ];
            // What is sparse keeps its own rate.
            if !["trial", "governance", "drug-recall", "replay"].contains(&&*name) {
                settings.push("world.load_tps=300".into());
            }
            let scenario = Scenario::load(path, &settings).unwrap_or_else(|error| panic!("{error}"));
            let world = scenario.world().unwrap_or_else(|error| panic!("{error}"));
            let options = RunOptions { threads: 1, modelled: true, load_tps: None, timing: None };
            let outcome = run(&scenario, &scenario.setup(&world, &options).0);
            let contracts = outcome.contracts.as_ref().expect("both run contracts");
            let done: u64 = contracts.by_kind.iter().map(|decided| decided.done).sum();
            assert!(done > 20, "{name} under {protocol}: {done} calls done");
            assert!(outcome.judges.contains(&"contracts"));
        }
    }
}

#[test]
fn shards_and_the_calendar_run_no_contracts() {
    for protocol in ["consensus.protocol=sharded", "consensus.protocol=calendar"] {
        let two = ["world.load_tps=200", "consensus.replicas=8", "protocol.sharded.shards=2", protocol];
        let outcome = run_modelled(&regional(&[&SHORT[..], &two].concat()));
        assert!(outcome.contracts.is_none() && outcome.counts.in_effect_total > 0, "{protocol}");
    }
}
