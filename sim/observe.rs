//! Judges: independent observers that read a run from outside and re-derive what must hold.
//!
//! They see only [`Tap`]s, never protocol state, keep their own records, and recompute ids, roots and quorums from
//! contents. Each judge is one file with one rule; all of them are on in every run. The first violation stops the run.

mod accounting;
mod agreement;
mod certificates;
mod execution;
mod tap;
#[cfg(test)]
mod tests;

use std::fmt;

pub use tap::{Inventory, Tap};

use accounting::Accounting;
use agreement::{Agreement, ChainLinks};
use certificates::Certificates;
use execution::{NoDoubleCommit, Validity};

use crate::base::ReplicaId;
use crate::ledger::{Committee, Promises};

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
}

/// All judges of a run.
pub struct Bench {
    judges: Vec<Box<dyn Judge>>,
}

impl Bench {
    /// Every judge, for runs with transactions of `weight` under a protocol with these promises, which those in `exempt`
    /// need not keep.
    pub fn full(committee: &Committee, promises: &Promises, exempt: &[ReplicaId], weight: u32) -> Bench {
        let _ = exempt;
        Bench {
            judges: vec![
                Box::new(Agreement::default()),
                Box::new(ChainLinks::new(committee)),
                Box::new(Validity::default()),
                Box::new(NoDoubleCommit::default()),
                Box::new(Certificates::new(committee, promises.slot)),
                Box::new(Accounting::new(weight)),
            ],
        }
    }

    /// Shows every judge one observation.
    pub fn observe(&mut self, tap: &Tap<'_>) -> Result<(), Violation> {
        for judge in &mut self.judges {
            judge.observe(tap).map_err(|what| Violation { judge: judge.name(), what })?;
        }
        Ok(())
    }

    /// The judges' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.judges.iter().map(|judge| judge.name())
    }
}
