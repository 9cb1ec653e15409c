//! The contracts' part of a run's table.

use std::fmt::Write;

use crate::experiment::{
    CaughtSummary, ContractSummary, KindSummary, LatencySummary, ReachSummary, SETTLEMENT_BAR, VERIFICATION_BAR,
};
use crate::report::line;

use super::table::{grouped, named};

/// What came of each kind, and in the terms of those who use them.
pub(super) fn of_contracts(out: &mut String, contracts: &ContractSummary) {
    line!(out, "{:<26}{:>12}{:>12}{:>10}{:>10}   refused", "contracts", "done", "reply p50", "p99 ms", "in time");
    for (kind, summary) in &contracts.kinds {
        let KindSummary { done, refused, reply_ms, within_slo, .. } = summary;
        let in_time = within_slo.map_or(String::new(), |share| format!("{:.1}%", share * 100.0));
        let reasons = refused.iter().map(named).collect::<Vec<_>>().join(", ");
        let row = format!(
            "{kind:<26}{:>12}{:>12.0}{:>10.0}{in_time:>10}   {reasons}",
            grouped(*done as f64),
            reply_ms.p50,
            reply_ms.p99
        );
        line!(out, "{}", row.trim_end());
    }
    line!(out);
    trail(out, contracts);
    for (what, reach) in &contracts.felt {
        of_reach(out, what, reach);
    }
    for (what, CaughtSummary { injected, caught, missed }) in &contracts.planted {
        let [injected, caught, missed] = [injected, caught, missed].map(|count| grouped(*count as f64));
        line!(out, "{what:<13}{injected:>12} injected: {caught} caught, {missed} missed");
    }
    bars(out, contracts);
    money(out, contracts);
    line!(out);
}

/// Who looked, what was anchored, what crossed a border.
fn trail(out: &mut String, contracts: &ContractSummary) {
    let looks = contracts.looks_by_region.iter().filter(|(_, count)| **count > 0);
    let looks: Vec<String> = looks.map(|(region, count)| format!("{region} {}", grouped(*count as f64))).collect();
    if !looks.is_empty() {
        let glass = grouped(contracts.emergencies as f64);
        line!(out, "audit trail  {}; glass broken {glass} times", looks.join(", "));
    }
    let stored = &contracts.stored;
    if stored.patients > 0 {
        line!(
            out,
            "records      of {} patients: {} bytes each on the ledger, {} off it",
            grouped(stored.patients as f64),
            grouped(stored.on_ledger_bytes_per_patient),
            grouped(stored.off_ledger_bytes_per_patient)
        );
    }
    let [across, bytes, stopped] =
        [contracts.disclosed_abroad, contracts.disclosed_abroad_bytes, contracts.stopped_at_border]
            .map(|count| grouped(count as f64));
    if contracts.kinds.contains_key("share.request") {
        line!(out, "borders      {across} exchanges crossed one ({bytes} bytes), {stopped} were stopped");
        let [crossed, violations] =
            [contracts.border_crossings, contracts.residency_violations].map(|count| grouped(count as f64));
        line!(
            out,
            "residency    {violations} violations in {crossed} crossings by looks, sessions, exchanges and licences"
        );
    }
    let erased = &contracts.erased;
    if erased.patients > 0 {
        let [patients, anchors, bytes] =
            [erased.patients, erased.orphaned_anchors, erased.residual_bytes].map(|count| grouped(count as f64));
        line!(out, "erased       {patients} patients: {anchors} anchors orphaned, {bytes} bytes of them stay");
    }
    if contracts.batching_saved_bytes != 0 {
        let saved = grouped(contracts.batching_saved_bytes as f64);
        line!(out, "devices      batching saved {saved} bytes on the ledger");
    }
}

fn of_reach(out: &mut String, what: &str, reach: &ReachSummary) {
    let ReachSummary { replicas_ms, hospitals_ms, coverage_ms, pending } = reach;
    let quantiles = |LatencySummary { p50, p99, max, .. }: &LatencySummary| format!("{p50:.0} / {p99:.0} / {max:.0}");
    line!(
        out,
        "{what:<13}{:>12} felt, p50 / p99 / max: at all replicas {} ms, at all hospitals {} ms; each hospital {} ms",
        grouped(replicas_ms.count as f64),
        quantiles(replicas_ms),
        quantiles(hospitals_ms),
        quantiles(coverage_ms)
    );
    if *pending > 0 {
        line!(out, "             {:>12} not felt everywhere when the run ended", grouped(*pending as f64));
    }
}

/// What medicines, claims and motions are measured by.
fn bars(out: &mut String, contracts: &ContractSummary) {
    let LatencySummary { p50, p99, count, .. } = contracts.verification_ms;
    if let Some(share) = contracts.verification_within_bar {
        let (count, bar) = (grouped(count as f64), VERIFICATION_BAR.as_millis_f64());
        let share = share * 100.0;
        line!(
            out,
            "verification {count:>12} packs: {p50:.0} ms (p50), {p99:.0} ms (p99); {share:.1} % within {bar} ms, 95 % wanted"
        );
    }
    let LatencySummary { p50, p99, count, .. } = contracts.settlement_ms;
    if let Some(share) = contracts.settlement_within_bar {
        let (count, bar) = (grouped(count as f64), SETTLEMENT_BAR.as_millis_f64());
        let share = share * 100.0;
        line!(
            out,
            "settlement   {count:>12} claims: {p50:.0} ms (p50), {p99:.0} ms (p99) on the ledger in four stages; \
             {share:.1} % within {bar} ms"
        );
    }
    let LatencySummary { p50, p99, count, max, .. } = contracts.enacted_ms;
    if count + contracts.pending_motions > 0 {
        let [count, pending] = [count, contracts.pending_motions].map(|count| grouped(count as f64));
        line!(
            out,
            "motions      {count:>12} in effect, p50 / p99 / max: {p50:.0} / {p99:.0} / {max:.0} ms after their enactment; \
             {pending} not yet at the end"
        );
    }
}

fn money(out: &mut String, contracts: &ContractSummary) {
    if contracts.balances.values().any(|balance| *balance != 0) {
        let holders = contracts.balances.iter();
        let holders: Vec<String> =
            holders.map(|(holder, balance)| format!("{holder} {}", grouped(*balance as f64 / 100.0))).collect();
        let sum: i64 = contracts.balances.values().sum();
        line!(out, "balances     {}; sum {}", holders.join(", "), grouped(sum as f64 / 100.0));
    }
}
