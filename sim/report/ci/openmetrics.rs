//! OpenMetrics text 1.0: a family for each metric, a sample for each case; seconds in place of milliseconds, as the
//! specification wants base units.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::experiment::regress::{CaseVerdict, Change, Row, Verdict};

/// Gives out its families in the order of the verdict: a registry's own labelled families come in hash order.
#[derive(Debug)]
struct Gate(Verdict);

pub(super) fn file(verdict: Verdict) -> String {
    let mut registry = Registry::with_prefix("systole");
    registry.register_collector(Box::new(Gate(verdict)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

/// Samples of a family: case and value.
type Samples<'a> = Vec<(&'a str, f64)>;

impl Gate {
    /// By metric, in the order of the first case that has it.
    fn families(&self) -> Vec<(Family, Samples<'_>)> {
        let mut families: Vec<(Family, Samples<'_>)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for case in &self.0.cases {
            for row in &case.metrics {
                let Some(value) = row.measured else { continue };
                let place = *places.entry(row.name.clone()).or_insert_with(|| {
                    families.push((Family::of(row), Vec::new()));
                    families.len() - 1
                });
                let (family, samples) = &mut families[place];
                samples.push((&case.name, value / family.per_base));
            }
        }
        families
    }

    fn counted(&self, name: &str) -> Vec<(&str, u64)> {
        let of = |case: &CaseVerdict| case.counters.iter().find(|row| row.name == name)?.measured;
        self.0.cases.iter().filter_map(|case| Some((case.name.as_str(), of(case)? as u64))).collect()
    }
}

/// A metric as OpenMetrics names it.
struct Family {
    name: String,
    unit: Option<&'static str>,
    help: String,
    /// How many of our units make one of theirs.
    per_base: f64,
}

impl Family {
    fn of(row: &Row) -> Family {
        let known = [("_ms", "seconds", 1e3), ("_s", "seconds", 1.0), ("_share", "ratio", 1.0)];
        let units = known.into_iter().find_map(|(suffix, unit, per)| Some((row.name.strip_suffix(suffix)?, unit, per)));
        let (name, unit, per_base) = match units {
            Some((name, unit, per_base)) => (name, Some(unit), per_base),
            None => (row.name.as_str(), None, 1.0),
        };
        let of = unit.unwrap_or(&row.unit);
        let of = if of.is_empty() { String::new() } else { format!(", in {of}") };
        Family { name: name.into(), unit, help: format!("systole's {}{of}", row.name), per_base }
    }
}

impl Collector for Gate {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (Family { name, unit, help, .. }, samples) in self.families() {
            let unit = unit.map(|unit| Unit::Other(unit.into()));
            gauges(&mut encoder, (&name, &help, unit.as_ref()), samples)?;
        }
        for (name, unit, help) in [
            ("events", None, "events and deliveries processed"),
            ("allocations", None, "allocations and reallocations of one run"),
            ("allocated_bytes", Some("bytes"), "bytes asked for by one run"),
        ] {
            let named = unit.map_or(name, |unit: &str| name.trim_end_matches(unit).trim_end_matches('_'));
            let unit = unit.map(|unit| Unit::Other(unit.into()));
            let mut family = encoder.encode_descriptor(named, help, unit.as_ref(), MetricType::Counter)?;
            for (case, count) in self.counted(name) {
                let labels = [("case", case)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
            }
        }
        let cases = &self.0.cases;
        let walls = cases.iter().map(|case| (case.name.as_str(), case.wall.fastest_s())).collect();
        let seconds = Unit::Seconds;
        gauges(&mut encoder, ("wall", "wall time of the faster run, advisory", Some(&seconds)), walls)?;
        let passed = |case: &CaseVerdict| f64::from(u8::from(case.change == Change::Equal));
        let passed = cases.iter().map(|case| (case.name.as_str(), passed(case))).collect();
        gauges(&mut encoder, ("regress_passed", "1 where the case is as blessed", None), passed)
    }
}

/// A family of gauges, one for each case.
fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<&Unit>),
    samples: Samples<'_>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (case, value) in samples {
        let labels = [("case", case)];
        family.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}
