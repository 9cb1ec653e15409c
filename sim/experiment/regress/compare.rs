//! What changed: measured figures beside blessed ones.

use std::collections::BTreeMap;

use super::measure::{Measured, Ready};
use super::metrics::{Direction, Metric};
use super::verdict::{CaseVerdict, Change, Row, Wall};
use super::{Baseline, Blessed, Case, Gate};

/// Every case of `baseline` beside what was measured of it, in order.
pub fn compare(baseline: &Baseline, gate: &Gate, measured: &[Measured]) -> Vec<CaseVerdict> {
    let cases = baseline.cases.values().zip(&gate.cases).zip(measured);
    cases.map(|((case, ready), measured)| of_case(case, ready, measured)).collect()
}

fn of_case(case: &Case, ready: &Ready, measured: &Measured) -> CaseVerdict {
    let blessed = case.blessed.as_ref();
    let metrics = rows(&measured.metrics, &blessed.map(|blessed| blessed.metrics.clone()).unwrap_or_default());
    let counters = rows(&measured.counters, &blessed.map(counters).unwrap_or_default());
    let inputs_changed = blessed.is_some_and(|blessed| blessed.inputs != measured.inputs);
    let digest_changed = blessed.is_some_and(|blessed| blessed.digest != measured.digest);
    let floor = match (blessed, inputs_changed || digest_changed) {
        (None, _) => Change::New,
        (Some(_), true) => Change::Changed,
        (Some(_), false) => Change::Equal,
    };
    let gravest = metrics.iter().chain(&counters).map(|row| row.change).max().unwrap_or(Change::Equal);
    // Where metrics say which way it went, that the digest is another says nothing more.
    let change =
        if gravest == Change::Better && !inputs_changed && blessed.is_some() { gravest } else { gravest.max(floor) };
    CaseVerdict {
        name: ready.name.clone(),
        scenario: ready.path.clone(),
        settings: ready.settings.clone(),
        inputs: measured.inputs,
        inputs_changed,
        digest: measured.digest,
        blessed_digest: blessed.map(|blessed| blessed.digest),
        change,
        metrics,
        counters,
        wall: wall(measured),
    }
}

fn counters(blessed: &Blessed) -> BTreeMap<String, f64> {
    blessed.counters.iter().map(|(name, count)| (name.clone(), *count as f64)).collect()
}

/// A row for each measured figure, then one for each that this build does not measure any more.
pub(super) fn rows(measured: &[Metric], blessed: &BTreeMap<String, f64>) -> Vec<Row> {
    let known = |metric: &Metric| row(metric, blessed.get(&metric.name).copied());
    let mut rows: Vec<Row> = measured.iter().map(known).collect();
    let gone = blessed.iter().filter(|(name, _)| measured.iter().all(|metric| metric.name != **name));
    rows.extend(gone.map(|(name, &value)| Row {
        name: name.clone(),
        unit: String::new(),
        better: Direction::Neither,
        tolerance_percent: 0.0,
        blessed: Some(value),
        measured: None,
        change_percent: None,
        change: Change::Changed,
    }));
    rows
}

fn row(metric: &Metric, blessed: Option<f64>) -> Row {
    let Metric { ref name, unit, better, value, tolerance_percent } = *metric;
    let change_percent = blessed.filter(|&blessed| blessed != 0.0).map(|blessed| (value - blessed) / blessed * 100.0);
    let change = match blessed {
        None => Change::New,
        Some(blessed) if value == blessed => Change::Equal,
        Some(_) if change_percent.is_some_and(|percent| percent.abs() <= tolerance_percent) => Change::Equal,
        Some(blessed) => match (better, value > blessed) {
            (Direction::Neither, _) => Change::Changed,
            (Direction::Bigger, true) | (Direction::Smaller, false) => Change::Better,
            (Direction::Bigger, false) | (Direction::Smaller, true) => Change::Worse,
        },
    };
    let name = name.clone();
    let measured = Some(value);
    Row { name, unit: unit.into(), better, tolerance_percent, blessed, measured, change_percent, change }
}

fn wall(measured: &Measured) -> Wall {
    let [a_s, b_s] = measured.walls.map(|wall| wall.as_secs_f64());
    let noise_percent = (a_s.max(b_s) / a_s.min(b_s) - 1.0) * 100.0;
    Wall { a_s, b_s, noise_percent, earlier_s: None, change_percent: None, beyond_noise: false }
}
