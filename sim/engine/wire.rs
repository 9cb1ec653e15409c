//! The way from replica to replica: egress NIC, connection, link, ingress NIC, verification.

use std::sync::Arc;

use crate::base::{Bytes, NodeId, ReplicaId, Span, Time};
use crate::consensus::dissemination::{Destination, Outbox};
use crate::consensus::{Message, Parcel, Protocol};
use crate::crypto::BATCH;
use crate::kernel::draw::{Chance, Site, draw};
use crate::ledger::{Batch, Slot, Transaction};
use crate::network::{Arrivals, Disturbance, Link, Partition};
use crate::observe::Tap;

use super::event::{Envelope, Event, Wire, Work};
use super::run::Engine;
use super::shard::Member;
use super::witness::{Desk, Subject, of_parcel, of_wire};

/// A message is handed from the NIC to the crypto cores without an event of its own when it is through within this time:
/// cores then see work at most this much out of order. Behind a longer queue the handover is an event.
pub(super) const AT_ONCE: Span = Span::from_micros(200);

impl<P: Protocol> Engine<'_, P> {
    /// The crypto cores of a machine take `work`, as long as it takes on that machine; returns when it is done.
    #[inline]
    pub(super) fn on_crypto_cores(&mut self, at: Time, node: NodeId, work: Work, subject: Option<Subject>) -> Time {
        let total = self.machines[node.index()].slowed(work.total);
        if let Some(subject) = &subject {
            self.show_pieces(at, node, Work { total, ..work }, subject);
        }
        self.machines[node.index()].crypto.serve_split(at, total, work.parts, &self.window)
    }

    /// Sends `wire` to one other replica of the shard: to both its machines, where it is two.
    pub(super) fn send(&mut self, at: Time, from: NodeId, to: ReplicaId, wire: Wire<P>) {
        assert_ne!(self.identity(from), to, "{from} sends itself {}", P::NAME);
        if self.kept_from(from, &wire).contains(&to) {
            return;
        }
        let to = self.shards[self.shard(from)].number(to);
        self.send_abroad(at, from, to, wire);
    }

    /// As [`Engine::send`], to any replica of any shard, by its number among all.
    pub(super) fn send_abroad(&mut self, at: Time, from: NodeId, to: ReplicaId, wire: Wire<P>) {
        let twin = self.twin_of(to);
        if let Some(twin) = twin {
            self.send_to(at, from, twin, wire.clone());
        }
        self.send_to(at, from, NodeId(to.0), wire);
    }

    fn send_to(&mut self, at: Time, from: NodeId, to: NodeId, wire: Wire<P>) {
        let mut envelope = self.envelope(from, Some(to), wire);
        let arrivals = self.carry(at, [from, to], self.lane(&envelope), &envelope);
        envelope.left = arrivals.iter().flatten().count() as u32;
        if envelope.left > 0 {
            let slot = self.envelopes.insert(envelope) as u32;
            for arrival in arrivals.into_iter().flatten() {
                self.schedule.post(from, arrival, Event::Arrived { slot });
            }
        }
    }

    fn envelope(&self, from: NodeId, to: Option<NodeId>, wire: Wire<P>) -> Envelope<P> {
        let size = wire.size(self.setup.weight);
        let forged = self.is_forged(from, &wire);
        let mut work = self.receiving(&wire, size);
        if forged {
            // A failing batch is verified again one by one.
            work.total += self.setup.costs.verify() * u64::from(wire.checks().signatures);
        }
        Envelope { from, to, wire: Some(wire), forged, size, work, left: 0 }
    }

    /// Sends `wire` to all other replicas of the shard but those in `except`, as one shared message. The copies leave
    /// one after the other, beginning with the sender's successor, so that no replica is everyone's last.
    pub(super) fn broadcast(&mut self, at: Time, from: NodeId, except: Option<ReplicaId>, wire: Wire<P>) {
        let kept_from = self.kept_from(from, &wire).to_vec();
        let Member { shard, me } = self.members[from.index()];
        let (nodes, position) = (self.shards[shard].nodes.len(), self.shards[shard].position(from));
        let mut envelope = self.envelope(from, None, wire);
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.clear();
        let lane = self.lane(&envelope);
        for step in 1..nodes {
            let to = self.shards[shard].nodes[(position + step) % nodes];
            let identity = self.identity(to);
            if Some(identity) != except && identity != me && !kept_from.contains(&identity) {
                let carried = self.carry(at, [from, to], lane, &envelope);
                arrivals.extend(carried.into_iter().flatten().map(|arrival| (to, arrival)));
            }
        }
        if !arrivals.is_empty() {
            envelope.left = arrivals.len() as u32;
            let slot = self.envelopes.insert(envelope) as u32;
            self.schedule.multicast(from, Event::Arrived { slot }, arrivals.drain(..));
        }
        self.arrivals = arrivals;
    }

    /// The connection of those between two replicas that a message takes: 0 is the protocol's.
    fn lane(&self, envelope: &Envelope<P>) -> usize {
        match &envelope.wire {
            Some(Wire::Parcel(parcel)) => parcel.lane(self.setup.layer.lanes(&self.setup.layer_limits) as u32 - 1),
            _ => 0,
        }
    }

    /// Takes one copy through the sender's NIC and the connection; returns its arrivals at the receiver's NIC: one,
    /// unless the link is disturbed.
    fn carry(&mut self, at: Time, [from, to]: [NodeId; 2], lane: usize, envelope: &Envelope<P>) -> Arrivals {
        let (setup, size) = (self.setup, envelope.size);
        let serialisation = setup.replica.egress.serialisation(size);
        let departed = self.machines[from.index()].egress.serve(at, serialisation, &self.window);
        self.count_egress(departed, 1, size);
        let ends = [self.number(from), self.number(to)];
        let passed = Partition::passage(&setup.faults.partitions, ends[0], ends[1], departed);
        let nodes = self.machines.len();
        let pair = (lane * nodes + from.index()) * nodes + to.index();
        let rtt = setup.rtt[ends[0].index() * setup.replicas() as usize + ends[1].index()];
        let link = Link {
            rtt,
            jitter: Span(rtt.0 / 1000 * setup.link.jitter_permille),
            loss: setup.link.loss,
            window: setup.link.window,
            nagle: setup.link.nagle,
        };
        let link = link.limited(self.connection_rate);
        let bits = |nth| {
            let jitter = draw(setup.seed, Site::Jitter, pair as u64, nth, 0);
            // A link without losses draws none.
            let loss = if link.loss.is_none() { u64::MAX } else { draw(setup.seed, Site::Loss, pair as u64, nth, 0) };
            [jitter, loss]
        };
        let arrival = self.flows[pair].carry(&link, passed, size, &self.window, bits);
        let calm = setup.faults.disturbances.is_empty() && setup.faults.splits.is_none();
        let arrivals =
            if calm { [Some(arrival), None] } else { self.disturb(from, to, pair as u64, [departed, arrival]) };
        if self.sees(from) {
            let subject = envelope.wire.as_ref().map(|wire| of_wire(self.identity(from), wire, size.0));
            self.show_sent([from, to], departed, serialisation, &arrivals, subject);
        }
        arrivals
    }

    /// What becomes of a message on a disturbed link.
    fn disturb(&self, from: NodeId, to: NodeId, pair: u64, times: [Time; 2]) -> Arrivals {
        let faults = &self.setup.faults;
        let slot = self.replicas[from.index()].slot;
        if faults.splits.is_some_and(|splits| splits.cuts(slot, from, to, times[0])) {
            return [None, None];
        }
        let nth = self.flows[pair as usize].sent();
        let ends = [self.number(from), self.number(to)];
        Disturbance::apply(&faults.disturbances, ends, times, Disturbance::bits(self.setup.seed, pair, nth))
    }

    /// What receiving a message costs: reading it, hashing what it hashes to, verifying its signatures.
    pub(super) fn receiving(&self, wire: &Wire<P>, size: Bytes) -> Work {
        let costs = &self.setup.costs;
        match wire {
            Wire::Order(message) => {
                let checks = message.checks();
                let own = costs.hash(checks.hashed) + costs.batch_verify(checks.signatures.into());
                let inline = message.block().map(|block| block.payload.inline.as_slice()).unwrap_or_default();
                let inline = inline.iter().map(|batch| self.checking(batch));
                let (total, parts) =
                    inline.fold((own, 1), |(total, parts), work| (total + work.total, parts + work.parts));
                Work { total: total + costs.receive(size), parts }
            }
            Wire::Parcel(Parcel::Batch(batch)) => {
                let work = self.checking(batch);
                Work { total: work.total + costs.receive(size), parts: work.parts }
            }
            Wire::Parcel(parcel) => {
                let checks = parcel.checks();
                let hashing = if checks.hashed == Bytes(0) { Span::ZERO } else { costs.hash(checks.hashed) };
                let own = hashing + costs.batch_verify(checks.signatures.into());
                Work { total: own + costs.receive(size), parts: 1 }
            }
            Wire::Note(note) => {
                let signatures = note.shares.len() as u64 * u64::from(self.setup.weight);
                Work { total: costs.batch_verify(signatures) + costs.receive(size), parts: 1 }
            }
        }
    }

    /// Checking a batch: every id, the Merkle root over them, every client signature, every proof of another shard.
    fn checking(&self, batch: &Batch) -> Work {
        let (costs, weight) = (&self.setup.costs, u64::from(self.setup.weight));
        let count = batch.reference().count as u64 * weight;
        let average = Bytes(batch.reference().bytes.0 / count.max(1));
        // Where there is one shard, each transaction has one signature.
        let extra = |tx: &Transaction| self.signatures(tx) - 1;
        let extra: u64 = self.setup.cross.iter().flat_map(|_| batch.transactions()).map(extra).sum();
        let signatures = count + extra * weight;
        let parts = signatures.div_ceil(BATCH as u64).max(1);
        let verify = costs.batch_verify(signatures.div_ceil(parts)) * parts;
        Work { total: costs.hash(average) * count + costs.merkle(count) + verify, parts }
    }

    /// A message reaches a replica's NIC.
    pub(super) fn on_arrived(&mut self, at: Time, to: Option<NodeId>, slot: u32) {
        let envelope = &self.envelopes[slot as usize];
        let to = to.or(envelope.to).expect("a message has a receiver");
        let size = envelope.size;
        let machine = &mut self.machines[to.index()];
        if !machine.running {
            return self.let_go(slot);
        }
        let serialisation = self.setup.replica.ingress.serialisation(size);
        let received = machine.ingress.serve(at, serialisation, &self.window);
        if self.sees(to) {
            let subject = self.subject(slot);
            self.show_arrived([self.envelopes[slot as usize].from, to], [at, received], serialisation, subject);
        }
        if received <= at + AT_ONCE {
            self.on_received(received, to, slot);
        } else {
            self.schedule.post(to, received, Event::Received { node: to.0 as u16, outages: self.outages(to), slot });
        }
    }

    /// A message is through a replica's NIC: the crypto cores take it.
    pub(super) fn on_received(&mut self, at: Time, to: NodeId, slot: u32) {
        let envelope = &self.envelopes[slot as usize];
        let held = |batch: &Batch| self.replicas[to.index()].layer.depot().get(&batch.id()).is_some();
        let work = match &envelope.wire {
            // Another copy is known by its id before it is checked.
            Some(Wire::Parcel(Parcel::Batch(batch))) if held(batch) => {
                Work { total: self.setup.costs.receive(envelope.size), parts: 1 }
            }
            _ => envelope.work,
        };
        let subject = if self.sees(to) { self.subject(slot) } else { None };
        let ready = self.on_crypto_cores(at, to, work, subject);
        self.schedule.post(to, ready, Event::Ready { node: to.0 as u16, outages: self.outages(to), slot });
    }

    /// What an envelope on its way is about.
    fn subject(&self, slot: u32) -> Option<Subject> {
        let envelope = &self.envelopes[slot as usize];
        let wire = envelope.wire.as_ref()?;
        Some(of_wire(self.identity(envelope.from), wire, envelope.size.0))
    }

    /// One receiver is done with an envelope.
    pub(super) fn let_go(&mut self, slot: u32) {
        let envelope = &mut self.envelopes[slot as usize];
        envelope.left -= 1;
        if envelope.left == 0 {
            self.envelopes.remove(slot as usize);
        }
    }

    /// Sends what a dissemination layer wants sent, when the work of sending it is done: by the crypto cores, or by the
    /// protocol's where it is a primary's.
    pub(super) fn send_parcels(&mut self, at: Time, from: NodeId, out: Outbox) {
        let (of_primary, out): (Outbox, Outbox) = out.into_iter().partition(|(_, parcel)| parcel.is_of_primaries());
        self.send_of_primary(at, from, of_primary);
        for (destination, parcel) in out {
            let Some((to, copies)) = self.copies(from, destination) else { continue };
            let work = Work { total: self.setup.costs.send(parcel.wire()) * copies, parts: 1 };
            let subject = self.sees(from).then(|| of_parcel("send", self.identity(from), &parcel));
            let sent = self.on_crypto_cores(at, from, work, subject);
            let slot = self.outboxes.insert(vec![(to, Wire::Parcel(parcel))]) as u32;
            self.schedule.post(from, sent, Event::Released { node: from.0 as u16, outages: self.outages(from), slot });
        }
    }

    /// Whom a parcel goes to, none for all others, and in how many copies; none where it only states something.
    fn copies(&self, from: NodeId, destination: Destination) -> Option<(Option<ReplicaId>, u64)> {
        match destination {
            Destination::One(to) if to == self.identity(from) => None,
            Destination::One(to) => Some((Some(to), 1)),
            Destination::All => Some((None, u64::from(self.committee(from).len() - 1))),
        }
    }

    /// What a primary promises is on disk before it leaves, as a protocol's promises are.
    fn send_of_primary(&mut self, at: Time, from: NodeId, out: Outbox) {
        let promised = self.replicas[from.index()].layer.has_promised();
        self.check_layer_written(from, &out, promised);
        let (me, costs) = (self.identity(from), &self.setup.costs);
        let (mut work, mut outbox) = (Span::ZERO, Vec::new());
        for (destination, parcel) in out {
            if self.keeps_back(from, &parcel) {
                continue;
            }
            let copies = self.copies(from, destination);
            if parcel.statement(me).is_some() {
                work += costs.sign();
            }
            work += costs.send(parcel.wire()) * copies.map_or(0, |(_, copies)| copies);
            outbox.push((copies, parcel));
        }
        if outbox.is_empty() {
            return;
        }
        let machine = &mut self.machines[from.index()];
        let work = machine.slowed(work) + if promised { costs.fsync() } else { Span::ZERO };
        let done = machine.core.serve(at, work, &self.window);
        let subject = self.sees(from).then(|| of_parcel("send", me, &outbox[0].1));
        self.show_work(from, Desk::Protocol, done, work, subject);
        let mut sent = Vec::with_capacity(outbox.len());
        for (copies, parcel) in outbox {
            self.announce_parcel(done, from, &parcel);
            sent.extend(copies.map(|(to, _)| (to, Wire::Parcel(parcel))));
        }
        let slot = self.outboxes.insert(sent) as u32;
        self.schedule.post(from, done, Event::Released { node: from.0 as u16, outages: self.outages(from), slot });
    }

    /// What a primary promises for the first time is on disk before it leaves, as a protocol's promises are.
    fn check_layer_written(&mut self, node: NodeId, out: &Outbox, written: bool) {
        // One of a twin's two machines passes on what the other promised.
        if !self.replicas[node.index()].counted {
            return;
        }
        let me = self.identity(node);
        let statements = out.iter().filter_map(|(_, parcel)| parcel.statement(me));
        self.replicas[node.index()].promised_below.check((Slot::View, true), written, statements);
    }

    /// Judges hear of what primaries say where that is the protocol's DAG. Of what carries another protocol they would
    /// take rounds for its views: the notary alone signs it.
    fn announce_parcel(&mut self, at: Time, node: NodeId, parcel: &Parcel) {
        if self.promises.weaves() {
            return self.announce(at, node, parcel);
        }
        let forged = self.signs_in_vain(node);
        if let Some(statement) = parcel.statement(self.identity(node)) {
            self.supply.notarise(self.number(node), statement, forged);
        }
    }

    /// Broadcasts a batch. With the injected share, one receiver gets other content under the same id.
    pub(super) fn broadcast_batch(&mut self, at: Time, from: NodeId, batch: Arc<Batch>) {
        let (seed, n) = (self.setup.seed, self.committee(from).len());
        let sequence = batch.reference().sequence;
        let bits = draw(seed, Site::Inject, u64::from(from.0), sequence, 1);
        let tampers = Chance::new(self.setup.injection.tampered_batches).happens(bits);
        let me = self.identity(from);
        let victim = (tampers && n > 1).then(|| ReplicaId((me.0 + 1 + (bits as u32) % (n - 1)) % n));
        if let Some(victim) = victim {
            self.send(at, from, victim, Wire::Parcel(Parcel::Batch(Arc::new(batch.tampered()))));
        }
        self.broadcast(at, from, victim, Wire::Parcel(Parcel::Batch(batch)));
    }

    /// A parcel is received and checked.
    pub(super) fn on_parcel(&mut self, mut at: Time, to: NodeId, from: ReplicaId, parcel: &Parcel) {
        if let Parcel::Batch(batch) = parcel {
            if !batch.is_intact() {
                self.counts.tampered_batches += 1;
                // Nobody may ever order it unless this replica does: the true contents are asked for.
                let mut out = Outbox::new();
                self.replicas[to.index()].layer.depot_mut().fetch(at, from, &[*batch.reference()], &mut out);
                return self.send_parcels(at, to, out);
            }
            self.observe(self.shard(to), &Tap::Held { replica: self.identity(to), batch });
        }
        if parcel.is_of_primaries() {
            let machine = &mut self.machines[to.index()];
            let work = machine.slowed(self.setup.replica.handler);
            at = machine.core.serve(at, work, &self.window);
            let subject = self.sees(to).then(|| of_parcel("take", from, parcel));
            self.show_work(to, Desk::Protocol, at, work, subject);
        }
        let mut out = Outbox::new();
        let brought = self.replicas[to.index()].layer.on_parcel(at, from, parcel, &mut out);
        self.send_parcels(at, to, out);
        if brought {
            self.unpark(at, to);
            self.wake(at, to);
        }
    }
}
