//! Tables that are read as they are, and as Markdown.

use std::fmt::Write;

use super::table::line;

/// Rows of as many cells, the heading first, as a Markdown table whose columns are aligned to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut out = String::new();
    for (nth, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
        line!(out, "| {} |", cells.join(" | "));
        if nth == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| format!("{}:", "-".repeat(width.max(3) - 1))).collect();
            line!(out, "| {} |", rules.join(" | "));
        }
    }
    out
}
