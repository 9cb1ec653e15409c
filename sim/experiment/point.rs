//! One point: a scenario, simulated.

use crate::base::Digest;
use crate::engine::{Control, Outcome, RunError, Setup, run};
use crate::scenario::{Placement, RunOptions, Scenario, WorldData};

/// A simulated scenario and what it was simulated from.
pub struct Point {
    /// What came of it.
    pub outcome: Outcome,
    /// What it followed from.
    pub setup: Setup,
    /// Where replicas stood.
    pub placement: Placement,
    /// One digest of all inputs: names the point's folder.
    pub inputs: Digest,
}

/// Simulates `scenario` in `world`.
pub fn simulate(
    scenario: &Scenario,
    world: &WorldData,
    options: &RunOptions,
    control: &mut dyn Control,
) -> Result<Point, RunError> {
    simulate_setup(scenario, world, scenario.setup(world, options), control)
}

/// Simulates a setup of `scenario` in `world` that differs from what it says in nothing that a result depends on.
pub fn simulate_setup(
    scenario: &Scenario,
    world: &WorldData,
    (setup, placement): (Setup, Placement),
    control: &mut dyn Control,
) -> Result<Point, RunError> {
    let outcome = run(scenario.file.consensus.protocol, &scenario.file.protocols, &setup, control)?;
    Ok(Point { outcome, setup, placement, inputs: scenario.digest(world) })
}
