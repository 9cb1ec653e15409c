//! Protocols in memory: replicas over a pool of messages that a test delivers, loses or holds back as it likes.
//!
//! There is no network and no clock: time passes only where a test lets timers run out. Whatever order it chooses,
//! the same choices give the same outcome.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Bytes, Digest, ReplicaId, Span, Time};
use crate::ledger::{BatchRef, Block, Committee, Payload, Statement};

use super::{Context, Effect, Event, Message, PayloadSource, Protocol};

/// Blocks of one made-up batch each, so that no two blocks are alike; or of none.
#[derive(Default)]
pub(super) struct Payloads {
    me: ReplicaId,
    made: u64,
    /// How many more payloads there are.
    pub left: u64,
}

impl PayloadSource for Payloads {
    fn payload(&mut self) -> Payload {
        if self.left == 0 {
            return Payload::default();
        }
        self.left -= 1;
        self.made += 1;
        let id = Digest::of(&[u64::from(self.me.0), self.made].map(u64::to_le_bytes).concat());
        let batch = BatchRef { id, origin: self.me, sequence: self.made, count: 1, bytes: Bytes(100) };
        Payload { batches: vec![batch], inline: Vec::new() }
    }

    fn is_empty(&mut self) -> bool {
        self.left == 0
    }

    fn oldest(&mut self) -> Option<Digest> {
        (self.left > 0).then(|| Digest::of(&self.made.to_le_bytes()))
    }
}

/// One replica, and what it has asked for so far.
pub(super) struct Lone<P: Protocol> {
    me: ReplicaId,
    protocol: P,
    pub payloads: Payloads,
    /// Timers that run.
    pub armed: Vec<P::Timer>,
    /// When each timer that was ever armed ran out or will, by the replica's clock.
    due: Vec<(P::Timer, Time)>,
    pub now: Time,
    pub committed: Vec<Arc<Block>>,
    /// Statements that no message carries.
    pub stated: Vec<Statement>,
    /// All statements, carried or not, in order.
    pub said: Vec<Statement>,
}

impl<P: Protocol> Lone<P> {
    pub fn new(me: ReplicaId, committee: &Committee, params: &P::Params) -> Lone<P> {
        let payloads = Payloads { me, made: 0, left: u64::MAX };
        let protocol = P::new(me, committee, params);
        let (armed, due, committed) = (Vec::new(), Vec::new(), Vec::new());
        let (now, stated, said) = (Time::ZERO, Vec::new(), Vec::new());
        Lone { me, protocol, payloads, armed, due, now, committed, stated, said }
    }

    pub fn id(&self) -> ReplicaId {
        self.me
    }

