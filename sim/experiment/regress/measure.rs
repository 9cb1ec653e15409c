//! Running the cases: one thread, signatures modelled, each case as A and as A' in turns.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::base::Digest;
use crate::engine::Control;
use crate::experiment::store::folder_of;
use crate::experiment::{HostFacts, Summary, simulate};
use crate::scenario::{RunOptions, Scenario, WorldData, Worlds};

use super::metrics::{Metric, virtual_metrics};
use super::{Baseline, Blessed, RegressError};

/// What this process has used since some moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// Wall time.
    pub elapsed: Duration,
    /// Allocations and reallocations.
    pub allocations: u64,
    /// Bytes that these asked for.
    pub allocated_bytes: u64,
}

/// A case that can be run.
pub struct Ready {
    /// Its name.
    pub name: String,
    /// Its scenario's file.
    pub path: PathBuf,
    /// Its overrides.
    pub settings: Vec<String>,
    scenario: Scenario,
    world: Arc<WorldData>,
    inputs: Digest,
}

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The digest of all inputs.
    pub inputs: Digest,
    /// The outcome's digest.
    pub digest: Digest,
    /// Work done.
    pub counters: Vec<Metric>,
    /// Figures of virtual time.
    pub metrics: Vec<Metric>,
    /// The fastest run as A, and as A'.
    pub walls: [Duration; 2],
}

impl Measured {
    /// What a baseline keeps of it.
    pub(super) fn blessed(&self) -> Blessed {
        Blessed {
            inputs: self.inputs,
            digest: self.digest,
            counters: self.counters.iter().map(|metric| (metric.name.clone(), metric.value as u64)).collect(),
            metrics: self.metrics.iter().map(|metric| (metric.name.clone(), metric.value)).collect(),
        }
    }

    /// Takes in another run of the same case, which must come to the same.
    fn join(&mut self, other: Measured) -> Result<(), String> {
        if self.digest != other.digest {
            return Err(format!("their digests: {} and {}", self.digest, other.digest));
        }
        for (ours, theirs) in self.metrics.iter().zip(&other.metrics) {
            if ours != theirs {
                return Err(format!("`{}`: {} and {}", ours.name, ours.value, theirs.value));
            }
        }
        // The first run of a process also makes what is made once.
        for (ours, theirs) in self.counters.iter_mut().zip(&other.counters) {
            ours.value = ours.value.min(theirs.value);
        }
        for (ours, theirs) in self.walls.iter_mut().zip(other.walls) {
            *ours = (*ours).min(theirs);
        }
        Ok(())
    }
}

/// Everything that a gate runs.
pub struct Gate {
    /// Its cases, in the order of their names.
    pub cases: Vec<Ready>,
}

impl Gate {
    /// Validates every case of the baseline at `path` before the first is run; `settings` are overrides of them all.
    pub fn new(baseline: &Baseline, path: &Path, settings: &[String]) -> Result<Gate, RegressError> {
        let mut worlds = Worlds::default();
        let mut ready = |(name, case): (&String, &super::Case)| {
            let path = folder_of(path).join(&case.scenario);
            let settings: Vec<String> = case.settings.iter().chain(settings).cloned().collect();
            let loaded = Scenario::load(&path, &settings);
            let loaded = loaded.and_then(|scenario| Ok((worlds.of(&scenario)?, scenario)));
            let (world, scenario) =
                loaded.map_err(|source| RegressError::Scenario { case: name.clone(), source: source.into() })?;
            let inputs = scenario.digest(&world);
            Ok(Ready { name: name.clone(), path, settings, scenario, world, inputs })
        };
        let cases = baseline.cases.iter().map(&mut ready).collect::<Result<_, RegressError>>()?;
        Ok(Gate { cases })
    }

    /// Runs every case as A and as A', `rounds` times each; `meter` says what was used so far, `told` hears of each
    /// finished run.
    pub fn measure(
        &self,
        rounds: u32,
        meter: &dyn Fn() -> Meter,
        control: &mut dyn Control,
        mut told: impl FnMut(usize),
    ) -> Result<Vec<Measured>, RegressError> {
        let mut found: Vec<Option<Measured>> = self.cases.iter().map(|_| None).collect();
        let mut finished = 0;
        for round in 0..rounds {
            // A A', then A' A: what drifts while the gate runs favours neither.
            let sides = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in sides {
                for (nth, found) in found.iter_mut().enumerate() {
                    let once = self.once(nth, side, meter, control)?;
                    match found {
                        None => *found = Some(once),
                        Some(found) => found.join(once).map_err(|what| {
                            let case = self.cases[nth].name.clone();
                            RegressError::Unsteady { case, what }
                        })?,
                    }
                    finished += 1;
                    told(finished);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// One run of a case. No worker threads: who allocates what is then as reproducible as the rest.
    fn once(
        &self,
        nth: usize,
        side: usize,
        meter: &dyn Fn() -> Meter,
        control: &mut dyn Control,
    ) -> Result<Measured, RegressError> {
        let Ready { name, scenario, world, inputs, .. } = &self.cases[nth];
        let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: None };
        let before = meter();
        let simulated = simulate(scenario, world, &options, control);
        let after = meter();
        let point = simulated.map_err(|source| RegressError::Run { nth, case: name.clone(), source: source.into() })?;
        let summary = Summary::of(scenario, world, &point, HostFacts::default());
        let mut walls = [Duration::MAX; 2];
        walls[side] = after.elapsed.saturating_sub(before.elapsed);
        let counters = vec![
            Metric::work("events", "events", point.outcome.events),
            Metric::work("allocations", "allocations", after.allocations - before.allocations),
            Metric::work("allocated_bytes", "bytes", after.allocated_bytes - before.allocated_bytes),
        ];
        let metrics = virtual_metrics(&summary);
        Ok(Measured { inputs: *inputs, digest: summary.digest, counters, metrics, walls })
    }
}
