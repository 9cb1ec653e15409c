use serde_json::json;

use crate::experiment::{Estimate, Summary};

use super::*;

/// One run: what it was offered, what came of it, its 99th percentile, and what its replicas sent.
fn run(seed: u64, offered: f64, goodput: f64, p99: f64, egress_bytes: u64) -> Summary {
    let latency =
        json!({ "count": 1_000, "p50": p99 / 2.0, "p90": p99, "p99": p99, "p999": p99, "max": p99, "mean": p99 });
    let by_definition: serde_json::Map<String, serde_json::Value> = crate::metrics::Definition::ALL
        .map(|definition| (definition.name().to_string(), latency.clone()))
        .into_iter()
        .collect();
    let zero = "0".repeat(64);
    let summary = json!({
        "digest": zero, "scenario": "made-up", "seed": seed, "protocol": "jolteon", "dissemination": "batched",
        "hospitals": 10, "replicas": 4, "weight": 1, "offered_tps": offered, "throughput_tps": goodput,
        "goodput_tps": goodput, "deadline_ms": 5_000.0, "latency_ms": by_definition,
        "latency_by_region_ms": { "EUR": by_definition }, "rejected": {}, "pending": 0, "tampered_batches": 0,
        "blocks": 9, "messages_per_tx": 2.0, "bytes_per_tx": 900.0, "utilisation": {},
        "usage": {
            "window_s": 10.0, "cores": 6, "protocol_core_s": 1.0, "crypto_core_s": 2.0, "execution_core_s": 1.0,
            "egress_bytes": egress_bytes, "ledger_bytes": 250_000, "ledger_copies_bytes": 1_000_000,
            "ledger_bytes_per_tx": 250.0,
        },
        "stands": { "faults": "byzantine", "replicas": 1, "of": 4 },
        "binding_resource": if goodput < 0.99 * offered { "replica_egress" } else { "none" },
        "busiest_resource": "replica_egress", "verdict": {}, "slo": [],
        "distances": { "measured_pairs": 0, "pairs": 0, "modelled_metros": {}, "mean_km": 0.0, "max_km": 0.0,
                       "farthest": "" },
        "real": { "signed": 0, "verified": 0, "hashed": 0, "executed": 0 },
    });
    serde_json::from_value(summary).expect("it is a summary")
}

/// A design under loads, each of which has a goodput and a 99th percentile for each seed.
fn design(name: &str, loads: &[(f64, &[(f64, f64)])]) -> Variant {
    let loaded = |&(load, runs): &(f64, &[(f64, f64)])| Loaded {
        load_tps: Some(load),
        runs: (7..).zip(runs).map(|(seed, &(goodput, p99))| (seed, run(seed, load, goodput, p99, 1_000_000))).collect(),
    };
    Variant { name: name.into(), loads: loads.iter().map(loaded).collect() }
}

