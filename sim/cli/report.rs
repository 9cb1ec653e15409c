//! `systole report`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::report::{self, Reported};

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
    let reported = drawn(&args.folder, host::threads(args.threads))?;
    if args.json {
        let missing = reported.missing.iter().map(|(id, _)| id.as_str()).collect();
        let written = Written { page: &reported.page, figures: &reported.figures, points: reported.points, missing };
        return print(&format!("{}\n", serde_json::to_string_pretty(&written).expect("a report is plain data")));
    }
    if args.quiet { Ok(()) } else { print(&said(&reported)) }
}

/// Draws a folder, and says on standard error which points it lacks.
pub(super) fn drawn(folder: &Path, threads: usize) -> Result<Reported, Failure> {
    let reported = report::report(folder, threads)?;
    let missing = &reported.missing;
    if !missing.is_empty() {
        let all = missing.len() + reported.points;
        eprintln!("systole: {} of {all} points are missing; what is there is drawn:", missing.len());
        missing.iter().take(NAMED).for_each(|(id, what)| eprintln!("  {id}  {what}"));
    }
    if missing.len() > NAMED {
        eprintln!("  and {} more", missing.len() - NAMED);
    }
    Ok(reported)
}

/// What was written, for people.
pub(super) fn said(reported: &Reported) -> String {
    let (page, count) = (reported.page.display(), reported.figures.len());
    let folder = reported.page.with_file_name("fig");
    format!("page         {page}\nfigures      {}: {count}, as SVG and PNG\n", folder.display())
}
