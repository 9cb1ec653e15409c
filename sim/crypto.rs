//! Keys, signatures, Merkle trees, and what they cost.
//!
//! **One rule for verdicts.** A signature is valid when it is valid under ZIP-215: `s < l`, `A` and `R` decode (any
//! encoding that decompresses), and `[8]([s]B - [k]A - R) = 0`. The factor 8 is what makes one signature and a batch
//! of them agree *always*. Without it they cannot: ed25519-dalek's own batch accepts one and the same mixed-order
//! signature in about one batch of eight, depending on its companions and on their order, so that two replicas
//! cutting their batches differently would fork the ledger. No other verification is called anywhere in this crate.
//!
//! Signing is RFC 8032, byte for byte, so any library's signatures can be brought in.
//!
//! **What is signed is a 32-byte id**, never a body: Ed25519 hashes its message twice to sign and once to verify at 0.4
//! GB/s, BLAKE3 once at 3 to 6 GB/s, so a 4 KiB transaction then costs what a small one does.
//!
//! **Jobs are chunks.** [`sign_all`] and [`verify_batch`] take a slice each; a chunk of [`BATCH`] signatures stays in
//! the second-level cache and is past the knee of the batch curve. [`crate::kernel::pool::InOrder`] runs chunks on
//! all cores.
//!
//! **Costs are data.** [`ContractCosts, CostTable`] is what the simulator charges in virtual time, whether or not the arithmetic is
//! executed; see [`costs`].

mod batch;
pub mod costs;
mod keys;
pub mod merkle;
mod state;
mod verify;

pub use batch::{BATCH, Item, verify_batch};
pub use costs::{ContractCosts, CostError, CostTable};
pub use keys::{KeyError, Keypair, PublicKey, Role, Signature, sign_all};
pub use state::{BRANCHES, RowProof, StateMap};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod vectors;
