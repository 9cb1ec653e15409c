//! Blocks, certificates and messages of four replicas, and schedules that leave nothing to the protocol.

use std::sync::Arc;

use proptest::prelude::*;

use crate::base::{Bytes, Digest, Height, ReplicaId, View};
use crate::consensus::testing::{Cluster, Lone};
use crate::ledger::{BatchRef, Block, Certificate, Committee, Payload, Phase, Signers, TimeoutCertificate};

use super::{Chained, ChainedMessage as Message, ChainedTimer};

pub(in crate::consensus) type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

pub(in crate::consensus) fn genesis() -> Block {
    Block::genesis()
}

pub(in crate::consensus) fn genesis_certificate() -> Arc<Certificate> {
    Arc::new(Certificate::genesis(genesis().id()))
}

/// The certificate of a block by replicas 0, 1 and 2.
pub(in crate::consensus) fn certified(block: &Block) -> Arc<Certificate> {
    if block.height == Height(0) {
        return genesis_certificate();
    }
    let mut signers = Signers::none_of(4);
    (0..3).for_each(|by| assert!(signers.insert(ReplicaId(by))));
    Arc::new(Certificate { phase: Phase::Vote, view: block.view, height: block.height, block: block.id(), signers })
}

/// The block of `view` on `parent` by the view's leader, where leaders change every view.
pub(in crate::consensus) fn child(parent: &Block, view: u64) -> Arc<Block> {
    child_by(Committee::new(4).leader(View(view)).0, parent, view, Payload::default())
}

/// The block of `view` on `parent` by `author`.
pub(in crate::consensus) fn child_by(author: u32, parent: &Block, view: u64, payload: Payload) -> Arc<Block> {
    let (id, author) = (parent.id(), ReplicaId(author));
    Arc::new(Block::sealed(View(view), parent.height.next(), author, id, parent.view, payload))
}

/// A block of the same place as `block` with other contents.
pub(in crate::consensus) fn twin_of(block: &Block) -> Arc<Block> {
    let batch = BatchRef { id: Digest::of(b"batch"), origin: ReplicaId(0), sequence: 0, count: 1, bytes: Bytes(1) };
    let payload = Payload { batches: vec![batch], inline: Vec::new() };
    Arc::new(Block::sealed(block.view, block.height, block.author, block.parent, block.parent_view, payload))
}

/// A chain of views 1 to `views`.
pub(in crate::consensus) fn chain(views: u64) -> Vec<Arc<Block>> {
    let mut blocks = vec![child(&genesis(), 1)];
    (2..=views).for_each(|view| blocks.push(child(&blocks[blocks.len() - 1], view)));
    blocks
}

/// The proposal of `block` on `parent`.
pub(in crate::consensus) fn proposal(
    block: &Arc<Block>,
    parent: &Block,
    opened_by: Option<TimeoutCertificate>,
) -> Message {
    Message::Proposal { block: block.clone(), parent: certified(parent), opened_by: opened_by.map(Arc::new) }
}

/// Shows `replica` the proposals of these views of `chain`.
pub(in crate::consensus) fn show<P: Chained>(
    replica: &mut Lone<P>,
    chain: &[Arc<Block>],
    views: impl IntoIterator<Item = usize>,
) -> Sent {
    let mut sent = Vec::new();
    for view in views {
        let root = genesis();
        let parent = if view == 1 { &root } else { &*chain[view - 2] };
        let leader = chain[view - 1].author.0;
        sent.extend(replica.receive(leader, proposal(&chain[view - 1], parent, None)));
    }
    sent
}

/// The TC of `view`, whose signers 0, 1 and 2 knew certificates of these views.
pub(in crate::consensus) fn given_up(view: u64, highs: [u64; 3]) -> TimeoutCertificate {
    let timeouts = (0..3).map(ReplicaId).zip(highs.map(View)).collect();
    TimeoutCertificate { view: View(view), timeouts }
}

/// A TC passed on by a replica whose highest certificate is that of `high`.
pub(in crate::consensus) fn advance(certificate: TimeoutCertificate, high: &Block) -> Message {
    Message::Advance { certificate: Arc::new(certificate), high: certified(high) }
}

/// A timeout of `view` by a replica that entered it with the certificate of `high`.
pub(in crate::consensus) fn timeout(view: u64, high: &Block) -> Message {
    Message::Timeout { view: View(view), high: certified(high), opened_by: None, vote: None }
}

/// A timeout of `view` by a replica that entered it with the TC of the view before, and knows the certificate of `high`.
pub(in crate::consensus) fn timeout_after(view: u64, high: &Block) -> Message {
    let opened_by = Some(Arc::new(given_up(view - 1, [high.view.0; 3])));
    Message::Timeout { view: View(view), high: certified(high), opened_by, vote: None }
}

