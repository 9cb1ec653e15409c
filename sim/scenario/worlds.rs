//! The data of many scenarios: each table and trace is read once, and shared; what the data say to scenarios that
//! differ only in what they have no say in is asked once.

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
    /// The highest load of each demand, transactions/s; of one that is given its total, for a total of one.
    highest: BTreeMap<(Tables, String), f64>,
}

impl Worlds {
    /// The data of `scenario`, as [`Scenario::world`] reads it; checked against this very scenario.
    pub fn of(&mut self, scenario: &Scenario) -> Result<Arc<WorldData>, ScenarioError> {
        let world = self.read(scenario)?;
        let key = (scenario.tables(), scenario.demand());
        let highest = match self.highest.get(&key) {
            Some(&highest) => highest,
            None => {
                scenario.check_names(&world)?;
                scenario.highest_tps(&world)
            }
        };
        scenario.check_rate(highest)?;
        self.highest.insert(key, highest);
        Ok(world)
    }

    /// The data of `scenario`, unchecked.
    pub fn read(&mut self, scenario: &Scenario) -> Result<Arc<WorldData>, ScenarioError> {
        let tables = scenario.tables();
        let trace = scenario.trace().map(|(path, name, copies)| ((path, copies), name));
        let key = (tables.clone(), trace.as_ref().map(|(replayed, _)| replayed.clone()));
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let plain = match self.known.get(&(tables.clone(), None)) {
            Some(known) => known.clone(),
            None => Arc::new(WorldData::read(&tables.0, &tables.1)?),
        };
        self.known.insert((tables, None), plain.clone());
        let Some(((path, copies), name)) = trace else { return Ok(plain) };
        let mut world = WorldData::clone(&plain);
        world.replay(&path, name, copies)?;
        let world = Arc::new(world);
        self.known.insert(key, world.clone());
        Ok(world)
    }

    /// Those of them that replay a trace.
    pub fn traced(&self) -> impl Iterator<Item = &WorldData> {
        self.known.values().map(Arc::as_ref).filter(|world| world.trace.is_some())
    }
}
