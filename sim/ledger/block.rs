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

/// A block of an earlier round that a block of a DAG builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Its round.
    pub round: View,
    /// Who proposed it.
    pub author: ReplicaId,
    /// Its id.
    pub id: Digest,
}

/// An ordered group of batches with a parent. Immutable and shared; the id is computed once, from the encoding.
///
/// In a DAG a replica proposes one block in each round, which is both its view and its height; its parent is its
/// author's block before. A chain of committed sub-DAGs links each block to its anchor, the last block of the sub-DAG.
#[derive(Debug)]
pub struct Block {
    /// The leader's term in which it was proposed, or its round in a DAG.
    pub view: View,
    /// Its position in the chain, or its round in a DAG.
    pub height: Height,
    /// The replica that proposed it.
    pub author: ReplicaId,
    /// The id of the block before it.
    pub parent: Digest,
    /// The view of the block before it.
    pub parent_view: View,
    /// What it orders.
    pub payload: Payload,
    /// What it builds on in a DAG: its author's own block before first, then ascending. The root of a calendar's entry.
    /// Empty in other chains.
    pub links: Vec<Link>,
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
        let links = Vec::new();
        Block { view, height, author, parent, parent_view, payload, links, id: Digest::ZERO }.with_id()
    }

    /// A block of a DAG. Those of the first round, 1, build on nothing.
    pub fn woven(round: View, author: ReplicaId, links: Vec<Link>, payload: Payload) -> Block {
        let own = links.first().filter(|link| link.author == author);
        let (parent, parent_view) = own.map_or((Digest::ZERO, View(0)), |link| (link.id, link.round));
        let height = Height(round.0);
        Block { view: round, height, author, parent, parent_view, payload, links, id: Digest::ZERO }.with_id()
    }

    /// The block after `before` in a chain of committed sub-DAGs: what the sub-DAG of `anchor` orders.
    pub fn anchored(before: &Block, anchor: &Block, payload: Payload) -> Block {
        let (parent, parent_view, height) = (before.id, before.view, before.height.next());
        let (view, author, links) = (anchor.view, anchor.author, vec![anchor.link()]);
        Block { view, height, author, parent, parent_view, payload, links, id: Digest::ZERO }.with_id()
    }

    /// The entry after `before` in a hash calendar: what the tree under `root` covers.
    pub fn rooted(before: &Block, author: ReplicaId, root: Digest, payload: Payload) -> Block {
        let (parent, parent_view, height) = (before.id, before.view, before.height.next());
        let view = View(height.0);
        let links = vec![Link { round: view, author, id: root }];
        Block { view, height, author, parent, parent_view, payload, links, id: Digest::ZERO }.with_id()
    }

    fn with_id(self) -> Block {
        Block { id: self.recompute_id(), ..self }
    }

    /// How blocks of later rounds name it.
    pub fn link(&self) -> Link {
        Link { round: self.view, author: self.author, id: self.id }
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
        // Nothing where there are none, as in most chains.
        if !self.links.is_empty() {
            self.links[..].encode(sink);
        }
    }
}

impl Encode for Link {
    fn encode(&self, sink: &mut impl Sink) {
        self.round.encode(sink);
        self.author.encode(sink);
        self.id.encode(sink);
    }
}
