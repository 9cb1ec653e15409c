//! The regression gate: a handful of short runs, compared with what a committed file says they came to.
//!
//! Everything of virtual time is a function of scenario and code, so digests and metrics are compared exactly, and the gate
//! has no noise: whatever differs was changed by somebody. Whoever meant it blesses it. Work counters (events,
//! allocations) may differ by [`TOLERANCE_PERCENT`]. Wall time fails nothing: every case is run as A and as A', in turns,
//! and what these two differ by is the noise that a change of wall time has to exceed to be called one.
//!
//! - `metrics` says what is compared, in which unit, and which way is better.
//! - `baseline` is the committed file: cases, and what they came to.
//! - `measure` runs the cases on one thread, with signatures modelled.
//! - `inject` spoils what was measured, for the gate to be seen failing.
//! - `compare` finds what changed; a `verdict` is all that reports are made from.

mod baseline;
mod compare;
mod error;
mod inject;
mod measure;
mod metrics;
#[cfg(test)]
mod tests;
mod verdict;

pub use baseline::{Baseline, Blessed, Case};
pub use compare::compare;
pub use error::RegressError;
pub use inject::Injected;
pub use measure::{Gate, Measured, Meter, Ready};
pub use metrics::{Direction, Metric, TOLERANCE_PERCENT};
pub use verdict::{CaseVerdict, Change, Host, Row, VERDICT_FILE, Verdict, Wall};
