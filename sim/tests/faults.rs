//! Crashes and partitions: what the protocols promise of them, and no more.

use systole::engine::Outcome;
use systole::ledger::Rejection;

use crate::runs::{committed_between, modelled, regional_with, rejected, run, run_modelled};

/// Seven replicas tolerate two faults. Views of dead leaders end after half a second.
const SEVEN: [&str; 3] = ["protocol.jolteon.view_timeout_ms=500", "world.load_tps=200", "run.drain_s=20"];

fn crash(replica: u32, at_s: f64) -> String {
    format!("[[fault]]\nkind = \"crash\"\nreplica = {replica}\nat_s = {at_s:?}\n")
}

fn cut(side: &[u32], from_s: f64, until_s: f64) -> String {
    format!("[[fault]]\nkind = \"partition\"\nside = {side:?}\nfrom_s = {from_s:?}\nuntil_s = {until_s:?}\n")
}

fn run_with(faults: &[String], settings: &[&str]) -> Outcome {
    run_modelled(&regional_with(7, &faults.concat(), &[&SEVEN[..], settings].concat()))
}

#[test]
fn jolteon_goes_on_with_f_replicas_crashed_and_their_hospitals_are_refused() {
    for layer in ["consensus.dissemination=batched", "consensus.dissemination=leader"] {
        // A batch on its way to a dead leader is sent again.
        let outcome = run_with(&[crash(2, 2.0), crash(5, 3.0)], &[layer, "block.resend_ms=1000"]);
        assert!(committed_between(&outcome, 4.0, 8.0) > 100, "{layer}: {:?}", outcome.counts);
        assert!(rejected(&outcome, Rejection::GatewayDown) > 0, "hospitals of dead gateways are told");
        // What may never take effect is what the dead gateways had taken and not passed on.
        assert!(outcome.counts.pending_total < 100, "{layer}: {:?}", outcome.counts);
    }
}

#[test]
fn the_hotstuff_family_goes_on_with_f_crashed_and_catches_up_after_a_partition() {
    for protocol in ["hotstuff", "hotstuff2"] {
        let chosen = format!("consensus.protocol={protocol}");
        let timeout = format!("protocol.{protocol}.view_timeout_ms=500");
        let settings = [chosen.as_str(), timeout.as_str()];
        let outcome = run_with(&[crash(2, 2.0), crash(5, 3.0)], &settings);
        assert!(committed_between(&outcome, 5.0, 16.0) > 100, "{protocol}: {:?}", outcome.counts);
        assert!(outcome.counts.pending_total < 100, "{protocol}: {:?}", outcome.counts);
        let outcome = run_with(&[cut(&[0, 1, 2], 2.0, 5.0)], &settings);
        assert_eq!(committed_between(&outcome, 3.0, 5.0), 0, "{protocol}: neither three nor four are five");
        assert_eq!(outcome.counts.pending_total, 0, "{protocol}: {:?}", outcome.counts);
    }
}

#[test]
fn only_hospitals_of_the_crashed_gateway_are_refused() {
    let scenario = regional_with(7, &crash(3, 0.0), &SEVEN);
    let setup = modelled(&scenario);
    let outcome = run(&scenario, &setup);
    let dead: f64 = setup
        .hospitals
        .iter()
        .zip(&setup.load.hospital_tps)
        .filter(|(at, _)| at.gateway.0 == 3)
        .map(|(_, tps)| tps)
        .sum();
    let share = rejected(&outcome, Rejection::GatewayDown) as f64 / outcome.counts.submitted_total as f64;
    let expected = dead / setup.load.total_tps;
    assert!((share - expected).abs() < 0.04, "{share} of the load was refused, {expected} is the dead gateway's");
    assert_eq!(outcome.counts.pending_total, 0, "a gateway that was never up holds nothing");
    assert_eq!(
        outcome.counts.in_effect_total,
        outcome.counts.submitted_total - rejected(&outcome, Rejection::GatewayDown)
    );
}

#[test]
fn with_more_than_f_crashed_nothing_is_committed_and_nothing_goes_wrong() {
    let outcome = run_with(&[crash(1, 2.0), crash(3, 2.0), crash(6, 2.0)], &[]);
    assert!(committed_between(&outcome, 0.0, 2.0) > 0);
    assert_eq!(committed_between(&outcome, 3.0, 100.0), 0, "a quorum is five of seven");
    assert!(outcome.counts.pending_total > 300, "what was submitted since waits: {:?}", outcome.counts);
    assert_eq!(outcome.ended.as_secs_f64().round(), 26.0, "the run goes on to the end of its drain");
}

#[test]
fn a_minority_that_was_cut_off_catches_up() {
    let outcome = run_with(&[cut(&[0, 4], 2.0, 5.0)], &[]);
    assert!(committed_between(&outcome, 3.0, 5.0) > 100, "the majority of five goes on");
    assert_eq!(outcome.counts.pending_total, 0, "and after healing everyone's transactions take effect");
    assert_eq!(outcome.counts.in_effect_total, outcome.counts.submitted_total);
    assert!(outcome.ended.as_secs_f64() < 26.0, "every replica executed everything before the drain was over");
}

#[test]
fn without_a_quorum_on_any_side_nothing_is_committed_until_the_partition_heals() {
    for layer in ["consensus.dissemination=batched", "consensus.dissemination=leader"] {
        let outcome = run_with(&[cut(&[0, 1, 2], 2.0, 5.0)], &[layer]);
        assert!(committed_between(&outcome, 0.5, 2.0) > 0);
        assert_eq!(committed_between(&outcome, 3.0, 5.0), 0, "{layer}: neither three nor four are five");
        assert_eq!(outcome.counts.pending_total, 0, "{layer}: {:?}", outcome.counts);
        assert_eq!(outcome.counts.in_effect_total, outcome.counts.submitted_total);
    }
}

#[test]
fn a_one_way_partition_of_a_leader_costs_its_views_only() {
    let fault = cut(&[3], 2.0, 5.0) + "one_way = true\n";
    let outcome = run_with(&[fault], &[]);
    assert!(committed_between(&outcome, 3.0, 5.0) > 50);
    assert_eq!(outcome.counts.pending_total, 0, "{:?}", outcome.counts);
}

#[test]
fn the_central_ledger_stops_with_its_sequencer_and_outlives_a_follower() {
    let central = ["consensus.protocol=central"];
    let without_follower = run_with(&[crash(4, 2.0)], &central);
    assert!(committed_between(&without_follower, 3.0, 6.0) > 100);
    let without_sequencer = run_with(&[crash(0, 2.0)], &central);
    assert_eq!(committed_between(&without_sequencer, 2.5, 100.0), 0);
    assert!(without_sequencer.counts.pending_total > 300);
}

#[test]
fn a_crash_with_replays_in_the_load_is_no_violation() {
    // The original of a copy is refused by its dead gateway, and the copy may take effect through another one.
    let outcome = run_with(&[crash(0, 1.0), crash(3, 1.0)], &["inject.replayed=0.5"]);
    assert!(rejected(&outcome, Rejection::GatewayDown) > 0 && rejected(&outcome, Rejection::Replayed) > 0);
}

#[test]
fn a_lone_replica_is_no_jolteon_committee() {
    let text = "name = \"lone\"\n[consensus]\nprotocol = \"jolteon\"\nreplicas = 1\n";
    let error = systole::scenario::Scenario::parse("lone.toml", text, &crate::runs::workloads(), &[]);
    let error = error.expect_err("its own vote is a quorum: views would follow each other in no time");
    assert!(error.to_string().contains("consensus.replicas"), "{error}");
}
