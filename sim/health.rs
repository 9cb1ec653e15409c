//! The domain: what hospitals do, how often, and the transactions that come of it.
//!
//! The world's load is spread over hospitals by the people they stand for and the local time of day, hour by hour;
//! arrivals are few Poisson processes whose marks are the hospital and the kind. That is the same law as an
//! independent Poisson process at each hospital (superposition), and lets the stream be made in order, in slices,
//! by any number of workers. What each transaction asks for follows from the seed too ([`Script`]), and is decided when
//! it is executed ([`Contracts`]). In place of all that, what real systems exported can be replayed ([`Trace`],
//! [`Replay`]).

mod call;
#[cfg(test)]
pub(crate) mod campaign;
mod contracts;
mod load;
mod people;
mod refusal;
mod replay;
mod scribe;
mod script;
mod stream;
mod supply;
mod taxonomy;
mod timetable;
mod trace;
mod verb;

pub use call::{Amount, Call, Case, Category, ConsentKey, Patient, Purpose, Scope};
pub use contracts::{
    AccessCall, Account, Anchors, BILLED_AT_GENESIS, Change, ClaimCall, ConsentCall, Contracts, FILLS, GovernanceCall,
    LicenceCall, Motion, NOTICE, PackCall, RecordCall, Residue, RxCall, SPLIT, STIPEND, ShareCall, Signed, TRIAL_TERM,
    TrialCall, Verdict, Write, measure_contracts,
};
pub use load::{
    Calendar, ClassLoad, ExtraLoad, HospitalSite, LoadPlan, PlanSettings, Surge, SurgeClass, Volume, WEEK_HOURS,
    WorldLoad,
};
pub use people::{Habits, Home, People, Residency, Standing};
pub use refusal::Refusal;
pub use replay::{Replay, Workload};
pub use script::{Part, Planted, Script};
pub use stream::{Injection, Slice, Stream, StreamSettings, Totals};
pub use supply::{LOTS, Lot, Pack, Unit};
pub use taxonomy::{KindSpec, PayloadSizes};
pub use timetable::{Due, Timetable, TraceSettings, TraceTimes};
pub use trace::{
    About, Flaw, Goods, Malformed, Moment, Name, Origin, Parsed, Step, Thing, Trace, TraceBuilder, TraceCounts,
    TraceEntry, parse,
};
pub use verb::Verb;
