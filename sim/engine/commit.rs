//! Commits: execution, receipts, and every latency.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, NodeId, ReplicaId, Span, Time};
use crate::consensus::{Layer, Protocol};
use crate::crypto::BRANCHES;
use crate::crypto::merkle::proof_size_max;

use crate::ledger::{Batch, BatchRef, Block, SIGNATURE_BYTES, Signers, Transaction, TxNumber};
use crate::metrics::Definition;
use crate::observe::Tap;

use super::HospitalSetup;
use super::contracts::Felt;
use super::cross::{Share, transfer};
use super::event::{Event, Work};
use super::run::Engine;
use super::shard::{Member, Shard};
use super::submit::access_bits;
use super::witness::{Desk, Sight, Subject};

/// What a hospital gets back: transaction id, height, block id, the gateway's signature.
const RECEIPT: Bytes = Bytes(32 + 8 + 32 + SIGNATURE_BYTES);

/// A batch in a committed block.
struct Ordered {
    batch: Arc<Batch>,
    /// What executing it takes, rows of state aside.
    work: Span,
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
    /// Rows of the contracts' state that it wrote.
    rows: u64,
    /// When each replica committed it; noted where there are shards.
    commits: Vec<(ReplicaId, Time)>,
    /// Transactions across two shards that took effect.
    paid: Vec<Transaction>,
    /// What the shard's replicas say to other shards.
    says: Vec<Share>,
    /// Transactions that everyone must keep to.
    felt: Vec<(Felt, Transaction)>,
    executed_by: Signers,
    last_executed: Time,
    /// When the last hospital knew of it.
    last_known: Time,
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
    /// Headers of those blocks, in the order of commits.
    pub headers: Bytes,
    /// Headers of what was first proposed in the window, committed or not.
    pub proposals: Bytes,
    /// How many proposals that were.
    pub proposed_blocks: u64,
    /// Batches that they order.
    pub batches: u64,
    /// How many such blocks there are.
    pub blocks: u64,
}

impl Heights {
    pub fn new(replicas: usize) -> Heights {
        let (open, proposed, past) = (BTreeMap::new(), BTreeMap::new(), Height(1));
        let [ordered, headers, proposals] = [Bytes(0); 3];
        let (with_payload, batches, blocks, proposed_blocks) = (0, 0, 0, 0);
        Heights {
            replicas,
            open,
            proposed,
            past,
            with_payload,
            ordered,
            headers,
            proposals,
            proposed_blocks,
            batches,
            blocks,
        }
    }

    /// A block is proposed, for the first time or again, within the measured window or not.
    pub fn note_proposal(&mut self, block: &Block, at: Time, measured: bool) {
        if block.height < self.past || block.height.0 >= self.past.0 + MOST_TIMED {
            return;
        }
        let Entry::Vacant(place) = self.proposed.entry((block.height, block.id())) else { return };
        place.insert(at);
        if measured {
            self.proposed_blocks += 1;
            self.proposals += block.encoded_len();
        }
    }

