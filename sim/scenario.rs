//! Scenarios: TOML as written → [`ScenarioFile`] → validated [`Scenario`], one conversion, here and nowhere else.
//!
//! Bad configuration ends here, with file, line, column, what is wrong and what to write instead. What leaves this
//! module as a [`crate::engine::Setup`] is possible, and the layers below panic if it is not.

mod build;
mod data;
mod demand;
mod error;
mod fault;
mod file;
mod overrides;
mod prices;
mod shards;
mod slo;
mod sweep;
mod template;
mod trace;
mod validate;
mod world;
mod worlds;

pub use build::{AUTO_ARRIVALS_PER_S, Placement, RunOptions, metro_of};
pub use data::WorldData;
pub use demand::evenly;
pub use error::ScenarioError;
pub use file::{Dissemination, Execution, FaultEntry, PayloadPlace, ScenarioFile, TraceTimes, Weight, schema};
pub use prices::{PRICES_KEY, Prices};
pub use shards::ShardSite;
pub use slo::{Slo, SloError};
pub use sweep::{SweepKeys, SweepLoads, SweepValue};
pub use template::Template;
pub use validate::Scenario;
pub use world::{CalendarSpan, Digitised, SurgeFactor, SurgeKeys, SurgeProfile, WhoRegion, World};
pub use worlds::Worlds;
