//! How messages travel: each to all, or over gossip to neighbours, who pass them on once.
//!
//! Over gossip the proposer sends a header and the block's parts, and whoever has all parts takes the proposal up as if
//! it had come whole, so that its signatures and batches are looked after below the protocol. What was seen is known
//! from the height's own records (votes counted, headers and parts held), so the memory for it ends with the height.
//! A part that comes before its header is kept, and passed on when the header says that it is wanted.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::Block;

use super::message::{Ballot, Header, TendermintMessage};
use super::{Ctx, Tendermint, Transport};

/// Blocks of one round that parts are kept of before the header tells which is meant: anyone can send parts.
const MOST_UNNAMED: usize = 4;

/// The parts of one block.
#[derive(Clone, Debug)]
struct Assembly {
    block: Arc<Block>,
    have: Vec<bool>,
    left: u32,
}

/// Parts that have come in one round.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    blocks: Vec<Assembly>,
}

impl Parts {
    /// Takes one of `total` parts in; whether it is new.
    fn add(&mut self, block: &Arc<Block>, index: u32, total: u32) -> bool {
        // Batches that are not the block's would not have the Merkle path that the header asks for.
        if index >= total || !block.payload.is_intact() {
            return false;
        }
        let known = self.blocks.iter().position(|assembly| assembly.block.id() == block.id());
        let at = known.unwrap_or(self.blocks.len());
        if known.is_none() {
            if self.blocks.len() == MOST_UNNAMED {
                return false;
            }
            self.blocks.push(Assembly { block: block.clone(), have: vec![false; total as usize], left: total });
        }
        let Assembly { have, left, .. } = &mut self.blocks[at];
        let new = have.get_mut(index as usize).is_some_and(|have| !std::mem::replace(have, true));
        *left -= u32::from(new);
        new
    }

    /// The header names this block: no other is waited for.
    fn name(&mut self, id: &Digest) {
        self.blocks.retain(|assembly| assembly.block.id() == *id);
    }

    fn of(&self, id: &Digest) -> Option<&Assembly> {
        self.blocks.iter().find(|assembly| assembly.block.id() == *id)
    }

    /// The block, once all its parts have come.
    pub fn whole(&self, id: &Digest) -> Option<&Arc<Block>> {
        self.of(id).filter(|assembly| assembly.left == 0).map(|assembly| &assembly.block)
    }

    /// The parts that have not come; none where none has, as then nobody knows how many there are.
    pub fn missing(&self, id: &Digest) -> Vec<u32> {
        let missing =
            |assembly: &Assembly| (0u32..).zip(&assembly.have).filter(|(_, have)| !**have).map(|(at, _)| at).collect();
        self.of(id).map_or_else(Vec::new, missing)
    }
}

impl Tendermint {
    /// Sends a message that states nothing to all, or to all neighbours.
    pub(super) fn spread(&self, ctx: &mut Ctx<'_>, message: impl FnOnce() -> TendermintMessage) {
        match self.params.transport {
            Transport::Direct => ctx.broadcast(message()),
            Transport::Gossip => ctx.send_to(self.neighbours.iter().copied(), message()),
        }
    }

    /// Sends this replica's vote. Over gossip it is stated once, however many copies leave.
    pub(super) fn send_vote(&self, ballot: Ballot, ctx: &mut Ctx<'_>) {
        match self.params.transport {
            Transport::Direct => ctx.broadcast(TendermintMessage::Vote(ballot)),
            Transport::Gossip => {
                ctx.state(ballot.statement(self.me));
                self.spread(ctx, || TendermintMessage::Passed { by: self.me, ballot });
            }
        }
    }

    /// Passes a message on to the neighbours that have it from neither its author nor the one it came from.
    pub(super) fn pass_on(&self, via: ReplicaId, by: ReplicaId, message: TendermintMessage, ctx: &mut Ctx<'_>) {
        let others = self.neighbours.iter().copied().filter(|&to| to != via && to != by);
        ctx.send_to(others, message);
    }

    /// How many parts a block is cut into.
    fn total(&self, block: &Block) -> u32 {
        u32::try_from(block.wire().0.div_ceil(self.params.part_bytes).max(1)).unwrap_or(u32::MAX)
    }

