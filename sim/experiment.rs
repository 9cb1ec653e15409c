//! Experiments: a point is one run of one scenario; a search is many, and a sweep
//! is all that its grid says; the store keeps what they found.

mod audit;
mod cells;
mod check;
mod contracts;
mod emit;
mod grid;
mod ledger;
mod memory;
mod plan;
mod point;
mod points;
mod saturation;
mod search;
mod store;
mod summary;
mod sweep;
mod traced;

pub use audit::{Audit, AuditError, Breach, Look, Suspect};
pub use cells::{Cell, Estimate};
pub use check::{Campaign, Checked, Finding};
pub use contracts::{
    CaughtSummary, ContractSummary, ErasedSummary, KindSummary, ReachSummary, SETTLEMENT_BAR, StoredSummary,
    VERIFICATION_BAR,
};
pub use emit::{JobEngine, JobError, JobPlace};
pub use grid::{Grid, GridError, GridRequest, LOAD_KEY, Loads, Variation};
pub use ledger::{Inclusion, LEDGER_FILE};
pub use plan::{Build, Entry, Heading, Plan, PlanError, PlanFile, PlanRequest, Planned, ScenarioText, Sheet};
pub use point::{Point, simulate, simulate_setup};
pub use saturation::{Bracket, Saturation, Step};
pub use search::{Found, LimitSummary, Probe, find_limit};
pub use store::{Manifest, Store, StoreError, write_whole};
pub use summary::{
    DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, Summary, SurgeSummary,
    UtilisationSummary,
};
pub use sweep::{Crew, Got, Halt, Happened, Merged, POINTS_FILE, SWEEP_FILE, SweepError, SweepFolder, Tally, listed};
pub use traced::TraceSummary;
