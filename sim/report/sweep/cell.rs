//! One cell: its replicates, and what they come to.

use std::collections::BTreeMap;
use std::path::Path;

use hdrhistogram::Histogram;
use serde_json::Value;

use crate::experiment::{Entry, Estimate, Heading, LatencySummary, Summary};
use crate::metrics::Definition;
use crate::report::cumulative::points;
use crate::report::error::ReportError;
use crate::report::hlog::{self, Latencies};

use super::model::{Cell, Curve, Fault, Missing, Region, Run, WorldKeys, rounded};
use super::point::{self, Read};

/// Where a point should be.
pub(super) struct Place<'a> {
    pub entry: &'a Entry,
    pub path: &'a Path,
    pub link: &'a str,
}

/// Reads the replicates of a cell; nothing where none is there. Says which are missing.
pub(super) fn read(
    variant: usize,
    load: usize,
    heading: &Heading,
    places: &[Place<'_>],
) -> Result<(Option<Cell>, Vec<Missing>), ReportError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for place in places {
        if place.path.exists() {
            found.push((place, point::read(place.path, heading, place.entry)?));
        } else {
            missing.push(Missing { id: place.entry.id.clone(), what: place.entry.overrides.join(", ") });
        }
    }
    let mut latencies = Latencies::new();
    for (place, read) in &mut found {
        hlog::add(&mut latencies, std::mem::take(&mut read.latencies), &place.path.join("latency.hlog"))?;
    }
    let cell = found.first().map(|_| cell(variant, load, &found, &latencies, places.len()));
    Ok((cell, missing))
}

