//! Commits: execution, receipts, and every latency.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, NodeId, ReplicaId, Span, Time};
use crate::consensus::{Layer, Protocol};
use crate::crypto::merkle::proof_size_max;
use crate::ledger::{Batch, BatchRef, Block, SIGNATURE_BYTES, Signers, Transaction};
use crate::metrics::Definition;
use crate::observe::Tap;

use super::event::Event;
use super::replica::Machine;
use super::run::Engine;
use super::submit::access_bits;

/// What a hospital gets back: transaction id, height, block id, the gateway's signature.
const RECEIPT: Bytes = Bytes(32 + 8 + 32 + SIGNATURE_BYTES);

/// A batch in a committed block.
struct Ordered {
    batch: Arc<Batch>,
    /// Its transactions that took effect; none before execution, and none where the batch took effect before.
    in_effect: Vec<Transaction>,
    /// When its own gateway committed it.
    at_gateway: Option<Time>,
}

/// A height that some replica has not executed yet that will.
struct Open {
    /// Proposals below this height, or round of a DAG, no longer matter when this one is closed.
    past: Height,
    first: Time,
    batches: Vec<Ordered>,
    state: Option<Digest>,
    executed_by: Signers,
    last_executed: Time,
}

/// Heights from the last closed one on whose proposals are timed: a liar may claim any.
const MOST_TIMED: u64 = 65_536;

/// Heights between their first commit and their execution everywhere.
pub(super) struct Heights {
    replicas: usize,
    open: BTreeMap<Height, Open>,
    /// When each block was first proposed, until its height, or a later round's anchor, is closed.
    proposed: BTreeMap<(Height, Digest), Time>,
    /// Proposals below are not timed any more.
    past: Height,
    /// Open heights that order something.
    with_payload: usize,
    /// Contents that blocks first committed in the window order.
    pub ordered: Bytes,
    /// Batches that they order.
    pub batches: u64,
    /// How many such blocks there are.
    pub blocks: u64,
}

impl Heights {
    pub fn new(replicas: usize) -> Heights {
        let (open, proposed, past) = (BTreeMap::new(), BTreeMap::new(), Height(1));
        Heights { replicas, open, proposed, past, with_payload: 0, ordered: Bytes(0), batches: 0, blocks: 0 }
    }

    /// A block is proposed, for the first time or again.
    pub fn note_proposal(&mut self, block: &Block, at: Time) {
        if block.height >= self.past && block.height.0 < self.past.0 + MOST_TIMED {
            self.proposed.entry((block.height, block.id())).or_insert(at);
        }
    }

    /// A height is committed for the first time, within the measured window or not.
    fn note_first(&mut self, batches: &[Arc<Batch>], measured: bool) {
        self.with_payload += usize::from(!batches.is_empty());
        if measured {
            self.blocks += 1;
            self.batches += batches.len() as u64;
            self.ordered += batches.iter().map(|batch| batch.reference().bytes).sum();
        }
    }

    /// Whether everything ordered is executed everywhere.
    pub fn settled(&self) -> bool {
        self.with_payload == 0
    }
}

