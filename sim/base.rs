//! The words everything else is written in: identities, quantities, digests and the canonical encoding.
//!
//! Nothing here knows about events, networks or ledgers. All quantities are integers with the unit in the type:
//! [`Time`] and [`Span`] are nanoseconds of virtual time, [`Bytes`] are bytes, [`Rate`] is bytes per second.

mod decode;
mod digest;
mod encode;
mod ids;
pub(crate) mod planted;
mod quantity;

pub use decode::{Decode, Input};
pub use digest::{Digest, DigestMap, DigestSet, FirstWord};
pub use encode::{Encode, Length, Sink};
pub use ids::{Height, HospitalId, NodeId, ReplicaId, View};
pub use quantity::{Bytes, Rate, Span, Time};
