//! One run: wires load, network, replicas and judges together on one virtual clock.
//!
//! A message's way, and the file that walks it:
//!
//! | step | file |
//! |---|---|
//! | hospital: arrival, sign, uplink | `submit.rs` |
//! | gateway: ingress NIC, mempool, verify, seal a batch | `gateway.rs` |
//! | egress NIC, connection, link, ingress NIC, verify | `wire.rs` |
//! | availability, protocol core, effects, timers | `order.rs` |
//! | commit, execute, receipts, latencies | `commit.rs` |
//! | what a transaction asks the contracts for, and what comes of it | `contracts.rs` |
//! | what took effect in each block, where a ledger is written | `archive.rs` |
//! | showing all of it to whoever asked | `witness.rs` |
//! | what replicas used, as money counts it | `usage.rs` |
//!
//! Transactions across two shards are in `cross.rs` (what shards say to each other) and `settle.rs` (what comes of it).
//! What fails is in `fail.rs`, who lies in `liar.rs`, who belongs together in `shard.rs`.
//!
//! Real signing, hashing and verifying happens ahead of virtual time on worker threads (`supply.rs`); what an operation
//! costs in virtual time comes from the cost table, so neither threads nor the host change a result.

mod archive;
mod commit;
mod contracts;
mod cross;
mod event;
mod fail;
mod gateway;
mod liar;
mod order;
mod outcome;
mod registry;
mod replica;
mod run;
mod settle;
mod setup;
mod shard;
mod sharded;
mod state;
mod submit;
mod supply;
mod usage;
mod wire;
mod witness;

pub use archive::{Archive, Archived};
pub use contracts::{Caught, ContractOutcome, Decided, Felt, Reach, Stored};
pub use outcome::{Counts, Outcome, Real};
#[cfg(test)]
pub(crate) use registry::for_each_protocol;
pub use registry::{ProtocolKind, ProtocolTables, run};
pub use run::{Control, Progress, RunError, Unwatched, run_protocol};
pub use settle::{CrossCounts, CrossOutcome};
pub use setup::{CrossSetup, HospitalSetup, LinkSetup, ReplicaSetup, Setup, Timing};
pub use sharded::{ShardKey, ShardMap, ShardedParams};
pub use state::StateProof;
pub use usage::Usage;
pub use witness::{Desk, Sight, Subject, Witness};
