//! The data of many scenarios: each table and trace is read once, and shared.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Scenario, ScenarioError, WorldData};

/// Data folder and mix.
type Tables = (PathBuf, String);
/// Its path, and how often it is replayed.
type Replayed = (PathBuf, u32);

/// What was read so far. Holds one copy of the tables for each data folder and mix, and one for each trace.
#[derive(Debug, Default)]
pub struct Worlds {
    known: BTreeMap<(Tables, Option<Replayed>), Arc<WorldData>>,
}

impl Worlds {
    /// The data of `scenario`, as [`Scenario::world`] reads it; checked against this very scenario.
    pub fn of(&mut self, scenario: &Scenario) -> Result<Arc<WorldData>, ScenarioError> {
        let tables = scenario.tables();
        let plain = match self.known.get(&(tables.clone(), None)) {
            Some(known) => known.clone(),
            None => Arc::new(WorldData::read(&tables.0, &tables.1)?),
        };
        self.known.insert((tables.clone(), None), plain.clone());
        scenario.check(&plain)?;
        let Some((path, copies)) = scenario.trace() else { return Ok(plain) };
        let key = (tables, Some((path.clone(), copies)));
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let mut world = WorldData::clone(&plain);
        world.replay(&path, copies)?;
        let world = Arc::new(world);
        self.known.insert(key, world.clone());
        Ok(world)
    }

    /// Those of them that replay a trace.
    pub fn traced(&self) -> impl Iterator<Item = &WorldData> {
        self.known.values().map(Arc::as_ref).filter(|world| world.trace.is_some())
    }
}