fn cell(variant: usize, load: usize, found: &[(&Place<'_>, Read)], latencies: &Latencies, planned: usize) -> Cell {
    let (manifest, first) = (&found[0].1.manifest, &found[0].1.summary);
    let summaries: Vec<&Summary> = found.iter().map(|(_, read)| &read.summary).collect();
    let mean = |value: fn(&Summary) -> f64| {
        let values: Vec<f64> = summaries.iter().map(|summary| value(summary)).collect();
        Estimate::of(&values).expect("a cell has a replicate")
    };
    let reply = |quantile: fn(&LatencySummary) -> f64| {
        let values: Vec<f64> = summaries.iter().filter_map(|summary| Some(quantile(replied(summary)?))).collect();
        Estimate::of(&values)
    };
    let window = ["window_from_s", "window_until_s"].map(|key| manifest.timing.get(key).copied().unwrap_or(0.0));
    Cell {
        variant,
        load,
        protocol: first.protocol.clone(),
        dissemination: first.dissemination.clone(),
        replicas: first.replicas,
        hospitals: first.hospitals,
        replicates: found.len(),
        offered_tps: mean(|summary| summary.offered_tps),
        throughput_tps: mean(|summary| summary.throughput_tps),
        goodput_tps: mean(|summary| summary.goodput_tps),
        reply_p50_ms: reply(|reply| reply.p50),
        reply_p99_ms: reply(|reply| reply.p99),
        slo_met: summaries.iter().filter(|summary| summary.meets_slos()).count(),
        slo: first.slo.iter().map(|slo| slo.threshold.clone()).collect(),
        sustained: sustained(summaries.iter().map(|summary| summary.is_sustained()), planned),
        binding_resource: binding(&summaries),
        utilisation: utilisation(&summaries),
        curves: curves(latencies),
        regions: regions(latencies),
        window,
        faults: faults(&manifest.configuration),
        runs: found.iter().map(|(place, read)| run(place, read)).collect(),
        world: world(&manifest.configuration, first),
    }
}

/// Whether all `planned` replicates sustained their load: one that did not decides; nothing where some are missing.
fn sustained(held: impl Iterator<Item = bool>, planned: usize) -> Option<bool> {
    let held: Vec<bool> = held.collect();
    match held.contains(&false) {
        true => Some(false),
        false => (held.len() == planned).then_some(true),
    }
}

fn replied(summary: &Summary) -> Option<&LatencySummary> {
    summary.latency_ms.get(Definition::SubmitToReply.name()).filter(|reply| reply.count > 0)
}

/// What limits most replicates; of several alike the first by name.
fn binding(summaries: &[&Summary]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    summaries.iter().for_each(|summary| *counts.entry(&summary.binding_resource).or_default() += 1);
    let most = counts.iter().rev().max_by_key(|(_, count)| **count);
    most.map_or("none", |(name, _)| name).to_string()
}

fn utilisation(summaries: &[&Summary]) -> BTreeMap<String, [f64; 2]> {
    let mut sums = BTreeMap::<String, [f64; 2]>::new();
    for (name, used) in summaries.iter().flat_map(|summary| &summary.utilisation) {
        let sum = sums.entry(name.clone()).or_default();
        *sum = [sum[0] + used.mean, sum[1] + used.max];
    }
    let percent = |sum: f64| rounded(sum / summaries.len() as f64 * 100.0);
    sums.into_iter().map(|(name, sums)| (name, sums.map(percent))).collect()
}

fn curves(latencies: &Latencies) -> BTreeMap<String, Curve> {
    let of = |definition: Definition| (definition.name().to_string(), curve(&latencies[definition.name()]));
    Definition::ALL.into_iter().map(of).collect()
}

fn curve(histogram: &Histogram<u64>) -> Curve {
    if histogram.is_empty() {
        return Curve::default();
    }
    let ms = |quantile: f64| rounded(histogram.value_at_quantile(quantile) as f64 / 1e3);
    let mut curve = Curve { count: histogram.len(), p50_ms: ms(0.5), p99_ms: ms(0.99), ..Curve::default() };
    for (ms, share) in thinned(&points(histogram, 1.0)) {
        curve.ms.push(rounded(ms));
        curve.share.push(share);
    }
    curve
}

/// Leaves out points that nobody could tell from the one before, on a logarithmic axis and one of nines.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let place = |&(ms, share): &(f64, f64)| (libm::log10(ms.max(1e-3)), -libm::log10(1.0 - share.min(1.0 - 1e-12)));
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (nth, point) in points.iter().enumerate() {
        let apart = |last: &(f64, f64)| {
            let ((x, y), (a, b)) = (place(point), place(last));
            (x - a).abs() > 0.006 || (y - b).abs() > 0.02
        };
        if nth + 1 == points.len() || kept.last().is_none_or(apart) {
            // Six nines are more than any run has transactions for.
            kept.push((point.0, libm::round(point.1 * 1e7) / 1e7));
        }
    }
    kept
}

fn regions(latencies: &Latencies) -> Vec<Region> {
    let prefix = hlog::region_prefix();
    let region = |(tag, histogram): (&String, &Histogram<u64>)| {
        let name = tag.strip_prefix(&prefix)?.to_string();
        let ms = |quantile: f64| rounded(histogram.value_at_quantile(quantile) as f64 / 1e3);
        let (p50_ms, p99_ms) = (ms(0.5), ms(0.99));
        (!histogram.is_empty()).then_some(Region { name, count: histogram.len(), p50_ms, p99_ms })
    };
    latencies.iter().filter_map(region).collect()
}

/// The faults of a configuration, whatever kinds it knows: each says when it begins, and perhaps when it ends.
pub(super) fn faults(configuration: &Value) -> Vec<Fault> {
    let fault = |entry: &Value| {
        let number = |names: [&str; 2]| names.iter().find_map(|name| entry.get(name)?.as_f64());
        let kind = entry.get("kind")?.as_str()?.replace('_', " ");
        let whom = match (entry.get("replica"), entry.get("region").and_then(Value::as_str)) {
            (Some(replica), _) => format!(", replica {replica}"),
            (None, Some(region)) => format!(", {region}"),
            (None, None) => entry.get("side").map(|side| format!(", {side}")).unwrap_or_default(),
        };
        let (from_s, until_s) = (number(["at_s", "from_s"]).unwrap_or(0.0), number(["until_s", "restart_s"]));
        Some(Fault { name: kind + &whom, from_s, until_s })
    };
    configuration.get("fault").and_then(Value::as_array).into_iter().flatten().filter_map(fault).collect()
}

fn world(configuration: &Value, summary: &Summary) -> WorldKeys {
    let regions = configuration.pointer("/world/regions").and_then(Value::as_array).into_iter().flatten();
    let regions = regions.filter_map(|region| region.as_str().map(String::from)).collect();
    WorldKeys { regions, sharded: !summary.shards.is_empty() }
}

fn run(place: &Place<'_>, read: &Read) -> Run {
    let summary = &read.summary;
    let reply = replied(summary);
    Run {
        id: place.entry.id.clone(),
        seed: place.entry.seed,
        digest: summary.digest.to_string(),
        folder: place.link.into(),
        offered_tps: summary.offered_tps,
        throughput_tps: summary.throughput_tps,
        goodput_tps: summary.goodput_tps,
        reply_p50_ms: reply.map(|reply| reply.p50),
        reply_p99_ms: reply.map(|reply| reply.p99),
        messages_per_tx: summary.messages_per_tx,
        bytes_per_tx: summary.bytes_per_tx,
        binding_resource: summary.binding_resource.clone(),
        slo_met: summary.meets_slos(),
        series: read.series.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::sustained;

    #[test]
    fn a_cell_that_lacks_replicates_is_judged_by_a_failure_alone() {
        let of = |held: &[bool]| sustained(held.iter().copied(), 2);
        assert_eq!(of(&[true, true]), Some(true));
        assert_eq!(of(&[true, false]), Some(false));
        assert_eq!(of(&[false]), Some(false));
        assert_eq!(of(&[true]), None);
    }
}
