//! Tables whose columns are aligned, for terminals and as Markdown.

use std::fmt::Write;

use crate::report::line;

/// Rows of cells; the first row is the heading. All have as many cells.
pub(super) type Rows = [Vec<String>];

/// A Markdown table, aligned to the right.
pub(super) fn markdown(rows: &Rows) -> String {
    let widths = widths(rows);
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

/// A table for a terminal: the first column to the left, the others to the right.
pub(super) fn plain(rows: &Rows) -> String {
    let widths = widths(rows);
    let mut out = String::new();
    for row in rows {
        let mut cells = row.iter().zip(&widths);
        let first = cells.next().map(|(cell, &width)| format!("{cell:<width$}"));
        let cells = first.into_iter().chain(cells.map(|(cell, &width)| format!("{cell:>width$}")));
        let text = cells.collect::<Vec<_>>().join("  ");
        line!(out, "{}", text.trim_end());
    }
    out
}

/// How wide a table for a terminal is.
pub(super) fn width(rows: &Rows) -> usize {
    let widths = widths(rows);
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

fn widths(rows: &Rows) -> Vec<usize> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    (0..rows.first().map_or(0, Vec::len)).map(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows: Vec<Vec<String>> = [["", "a"], ["tx/s", "1,000 ± 3"]].map(|row| row.map(String::from).into()).into();
        assert_eq!(plain(&rows), "              a\ntx/s  1,000 ± 3\n");
        assert_eq!(markdown(&rows), "|      |         a |\n| ---: | --------: |\n| tx/s | 1,000 ± 3 |\n");
        assert_eq!(width(&rows), 15);
    }
}
