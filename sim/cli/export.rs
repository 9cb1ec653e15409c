//! `systole export` and `systole glossary`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use crate::experiment::{StoredFolder, Term, glossary, write_whole};
use crate::report::{Choice, Format, export, line};

use super::args::Voice;
use super::exit::Failure;
use super::{print, print_bytes, print_json};

/// Arguments of `export`.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// Results: the folder of a point, or of a sweep.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// csv and json have a row for each point; markdown a row for each cell; hlog is HdrHistogram's V2 log of all
    /// latencies; hgrm its percentile distribution of one of them, in ms.
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub format: Format,
    /// Where it is written [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only points whose varied key, or load_tps, has this value. May be repeated.
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = condition)]
    pub conditions: Vec<(String, String)>,
    /// Of hgrm: the latency, by definition or by definition and region, such as submit_to_commit.EUR.
    #[arg(long, value_name = "NAME", default_value = "submit_to_reply")]
    pub histogram: String,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).map(|name| {
        let format = Format::ALL.into_iter().find(|format| format.name() == name);
        format.expect("only names of formats are possible")
    })
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

/// Writes stored results in another format.
pub(super) fn exported(args: &ExportArgs, voice: Voice) -> Result<(), Failure> {
    if voice.json && args.output.is_none() && args.format != Format::Json {
        return Err(Failure::Usage("--json says what was written: give it -o FILE, or use --format json".into()));
    }
    let stored = StoredFolder::open(&args.folder)?;
    let choice = Choice { conditions: args.conditions.clone(), histogram: args.histogram.clone() };
    let (bytes, points) = export(&stored, args.format, &choice)?;
    let Some(path) = &args.output else { return print_bytes(&bytes) };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::Runtime(format!("{}: {error}", parent.display())))?;
    }
    write_whole(path, &bytes)?;
    let format = args.format.name();
    if voice.json {
        return print_json(&json!({"file": path, "format": format, "points": points, "bytes": bytes.len()}));
    }
    print(&format!("{}: {format} of {points} points, {} bytes\n", path.display(), bytes.len()))
}

/// Says what columns and keys of result files mean.
pub(super) fn explained(voice: Voice) -> Result<(), Failure> {
    let terms = glossary();
    if voice.json { print_json(&terms) } else { print(&page(&terms)) }
}

/// The glossary as Markdown.
fn page(terms: &[Term]) -> String {
    let mut out = String::from("# What the columns of result files mean\n\n");
    line!(
        out,
        "Written by `systole glossary`; a test compares the two. All times are virtual unless they are the host's."
    );
    line!(out, "A part of a key in angle brackets stands for each of its kind; `<latency>` is explained at the end.");
    for group in terms.chunk_by(|a, b| a.file == b.file) {
        line!(out, "\n## `{}`\n", group[0].file);
        line!(out, "| name | unit | meaning |");
        line!(out, "|---|---|---|");
        for Term { name, unit, meaning, .. } in group {
            line!(out, "| `{name}` | {unit} | {meaning} |");
        }
    }
    out
}
