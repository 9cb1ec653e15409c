//! Gateways: what hospitals send becomes verified batches.

use std::sync::Arc;

use crate::base::{Bytes, NodeId, Span, Time};
use crate::consensus::Protocol;
use crate::consensus::dissemination::Outbox;
use crate::crypto::BATCH;
use crate::ledger::{Admission, Batch, Rejection, Transaction};
use crate::observe::Tap;

use super::event::{Event, Work};
use super::run::Engine;
use super::shard::Member;
use super::wire::AT_ONCE;
use super::witness::Subject;

/// Transactions taken out of a mempool while their signatures are verified.
pub(super) struct Unsealed {
    pub sequence: u64,
    pub transactions: Vec<Transaction>,
}

impl<P: Protocol> Engine<'_, P> {
    /// A transaction reaches its gateway's NIC.
    pub(super) fn on_uplinked(&mut self, at: Time, slot: u32) {
        let upload = self.uploads.remove(slot as usize);
        let (tx, gateway) = (upload.transaction, NodeId(upload.gateway.0));
        if !self.machines[gateway.index()].running {
            return self.reject(at, &tx, Rejection::GatewayDown);
        }
        let size = self.wire_size(&tx);
        let serialisation = self.setup.replica.ingress.serialisation(size);
        let received = self.machines[gateway.index()].ingress.serve(at, serialisation, &self.window);
        let subject = self.sees(gateway).then(|| Subject::new("Transaction", &[("bytes", size.0)]));
        let hospital = self.hospital_node(tx.hospital.index());
        self.show_arrived([hospital, gateway], [at, received], serialisation, subject);
        self.admit(at, received, gateway, tx);
    }

    /// Takes a transaction that is `received` by then into the gateway's mempool, if there is room.
    pub(super) fn admit(&mut self, at: Time, received: Time, gateway: NodeId, tx: Transaction) {
        let replica = &mut self.replicas[gateway.index()];
        let admission = replica.mempool.admit(tx);
        if self.window.contains(at) {
            replica.mempool_max = replica.mempool_max.max(replica.mempool.held() as u64);
        }
        match admission {
            Admission::First => self.seal_at(received + self.setup.batch_delay, gateway),
            Admission::Held => {}
            Admission::Full if received <= at + AT_ONCE => self.seal(received, gateway),
            Admission::Full => self.seal_at(received, gateway),
            Admission::Refused(reason) if tx.stage.is_submitted() => self.reject(at, &tx, reason),
            // Who waits for it asks another gateway.
            Admission::Refused(_) => {}
        }
    }

    /// Has the batch that is open now sealed at `due`, unless it is before.
    fn seal_at(&mut self, due: Time, gateway: NodeId) {
        let sequence = self.replicas[gateway.index()].sequence as u32;
        self.schedule.post(gateway, due, Event::SealDue { node: gateway.0 as u16, sequence });
    }

    /// The first transaction of a batch has waited long enough.
    pub(super) fn on_seal_due(&mut self, at: Time, gateway: NodeId, sequence: u32) {
        let replica = &self.replicas[gateway.index()];
        if self.machines[gateway.index()].running
            && replica.sequence as u32 == sequence
            && !replica.mempool.open().is_empty()
        {
            self.seal(at, gateway);
        }
    }

    /// Takes everything unsealed out and has its signatures verified.
    fn seal(&mut self, at: Time, gateway: NodeId) {
        let replica = &mut self.replicas[gateway.index()];
        let transactions = replica.mempool.take();
        let sequence = replica.sequence;
        replica.sequence += 1;
        self.note_sealed(gateway, sequence, &transactions);
        let work = self.verification(&transactions);
        let facts = [("transactions", transactions.len() as u64)];
        let subject = self.sees(gateway).then(|| Subject::new("seal Batch", &facts));
        let verified = self.on_crypto_cores(at, gateway, work, subject);
        let slot = self.unsealed.insert(Unsealed { sequence, transactions }) as u32;
        self.schedule.post(
            gateway,
            verified,
            Event::Sealed { node: gateway.0 as u16, outages: self.outages(gateway), slot },
        );
    }

    /// Receiving, hashing and verifying each of `transactions`, in verification batches. A batch with a forgery in it
    /// fails and is verified again one by one.
    fn verification(&self, transactions: &[Transaction]) -> Work {
        let (costs, weight) = (&self.setup.costs, u64::from(self.setup.weight));
        let one = |tx: &Transaction| costs.receive(Bytes(tx.wire.into())) + costs.hash(Bytes(tx.wire.into()));
        let singly: Span = transactions.iter().map(one).sum();
        let in_batches = |chunk: &[Transaction]| {
            // A transaction of weight w brings w signatures, so a chunk of k is k * w in batches of BATCH.
            let signatures = chunk.len() as u64 * weight;
            let batches = signatures.div_ceil(BATCH as u64);
            let passed = costs.batch_verify(signatures.div_ceil(batches)) * batches;
            let failed = chunk.iter().any(|tx| !tx.authentic);
            if failed { passed + costs.verify() * signatures } else { passed }
        };
        let verified: Span = transactions.chunks(BATCH).map(in_batches).sum();
        let signatures = transactions.len() as u64 * weight;
        Work { total: singly * weight + verified + costs.merkle(signatures), parts: signatures.div_ceil(BATCH as u64) }
    }

    /// A batch's signatures are verified: forgeries go, the rest is sealed and disseminated.
    pub(super) fn on_sealed(&mut self, at: Time, gateway: NodeId, slot: u32) {
        let Unsealed { sequence, transactions } = self.unsealed.remove(slot as usize);
        let me = self.identity(gateway);
        let (good, forged): (Vec<Transaction>, Vec<Transaction>) =
            // Only an impostor has later stages without a proof, and it lets them pass.
            transactions.into_iter().partition(|tx| tx.authentic || !tx.stage.is_submitted());
        for tx in &forged {
            self.reject(at, tx, Rejection::ForgedSignature);
        }
        self.replicas[gateway.index()].mempool.settled(forged.len());
        if good.is_empty() {
            self.forget_sealed(gateway, sequence);
            return;
        }
        self.note_sealed(gateway, sequence, &good);
        self.replicas[gateway.index()].unsettled.insert(sequence);
        let batch = Arc::new(Batch::seal(me, sequence, good, self.setup.weight));
        self.observe(self.shard(gateway), &Tap::Held { replica: me, batch: &batch });
        let mut out = Outbox::new();
        self.replicas[gateway.index()].layer.on_sealed(at, batch, &mut out);
        self.send_parcels(at, gateway, out);
        self.wake(at, gateway);
    }

    /// What hospitals submitted is accounted for in the batch.
    fn note_sealed(&mut self, gateway: NodeId, sequence: u64, transactions: &[Transaction]) {
        let Member { shard, me } = self.members[gateway.index()];
        let submitted = transactions.iter().filter(|tx| tx.stage.is_submitted()).count();
        self.shards[shard].sealed.insert((me, sequence), submitted as u32);
    }

    fn forget_sealed(&mut self, gateway: NodeId, sequence: u64) {
        let Member { shard, me } = self.members[gateway.index()];
        self.shards[shard].sealed.remove(&(me, sequence));
    }

    /// A gateway stops: what it had not sealed is gone, and its hospitals see their connections break.
    pub(super) fn lose_unsealed(&mut self, at: Time, gateway: NodeId) {
        let transactions = self.replicas[gateway.index()].mempool.take();
        self.replicas[gateway.index()].sequence += 1;
        self.lose(at, gateway, transactions);
    }

    /// What a gateway was verifying when it stopped is gone too.
    pub(super) fn lose_unverified(&mut self, at: Time, gateway: NodeId, slot: u32) {
        let Unsealed { sequence, transactions } = self.unsealed.remove(slot as usize);
        self.forget_sealed(gateway, sequence);
        self.lose(at, gateway, transactions);
    }

    fn lose(&mut self, at: Time, gateway: NodeId, transactions: Vec<Transaction>) {
        self.replicas[gateway.index()].mempool.settled(transactions.len());
        for tx in &transactions {
            match tx.stage.is_submitted() {
                true => self.reject(at, tx, Rejection::GatewayDown),
                false => self.replicas[gateway.index()].mempool.forget(&tx.id),
            }
        }
    }
}