    /// Takes one event; what it sends in answer, with the receiver, or none for everyone.
    pub fn step(&mut self, event: Event<'_, P>) -> Vec<(Option<ReplicaId>, Arc<P::Message>)> {
        let (mut effects, mut charges, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        let mut context = Context::new(self.now, &mut self.payloads, &mut effects, &mut charges);
        self.protocol.step(event, &mut context);
        let mut taken_up = Vec::new();
        for effect in effects {
            match &effect {
                Effect::Send(_, message) | Effect::Broadcast(message) => self.said.extend(message.statement(self.me)),
                Effect::State(statement) => self.said.push(*statement),
                _ => {}
            }
            match effect {
                Effect::TakeUp(message) => {
                    self.stated.extend(message.statement(self.me));
                    taken_up.push(message);
                }
                Effect::Send(to, message) => {
                    assert_ne!(to, self.me, "{} sends itself {message:?}", self.me);
                    sent.push((Some(to), message));
                }
                Effect::Broadcast(message) => sent.push((None, message)),
                Effect::State(statement) => self.stated.push(statement),
                Effect::Arm(timer, after) => self.arm(timer, after),
                Effect::Disarm(timer) => self.armed.retain(|armed| *armed != timer),
                Effect::Commit(block) => self.take_commit(block),
                Effect::Expect(_) | Effect::Pass(_) => {}
            }
        }
        for message in taken_up {
            sent.extend(self.step(Event::Received { from: self.me, message: &message }));
        }
        sent
    }

    fn arm(&mut self, timer: P::Timer, after: Span) {
        if !self.armed.contains(&timer) {
            self.armed.push(timer);
        }
        self.due.retain(|(known, _)| *known != timer);
        self.due.push((timer, self.now + after));
    }

    /// A running timer that is due.
    fn next_due(&self) -> Option<P::Timer> {
        let due = self.due.iter().filter(|(timer, at)| *at <= self.now && self.armed.contains(timer));
        due.min_by_key(|(_, at)| *at).map(|(timer, _)| *timer)
    }

    /// Every replica's commits are one chain from genesis, whatever happens.
    fn take_commit(&mut self, block: Arc<Block>) {
        let genesis = Block::genesis();
        let tip = self.committed.last().map_or(&genesis, |tip| &**tip);
        assert_eq!((block.height, block.parent), (tip.height.next(), tip.id()), "{} commits out of order", self.me);
        self.committed.push(block);
    }

    pub fn receive(&mut self, from: u32, message: P::Message) -> Vec<(Option<ReplicaId>, Arc<P::Message>)> {
        self.step(Event::Received { from: ReplicaId(from), message: &Arc::new(message) })
    }

    /// It crashes, and comes back with what it had written.
    pub fn restart(&mut self) -> Vec<(Option<ReplicaId>, Arc<P::Message>)> {
        self.protocol = self.protocol.recovered();
        self.armed.clear();
        self.step(Event::Start)
    }

    /// Lets a timer run out that is armed.
    pub fn expire(&mut self, timer: P::Timer) -> Vec<(Option<ReplicaId>, Arc<P::Message>)> {
        assert!(self.armed.contains(&timer), "{timer:?} is not armed");
        self.armed.retain(|armed| *armed != timer);
        self.step(Event::Expired(timer))
    }

    pub fn committed_ids(&self) -> Vec<Digest> {
        self.committed.iter().map(|block| block.id()).collect()
    }
}

/// A message that was sent and not yet delivered.
pub(super) struct Flying<P: Protocol> {
    pub from: ReplicaId,
    pub to: ReplicaId,
    message: Arc<P::Message>,
}

/// A committee and the messages between its members.
pub(super) struct Cluster<P: Protocol> {
    pub replicas: Vec<Lone<P>>,
    pub flying: Vec<Flying<P>>,
    pub crashed: BTreeSet<ReplicaId>,
}

impl<P: Protocol> Cluster<P> {
    /// `n` replicas that have begun.
    pub fn start(n: u32, params: &P::Params) -> Cluster<P> {
        let committee = Committee::new(n);
        let replicas = committee.replicas().map(|me| Lone::new(me, &committee, params)).collect();
        let mut cluster = Cluster { replicas, flying: Vec::new(), crashed: BTreeSet::new() };
        for me in committee.replicas() {
            cluster.step(me, Event::Start);
            if P::WAKES_ON_PAYLOAD {
                cluster.step(me, Event::Submitted);
            }
        }
        cluster
    }

    fn step(&mut self, me: ReplicaId, event: Event<'_, P>) {
        let sent = self.replicas[me.index()].step(event);
        self.post(me, sent);
    }

    /// A replica crashes and comes back; messages to it that were not delivered still will be.
    pub fn restart(&mut self, me: ReplicaId) {
        self.crashed.remove(&me);
        let sent = self.replicas[me.index()].restart();
        self.post(me, sent);
    }

    fn post(&mut self, me: ReplicaId, sent: Vec<(Option<ReplicaId>, Arc<P::Message>)>) {
        let all = 0..self.replicas.len() as u32;
        for (to, message) in sent {
            let receivers = all.clone().map(ReplicaId).filter(|&one| to.map_or(one != me, |to| one == to));
            self.flying.extend(receivers.map(|to| Flying { from: me, to, message: message.clone() }));
        }
    }

