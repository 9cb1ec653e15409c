//! What a page shows, as its script gets it: every field is a key of the JSON in the page. Times are virtual; units are
//! in the names.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::experiment::{Estimate, Grid, Sheet, VariantLimit, named};
use crate::report::input::SeriesRow;

/// A sweep that was read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sweep {
    pub scenario: String,
    pub tool_version: String,
    pub git_commit: String,
    pub modelled: bool,
    pub settings: Vec<String>,
    /// Keys that are varied.
    pub keys: Vec<String>,
    /// Loads of the axis, transactions/s; one that is nothing where the scenario decides.
    pub loads: Vec<Option<f64>>,
    pub replicates: u32,
    pub planned: usize,
    pub missing: Vec<Missing>,
    pub variants: Vec<Variant>,
    /// Those with a point at least, by variant, then by load.
    pub cells: Vec<Cell>,
    pub saturation: Saturation,
    /// Which load is shown first, and in figures of one load: the largest that all variants sustain.
    pub reference: usize,
}

/// A point that is not there.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Missing {
    pub id: String,
    pub what: String,
}

/// A combination of what is varied, whatever the load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Variant {
    /// In a few words.
    pub name: String,
    /// Key and value.
    pub varied: Vec<(String, String)>,
    /// Hospitals that take part.
    pub hospitals: usize,
    /// WHO regions that take part; none named: all.
    pub regions: Vec<String>,
    /// Metros with replicas, by their number in the shipped table; none where that is not known.
    pub metros: Vec<usize>,
}

/// One variant under one load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub variant: usize,
    pub load: usize,
    pub protocol: String,
    pub dissemination: String,
    pub replicas: u32,
    pub hospitals: usize,
    /// Replicates that are there.
    pub replicates: usize,
    pub offered_tps: Estimate,
    pub throughput_tps: Estimate,
    pub goodput_tps: Estimate,
    /// Nothing where nothing completed.
    pub reply_p50_ms: Option<Estimate>,
    pub reply_p99_ms: Option<Estimate>,
    /// Replicates in which every threshold held.
    pub slo_met: usize,
    pub slo: Vec<String>,
    /// Whether every planned replicate met its thresholds and has 99 % of its load as goodput; nothing where some are
    /// missing and none failed.
    pub sustained: Option<bool>,
    pub binding_resource: String,
    /// By class of resource: percent, mean over nodes and of the busiest, of the replicates' mean.
    pub utilisation: BTreeMap<String, [f64; 2]>,
    /// Of all replicates together, by definition.
    pub curves: BTreeMap<String, Curve>,
    pub regions: Vec<Region>,
    /// Start and end of the measured window, s.
    pub window: [f64; 2],
    pub faults: Vec<Fault>,
    pub runs: Vec<Run>,
    /// The world as it was configured.
    #[serde(skip)]
    pub world: WorldKeys,
}

/// What the map needs to know of a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorldKeys {
    pub regions: Vec<String>,
    pub sharded: bool,
}

/// A cumulative distribution: the share of transactions at or below a latency.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Curve {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub ms: Vec<f64>,
    pub share: Vec<f64>,
}

/// How a region's hospitals are served: submit→reply, ms.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Region {
    pub name: String,
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Something that fails.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Fault {
    pub name: String,
    pub from_s: f64,
    /// Nothing where it lasts to the end.
    pub until_s: Option<f64>,
}

/// One replicate.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub id: String,
    /// As text: a script's numbers end at 2^53.
    #[serde(serialize_with = "as_text")]
    pub seed: u64,
    pub digest: String,
    /// Its folder, seen from the page.
    pub folder: String,
    pub offered_tps: f64,
    pub throughput_tps: f64,
    pub goodput_tps: f64,
    pub reply_p50_ms: Option<f64>,
    pub reply_p99_ms: Option<f64>,
    pub messages_per_tx: f64,
    pub bytes_per_tx: f64,
    pub binding_resource: String,
    pub slo_met: bool,
    pub series: Series,
}

/// A run over time, column by column.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Series {
    pub time_s: Vec<f64>,
    pub offered_tps: Vec<f64>,
    pub throughput_tps: Vec<f64>,
    pub rejected_tps: Vec<f64>,
    pub reply_p50_ms: Vec<Option<f64>>,
    pub reply_p99_ms: Vec<Option<f64>>,
}

/// Where saturation points are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// `limits.json`: searched.
    Limits,
    /// The loads of the grid.
    Grid,
}

/// Saturation points.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Saturation {
    pub source: Source,
    pub bars: Vec<Bar>,
}

/// The saturation point of a variant, transactions/s.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    pub name: String,
    /// The variant of the grid that it is of, if it is of one.
    pub variant: Option<usize>,
    /// Sustained; nothing where no load was.
    pub lower_tps: Option<f64>,
    /// Not sustained; nothing where all loads were.
    pub upper_tps: Option<f64>,
    /// Over the replicates of a search.
    pub estimate: Option<Estimate>,
    pub binding_resource: String,
}

