//! The domain: what hospitals do, how often, and the transactions that come of it.
//!
//! The world's load at one hour of the week is spread over hospitals by the people they stand for and the local time
//! of day; arrivals are one Poisson process whose marks are the hospital and the kind. That is the same law as an
//! independent Poisson process at each hospital (superposition), and lets the stream be made in order, in slices,
//! by any number of workers. What each transaction asks for follows from the seed too ([`Script`]), and is decided when
//! it is executed ([`Contracts`]). In place of all that, what real systems exported can be replayed ([`Trace`],
//! [`Replay`]).

mod call;
mod contracts;
mod load;
mod people;
mod replay;
mod scribe;
mod script;
mod stream;
mod taxonomy;
mod timetable;
mod trace;

pub use call::{Call, Case, Category, Change, ConsentKey, Patient, Purpose, Refusal, Scope};
pub use contracts::Contracts;
pub use load::{ClassLoad, HospitalSite, LoadProfile, WorldLoad};
pub use people::{Habits, Home, People, Residency, Standing};
pub use replay::{Replay, Source};
pub use script::{Script, Verb};
pub use stream::{Injection, Slice, Stream, StreamSettings, Totals};
pub use taxonomy::{KindSpec, PayloadSizes};
pub use timetable::{Due, Timetable, TraceSettings, TraceTimes};
pub use trace::{Flaw, Malformed, Moment, Name, Parsed, Trace, TraceBuilder, TraceCounts, TraceEntry, parse};
