//! The report of a folder: one page that needs nothing else, and its figures.
//!
//! The page holds its data as JSON, its script and style, and uPlot (`vendor/`), which draws what has axes; a policy
//! in the page forbids it to load anything. The map's outlines are projected here, so that page and figures show the
//! same.

use std::path::{Path, PathBuf};

use rayon::ThreadPoolBuilder;
use serde::Serialize;

use super::error::ReportError;
use super::figures::{Figure, place, write_both};
use super::limit::objectives;
use super::parts::Level;
use super::sweep::{Sweep, read};
use super::{bars, curves, map, places, run};

/// The page's name in its folder.
const REPORT_FILE: &str = "report.html";

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("html/base.js"),
    include_str!("html/axes.js"),
    include_str!("html/shapes.js"),
    include_str!("html/tables.js"),
    include_str!("html/page.js"),
];
const UPLOT: &str = include_str!("html/vendor/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("html/vendor/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("html/vendor/uPlot-LICENSE.txt");

/// What was written.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The page.
    pub page: PathBuf,
    /// The figures, as SVG; each is there as PNG too.
    pub figures: Vec<PathBuf>,
    /// Points that it shows.
    pub points: usize,
    /// Points that are planned and not there, each with what it differs in from the others.
    pub missing: Vec<(String, String)>,
}

/// Reads the results in `folder`, on so many threads, and writes its page and figures there. Nothing is written unless
/// every file that is there is whole. Saturation points are those of the search in `limits`, where that is given.
pub fn report(folder: &Path, limits: Option<&Path>, threads: usize) -> Result<Reported, ReportError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("the system has threads to give");
    pool.install(|| drawn(folder, limits))
}

fn drawn(folder: &Path, limits: Option<&Path>) -> Result<Reported, ReportError> {
    let sweep = read(folder, limits)?;
    let figures = figures(folder, &sweep)?;
    let page = page(&sweep);
    let figures = write_both(folder, &figures)?;
    let page = place(folder, REPORT_FILE, page.as_bytes())?;
    let missing = sweep.missing.iter().map(|missing| (missing.id.clone(), missing.what.clone())).collect();
    Ok(Reported { page, figures, points: sweep.planned - sweep.missing.len(), missing })
}

/// The figures of a sweep; a run's are those that `systole run` draws, and its map and bars.
fn figures(folder: &Path, sweep: &Sweep) -> Result<Vec<Figure>, ReportError> {
    let mut figures = if sweep.is_run() { run::drawn(folder)? } else { curves::of_sweep(sweep) };
    figures.extend(bars::of_sweep(sweep));
    figures.extend(map::of_sweep(sweep));
    Ok(figures)
}

/// What the script is given.
#[derive(Serialize)]
struct Data<'a> {
    sweep: &'a Sweep,
    /// What all cells are to keep below, ms.
    objectives: Vec<Level>,
    map: Map,
}

/// The map in pixels.
#[derive(Serialize)]
struct Map {
    width: f64,
    height: f64,
    graticule: String,
    /// Region and its land, as the `d` of a path.
    land: Vec<(&'static str, String)>,
    /// All hospitals: region's number, and place in tenths of a pixel.
    hospitals: Vec<(usize, i32, i32)>,
    regions: Vec<&'static str>,
    metros: Vec<(&'static str, f64, f64)>,
    shades: Vec<String>,
}

impl Map {
    fn new() -> Map {
        let outlines = map::outlines();
        let mut regions: Vec<&'static str> = outlines.iter().map(|outline| outline.region).collect();
        regions.dedup();
        let land = |&region: &&'static str| {
            let own = outlines.iter().filter(|outline| outline.region == region).map(|outline| &outline.corners);
            (region, map::path(own, true))
        };
        let tenths = |value: f64| libm::round(value * 10.0) as i32;
        let hospital = |place: &places::Place| {
            let (x, y) = map::projected(place.lat, place.lon);
            let region = regions.iter().position(|region| *region == place.region).unwrap_or(regions.len());
            (region, tenths(x), tenths(y))
        };
        let metro = |place: &'static places::Place| {
            let (x, y) = map::projected(place.lat, place.lon);
            (place.name.as_str(), f64::from(tenths(x)) / 10.0, f64::from(tenths(y)) / 10.0)
        };
        let graticule = map::graticule();
        Map {
            width: map::WIDE,
            height: map::HIGH,
            graticule: map::path(graticule.iter(), false),
            land: regions.iter().map(land).collect(),
            hospitals: places::hospitals().iter().map(hospital).collect(),
            metros: places::metros().iter().map(metro).collect(),
            shades: map::SHADES.iter().map(|shade| format!("#{:02X}{:02X}{:02X}", shade.0, shade.1, shade.2)).collect(),
            regions,
        }
    }
}

/// The whole page.
fn page(sweep: &Sweep) -> String {
    let data = Data { sweep, objectives: objectives(&sweep.shared_slo()), map: Map::new() };
    let data = serde_json::to_string(&data).expect("a sweep is plain data");
    // Within a script element nothing may look like its end.
    let data = data.replace('<', "\\u003c");
    let title = sweep.scenario.replace('&', "&amp;").replace('<', "&lt;");
    let scripts = SCRIPTS.concat();
    let fill = |name: &str| match name {
        "TITLE" => title.as_str(),
        "UPLOT-LICENCE" => UPLOT_LICENCE,
        "UPLOT-STYLE" => UPLOT_STYLE,
        "STYLE" => STYLE,
        "UPLOT" => UPLOT,
        "SCRIPT" => &scripts,
        "DATA" => &data,
        _ => unreachable!("the page asks for nothing else"),
    };
    let mut page = String::with_capacity(data.len() + 200_000);
    // What is filled in is not looked through for more.
    for part in PAGE.split("{{") {
        match part.split_once("}}") {
            Some((name, rest)) => page.extend([fill(name), rest]),
            None => page.push_str(part),
        }
    }
    page
}
