//! What executing a stage of a transaction across two shards comes to: for its hospital, for the books, for the other
//! shard.

use crate::base::{Encode, Height, Span, Time};
use crate::consensus::Protocol;
use crate::ledger::{Crossed, Rejection, Stage, Step, Transaction};
use crate::metrics::{Definition, Latencies, LatencyHistogram};
use crate::observe::{Bench, Tap};

use super::Setup;
use super::cross::Share;
use super::run::Engine;

/// Transactions across two shards over the whole run, with their weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossCounts {
    /// Executed at home: locked there, or refused at once.
    pub begun: u64,
    /// Decided: both shards commit.
    pub committed: u64,
    /// Decided: both abort.
    pub aborted: u64,
    /// Stages ordered without a proof, and refused.
    pub unproven: u64,
    /// Stages ordered again, or too late.
    pub repeated: u64,
}

/// What came of transactions across two shards.
#[derive(Clone, Debug)]
pub struct CrossOutcome {
    /// Counts.
    pub counts: CrossCounts,
    /// Latencies of transactions of one shard (region 0) and of two (region 1), under every definition.
    pub by_reach: Latencies,
    /// From submission to the partner's executing the commit.
    pub credited: LatencyHistogram,
}

impl CrossOutcome {
    /// Latencies of transactions that concern one shard, or two.
    pub fn of_reach(&self, two: bool, definition: Definition) -> &LatencyHistogram {
        self.by_reach.of_region(usize::from(two), definition)
    }
}

/// A run's books between shards.
pub(super) struct Crossing {
    pub bench: Bench,
    pub outcome: CrossOutcome,
}

impl Crossing {
    /// Where there are shards.
    pub fn of(setup: &Setup) -> Option<Crossing> {
        let cross = setup.cross.as_ref()?;
        let (counts, by_reach, credited) = (CrossCounts::default(), Latencies::new(2), LatencyHistogram::default());
        let bench = Bench::across(&setup.shards, cross.prepare_timeout);
        Some(Crossing { bench, outcome: CrossOutcome { counts, by_reach, credited } })
    }

    /// Everything virtual, for the run's digest.
    pub fn encode(&self, hasher: &mut blake3::Hasher) {
        let CrossCounts { begun, committed, aborted, unproven, repeated } = self.outcome.counts;
        [begun, committed, aborted, unproven, repeated][..].encode(hasher);
        self.outcome.by_reach.encode(hasher);
        self.outcome.credited.encode(hasher);
    }
}

impl<P: Protocol> Engine<'_, P> {
    /// Shows the judge of what happens between shards an observation.
    pub(super) fn observe_across(&mut self, tap: &Tap<'_>) {
        if let Some(crossing) = &mut self.crossing
            && let Err(violation) = crossing.bench.observe(tap)
        {
            self.violation.get_or_insert(violation);
        }
    }

    /// A shard has executed a stage, for the first time at any of its replicas: a transaction that took effect by it,
    /// and what its replicas have to say about it.
    pub(super) fn on_crossed(
        &mut self,
        at: Time,
        shard: usize,
        height: Height,
        crossed: &Crossed,
    ) -> (Option<Transaction>, Option<Share>) {
        let Crossed { transaction, transfer, step } = *crossed;
        let number = transaction.number;
        self.observe_across(&Tap::Crossed { shard: shard as u16, number, transfer: &crossed.transfer, step, at });
        let weight = u64::from(self.setup.weight);
        let counts = &mut self.crossing.as_mut().expect("stages are executed where there are shards").outcome.counts;
        let says = |transaction, stage| Some(Share { transaction, transfer, stage });
        match step {
            Step::Locked => {
                counts.begun += weight;
                (None, says(transaction, Stage::Prepare))
            }
            Step::Refused(reason) => {
                counts.begun += weight;
                counts.aborted += weight;
                self.reject(at, &transaction, reason);
                (None, None)
            }
            Step::Voted { yes } => (None, says(transaction, if yes { Stage::Yes } else { Stage::No })),
            Step::Decided { commit, by } => self.on_decided(at, shard, height, crossed, commit, by),
            Step::Settled { commit } => {
                if commit && self.window.contains(transaction.submitted) {
                    let latency = at.since(transaction.submitted);
                    self.crossing.as_mut().expect("just now").outcome.credited.record(latency, weight);
                }
                (None, None)
            }
            Step::Unproven => {
                counts.unproven += weight;
                (None, None)
            }
            Step::Ignored => {
                counts.repeated += weight;
                (None, None)
            }
        }
    }

    /// The home shard has decided: the hospital's transaction takes effect, or is refused.
    fn on_decided(
        &mut self,
        at: Time,
        shard: usize,
        height: Height,
        crossed: &Crossed,
        commit: bool,
        by: Stage,
    ) -> (Option<Transaction>, Option<Share>) {
        let record = self.shards[shard].executor.cross().record(crossed.transaction.number);
        let submitted = record.expect("it was decided just now").transaction;
        let share = |stage| Some(Share { transaction: submitted, transfer: crossed.transfer, stage });
        let weight = u64::from(self.setup.weight);
        let counts = &mut self.crossing.as_mut().expect("stages are executed where there are shards").outcome.counts;
        if commit {
            counts.committed += weight;
            self.unresolved -= 1;
            self.counts.in_effect_total += weight;
            self.observe(shard, &Tap::TookEffect { height, transaction: &submitted });
            return (Some(submitted), share(Stage::Commit));
        }
        counts.aborted += weight;
        let refused = by == Stage::No;
        self.reject(at, &submitted, if refused { Rejection::PartnerRefused } else { Rejection::PartnerSilent });
        // Who refused holds no lock, and waits for nothing.
        (None, if refused { None } else { share(Stage::Abort) })
    }

    /// Records a latency apart for transactions of one shard and of two.
    pub(super) fn record_reach(&mut self, definition: Definition, transaction: &Transaction, latency: Span) {
        if let Some(crossing) = &mut self.crossing {
            let reach = usize::from(transaction.stage == Stage::Lock);
            crossing.outcome.by_reach.record(definition, reach, latency, self.setup.weight.into());
        }
    }

    /// The run is over: the judge compares the shards' sums with its own.
    pub(super) fn balance(&mut self, settled: bool) {
        for shard in 0..self.shards.len() {
            let totals = self.shards[shard].executor.cross().totals();
            self.observe_across(&Tap::Balanced { shard: shard as u16, totals: &totals });
        }
        self.observe_across(&Tap::Closed { settled });
    }

    /// A commitment to what happened between shards; nothing where there are none.
    pub(super) fn encode_crossing(&mut self) {
        if let Some(crossing) = &self.crossing {
            self.counts.rejected_total[Rejection::WITHIN_A_SHARD..].encode(&mut self.hasher);
            crossing.encode(&mut self.hasher);
        }
    }
}
