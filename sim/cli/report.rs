//! `systole report`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::report;

use super::exit::Failure;
use super::{host, print};

/// Points that are named when they are missing: the page has more.
const NAMED: usize = 8;

/// Arguments of `report`.
#[derive(Args)]
pub(super) struct ReportArgs {
    /// The folder of a sweep, or of a run.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Worker threads; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Say what was written as JSON on standard output, alone.
    #[arg(long)]
    pub json: bool,
    /// Say nothing but errors.
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Written<'a> {
    page: &'a PathBuf,
    figures: &'a [PathBuf],
    points: usize,
    missing: Vec<&'a str>,
}

/// Writes the page and the figures of a folder.
pub(super) fn report(args: &ReportArgs) -> Result<(), Failure> {
    let reported = report::report(&args.folder, host::threads(args.threads))?;
    let missing = &reported.missing;
    if !missing.is_empty() {
        let all = missing.len() + reported.points;
        eprintln!("systole: {} of {all} points are missing; what is there is drawn:", missing.len());
        missing.iter().take(NAMED).for_each(|(id, what)| eprintln!("  {id}  {what}"));
        if missing.len() > NAMED {
            eprintln!("  and {} more", missing.len() - NAMED);
        }
    }
    if args.json {
        let missing = missing.iter().map(|(id, _)| id.as_str()).collect();
        let written = Written { page: &reported.page, figures: &reported.figures, points: reported.points, missing };
        return print(&format!("{}\n", serde_json::to_string_pretty(&written).expect("a report is plain data")));
    }
    if args.quiet {
        return Ok(());
    }
    let figures = reported.figures.len();
    let first = reported.figures.first().and_then(|figure| figure.parent()).unwrap_or(&args.folder);
    print(&format!(
        "page         {}\nfigures      {}: {figures}, as SVG and PNG\n",
        reported.page.display(),
        first.display()
    ))
}
