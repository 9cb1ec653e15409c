//! The domain: what hospitals do, how often, and the transactions that come of it.
//!
//! The world's load at one hour of the week is spread over hospitals by the people they stand for and the local time
//! of day; arrivals are one Poisson process whose marks are the hospital and the kind. That is the same law as an
//! independent Poisson process at each hospital (superposition), and lets the stream be made in order, in slices,
//! by any number of workers. What each transaction asks for follows from the seed too ([`Script`]), and is decided when
//! it is executed ([`Contracts`]).

mod call;
#[cfg(test)]
pub(crate) mod campaign;
mod contracts;
mod load;
mod people;
mod refusal;
mod script;
mod stream;
mod supply;
mod taxonomy;
mod verb;

pub use call::{Amount, Call, Case, Category, ConsentKey, Patient, Purpose, Scope};
pub use contracts::{
    AccessCall, Account, Anchors, BILLED_AT_GENESIS, Change, ClaimCall, ConsentCall, Contracts, FILLS, GovernanceCall,
    LicenceCall, Motion, NOTICE, PackCall, RecordCall, Residue, RxCall, SPLIT, STIPEND, ShareCall, Signed, TRIAL_TERM,
    TrialCall, Verdict, Write,
};
pub use load::{ClassLoad, HospitalSite, LoadProfile, WorldLoad};
pub use people::{Habits, Home, People, Residency, Standing};
pub use refusal::Refusal;
pub use script::{Part, Planted, Script};
pub use stream::{Injection, Slice, Stream, StreamSettings, Totals};
pub use supply::{LOTS, Lot, Pack, Unit};
pub use taxonomy::{KindSpec, PayloadSizes};
pub use verb::Verb;
