//! `limits.csv`: a row for each variant and seed, in the plan's order; units in the names.

use std::collections::BTreeSet;

use crate::experiment::LimitSummary;
use crate::experiment::plan::Plan;

/// The table of a plan and what its searches found. A cell is empty where there is nothing to say.
pub(super) fn csv(plan: &Plan, found: &[LimitSummary]) -> Vec<u8> {
    let classes: BTreeSet<&String> = found.iter().flat_map(|search| search.busy_at_lower.keys()).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (nth, search) in found.iter().enumerate() {
        let row = row(plan, nth, search, &classes);
        if nth == 0 {
            writer.write_record(row.iter().map(|(name, _)| name)).expect("writing to memory does not fail");
        }
        writer.write_record(row.iter().map(|(_, value)| value)).expect("rows have the same columns");
    }
    writer.into_inner().expect("writing to memory does not fail")
}

fn row(plan: &Plan, nth: usize, search: &LimitSummary, classes: &BTreeSet<&String>) -> Vec<(String, String)> {
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
        // It was counted in millionths; their hundredths are percent.
        let busy = search.busy_at_lower.get(*class).map(|share| (share * 1e6).round() / 1e4);
        row.push(cell(&format!("{class}_percent"), number(busy)));
    }
    row
}