/// The votes among what was sent: receiver and view.
pub(in crate::consensus) fn votes(sent: &Sent) -> Vec<(u32, u64)> {
    let vote = |(to, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Vote { view, .. } => Some((to.expect("a vote goes to one").0, view.0)),
        _ => None,
    };
    sent.iter().filter_map(vote).collect()
}

/// Whom it asked for which block.
pub(in crate::consensus) fn fetches(sent: &Sent) -> Vec<(u32, Digest)> {
    let fetch = |(to, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Fetch { block, .. } => Some((to.expect("a fetch goes to one").0, block)),
        _ => None,
    };
    sent.iter().filter_map(fetch).collect()
}

pub(in crate::consensus) fn kinds(sent: &Sent) -> Vec<&'static str> {
    let kind = |(_, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Proposal { .. } => "proposal",
        Message::Vote { .. } => "vote",
        Message::Timeout { .. } => "timeout",
        Message::Advance { .. } => "advance",
        Message::Fetch { .. } => "fetch",
        Message::Found(_) => "found",
    };
    sent.iter().map(kind).collect()
}

/// The view that the replica gives up when its timer runs out, and the view of the highest certificate that it states.
pub(in crate::consensus) fn gives_up<P: Chained>(replica: &mut Lone<P>) -> (u64, u64) {
    let sent = replica.expire(ChainedTimer::View);
    let said = sent.iter().find_map(|(_, message)| match &**message {
        Message::Timeout { view, high, .. } => Some((view.0, high.view.0)),
        _ => None,
    });
    said.expect("a replica whose timer runs out says so")
}

/// One choice of a schedule that is out of the protocol's hands.
#[derive(Clone, Copy, Debug)]
pub(in crate::consensus) enum Chance {
    Deliver(usize),
    Lose(usize),
    Expire(usize),
    Crash(usize),
    Restart(usize),
}

pub(in crate::consensus) fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        40 => any::<usize>().prop_map(Chance::Deliver),
        8 => any::<usize>().prop_map(Chance::Lose),
        4 => any::<usize>().prop_map(Chance::Expire),
        2 => any::<usize>().prop_map(Chance::Crash),
        1 => any::<usize>().prop_map(Chance::Restart),
    ]
}

/// Lets chances happen; never are more than f crashed at once.
pub(in crate::consensus) fn happen<P: Chained>(cluster: &mut Cluster<P>, chances: &[Chance]) {
    let n = cluster.replicas.len();
    let most_crashes = Committee::new(n as u32).faults() as usize;
    for &chance in chances {
        let flying = cluster.flying.len().max(1);
        match chance {
            Chance::Deliver(which) if !cluster.flying.is_empty() => cluster.deliver(which % flying),
            Chance::Lose(which) if !cluster.flying.is_empty() => drop(cluster.flying.swap_remove(which % flying)),
            Chance::Expire(which) => cluster.expire(ReplicaId((which % n) as u32), which / n),
            Chance::Crash(which) if cluster.crashed.len() < most_crashes => {
                cluster.crash(ReplicaId((which % n) as u32));
            }
            Chance::Restart(which) if !cluster.crashed.is_empty() => {
                let back = cluster.crashed.iter().nth(which % cluster.crashed.len()).copied();
                back.into_iter().for_each(|back| cluster.restart(back));
            }
            _ => {}
        }
    }
}

/// Time passes in a network that works: everything is delivered, and timers run out, the shorter ones sooner. Messages are
/// always on their way while views go by, so fetches are repeated meanwhile.
pub(in crate::consensus) fn calm<P: Chained>(cluster: &mut Cluster<P>, rounds: usize) {
    for _ in 0..rounds {
        cluster.deliver_in_order(4 * cluster.replicas.len() * cluster.replicas.len());
        expire_all(cluster, ChainedTimer::Fetch);
        if cluster.flying.is_empty() && !expire_all(cluster, ChainedTimer::Wait) {
            expire_all(cluster, ChainedTimer::View);
        }
    }
}

/// Lets a timer run out everywhere; whether it was armed anywhere.
fn expire_all<P: Chained>(cluster: &mut Cluster<P>, timer: ChainedTimer) -> bool {
    let running: Vec<ReplicaId> = cluster.running().map(Lone::id).collect();
    let armed = |me: &ReplicaId| {
        cluster.replicas[me.index()].armed.iter().position(|&armed| armed == timer).map(|which| (*me, which))
    };
    let due: Vec<(ReplicaId, usize)> = running.iter().filter_map(armed).collect();
    due.iter().for_each(|&(me, which)| cluster.expire(me, which));
    !due.is_empty()
}