impl Bar {
    /// Of a search, whose variant of the grid, if there is one, is called `name`.
    pub fn searched(limit: VariantLimit, name: String, variant: Option<usize>) -> Bar {
        Bar {
            name,
            variant,
            lower_tps: limit.lower_tps,
            upper_tps: limit.upper_tps,
            estimate: limit.saturation_tps,
            binding_resource: limit.binding_resource,
        }
    }
}

fn as_text<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// To four significant digits: of curves and series more is not seen, and would double the page.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().expect("what was written as a number is one")
}

impl Series {
    pub fn of(rows: &[SeriesRow]) -> Series {
        let column = |cell: fn(&SeriesRow) -> f64| rows.iter().map(|row| rounded(cell(row))).collect();
        let latency = |cell: fn(&SeriesRow) -> Option<f64>| rows.iter().map(|row| cell(row).map(rounded)).collect();
        Series {
            time_s: rows.iter().map(|row| row.time_s).collect(),
            offered_tps: column(|row| row.offered_tps),
            throughput_tps: column(|row| row.throughput_tps),
            rejected_tps: column(|row| row.rejected_tps),
            reply_p50_ms: latency(|row| row.reply_p50_ms),
            reply_p99_ms: latency(|row| row.reply_p99_ms),
        }
    }
}

impl Variant {
    pub fn new(varied: Vec<(String, String)>) -> Variant {
        Variant { name: named(&varied), varied, hospitals: 0, regions: Vec::new(), metros: Vec::new() }
    }

    /// Takes what the cells of the `nth` variant say of its world.
    pub fn describe(&mut self, cells: &[Cell], nth: usize) {
        let Some(cell) = cells.iter().find(|cell| cell.variant == nth) else { return };
        self.hospitals = cell.hospitals;
        self.regions.clone_from(&cell.world.regions);
        if !cell.world.sharded {
            self.metros = crate::report::places::metros_of(cell.replicas as usize);
        }
    }
}

/// Loads of the axis; where the grid has none, what the scenario came to.
pub(super) fn loads(grid: &Grid, cells: &[Cell]) -> Vec<Option<f64>> {
    match grid.load_tps.as_slice() {
        [] => vec![cells.first().map(|cell| cell.offered_tps.mean)],
        loads => loads.iter().copied().map(Some).collect(),
    }
}

impl Sweep {
    pub fn new(
        sheet: Sheet,
        loads: Vec<Option<f64>>,
        variants: Vec<Variant>,
        cells: Vec<Cell>,
        missing: Vec<Missing>,
        saturation: Saturation,
    ) -> Sweep {
        let heading = sheet.heading;
        let sustained = |load: usize| {
            let mut here = cells.iter().filter(|cell| cell.load == load).peekable();
            here.peek().is_some() && here.all(|cell| cell.sustained == Some(true))
        };
        let present = |&load: &usize| cells.iter().any(|cell| cell.load == load);
        let mut by_load: Vec<usize> = (0..loads.len()).filter(present).collect();
        by_load.sort_by(|&a, &b| loads[a].unwrap_or(0.0).total_cmp(&loads[b].unwrap_or(0.0)));
        let reference = by_load.iter().rev().find(|&&load| sustained(load)).or(by_load.first());
        Sweep {
            scenario: heading.scenario,
            tool_version: heading.build.tool_version,
            git_commit: heading.build.git_commit,
            modelled: heading.modelled,
            settings: heading.settings,
            keys: heading.grid.vary.iter().map(|variation| variation.key.clone()).collect(),
            reference: reference.copied().unwrap_or(0),
            loads,
            replicates: heading.grid.replicates,
            planned: sheet.points.len(),
            missing,
            variants,
            cells,
            saturation,
        }
    }

    /// Whether it is a run's own folder, not a sweep's: the page lies beside the only point's files.
    pub fn is_run(&self) -> bool {
        self.cells.iter().any(|cell| cell.runs[0].folder.is_empty())
    }

    /// Cells of a variant, by load.
    pub fn of_variant(&self, variant: usize) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.variant == variant).collect();
        cells.sort_by(|a, b| a.offered_tps.mean.total_cmp(&b.offered_tps.mean));
        cells
    }

    /// The thresholds that every cell has: a figure of several cells may draw no other.
    pub fn shared_slo(&self) -> Vec<String> {
        let shared = |slo: &&String| self.cells.iter().all(|cell| cell.slo.contains(slo));
        self.cells.first().map_or_else(Vec::new, |first| first.slo.iter().filter(shared).cloned().collect())
    }

    /// Cells under the load of figures of one load.
    pub fn at_reference(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.load == self.reference)
    }
}
