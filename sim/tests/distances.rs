//! Latencies that can be computed by hand: constant links of one delay, free CPUs, instant access.
//!
//! With every cost at zero a latency is a whole number of message delays, and the waits between them are bounded by
//! the protocol's own rhythm. Nothing is read from inside the protocols: only latencies that a run reports.

use systole::base::{Rate, ReplicaId, Span};
use systole::crypto::CostTable;
use systole::engine::{Outcome, Setup};
use systole::metrics::Definition;
use systole::network::LossRate;
use systole::scenario::Scenario;

use crate::runs::{modelled, regional, run};

/// One message delay.
const DELAY: Span = Span::from_millis(50);
/// Histograms keep three significant digits, and a line takes a nanosecond at least.
const RESOLUTION_MS: f64 = 1.0;

/// Everything is free.
fn no_costs() -> CostTable {
    let curve = "[{ size = 1, ns = 0 }]";
    let text = format!(
        "provenance = \"measured on paper\"\nsign_ns = 0\nmerkle_leaf_ns = 0\nexecute_ns = 0\n\
         state_row_ns = 0\nfsync_ns = 0\nverify = {curve}\nhash = {curve}\nsend = {curve}\nreceive = {curve}\n\
         [contract_ns]\nrecord = 0\nconsent = 0\naccess = 0\nshare = 0\nclaim = 0\nprescription = 0\npack = 0\n\
         trial = 0\nlicence = 0\ngovernance = 0\n"
    );
    CostTable::from_toml(&text).expect("zeros are costs")
}

/// `scenario` with links of exactly one delay, lines that take no time, hospitals at their gateways, and batches of one
/// transaction.
fn ideal(scenario: &Scenario) -> Setup {
    let mut setup = modelled(scenario);
    let boundless = Rate::new(u64::MAX);
    setup.rtt.fill(DELAY * 2);
    setup.link.jitter_permille = 0;
    setup.link.window = None;
    (setup.replica.egress, setup.replica.ingress, setup.replica.handler) = (boundless, boundless, Span::ZERO);
    setup.costs = no_costs();
    setup.mempool.batch_bytes = systole::base::Bytes(1);
    for hospital in &mut setup.hospitals {
        let link = &mut hospital.access.link;
        (link.rtt, link.jitter, link.loss) = (Span::ZERO, Span::ZERO, LossRate::default());
        (hospital.access.up, hospital.access.down) = (boundless, boundless);
    }
    setup
}

fn least_ms(outcome: &Outcome, definition: Definition) -> f64 {
    outcome.latencies.overall(definition).inner().min() as f64 / 1e3
}

fn most_ms(outcome: &Outcome, definition: Definition) -> f64 {
    outcome.latencies.overall(definition).max_ms()
}

/// Asserts that a latency ranges over `[least, most]` delays, and comes within a twentieth of a delay of both ends.
fn assert_spans(outcome: &Outcome, definition: Definition, least: f64, most: f64) {
    let (delay, name) = (DELAY.as_millis_f64(), definition.name());
    let (low, high) = (least_ms(outcome, definition) / delay, most_ms(outcome, definition) / delay);
    let slack = RESOLUTION_MS / delay;
    let reached = |at: f64, end: f64| (at - end).abs() <= 0.05 + slack;
    assert!(low >= least - slack && high <= most + slack, "{name} is {low} to {high} delays, not {least} to {most}");
    assert!(reached(low, least) && reached(high, most), "{name} is {low} to {high} delays, not {least} to {most}");
}

/// A block's proposal takes one delay, votes to the next leader one, its proposal one, votes for that one: after four
/// the leader after next holds the second certificate and commits; the fifth brings it to everyone. A transaction
/// waits for a proposal besides: at its own gateway none at best; elsewhere its batch travels one delay, and
/// proposals are two delays apart, so at worst just under three.
#[test]
fn jolteon_commits_after_four_delays_at_the_second_next_leader_and_after_five_everywhere() {
    let scenario = regional(&["consensus.replicas=4", "world.load_tps=2000"]);
    let outcome = run(&scenario, &ideal(&scenario));
    assert_spans(&outcome, Definition::SubmitToCommit, 4.0, 7.0);
    assert_spans(&outcome, Definition::SubmitToVisible, 5.0, 8.0);
    assert!(least_ms(&outcome, Definition::SubmitToGateway) >= 200.0 - RESOLUTION_MS);
    assert!(most_ms(&outcome, Definition::SubmitToGateway) <= 400.0 + RESOLUTION_MS);
    assert_eq!(outcome.counts.good, outcome.counts.offered);
}

