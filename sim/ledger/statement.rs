//! Statements: the vocabulary that protocols sign and judges read.

use crate::base::{Digest, Encode, ReplicaId, Sink, View};

/// What kind of thing a replica states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// "This block is my proposal for the view."
    Propose,
    /// "I accept this block in the view."
    Vote,
    /// "I have given up on the view; the highest certificate that I know is of view `justify`."
    Timeout,
}

/// One signed statement of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// Who states it.
    pub by: ReplicaId,
    /// What kind of thing is stated.
    pub phase: Phase,
    /// The view it is about.
    pub view: View,
    /// The view of the highest certificate known, for timeouts; else the view of the block's parent or 0.
    pub justify: View,
    /// The block it is about; zero for timeouts.
    pub block: Digest,
}

impl Encode for Statement {
    fn encode(&self, sink: &mut impl Sink) {
        let phase: u8 = match self.phase {
            Phase::Propose => 0,
            Phase::Vote => 1,
            Phase::Timeout => 2,
        };
        phase.encode(sink);
        self.by.encode(sink);
        self.view.encode(sink);
        self.justify.encode(sink);
        self.block.encode(sink);
    }
}