    fn part(&self, at: (Height, View), block: &Arc<Block>, index: u32) -> TendermintMessage {
        let ((height, view), total) = (at, self.total(block));
        let before = u64::from(index) * self.params.part_bytes;
        let bytes = block.wire().0.saturating_sub(before).min(self.params.part_bytes);
        TendermintMessage::Part { height, view, block: block.clone(), index, total, bytes }
    }

    /// A proposal leaves: the header first, then parts, to each neighbour beginning with another one, so that neighbours
    /// soon have different parts to pass on. The proposer takes its own proposal up like everyone else.
    pub(super) fn send_in_parts(&mut self, header: Header, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        ctx.take_up(TendermintMessage::Whole { header, block: block.clone() });
        self.spread(ctx, || TendermintMessage::Header(header));
        let (total, at) = (self.total(block), (header.height, header.view));
        if let Some(round) = self.round(header.height, header.view) {
            for index in 0..total {
                round.parts.add(block, index, total);
            }
        }
        for step in 0..total {
            for (nth, &to) in (0u32..).zip(&self.neighbours) {
                let index = (u64::from(step) + u64::from(nth)) % u64::from(total);
                ctx.send(to, self.part(at, block, index as u32));
            }
        }
    }

    /// The header of a proposal came, over gossip: of its round the first by the round's proposer counts.
    pub(super) fn on_header(&mut self, from: ReplicaId, header: &Header, ctx: &mut Ctx<'_>) {
        let Header { by, height, view, block: id, .. } = *header;
        if by != self.proposer(height, view) {
            return;
        }
        self.note_round(from, by, (height, view), ctx);
        let Some(round) = self.round(height, view).filter(|round| round.header.is_none()) else { return };
        round.header = Some(*header);
        round.parts.name(&id);
        let held = round.parts.of(&id).cloned();
        self.pass_on(from, by, TendermintMessage::Header(*header), ctx);
        if let Some(Assembly { block, have, .. }) = held {
            for (index, _) in (0u32..).zip(&have).filter(|(_, have)| **have) {
                self.pass_on(from, by, self.part((height, view), &block, index), ctx);
            }
        }
        self.take_up_whole(header, ctx);
        // Who is no neighbour repeats it because it is stuck: the parts may come no other way.
        let lacks = |round: &&mut super::votes::Round| round.block.is_none() && round.parts.whole(&id).is_none();
        let stranger = !self.neighbours.is_empty() && !self.neighbours.contains(&from);
        if let Some(round) = self.round(height, view).filter(lacks).filter(|_| stranger) {
            let parts = round.parts.missing(&id);
            ctx.send(from, TendermintMessage::Lacking { height, view, parts });
        }
    }

    /// A part came.
    pub(super) fn on_part(
        &mut self,
        from: ReplicaId,
        at: (Height, View),
        block: &Arc<Block>,
        index: u32,
        ctx: &mut Ctx<'_>,
    ) {
        let (total, by) = (self.total(block), self.proposer(at.0, at.1));
        let Some(round) = self.round(at.0, at.1).filter(|_| block.height == at.0) else { return };
        let header = round.header;
        if header.is_some_and(|header| header.block != block.id()) || !round.parts.add(block, index, total) {
            return;
        }
        if let Some(header) = header {
            self.pass_on(from, by, self.part(at, block, index), ctx);
            self.take_up_whole(&header, ctx);
        }
    }

    /// All parts have come, or the block is known from an earlier round: the proposal is taken up.
    fn take_up_whole(&mut self, header: &Header, ctx: &mut Ctx<'_>) {
        let known = if header.height == self.state.height { self.rounds.block(&header.block).cloned() } else { None };
        let Some(round) = self.round(header.height, header.view).filter(|round| round.block.is_none()) else { return };
        if let Some(block) = known.or_else(|| round.parts.whole(&header.block).cloned()) {
            ctx.take_up(TendermintMessage::Whole { header: *header, block });
        }
    }

    /// A neighbour lacks parts; all of them where it names none.
    pub(super) fn on_lacking(&mut self, from: ReplicaId, at: (Height, View), parts: &[u32], ctx: &mut Ctx<'_>) {
        let Some(block) = self.round(at.0, at.1).and_then(|round| round.block.clone()) else { return };
        let total = self.total(&block);
        let lacking: Vec<u32> = if parts.is_empty() { (0..total).collect() } else { parts.to_vec() };
        for index in lacking.into_iter().filter(|&index| index < total).take(total as usize) {
            ctx.send(from, self.part(at, &block, index));
        }
    }
}
