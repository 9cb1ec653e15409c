//! Tendermint: rounds of proposal, prevote and precommit, as CometBFT runs them.
//!
//! Source: Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus" (arXiv 1807.04938v3), Algorithm 1: every rule
//! in `rules.rs` cites its lines. What the paper leaves to its implementations follows CometBFT: `timeout_commit`,
//! `create_empty_blocks`, the write-ahead log, gossip of votes and of blocks in parts.
//!
//! The paper's *round* is our view, counted from 0 at each height; *value* is a block, *id(v)* its id, *nil* the zero
//! id; PREVOTE is [`crate::ledger::Phase::Vote`], PRECOMMIT `Phase::Commit`; *proposer(h, round)* is replica
//! h + round mod n (CometBFT weighs proposers by stake; here all weigh the same). A block carries the view in which it
//! was first proposed; the proposal that carries it on has its own. A *polka* is a quorum of prevotes.
//!
//! One height without faults: proposal, prevotes of all to all, precommits of all to all: 3 message delays, after
//! which a replica waits `timeout_commit` before the next height, which therefore paces blocks.
//!
//! The paper assumes that what one correct process has received reaches all (its "gossip communication" property). A
//! broadcast to all over links that may lose does not do that, so while a height is undecided every `retransmit_ms` a
//! replica repeats its votes to all and shows all votes that it knows to a few; who is behind asks, and gets decided
//! blocks with their precommits (`repeat.rs`). With `transport = "gossip"` everything goes to neighbours only, who pass
//! it on once; blocks travel in parts (`gossip.rs`), and what is repeated goes to neighbours and a few others in turn:
//! a graph of few neighbours may fall apart when f of its replicas die, and CometBFT would find new peers.
//!
//! Against the paper and CometBFT:
//! - Line 55 counts who is in that round *or a later one*, so that one number for each replica is all that is kept of
//!   rounds far ahead.
//! - A proposal with a valid round is sent with its polka, which the paper assumes gossiped.
//! - CometBFT tells its peers what it has (`HasVote`, `NewValidBlock`), so they send less twice; here each message is
//!   passed on once to every other neighbour.
//! - Without empty blocks CometBFT waits for its own mempool only. Here a vote or proposal of the height ends the wait
//!   too: under the layer `leader` others may have nothing to order and must still give up on a dead proposer. The
//!   additional empty block after a change of the application's state is left out.
//! - No evidence of equivocation is ordered, and validators do not change.

mod gossip;
mod message;
mod params;
mod repeat;
mod rules;
#[cfg(test)]
mod tests;
mod votes;

use std::sync::Arc;

use crate::base::{Digest, Height, Rate, ReplicaId, Span, View};
use crate::ledger::{
    Block, Certificate, CommitRule, Committee, FaultModel, Leaders, Locks, Phase, Promises, Signers, Slot,
};

use super::overlay::neighbours;
use super::planted::planted;
use super::{Archive, BadSetting, Charge, Context, Event, KEPT_BLOCKS, Layer, Protocol};

pub use message::{Ballot, Header, TendermintMessage};
pub use params::{TendermintParams, Transport};

use repeat::CatchUp;
use votes::Rounds;

/// Tendermint's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TendermintTimer {
    /// OnTimeoutPropose.
    Propose,
    /// OnTimeoutPrevote.
    Prevote,
    /// OnTimeoutPrecommit.
    Precommit,
    /// The pause after a commit is over.
    Commit,
    /// The pause is nearly over: what is sent to the next proposer now would come too late.
    Late,
    /// Nothing has moved for a while: repeat.
    Repeat,
    /// Someone is ahead, or a question for decided blocks was not answered.
    CatchUp,
}

use TendermintTimer as Timer;

/// step_p, with CometBFT's pause before the first round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Pause,
    Propose,
    Prevote,
    Precommit,
}

/// What the replica itself has said in one round.
#[derive(Clone, Debug, Default)]
struct Said {
    view: View,
    proposed: Option<(Header, Arc<Block>)>,
    prevote: Option<Digest>,
    precommit: Option<Digest>,
}

/// validValue and validRound, with what proves them.
#[derive(Clone, Debug)]
struct Valid {
    view: View,
    block: Arc<Block>,
    polka: Arc<Certificate>,
}

