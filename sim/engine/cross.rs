//! Between shards: what their replicas tell each other about transactions that concern two of them.
//!
//! Whoever executes a stage after which another is due in the other shard signs that and sends it to one gateway there:
//! a [`Share`]. A gateway that has shares of f + 1 distinct replicas has a proof, makes the stage a transaction of its
//! own ledger with the proof in it, and orders it like any other; every replica that receives the batch verifies the
//! proof. No replica of the sending shard can hold anything back alone, and no client is needed.
//!
//! A share is sent at once to a gateway that follows from the transaction's number. Whoever holds a lock goes on
//! asking, one gateway after another, every `retry`: the home shard for a vote until its deadline has passed, and then
//! for an expiry, the partner for a decision. Whoever is asked what it has already answered says it again. So the last
//! word, the decision, needs no acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::planted::planted;
use crate::base::{Bytes, NodeId, ReplicaId, Time, View};
use crate::consensus::Protocol;
use crate::faults::Behaviour;
use crate::kernel::draw::{Site, below, draw};
use crate::ledger::{
    Committee, Phase, Record, SIGNATURE_BYTES, Signers, Stage, Statement, Transaction, TransactionBody, Transfer,
    TxNumber,
};
use crate::observe::Tap;

use super::Setup;
use super::event::{Event, Wire, Work};
use super::run::Engine;
use super::shard::Member;
use super::witness::Subject;

/// What a transaction across two shards says beyond any other: both shards and accounts, and the amount.
pub(super) const TRANSFER_BYTES: u64 = 2 + 2 + 4 + 4 + 8;
/// A share beside its signature: number, stage, height, and what the transaction moves.
const SHARE_BYTES: u64 = 8 + 1 + 8 + TRANSFER_BYTES;
/// A note beside its shares: both ends, and how many there are.
const NOTE_BYTES: u64 = 4 + 4 + 4;
/// Largest amount that a transaction moves, cents.
const MOST_AMOUNT: u64 = 1_000;
/// Stages of which a gateway collects shares at once; one more takes the place of the oldest transaction's.
const MOST_COLLECTED: usize = 1 << 16;
/// Stages that an impostor makes up at once.
const MADE_UP: usize = 4;

/// What one replica says about a transaction: that `stage` is due in the receiver's shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub transaction: Transaction,
    pub transfer: Transfer,
    pub stage: Stage,
}

impl Share {
    /// What a shard says that last did `record`.
    fn of(record: &Record) -> Share {
        Share { transaction: record.transaction, transfer: record.transfer, stage: record.says }
    }

    /// The shard that says so, and the one whose ledger has to execute the stage.
    fn ends(&self) -> [usize; 2] {
        let [home, partner] = [self.transfer.home, self.transfer.partner].map(usize::from);
        match self.stage {
            Stage::Prepare | Stage::Commit | Stage::Abort => [home, partner],
            Stage::Yes | Stage::No => [partner, home],
            Stage::Local | Stage::Lock | Stage::Expire => [home, home],
        }
    }

    /// The `attempt`-th gateway that is to order the stage, of a committee.
    fn gateway(&self, committee: &Committee, attempt: u64) -> ReplicaId {
        ReplicaId((self.transaction.number.0.wrapping_add(attempt) % u64::from(committee.len())) as u32)
    }
}

/// Shares of one replica for one gateway.
#[derive(Debug)]
pub(super) struct Note {
    /// The gateway, among all shards.
    pub to: ReplicaId,
    pub shares: Vec<Share>,
}

impl Note {
    /// Size on the wire, of transactions of `weight`.
    pub fn wire(&self, weight: u32) -> Bytes {
        Bytes(NOTE_BYTES + (SHARE_BYTES + SIGNATURE_BYTES) * self.shares.len() as u64 * u64::from(weight))
    }
}

/// Shares that a gateway has, by transaction and stage.
pub(super) type Collected = BTreeMap<(TxNumber, Stage), Signers>;

/// What a transaction moves. It is part of what the hospital signs, and here follows from the transaction's number.
pub(super) fn transfer(setup: &Setup, members: &[Member], transaction: &Transaction) -> Transfer {
    let cross = setup.cross.as_ref().expect("only where there are shards does a transaction concern two");
    let bits = |nth| draw(setup.seed, Site::Cross, transaction.number.0, 1, nth);
    let gateway = setup.hospitals[transaction.hospital.index()].gateway;
    let home = members[gateway.index()].shard;
    let other = below(setup.shards.len() as u64 - 1, bits(0)) as usize;
    let partner = other + usize::from(other >= home);
    let account = |nth| below(cross.accounts.into(), bits(nth)) as u32;
    let amount = 1 + below(MOST_AMOUNT, bits(3));
    Transfer { home: home as u16, partner: partner as u16, debit: account(1), credit: account(2), amount }
}

