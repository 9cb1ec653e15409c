//! Contracts in whole runs: every look at data is decided, cases go on as they began, and revocations are felt.

use systole::engine::{ContractOutcome, Decided};
use systole::health::Refusal;

use crate::runs::{regional, run, run_modelled, setup, world};

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

    fn of(&self, kind: &str) -> Decided {
        let index = self.kinds.iter().position(|name| name == kind).expect("the taxonomy has it");
        self.outcome.by_kind[index]
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
    let told = Told::by(&["people.consented=1", "people.expired=0", "people.denied=0", "people.abroad=0"]);
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
    let told = Told::by(&["people.consented=1", "people.expired=0", "people.elsewhere=1", "people.abroad=1"]);
    let kept = [Refusal::DataStay, Refusal::NoAdequacy].map(|reason| told.refused("share.request", reason));
    assert!(kept.iter().all(|&count| count > 5), "{kept:?}");
    assert_eq!(told.refused("access.read", Refusal::DataStay), 0, "a look is no transfer");
}

#[test]
fn a_revocation_is_felt_everywhere_within_seconds() {
    let told = Told::by(&[]);
    let [replicas, hospitals] = [&told.outcome.enforced_by_replicas, &told.outcome.enforced_by_hospitals];
    assert!(replicas.count() > 0 && replicas.count() == hospitals.count());
    assert!(replicas.quantile_ms(0.5) < hospitals.quantile_ms(0.5) && hospitals.quantile_ms(0.99) < 5_000.0);
    assert_eq!(told.refused("consent.deny", Refusal::NothingInForce), 0);
    assert!(told.refused("consent.revoke", Refusal::NothingInForce) < told.of("consent.revoke").done);
}

#[test]
fn patients_sign_their_consents_and_forgeries_are_refused_before_they_are_decided() {
    let told = Told::by(&["inject.forged=1", "world.load_tps=200"]);
    assert!(told.outcome.by_kind.iter().all(|decided| *decided == Decided::default()));
    let scenario = regional(&[&SHORT[..], &["world.load_tps=300", "run.window_s=1"]].concat());
    let real = run(&scenario, &setup(&scenario, 2, false));
    assert_eq!(real.digest, run_modelled(&scenario).digest);
    assert_eq!(real.counts.rejected_total, run_modelled(&scenario).counts.rejected_total);
}

#[test]
fn shards_and_the_calendar_run_no_contracts() {
    for protocol in ["consensus.protocol=sharded", "consensus.protocol=calendar"] {
        let outcome = run_modelled(&regional(&[&SHORT[..], &["world.load_tps=200", protocol]].concat()));
        assert!(outcome.contracts.is_none() && outcome.counts.in_effect_total > 0, "{protocol}");
    }
}
