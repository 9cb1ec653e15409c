//! Figures from stored results: what was written by a run or a search is read, drawn and written beside it.
//!
//! Nothing here simulates, and a figure is reproducible from its folder alone: the same files give the same bytes.
//!
//! - `input` and `hlog` read and check the files; whatever is wrong becomes a [`ReportError`] that names the file.
//! - `scale` maps values to axes and chooses ticks; `canvas` turns strokes and text into SVG through plotters' backend;
//!   `parts` names what a plot is made of, and `plot` lays out title, legend, axes, bands and lines.
//! - `export` writes what is stored in other formats.
//! - `run`, `limit` and `limits` say what each figure shows.
//!
//! Of plotters only the SVG backend is used. Its chart layer overlaps the labels of logarithmic axes, knows no dashes and
//! no tail-revealing percentile axis, and its logarithm is the platform's, which would let a figure's bytes differ by host.
//!
//! Every line differs from its neighbours by colour (Okabe-Ito), dash and marker, so figures survive colour blindness and
//! grey print. Legends stand above the axes and never cover data. SVG text is left to the reader's `sans-serif`.

mod bars;
mod canvas;
pub mod ci;
mod cumulative;
mod curves;
mod error;
mod export;
mod figures;
mod hlog;
mod html;
mod input;
mod intervals;
mod limit;
mod limits;
mod map;
mod parts;
mod places;
mod plot;
mod png;
mod run;
mod scale;
mod sweep;
#[cfg(test)]
mod tests;

/// Appends a line to a string, to which writing does not fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => { writeln!($out, $($arg)*).expect("writing to a string does not fail") };
}
pub(crate) use line;

pub use error::ReportError;
pub use export::{Choice, ExportError, Format, export};
pub use html::{Reported, report};
pub use limit::figures_of_limit;
pub use limits::figures_of_limits;
pub use run::figures_of_run;
