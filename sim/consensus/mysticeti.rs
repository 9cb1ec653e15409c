//! Mysticeti-C: consensus over a DAG of blocks that nobody certifies.
//!
//! Source: Babel, Chursin, Danezis, Kichidis, Kokoris-Kogias, Koshy, Sonnino, Tian, "Mysticeti: Reaching the Limits of
//! Latency with Uncertified DAGs", NDSS'25 (arXiv 2310.14821): its DAG, proposer slots and decision rules. The paper's *validator* is our replica,
//! its *proposer slot* a leader slot, its *reference* a link.
//!
//! In each round every replica broadcasts one block that links to its own block before and to blocks of a quorum of
//! replicas in the round before; there are no other messages, votes and certificates are patterns in the DAG
//! ([`committer`]). Leaders' blocks are committed after 3 message delays, several in each round, and each takes with it
//! what it builds on. Rounds go on for ever, whether there is something to order or not.
//!
//! Against the paper:
//! - A replica links to the last block of each other that it has not linked to, also of rounds before the last (as the
//!   paper allows and its implementations do): blocks of who is always late are ordered too. Who proposes
//!   in a round again after having been away links to its last block, however old.
//! - What is committed is bounded below by `gc_depth` rounds under the leader's block, as in the implementation that
//!   Sui runs, so that all replicas forget the same.
//! - A block that no leader takes for so long is given up, and its author orders its batches again.
//! - The last block is sent again where rounds stand still; the paper takes a reliable link for granted.
//! - A block that was received counts as written, as in the implementations' logs; own blocks wait for the disk.
//! - Leaders take turns; the implementations' schedule by reputation (HammerHead) is a paper of its own.
//! - Mysticeti-FPC, the fast path for assets with an owner, and epochs are left out: one committee orders everything.

mod committer;
mod message;
mod rounds;
mod synchroniser;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ReplicaId, Span, View};
use crate::ledger::{Block, CommitRule, Committee, DagRule, FaultModel, Leaders, Link, Locks, Promises, Slot};

use super::dag::{Dag, Decision, Line};
use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, Layer, MOST_TIMEOUT_MS, Protocol};

use committer::{Committer, LeaderSlot};
pub use message::MysticetiMessage;
use rounds::{Kept, Tips};
use synchroniser::Synchroniser;

/// Settings of Mysticeti.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MysticetiParams {
    /// Leaders in each round, whose blocks may be committed directly.
    pub leaders: u32,
    /// How long a replica that could propose waits for the blocks of the leaders of the round before, ms.
    pub leader_timeout_ms: u64,
    /// The least time between two blocks of a replica, ms.
    pub min_block_delay_ms: u64,
    /// Rounds below a leader's block of which it takes nothing that is older.
    pub gc_depth: u64,
}

impl Default for MysticetiParams {
    fn default() -> Self {
        MysticetiParams { leaders: 2, leader_timeout_ms: 1_000, min_block_delay_ms: 50, gc_depth: 60 }
    }
}

impl MysticetiParams {
    fn leader_timeout(&self) -> Span {
        Span::from_millis(self.leader_timeout_ms)
    }

    fn min_block_delay(&self) -> Span {
        Span::from_millis(self.min_block_delay_ms)
    }
}

/// Blocks in the answer to one request, and of one author.
const MOST_ANSWERED: usize = 2_048;
const MOST_OF_AUTHOR: usize = 64;

/// Mysticeti's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MysticetiTimer {
    /// The least time since the last own block is over.
    Pace,
    /// The leaders of the round before are not waited for any longer.
    Leaders,
    /// The last own block is sent again if it is still the last.
    Repeat,
    /// Missing blocks are asked for.
    Fetch,
}

