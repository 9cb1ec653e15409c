//! Experiments: a point is one run of one scenario; a search is many; the store keeps what they found.

mod check;
mod contracts;
mod point;
mod saturation;
mod search;
mod store;
mod summary;
mod traced;

pub use check::{Campaign, Checked, Finding};
pub use contracts::{CaughtSummary, ContractSummary, ErasedSummary, KindSummary, ReachSummary, StoredSummary};
pub use point::{Point, simulate};
pub use saturation::{Bracket, Saturation, Step};
pub use search::{Found, LimitSummary, Probe, find_limit};
pub use store::{Manifest, Store, StoreError};
pub use summary::{
    DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, Summary, UtilisationSummary,
};
pub use traced::TraceSummary;
