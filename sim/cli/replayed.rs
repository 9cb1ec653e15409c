//! What is said of a scenario's trace, and whether flaws in it are put up with.

use serde::Serialize;

use crate::health::TraceCounts;
use crate::scenario::{Scenario, WorldData};

use super::args::OverridesArgs;
use super::control::note;
use super::exit::Failure;

/// Reads the data of a scenario, and says on standard error which lines of its trace are left out; with `--strict` the
/// first of them is an error.
pub(super) fn world(scenario: &Scenario, overrides: &OverridesArgs) -> Result<WorldData, Failure> {
    let world = scenario.world()?;
    tell(&world, overrides.strict)?;
    Ok(world)
}

/// Says on standard error which lines of a trace are left out; where `strict` is, the first of them is an error.
pub(super) fn tell(world: &WorldData, strict: bool) -> Result<(), Failure> {
    if strict {
        world.strictly()?;
    }
    if let Some(trace) = world.trace.as_ref().filter(|trace| trace.counts.malformed > 0) {
        note(&format!("{} malformed lines of the trace are left out; the first:", trace.counts.malformed));
        trace.malformed.iter().for_each(|line| note(&line.to_string()));
    }
    Ok(())
}

/// What a trace holds, in numbers.
#[derive(Serialize)]
pub(super) struct Counted {
    lines: u64,
    transactions: usize,
    patients: u32,
    things: usize,
    providers: u32,
    reference_resources: u64,
    malformed: u64,
}

/// What a trace holds, for `systole validate --json`.
pub(super) fn counted(world: &WorldData) -> Option<Counted> {
    let trace = world.trace.as_ref()?;
    let TraceCounts { malformed, reference, told } = trace.counts;
    Some(Counted {
        lines: told,
        transactions: trace.entries.len(),
        patients: trace.patients,
        things: trace.things.len(),
        providers: trace.providers,
        reference_resources: reference,
        malformed,
    })
}

/// What a trace holds, for `systole validate`; nothing where there is none.
pub(super) fn described(world: &WorldData) -> String {
    let Some(trace) = &world.trace else { return String::new() };
    let (entries, things, TraceCounts { malformed, reference, told }) =
        (trace.entries.len(), trace.things.len(), trace.counts);
    format!(
        "its trace has {told} lines of {entries} transactions about {} patients and {things} things at {} providers, \
         {reference} lines of reference data, {malformed} malformed lines\n",
        trace.patients, trace.providers
    )
}
