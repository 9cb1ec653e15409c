//! Ordering: availability, the protocol core, effects, timers.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Bytes, Height, NodeId, ReplicaId, Span, Time};
use crate::consensus::dissemination::Outbox;
use crate::consensus::{self, Charge, Context, Effect, Message, Parcel, PayloadSource, Proof, Protocol};
use crate::ledger::{Block, FaultModel, Leaders, Phase, Statement};
use crate::observe::Tap;

use super::event::{Envelope, Event, Wire, Work};
use super::replica::Parked;
use super::run::Engine;
use super::shard::Member;
use super::witness::{Desk, Sight, of_wire};

/// Messages a replica holds for want of batches. One more takes the oldest's place: who orders what nobody has loses
/// its turn.
const MOST_PARKED: usize = 1_024;

impl<P: Protocol> Engine<'_, P> {
    /// A replica begins, or begins again.
    pub(super) fn start_replica(&mut self, at: Time, me: NodeId) {
        self.step(at, me, consensus::Event::Start);
        self.await_tick(at, me);
        self.await_retry(at, me);
    }

    /// A message is received and verified.
    pub(super) fn on_ready(&mut self, at: Time, me: NodeId, slot: u32) {
        let envelope = &mut self.envelopes[slot as usize];
        if envelope.forged {
            self.counts.forged_messages += 1;
            return self.let_go(slot);
        }
        // Lent to the handler, not cloned: counting references would wait for every write still under way.
        let (sender, wire) = (envelope.from, envelope.take_wire());
        let from = self.identity(sender);
        match &wire {
            Wire::Order(message) => self.deliver(at, me, from, message),
            Wire::Parcel(parcel) => self.on_parcel(at, me, from, parcel),
            Wire::Note(note) => self.on_note(at, me, sender, note),
        }
        self.envelopes[slot as usize].wire = Some(wire);
        self.let_go(slot);
    }

    /// Gives a message to the protocol, once everything that its block orders is at hand.
    fn deliver(&mut self, at: Time, me: NodeId, from: ReplicaId, message: &Arc<P::Message>) {
        let identity = self.identity(me);
        if let Some(block) = message.block() {
            if !block.payload.is_intact() {
                self.counts.tampered_batches += 1;
                return;
            }
            let layer = &mut self.replicas[me.index()].layer;
            layer.on_proposed(block);
            let missing = layer.missing(block);
            if !missing.is_empty() {
                let mut out = Outbox::new();
                // What it put together itself comes from whoever made it.
                let holder = if from == identity { block.author } else { from };
                layer.depot_mut().fetch(at, holder, &missing, &mut out);
                let missing = missing.iter().map(|batch| batch.id).collect();
                let parked = &mut self.replicas[me.index()].parked;
                if parked.len() == MOST_PARKED {
                    parked.pop_front();
                }
                parked.push_back(Parked { from, message: message.clone(), missing });
                return self.send_parcels(at, me, out);
            }
        }
        self.step(at, me, consensus::Event::Received { from, message });
    }

    /// A batch came: messages that waited only for it go on, in the order in which they came.
    pub(super) fn unpark(&mut self, at: Time, me: NodeId) {
        let replica = &mut self.replicas[me.index()];
        if replica.parked.is_empty() {
            return;
        }
        let depot = replica.layer.depot();
        for parked in &mut replica.parked {
            parked.missing.retain(|id| depot.get(id).is_none());
        }
        let parked = std::mem::take(&mut replica.parked);
        let (ready, waiting): (VecDeque<_>, VecDeque<_>) =
            parked.into_iter().partition(|parked| parked.missing.is_empty());
        replica.parked = waiting;
        for Parked { from, message, .. } in ready {
            self.step(at, me, consensus::Event::Received { from, message: &message });
        }
    }

    /// There is something to order.
    pub(super) fn wake(&mut self, at: Time, me: NodeId) {
        if P::WAKES_ON_PAYLOAD {
            self.step(at, me, consensus::Event::Submitted);
        }
    }

    /// Runs one handler on the protocol core. Handlers run in the order in which they are offered, each when the core
    /// is free; its messages leave when the time it is charged ends.
    fn step(&mut self, at: Time, me: NodeId, event: consensus::Event<'_, P>) {
        let subject = self.sees(me).then(|| self.of_event(&event));
        let (mut effects, mut charges) = (Vec::new(), Vec::new());
        let start = at.max(self.machines[me.index()].core.free());
        let replica = &mut self.replicas[me.index()];
        let mut filtered;
        let source: &mut dyn PayloadSource = match &replica.lie {
            Some(lie) => {
                filtered = lie.filter(&mut *replica.layer);
                &mut filtered
            }
            None => &mut *replica.layer,
        };
        replica.protocol.step(event, &mut Context::new(start, source, &mut effects, &mut charges));
        self.check_written(me, &effects, &charges);
        let [computing, writing] = self.charge(me, &effects, &charges);
        let machine = &mut self.machines[me.index()];
        // A slow CPU is no slow disk.
        let work = machine.slowed(computing) + writing;
        let done = machine.core.serve(at, work, &self.window);
        self.show_work(me, Desk::Protocol, done, work, subject);
        self.carry_out(done, me, effects);
    }

    /// What a replica promises for the first time is on disk before it leaves: a crash must not make it forget. A new
    /// promise is told from a repeated one by its slot, so one of a lower slot is taken for a repetition. Raft, which
    /// states again in each term what its log holds, comes back with what was written and needs no such check.
    fn check_written(&mut self, node: NodeId, effects: &[Effect<P>], charges: &[Charge]) {
        // One of a twin's two machines passes on what the other promised.
        if self.promises.tolerates != FaultModel::Byzantine || !self.replicas[node.index()].counted {
            return;
        }
        let me = self.identity(node);
        let statements = effects.iter().filter_map(|effect| match effect {
            Effect::Send(_, message) | Effect::Broadcast(message) => message.statement(me),
            Effect::State(statement) => Some(*statement),
            _ => None,
        });
        let by = (self.promises.slot, self.promises.leaders == Leaders::Everyone);
        self.replicas[node.index()].promised.check(by, charges.contains(&Charge::Fsync), statements);
    }

    /// What a handler costs its core: its fixed part, a signature for each statement, and sending each copy; and its disk.
    fn charge(&self, node: NodeId, effects: &[Effect<P>], charges: &[Charge]) -> [Span; 2] {
        let (me, costs) = (self.identity(node), &self.setup.costs);
        let of_message = |message: &P::Message, copies: u64| {
            let signs = self.promises.signed && message.statement(me).is_some();
            let signed = if signs { costs.sign() } else { Span::ZERO };
            signed + costs.send(message.wire()) * copies
        };
        let sent = effects.iter().map(|effect| match effect {
            Effect::Send(_, message) => of_message(message, 1),
            Effect::Broadcast(message) => of_message(message, u64::from(self.committee(node).len()) - 1),
            Effect::State(_) if self.promises.signed => costs.sign(),
            Effect::TakeUp(message) if self.promises.signed && message.statement(me).is_some() => costs.sign(),
            _ => Span::ZERO,
        });
        let named = charges.iter().map(|charge| match charge {
            Charge::Fsync => costs.fsync(),
        });
        [self.setup.replica.handler + sent.sum(), named.sum()]
    }

    /// Timers, commits and news for the dissemination layer act at once, in the handler's order; messages leave when
    /// the handler's time ends.
    fn carry_out(&mut self, done: Time, me: NodeId, effects: Vec<Effect<P>>) {
        let mut outbox = Vec::new();
        for effect in effects {
            if self.withholds(me, &effect) {
                continue;
            }
            match effect {
                Effect::Send(to, message) => outbox.push((Some(to), self.stated(done, me, message))),
                Effect::Broadcast(message) => {
                    let message = self.stated(done, me, message);
                    outbox.push((None, message));
                }
                Effect::State(statement) => self.make(done, me, statement),
                Effect::Arm(timer, after) => self.arm(done + after, me, timer),
                Effect::Disarm(timer) => self.replicas[me.index()].timers.retain(|(armed, _)| *armed != timer),
                Effect::Commit(block) => self.on_commit(done, me, block),
                Effect::Pass(round) => self.replicas[me.index()].layer.on_passed(Height(round.0)),
                Effect::Expect(proposer) => self.replicas[me.index()].layer.on_expected(proposer),
                Effect::TakeUp(message) => self.take_up(done, me, message),
            }
        }
        if outbox.is_empty() {
            return;
        }
        let slot = self.outboxes.insert(outbox) as u32;
        self.schedule.post(me, done, Event::Released { node: me.0 as u16, outages: self.outages(me), slot });
    }

    /// What a replica put together goes through its crypto cores, unless it stated it itself just now, and on as if it
    /// had been received whole.
    fn take_up(&mut self, at: Time, me: NodeId, message: Arc<P::Message>) {
        let own = message.statement(self.identity(me)).is_some();
        let wire = self.stated(at, me, message);
        let (total, parts) = (Span::ZERO, 1);
        let work = if own { Work { total, parts } } else { self.receiving(&wire, Bytes(0)) };
        let subject = self.sees(me).then(|| of_wire(self.identity(me), &wire, 0));
        let ready = self.on_crypto_cores(at, me, work, subject);
        let wire = Some(wire);
        let envelope = Envelope { from: me, to: Some(me), wire, forged: false, size: Bytes(0), work, left: 1 };
        let slot = self.envelopes.insert(envelope) as u32;
        self.schedule.post(me, ready, Event::Ready { node: me.0 as u16, outages: self.outages(me), slot });
    }

    /// Tells judges, notary and the own dissemination layer of what a message says.
    fn stated(&mut self, at: Time, node: NodeId, message: Arc<P::Message>) -> Wire<P> {
        self.announce(at, node, &*message);
        if let Some(block) = message.block().filter(|block| block.author == self.identity(node)) {
            let block: &Block = block;
            self.replicas[node.index()].layer.on_proposed(block);
        }
        Wire::Order(message)
    }

    /// Tells judges and notary of what a message or parcel says.
    pub(super) fn announce(&mut self, at: Time, node: NodeId, message: &impl Message) {
        let Member { shard, me } = self.members[node.index()];
        if let Some(statement) = message.statement(me) {
            if let (Phase::Propose, Some(block)) = (statement.phase, message.block()) {
                self.observe(shard, &Tap::Proposed { by: me, block });
                self.shards[shard].heights.note_proposal(block, at, self.window.contains(at));
            }
            self.make(at, node, statement);
        }
        if !self.signs_in_vain(node) {
            message.proofs(&mut |proof| {
                let tap = match proof {
                    Proof::Certificate(certificate) => Tap::Certified { certificate },
                    Proof::Timeouts(certificate) => Tap::GivenUp { certificate },
                };
                self.observe(shard, &tap);
            });
        }
    }

    /// Judges hear of a statement, and the notary signs and verifies it for real where the protocol signs. What does not
    /// verify was never stated.
    fn make(&mut self, at: Time, node: NodeId, statement: Statement) {
        self.show_stated(at, node, &statement);
        let forged = self.signs_in_vain(node);
        if let Some(splits) = self.setup.faults.splits {
            self.replicas[node.index()].slot = splits.slot(statement.height, statement.view);
        }
        if !forged {
            self.observe(self.shard(node), &Tap::Stated { statement: &statement });
        }
        if self.promises.signed {
            self.supply.notarise(self.number(node), statement, forged);
        }
    }

    /// The work of sending is done: messages and parcels go to the NIC.
    pub(super) fn on_released(&mut self, at: Time, me: NodeId, slot: u32) {
        let outbox = self.outboxes.remove(slot as usize);
        for (to, wire) in outbox {
            match (to, wire) {
                (_, Wire::Note(note)) => self.send_note(at, me, note),
                (Some(to), wire) => self.send(at, me, to, wire),
                (None, Wire::Parcel(Parcel::Batch(batch))) => self.broadcast_batch(at, me, batch),
                (None, wire) => self.broadcast(at, me, None, wire),
            }
        }
    }

    fn arm(&mut self, at: Time, me: NodeId, timer: P::Timer) {
        let replica = &mut self.replicas[me.index()];
        let serial = replica.serials;
        replica.serials += 1;
        match replica.timers.iter_mut().find(|(armed, _)| *armed == timer) {
            Some((_, armed)) => *armed = serial,
            None => replica.timers.push((timer, serial)),
        }
        self.schedule.post(me, at, Event::Expired { node: me.0 as u16, serial });
    }

    /// A timer runs out, unless it was moved or stopped since.
    pub(super) fn on_expired(&mut self, at: Time, me: NodeId, serial: u32) {
        let replica = &mut self.replicas[me.index()];
        let Some(index) = replica.timers.iter().position(|(_, armed)| *armed == serial) else { return };
        let (timer, _) = replica.timers.swap_remove(index);
        if self.machines[me.index()].running {
            if self.sees(me) {
                self.show(&Sight::Expired { node: me, at, timer: &format!("{timer:?}") });
            }
            self.step(at, me, consensus::Event::Expired(timer));
        }
    }

    pub(super) fn await_tick(&mut self, at: Time, me: NodeId) {
        let period = self.replicas[me.index()].layer.period();
        let outages = self.machines[me.index()].outages;
        self.schedule.post(me, at + period, Event::Ticked { node: me.0 as u16, outages });
    }

    /// The dissemination layer looks after what has waited.
    pub(super) fn on_ticked(&mut self, at: Time, me: NodeId, outages: u32) {
        if !self.machines[me.index()].running || self.machines[me.index()].outages != outages {
            return;
        }
        let mut out = Outbox::new();
        let news = self.replicas[me.index()].layer.on_tick(at, &mut out);
        self.send_parcels(at, me, out);
        if news {
            self.wake(at, me);
        }
        self.await_tick(at, me);
    }
}