fn compared(variants: &[Variant]) -> Comparison {
    Comparison::of(variants, &CompareRequest::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn mean(estimate: Option<Estimate>) -> Option<f64> {
    estimate.map(|estimate| estimate.mean)
}

const GOOD: [(f64, f64); 5] = [(1_000.0, 500.0), (1_001.0, 520.0), (999.0, 480.0), (1_000.0, 505.0), (1_000.0, 495.0)];
const SLOW: [(f64, f64); 5] = [(1_000.0, 600.0), (1_001.0, 622.0), (999.0, 578.0), (1_000.0, 606.0), (1_000.0, 593.0)];
const DOUBLE: [(f64, f64); 5] =
    [(2_000.0, 700.0), (2_000.0, 720.0), (1_999.0, 680.0), (2_000.0, 705.0), (2_000.0, 695.0)];
const OTHER: [(f64, f64); 5] =
    [(1_500.0, 600.0), (1_501.0, 620.0), (1_499.0, 580.0), (1_500.0, 605.0), (1_500.0, 595.0)];
const BROKEN: [(f64, f64); 5] =
    [(900.0, 9_000.0), (950.0, 9_100.0), (800.0, 9_200.0), (870.0, 9_050.0), (910.0, 9_060.0)];

#[test]
fn goodput_at_slo_is_a_designs_own_and_the_rest_at_the_largest_load_that_all_sustain() {
    let found = compared(&[
        design("a", &[(1_000.0, &GOOD), (2_000.0, &BROKEN)]),
        design("b", &[(1_000.0, &SLOW), (2_000.0, &DOUBLE)]),
        design("c", &[(1_000.0, &BROKEN), (2_000.0, &BROKEN)]),
    ]);
    assert_eq!(found.compared_at, At::Common { load_tps: Some(1_000.0), sustained: true });
    let rows: Vec<_> = found.designs.iter().map(|row| (mean(row.goodput_at_slo_tps), row.is_largest_load)).collect();
    assert_eq!(rows, [(Some(1_000.0), false), (Some(1_999.8), true), (None, false)]);
    let stopped: Vec<_> = found.designs.iter().map(|row| row.stopped_by.as_deref()).collect();
    assert_eq!(stopped, [Some("replica_egress"), None, Some("replica_egress")]);
    assert_eq!(mean(found.designs[1].latency_ms["submit_to_reply"].p99), Some(599.8));
    assert_eq!(mean(found.designs[1].reply_p99_by_region_ms["EUR"]), Some(599.8));
    // a is sooner, b sustains more, c is worse in both.
    assert_eq!(found.designs.iter().map(|row| row.is_efficient).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((found.advice.verdict, &found.advice.recommended[..]), (Verdict::Recommended, &["b".to_string()][..]));
    assert_eq!(found.baseline, "b");
    let of_a = &found.differences[0];
    assert!(of_a.reply_p99_ms.is_some_and(|difference| difference.is_less() && difference.method == Method::Paired));
    assert!(of_a.goodput_at_slo_tps.is_some_and(|difference| difference.is_less()));
    assert!(of_a.cost_per_million_tx.is_some_and(|difference| !difference.shown));
    assert_eq!(found.differences_together, 9);
}

#[test]
fn one_unlucky_run_costs_a_load_and_is_no_defeat() {
    let mut unlucky = DOUBLE;
    unlucky[2] = (1_500.0, 9_000.0);
    let found = compared(&[
        design("a", &[(1_000.0, &GOOD), (2_000.0, &unlucky)]),
        design("b", &[(1_000.0, &GOOD), (2_000.0, &DOUBLE)]),
    ]);
    let goodput: Vec<_> = found.designs.iter().map(|row| mean(row.goodput_at_slo_tps)).collect();
    assert_eq!(goodput, [Some(1_000.0), Some(1_999.8)]);
    let difference = found.differences[0].goodput_at_slo_tps.expect("both have runs");
    assert!(!difference.shown && difference.half_width.is_some(), "{difference:?}");
    assert_eq!(found.advice.verdict, Verdict::Tied);
    assert!(found.designs.iter().all(|row| row.is_efficient));
}

#[test]
fn what_was_not_tried_at_more_is_not_worse() {
    let found = compared(&[
        design("a", &[(1_000.0, &GOOD)]),
        design("b", &[(1_000.0, &GOOD), (2_000.0, &DOUBLE), (4_000.0, &BROKEN)]),
    ]);
    let goodput = found.differences[0].goodput_at_slo_tps.expect("both have runs");
    assert!(goodput.untried && !goodput.shown, "{goodput:?}");
    assert_eq!(found.advice.verdict, Verdict::Tied);
    assert!(found.designs.iter().all(|row| row.is_efficient));
    // What ends is worse than what goes on, wherever that was tried.
    let found = compared(&[design("a", &[(1_000.0, &GOOD), (2_000.0, &BROKEN)]), design("b", &[(1_500.0, &OTHER)])]);
    let goodput = found.differences[0].goodput_at_slo_tps.expect("both have runs");
    assert!(goodput.shown && !goodput.untried, "{goodput:?}");
    assert_eq!(found.advice.recommended, ["b"]);
}

#[test]
fn no_load_is_trusted_above_one_that_fails() {
    let found = compared(&[
        design("a", &[(1_000.0, &GOOD), (1_500.0, &BROKEN), (2_000.0, &DOUBLE)]),
        design("b", &[(1_000.0, &GOOD), (1_500.0, &OTHER), (2_000.0, &DOUBLE)]),
    ]);
    let a = &found.designs[0];
    assert_eq!((mean(a.goodput_at_slo_tps), a.is_largest_load), (Some(1_000.0), false));
    assert_eq!(a.stopped_by.as_deref(), Some("replica_egress"));
    assert_eq!(found.compared_at, At::Common { load_tps: Some(1_000.0), sustained: true });
    assert_eq!(found.advice.recommended, ["b"]);
    assert!(found.differences[0].goodput_at_slo_tps.is_some_and(|difference| (difference.mean + 999.8).abs() < 1e-9));
}

#[test]
fn single_runs_are_told_apart_by_nothing() {
    let found = compared(&[design("a", &[(1_000.0, &GOOD[..1])]), design("b", &[(1_000.0, &SLOW[..1])])]);
    assert_eq!(found.advice.verdict, Verdict::SingleRuns);
    assert!(found.advice.reasons[0].contains("Add --replicates 5."), "{:?}", found.advice.reasons);
    assert!(found.designs.iter().all(|row| !row.is_efficient));
    assert!(found.differences[0].reply_p99_ms.is_some_and(|difference| !difference.shown));
}

#[test]
fn the_load_and_the_baseline_can_be_asked_for() {
    let variants =
        [design("a", &[(1_000.0, &GOOD), (2_000.0, &BROKEN)]), design("b", &[(1_000.0, &SLOW), (2_000.0, &DOUBLE)])];
    let asked = |at_tps, baseline: Option<&str>| {
        Comparison::of(&variants, &CompareRequest { at_tps, baseline: baseline.map(Into::into), ..Default::default() })
    };
    let found = asked(Some(2_000.0), Some("a")).expect("there are both");
    assert_eq!(found.compared_at, At::Common { load_tps: Some(2_000.0), sustained: false });
    assert_eq!((found.baseline.as_str(), found.differences[0].name.as_str()), ("a", "b"));
    let said = |found: Result<Comparison, CompareError>| found.err().map(|error| error.to_string());
    assert_eq!(
        said(asked(Some(3_000.0), None)).as_deref(),
        Some("not every design is run at 3,000 tx/s; loads of all: 1,000, 2,000")
    );
    assert_eq!(said(asked(None, Some("c"))).as_deref(), Some("there is no design `c` to compare with, but: a; b"));
    assert!(
        said(Comparison::of(&variants[..1], &CompareRequest::default())).is_some_and(|said| said.contains("a alone"))
    );
}

#[test]
fn designs_without_a_common_load_or_without_usage_are_compared_by_what_there_is() {
    let mut variants = [design("a", &[(1_000.0, &GOOD)]), design("b", &[(2_000.0, &DOUBLE)])];
    assert_eq!(compared(&variants).compared_at, At::Own);
    for run in variants[0].loads[0].runs.values_mut() {
        (run.usage, run.stands) = (None, None);
    }
    let found = compared(&variants);
    assert_eq!((found.designs[0].cost_per_million_tx.total, &found.designs[0].stands), (None, &None));
    assert_eq!(found.differences[0].cost_per_million_tx, None);
    // That b was tried at more is no merit of it.
    assert_eq!(found.advice.recommended, ["a"]);
}

#[test]
fn prices_change_costs_alone() {
    let variants = [design("a", &[(1_000.0, &GOOD)]), design("b", &[(1_000.0, &SLOW)])];
    let paid = |vcpu_hour| {
        let prices = Prices { vcpu_hour, egress_gb: 0.0, storage_gb_month: 0.0, ..Prices::default() };
        let request = CompareRequest { prices, ..CompareRequest::default() };
        let found = Comparison::of(&variants, &request).unwrap_or_else(|error| panic!("{error}"));
        mean(found.designs[0].cost_per_million_tx.total).expect("all is known")
    };
    // 4 × 6 cores for 1,000 seconds, which a million takes at 1,000 tx/s, within what runs vary by.
    assert!((paid(3.6) / 24.0 - 1.0).abs() < 0.01, "{}", paid(3.6));
    assert!((paid(7.2) / paid(3.6) - 2.0).abs() < 1e-9);
}
