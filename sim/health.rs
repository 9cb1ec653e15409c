//! The domain: what hospitals do, how often, and the transactions that come of it.
//!
//! The world's load at one hour of the week is spread over hospitals by the people they stand for and the local time
//! of day; arrivals are one Poisson process whose marks are the hospital and the kind. That is the same law as an
//! independent Poisson process at each hospital (superposition), and lets the stream be made in order, in slices,
//! by any number of workers.

mod load;
mod stream;
mod taxonomy;

pub use load::{ClassLoad, HospitalSite, LoadProfile, WorldLoad};
pub use stream::{Injection, Slice, Stream, StreamSettings, Totals};
pub use taxonomy::{KindSpec, PayloadSizes};