/// One phase more is two delays more.
#[test]
fn hotstuff_commits_after_six_delays_at_the_third_next_leader_and_after_seven_everywhere() {
    let scenario = regional(&["consensus.protocol=hotstuff", "consensus.replicas=4", "world.load_tps=2000"]);
    let outcome = run(&scenario, &ideal(&scenario));
    assert_spans(&outcome, Definition::SubmitToCommit, 6.0, 9.0);
    assert_spans(&outcome, Definition::SubmitToVisible, 7.0, 10.0);
}

/// Without trouble HotStuff-2's messages are Jolteon's.
#[test]
fn hotstuff_2_commits_after_as_many_delays_as_jolteon() {
    let scenario = regional(&["consensus.protocol=hotstuff2", "consensus.replicas=4", "world.load_tps=2000"]);
    let outcome = run(&scenario, &ideal(&scenario));
    assert_spans(&outcome, Definition::SubmitToCommit, 4.0, 7.0);
    assert_spans(&outcome, Definition::SubmitToVisible, 5.0, 8.0);
}

/// Views are two delays long: a block each.
#[test]
fn jolteon_commits_one_block_every_two_delays() {
    let scenario = regional(&["consensus.replicas=4"]);
    let outcome = run(&scenario, &ideal(&scenario));
    let views = outcome.ended.as_secs_f64() / (2.0 * DELAY.as_secs_f64());
    let blocks = outcome.counts.blocks_total as f64;
    assert!((blocks - views).abs() <= 4.0, "{blocks} blocks in {views} views");
}

/// The delays do not depend on the number of replicas while nothing queues.
#[test]
fn jolteon_takes_as_many_delays_with_ten_replicas_as_with_four() {
    let scenario = regional(&["consensus.replicas=10", "world.load_tps=2000"]);
    let outcome = run(&scenario, &ideal(&scenario));
    assert_spans(&outcome, Definition::SubmitToCommit, 4.0, 7.0);
    assert_spans(&outcome, Definition::SubmitToVisible, 5.0, 8.0);
}

/// `central` with two replicas, all hospitals at one gateway, blocks as soon as there is something to order.
fn central_of_two(gateway: u32, settings: &[&str]) -> Outcome {
    let central = ["consensus.protocol=central", "consensus.replicas=2", "protocol.central.block_interval_ms=0"];
    let scenario = regional(&[&central[..], settings].concat());
    let mut setup = ideal(&scenario);
    setup.hospitals.iter_mut().for_each(|hospital| hospital.gateway = ReplicaId(gateway));
    run(&scenario, &setup)
}

/// To the sequencer one delay, back to the follower another: no wait anywhere, so every transaction takes the same.
#[test]
fn the_central_sequencer_commits_after_one_delay_and_its_follower_after_two() {
    for layer in ["consensus.dissemination=batched", "consensus.dissemination=leader"] {
        let outcome = central_of_two(1, &[layer, "protocol.central.fsync=never"]);
        for (definition, delays) in [
            (Definition::SubmitToCommit, 1.0),
            (Definition::SubmitToGateway, 2.0),
            (Definition::SubmitToReply, 2.0),
            (Definition::SubmitToVisible, 2.0),
        ] {
            let (low, high) = (least_ms(&outcome, definition), most_ms(&outcome, definition));
            let expected = delays * DELAY.as_millis_f64();
            let exact = (low - expected).abs() < 0.2 && (high - expected).abs() < 0.2;
            assert!(exact, "{layer} {}: {low} to {high} ms are not {expected}", definition.name());
        }
    }
}

/// At the sequencer itself only the durable write counts.
#[test]
fn a_durable_write_is_all_that_the_sequencers_own_hospitals_wait_for() {
    let central = ["consensus.protocol=central", "consensus.replicas=2", "protocol.central.block_interval_ms=0"];
    let scenario = regional(&[&central[..], &["world.load_tps=20"]].concat());
    let mut setup = ideal(&scenario);
    setup.hospitals.iter_mut().for_each(|hospital| hospital.gateway = ReplicaId(0));
    setup.costs.fsync_ns = 7_000_000;
    let outcome = run(&scenario, &setup);
    assert!((least_ms(&outcome, Definition::SubmitToCommit) - 7.0).abs() < 0.02);
    let visible = least_ms(&outcome, Definition::SubmitToVisible);
    assert!((visible - 57.0).abs() < 0.1, "the write, and one delay to the follower: {visible} ms");
}
