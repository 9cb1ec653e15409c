//! Raft's rules one by one, with literal messages, and its promises under any order of delivery.

mod elections;
mod logs;
mod promises;

use std::sync::Arc;

use crate::base::{Bytes, Digest, Height, ReplicaId, View};
use crate::consensus::testing::Lone;
use crate::consensus::{Event, Message as _, Raft, RaftParams};
use crate::ledger::{BatchRef, Block, Committee, Payload, Phase};

use super::{RaftMessage as Message, RaftTimer};

type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

/// Replica `me` of `n` that has begun and has nothing to order.
fn replica(me: u32, n: u32) -> Lone<Raft> {
    let mut replica = Lone::new(ReplicaId(me), &Committee::new(n), &RaftParams::default());
    replica.payloads.left = 0;
    assert_eq!(replica.step(Event::Start).is_empty(), me != 0 || n == 1, "replica 0 stands at once");
    replica
}

/// Replica 0 of three, the leader of term 1, whose first block is written.
fn leader() -> Lone<Raft> {
    let mut leader = replica(0, 3);
    leader.receive(1, granted(1, 0, true));
    assert_eq!(kinds(&leader.receive(1, granted(1, 0, false))), ["append"]);
    assert_eq!(kinds(&leader.expire(RaftTimer::Disk)), [""; 0]);
    leader
}

/// The block of `view` on `parent` by `author`; `content` tells blocks of one place apart.
fn block(parent: &Block, view: u64, author: u32, content: u8) -> Arc<Block> {
    let id = Digest::of(&[content]);
    let batch = BatchRef { id, origin: ReplicaId(author), sequence: content.into(), count: 1, bytes: Bytes(1) };
    let payload = Payload { batches: vec![batch], inline: Vec::new() };
    let (height, author) = (parent.height.next(), ReplicaId(author));
    Arc::new(Block::sealed(View(view), height, author, parent.id(), parent.view, payload))
}

/// Blocks 1 to `length` of term `view` by replica 0.
fn chain(length: u64, view: u64) -> Vec<Arc<Block>> {
    let mut blocks = vec![block(&Block::genesis(), view, 0, 1)];
    (1..length).for_each(|_| blocks.push(block(&blocks[blocks.len() - 1], view, 0, 1)));
    blocks
}

fn append(term: u64, block: &Arc<Block>, commit: u64) -> Message {
    Message::Append { term: View(term), block: block.clone(), commit: Height(commit) }
}

fn heartbeat(term: u64, prev: &Block, commit: u64) -> Message {
    Message::Heartbeat { term: View(term), prev: prev.height, id: prev.id(), commit: Height(commit) }
}

fn appended(term: u64, block: &Block) -> Message {
    let (height, id, view) = (block.height, block.id(), block.view);
    Message::Appended { term: View(term), height, id, view, seen: height }
}

fn request(term: u64, last: (u64, u64), pre: bool) -> Message {
    Message::VoteRequest { term: View(term), last_view: View(last.0), last_height: Height(last.1), pre }
}

fn granted(term: u64, candidate: u32, pre: bool) -> Message {
    Message::Vote { term: View(term), candidate: ReplicaId(candidate), granted: true, pre }
}

fn kinds(sent: &Sent) -> Vec<&'static str> {
    let kind = |(_, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Append { .. } => "append",
        Message::Heartbeat { .. } => "heartbeat",
        Message::Committed { .. } => "committed",
        Message::Appended { .. } => "appended",
        Message::Rejected { .. } => "rejected",
        Message::VoteRequest { pre: true, .. } => "pre-vote?",
        Message::VoteRequest { .. } => "vote?",
        Message::Vote { granted: true, pre: true, .. } => "pre-vote",
        Message::Vote { granted: true, .. } => "vote",
        Message::Vote { .. } => "no vote",
    };
    sent.iter().map(kind).collect()
}

/// Heights of the blocks that are sent.
fn heights(sent: &Sent) -> Vec<u64> {
    sent.iter().filter_map(|(_, message)| message.block().map(|block| block.height.0)).collect()
}

/// What was acknowledged, and what was refused with which hint.
fn answers(sent: &Sent) -> Vec<(&'static str, u64)> {
    let answer = |(_, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Appended { height, .. } => Some(("appended", height.0)),
        Message::Rejected { hint, .. } => Some(("agrees to", hint.0)),
        _ => None,
    };
    sent.iter().filter_map(answer).collect()
}

/// The block that the leader has just sent.
fn sent_block(sent: &Sent) -> Arc<Block> {
    sent.iter().find_map(|(_, message)| message.block().cloned()).expect("a block was sent")
}
