//! What a protocol is.

use std::fmt::Debug;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Bytes, ReplicaId};
use crate::ledger::{Block, Certificate, Committee, Statement, TimeoutCertificate};

use super::Context;

/// An ordering protocol: a state machine without input or output of its own.
pub trait Protocol: Sized + 'static {
    /// The name under which scenarios choose it.
    const NAME: &'static str;
    /// Whether it wants [`Event::Submitted`] when there is something to order; if not, it asks when it needs it.
    const WAKES_ON_PAYLOAD: bool = false;
    /// What replicas send each other.
    type Message: Message;
    /// Its timers. Arming one that is armed moves it.
    type Timer: Copy + Eq + Debug;
    /// Its settings.
    type Params: Default + Clone + Debug + Serialize + DeserializeOwned + JsonSchema;

    /// A replica at genesis.
    fn new(me: ReplicaId, committee: &Committee, params: &Self::Params) -> Self;

    /// Takes one event; only dispatches to one handler for each kind.
    fn step(&mut self, event: Event<Self>, ctx: &mut Context<'_, Self>);
}

/// What happens to a replica.
#[derive(Debug)]
pub enum Event<P: Protocol> {
    /// The run begins.
    Start,
    /// There is something to order (only where [`Protocol::WAKES_ON_PAYLOAD`]).
    Submitted,
    /// A verified message, with everything it orders at hand.
    Received {
        /// The sender's identity.
        from: ReplicaId,
        /// The message, shared with its other receivers.
        message: Arc<P::Message>,
    },
    /// An armed timer ran out.
    Expired(P::Timer),
}

/// A message between replicas of one protocol.
pub trait Message: Debug + 'static {
    /// Size on the wire.
    fn wire(&self) -> Bytes;

    /// What its receiver verifies before the protocol sees it.
    fn checks(&self) -> Checks;

    /// What its sender states and signs with it, unless it only passes on.
    fn statement(&self, from: ReplicaId) -> Option<Statement>;

    /// The block it carries.
    fn block(&self) -> Option<&Arc<Block>> {
        None
    }

    /// The certificate it carries.
    fn certificate(&self) -> Option<&Arc<Certificate>> {
        None
    }

    /// The timeout certificate it carries.
    fn timeout_certificate(&self) -> Option<&Arc<TimeoutCertificate>> {
        None
    }
}

/// The work of verifying one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Signatures over different statements, or under different keys; verified as one batch.
    pub signatures: u32,
    /// Bytes hashed.
    pub hashed: Bytes,
}

/// Work that a protocol does itself and names by kind: it cannot know what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// A durable write: the handler's effects leave when it is on disk.
    Fsync,
}