impl<P: Protocol> Engine<'_, P> {
    /// A replica commits the next block of its chain at `at`.
    pub(super) fn on_commit(&mut self, at: Time, node: NodeId, block: Arc<Block>) {
        let me = self.identity(node);
        if !self.replicas[node.index()].counted {
            // What an unreliable identity takes for committed is nobody's business but its own depot's.
            return self.replicas[node.index()].layer.on_committed(&block);
        }
        self.observe(&Tap::Committed { replica: me, at, block: &block });
        me.encode(&mut self.hasher);
        at.encode(&mut self.hasher);
        block.height.encode(&mut self.hasher);
        block.id().encode(&mut self.hasher);
        let replica = &mut self.replicas[node.index()];
        replica.committed = block.height;
        let batches = self.contents(node, &block);
        self.replicas[node.index()].layer.on_committed(&block);
        self.settle_own(me, &batches);
        self.note_commit(at, me, &block, &batches);
        let work = self.execution(me, batches.iter());
        self.execute_at(at, node, block.height, work);
    }

    /// The batches that a block orders: at hand, or with their gateways where they stay there.
    fn contents(&self, node: NodeId, block: &Block) -> Vec<Arc<Batch>> {
        let depot = |batch: &BatchRef| {
            let holder = if self.setup.layer == Layer::Kept { NodeId(batch.origin.0) } else { node };
            self.replicas[holder.index()].layer.depot()
        };
        let held = |batch: &BatchRef| {
            let content = depot(batch).get(&batch.id);
            content.expect("a block reaches its protocol with its batches at hand").clone()
        };
        // Who follows long after its gateway has forgotten a batch finds it with those who followed before.
        match self.heights.open.get(&block.height) {
            Some(open) if self.setup.layer == Layer::Kept => {
                open.batches.iter().map(|ordered| ordered.batch.clone()).collect()
            }
            _ => block.payload.batches.iter().map(held).collect(),
        }
    }

    /// What executing batches costs: where contents stay with their gateways, each executes its own.
    fn execution<'b>(&self, me: ReplicaId, batches: impl Iterator<Item = &'b Arc<Batch>>) -> Span {
        let kept = self.setup.layer == Layer::Kept;
        let executed = batches.filter(|batch| !kept || batch.reference().origin == me);
        let transactions: u64 = executed.map(|batch| batch.transactions().len() as u64).sum();
        self.setup.costs.execute(transactions * u64::from(self.setup.weight))
    }

    fn execute_at(&mut self, at: Time, node: NodeId, height: Height, work: Span) {
        let machine = &mut self.machines[node.index()];
        let work = machine.slowed(work);
        let (executed, outages) = (machine.execution.serve(at, work, &self.window), machine.outages as u8);
        let height = u32::try_from(height.0).expect("a run has fewer than 2^32 blocks");
        self.schedule.post(node, executed, Event::Executed { node: node.0 as u16, outages, height });
    }

    /// A replica that came back executes what it had committed and not executed.
    pub(super) fn execute_again(&mut self, at: Time, node: NodeId) {
        let replica = &self.replicas[node.index()];
        let (from, until) = (replica.executed.0 + 1, replica.committed.0);
        for height in (from..=until).map(Height) {
            let open = self.heights.open.get(&height).expect("a height is open until all have executed it");
            let work = self.execution(self.identity(node), open.batches.iter().map(|ordered| &ordered.batch));
            self.execute_at(at, node, height, work);
        }
    }

    fn note_commit(&mut self, at: Time, me: ReplicaId, block: &Block, batches: &[Arc<Batch>]) {
        // A committed sub-DAG was proposed with its anchor.
        let (named, past) = match block.links.first().filter(|_| self.promises.weaves()) {
            Some(anchor) => ((Height(anchor.round.0), anchor.id), Height(anchor.round.0)),
            None => ((block.height, block.id()), block.height.next()),
        };
        if let Some(proposed) = self.heights.proposed.get(&named) {
            self.ordering.record(Span(at.0.saturating_sub(proposed.0)), 1);
        }
        let replicas = self.heights.replicas as u32;
        let fresh = |batch: &Arc<Batch>| Ordered { batch: batch.clone(), in_effect: Vec::new(), at_gateway: None };
        let mut first = false;
        let open = self.heights.open.entry(block.height).or_insert_with(|| {
            first = true;
            Open {
                past,
                first: at,
                batches: batches.iter().map(fresh).collect(),
                state: None,
                executed_by: Signers::none_of(replicas),
                last_executed: at,
            }
        });
        // Handlers end at different times: a commit that is handled later may be earlier.
        open.first = open.first.min(at);
        for ordered in open.batches.iter_mut().filter(|ordered| ordered.batch.reference().origin == me) {
            ordered.at_gateway.get_or_insert(at);
        }
        if first {
            self.heights.note_first(batches, self.window.contains(at));
        }
    }

    /// A gateway's own batches that are committed no longer count against its mempool's bound; each once, however
    /// often it is ordered.
    fn settle_own(&mut self, me: ReplicaId, batches: &[Arc<Batch>]) {
        let replica = &mut self.replicas[me.index()];
        for reference in batches.iter().map(|batch| batch.reference()).filter(|reference| reference.origin == me) {
            if replica.unsettled.remove(&reference.sequence) {
                replica.mempool.settled(reference.count as usize);
            }
        }
    }

    /// A replica has executed the block at `height`.
    pub(super) fn on_executed(&mut self, at: Time, node: NodeId, height: u32) {
        let (me, height) = (self.identity(node), Height(height.into()));
        self.replicas[node.index()].executed = height;
        if self.executor.height() < height {
            self.apply(at, height);
        }
        let open = self.heights.open.get_mut(&height).expect("a height is open until all have executed it");
        open.executed_by.insert(me);
        open.last_executed = at;
        let state = open.state.expect("the height is applied");
        self.observe(&Tap::Executed { replica: me, height, state });
        self.send_receipts(at, me, height);
        self.close_if_settled(height);
    }

    /// The first replica to get there executes the block for all: correct replicas compute the same.
    fn apply(&mut self, at: Time, height: Height) {
        let mut open = self.heights.open.remove(&height).expect("an executed height was committed");
        let mut in_effect: BTreeMap<Digest, Vec<Transaction>> = BTreeMap::new();
        let batches: Vec<Arc<Batch>> = open.batches.iter().map(|ordered| ordered.batch.clone()).collect();
        let took_effect = |batch: &Batch, tx: &Transaction| in_effect.entry(batch.id()).or_default().push(*tx);
        let applied = self.executor.apply(at, height, batches.iter().map(|batch| &**batch), took_effect);
        open.state = Some(applied.state);
        for ordered in &mut open.batches {
            // Of two orderings in one block only the first has an effect: the list is taken, not copied.
            ordered.in_effect = in_effect.remove(&ordered.batch.id()).unwrap_or_default();
            let reference = ordered.batch.reference();
            self.sealed.remove(&(reference.origin, reference.sequence));
            for transaction in &ordered.in_effect {
                self.observe(&Tap::TookEffect { height, transaction });
            }
        }
        for (transaction, reason) in &applied.refused {
            self.reject(at, transaction, *reason);
        }
        self.unresolved -= u64::from(applied.executed);
        self.counts.in_effect_total += u64::from(applied.executed) * u64::from(self.setup.weight);
        self.counts.repeated_batches += u64::from(applied.repeated_batches);
        self.counts.blocks_total += 1;
        self.heights.open.insert(height, open);
    }

    /// A gateway tells its hospitals: one receipt for each of their transactions.
    fn send_receipts(&mut self, at: Time, me: ReplicaId, height: Height) {
        let Some(open) = self.heights.open.remove(&height) else { return };
        for ordered in open.batches.iter().filter(|ordered| ordered.batch.reference().origin == me) {
            let proof = self.proof(open.batches.len(), &ordered.batch);
            for transaction in &ordered.in_effect {
                self.send_receipt(at, me, transaction, proof);
            }
        }
        self.heights.open.insert(height, open);
    }

    /// What a receipt carries to be checked without its gateway: where contents stay there, the way from the transaction
    /// through its batch to the entry's root.
    fn proof(&self, batches: usize, batch: &Batch) -> Bytes {
        if self.setup.layer != Layer::Kept {
            return Bytes(0);
        }
        let transactions = batch.transactions().len() * self.setup.weight as usize;
        proof_size_max(transactions) + proof_size_max(batches)
    }

    fn send_receipt(&mut self, at: Time, me: ReplicaId, transaction: &Transaction, proof: Bytes) {
        let weight = u64::from(self.setup.weight);
        let size = (RECEIPT + proof) * weight;
        let serialisation = self.setup.replica.egress.serialisation(size);
        let departed = self.machines[me.index()].egress.serve(at, serialisation, &self.window);
        self.count_messages(departed, weight, size);
        let hospital = transaction.hospital.index();
        let (seed, node) = (self.setup.seed, self.hospital_node(hospital));
        let bits = |nth| access_bits(seed, node, 1, nth);
        let access = &self.setup.hospitals[hospital].access;
        let received = self.uplinks[hospital].receive(access, departed, size, &self.window, bits);
        let latency = received.since(transaction.submitted);
        self.series.at(received).reply_us.saturating_record_n(latency.0 / 1_000, weight);
        if self.window.contains(transaction.submitted) {
            self.record(Definition::SubmitToReply, transaction, received);
            if latency <= self.setup.deadline {
                self.counts.good += weight;
            }
        }
    }

    fn record(&mut self, definition: Definition, transaction: &Transaction, until: Time) {
        let region = self.setup.hospitals[transaction.hospital.index()].region;
        let latency = until.since(transaction.submitted);
        self.latencies.record(definition, region, latency, self.setup.weight.into());
    }

    /// Closes a height that every replica has executed that ever will.
    fn close_if_settled(&mut self, height: Height) {
        let Some(open) = self.heights.open.get(&height) else { return };
        let executed = |(index, machine): (usize, &Machine)| {
            machine.gone || !self.replicas[index].counted || open.executed_by.contains(ReplicaId(index as u32))
        };
        if open.executed_by.count() as usize >= self.heights.replicas
            || (open.executed_by.count() > 0 && self.machines.iter().enumerate().all(executed))
        {
            self.close(height, true);
        }
    }

    /// Records the latencies of a height; `everywhere` where every replica has executed it that ever will.
    fn close(&mut self, height: Height, everywhere: bool) {
        let open = self.heights.open.remove(&height).expect("the height is open");
        self.heights.past = self.heights.past.max(open.past);
        self.heights.proposed = self.heights.proposed.split_off(&(self.heights.past, Digest::ZERO));
        self.heights.with_payload -= usize::from(!open.batches.is_empty());
        let weight = u64::from(self.setup.weight);
        for Ordered { in_effect, at_gateway, .. } in &open.batches {
            let count = in_effect.len() as u64 * weight;
            self.series.at(open.first).committed += count;
            if self.window.contains(open.first) {
                self.counts.committed += count;
            }
            let window = self.window;
            for transaction in in_effect.iter().filter(|tx| window.contains(tx.submitted)) {
                self.record(Definition::SubmitToCommit, transaction, open.first);
                if let Some(at) = at_gateway {
                    self.record(Definition::SubmitToGateway, transaction, *at);
                }
                if everywhere {
                    self.record(Definition::SubmitToVisible, transaction, open.last_executed);
                }
            }
        }
    }

    /// A replica stopped for good: heights no longer wait for it.
    pub(super) fn close_without_gone(&mut self) {
        let heights: Vec<Height> = self.heights.open.keys().copied().collect();
        heights.into_iter().for_each(|height| self.close_if_settled(height));
    }

    /// The run is over: heights that some replica has not executed are visible somewhere, but not everywhere.
    pub(super) fn settle_open_heights(&mut self) {
        let heights: Vec<Height> = self.heights.open.keys().copied().collect();
        heights.into_iter().for_each(|height| self.close(height, false));
    }
}
