//! Checking a protocol against random fault plans: what `systole check` and the conformance suite do.
//!
//! A schedule is one short run of the whole engine: a few replicas at random distances, a little load, and a random
//! fault plan that heals. It passes when no judge objects and everything that was submitted to a gateway that lives is
//! executed everywhere within the protocol's patience after the last fault. A schedule follows from the campaign's seed
//! and its number alone, so each can be run again.

#[cfg(test)]
mod tests;
mod world;

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::base::{Span, Time};
use crate::consensus::Layer;
use crate::crypto::CostTable;
use crate::engine::{Outcome, ProtocolKind, ProtocolTables, RunError, Setup, Unwatched, run};
use crate::faults::{FaultPlan, PlanLimits, random_plan, random_plan_of_shards};
use crate::kernel::draw::{Site, draw};
use crate::kernel::pool::InOrder;
use crate::ledger::{Committee, FaultModel};
use crate::observe::Violation;

/// Schedules that a worker takes at a time.
const CHUNK: u64 = 8;
/// When every fault of a schedule that ends has ended.
const HEALED: Time = Time(3_000_000_000);

/// A campaign: every schedule of one seed against one protocol.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The protocol.
    pub kind: ProtocolKind,
    /// Its settings.
    pub tables: ProtocolTables,
    /// Every schedule follows from it.
    pub seed: u64,
    /// Replicas; without a number, a few sizes in turn.
    pub replicas: Option<u32>,
    /// The dissemination layer; without one, those that the protocol runs over in turn.
    pub layer: Option<Layer>,
    /// Replicas that are twins in every schedule; without a number, at most as many are faulty as the protocol stands,
    /// and some of them are twins.
    pub twins: Option<u32>,
    costs: CostTable,
}

/// What is wrong with a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A judge objected.
    Unsafe {
        /// When.
        at: Time,
        /// To what.
        violation: Violation,
    },
    /// Something that was submitted is not executed everywhere in time.
    Stuck {
        /// Transactions that are neither in effect nor refused; none where only some replicas lag.
        pending: u64,
        /// Until when there was time.
        until: Time,
    },
    /// The program itself found something impossible.
    Panicked(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Unsafe { at, violation } => write!(f, "at {:.3} s, judge {violation}", at.as_secs_f64()),
            Finding::Stuck { pending: 0, until } => {
                write!(f, "at {:.3} s some replica has not executed what others have", until.as_secs_f64())
            }
            Finding::Panicked(message) => write!(f, "panic: {message}"),
            Finding::Stuck { pending, until } => {
                write!(f, "at {:.3} s, {pending} transactions are not in effect", until.as_secs_f64())
            }
        }
    }
}

/// What a campaign found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Schedules run.
    pub schedules: u64,
    /// Events and deliveries in all of them.
    pub events: u64,
    /// The first schedule with a finding.
    pub finding: Option<(u64, Finding)>,
}

impl Campaign {
    /// Schedules within what the protocol stands, under its brisk settings.
    pub fn new(kind: ProtocolKind, seed: u64) -> Campaign {
        let (tables, costs) = (ProtocolTables::brisk(), CostTable::reference());
        Campaign { kind, tables, seed, replicas: None, layer: None, twins: None, costs }
    }

    /// The committee of a schedule: small ones more often than larger ones.
    fn committee(&self, nth: u64) -> Committee {
        let sizes = match self.tables.promises(self.kind).tolerates {
            FaultModel::Crash => [3, 5, 3, 4],
            FaultModel::Byzantine | FaultModel::None => [4, 4, 4, 7],
        };
        Committee::new(self.replicas.unwrap_or(sizes[(nth / 4 % 4) as usize]))
    }

    /// The committees of a schedule: one, or those of two or three shards.
    fn shards(&self, nth: u64) -> Vec<Committee> {
        let mut shards = vec![self.committee(nth)];
        if self.kind == ProtocolKind::Sharded {
            let further = if nth / 16 % 3 == 2 { 2 } else { 1 };
            shards.resize(1 + further, Committee::new(self.replicas.unwrap_or(4)));
        }
        shards
    }

    fn layer(&self, nth: u64) -> Layer {
        let layers = self.tables.layers(self.kind);
        self.layer.unwrap_or(layers[(nth % layers.len() as u64) as usize])
    }

    /// The fault plan of a schedule.
    pub fn plan(&self, nth: u64) -> FaultPlan {
        let model = self.tables.promises(self.kind).tolerates;
        let lies = model == FaultModel::Byzantine;
        // All twins that are asked for are in the first shard: that is where they can be too many.
        let limits = |(shard, committee): (usize, &Committee)| {
            let twins = if shard == 0 { self.twins } else { self.twins.map(|_| 0) };
            let faulty = twins.unwrap_or(model.tolerated(committee));
            PlanLimits { replicas: committee.len(), faulty, lies, twins: twins.unwrap_or(0), healed: HEALED }
        };
        let limits: Vec<PlanLimits> = self.shards(nth).iter().enumerate().map(limits).collect();
        match limits[..] {
            [ref limits] => random_plan(self.seed, nth, limits),
            ref shards => random_plan_of_shards(self.seed, nth, shards),
        }
    }

