//! What people read: a run and a search as text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::experiment::{LatencySummary, LimitSummary, Probe, ServiceSummary, Summary, SurgeSummary, TraceSummary};
use crate::metrics::Definition;
use crate::report::line;
use crate::scenario::{CalendarSpan, ScenarioFile, SurgeKeys, SurgeProfile};

use super::contracts::of_contracts;

/// How the load changes over the run, where it does.
fn course(file: &ScenarioFile) -> Option<String> {
    let mut parts = Vec::new();
    let (lapse, hour) = (file.world.lapse, file.world.hour_of_week);
    match file.world.span {
        CalendarSpan::Hour => {}
        CalendarSpan::Day => parts.push(format!("a day from hour {hour} of the week on, {lapse} s in each second")),
        CalendarSpan::Week => parts.push(format!("a week from hour {hour} on, {lapse} s in each second")),
    }
    if file.world.burst > 0.0 {
        parts.push(format!("bursts that vary by {}", file.world.burst));
    }
    if let Some(SurgeKeys { profile: SurgeProfile::Pandemic, country, begins_s, day_s, .. }) = &file.surge {
        let place = country.as_ref().map(|country| format!(", worst in {country}")).unwrap_or_default();
        parts.push(format!("a pandemic's surge from {begins_s} s on, a day of it in {day_s} s{place}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// A run.
pub(super) fn of_run(summary: &Summary, file: &ScenarioFile, folder: &Path, figures: &[PathBuf]) -> String {
    let mut out = String::new();
    heading(&mut out, summary, file);
    latencies(&mut out, summary);
    service(&mut out, summary);
    utilisation(&mut out, summary);
    summary.contracts.iter().for_each(|contracts| of_contracts(&mut out, contracts));
    accounts(&mut out, summary);
    host(&mut out, summary);
    line!(out, "digest       {}", summary.digest);
    line!(out, "results      {}", folder.display());
    for figure in figures {
        line!(out, "             {}", figure.display());
    }
    out
}

fn heading(out: &mut String, summary: &Summary, file: &ScenarioFile) {
    let Summary { scenario, protocol, dissemination, hospitals, replicas, weight, seed, .. } = summary;
    line!(out, "{scenario}: {protocol} over {dissemination}, {hospitals} hospitals, {replicas} replicas, seed {seed}");
    if let Some(course) = course(file) {
        line!(out, "load: {course}");
    }
    if !summary.shards.is_empty() {
        let shards = summary.shards.iter().map(|(name, replicas)| format!("{name} {replicas}"));
        line!(out, "shards (replicas): {}", shards.collect::<Vec<_>>().join(", "));
    }
    if let Some(trace) = &summary.trace {
        let TraceSummary { lines, entries, replayed, not_replayed, reference_resources, malformed, .. } = trace;
        line!(
            out,
            "trace: {lines} lines of {entries} transactions, {reference_resources} of reference data, {malformed} malformed; \
             {replayed} transactions replayed, {not_replayed} not"
        );
    }
    if *weight > 1 {
        line!(out, "each simulated transaction stands for {weight} alike ones");
    }
    let distances = &summary.distances;
    line!(
        out,
        "distances: {} of {} metro pairs measured (city {:.0} km off on average, {:.0} at most: {}), the rest modelled",
        distances.measured_pairs,
        distances.pairs,
        distances.mean_km,
        distances.max_km,
        distances.farthest
    );
    if !distances.modelled_metros.is_empty() {
        let metros = distances.modelled_metros.iter().map(|(metro, km)| format!("{metro} {km:.0} km"));
        line!(out, "no measured city near: {}", metros.collect::<Vec<_>>().join(", "));
    }
    line!(out);
    line!(out, "offered      {:>12} tx/s", grouped(summary.offered_tps));
    line!(out, "throughput   {:>12} tx/s", grouped(summary.throughput_tps));
    let deadline_s = summary.deadline_ms / 1e3;
    line!(out, "goodput      {:>12} tx/s with a receipt within {deadline_s} s", grouped(summary.goodput_tps));
    for slo in &summary.slo {
        line!(out, "SLO          {:>12} {}", if slo.holds { "met" } else { "NOT MET" }, slo.threshold);
    }
    line!(out);
}

fn latencies(out: &mut String, summary: &Summary) {
    // Names are longer where there are shards.
    let width = if summary.shards.is_empty() { 19 } else { 24 };
    line!(out, "{:<width$}     p50       p90       p99     p99.9       max        transactions", "latency, ms");
    for definition in Definition::ALL {
        row(out, width, definition.name(), &summary.latency_ms[definition.name()]);
    }
    let is_apart = |name: &str| name.ends_with("_intra") || name.ends_with("_cross");
    for (name, latency) in summary.latency_ms.iter().filter(|(name, _)| is_apart(name)) {
        row(out, width, name, latency);
    }
    for (region, by_definition) in &summary.latency_by_region_ms {
        line!(out, "{region}");
        for definition in Definition::ALL {
            row(out, width, &format!("  {}", definition.name()), &by_definition[definition.name()]);
        }
    }
    line!(out);
}

fn row(out: &mut String, width: usize, name: &str, latency: &LatencySummary) {
    let LatencySummary { p50, p90, p99, p999, max, count, .. } = latency;
    let count = grouped(*count as f64);
    line!(out, "{name:<width$}{p50:>8.0}{p90:>10.0}{p99:>10.0}{p999:>10.0}{max:>10.0}{count:>20}");
}

/// How well hospitals of each connectivity class are served, and those of each region.
fn service(out: &mut String, summary: &Summary) {
    line!(out, "hospitals          offered/s   goodput/s      late   reply p50       p99 ms");
    for (group, service) in summary.service_by_class.iter().chain(&summary.service_by_region) {
        let ServiceSummary { offered_tps, goodput_tps, late_share, reply_ms } = service;
        let late = late_share * 100.0;
        let [offered, goodput] = [*offered_tps, *goodput_tps].map(grouped);
        line!(out, "{group:<15}{offered:>13}{goodput:>12}{late:>9.1}%{:>12.0}{:>13.0}", reply_ms.p50, reply_ms.p99);
    }
    line!(
        out,
        "fairness       {:>13.4} (Jain's index over what hospitals got in time of what they demanded)",
        summary.fairness
    );
    line!(out);
}

fn utilisation(out: &mut String, summary: &Summary) {
    line!(out, "utilisation            mean   busiest node");
    for (resource, used) in &summary.utilisation {
        let mark = if *resource == summary.binding_resource { "  binds" } else { "" };
        line!(out, "{resource:<18}{:>8.1}%{:>14.1}%{mark}", used.mean * 100.0, used.max * 100.0);
    }
    match summary.binding_resource.as_str() {
        "none" => line!(
            out,
            "nothing binds (below 80 %): latency is distance and waiting; the busiest class is {}",
            summary.busiest_resource
        ),
        resource => line!(out, "{resource} binds"),
    }
    line!(out);
}

fn accounts(out: &mut String, summary: &Summary) {
    line!(out, "messages     {:>12.2} per transaction", summary.messages_per_tx);
    line!(out, "bytes        {:>12} per transaction", grouped(summary.bytes_per_tx));
    line!(out, "blocks       {:>12}", grouped(summary.blocks as f64));
    let refused: Vec<String> = summary.rejected.iter().filter(|(_, count)| **count > 0).map(named).collect();
    let refused = if refused.is_empty() { "none".to_string() } else { refused.join(", ") };
    line!(out, "refused      {refused:>12}");
    let (backlog, behind_s) = (grouped(summary.backlog_max as f64), summary.behind_max_s);
    line!(out, "backlog      {backlog:>12} at most, {behind_s:.1} s behind the load at most");
    if let Some(SurgeSummary { begins_s, falls_s, lag_before_s, lag_max_s, lagged, absorbed_s }) = &summary.surge {
        let absorbed = match absorbed_s {
            _ if !lagged => "absorbed at once".into(),
            Some(after) => format!("absorbed {after:.1} s after it began to fall"),
            None => "not absorbed when hospitals stopped".into(),
        };
        line!(
            out,
            "surge        from {begins_s} s, falls from {falls_s:.1} s: in flight {lag_max_s:.1} s of load at most, \
             {lag_before_s:.1} before; {absorbed}"
        );
    }
    line!(out, "pending      {:>12} when the run ended", grouped(summary.pending as f64));
    if let Some(cross) = &summary.cross_shard {
        let [begun, committed, aborted] = [cross.begun, cross.committed, cross.aborted].map(|count| count as f64);
        let (committed, aborted) = (grouped(committed), grouped(aborted));
        line!(out, "across shards {:>11} begun, {committed} committed, {aborted} aborted", grouped(begun));
    }
    if summary.tampered_batches > 0 {
        line!(out, "tampered     {:>12} batch copies refused", grouped(summary.tampered_batches as f64));
    }
    let verdicts: Vec<String> = summary.verdict.iter().map(|(judge, verdict)| format!("{judge} {verdict}")).collect();
    line!(out, "judges       {}", verdicts.join(", "));
    line!(out);
}

pub(super) fn named((reason, count): (&String, &u64)) -> String {
    format!("{} {reason}", grouped(*count as f64))
}

fn host(out: &mut String, summary: &Summary) {
    let (real, host) = (&summary.real, &summary.host);
    let rate = |count: u64| format!("{} ({}/s)", grouped(count as f64), grouped(count as f64 / host.wall_s));
    line!(out, "really signed {}, verified {},", rate(real.signed), rate(real.verified));
    line!(out, "       hashed {}, executed {}", rate(real.hashed), rate(real.executed));
    if let Some(root) = &real.state_root {
        let [rows, proved] = [real.rows, real.proved].map(|count| grouped(count as f64));
        line!(out, "state root   {root} over {rows} rows, {proved} of them proved");
    }
    line!(
        out,
        "{:.1} s of wall time on {} worker threads: {:.2} simulated s/s, {} events, {}/s, peak memory {} MiB",
        host.wall_s,
        host.threads,
        host.sim_s_per_wall_s,
        grouped(host.events as f64),
        grouped(host.events_per_s),
        grouped((host.peak_rss_bytes >> 20) as f64)
    );
    line!(out);
}

/// A search.
pub(super) fn of_limit(summary: &LimitSummary, probes: &[Probe], folder: &Path, figures: &[PathBuf]) -> String {
    let mut out = String::new();
    let LimitSummary { scenario, protocol, dissemination, hospitals, replicas, seed, .. } = summary;
    line!(out, "{scenario}: {protocol} over {dissemination}, {hospitals} hospitals, {replicas} replicas, seed {seed}");
    line!(out, "sustained: goodput at least 99 % of the load, and {}", summary.slo.join(", "));
    line!(out);
    line!(out, "     offered      goodput   reply p50   reply p99   busiest class                 sustained");
    let mut sorted: Vec<&Probe> = probes.iter().collect();
    sorted.sort_by(|a, b| a.offered_tps.total_cmp(&b.offered_tps));
    for probe in sorted {
        line!(
            out,
            "{:>12} {:>12} {:>8.0} ms {:>8.0} ms   {:<18}{:>6.1}%   {}",
            grouped(probe.offered_tps),
            grouped(probe.goodput_tps),
            probe.reply_p50_ms,
            probe.reply_p99_ms,
            probe.busiest_resource,
            probe.utilisation_percent,
            if probe.meets_slo { "yes" } else { "no" }
        );
    }
    line!(out);
    let load = |tps: Option<f64>, otherwise: &str| tps.map_or(otherwise.to_string(), grouped);
    let (lower, upper) = (load(summary.lower_tps, "nothing"), load(summary.upper_tps, "nothing that was probed"));
    line!(out, "saturation point: {lower} tx/s is sustained, {upper} is not");
    match summary.binding_resource.as_str() {
        "none" => line!(out, "no resource is at its capacity there: timers or latency stop it"),
        resource => line!(out, "what stops it: {resource}"),
    }
    line!(out, "results      {}", folder.display());
    for figure in figures {
        line!(out, "             {}", figure.display());
    }
    out
}

/// A number with its thousands apart.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    // What rounds to nought has no sign.
    let mut out = if number < 0.0 && digits != "0" { "-".to_string() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0.4, 12.0, 1234.6, 1e6].map(grouped), ["0", "12", "1,235", "1,000,000"]);
        assert_eq!([-0.4, -123.0, -1234.6].map(grouped), ["0", "-123", "-1,235"]);
    }
}