/// A Mysticeti replica.
pub struct Mysticeti {
    me: ReplicaId,
    committee: Committee,
    params: MysticetiParams,
    committer: Committer,
    dag: Dag,
    line: Line,
    /// The first leader slot that is not decided.
    open: LeaderSlot,
    /// The last own block.
    own: Option<Arc<Block>>,
    /// Whether the least time since then is over.
    paced: bool,
    /// The round after the highest in which a quorum of replicas has blocks.
    round: View,
    tips: Tips,
    kept: Kept,
    synchroniser: Synchroniser,
    /// Leaders of rounds below are not waited for.
    waited: View,
    /// For the leaders of which round the timer was set last: those before this one.
    awaited: View,
    /// Whether the timer for missing blocks runs.
    fetching: bool,
    /// The round of the own block when the timer for sending it again was set.
    repeated: View,
}

type Ctx<'a> = Context<'a, Mysticeti>;

impl Protocol for Mysticeti {
    const NAME: &'static str = "mysticeti";
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched];
    /// Beside these, the committer's tests find "blocks counted, not replicas": schedules hardly ever come to where it
    /// matters.
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "undecided taken for skipped",
        "anchor within the wave",
        "certificates beyond the anchor's history",
        "wave of two rounds",
        "round forgotten in a crash",
        "taken forgotten in a crash",
        "missing block not fetched",
        "last block not repeated",
        "abandoned blocks not given up",
        "duplicate delivery",
        "a round too many taken",
        "latest anchor taken",
        "votes for both of two blocks",
    ];
    type Message = MysticetiMessage;
    type Timer = MysticetiTimer;
    type Params = MysticetiParams;

    fn validate(params: &MysticetiParams, replicas: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("leaders", params.leaders.into(), 1, replicas.into())?;
        BadSetting::unless_within("leader_timeout_ms", params.leader_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("min_block_delay_ms", params.min_block_delay_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("gc_depth", params.gc_depth, 5, rounds::MOST_DEPTH)
    }

    fn brisk() -> MysticetiParams {
        MysticetiParams { leader_timeout_ms: 200, min_block_delay_ms: 20, gc_depth: 20, ..MysticetiParams::default() }
    }

    fn promises(params: &MysticetiParams) -> Promises {
        let rule = DagRule::Mysticeti { leaders: params.leaders };
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::Everyone,
            slot: Slot::View,
            commit: CommitRule::Dag { rule, depth: params.gc_depth },
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            delays: 3,
        }
    }

    /// Who was away asks for what it missed, and asks again, each time within a leader timeout and a round trip; blocks
    /// that were given up meanwhile are proposed again `gc_depth` rounds later, each of which may wait for a leader that
    /// is down; then come the rounds of a wave until a leader is up whose slots are decided.
    fn patience(params: &MysticetiParams, committee: &Committee) -> Span {
        let round = params.leader_timeout() + params.min_block_delay() + Span::from_millis(100);
        round * (params.gc_depth + 20 + 2 * u64::from(committee.len()))
    }

    fn new(me: ReplicaId, committee: &Committee, params: &MysticetiParams) -> Self {
        let grace = params.min_block_delay().min(Span::from_millis(50));
        let most_waiting = u32::try_from(params.gc_depth + rounds::MOST_DEPTH).unwrap_or(u32::MAX);
        Mysticeti {
            me,
            committee: *committee,
            params: params.clone(),
            committer: Committer::new(committee, params.leaders),
            dag: Dag::new(committee),
            line: Line::new(params.gc_depth),
            open: LeaderSlot::FIRST,
            own: None,
            paced: true,
            round: View(1),
            tips: Tips::new(committee),
            kept: Kept::new(committee),
            synchroniser: Synchroniser::new(me, committee, most_waiting, grace, params.leader_timeout()),
            waited: View(0),
            awaited: View(0),
            fetching: false,
            repeated: View(0),
        }
    }

    fn recovered(&self) -> Self {
        let own = if planted!("round forgotten in a crash") { None } else { self.own.clone() };
        let dag = if planted!("taken forgotten in a crash") { self.dag.untaken() } else { self.dag.clone() };
        Mysticeti {
            dag,
            line: self.line.clone(),
            open: self.open,
            own,
            round: self.round,
            tips: self.tips.clone(),
            kept: self.kept.clone(),
            ..Mysticeti::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            Event::Received { from, message } => match &**message {
                MysticetiMessage::Proposal(block) => self.on_proposal(from, block, ctx),
                MysticetiMessage::Found(block) => self.on_found(from, block, ctx),
                MysticetiMessage::Fetch(wanted) => self.on_fetch(from, wanted, ctx),
            },
            Event::Expired(MysticetiTimer::Pace) => self.on_paced(ctx),
            Event::Expired(MysticetiTimer::Leaders) => self.on_leader_timeout(ctx),
            Event::Expired(MysticetiTimer::Repeat) => self.on_repeat(ctx),
            Event::Expired(MysticetiTimer::Fetch) => self.on_fetch_due(ctx),
            Event::Submitted => {}
        }
    }
}

