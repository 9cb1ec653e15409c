//! Consensus: ordering protocols as sans-I/O state machines, over dissemination layers that are chosen apart.
//!
//! A protocol is one file that implements [`Protocol`]: it is told what happened ([`Event`]) and answers with effects
//! through its [`Context`]. It cannot observe wall time, threads, the network model, costs or other replicas' state.
//! What reaches it was verified (signatures, hashes) and is available (every batch that a block orders is at hand), so
//! a protocol holds no pending-verification and no pending-availability state.

mod archive;
mod bullshark;
mod calendar;
mod central;
mod chained;
mod context;
mod dag;
pub mod dissemination;
mod hotstuff;
mod hotstuff2;
mod jolteon;
mod mysticeti;
mod overlay;
mod pbft;
mod protocol;
mod qbft;
mod raft;
mod tally;
mod tendermint;
#[cfg(test)]
mod testing;
mod tusk;

pub(crate) use crate::base::planted;

pub use archive::Archive;
pub use bullshark::{Bullshark, BullsharkParams};
pub use calendar::{Calendar, CalendarParams};
pub use central::{Central, CentralParams, FsyncPolicy};
pub use chained::{ChainedMessage, ChainedTimer};
pub use context::{Context, Effect, PayloadSource};
pub use dag::Dag;
pub use dissemination::{Above, Dissemination, Layer, LayerLimits, Pace, Parcel};
pub use hotstuff::{HotStuff, HotStuffParams};
pub use hotstuff2::{HotStuff2, HotStuff2Params};
pub use jolteon::{Jolteon, JolteonParams};
pub use mysticeti::{Mysticeti, MysticetiParams};
pub use pbft::{Pbft, PbftParams};
pub use protocol::{BadSetting, Charge, Checks, Event, Message, Proof, Protocol};
pub use qbft::{Qbft, QbftParams};
pub use raft::{Raft, RaftParams};
pub use tally::Tally;
pub use tendermint::{Tendermint, TendermintParams, Transport};
pub use tusk::{Tusk, TuskParams};

/// The longest timeout that a protocol's settings may ask for, ms: a day.
pub const MOST_TIMEOUT_MS: u64 = 86_400_000;
/// Committed blocks that a replica keeps to serve those that missed them; who was away for longer stays behind.
pub const KEPT_BLOCKS: u64 = 1_024;
