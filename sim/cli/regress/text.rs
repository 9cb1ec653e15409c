//! A verdict as people read it.

use std::fmt::Write;
use std::path::PathBuf;

use crate::experiment::regress::{CaseVerdict, Change, Row, Verdict};
use crate::report::line;

/// Most changed figures that are shown of a case.
const MOST_ROWS: usize = 6;

/// A verdict, and where it is written.
pub(in crate::cli) fn of_verdict(verdict: &Verdict, files: &[PathBuf]) -> String {
    let mut out = compared(verdict);
    line!(out, "verdict      {}", verdict.change.advice());
    for (nth, file) in files.iter().enumerate() {
        line!(out, "{:<12} {}", if nth == 0 { "results" } else { "" }, file.display());
    }
    out
}

/// What was blessed, beside what was before.
pub(in crate::cli) fn of_blessing(verdict: &Verdict) -> String {
    let mut out = compared(verdict);
    let changed = verdict.cases.iter().filter(|case| case.change != Change::Equal).count();
    let (cases, path) = (verdict.cases.len(), verdict.baseline.display());
    line!(out, "blessed      {cases} cases, {changed} of them changed: {path}");
    out
}

/// What to say of a gate that fails, in one line.
pub(in crate::cli) fn complaint(verdict: &Verdict) -> String {
    let failed = verdict.cases.iter().filter(|case| case.change != Change::Equal);
    let said: Vec<String> =
        failed.map(|case| format!("{} {} ({})", case.name, case.change.name(), case.reason())).collect();
    format!("regression gate: {}: {}", verdict.change.advice(), said.join("; "))
}

fn compared(verdict: &Verdict) -> String {
    let mut out = String::new();
    let (cases, baseline) = (verdict.cases.len(), verdict.baseline.display());
    let (build, profile) = (&verdict.build, &verdict.host.profile);
    line!(
        out,
        "regress: {cases} cases against {baseline}; systole {} ({}, {profile})",
        build.tool_version,
        build.git_commit
    );
    verdict.injected.iter().for_each(|injected| line!(out, "injected: {injected}, a test of the gate"));
    verdict.settings.iter().for_each(|setting| line!(out, "every case with --set {setting}"));
    line!(out);
    let width = verdict.cases.iter().map(|case| case.name.chars().count()).max().unwrap_or(0).max(4);
    line!(out, "{:<width$}  outcome  digest              events  allocations      wall  A/A'    earlier", "case");
    for case in &verdict.cases {
        let counter = |name: &str| case.counters.iter().find(|row| row.name == name);
        line!(
            out,
            "{:<width$}  {:<7}  {:<12}  {:>12}  {:>11}  {:>6.3} s  {:>4.1}%  {}",
            case.name,
            case.change.name(),
            &case.digest.to_string()[..12],
            counted(counter("events")),
            counted(counter("allocations")),
            case.wall.fastest_s(),
            case.wall.noise_percent,
            earlier(case)
        );
    }
    line!(out);
    verdict.cases.iter().filter(|case| case.change != Change::Equal).for_each(|case| changes(&mut out, case));
    line!(out, "digests and metrics are compared exactly, events and allocations within 1 %; wall time is advisory");
    line!(out);
    out
}

fn counted(row: Option<&Row>) -> String {
    let value = row.and_then(|row| row.measured).map_or("none".into(), super::super::table::grouped);
    match row.and_then(|row| row.change_percent) {
        Some(percent) if percent != 0.0 => format!("{value} {percent:+.2}%"),
        _ => value,
    }
}

/// Wall time beside that of earlier runs on this host.
fn earlier(case: &CaseVerdict) -> String {
    match (case.wall.earlier_s, case.wall.change_percent) {
        (Some(earlier_s), Some(percent)) => {
            let told = if case.wall.beyond_noise { "beyond noise" } else { "noise" };
            format!("{earlier_s:>6.3} s {percent:+.1}%: {told}")
        }
        _ => "   none here".into(),
    }
}

fn changes(out: &mut String, case: &CaseVerdict) {
    line!(out, "{} {}: {}", case.name, case.change.name(), case.reason());
    if let Some(blessed) = case.blessed_digest.filter(|_| case.digest_changed()) {
        line!(
            out,
            "  digest {} was blessed, {} is measured",
            &blessed.to_string()[..12],
            &case.digest.to_string()[..12]
        );
    }
    let mut rows: Vec<&Row> = case.rows().filter(|row| !matches!(row.change, Change::Equal | Change::New)).collect();
    // The gravest first; where the baseline knows none of a new case's figures there is nothing to set beside them.
    rows.sort_by_key(|row| std::cmp::Reverse(row.change));
    let said = |value: Option<f64>| value.map_or("none".to_string(), |value| format!("{value:.3}"));
    let width = rows.iter().take(MOST_ROWS).map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows.iter().take(MOST_ROWS) {
        let percent = row.change_percent.map(|percent| format!("  {percent:+.3}%")).unwrap_or_default();
        let (blessed, measured, change) = (said(row.blessed), said(row.measured), row.change.name());
        line!(out, "  {change:<7}  {:<width$}  {blessed:>14} -> {measured:>14}{percent}", row.name);
    }
    if rows.len() > MOST_ROWS {
        line!(out, "  and {} more, in verdict.json", rows.len() - MOST_ROWS);
    }
    line!(out);
}
