//! What can happen, in eight bytes each: a tag, a machine, how often it had stopped by then, and a slot in the table of
//! its kind. What a machine was about to do when it stopped, it does not do after it came back.

use std::sync::Arc;

use crate::base::{Bytes, NodeId, ReplicaId};
use crate::consensus::{Checks, Message, Parcel, Protocol};
use crate::ledger::Transaction;

use super::cross::Note;

/// A pending event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A transaction reaches its gateway's NIC.
    Uplinked { slot: u32 },
    /// A batch has waited long enough to fill.
    SealDue { node: u16, sequence: u32 },
    /// A batch's signatures are verified.
    Sealed { node: u16, outages: u8, slot: u32 },
    /// A message reaches a replica's NIC.
    Arrived { slot: u32 },
    /// A message that waited long at a replica's NIC is through.
    Received { node: u16, outages: u8, slot: u32 },
    /// A message is received and verified.
    Ready { node: u16, outages: u8, slot: u32 },
    /// A handler's charged time ends: its messages leave.
    Released { node: u16, outages: u8, slot: u32 },
    /// A protocol timer runs out.
    Expired { node: u16, serial: u32 },
    /// The dissemination layer looks after what has waited, unless its machine was down since.
    Ticked { node: u16, outages: u32 },
    /// A replica looks after the locks of transactions across shards, unless its machine was down since.
    Retried { node: u16, outages: u32 },
    /// A replica has executed a block.
    Executed { node: u16, outages: u8, height: u32 },
    /// A fault of the plan begins or ends at a machine.
    Faulted { node: u16, fault: Fault },
}

const _: () = assert!(size_of::<Event>() == 8, "a pending event is 24 bytes with its key");

/// What begins or ends at a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It stops; whether it ever comes back.
    Crashed { for_good: bool },
    /// It comes back.
    Restarted,
    /// It does nothing until the end of the plan's n-th pause.
    Paused { nth: u16 },
    /// A slowdown begins or ends.
    Slowed,
    /// It lies no more.
    Reformed,
}

/// A transaction on its way to a gateway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub transaction: Transaction,
    pub gateway: ReplicaId,
}

/// What travels between machines.
pub(super) enum Wire<P: Protocol> {
    /// A protocol message.
    Order(Arc<P::Message>),
    /// A dissemination parcel.
    Parcel(Parcel),
    /// What a replica says to another shard's gateway.
    Note(Arc<Note>),
}

impl<P: Protocol> Wire<P> {
    /// Size on the wire.
    pub fn size(&self, weight: u32) -> Bytes {
        match self {
            Wire::Order(message) => message.wire(),
            Wire::Parcel(parcel) => parcel.wire(),
            Wire::Note(note) => note.wire(weight),
        }
    }

    /// What its receiver verifies, beside the batches in it.
    pub fn checks(&self) -> Checks {
        match self {
            Wire::Order(message) => message.checks(),
            Wire::Parcel(parcel) => parcel.checks(),
            // What one shard shows another is counted with its shares.
            Wire::Note(_) => Checks::default(),
        }
    }

    /// Whether `from` proposes with it.
    pub fn proposes(&self, from: ReplicaId) -> bool {
        match self {
            Wire::Order(message) => message.proposes(from),
            Wire::Parcel(parcel) => parcel.proposes(from),
            Wire::Note(_) => false,
        }
    }
}

impl<P: Protocol> Clone for Wire<P> {
    fn clone(&self) -> Self {
        match self {
            Wire::Order(message) => Wire::Order(message.clone()),
            Wire::Parcel(parcel) => Wire::Parcel(parcel.clone()),
            Wire::Note(note) => Wire::Note(note.clone()),
        }
    }
}

/// One message on its way to one receiver or to many.
pub(super) struct Envelope<P: Protocol> {
    pub from: NodeId,
    /// The receiver, unless it is a multicast.
    pub to: Option<NodeId>,
    /// What it says; taken out while a receiver's handler reads it.
    pub wire: Option<Wire<P>>,
    /// Whether its signature does not verify.
    pub forged: bool,
    pub size: Bytes,
    /// What receiving costs each receiver on its crypto cores: computed once for all of them.
    pub work: Work,
    /// Receivers that still refer to it.
    pub left: u32,
}

impl<P: Protocol> Envelope<P> {
    /// What it says, to be put back when the handler is done with it.
    pub fn take_wire(&mut self) -> Wire<P> {
        self.wire.take().expect("a machine handles one message at a time")
    }
}

/// Work on the crypto cores, and into how many pieces it divides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub total: crate::base::Span,
    pub parts: u64,
}
