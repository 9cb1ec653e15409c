//! A transaction of weight w stands for w alike ones: what that does to results, with its error stated.
//!
//! Bytes, CPU and counts scale by w, so throughput and utilisation keep their values. What changes is that arrivals
//! come w at a time, a w-th as often. On 300 hospitals at 4,000 transactions/s, weight 4 against weight 1 is held to
//! - goodput within 2 %: the Poisson arrivals are other ones, 20,000 against 5,000 of them, so their count alone varies
//!   by 1.4 % (one standard deviation); goodput over offered load within 0.1 %;
//! - median latencies within 2 %;
//! - 99th percentiles within 10 % while access links lose nothing (of fewer messages in order, fewer wait for a late one). Where they lose segments, weight understates them, by
//!   up to 35 %: four transactions in one message of two segments are hit by a loss less often than four messages,
//!   each of which delays those behind it. Tails over lossy links want weight 1;
//! - utilisation of the busiest classes within 5 %.

use systole::engine::Outcome;
use systole::metrics::{Definition, Resource};
use systole::network::LossRate;

use crate::runs::{modelled, quantile_ms, regional, run};

fn run_of_weight(weight: &str, protocol: &str, lossless: bool) -> Outcome {
    let scenario = regional(&["world.load_tps=4000", "world.hospitals=300", weight, protocol]);
    let mut setup = modelled(&scenario);
    if lossless {
        setup.hospitals.iter_mut().for_each(|hospital| hospital.access.link.loss = LossRate::default());
    }
    run(&scenario, &setup)
}

/// Asserts that the value at weight 4 is between `low` and `high` percent off the one at weight 1.
fn assert_near(what: &str, (one, four): (f64, f64), (low, high): (f64, f64)) {
    let off = (four / one - 1.0) * 100.0;
    let near = (low..=high).contains(&off);
    assert!(near, "{what}: {one} at weight 1, {four} at weight 4: {off:+.2} %, not {low} to {high} %");
}

fn weight_four_keeps_results(protocol: &str, lossless: bool, tail: (f64, f64)) {
    let at = |weight| run_of_weight(weight, protocol, lossless);
    let (one, four) = (at("run.weight=1"), at("run.weight=4"));
    let both = |f: &dyn Fn(&Outcome) -> f64| (f(&one), f(&four));
    let good = |outcome: &Outcome| outcome.counts.good as f64;
    assert_near("goodput", both(&good), (-2.0, 2.0));
    assert_near("goodput/offered", both(&|outcome| good(outcome) / outcome.counts.offered as f64), (-0.1, 0.1));
    for definition in Definition::ALL {
        assert_near(definition.name(), both(&|outcome| quantile_ms(outcome, definition, 0.5)), (-2.0, 2.0));
        assert_near(definition.name(), both(&|outcome| quantile_ms(outcome, definition, 0.99)), tail);
    }
    for resource in [Resource::ReplicaEgress, Resource::CryptoCores, Resource::ExecutionCore] {
        let mean = |outcome: &Outcome| {
            let row = outcome.utilisation.rows.iter().find(|row| row.resource == resource);
            row.expect("every class is measured").mean_ppm as f64
        };
        assert_near(resource.name(), both(&mean), (-5.0, 5.0));
    }
}

#[test]
fn weight_four_keeps_goodput_and_latency_where_nothing_is_lost() {
    weight_four_keeps_results("consensus.protocol=jolteon", true, (-10.0, 5.0));
    weight_four_keeps_results("consensus.protocol=central", true, (-10.0, 5.0));
}

#[test]
fn weight_four_keeps_goodput_and_medians_over_lossy_access_links_and_understates_tails() {
    weight_four_keeps_results("consensus.protocol=jolteon", false, (-35.0, 5.0));
    weight_four_keeps_results("consensus.protocol=central", false, (-35.0, 5.0));
}

#[test]
fn every_count_is_a_multiple_of_the_weight() {
    let counts = run_of_weight("run.weight=4", "consensus.protocol=jolteon", false).counts;
    for count in [counts.offered, counts.committed, counts.good, counts.submitted_total, counts.in_effect_total] {
        assert_eq!(count % 4, 0, "{counts:?}");
    }
}
