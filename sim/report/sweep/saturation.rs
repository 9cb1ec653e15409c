//! The saturation point of each variant: as a search found it, else as far as the grid's loads tell.

use std::collections::BTreeMap;
use std::path::Path;

use crate::experiment::{Heading, LIMITS_FILE, Limits, VariantLimit};
use crate::report::error::ReportError;
use crate::report::input;

use super::model::{Bar, Cell, Saturation, Source, Variant};

/// Where the variants of a sweep saturate: as `limits`, the folder of a search, says, else by the loads of the grid.
pub(super) fn of(
    limits: Option<&Path>,
    heading: &Heading,
    variants: &[Variant],
    cells: &[Cell],
    loads: &[Option<f64>],
) -> Result<Saturation, ReportError> {
    let Some(folder) = limits else {
        let bars = (0..variants.len()).filter_map(|nth| by_grid(nth, &variants[nth], cells, loads)).collect();
        return Ok(Saturation { source: Source::Grid, bars });
    };
    let path = folder.join(LIMITS_FILE);
    if !path.exists() {
        let what = "is not there; name the folder of a `systole limit` that varies a key or has replicates";
        return Err(ReportError::OtherLimits { path, what: what.into() });
    }
    let limits: Limits = input::json(&path)?;
    if let Some(what) = stranger(&limits, heading) {
        return Err(ReportError::OtherLimits { path, what });
    }
    let bars: Vec<Bar> = limits.variants.into_iter().map(|limit| searched(limit, variants)).collect();
    for (index, bar) in bars.iter().enumerate() {
        let mean = bar.estimate.map(|estimate| estimate.mean);
        let cells = [("lower_tps", bar.lower_tps), ("upper_tps", bar.upper_tps), ("saturation_tps", mean)];
        input::check(&path, index, &cells)?;
    }
    Ok(Saturation { source: Source::Limits, bars })
}

/// In what limits are not of the sweep, if they are not: bars of another build beside its lines would mislead.
fn stranger(limits: &Limits, heading: &Heading) -> Option<String> {
    let (found, wanted) = (&limits.build, &heading.build);
    let pairs = [
        ("scenario", &limits.scenario, &heading.scenario),
        ("tool_version", &found.tool_version, &wanted.tool_version),
        ("git_commit", &found.git_commit, &wanted.git_commit),
    ];
    let (name, found, wanted) = pairs.into_iter().find(|(_, found, wanted)| found != wanted)?;
    Some(format!("`{name}` is {found} where the results have {wanted}; search the same scenario with the same build"))
}

fn searched(limit: VariantLimit, variants: &[Variant]) -> Bar {
    let by_key = |varied: &[(String, String)]| varied.iter().cloned().collect::<BTreeMap<_, _>>();
    let own = by_key(&limit.varied);
    let variant = variants.iter().position(|variant| by_key(&variant.varied) == own);
    let name = variant.map_or_else(|| limit.name(), |nth| variants[nth].name.clone());
    Bar::searched(limit, name, variant)
}

/// A load, whether it is sustained, and what binds there.
type Rung<'a> = (f64, bool, &'a str);

/// What the loads of a variant tell of its saturation point; nothing where none of its cells is known.
fn by_grid(nth: usize, variant: &Variant, cells: &[Cell], loads: &[Option<f64>]) -> Option<Bar> {
    let own = cells.iter().filter(|cell| cell.variant == nth);
    let load = |cell: &Cell| loads[cell.load].unwrap_or(cell.offered_tps.mean);
    // A cell that lacks replicates and has none that failed is no rung: it may be sustained, or not.
    let mut rungs: Vec<Rung<'_>> =
        own.filter_map(|cell| Some((load(cell), cell.sustained?, cell.binding_resource.as_str()))).collect();
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
