//! What the protocols of the HotStuff family share: views opened by certificates, blocks that carry the certificate of
//! their parent, votes for the next leader, timeouts exchanged by all.
//!
//! | piece | what it does |
//! |---|---|
//! | [`ChainedMessage`] | what replicas send each other |
//! | [`Pacemaker`] | the view, its timer, timeouts into timeout certificates ("TC") |
//! | [`Ancestry`] | the tree of blocks, commits in order, missing ancestors |
//! | [`Early`] | a proposal that came before its view |
//! | [`Quorum`] | which certificates count |
//! | [`super::Tally`] | votes into certificates |
//!
//! Each protocol's file has the rules that its paper is about: for what to vote, on what to lock, what is committed,
//! and what a leader proposes when it enters a view. No piece calls back into a protocol.
//!
//! Durable are the view and what opened it, the view voted in, the highest certificate, the lock, and blocks. They are
//! written as they change; the disk is waited for ([`super::Charge::Fsync`]) where a vote or a timeout leaves, once a
//! handler.

mod ancestry;
mod early;
mod message;
mod pacemaker;
mod quorum;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use crate::base::ReplicaId;
use crate::ledger::{Block, Certificate};

use super::Protocol;

pub(super) use ancestry::Ancestry;
pub(super) use early::Early;
pub use message::ChainedMessage;
pub(super) use pacemaker::{Pace, Pacemaker};
pub(super) use quorum::Quorum;

/// Timers of the HotStuff family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainedTimer {
    /// The current view takes too long.
    View,
    /// A fetched block has not come.
    Fetch,
    /// A leader has waited long enough for the locks of others (HotStuff-2 alone).
    Wait,
}

/// A protocol of the family.
pub(super) trait Chained: Protocol<Message = ChainedMessage, Timer = ChainedTimer> {}

impl<P: Protocol<Message = ChainedMessage, Timer = ChainedTimer>> Chained for P {}

/// Whether `block`, sent by `from`, is the block of its view's leader and stands on what `parent` certifies.
pub(super) fn is_proposal(block: &Block, parent: &Certificate, from: ReplicaId, leader: ReplicaId) -> bool {
    let from_leader = block.author == from && from == leader;
    let extends = block.parent == parent.block
        && block.parent_view == parent.view
        && block.height == parent.height.next()
        && block.view > parent.view;
    from_leader && extends
}

/// Defects of the shared pieces, and those that every protocol of the family has a place for. Rules that only a lying
/// leader can put to the test ("certificate signers unchecked", "safe node unchecked", "vote below the lock") are no part
/// of the list: replicas that run the protocol never send what they would have to refuse.
#[cfg(test)]
pub(super) const PLANTED: &[&str] = &[
    "quorum off by one",
    "duplicate votes counted",
    "duplicate timeouts counted",
    "parent re-committed",
    "timer not re-armed",
    "missing block not fetched",
    "lock dropped",
    "lock forgotten on view change",
    "lowest certificate taken on timeout",
    "early commit",
    "non-consecutive commit",
    "vote twice",
];
