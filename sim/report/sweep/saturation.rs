//! The saturation point of each variant: as a search found it, else as far as the grid's loads tell.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::experiment::Estimate;
use crate::report::error::ReportError;
use crate::report::input;

use super::model::{Bar, Cell, Saturation, Source, Variant};

/// What a search of several variants leaves in the folder.
const LIMITS: &str = "limits.json";

/// `limits.json`, as far as bars need it.
#[derive(Deserialize)]
struct Limits {
    variants: Vec<Limit>,
}

#[derive(Deserialize)]
struct Limit {
    #[serde(default)]
    varied: BTreeMap<String, String>,
    #[serde(default)]
    saturation_tps: Option<Mean>,
    lower_tps: Option<f64>,
    upper_tps: Option<f64>,
    #[serde(default)]
    binding_resource: Option<String>,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
    #[serde(default)]
    half_width_95: Option<f64>,
}

/// Where the variants of the sweep in `folder` saturate.
pub(super) fn of(
    folder: &Path,
    variants: &[Variant],
    cells: &[Cell],
    loads: &[Option<f64>],
) -> Result<Saturation, ReportError> {
    let path = folder.join(LIMITS);
    if !path.exists() {
        let bars = (0..variants.len()).filter_map(|nth| by_grid(nth, &variants[nth], cells, loads)).collect();
        return Ok(Saturation { source: Source::Grid, bars });
    }
    let limits: Limits = input::json(&path)?;
    let bars: Vec<Bar> = limits.variants.into_iter().map(|limit| searched(limit, variants)).collect();
    for (index, bar) in bars.iter().enumerate() {
        let mean = bar.estimate.map(|estimate| estimate.mean);
        let cells = [("lower_tps", bar.lower_tps), ("upper_tps", bar.upper_tps), ("saturation_tps", mean)];
        input::check(&path, index, &cells)?;
    }
    Ok(Saturation { source: Source::Limits, bars })
}

fn searched(limit: Limit, variants: &[Variant]) -> Bar {
    let same = |variant: &Variant| {
        let varied = variant.varied.iter().cloned().collect::<BTreeMap<_, _>>();
        varied == limit.varied
    };
    let variant = variants.iter().position(same);
    let own = || Variant::new(limit.varied.clone().into_iter().collect()).name;
    let name = variant.map_or_else(own, |nth| variants[nth].name.clone());
    Bar {
        name: if name.is_empty() { "all".into() } else { name },
        variant,
        lower_tps: limit.lower_tps,
        upper_tps: limit.upper_tps,
        estimate: limit.saturation_tps.map(|mean| Estimate { mean: mean.mean, half_width_95: mean.half_width_95 }),
        binding_resource: limit.binding_resource.unwrap_or_else(|| "none".into()),
    }
}

/// The largest load that is sustained before the first that is not, and that one. What binds is read there.
fn by_grid(nth: usize, variant: &Variant, cells: &[Cell], loads: &[Option<f64>]) -> Option<Bar> {
    let load = |cell: &Cell| loads[cell.load].unwrap_or(cell.offered_tps.mean);
    let mut own: Vec<&Cell> = cells.iter().filter(|cell| cell.variant == nth).collect();
    own.sort_by(|a, b| load(a).total_cmp(&load(b)));
    let first_failed = own.iter().position(|cell| !cell.sustained);
    let lower = &own[..first_failed.unwrap_or(own.len())];
    let upper = first_failed.map(|failed| own[failed]);
    let telling = upper.or(lower.last().copied())?;
    Some(Bar {
        name: variant.name.clone(),
        variant: Some(nth),
        lower_tps: lower.last().map(|cell| load(cell)),
        upper_tps: upper.map(load),
        estimate: None,
        binding_resource: telling.binding_resource.clone(),
    })
}
