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

/// A load, whether it is sustained, and what binds there.
type Rung<'a> = (f64, bool, &'a str);

/// What the loads of a variant tell of its saturation point; nothing where none of its points is there.
fn by_grid(nth: usize, variant: &Variant, cells: &[Cell], loads: &[Option<f64>]) -> Option<Bar> {
    let own = cells.iter().filter(|cell| cell.variant == nth);
    let load = |cell: &Cell| loads[cell.load].unwrap_or(cell.offered_tps.mean);
    let mut rungs: Vec<Rung<'_>> =
        own.map(|cell| (load(cell), cell.sustained, cell.binding_resource.as_str())).collect();
    rungs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (lower_tps, upper_tps, binding) = bracket(&rungs)?;
    let (name, binding_resource) = (variant.name.clone(), binding.to_string());
    Some(Bar { name, variant: Some(nth), lower_tps, upper_tps, estimate: None, binding_resource })
}

/// The largest load that is sustained before the first that is not, that one, and what binds there; where all are
/// sustained, at the last. Loads ascend.
fn bracket<'a>(rungs: &[Rung<'a>]) -> Option<(Option<f64>, Option<f64>, &'a str)> {
    let failed = rungs.iter().position(|(_, sustained, _)| !sustained);
    let upper = failed.map(|failed| rungs[failed]);
    let lower = rungs[..failed.unwrap_or(rungs.len())].last();
    let (_, _, binding) = upper.or(lower.copied())?;
    Some((lower.map(|rung| rung.0), upper.map(|rung| rung.0), binding))
}

#[cfg(test)]
mod tests {
    use super::bracket;

    #[test]
    fn the_first_load_that_fails_ends_the_bracket() {
        let low = (100.0, true, "none");
        let high = (200.0, true, "ingress");
        assert_eq!(bracket(&[low, high]), Some((Some(200.0), None, "ingress")));
        assert_eq!(bracket(&[low, (200.0, false, "egress")]), Some((Some(100.0), Some(200.0), "egress")));
        // What fails once is not trusted above.
        let again = [low, (150.0, false, "cores"), high];
        assert_eq!(bracket(&again), Some((Some(100.0), Some(150.0), "cores")));
        assert_eq!(bracket(&[(100.0, false, "cores")]), Some((None, Some(100.0), "cores")));
        assert_eq!(bracket(&[]), None);
    }
}