/// What a replica must not forget: CometBFT's write-ahead log.
#[derive(Clone, Debug)]
struct State {
    height: Height,
    view: View,
    step: Step,
    /// lockedRound and id(lockedValue).
    locked: Option<(View, Digest)>,
    valid: Option<Valid>,
    now: Said,
    before: Said,
}

impl State {
    /// Lines 1 to 9, and 51 to 53: the beginning of a height.
    fn at(height: Height) -> State {
        let (view, step) = (View(0), Step::Pause);
        State { height, view, step, locked: None, valid: None, now: Said::default(), before: Said::default() }
    }
}

/// "For the first time" (lines 34, 36 and 47), and repetitions that one round needs once.
#[derive(Clone, Copy, Debug, Default)]
struct Once {
    prevotes_timed: bool,
    polka: bool,
    precommits_timed: bool,
    repeated: bool,
}

/// A Tendermint replica.
pub struct Tendermint {
    me: ReplicaId,
    committee: Committee,
    params: TendermintParams,
    /// Whom it sends to over gossip.
    neighbours: Vec<ReplicaId>,
    state: State,
    /// The state as it is on disk.
    written: State,
    /// Whether this handler promised something that must be on disk first.
    dirty: bool,
    archive: Archive,
    rounds: Rounds,
    /// Messages of the next height.
    next: Rounds,
    /// The last round that each replica is known to be in, from when one is after the current.
    claims: Vec<u64>,
    once: Once,
    /// Whether the pause is over and there was nothing to order.
    idle: bool,
    catch_up: CatchUp,
}

type Ctx<'a> = Context<'a, Tendermint>;

impl Protocol for Tendermint {
    const NAME: &'static str = "tendermint";
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched, Layer::Gossip, Layer::Certified];
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "quorum off by one",
        "duplicate votes counted",
        "lock dropped",
        "lock forgotten on a new round",
        "lock ignored",
        "commit on prevotes",
        "precommit without polka",
        "prevote twice",
        "proposes out of turn",
        "restart forgets its votes",
        "valid value forgotten",
        "prevotes never time out",
        "nothing repeated",
        "catch-up omitted",
    ];
    type Message = TendermintMessage;
    type Timer = Timer;
    type Params = TendermintParams;

    fn validate(params: &TendermintParams, replicas: u32) -> Result<(), BadSetting> {
        params.validate(replicas)
    }

    fn brisk() -> TendermintParams {
        TendermintParams::brisk()
    }

    fn promises(_: &TendermintParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::ByHeightAndView,
            slot: Slot::HeightAndView,
            commit: CommitRule::Quorum,
            silent_after_timeout: false,
            locks: Locks::ByVotes,
            signed: true,
            delays: 3,
        }
    }

    fn patience(params: &TendermintParams, committee: &Committee) -> Span {
        params.patience(committee)
    }

    fn connection_rate(params: &TendermintParams) -> Option<Rate> {
        let limited = params.transport == Transport::Gossip;
        limited.then(|| Rate::new(params.peer_rate_kbytes * 1_000))
    }

    fn new(me: ReplicaId, committee: &Committee, params: &TendermintParams) -> Self {
        let neighbours = match params.transport {
            Transport::Direct => Vec::new(),
            Transport::Gossip => neighbours(me, committee.len(), params.peers),
        };
        let state = State::at(Height(1));
        Tendermint {
            me,
            committee: *committee,
            params: params.clone(),
            neighbours,
            written: state.clone(),
            state,
            dirty: false,
            archive: Archive::new(KEPT_BLOCKS as usize),
            rounds: Rounds::new(),
            next: Rounds::new(),
            claims: Vec::new(),
            once: Once::default(),
            idle: false,
            catch_up: CatchUp::default(),
        }
    }

    fn recovered(&self) -> Self {
        let forgets = planted!("restart forgets its votes");
        let state = if forgets { State::at(self.written.height) } else { self.written.clone() };
        let mut replica = Tendermint {
            written: state.clone(),
            archive: self.archive.clone(),
            ..Tendermint::new(self.me, &self.committee, &self.params)
        };
        replica.state = state;
        replica.count_own();
        replica
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            Event::Submitted => self.on_submitted(ctx),
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(Timer::Propose) => self.on_timeout_propose(ctx),
            Event::Expired(Timer::Prevote) => self.on_timeout_prevote(ctx),
            Event::Expired(Timer::Precommit) => self.on_timeout_precommit(ctx),
            Event::Expired(Timer::Commit) => self.on_pause_over(ctx),
            Event::Expired(Timer::Late) => self.on_late(ctx),
            Event::Expired(Timer::Repeat) => self.on_repeat(ctx),
            Event::Expired(Timer::CatchUp) => self.on_catch_up(ctx),
        }
        self.write(ctx);
    }
}

