//! Statements: the vocabulary that protocols sign and judges read.

use crate::base::{Digest, Encode, Height, ReplicaId, Sink, View};

/// What kind of thing a replica states. Papers' words differ: each protocol's file says which of theirs is which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// "This block is my proposal"; `justify` is the view of the certificate that it builds on.
    Propose,
    /// "I accept this block": vote, prepare, prevote; "my log holds it and its ancestors".
    Vote,
    /// "I know that a quorum accepted this block": commit, precommit.
    Commit,
    /// "I have given up on the view; the highest certificate that I know is of view `justify`."
    Timeout,
    /// "My ledger ends with this block": what is older may be forgotten.
    Checkpoint,
    /// "In this view I follow the candidate", whose number is `justify`.
    Elect,
}

/// One statement of a replica, signed where its protocol signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// Who states it.
    pub by: ReplicaId,
    /// What kind of thing is stated.
    pub phase: Phase,
    /// The view it is about.
    pub view: View,
    /// The height it is about; 0 where it is about a view of every height.
    pub height: Height,
    /// What the phase says; else 0.
    pub justify: View,
    /// The block it is about; zero for none (timeouts, a vote against every block).
    pub block: Digest,
}

impl Encode for Statement {
    fn encode(&self, sink: &mut impl Sink) {
        self.phase.encode(sink);
        self.by.encode(sink);
        self.view.encode(sink);
        self.height.encode(sink);
        self.justify.encode(sink);
        self.block.encode(sink);
    }
}

impl Encode for Phase {
    fn encode(&self, sink: &mut impl Sink) {
        let phase: u8 = match self {
            Phase::Propose => 0,
            Phase::Vote => 1,
            Phase::Timeout => 2,
            Phase::Commit => 3,
            Phase::Checkpoint => 4,
            Phase::Elect => 5,
        };
        phase.encode(sink);
    }
}
