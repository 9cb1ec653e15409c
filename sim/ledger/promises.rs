//! What a protocol promises, as data that judges hold it to.
//!
//! A protocol declares its promises; the judges have their own code for each of them and call none of the protocol's.

use crate::base::{Height, ReplicaId, View};

use super::Committee;

/// What may go wrong with how many replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultModel {
    /// Nothing: one replica decides.
    None,
    /// A minority may stop, and come back.
    Crash,
    /// Fewer than a third may do anything.
    Byzantine,
}

impl FaultModel {
    /// How many faulty replicas it stands.
    pub fn tolerated(self, committee: &Committee) -> u32 {
        match self {
            FaultModel::None => 0,
            FaultModel::Crash => (committee.len() - 1) / 2,
            FaultModel::Byzantine => committee.faults(),
        }
    }

    /// How many replicas must state a thing before it counts.
    pub fn quorum(self, committee: &Committee) -> u32 {
        match self {
            FaultModel::None => 1,
            FaultModel::Crash => committee.majority(),
            FaultModel::Byzantine => committee.quorum(),
        }
    }
}

/// Who may propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaders {
    /// One replica for ever.
    Fixed(ReplicaId),
    /// Replica `view / every mod n`.
    ByView {
        /// Views in a row that a replica leads.
        every: u64,
    },
    /// Replica `height + view mod n`.
    ByHeightAndView,
    /// Whom a majority elected for the view.
    Elected,
    /// Every replica, once in each view: the rounds of a DAG.
    Everyone,
}

impl Leaders {
    /// The leader of a view at a height, unless it is elected.
    pub fn of(self, committee: &Committee, height: Height, view: View) -> Option<ReplicaId> {
        match self {
            Leaders::Fixed(replica) => Some(replica),
            Leaders::ByView { every } => Some(committee.leader(View(view.0 / every))),
            Leaders::ByHeightAndView => Some(committee.leader_at(height, view)),
            Leaders::Elected | Leaders::Everyone => None,
        }
    }
}

/// Where a replica proposes at most one block, and votes for at most one in each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In a view: each view has one block.
    View,
    /// At a height in a view: a view has many blocks, or each height counts its own views.
    HeightAndView,
}

/// What makes a block committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitRule {
    /// The one sequencer proposed it.
    Sequencer,
    /// That many blocks of consecutive views, each the parent of the next, each with a quorum of votes: the first and
    /// its ancestors.
    Consecutive {
        /// Two (Jolteon, HotStuff-2) or three (HotStuff).
        views: u32,
    },
    /// A quorum stated [`super::Phase::Commit`] for it in one view.
    Quorum,
    /// A majority stored it, or a descendant, in the view in which that was first proposed.
    Stored,
    /// A DAG of proposals decides on anchors, and each takes its history with it.
    Dag {
        /// How.
        rule: DagRule,
        /// Rounds below an anchor of which it takes nothing that is older.
        depth: u64,
    },
}

/// How a DAG of proposals decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DagRule {
    /// Waves of three certified rounds; the third reveals who leads the first (Tusk).
    Tusk,
    /// Waves of two certified rounds with a leader known before (Bullshark, partially synchronous).
    Bullshark,
    /// Waves of three rounds of blocks that nobody certified, one beginning in each round (Mysticeti-C).
    Mysticeti {
        /// Leaders in each round.
        leaders: u32,
    },
}

/// What timeouts say of the highest certificate that a replica knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Nothing that could be held against anyone.
    Unstated,
    /// A replica never states a lower view than before, at the same height where views are counted by height.
    Stated,
    /// Timeouts say nothing, but whoever stated [`super::Phase::Commit`] votes for another block at that height only
    /// after a quorum voted for that one in as high a view.
    ByVotes,
}

/// What a protocol promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promises {
    /// Which faults it stands.
    pub tolerates: FaultModel,
    /// Who proposes.
    pub leaders: Leaders,
    /// Where replicas propose and vote once.
    pub slot: Slot,
    /// What commits a block.
    pub commit: CommitRule,
    /// Whether a replica that gave up on a view votes in it no more.
    pub silent_after_timeout: bool,
    /// What is known of replicas' locks.
    pub locks: Locks,
    /// Whether statements are signed; who only fears crashes need not.
    pub signed: bool,
    /// Message delays from a proposal's sending to its commit at a replica that leads no view, without faults and with
    /// messages that take equally long.
    pub delays: u32,
}

impl Promises {
    /// Whether proposals make a DAG, not a chain.
    pub fn weaves(&self) -> bool {
        self.depth().is_some()
    }

    /// Where proposals make a DAG, how many rounds below an anchor that takes anything.
    pub fn depth(&self) -> Option<u64> {
        match self.commit {
            CommitRule::Dag { depth, .. } => Some(depth),
            _ => None,
        }
    }
}
