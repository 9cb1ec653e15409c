//! Experiments: a point is one run of one scenario; a search is many, and a sweep
//! is all that its grid says; the store keeps what they found.

mod advice;
mod audit;
mod cells;
mod check;
mod chrome;
mod compare;
mod contracts;
mod crew;
mod emit;
mod figures;
mod glossary;
mod grid;
mod ledger;
mod limits;
mod memory;
mod plan;
mod point;
mod points;
pub mod regress;
mod saturation;
mod search;
mod store;
mod stored;
mod summary;
mod sweep;
mod traced;
mod usage;
mod usl;

pub use advice::{LATENCY, Widening, widening};
pub use audit::{Audit, AuditError, Breach, Look, Suspect};
pub use cells::{Cell, Estimate};
pub use check::{Campaign, Checked, Finding};
pub use chrome::{Recorded, TraceError, TraceRequest, Written, record};
pub use compare::{
    Advice, Against, At, CompareError, CompareRequest, Comparison, Cost, Costs, CpuUse, Criterion, Difference,
    LEAST_SHARE, Loaded, Method, Quantiles, Row, Variant, Verdict, figure, interval, percent,
};
pub use contracts::{
    CaughtSummary, ContractSummary, ErasedSummary, KindSummary, ReachSummary, SETTLEMENT_BAR, StoredSummary,
    VERIFICATION_BAR,
};
pub use emit::{JobEngine, JobError, JobPlace};
pub use figures::{Figures, Held};
pub use glossary::{Kind, Term, glossary};
pub use grid::{Grid, GridError, GridRequest, LOAD_KEY, Loads, Variation};
pub use ledger::{Inclusion, LEDGER_FILE};
pub use limits::{
    Fit, FitPoint, LIMITS_FILE, LIMITS_TABLE, Limits, LimitsError, LimitsFolder, Model, Replicate, TRACED_LIMIT,
    VariantLimit, named, searched, unsearchable,
};
pub use plan::{Build, Entry, Heading, Plan, PlanError, PlanFile, PlanRequest, Planned, ScenarioText, Sheet};
pub use point::{Point, simulate, simulate_setup};
pub use points::Origin;
pub use saturation::{Bracket, Saturation, Step};
pub use search::{Found, LimitSummary, Probe, find_limit};
pub use store::{MANIFEST_FILE, Manifest, Store, StoreError, place_file, point_id, write_whole};
pub use stored::{StoredError, StoredFolder, StoredPoint};
pub use summary::{
    DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, Summary, SurgeSummary,
    UtilisationSummary,
};
pub use sweep::{Crew, Got, Halt, Happened, Merged, POINTS_FILE, SWEEP_FILE, SweepError, SweepFolder, Tally, listed};
pub use traced::TraceSummary;
pub use usage::{StandsSummary, UsageSummary};
pub use usl::{CurvePoint, Interval, Power, Usl};