    /// A height is committed for the first time, within the measured window or not.
    fn note_first(&mut self, block: &Block, batches: &[Arc<Batch>], measured: bool) {
        self.with_payload += usize::from(!batches.is_empty());
        if measured {
            self.blocks += 1;
            self.headers += block.encoded_len();
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
        let Member { shard, me } = self.members[node.index()];
        if !self.replicas[node.index()].counted {
            // What an unreliable identity takes for committed is nobody's business but its own depot's.
            return self.replicas[node.index()].layer.on_committed(&block);
        }
        self.observe(shard, &Tap::Committed { replica: me, at, block: &block });
        if self.sees(node) {
            self.show(&Sight::Committed { node, at, height: block.height.0 });
        }
        self.number(node).encode(&mut self.hasher);
        at.encode(&mut self.hasher);
        block.height.encode(&mut self.hasher);
        block.id().encode(&mut self.hasher);
        let replica = &mut self.replicas[node.index()];
        replica.committed = block.height;
        let batches = self.contents(node, &block);
        self.replicas[node.index()].layer.on_committed(&block);
        self.settle_own(node, &batches);
        self.note_commit(at, node, &block, &batches);
        self.execute_at(at, node, block.height);
    }

    /// The batches that a block orders: at hand, or with their gateways where they stay there.
    fn contents(&self, node: NodeId, block: &Block) -> Vec<Arc<Batch>> {
        let shard = &self.shards[self.shard(node)];
        let depot = |batch: &BatchRef| {
            let holder = if self.setup.layer == Layer::Kept { shard.nodes[batch.origin.index()] } else { node };
            self.replicas[holder.index()].layer.depot()
        };
        let held = |batch: &BatchRef| {
            let content = depot(batch).get(&batch.id);
            content.expect("a block reaches its protocol with its batches at hand").clone()
        };
        // Who follows long after its gateway has forgotten a batch finds it with those who followed before.
        match shard.heights.open.get(&block.height) {
            Some(open) if self.setup.layer == Layer::Kept => {
                open.batches.iter().map(|ordered| ordered.batch.clone()).collect()
            }
            _ => block.payload.batches.iter().map(held).collect(),
        }
    }

    /// What executing a batch takes, rows of state aside.
    fn work_of(&self, batch: &Batch) -> Span {
        let calls: u64 = batch.transactions().iter().map(|tx| self.call_ns[usize::from(tx.kind.0)]).sum();
        let each = self.setup.costs.execute(batch.transactions().len() as u64) + Span(calls);
        each * u64::from(self.setup.weight)
    }

    /// A replica begins to execute a block; where contents stay with their gateways, its own.
    fn execute_at(&mut self, at: Time, node: NodeId, height: Height) {
        let (me, kept) = (self.identity(node), self.setup.layer == Layer::Kept);
        let open = self.heights(node).open.get(&height).expect("a height is open until all have executed it");
        let executed = open.batches.iter().filter(|ordered| !kept || ordered.batch.reference().origin == me);
        let work = executed.map(|ordered| ordered.work).sum();
        let machine = &mut self.machines[node.index()];
        let work = machine.slowed(work);
        let (executed, outages) = (machine.execution.serve(at, work, &self.window), machine.outages as u8);
        let subject = self.sees(node).then(|| Subject::new("execute", &[("height", height.0)]));
        self.show_work(node, Desk::Execution, executed, work, subject);
        let height = u32::try_from(height.0).expect("a run has fewer than 2^32 blocks");
        self.schedule.post(node, executed, Event::Executed { node: node.0 as u16, outages, height });
    }

    /// A replica that came back executes what it had committed and not executed.
    pub(super) fn execute_again(&mut self, at: Time, node: NodeId) {
        let replica = &self.replicas[node.index()];
        let (from, until) = (replica.executed.0 + 1, replica.committed.0);
        for height in (from..=until).map(Height) {
            self.execute_at(at, node, height);
        }
    }

    /// A replica writes a block's rows to the tree of state, each branch on any of its crypto cores. Nothing waits for the
    /// root. Of a transaction that stands for several each has rows of its own, hot ones too.
    fn commit_state(&mut self, at: Time, node: NodeId, rows: u64) {
        let total = self.setup.costs.commit_rows(rows * u64::from(self.setup.weight));
        let subject = self.sees(node).then(|| Subject::new("write rows", &[("rows", rows)]));
        self.on_crypto_cores(at, node, Work { total, parts: rows.min(BRANCHES as u64) }, subject);
    }

    fn note_commit(&mut self, at: Time, node: NodeId, block: &Block, batches: &[Arc<Batch>]) {
        let Member { shard, me } = self.members[node.index()];
        let is_open = self.shards[shard].heights.open.contains_key(&block.height);
        let fresh = |batch: &Arc<Batch>| Ordered {
            batch: batch.clone(),
            work: self.work_of(batch),
            in_effect: Vec::new(),
            at_gateway: None,
        };
        let fresh: Vec<Ordered> = if is_open { Vec::new() } else { batches.iter().map(fresh).collect() };
        let heights = &mut self.shards[shard].heights;
        // A committed sub-DAG was proposed with its anchor.
        let (named, past) = match block.links.first().filter(|_| self.promises.weaves()) {
            Some(anchor) => ((Height(anchor.round.0), anchor.id), Height(anchor.round.0)),
            None => ((block.height, block.id()), block.height.next()),
        };
        if let Some(proposed) = heights.proposed.get(&named) {
            self.ordering.record(Span(at.0.saturating_sub(proposed.0)), 1);
        }
        let replicas = heights.replicas as u32;
        let open = heights.open.entry(block.height).or_insert_with(|| Open {
            past,
            first: at,
            batches: fresh,
            state: None,
            rows: 0,
            commits: Vec::new(),
            paid: Vec::new(),
            says: Vec::new(),
            felt: Vec::new(),
            executed_by: Signers::none_of(replicas),
            last_executed: at,
            last_known: at,
        });
        // Handlers end at different times: a commit that is handled later may be earlier.
        open.first = open.first.min(at);
        if self.crossing.is_some() {
            open.commits.push((me, at));
        }
        for ordered in open.batches.iter_mut().filter(|ordered| ordered.batch.reference().origin == me) {
            ordered.at_gateway.get_or_insert(at);
        }
        if !is_open {
            heights.note_first(block, batches, self.window.contains(at));
        }
    }

    /// A gateway's own batches that are committed no longer count against its mempool's bound; each once, however
    /// often it is ordered.
    fn settle_own(&mut self, node: NodeId, batches: &[Arc<Batch>]) {
        let me = self.identity(node);
        let replica = &mut self.replicas[node.index()];
        for reference in batches.iter().map(|batch| batch.reference()).filter(|reference| reference.origin == me) {
            if replica.unsettled.remove(&reference.sequence) {
                replica.mempool.settled(reference.count as usize);
            }
        }
    }

    /// A replica has executed the block at `height`.
    pub(super) fn on_executed(&mut self, at: Time, node: NodeId, height: u32) {
        let (Member { shard, me }, height) = (self.members[node.index()], Height(height.into()));
        self.replicas[node.index()].executed = height;
        if self.shards[shard].executor.height() < height {
            self.apply(at, shard, height);
        }
        let open =
            self.shards[shard].heights.open.get_mut(&height).expect("a height is open until all have executed it");
        open.executed_by.insert(me);
        open.last_executed = at;
        let (state, says, felt) = (open.state.expect("the height is applied"), open.says.clone(), open.felt.clone());
        let rows = open.rows;
        self.commit_state(at, node, rows);
        self.observe(shard, &Tap::Executed { replica: me, height, state });
        if let Some(known) = self.note_reached(at, node, &felt) {
            let open = self.shards[shard].heights.open.get_mut(&height).expect("it was open just now");
            open.last_known = open.last_known.max(known);
        }
        self.send_receipts(at, node, height);
        self.tell(at, node, &says);
        self.close_if_settled(shard, height);
    }

    /// The first replica to get there executes the block for all: correct replicas compute the same.
    fn apply(&mut self, at: Time, shard: usize, height: Height) {
        let mut open = self.shards[shard].heights.open.remove(&height).expect("an executed height was committed");
        let mut in_effect: BTreeMap<Digest, Vec<Transaction>> = BTreeMap::new();
        let batches: Vec<Arc<Batch>> = open.batches.iter().map(|ordered| ordered.batch.clone()).collect();
        let took_effect = |batch: &Batch, tx: &Transaction| in_effect.entry(batch.id()).or_default().push(*tx);
        let (setup, members) = (self.setup, &self.members);
        let transfer_of = |tx: &Transaction| transfer(setup, members, tx);
        let contents = batches.iter().map(|batch| &**batch);
        let applied = self.shards[shard].executor.apply(at, height, contents, transfer_of, took_effect);
        if let Some(docket) = &mut self.docket {
            docket.begin(at, height, self.window, self.setup.weight);
        }
        for ordered in &mut open.batches {
            // Of two orderings in one block only the first has an effect: the list is taken, not copied.
            ordered.in_effect = in_effect.remove(&ordered.batch.id()).unwrap_or_default();
            let reference = ordered.batch.reference();
            self.shards[shard].sealed.remove(&(reference.origin, reference.sequence));
            for transaction in &ordered.in_effect {
                self.observe(shard, &Tap::TookEffect { height, transaction });
                let felt = self.decide(shard, at, height, transaction);
                open.felt.extend(felt.map(|felt| (felt, *transaction)));
            }
        }
        if let Some(docket) = &mut self.docket {
            open.rows = docket.end();
        }
        let state = self.state_of(applied.state);
        open.state = Some(state);
        if let Some(archive) = &mut self.archive {
            archive.close(height, state);
        }
        for (transaction, reason) in &applied.refused {
            self.reject(at, transaction, *reason);
        }
        for crossed in &applied.crossed {
            let (paid, says) = self.on_crossed(at, shard, height, crossed);
            open.paid.extend(paid);
            open.says.extend(says);
        }
        self.unresolved -= u64::from(applied.executed);
        self.counts.in_effect_total += u64::from(applied.executed) * u64::from(self.setup.weight);
        self.counts.repeated_batches += u64::from(applied.repeated_batches);
        self.counts.blocks_total += 1;
        self.shards[shard].heights.open.insert(height, open);
    }

    /// The ledger's state: what took effect, and what the contracts made of it.
    fn state_of(&self, effects: Digest) -> Digest {
        let Some(docket) = &self.docket else { return effects };
        let mut hasher = blake3::Hasher::new();
        effects.encode(&mut hasher);
        docket.history().encode(&mut hasher);
        Digest(*hasher.finalize().as_bytes())
    }

    /// A gateway tells its hospitals: one receipt for each of their transactions.
    fn send_receipts(&mut self, at: Time, node: NodeId, height: Height) {
        let Member { shard, me } = self.members[node.index()];
        let Some(open) = self.shards[shard].heights.open.remove(&height) else { return };
        for ordered in open.batches.iter().filter(|ordered| ordered.batch.reference().origin == me) {
            let proof = self.proof(open.batches.len(), &ordered.batch);
            for transaction in &ordered.in_effect {
                self.send_receipt(at, node, transaction, proof);
            }
        }
        let gateway = self.number(node);
        let is_own = |tx: &&Transaction| self.setup.hospitals[tx.hospital.index()].gateway == gateway;
        let own: Vec<&Transaction> = open.paid.iter().filter(is_own).collect();
        own.into_iter().for_each(|transaction| self.send_receipt(at, node, transaction, Bytes(0)));
        self.shards[shard].heights.open.insert(height, open);
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

    fn send_receipt(&mut self, at: Time, node: NodeId, transaction: &Transaction, proof: Bytes) {
        let weight = u64::from(self.setup.weight);
        let size = (RECEIPT + proof) * weight;
        let serialisation = self.setup.replica.egress.serialisation(size);
        let departed = self.machines[node.index()].egress.serve(at, serialisation, &self.window);
        self.count_egress(departed, weight, size);
        let hospital = transaction.hospital.index();
        let (seed, to) = (self.setup.seed, self.hospital_node(hospital));
        let bits = |nth| access_bits(seed, to, 1, nth);
        let access = &self.setup.hospitals[hospital].access;
        let received = self.uplinks[hospital].receive(access, departed, size, &self.window, bits);
        self.show_receipt([node, to], [departed, received], size);
        let latency = received.since(transaction.submitted);
        self.series.at(received).reply_us.saturating_record_n(latency.0 / 1_000, weight);
        if self.window.contains(transaction.submitted) {
            self.record(Definition::SubmitToReply, transaction, received);
            self.note_receipt(transaction, latency);
            let good = latency <= self.setup.deadline;
            self.counts.good += if good { weight } else { 0 };
            let HospitalSetup { class, region, .. } = self.setup.hospitals[hospital];
            self.service.serve(hospital, class, region, latency, good, weight);
        }
    }

    fn record(&mut self, definition: Definition, transaction: &Transaction, until: Time) {
        let region = self.setup.hospitals[transaction.hospital.index()].region;
        let latency = until.since(transaction.submitted);
        self.latencies.record(definition, region, latency, self.setup.weight.into());
        self.record_reach(definition, transaction, latency);
    }

    /// Closes a height that every replica has executed that ever will.
    fn close_if_settled(&mut self, shard: usize, height: Height) {
        let Shard { heights, nodes, .. } = &self.shards[shard];
        let Some(open) = heights.open.get(&height) else { return };
        let executed = |node: &NodeId| {
            let (machine, replica) = (&self.machines[node.index()], &self.replicas[node.index()]);
            machine.gone || !replica.counted || open.executed_by.contains(self.identity(*node))
        };
        if open.executed_by.count() as usize >= heights.replicas
            || (open.executed_by.count() > 0 && nodes.iter().all(executed))
        {
            self.close(shard, height, true);
        }
    }

    /// Records the latencies of a height; `everywhere` where every replica has executed it that ever will.
    fn close(&mut self, shard: usize, height: Height, everywhere: bool) {
        let heights = &mut self.shards[shard].heights;
        let open = heights.open.remove(&height).expect("the height is open");
        heights.past = heights.past.max(open.past);
        heights.proposed = heights.proposed.split_off(&(heights.past, Digest::ZERO));
        heights.with_payload -= usize::from(!open.batches.is_empty());
        if everywhere {
            self.note_felt(&open.felt, open.last_executed, open.last_known);
        } else {
            self.note_unfelt(&open.felt);
        }
        for Ordered { in_effect, at_gateway, .. } in &open.batches {
            self.record_all(&open, in_effect, |_| *at_gateway, everywhere);
        }
        let at_gateway = |transaction: &Transaction| {
            let gateway = self.setup.hospitals[transaction.hospital.index()].gateway;
            let me = self.members[gateway.index()].me;
            open.commits.iter().find(|(by, _)| *by == me).map(|(_, at)| *at)
        };
        let at_gateway: BTreeMap<TxNumber, Time> =
            open.paid.iter().filter_map(|tx| at_gateway(tx).map(|at| (tx.number, at))).collect();
        if open.paid.is_empty() {
            return;
        }
        self.record_all(&open, &open.paid, |tx| at_gateway.get(&tx.number).copied(), everywhere);
    }

    /// Records the latencies of transactions of one height.
    fn record_all(
        &mut self,
        open: &Open,
        in_effect: &[Transaction],
        at_gateway: impl Fn(&Transaction) -> Option<Time>,
        everywhere: bool,
    ) {
        let count = in_effect.len() as u64 * u64::from(self.setup.weight);
        self.series.at(open.first).committed += count;
        if self.window.contains(open.first) {
            self.counts.committed += count;
        }
        let window = self.window;
        for transaction in in_effect.iter().filter(|tx| window.contains(tx.submitted)) {
            self.record(Definition::SubmitToCommit, transaction, open.first);
            if let Some(at) = at_gateway(transaction) {
                self.record(Definition::SubmitToGateway, transaction, at);
            }
            if everywhere {
                self.record(Definition::SubmitToVisible, transaction, open.last_executed);
            }
        }
    }

    /// A replica stopped for good: heights no longer wait for it.
    pub(super) fn close_without_gone(&mut self) {
        self.open_heights().into_iter().for_each(|(shard, height)| self.close_if_settled(shard, height));
    }

    /// The run is over: heights that some replica has not executed are visible somewhere, but not everywhere.
    pub(super) fn settle_open_heights(&mut self) {
        self.open_heights().into_iter().for_each(|(shard, height)| self.close(shard, height, false));
    }

    fn open_heights(&self) -> Vec<(usize, Height)> {
        let of_shard =
            |(shard, one): (usize, &Shard)| one.heights.open.keys().map(|&height| (shard, height)).collect::<Vec<_>>();
        self.shards.iter().enumerate().flat_map(of_shard).collect()
    }

    fn heights(&self, node: NodeId) -> &Heights {
        &self.shards[self.shard(node)].heights
    }
}
