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

use std::fs;
use std::path::{Path, PathBuf};

pub use history::{HistoryCase, HistoryLine, append_history, earlier_walls};
pub use markdown::step_summary;

use crate::experiment::regress::{VERDICT_FILE, Verdict};

use super::error::ReportError;
use super::input::read;

/// Reads the verdict that is kept in `folder`.
pub fn verdict(folder: &Path) -> Result<Verdict, ReportError> {
    let path = folder.join(VERDICT_FILE);
    serde_json::from_slice(&read(&path)?).map_err(|error| ReportError::invalid(&path, error))
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
    files.into_iter().map(|(name, text)| write(&folder.join(name), &text)).collect()
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str) -> Result<PathBuf, ReportError> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // What is left of a failed write is of no use, and the failure itself is what the caller must hear of.
        drop(fs::remove_file(&temporary));
        ReportError::Unwritable { path: path.to_path_buf(), source }
    })?;
    Ok(path.to_path_buf())
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a verdict is plain data") + "\n"
}
