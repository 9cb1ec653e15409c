//! Markdown for a job's summary: the verdict first, then what changed, then wall times.

use std::fmt::Write;

use crate::experiment::regress::{CaseVerdict, Change, Row, Verdict};
use crate::report::line;

/// Most changed figures that are shown of a case.
const MOST_ROWS: usize = 20;

/// The summary of a verdict.
pub fn step_summary(verdict: &Verdict) -> String {
    let mut out = String::new();
    let mark = if verdict.passed { "passed" } else { "failed" };
    line!(out, "## Regression gate {mark}: {}", verdict.change.advice());
    line!(out);
    let Verdict { build, host, .. } = verdict;
    let baseline = verdict.baseline.display();
    let (version, commit, profile) = (&build.tool_version, &build.git_commit, &host.profile);
    line!(out, "systole {version} ({commit}, {profile}) against `{baseline}`");
    let altered = verdict.injected.iter().map(|injected| format!("`--inject {injected}`"));
    let altered: Vec<String> = altered.chain(verdict.settings.iter().map(|key| format!("`--set {key}`"))).collect();
    if !altered.is_empty() {
        line!(out);
        line!(out, "A test of the gate: {}.", altered.join(", "));
    }
    line!(out);
    cases(&mut out, verdict);
    verdict.cases.iter().filter(|case| case.change != Change::Equal).for_each(|case| changes(&mut out, case));
    out
}

fn cases(out: &mut String, verdict: &Verdict) {
    line!(out, "| case | outcome | why | digest | wall (advisory) | A/A' noise |");
    line!(out, "|---|---|---|---|---:|---:|");
    for case in &verdict.cases {
        let (name, change, reason) = (escaped(&case.name), case.change.name(), case.reason());
        let digest = &case.digest.to_string()[..12];
        let (wall, noise) = (case.wall.fastest_s(), case.wall.noise_percent);
        let earlier = case.wall.change_percent.map(|percent| {
            let told = if case.wall.beyond_noise { "" } else { ", within noise" };
            format!(" ({percent:+.1} %{told})")
        });
        let earlier = earlier.unwrap_or_default();
        line!(out, "| {name} | {change} | {reason} | `{digest}` | {wall:.3} s{earlier} | {noise:.1} % |");
    }
}

fn changes(out: &mut String, case: &CaseVerdict) {
    let mut rows: Vec<&Row> = case.rows().filter(|row| row.change != Change::Equal).collect();
    // The gravest and largest first; equals stay in their order.
    let size = |row: &Row| row.change_percent.map_or(f64::INFINITY, f64::abs);
    rows.sort_by(|a, b| b.change.cmp(&a.change).then(size(b).total_cmp(&size(a))));
    if rows.is_empty() {
        return;
    }
    line!(out);
    line!(out, "### {}", escaped(&case.name));
    line!(out);
    line!(out, "| figure | blessed | measured | change | |");
    line!(out, "|---|---:|---:|---:|---|");
    let said = |value: Option<f64>| value.map_or("none".to_string(), |value| format!("{value}"));
    for row in rows.iter().take(MOST_ROWS) {
        let percent = row.change_percent.map(|percent| format!("{percent:+.3} %")).unwrap_or_default();
        let (blessed, measured, change) = (said(row.blessed), said(row.measured), row.change.name());
        line!(out, "| `{}` | {blessed} | {measured} | {percent} | {change} |", row.name);
    }
    if rows.len() > MOST_ROWS {
        line!(out);
        line!(out, "and {} more", rows.len() - MOST_ROWS);
    }
}

/// Without what would end a cell of a table, or begin a tag.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|")
}
