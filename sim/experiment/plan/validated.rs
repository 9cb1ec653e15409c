//! Validating the points of a plan: once for each cell, several at a time.
//!
//! Replicates differ in nothing but the seed, which no rule is about. Errors are told in the grid's order, however many
//! threads look for them.

use std::sync::Arc;

use rayon::prelude::*;

use crate::scenario::{Scenario, Template, WorldData, Worlds};

use super::{Heading, PlanError, Planned};

/// A cell that can be run.
struct ValidCell {
    scenario: Scenario,
    world: Arc<WorldData>,
    overrides: Vec<String>,
}

impl Heading {
    /// Every point of the grid, in its order.
    pub(super) fn validated(&self, template: &Template, worlds: &mut Worlds) -> Result<Vec<Planned>, PlanError> {
        let cells: Vec<_> = (0..self.grid.cells()).map(|nth| self.grid.cell(nth)).collect();
        let parsed: Vec<_> = cells
            .par_iter()
            .map(|cell| {
                let overrides = self.overrides(cell);
                (template.scenario(&overrides), overrides)
            })
            .collect();
        let mut valid = Vec::with_capacity(cells.len());
        for (cell, (scenario, overrides)) in cells.iter().zip(parsed) {
            let scenario = scenario.map_err(|error| PlanError::of_cell(error, cell))?;
            let world = worlds.of(&scenario).map_err(|error| PlanError::at(error, cell))?;
            if scenario.file.workload.trace.is_some() && !self.grid.load_tps.is_empty() {
                return Err(PlanError::TracedLoad);
            }
            let first = scenario.file.seed;
            let last = first.checked_add(u64::from(self.grid.replicates) - 1);
            // TOML has no larger numbers.
            if last.is_none_or(|last| i64::try_from(last).is_err()) {
                return Err(PlanError::SeedRange(first));
            }
            valid.push(ValidCell { scenario, world, overrides });
        }
        let of_cell = |cell: &ValidCell| (0..self.grid.replicates).map(|nth| cell.point(nth)).collect::<Vec<_>>();
        Ok(valid.par_iter().flat_map_iter(of_cell).collect())
    }
}

impl ValidCell {
    fn point(&self, replicate: u32) -> Planned {
        let (mut scenario, mut overrides) = (self.scenario.clone(), self.overrides.clone());
        scenario.file.seed += u64::from(replicate);
        overrides.push(format!("seed={}", scenario.file.seed));
        Planned::new(scenario, self.world.clone(), overrides)
    }
}
