//! Crashes and partitions: what the protocols promise of them, and no more.

use systole::base::Time;
use systole::engine::{Outcome, ProtocolKind, ProtocolTables};
use systole::ledger::{FaultModel, Rejection};

use crate::runs::{committed_between, modelled, regional_with, rejected, run, run_modelled, setup};

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
        .zip(setup.load.hospital_tps(Time::ZERO))
        .filter(|(at, _)| at.gateway.0 == 3)
        .map(|(_, tps)| tps)
        .sum();
    let share = rejected(&outcome, Rejection::GatewayDown) as f64 / outcome.counts.submitted_total as f64;
    let expected = dead / setup.load.total_tps(Time::ZERO);
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

/// Settings under which every protocol notices a dead leader within about a second.
const QUICK: [&str; 14] = [
    "protocol.jolteon.view_timeout_ms=1000",
    "protocol.hotstuff.view_timeout_ms=1000",
    "protocol.hotstuff2.view_timeout_ms=1000",
    "protocol.pbft.request_timeout_ms=1000",
    "protocol.pbft.view_timeout_ms=1000",
    "protocol.raft.heartbeat_ms=200",
    "protocol.raft.election_timeout_ms=1000",
    "protocol.qbft.block_period_ms=100",
    "protocol.qbft.round_timeout_ms=1000",
    "protocol.tendermint.timeout_propose_ms=1000",
    "protocol.tendermint.timeout_commit_ms=50",
    "block.resend_ms=500",
    "world.load_tps=100",
    "run.drain_s=60",
];

/// Runs each protocol with `fault`, and expects that everything submitted is executed everywhere in the end.
fn every_protocol_survives(fault: &str) -> Vec<Outcome> {
    let survives = |kind: &ProtocolKind| {
        let protocol = format!("consensus.protocol={}", kind.name());
        let outcome = run_modelled(&regional_with(7, fault, &[&QUICK[..], &[&protocol]].concat()));
        assert!(outcome.settled, "{}: {:?} at {:?}", kind.name(), outcome.counts, outcome.ended);
        assert!(outcome.counts.in_effect_total > 300, "{}: {:?}", kind.name(), outcome.counts);
        outcome
    };
    ProtocolKind::ALL.iter().map(survives).collect()
}

fn fault(kind: &str, keys: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\n{keys}\n")
}

#[test]
fn a_replica_that_comes_back_catches_up_under_every_protocol() {
    every_protocol_survives(&fault("crash", "replica = 0\nat_s = 2\nrestart_s = 4"));
    every_protocol_survives(&fault("crash", "replica = 5\nrestart_s = 3"));
}

#[test]
fn pauses_slow_cores_and_disturbed_links_cost_time_only() {
    every_protocol_survives(&fault("pause", "replica = 0\nfrom_s = 2\nuntil_s = 4"));
    every_protocol_survives(&fault("slow_cpu", "replica = 0\nfrom_s = 2\nuntil_s = 4\npercent = 5000"));
    let links = "from_s = 2\nuntil_s = 4\nloss_percent = 20\nduplicate_percent = 10\ndelay_ms = 100";
    every_protocol_survives(&fault("links", links));
}

#[test]
fn a_region_that_goes_down_comes_back() {
    for outcome in every_protocol_survives(&fault("outage", "region = \"EUR\"\nfrom_s = 2\nuntil_s = 4")) {
        assert!(rejected(&outcome, Rejection::GatewayDown) > 0, "its hospitals are refused meanwhile");
    }
    let nowhere = fault("outage", "region = \"EU\"\nfrom_s = 2");
    let text = format!("name = \"nowhere\"\n{nowhere}");
    let error = systole::scenario::Scenario::parse("nowhere.toml", &text, &crate::runs::workloads(), &[]);
    assert!(error.expect_err("there is no such region").to_string().contains("AFR, AMR"));
}

/// Runs each Byzantine fault-tolerant protocol with a replica that lies.
fn lied_to(fault: &str) -> Vec<Outcome> {
    let tables = ProtocolTables::default();
    let byzantine = |kind: &&ProtocolKind| tables.promises(**kind).tolerates == FaultModel::Byzantine;
    let run_one = |kind: &ProtocolKind| {
        let protocol = format!("consensus.protocol={}", kind.name());
        let outcome = run_modelled(&regional_with(7, fault, &[&QUICK[..], &[&protocol]].concat()));
        assert!(committed_between(&outcome, 1.0, 10.0) > 200, "{}: {:?}", kind.name(), outcome.counts);
        outcome
    };
    ProtocolKind::ALL.iter().filter(byzantine).map(run_one).collect()
}

#[test]
fn lying_replicas_do_not_stop_the_others() {
    lied_to(&fault("silent_leader", "replica = 1"));
    lied_to(&fault("censor", "replica = 1\nvictims = [2, 3]"));
    lied_to(&fault("withhold", "replica = 1\nvictims = [2, 3, 5]"));
    lied_to(&fault("twins", "replica = 1\nuntil_s = 4"));
    for outcome in lied_to(&fault("invalid_signatures", "replica = 1")) {
        assert!(outcome.counts.forged_messages > 50, "they were received, checked and refused");
    }
}

#[test]
fn spoilt_signatures_really_fail_and_change_no_result() {
    let spoilt = fault("invalid_signatures", "replica = 2");
    let scenario = regional_with(4, &spoilt, &["run.window_s=1", "world.load_tps=100"]);
    let modelled = run_modelled(&scenario).digest;
    // The notary signs, spoils, and panics where the verdict is not the expected one.
    assert_eq!(run(&scenario, &setup(&scenario, 2, false)).digest, modelled);
}
