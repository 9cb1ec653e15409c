//! Bencher Metric Format: benchmark → measure → value, with bounds where there are any.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::experiment::regress::{CaseVerdict, Verdict};

#[derive(Serialize)]
struct Measure {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// A case is a benchmark; a metric is a measure, by a slug (at most 64 characters of `a-z0-9-`).
pub(super) fn file(verdict: &Verdict) -> String {
    let benchmarks = verdict.cases.iter().map(|case| (case.name.as_str(), measures(case)));
    super::pretty(&benchmarks.collect::<BTreeMap<_, _>>())
}

fn measures(case: &CaseVerdict) -> BTreeMap<String, Measure> {
    let exact = |value| Measure { value, lower_value: None, upper_value: None };
    let rows = case.rows().filter_map(|row| Some((slug(&row.name), exact(row.measured?))));
    let wall = &case.wall;
    let value = wall.fastest_s();
    let wall = Measure { value, lower_value: Some(value), upper_value: Some(wall.a_s.max(wall.b_s)) };
    rows.chain([("wall-s".to_string(), wall)]).collect()
}

fn slug(name: &str) -> String {
    name.replace('_', "-")
}