    /// A schedule in words: who orders over what, and what goes wrong when.
    pub fn story(&self, nth: u64) -> String {
        let sizes: Vec<String> = self.shards(nth).iter().map(|shard| shard.len().to_string()).collect();
        let (replicas, layer) = (sizes.join(" + "), self.layer(nth).name());
        format!("{} over {layer}, {replicas} replicas\n{}", self.kind.name(), self.plan(nth))
    }

    /// "within 13.0 s after the last fault": what the protocol promises for the largest committee of a campaign.
    pub fn deadline(&self) -> String {
        let patience = (0..16).map(|nth| self.patience(nth)).max();
        format!("within {:.1} s after the last fault", patience.unwrap_or_default().as_millis_f64() / 1e3)
    }

    fn patience(&self, nth: u64) -> Span {
        let of_shard = |shard: &Committee| self.tables.patience(self.kind, shard);
        self.shards(nth).iter().map(of_shard).max().unwrap_or_default()
    }

    /// Everything that a schedule follows from.
    pub fn setup(&self, nth: u64) -> Setup {
        let (shards, layer) = (self.shards(nth), self.layer(nth));
        let seed = draw(self.seed, Site::Schedule, nth, 0, 0);
        let (plan, patience, costs) = (self.plan(nth), self.patience(nth), self.costs.clone());
        let weaves = self.tables.promises(self.kind).weaves();
        let mut setup = world::setup(seed, &shards, layer, plan, (patience, weaves), costs);
        setup.cross = (shards.len() > 1).then(|| self.tables.sharded.cross(&setup.kinds));
        setup
    }

    /// Runs one schedule.
    pub fn outcome(&self, nth: u64) -> Result<Outcome, RunError> {
        run(self.kind, &self.tables, &self.setup(nth), &mut Unwatched)
    }

    /// Runs one schedule; what is wrong, if anything is, and how many events it took.
    pub fn trial(&self, nth: u64) -> (u64, Option<Finding>) {
        match self.outcome(nth) {
            Ok(outcome) if outcome.settled => (outcome.events, None),
            Ok(outcome) => {
                let stuck = Finding::Stuck { pending: outcome.counts.pending_total, until: outcome.ended };
                (outcome.events, Some(stuck))
            }
            Err(RunError::Unsafe { at, violation }) => (0, Some(Finding::Unsafe { at, violation })),
            Err(RunError::Interrupted(_)) => unreachable!("nobody interrupts"),
        }
    }

    /// Runs schedules in order until one has a finding or `proceed`, told how many are done, says no. Without `threads`
    /// all of it is done on the caller's.
    pub fn run(
        &self,
        schedules: Range<u64>,
        threads: Option<NonZeroUsize>,
        mut proceed: impl FnMut(u64) -> bool,
    ) -> Checked {
        let campaign = Arc::new(self.clone());
        let work = move |chunk: Range<u64>| -> Checked { campaign.trials(chunk) };
        let mut pool = match threads {
            Some(threads) => InOrder::new(threads, threads.saturating_mul(NonZeroUsize::MIN.saturating_add(3)), work),
            None => InOrder::inline(work),
        };
        let (mut checked, mut next) = (Checked::default(), schedules.start);
        loop {
            while next < schedules.end && pool.has_room() {
                let end = (next + CHUNK).min(schedules.end);
                pool.submit(next..end);
                next = end;
            }
            if pool.pending() == 0 || checked.finding.is_some() || !proceed(checked.schedules) {
                return checked;
            }
            let chunk = pool.take();
            checked.schedules += chunk.schedules;
            checked.events += chunk.events;
            checked.finding = chunk.finding;
        }
    }

    fn trials(&self, chunk: Range<u64>) -> Checked {
        let mut checked = Checked::default();
        for nth in chunk {
            // A schedule shares nothing with the next: what a panic leaves behind is dropped with it.
            let (events, finding) = catch_unwind(AssertUnwindSafe(|| self.trial(nth))).unwrap_or_else(|panic| {
                let message = panic.downcast_ref::<String>().cloned();
                let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                (0, Some(Finding::Panicked(message.unwrap_or_else(|| "without a message".into()))))
            });
            checked.schedules += 1;
            checked.events += events;
            if let Some(finding) = finding {
                checked.finding = Some((nth, finding));
                break;
            }
        }
        checked
    }
}