impl<P: Protocol> Engine<'_, P> {
    /// A transaction as its hospital submits it: whether it concerns a second shard.
    pub(super) fn routed(&self, mut transaction: Transaction) -> Transaction {
        if let Some(cross) = &self.setup.cross {
            let bits = draw(self.setup.seed, Site::Cross, transaction.number.0, 0, 0);
            if cross.shares[usize::from(transaction.kind.0)].happens(bits) {
                transaction.stage = Stage::Lock;
                transaction.wire += TRANSFER_BYTES as u32;
            }
        }
        transaction
    }

    /// Signatures in a transaction: its hospital's, or those that prove a later stage.
    pub(super) fn signatures(&self, transaction: &Transaction) -> u64 {
        if transaction.stage.is_submitted() {
            return 1;
        }
        let transfer = transfer(self.setup, &self.members, transaction);
        let [speaker, _] = Share { transaction: *transaction, transfer, stage: transaction.stage }.ends();
        self.shards[speaker].committee.witness().into()
    }

    /// A replica has executed `height`: it tells other shards what is due there.
    pub(super) fn tell(&mut self, at: Time, node: NodeId, shares: &[Share]) {
        let mut notes: BTreeMap<ReplicaId, Vec<Share>> = BTreeMap::new();
        for share in shares {
            self.address(&mut notes, *share, 0);
        }
        self.send_notes(at, node, notes);
    }

    fn address(&self, notes: &mut BTreeMap<ReplicaId, Vec<Share>>, share: Share, attempt: u64) {
        let to = &self.shards[share.ends()[1]];
        notes.entry(to.number(share.gateway(&to.committee, attempt))).or_default().push(share);
    }

    /// Signs shares on the crypto cores and sends them.
    fn send_notes(&mut self, at: Time, from: NodeId, notes: BTreeMap<ReplicaId, Vec<Share>>) {
        let (weight, me) = (self.setup.weight, self.number(from));
        for (to, shares) in notes {
            for share in &shares {
                self.sign(at, from, share);
            }
            let signing = self.setup.costs.sign() * (shares.len() as u64 * u64::from(weight));
            let note = Note { to, shares };
            let sending = if to == me { crate::base::Span::ZERO } else { self.setup.costs.send(note.wire(weight)) };
            let subject = self.sees(from).then(|| Subject::new("sign Note", &[]));
            let sent = self.on_crypto_cores(at, from, Work { total: signing + sending, parts: 1 }, subject);
            let slot = self.outboxes.insert(vec![(Some(to), Wire::Note(Arc::new(note)))]) as u32;
            let outages = self.outages(from);
            self.schedule.post(from, sent, Event::Released { node: from.0 as u16, outages, slot });
        }
    }

    /// The judge hears of a share, and the notary signs and verifies it for real.
    fn sign(&mut self, at: Time, node: NodeId, share: &Share) {
        let Member { shard, me } = self.members[node.index()];
        let (number, stage) = (share.transaction.number, share.stage);
        self.observe_across(&Tap::Said { shard: shard as u16, by: me, number, stage, at });
        // The notary signs any statement: a share's number and stage stand where a vote's views do.
        let (view, justify, height) = (View(number.0), View(stage as u64), self.replicas[node.index()].executed);
        let block = share.transaction.id;
        let statement = Statement { by: me, phase: Phase::Vote, view, height, justify, block };
        self.supply.notarise(self.number(node), statement, false);
    }

    /// A note's way: to its gateway in another shard, or to oneself.
    pub(super) fn send_note(&mut self, at: Time, from: NodeId, note: Arc<Note>) {
        let to = note.to;
        if to == self.number(from) {
            return self.on_note(at, from, from, &note);
        }
        self.send_abroad(at, from, to, Wire::Note(note));
    }

    /// A gateway receives shares, verified: what is proved by them it orders, what it knows already it says again.
    pub(super) fn on_note(&mut self, at: Time, node: NodeId, from: NodeId, note: &Note) {
        if !self.replicas[node.index()].counted {
            return;
        }
        let mut answers = Vec::new();
        for share in &note.shares {
            answers.extend(self.on_share(at, node, from, share));
        }
        if !answers.is_empty() {
            let notes = BTreeMap::from([(self.number(from), answers)]);
            self.send_notes(at, node, notes);
        }
    }

    /// One share; what this replica answers to its sender.
    fn on_share(&mut self, at: Time, node: NodeId, from: NodeId, share: &Share) -> Option<Share> {
        let (speaker, shard) = (self.members[from.index()], self.shard(node));
        if share.ends() != [speaker.shard, shard] {
            return None;
        }
        let (number, stage) = (share.transaction.number, share.stage);
        let record = self.known(node, number);
        let asked = record.filter(|record| match stage {
            Stage::Prepare => matches!(record.says, Stage::Yes | Stage::No),
            Stage::Yes => matches!(record.says, Stage::Commit | Stage::Abort),
            _ => false,
        });
        if !stage.is_due(record) {
            return asked.map(Share::of);
        }
        let committee = self.shards[speaker.shard].committee;
        let needed = if planted!("one signature proves") { 1 } else { committee.witness() };
        let collected = &mut self.replicas[node.index()].collected;
        let signers = collected.entry((number, stage)).or_insert_with(|| Signers::none_of(committee.len()));
        if signers.insert(speaker.me) && signers.count() == needed {
            let signers: Vec<ReplicaId> = signers.iter().collect();
            self.observe_across(&Tap::Proved { number, stage, signers: &signers });
            let wire = self.stage_wire(&committee);
            self.admit(at, at, node, share.transaction.at_stage(stage, wire, true));
        }
        let collected = &mut self.replicas[node.index()].collected;
        if collected.len() > MOST_COLLECTED {
            collected.pop_first();
        }
        None
    }

    /// What a replica knows that its shard did with a transaction.
    fn known(&self, node: NodeId, number: TxNumber) -> Option<&Record> {
        let executed = self.replicas[node.index()].executed;
        let record = self.shards[self.shard(node)].executor.cross().record(number)?;
        Some(record).filter(|record| record.height <= executed)
    }

    /// Bytes of a stage with a proof by replicas of `speaker`: their signatures, and which they are.
    fn stage_wire(&self, speaker: &Committee) -> u32 {
        let proof = u64::from(speaker.witness()) * SIGNATURE_BYTES + u64::from(speaker.len().div_ceil(8));
        (TransactionBody::FIXED_BYTES + TRANSFER_BYTES + proof) as u32
    }

    pub(super) fn await_retry(&mut self, at: Time, node: NodeId) {
        if let Some(cross) = &self.setup.cross {
            let outages = self.machines[node.index()].outages;
            self.schedule.post(node, at + cross.retry, Event::Retried { node: node.0 as u16, outages });
        }
    }

    /// A replica looks after the locks of its shard.
    pub(super) fn on_retried(&mut self, at: Time, node: NodeId, outages: u32) {
        if !self.machines[node.index()].running || self.machines[node.index()].outages != outages {
            return;
        }
        self.await_retry(at, node);
        self.impersonate(at, node);
        if !self.replicas[node.index()].counted {
            return;
        }
        let mut notes = BTreeMap::new();
        for (share, attempt) in self.overdue(at, node) {
            self.address(&mut notes, share, attempt);
        }
        self.send_notes(at, node, notes);
        let cross = self.shards[self.shard(node)].executor.cross();
        self.replicas[node.index()].collected.retain(|(number, stage), _| stage.is_due(cross.record(*number)));
    }

    /// What a replica asks for again, and for which time.
    fn overdue(&self, at: Time, node: NodeId) -> Vec<(Share, u64)> {
        let cross = self.setup.cross.as_ref().expect("retries come where there are shards");
        let executed = self.replicas[node.index()].executed;
        let open = self.shards[self.shard(node)].executor.cross().open();
        let again = |record: &Record| {
            let age = at.since(record.at);
            let attempt = age.0 / cross.retry.0;
            let late = age >= cross.prepare_timeout || planted!("expiry before the deadline");
            match record.says {
                Stage::Prepare if late => {
                    let attempt = age.saturating_sub(cross.prepare_timeout).0 / cross.retry.0;
                    Some((Share { stage: Stage::Expire, ..Share::of(record) }, attempt))
                }
                Stage::Yes if planted!("vote not repeated") => None,
                _ if attempt > 0 => Some((Share::of(record), attempt)),
                _ => None,
            }
        };
        open.filter(|record| record.height <= executed).filter_map(again).collect()
    }

    /// An impostor orders votes and decisions that nobody signed, of transactions that its shard waits with.
    fn impersonate(&mut self, at: Time, node: NodeId) {
        if self.behaviour(node) != Some(&Behaviour::Impostor) {
            return;
        }
        let waiting = self.shards[self.shard(node)].executor.cross().open().take(MADE_UP);
        let make_up = |record: &Record| {
            let stage = if record.says == Stage::Prepare { Stage::Yes } else { Stage::Commit };
            (record.transaction, record.transfer, stage)
        };
        for (transaction, transfer, stage) in waiting.map(make_up).collect::<Vec<_>>() {
            let [speaker, _] = Share { transaction, transfer, stage }.ends();
            let wire = self.stage_wire(&self.shards[speaker].committee);
            self.admit(at, at, node, transaction.at_stage(stage, wire, false));
        }
    }
}
