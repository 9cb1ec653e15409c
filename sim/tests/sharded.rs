//! Shards: data stay where they are, transactions across shards commit in both or in neither, and cost time.

use systole::engine::{Outcome, ProtocolKind};
use systole::ledger::Rejection;
use systole::metrics::Definition;
use systole::scenario::Scenario;

use crate::runs::{modelled, regional, regional_with, rejected, run, run_modelled, setup, workloads, world};

/// Twelve replicas in three shards, a fifth of the transactions across two of them.
const SHARDED: [&str; 6] = [
    "consensus.replicas=12",
    "consensus.protocol=sharded",
    "protocol.sharded.shards=3",
    "protocol.sharded.cross_percent=20",
    "run.drain_s=60",
    "world.load_tps=200",
];

fn sharded(settings: &[&str]) -> Scenario {
    regional(&[&SHARDED[..], settings].concat())
}

fn cross(outcome: &Outcome) -> &systole::engine::CrossOutcome {
    outcome.cross.as_ref().expect("there are shards")
}

#[test]
fn a_fifth_crosses_and_takes_about_twice_as_long() {
    let outcome = run_modelled(&sharded(&[]));
    assert!(outcome.settled && outcome.judges.contains(&"atomicity"), "{:?}", outcome.counts);
    let counts = cross(&outcome).counts;
    let share = counts.begun as f64 / outcome.counts.submitted_total as f64;
    assert!((share - 0.2).abs() < 0.03, "{share} of the transactions cross");
    assert_eq!(counts.begun, counts.committed + counts.aborted);
    assert!(counts.committed * 100 > counts.begun * 98, "accounts are many: {counts:?}");
    let p50 = |two| cross(&outcome).of_reach(two, Definition::SubmitToCommit).quantile_ms(0.5);
    assert!(p50(true) > 1.8 * p50(false), "{} ms across shards, {} ms within", p50(true), p50(false));
    assert_eq!(counts.unproven + counts.repeated, 0, "nothing is said twice where nothing fails");
}

#[test]
fn few_accounts_mean_many_refusals_and_no_deadlock() {
    let outcome = run_modelled(&sharded(&["protocol.sharded.accounts=40"]));
    assert!(outcome.settled, "{:?}", outcome.counts);
    assert!(rejected(&outcome, Rejection::AccountLocked) > 20, "{:?}", outcome.counts);
    assert!(rejected(&outcome, Rejection::PartnerRefused) > 20, "{:?}", outcome.counts);
    assert!(cross(&outcome).counts.committed > 20, "{:?}", cross(&outcome).counts);
}

#[test]
fn runs_are_deterministic_and_really_signed() {
    let scenario = sharded(&["run.window_s=2"]);
    let first = run_modelled(&scenario).digest;
    for threads in [1, 2] {
        let outcome = run(&scenario, &setup(&scenario, threads, false));
        assert_eq!(outcome.digest, first);
        assert!(outcome.real.totals.verified > 0);
    }
}

#[test]
fn without_crossings_shards_know_nothing_of_each_other() {
    let outcome = run_modelled(&sharded(&["protocol.sharded.cross_percent=0"]));
    assert!(outcome.settled);
    assert_eq!(cross(&outcome).counts, systole::engine::CrossCounts::default());
}

#[test]
fn every_inner_protocol_carries_shards() {
    let none = [ProtocolKind::Sharded, ProtocolKind::Calendar];
    for kind in ProtocolKind::ALL.iter().filter(|kind| !none.contains(kind)) {
        let inner = format!("protocol.sharded.inner={}", kind.name());
        let outcome = run_modelled(&sharded(&[&inner, "run.window_s=2"]));
        assert!(outcome.settled && cross(&outcome).counts.committed > 50, "{inner}: {:?}", outcome.counts);
    }
}

#[test]
fn a_partner_that_is_cut_off_is_waited_for_until_the_deadline_and_then_both_abort() {
    // Shard 3 is replicas 8 to 11.
    let cut = "[[fault]]\nkind = \"partition\"\nside = [8, 9, 10, 11]\nfrom_s = 1.0\nuntil_s = 9.0\n";
    let settings = [&SHARDED[1..], &["protocol.sharded.prepare_timeout_ms=3000", "protocol.sharded.retry_ms=1000"]];
    let outcome = run_modelled(&regional_with(12, cut, &settings.concat()));
    assert!(outcome.settled, "{:?} at {:?}", outcome.counts, outcome.ended);
    assert!(rejected(&outcome, Rejection::PartnerSilent) > 50, "{:?}", outcome.counts);
    assert!(cross(&outcome).counts.committed > 30, "the other two go on: {:?}", cross(&outcome).counts);
}

#[test]
fn a_gateway_that_dies_or_lies_costs_time_only() {
    let settings = [&SHARDED[1..], &["protocol.sharded.retry_ms=1000", "protocol.jolteon.view_timeout_ms=1000"]];
    let dies = "[[fault]]\nkind = \"crash\"\nreplica = 4\nat_s = 2.0\nrestart_s = 8.0\n";
    let outcome = run_modelled(&regional_with(12, dies, &settings.concat()));
    assert!(outcome.settled, "{:?} at {:?}", outcome.counts, outcome.ended);
    let lies = "[[fault]]\nkind = \"impostor\"\nreplica = 4\n";
    let outcome = run_modelled(&regional_with(12, lies, &settings.concat()));
    assert!(outcome.settled && cross(&outcome).counts.unproven > 0, "{:?}", cross(&outcome).counts);
}

#[test]
fn hospitals_are_served_in_their_own_region_and_replicas_follow_them() {
    let scenario = regional(&["consensus.protocol=sharded", "consensus.replicas=60", "world.hospitals=600"]);
    let (setup, placement) = (modelled(&scenario), &scenario.setup(world(), &options()).1);
    let sizes: Vec<u32> = setup.shards.iter().map(|shard| shard.len()).collect();
    assert_eq!(sizes.iter().sum::<u32>(), 60);
    assert_eq!(placement.shards.len(), 6);
    for hospital in &setup.hospitals {
        let region = &setup.regions[hospital.region];
        let metro = placement.metro_of[hospital.gateway.index()];
        assert_eq!(&world().metros[metro].region, region, "data leave their region");
    }
    // Twelve replicas leave some regions fewer than four: those are served by their neighbours.
    let merged = regional(&["consensus.protocol=sharded", "consensus.replicas=12"]).setup(world(), &options()).1;
    assert!(merged.shards.iter().all(|shard| shard.replicas >= 4), "{:?}", merged.shards);
    assert!(merged.shards.iter().any(|shard| shard.name.contains('+')), "{:?}", merged.shards);
}

fn options() -> systole::scenario::RunOptions {
    systole::scenario::RunOptions { threads: 1, modelled: true, load_tps: None, timing: None }
}

#[test]
fn impossible_shards_are_refused_with_what_to_do() {
    let message = |settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
        let error = Scenario::load(&workloads().join("regional.toml"), &settings).expect_err("it cannot be");
        error.to_string()
    };
    let few = message(&["consensus.protocol=sharded", "protocol.sharded.shards=2"]);
    assert!(few.contains("raise consensus.replicas or lower protocol.sharded.committee"), "{few}");
    let inner = message(&["protocol.sharded.inner=sharded"]);
    assert!(inner.contains("a protocol of one committee"), "{inner}");
    let unknown = message(&["protocol.sharded.shards=country"]);
    assert!(unknown.contains("shards"), "{unknown}");
}
