//! A block: batches ordered under a parent.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, Sink, View};

use super::{Batch, BatchRef};

/// What a block orders. Under the `leader` dissemination layer the batches travel inside it.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    /// The batches, in the order of their execution.
    pub batches: Vec<BatchRef>,
    /// Their contents where they travel with the block, in the same order; else empty.
    pub inline: Vec<Arc<Batch>>,
}

impl Payload {
    /// Whether nothing is ordered.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether the contents that travel with the block, if any, are those that it orders.
    pub fn is_intact(&self) -> bool {
        let same = |(reference, batch): (&BatchRef, &Arc<Batch>)| reference == batch.reference() && batch.is_intact();
        self.inline.is_empty()
            || (self.inline.len() == self.batches.len() && self.batches.iter().zip(&self.inline).all(same))
    }

    /// Length of the contents that travel with the block.
    pub fn inline_bytes(&self) -> Bytes {
        self.inline.iter().map(|batch| batch.wire()).sum()
    }
}

/// An ordered group of batches with a parent. Immutable and shared; the id is computed once, from the encoding.
#[derive(Debug)]
pub struct Block {
    /// The leader's term in which it was proposed.
    pub view: View,
    /// Its position in the chain.
    pub height: Height,
    /// The replica that proposed it.
    pub author: ReplicaId,
    /// The id of the block before it.
    pub parent: Digest,
    /// The view of the block before it.
    pub parent_view: View,
    /// What it orders.
    pub payload: Payload,
    id: Digest,
}

impl Block {
    /// The block before every other.
    pub fn genesis() -> Block {
        Block::sealed(View(0), Height(0), ReplicaId(0), Digest::ZERO, View(0), Payload::default())
    }

    /// A block on top of the block `parent` of `parent_view` at `height - 1`.
    pub fn sealed(
        view: View,
        height: Height,
        author: ReplicaId,
        parent: Digest,
        parent_view: View,
        payload: Payload,
    ) -> Block {
        let mut block = Block { view, height, author, parent, parent_view, payload, id: Digest::ZERO };
        block.id = block.recompute_id();
        block
    }

    /// BLAKE3 of the header's encoding.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The id that the contents hash to.
    pub fn recompute_id(&self) -> Digest {
        Digest::of_encoded("systole block v1", self)
    }

    /// Size on the wire: the header and what travels with it.
    pub fn wire(&self) -> Bytes {
        self.encoded_len() + self.payload.inline_bytes()
    }
}

/// The header: everything but the inline contents, which the batch ids already commit to.
impl Encode for Block {
    fn encode(&self, sink: &mut impl Sink) {
        self.view.encode(sink);
        self.height.encode(sink);
        self.author.encode(sink);
        self.parent.encode(sink);
        self.parent_view.encode(sink);
        self.payload.batches[..].encode(sink);
    }
}
