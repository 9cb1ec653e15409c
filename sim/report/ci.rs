//! The gate's verdict in the formats that CI systems read, each from the stored `verdict.json` alone.
//!
//! | file | format | its source |
//! |---|---|---|
//! | `bmf.json` | Bencher Metric Format | <https://bencher.dev/docs/reference/bencher-metric-format/> |
//! | `customBiggerIsBetter.json`, `customSmallerIsBetter.json` | github-action-benchmark's tools of those names | <https://github.com/benchmark-action/github-action-benchmark#examples> |
//! | `junit.xml` | JUnit XML, valid under both schemas that are about | <https://github.com/windyroad/JUnit-Schema>, <https://github.com/jenkinsci/xunit-plugin> (`junit-10.xsd`) |
//! | `summary.md` | Markdown for a job's summary | <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> |
//! | `metrics.om` | OpenMetrics text 1.0 | <https://prometheus.io/docs/specs/om/open_metrics_spec/> |
//! | `history.jsonl` | a line of JSON a run, appended | [`HistoryLine`] |

mod benchmark_action;
mod bmf;
mod history;
mod junit;
mod markdown;
mod openmetrics;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use history::{HistoryCase, HistoryLine, append_history, earlier_walls};
pub use markdown::step_summary;

use crate::experiment::regress::{VERDICT_FILE, Verdict};

use super::error::ReportError;
use super::figures::place;
use super::input::json;

/// Reads the verdict that is kept in `folder`.
pub fn verdict(folder: &Path) -> Result<Verdict, ReportError> {
    json(&folder.join(VERDICT_FILE))
}

/// Writes every file but the history beside the verdict in `folder`; returns their paths.
pub fn ci_files(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let verdict = verdict(folder)?;
    let [bigger, smaller] = benchmark_action::files(&verdict);
    let files = [
        ("bmf.json", bmf::file(&verdict)),
        ("customBiggerIsBetter.json", bigger),
        ("customSmallerIsBetter.json", smaller),
        ("junit.xml", junit::file(&verdict)),
        ("metrics.om", openmetrics::file(verdict.clone())),
        ("summary.md", markdown::step_summary(&verdict)),
    ];
    files.into_iter().map(|(name, text)| place(folder, name, text.as_bytes())).collect()
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a verdict is plain data") + "\n"
}
