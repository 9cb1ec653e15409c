//! A protocol's only capabilities.

use std::fmt;
use std::sync::Arc;

use crate::base::{Digest, ReplicaId, Span, Time, View};
use crate::ledger::{Block, Payload, Statement};

use super::dag::Dag;
use super::planted::planted;
use super::{Charge, Protocol};

/// Where blocks get their contents: the dissemination layer below a protocol.
pub trait PayloadSource {
    /// What a block proposed now should order: batches at hand that no block in flight and no committed one orders.
    fn payload(&mut self) -> Payload;

    /// Whether [`PayloadSource::payload`] would be empty.
    fn is_empty(&mut self) -> bool;

    /// What has waited longest to be ordered, if anything has.
    fn oldest(&mut self) -> Option<Digest>;

    /// The DAG that the layer weaves of what is at hand, if it does: for protocols that order that.
    fn dag(&mut self) -> Option<&mut Dag> {
        None
    }
}

/// What a handler wants done. Effects leave in order when the handler's charged time ends.
pub enum Effect<P: Protocol> {
    /// Send to one replica.
    Send(ReplicaId, Arc<P::Message>),
    /// Send to all other replicas.
    Broadcast(Arc<P::Message>),
    /// Sign a statement that this replica itself collects: no message carries it.
    State(Statement),
    /// Start or move a timer.
    Arm(P::Timer, Span),
    /// Stop a timer.
    Disarm(P::Timer),
    /// The next block of the chain will not be reverted.
    Commit(Arc<Block>),
    /// In a DAG: no block of that round or before that is not committed ever will be.
    Pass(View),
    /// That replica will propose soon: whatever it should order must reach it.
    Expect(ReplicaId),
    /// Deliver to this replica itself what it has put together, through the same gate as what it receives.
    TakeUp(Arc<P::Message>),
}

impl<P: Protocol> fmt::Debug for Effect<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Send(to, message) => write!(f, "send {to} {message:?}"),
            Effect::Broadcast(message) => write!(f, "broadcast {message:?}"),
            Effect::State(statement) => write!(f, "state {statement:?}"),
            Effect::Arm(timer, after) => write!(f, "arm {timer:?} {after:?}"),
            Effect::Disarm(timer) => write!(f, "disarm {timer:?}"),
            Effect::Commit(block) => write!(f, "commit {} {:?}", block.height, block.id()),
            Effect::Pass(round) => write!(f, "pass {round}"),
            Effect::Expect(replica) => write!(f, "expect {replica}"),
            Effect::TakeUp(message) => write!(f, "take up {message:?}"),
        }
    }
}

/// One handler's view of the world and the effects it has asked for.
pub struct Context<'a, P: Protocol> {
    /// When the handler runs; effects leave later, by its cost.
    pub now: Time,
    source: &'a mut dyn PayloadSource,
    effects: &'a mut Vec<Effect<P>>,
    charges: &'a mut Vec<Charge>,
}

impl<'a, P: Protocol> Context<'a, P> {
    /// A context that appends to `effects` and `charges`.
    pub fn new(
        now: Time,
        source: &'a mut dyn PayloadSource,
        effects: &'a mut Vec<Effect<P>>,
        charges: &'a mut Vec<Charge>,
    ) -> Self {
        Context { now, source, effects, charges }
    }

    /// Sends `message` to `to`, another replica.
    pub fn send(&mut self, to: ReplicaId, message: P::Message) {
        self.effects.push(Effect::Send(to, Arc::new(message)));
    }

    /// Sends `message` to each of `to`, as one shared message.
    pub fn send_to(&mut self, to: impl IntoIterator<Item = ReplicaId>, message: P::Message) {
        let message = Arc::new(message);
        self.effects.extend(to.into_iter().map(|to| Effect::Send(to, message.clone())));
    }

    /// Sends `message` to all other replicas, as one shared message.
    pub fn broadcast(&mut self, message: P::Message) {
        self.effects.push(Effect::Broadcast(Arc::new(message)));
    }

    /// Signs a statement that this replica itself collects.
    pub fn state(&mut self, statement: Statement) {
        self.effects.push(Effect::State(statement));
    }

    /// Starts or moves a timer to run out `after` the effects leave.
    pub fn arm(&mut self, timer: P::Timer, after: Span) {
        self.effects.push(Effect::Arm(timer, after));
    }

    /// Stops a timer.
    pub fn disarm(&mut self, timer: P::Timer) {
        self.effects.push(Effect::Disarm(timer));
    }

    /// Declares the next block of the chain committed.
    pub fn commit(&mut self, block: Arc<Block>) {
        self.effects.push(Effect::Commit(block));
    }

    /// Declares that no block of a DAG of `round` or before that is not committed ever will be.
    pub fn pass(&mut self, round: View) {
        self.effects.push(Effect::Pass(round));
    }

    /// Tells the dissemination layer who will propose soon.
    pub fn expect(&mut self, proposer: ReplicaId) {
        self.effects.push(Effect::Expect(proposer));
    }

    /// Delivers `message` to this replica itself, once it is verified (where it does not state it itself) and what its
    /// block orders is at hand: for what came in parts.
    pub fn take_up(&mut self, message: P::Message) {
        self.effects.push(Effect::TakeUp(Arc::new(message)));
    }

    /// Charges work that the handler does beyond computing.
    pub fn charge(&mut self, charge: Charge) {
        if !planted!("promises not written") {
            self.charges.push(charge);
        }
    }

    /// What a block proposed now should order.
    pub fn payload(&mut self) -> Payload {
        self.source.payload()
    }

    /// Whether there is nothing to order.
    pub fn nothing_to_order(&mut self) -> bool {
        self.source.is_empty()
    }

    /// What has waited longest to be ordered by a block that is known of, if anything has.
    pub fn oldest_pending(&mut self) -> Option<Digest> {
        self.source.oldest()
    }

    /// The DAG that the dissemination layer weaves, if it does.
    pub fn dag(&mut self) -> Option<&mut Dag> {
        self.source.dag()
    }

    /// A choice that is even but not random: spreads requests over replicas by content.
    pub fn spread(&self, content: &Digest, attempt: u64, among: u32) -> u32 {
        (content.first_word().wrapping_add(attempt) % u64::from(among)) as u32
    }
}
