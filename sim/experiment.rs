//! Experiments: a point is one run of one scenario; a search is many, and a sweep
//! is all that its grid says; the store keeps what they found.

mod advice;
mod audit;
mod cells;
mod check;
mod contracts;
mod grid;
mod ledger;
mod limits;
mod plan;
mod point;
mod points;
mod saturation;
mod search;
mod store;
mod summary;
mod sweep;
mod traced;
mod usl;

pub use advice::{LATENCY, Widening, widening};
pub use audit::{Audit, AuditError, Breach, Look, Suspect};
pub use cells::{Cell, Estimate};
pub use check::{Campaign, Checked, Finding};
pub use contracts::{
    CaughtSummary, ContractSummary, ErasedSummary, KindSummary, ReachSummary, SETTLEMENT_BAR, StoredSummary,
    VERIFICATION_BAR,
};
pub use grid::{Grid, GridError, GridRequest, LOAD_KEY, Loads, Variation};
pub use ledger::{Inclusion, LEDGER_FILE};
pub use limits::{
    Fit, FitPoint, LIMITS_FILE, LIMITS_TABLE, Limits, LimitsError, LimitsFolder, Model, Replicate, TRACED_LIMIT,
    Variant, named, searched, unsearchable,
};
pub use plan::{Build, Entry, Heading, Plan, PlanError, PlanFile, PlanRequest, Planned, ScenarioText, Sheet};
pub use point::{Point, simulate, simulate_setup};
pub use saturation::{Bracket, Saturation, Step};
pub use search::{Found, LimitSummary, Probe, find_limit};
pub use store::{Manifest, Store, StoreError};
pub use summary::{
    DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, Summary, SurgeSummary,
    UtilisationSummary,
};
pub use sweep::{Crew, Got, Halt, Happened, POINTS_FILE, SWEEP_FILE, SweepError, SweepFolder, Tally};
pub use traced::TraceSummary;
pub use usl::{CurvePoint, Interval, Power, Usl};