    /// Delivers the flying message at `index`, unless its receiver has crashed.
    pub fn deliver(&mut self, index: usize) {
        let Flying { from, to, message } = self.flying.swap_remove(index);
        if !self.crashed.contains(&to) {
            self.step(to, Event::Received { from, message: &message });
        }
    }

    /// Delivers the oldest flying message, until none is left or `most` are delivered.
    pub fn deliver_in_order(&mut self, most: usize) {
        for _ in 0..most {
            if self.flying.is_empty() {
                return;
            }
            let Flying { from, to, message } = self.flying.remove(0);
            if !self.crashed.contains(&to) {
                self.step(to, Event::Received { from, message: &message });
            }
        }
    }

    /// Sends the flying message at `index` a second time.
    pub fn repeat(&mut self, index: usize) {
        let Flying { from, to, ref message } = self.flying[index];
        self.flying.push(Flying { from, to, message: message.clone() });
    }

    /// Lets a timer of a replica run out, if it is armed.
    pub fn expire_timer(&mut self, me: ReplicaId, timer: P::Timer) {
        if let Some(which) = self.replicas[me.index()].armed.iter().position(|armed| *armed == timer) {
            self.expire(me, which);
        }
    }

    /// Lets the `which`-th armed timer of a replica run out, if it has one.
    pub fn expire(&mut self, me: ReplicaId, which: usize) {
        let armed = &mut self.replicas[me.index()].armed;
        if !self.crashed.contains(&me) && !armed.is_empty() {
            let timer = armed.remove(which % armed.len());
            self.step(me, Event::Expired(timer));
        }
    }

    /// Stops a replica; what it sent before is still delivered.
    pub fn crash(&mut self, me: ReplicaId) {
        self.crashed.insert(me);
    }

    /// Time passes in a network that works: everything is delivered and every timer runs out, over and over.
    pub fn calm(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.deliver_in_order(4 * self.replicas.len() * self.replicas.len());
            if self.flying.is_empty() {
                (0..self.replicas.len() as u32).for_each(|me| self.expire(ReplicaId(me), 0));
            }
        }
    }

    /// Time passes in a network that works: every message takes `delay`, and timers run out when they are due. Where
    /// replicas are told apart by how long they wait, [`Cluster::calm`] would have them all wake at once.
    pub fn pass(&mut self, span: Span, delay: Span) {
        for _ in 0..span.0 / delay.0 {
            self.replicas.iter_mut().for_each(|replica| replica.now += delay);
            self.deliver_in_order(self.flying.len());
            for me in (0..self.replicas.len() as u32).map(ReplicaId) {
                while let Some(timer) = self.replicas[me.index()].next_due().filter(|_| !self.crashed.contains(&me)) {
                    self.replicas[me.index()].armed.retain(|armed| *armed != timer);
                    self.step(me, Event::Expired(timer));
                }
            }
        }
    }

    /// More to order comes to everyone.
    pub fn submit(&mut self, payloads: u64) {
        for me in (0..self.replicas.len() as u32).map(ReplicaId) {
            self.replicas[me.index()].payloads.left = self.replicas[me.index()].payloads.left.saturating_add(payloads);
            if P::WAKES_ON_PAYLOAD && !self.crashed.contains(&me) {
                self.step(me, Event::Submitted);
            }
        }
    }

    pub fn running(&self) -> impl Iterator<Item = &Lone<P>> {
        self.replicas.iter().filter(|replica| !self.crashed.contains(&replica.me))
    }

    /// Asserts that of any two replicas' commits, crashed ones included, one begins with the other.
    pub fn assert_agreement(&self) {
        let longest = self.replicas.iter().map(Lone::committed_ids).max_by_key(Vec::len).unwrap_or_default();
        for replica in &self.replicas {
            let ids = replica.committed_ids();
            assert_eq!(ids, longest[..ids.len()], "{} committed another chain", replica.me);
        }
    }

    /// The fewest and most blocks that running replicas have committed.
    pub fn heights(&self) -> (usize, usize) {
        let lengths = || self.running().map(|replica| replica.committed.len());
        (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
    }
}
