//! Judges: independent observers that read a run from outside and re-derive what must hold.
//!
//! They see only [`Tap`]s, never protocol state, keep their own records, and recompute ids, roots and quorums from
//! contents. Each judge is one file with one family of rules; all that a protocol's promises give something to judge are
//! on in every run. The first violation stops the run.
//!
//! | judge | what it convicts |
//! |---|---|
//! | `agreement` | two replicas that commit different blocks at a height, or reach different states |
//! | `chain` | a commit out of order, without its parent, or under an id that its contents do not have |
//! | `validity` | an effect of what no hospital submitted, a batch that is not what its id says |
//! | `no_double_commit` | a second effect of a transaction |
//! | `conduct` | a replica that breaks its protocol's promises in what it states |
//! | `commit_rule` | a commit of what the statements made so far do not decide |
//! | `dag_conduct` | a block of a DAG that others may not build on, or a vote for one, or for two of an author in a round |
//! | `dag_rule` | a commit of another anchor, or of other blocks with it, than the DAG decides on |
//! | `certificates` | a certificate whose signers are too few, or did not state what it says |
//! | `contracts` | a call that is allowed or refused otherwise than the rules say; money that nobody paid |
//! | `accounting` | load that vanished or multiplied |
//! | `atomicity` | across shards: a commit here and an abort there, an amount made or lost, a lock that stays |
//!
//! Replicas that a run makes faulty are exempt: their commits and conduct are not judged, and what they state counts in
//! tallies, as a quorum may contain liars.

mod accounting;
mod agreement;
mod arithmetic;
mod atomicity;
mod certificates;
mod commit_rule;
mod conduct;
mod contracts;
mod dag_conduct;
mod dag_rule;
mod execution;
mod roll;
mod tap;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use tap::{Inventory, Tap};

use accounting::Accounting;
use agreement::{Agreement, ChainLinks};
use arithmetic::Set;
use atomicity::Atomicity;
use certificates::Certificates;
use commit_rule::CommitRules;
use conduct::Conduct;
use contracts::ContractRules;
use dag_conduct::DagConduct;
use dag_rule::DagRules;
use execution::{NoDoubleCommit, Validity};

use crate::base::{ReplicaId, Span};
use crate::health::People;
use crate::ledger::{CommitRule, Committee, FaultModel, Promises};

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The judge that found it.
    pub judge: &'static str,
    /// What was found, in a sentence.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.judge, self.what)
    }
}

/// One rule over a run.
pub trait Judge {
    /// Its name in verdicts.
    fn name(&self) -> &'static str;

    /// Takes one observation; the reason where it breaks the rule.
    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String>;

    /// What it counted meanwhile that reports show, by name.
    fn counted(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// All judges of a run.
pub struct Bench {
    judges: Vec<Box<dyn Judge>>,
}

impl Bench {
    /// Every judge, for runs with transactions of `weight` under a protocol with these promises, which those in `exempt`
    /// need not keep. Where nothing is signed, or one replica decides, there are no certificates to judge.
    pub fn full(committee: &Committee, promises: &Promises, exempt: &[ReplicaId], weight: u32) -> Bench {
        let faulty = Set::of(exempt);
        let mut judges: Vec<Box<dyn Judge>> = vec![
            Box::new(Agreement::new(&faulty)),
            Box::new(ChainLinks::new(committee, &faulty)),
            Box::new(Validity::default()),
            Box::new(NoDoubleCommit::default()),
            Box::new(Conduct::new(committee, promises, &faulty)),
        ];
        match promises.commit {
            // Where more are faulty than may be, what follows from a DAG differs with who looks: agreement is left.
            CommitRule::Dag { .. } if faulty.count() > promises.tolerates.tolerated(committee) => {}
            CommitRule::Dag { rule, depth } => {
                judges.push(Box::new(DagConduct::new(committee, promises, (rule, depth), &faulty)));
                judges.push(Box::new(DagRules::new(committee, promises, (rule, depth), &faulty)));
            }
            _ => judges.push(Box::new(CommitRules::new(committee, promises, &faulty))),
        }
        if promises.signed && promises.tolerates != FaultModel::None {
            judges.push(Box::new(Certificates::new(committee, promises)));
        }
        judges.push(Box::new(Accounting::new(weight)));
        Bench { judges }
    }

    /// With a judge of the contracts, which concern `people`.
    pub fn with_contracts(mut self, people: Arc<People>) -> Bench {
        self.judges.push(Box::new(ContractRules::new(people)));
        self
    }

    /// The judge of what happens between `shards`, whose home replicas wait at least `timeout` for a vote.
    pub fn across(shards: &[Committee], timeout: Span) -> Bench {
        Bench { judges: vec![Box::new(Atomicity::new(shards, timeout))] }
    }

    /// Shows every judge one observation.
    pub fn observe(&mut self, tap: &Tap<'_>) -> Result<(), Violation> {
        for judge in &mut self.judges {
            judge.observe(tap).map_err(|what| Violation { judge: judge.name(), what })?;
        }
        Ok(())
    }

    /// What the judges counted.
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        self.judges.iter().flat_map(|judge| judge.counted()).collect()
    }

    /// The judges' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.judges.iter().map(|judge| judge.name())
    }
}
