//! Experiments: a point is one run of one scenario; a search is many; the store keeps what they found.

mod audit;
mod check;
mod contracts;
mod ledger;
mod point;
mod saturation;
mod search;
mod store;
mod summary;
mod traced;

pub use audit::{Audit, AuditError, Breach, Look, Suspect};
pub use check::{Campaign, Checked, Finding};
pub use contracts::{
    CaughtSummary, ContractSummary, ErasedSummary, KindSummary, ReachSummary, SETTLEMENT_BAR, StoredSummary,
    VERIFICATION_BAR,
};
pub use ledger::{Inclusion, LEDGER_FILE};
pub use point::{Point, simulate, simulate_setup};
pub use saturation::{Bracket, Saturation, Step};
pub use search::{Found, LimitSummary, Probe, find_limit};
pub use store::{Manifest, Store, StoreError};
pub use summary::{
    DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, Summary, SurgeSummary,
    UtilisationSummary,
};
pub use traced::TraceSummary;
