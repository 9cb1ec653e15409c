//! What a protocol is.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Bytes, Rate, ReplicaId, Span};
use crate::ledger::{Block, Certificate, Committee, Phase, Promises, Statement, TimeoutCertificate};

use super::{Context, Layer, Pace};

/// An ordering protocol: a state machine without input or output of its own.
pub trait Protocol: Sized + 'static {
    /// The name under which scenarios choose it.
    const NAME: &'static str;
    /// The dissemination layers that it runs over.
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched, Layer::Certified];
    /// Fewest replicas that it runs with.
    const LEAST_REPLICAS: u32 = 1;
    /// Whether it wants [`Event::Submitted`] when there is something to order; if not, it asks when it needs it.
    const WAKES_ON_PAYLOAD: bool = false;
    /// Defects that tests can plant in it with [`super::planted`], each of which the conformance suite must find.
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[];
    /// What replicas send each other.
    type Message: Message;
    /// Its timers. Arming one that is armed moves it.
    type Timer: Copy + Eq + Debug;
    /// Its settings.
    type Params: Default + Clone + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// Whether the settings can be, for that many replicas.
    fn validate(params: &Self::Params, replicas: u32) -> Result<(), BadSetting> {
        let _ = (params, replicas);
        Ok(())
    }

    /// Settings for round trips of at most a tenth of a second, under which the conformance suite runs.
    fn brisk() -> Self::Params {
        Self::Params::default()
    }

    /// What judges may hold it to.
    fn promises(params: &Self::Params) -> Promises;

    /// What rounds of a certified DAG wait for, where the protocol orders one.
    fn pace(params: &Self::Params) -> Pace {
        let _ = params;
        Pace::Free
    }

    /// How long after the last fault (with at most as many replicas faulty for good as it tolerates, and round trips of
    /// at most a tenth of a second) everything submitted is committed everywhere, at most.
    fn patience(params: &Self::Params, committee: &Committee) -> Span;

    /// The most that one connection carries, where the protocol's implementations limit it themselves.
    fn connection_rate(params: &Self::Params) -> Option<Rate> {
        let _ = params;
        None
    }

    /// A replica at genesis.
    fn new(me: ReplicaId, committee: &Committee, params: &Self::Params) -> Self;

    /// The replica after a crash: it has what it had written ([`Charge::Fsync`]) before it sent anything that depends on
    /// it, and nothing else. [`Event::Start`] comes next, as at genesis; no timer is armed.
    fn recovered(&self) -> Self;

    /// Takes one event; only dispatches to one handler for each kind.
    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Context<'_, Self>);
}

/// A setting that cannot be: the key within the protocol's table, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The key.
    pub key: &'static str,
    /// "must be between 1 and 10, not 11".
    pub rule: String,
}

impl BadSetting {
    /// That `value` lies between `least` and `most`.
    pub fn unless_within(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), BadSetting> {
        let rule = || format!("must be between {least} and {most}, not {value}");
        if (least..=most).contains(&value) { Ok(()) } else { Err(BadSetting { key, rule: rule() }) }
    }
}

/// What happens to a replica.
#[derive(Debug)]
pub enum Event<'a, P: Protocol> {
    /// The run begins, or the replica has come back from a crash.
    Start,
    /// There is something to order (only where [`Protocol::WAKES_ON_PAYLOAD`]).
    Submitted,
    /// A verified message, with everything it orders at hand.
    Received {
        /// The sender's identity.
        from: ReplicaId,
        /// The message, shared with its other receivers.
        message: &'a Arc<P::Message>,
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

    /// What its sender states with it, unless it only passes on.
    fn statement(&self, from: ReplicaId) -> Option<Statement>;

    /// Whether `from` proposes with it, for the first time or again, wholly or in part; also where it is asked for what
    /// it proposed.
    fn proposes(&self, from: ReplicaId) -> bool {
        let states = |statement: Statement| statement.phase == Phase::Propose;
        self.statement(from).is_some_and(states) || self.block().is_some_and(|block| block.author == from)
    }

    /// The block it carries.
    fn block(&self) -> Option<&Arc<Block>> {
        None
    }

    /// Shows `see` every certificate that it carries.
    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        let _ = see;
    }
}

/// Of protocols that leave sending to their dissemination layer.
impl Message for Infallible {
    fn wire(&self) -> Bytes {
        match *self {}
    }

    fn checks(&self) -> Checks {
        match *self {}
    }

    fn statement(&self, _: ReplicaId) -> Option<Statement> {
        match *self {}
    }
}

/// A certificate that a message carries.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A quorum for a block.
    Certificate(&'a Certificate),
    /// A quorum that gave up on a view.
    Timeouts(&'a TimeoutCertificate),
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
