//! `systole report`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::report::{self, ReportError, Reported};

use super::args::Voice;
use super::control::note;
use super::exit::Failure;
use super::{host, print, print_json};

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
    /// The folder of a `systole limit` of the same scenario and build: saturation points are as it found them
    /// [default: as far as the loads of the grid tell].
    #[arg(long, value_name = "DIR")]
    pub limits: Option<PathBuf>,
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
pub(super) fn report(args: &ReportArgs, voice: Voice) -> Result<(), Failure> {
    let reported = drawn_with(&args.folder, args.limits.as_deref(), host::threads(args.threads))?;
    if voice.json {
        let missing = reported.missing.iter().map(|(id, _)| id.as_str()).collect();
        let written = Written { page: &reported.page, figures: &reported.figures, points: reported.points, missing };
        return print_json(&written);
    }
    print(&said(&reported))
}

/// Draws a folder, and says on standard error, unless that is hushed, which points it lacks.
pub(super) fn drawn(folder: &Path, threads: usize) -> Result<Reported, Failure> {
    drawn_with(folder, None, threads)
}

fn drawn_with(folder: &Path, limits: Option<&Path>, threads: usize) -> Result<Reported, Failure> {
    let reported = report::report(folder, limits, threads).map_err(|error| match error {
        ReportError::OtherLimits { .. } => Failure::Usage(error.to_string()),
        error => error.into(),
    })?;
    let missing = &reported.missing;
    if !missing.is_empty() {
        let all = missing.len() + reported.points;
        let mut said = format!("{} of {all} points are missing; what is there is drawn:", missing.len());
        missing.iter().take(NAMED).for_each(|(id, what)| said += &format!("\n  {id}  {what}"));
        if missing.len() > NAMED {
            said += &format!("\n  and {} more", missing.len() - NAMED);
        }
        note(&said);
    }
    Ok(reported)
}

/// What was written, for people.
pub(super) fn said(reported: &Reported) -> String {
    let (page, count) = (reported.page.display(), reported.figures.len());
    let folder = reported.page.with_file_name("fig");
    format!("page         {page}\nfigures      {}: {count}, as SVG and PNG\n", folder.display())
}
