//! `limits.csv`: a row for each variant and seed, in the plan's order; units in the names.

use std::collections::BTreeSet;

use crate::experiment::LimitSummary;
use crate::experiment::plan::Plan;
use crate::experiment::points::{Cells, csv_of, percent};

/// The table of a plan and what its searches found. A cell is empty where there is nothing to say.
pub(super) fn csv(plan: &Plan, found: &[LimitSummary]) -> Vec<u8> {
    let classes: BTreeSet<&String> = found.iter().flat_map(|search| search.busy_at_lower.keys()).collect();
    csv_of(found, |nth, search| row(plan, nth, search, &classes))
}

fn row(plan: &Plan, nth: usize, search: &LimitSummary, classes: &BTreeSet<&String>) -> Cells {
    let cell = |name: &str, value: String| (name.to_string(), value);
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut row = vec![cell("id", plan.points[nth].entry.id.clone())];
    row.extend(plan.varied(nth).into_iter().filter(|(key, _)| key != "seed"));
    row.push(cell("replicate", (nth % plan.heading.grid.replicates as usize).to_string()));
    row.push(cell("seed", search.seed.to_string()));
    row.push(cell("lower_tps", number(search.lower_tps)));
    row.push(cell("upper_tps", number(search.upper_tps)));
    row.push(cell("binding_resource", search.binding_resource.clone()));
    row.push(cell("probes", search.probes.to_string()));
    for class in classes {
        let busy = search.busy_at_lower.get(*class).map(|&share| percent(share));
        row.push(cell(&format!("{class}_percent"), number(busy)));
    }
    row
}
