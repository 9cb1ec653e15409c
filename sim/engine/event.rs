//! What can happen, in eight bytes each: a tag, a replica, and a slot in the table of its kind.

use std::sync::Arc;

use crate::base::{Bytes, ReplicaId};
use crate::consensus::{Parcel, Protocol};
use crate::ledger::Transaction;

/// A pending event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A transaction reaches its gateway's NIC.
    Uplinked { slot: u32 },
    /// A batch has waited long enough to fill.
    SealDue { replica: u16, sequence: u32 },
    /// A batch's signatures are verified.
    Sealed { replica: u16, slot: u32 },
    /// A message reaches a replica's NIC.
    Arrived { slot: u32 },
    /// A message that waited long at a replica's NIC is through.
    Received { replica: u16, slot: u32 },
    /// A message is received and verified.
    Ready { replica: u16, slot: u32 },
    /// A handler's charged time ends: its messages leave.
    Released { replica: u16, slot: u32 },
    /// A protocol timer runs out.
    Expired { replica: u16, serial: u32 },
    /// The dissemination layer looks after what has waited.
    Ticked { replica: u16 },
    /// A replica has executed a block.
    Executed { replica: u16, height: u32 },
    /// A replica stops.
    Crashed { replica: u16 },
}

const _: () = assert!(size_of::<Event>() == 8, "a pending event is 24 bytes with its key");

/// A transaction on its way to a gateway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub transaction: Transaction,
    pub gateway: ReplicaId,
}

/// What travels between replicas.
pub(super) enum Wire<P: Protocol> {
    /// A protocol message.
    Order(Arc<P::Message>),
    /// A dissemination parcel.
    Parcel(Parcel),
}

impl<P: Protocol> Clone for Wire<P> {
    fn clone(&self) -> Self {
        match self {
            Wire::Order(message) => Wire::Order(message.clone()),
            Wire::Parcel(parcel) => Wire::Parcel(parcel.clone()),
        }
    }
}

/// One message on its way to one receiver or to many.
pub(super) struct Envelope<P: Protocol> {
    pub from: ReplicaId,
    /// The receiver, unless it is a multicast.
    pub to: Option<ReplicaId>,
    pub wire: Wire<P>,
    pub size: Bytes,
    /// What receiving costs each receiver on its crypto cores: computed once for all of them.
    pub work: Work,
    /// Receivers that still refer to it.
    pub left: u32,
}

/// Work on the crypto cores, and into how many pieces it divides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub total: crate::base::Span,
    pub parts: u64,
}