impl Tendermint {
    fn on_received(&mut self, from: ReplicaId, message: &TendermintMessage, ctx: &mut Ctx<'_>) {
        use TendermintMessage as M;
        match message {
            M::Vote(ballot) => self.on_vote(from, from, ballot, ctx),
            M::Passed { by, ballot } => self.on_vote(*by, from, ballot, ctx),
            M::Proposal { header, block, .. } if header.by == from => self.on_proposal(from, header, block, ctx),
            M::Whole { header, block } if from == self.me => self.on_proposal(from, header, block, ctx),
            M::Proposal { .. } | M::Whole { .. } => {}
            M::Header(header) => self.on_header(from, header, ctx),
            M::Part { height, view, block, index, .. } => self.on_part(from, (*height, *view), block, *index, ctx),
            M::Lacking { height, view, parts } => self.on_lacking(from, (*height, *view), parts, ctx),
            M::Polka(polka) => self.on_known(from, std::slice::from_ref(&**polka), ctx),
            M::Known(votes) => self.on_known(from, votes, ctx),
            M::Ask { height } => self.on_ask(from, *height, ctx),
            M::Decided { block, precommits, tip, last } => {
                self.on_decided(from, block, precommits, last.then_some(*tip), ctx);
            }
        }
    }

    /// One durable write for all that this handler promised, before any of it leaves.
    fn write(&mut self, ctx: &mut Ctx<'_>) {
        if std::mem::take(&mut self.dirty) {
            ctx.charge(Charge::Fsync);
            self.written = self.state.clone();
        }
    }

    /// proposer(h, round).
    fn proposer(&self, height: Height, view: View) -> ReplicaId {
        self.committee.leader_at(height, view)
    }

    /// 2f + 1.
    fn quorum(&self) -> u32 {
        self.committee.quorum() - u32::from(planted!("quorum off by one"))
    }

    /// What is kept of a round of the current height or of the next, if it is near enough.
    fn round(&mut self, height: Height, view: View) -> Option<&mut votes::Round> {
        if height == self.state.height {
            self.rounds.get_mut(view)
        } else if height == self.state.height.next() {
            self.next.get_mut(view)
        } else {
            None
        }
    }

    /// Puts what the replica itself said, and what it has proof of, back among the height's messages.
    fn count_own(&mut self) {
        let State { height, view, now, before, valid, .. } = self.state.clone();
        self.rounds.reach(view);
        for said in [&before, &now] {
            let votes = [(Phase::Vote, said.prevote), (Phase::Commit, said.precommit)];
            for (phase, block) in votes.into_iter().filter_map(|(phase, block)| Some((phase, block?))) {
                self.count_vote(self.me, &Ballot { phase, height, view: said.view, block });
            }
            if let (Some((header, block)), Some(round)) = (&said.proposed, self.rounds.get_mut(said.view)) {
                round.header = Some(*header);
                round.block = Some(block.clone());
            }
        }
        if let Some(Valid { polka, .. }) = valid {
            self.merge(&polka);
        }
    }

    /// The block of a round's proposal has come.
    fn keep_block(&mut self, header: &Header, block: &Arc<Block>) {
        if let Some(round) = self.round(header.height, header.view) {
            round.block = Some(block.clone());
        }
    }

    /// Counts a vote; whether it is new.
    fn count_vote(&mut self, by: ReplicaId, ballot: &Ballot) -> bool {
        let n = self.committee.len();
        let votes = self.round(ballot.height, ballot.view).and_then(|round| round.votes(ballot.phase));
        by.0 < n && votes.is_some_and(|votes| votes.add(ballot.block, by, n))
    }

    /// Counts votes that someone showed; whether any is new.
    fn merge(&mut self, shown: &Certificate) -> bool {
        let n = self.committee.len();
        let votes = self.round(shown.height, shown.view).and_then(|round| round.votes(shown.phase));
        votes.is_some_and(|votes| votes.merge(shown.block, &shown.signers, n))
    }

    fn certificate(&self, phase: Phase, view: View, block: Digest, signers: &Signers) -> Certificate {
        Certificate { phase, view, height: self.state.height, block, signers: signers.clone() }
    }
}