impl Mysticeti {
    /// A new replica proposes at once; one that came back sends its last block again, as it may never have left.
    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        match self.own.clone() {
            None => self.propose(View(1), ctx),
            Some(own) => ctx.broadcast(MysticetiMessage::Proposal(own)),
        }
        self.repeated = View(0);
        ctx.arm(MysticetiTimer::Repeat, self.params.leader_timeout() * 2);
        self.propose_if_due(ctx);
    }

    /// Block creation: a block of its author. Only the author proposes it.
    fn on_proposal(&mut self, from: ReplicaId, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        if block.author == from {
            self.take_in(from, block, ctx);
        }
    }

    /// A block that was asked for.
    fn on_found(&mut self, from: ReplicaId, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        if block.author.0 < self.committee.len() {
            self.synchroniser.heard(block.author, ctx.now);
            self.take_in(from, block, ctx);
        }
    }

    /// Block validity: what is valid and builds on what is known is processed; what builds on more waits for that.
    fn take_in(&mut self, from: ReplicaId, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        let link = block.link();
        let known = link.round < self.dag.oldest() || self.dag.get(&link).is_some() || self.synchroniser.holds(&link);
        if known || !rounds::is_woven(block, &self.committee) {
            return;
        }
        let missing = self.dag.missing(block);
        if missing.is_empty() {
            self.process(block.clone(), ctx);
            self.propose_if_due(ctx);
        } else {
            self.synchroniser.hold(ctx.now, from, block, &missing);
            self.await_missing(ctx);
        }
    }

    /// Puts a block into the DAG, and what waited for it, and looks what that decides.
    fn process(&mut self, block: Arc<Block>, ctx: &mut Ctx<'_>) {
        let mut ready = vec![block];
        while !ready.is_empty() {
            let mut quorum = false;
            while let Some(block) = ready.pop() {
                self.synchroniser.processed(&block.link(), &mut ready);
                self.tips.note(&block);
                let round = block.view;
                self.dag.insert(block);
                quorum |= self.dag.authors(round) >= self.committee.quorum();
            }
            // Neither a round nor a slot is over before a quorum has blocks in some round.
            if quorum {
                while self.dag.authors(self.round) >= self.committee.quorum() {
                    self.round = self.round.next();
                }
                self.decide(&mut ready, ctx);
            }
        }
    }

    /// Decision rules: slots are decided in order, and each committed block takes with it what it builds on.
    fn decide(&mut self, ready: &mut Vec<Arc<Block>>, ctx: &mut Ctx<'_>) {
        let tip = self.line.tip().height;
        loop {
            match self.committer.decide(&self.dag, self.open) {
                Decision::Commit(leader) => ctx.commit(self.line.extend(&mut self.dag, &leader)),
                Decision::Skip => {}
                Decision::Undecided => break,
            }
            self.open = self.committer.after(self.open);
        }
        let passed = self.line.passed();
        if self.line.tip().height > tip && passed >= self.dag.oldest() {
            if !planted!("abandoned blocks not given up") {
                ctx.pass(passed);
            }
            self.kept.keep(&self.dag, passed.next());
            self.dag.forget(passed.next());
            self.synchroniser.forget(passed.next(), ready);
        }
    }

    /// Block creation: a replica proposes when it knows blocks of a quorum in the round before, and its leaders' or has
    /// waited for them long enough, but not sooner after its last block than it may.
    fn propose_if_due(&mut self, ctx: &mut Ctx<'_>) {
        let round = self.round;
        if !self.paced || self.own.as_ref().is_none_or(|own| own.view >= round) {
            return;
        }
        let before = View(round.0 - 1);
        let is_here = |leader| self.dag.of(before, leader).next().is_some();
        if self.waited < round && !self.committer.leaders(before).all(is_here) {
            if self.awaited < round {
                self.awaited = round;
                ctx.arm(MysticetiTimer::Leaders, self.params.leader_timeout());
            }
            return;
        }
        self.propose(round, ctx);
    }

    fn propose(&mut self, round: View, ctx: &mut Ctx<'_>) {
        let links = self.own.as_ref().map_or(Vec::new(), |own| self.tips.links(&self.dag, own, round));
        let block = Arc::new(Block::woven(round, self.me, links, ctx.payload()));
        // It must never propose another in this round, whatever happens.
        ctx.charge(Charge::Fsync);
        ctx.broadcast(MysticetiMessage::Proposal(block.clone()));
        self.own = Some(block.clone());
        self.paced = false;
        ctx.arm(MysticetiTimer::Pace, self.params.min_block_delay());
        self.process(block, ctx);
    }

    /// The least time since the last own block is over.
    fn on_paced(&mut self, ctx: &mut Ctx<'_>) {
        self.paced = true;
        self.propose_if_due(ctx);
    }

    /// Liveness: without its leaders a round goes on too.
    fn on_leader_timeout(&mut self, ctx: &mut Ctx<'_>) {
        if self.awaited == self.round {
            self.waited = self.round;
            self.propose_if_due(ctx);
        }
    }

    /// Rounds stand still where messages were lost: who hears the last block again asks for what it builds on.
    fn on_repeat(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(own) = &self.own {
            if own.view == self.repeated && !planted!("last block not repeated") {
                ctx.broadcast(MysticetiMessage::Proposal(own.clone()));
            }
            self.repeated = own.view;
        }
        ctx.arm(MysticetiTimer::Repeat, self.params.leader_timeout() * 2);
    }

    fn await_missing(&mut self, ctx: &mut Ctx<'_>) {
        if !self.fetching && !self.synchroniser.is_idle() {
            self.fetching = true;
            ctx.arm(MysticetiTimer::Fetch, self.synchroniser.grace());
        }
    }

    /// Missing blocks that did not come by themselves are asked for, with those of their authors between.
    fn on_fetch_due(&mut self, ctx: &mut Ctx<'_>) {
        self.fetching = false;
        let asks = self.synchroniser.asks(ctx.now);
        for (to, links) in asks.into_iter().filter(|_| !planted!("missing block not fetched")) {
            let wanted = |link: Link| (link, self.tips.round(link.author).max(self.line.passed()));
            ctx.send(to, MysticetiMessage::Fetch(links.into_iter().map(wanted).collect()));
        }
        self.await_missing(ctx);
    }

    /// Answers with each block and its author's below it, oldest first, as many of each as there is room for.
    fn on_fetch(&self, from: ReplicaId, wanted: &[(Link, View)], ctx: &mut Ctx<'_>) {
        let room = (MOST_ANSWERED / wanted.len().max(1)).clamp(1, MOST_OF_AUTHOR);
        for (link, above) in wanted.iter().take(MOST_ANSWERED) {
            let mut chain = Vec::new();
            let mut next = Some(link);
            while let Some(block) = next.and_then(|link| self.block(link)) {
                chain.push(block);
                next = block.links.first().filter(|own| own.round > *above);
            }
            for block in chain.into_iter().rev().take(room) {
                ctx.send(from, MysticetiMessage::Found(block.clone()));
            }
        }
    }

    /// A block that was processed, as long as it is kept.
    fn block(&self, link: &Link) -> Option<&Arc<Block>> {
        self.dag.get(link).or_else(|| self.kept.get(link))
    }
}
