//! A hash calendar: one signed root a second over everyone's hashes, and for each hash the way up to it.
//!
//! Source: Buldas, Kroonmaa, Laanoja, "Keyless Signatures' Infrastructure: How to Build Global Distributed Hash-Trees",
//! NordSec 2013, sections 3 (hash calendar) and 4 (aggregation network): what guards the integrity of Estonia's health
//! records. The replicas are its *aggregators*, in a tree in which each has `fan_out` children; replica 0 is the *core*.
//! In each period an aggregator hashes together its own batches and what its children sent, and sends the root up; the
//! core closes an entry of the calendar each second, links it to the one before, signs it, and sends it down, where each
//! aggregator adds the way from its own root to its children's. What was hashed never leaves its gateway (layer `kept`).
//!
//! # What it does not give
//!
//! It shows that a record existed in a second and was not changed since: the honest cheap alternative for tamper
//! evidence. It orders nothing within a second, runs no contract, shows nobody a record but its gateway, and what an
//! aggregator or the core would have covered waits while that is down. "Committed" means that an entry covers the hash,
//! "executed" that the gateway has its proof. One signer is trusted for *when*, nobody for *what*.
//!
//! # Against the paper
//!
//! - One machine for each aggregator and for the core; the paper's clusters, of which any member may answer, are left
//!   out, and with them availability.
//! - The entries form a chain that every aggregator follows, not the calendar's Merkle tree over all seconds since 1970,
//!   which shortens proofs between entries; nothing is published in newspapers.
//! - Hospitals send whole transactions to their gateway, which keeps them, instead of hashes.
//! - A request that is not answered is repeated. Aggregators forget requests when they crash; what is asked for again may
//!   be covered twice, and takes effect once.

mod message;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Height, ReplicaId, Span, Time};
use crate::crypto::merkle;
use crate::ledger::{BatchRef, Block, CommitRule, Committee, FaultModel, Leaders, Locks, Payload, Promises, Slot};

use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, KEPT_BLOCKS, Layer, MOST_TIMEOUT_MS, Protocol};
use message::Answer;

pub use message::CalendarMessage;
pub use tree::Path;

/// The core.
const CORE: ReplicaId = ReplicaId(0);
/// Requests that an aggregator has open at a time, and roots that it takes from a child in a period; what is more waits.
const MOST_OPEN: usize = 64;
/// Answers kept for each child that repeats its request.
const MOST_ANSWERS: usize = 64;
/// Entries that answer one request for missed ones.
const FETCHED_ENTRIES: usize = 32;
/// Entries ahead of the own calendar that are kept.
const MOST_EARLY: u64 = 256;

/// Settings of the calendar.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarParams {
    /// From one entry to the next, ms.
    pub period_ms: u64,
    /// How long an aggregator gathers before it sends a root up, ms.
    pub gather_ms: u64,
    /// Children of an aggregator, at most.
    pub fan_out: u32,
    /// How long an aggregator waits for an answer before it asks again, ms.
    pub repeat_ms: u64,
}

impl Default for CalendarParams {
    fn default() -> Self {
        CalendarParams { period_ms: 1_000, gather_ms: 200, fan_out: 8, repeat_ms: 3_000 }
    }
}

/// The calendar's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarTimer {
    /// What was gathered goes up, or into an entry.
    Gather,
    /// Answers may be overdue.
    Repeat,
    /// Missed entries have not come.
    Fetch,
}

/// A hash to be covered: of own batches, or a child's root.
#[derive(Debug)]
struct Leaf {
    from: ReplicaId,
    root: Digest,
    batches: Vec<BatchRef>,
}

/// A root that was sent up and is not answered.
#[derive(Debug)]
struct Request {
    root: Digest,
    leaves: Vec<Leaf>,
    sent: Time,
}

impl Request {
    fn roots(&self) -> Vec<Digest> {
        self.leaves.iter().map(|leaf| leaf.root).collect()
    }

    fn batches(&self) -> Vec<BatchRef> {
        self.leaves.iter().flat_map(|leaf| &leaf.batches).copied().collect()
    }
}

/// What was sent down to a child.
#[derive(Debug)]
struct Answered {
    to: ReplicaId,
    answer: Answer,
    block: Arc<Block>,
}

/// An aggregator, or the core.
pub struct Calendar {
    me: ReplicaId,
    parent: ReplicaId,
    children: Vec<ReplicaId>,
    params: CalendarParams,
    /// To be covered by the next request, or entry.
    gathered: Vec<Leaf>,
    /// Oldest first.
    open: VecDeque<Request>,
    /// Own batches in `gathered` and `open`.
    asked_for: BTreeSet<Digest>,
    /// Own batches with a way up to an entry's root, until the entry that first covers them is taken.
    proven: BTreeSet<Digest>,
    answered: VecDeque<Answered>,
    /// The last entry.
    tip: Arc<Block>,
    /// The last entries, for children that missed them.
    tail: VecDeque<Arc<Block>>,
    /// Entries that overtook others, by number.
    early: BTreeMap<Height, Arc<Block>>,
    /// How far the calendar is known to be.
    top: Height,
    fetching: bool,
}

type Ctx<'a> = Context<'a, Calendar>;

impl Protocol for Calendar {
    const NAME: &'static str = "calendar";
    const LAYERS: &'static [Layer] = &[Layer::Kept];
    #[cfg(test)]
    const PLANTED: &'static [&'static str] =
        &["request not repeated", "missed entry not fetched", "answer not passed on"];
    type Message = CalendarMessage;
    type Timer = CalendarTimer;
    type Params = CalendarParams;

    fn validate(params: &CalendarParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("period_ms", params.period_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("gather_ms", params.gather_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("fan_out", params.fan_out.into(), 1, 1 << 16)?;
        BadSetting::unless_within("repeat_ms", params.repeat_ms, 1, MOST_TIMEOUT_MS)
    }

    fn brisk() -> CalendarParams {
        CalendarParams { period_ms: 100, gather_ms: 20, fan_out: 3, repeat_ms: 400 }
    }

    fn promises(_: &CalendarParams) -> Promises {
        Promises {
            tolerates: FaultModel::None,
            leaders: Leaders::Fixed(CORE),
            slot: Slot::View,
            commit: CommitRule::Sequencer,
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            // From the core to its children; one more for each level below.
            delays: 1,
        }
    }

    /// On each level a request may have to be repeated twice, and waits for a period; then missed entries are fetched.
    fn patience(params: &CalendarParams, committee: &Committee) -> Span {
        let levels = u64::from(levels(committee.len(), params.fan_out)) + 1;
        let level = 2 * params.repeat_ms + params.gather_ms;
        Span::from_millis(levels * level + 2 * params.period_ms + 5 * params.repeat_ms) + Span::from_secs(5)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &CalendarParams) -> Self {
        let first = u64::from(me.0) * u64::from(params.fan_out) + 1;
        let children = (first..first + u64::from(params.fan_out)).take_while(|&child| child < committee.len().into());
        Calendar {
            me,
            parent: ReplicaId(me.0.saturating_sub(1) / params.fan_out),
            children: children.map(|child| ReplicaId(child as u32)).collect(),
            params: params.clone(),
            gathered: Vec::new(),
            open: VecDeque::new(),
            asked_for: BTreeSet::new(),
            proven: BTreeSet::new(),
            answered: VecDeque::new(),
            tip: Arc::new(Block::genesis()),
            tail: VecDeque::new(),
            early: BTreeMap::new(),
            top: Height(0),
            fetching: false,
        }
    }

    /// On disk: the calendar. What was gathered and asked for is asked for again.
    fn recovered(&self) -> Self {
        Calendar {
            me: self.me,
            parent: self.parent,
            children: self.children.clone(),
            params: self.params.clone(),
            gathered: Vec::new(),
            open: VecDeque::new(),
            asked_for: BTreeSet::new(),
            proven: BTreeSet::new(),
            answered: VecDeque::new(),
            tip: self.tip.clone(),
            tail: self.tail.clone(),
            early: BTreeMap::new(),
            top: self.tip.height,
            fetching: false,
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            Event::Submitted => {}
            Event::Received { from, message } => match &**message {
                CalendarMessage::Request { root, batches } => self.on_request(from, *root, batches, ctx),
                CalendarMessage::Entry { block, answers } => self.on_entry(from, block, answers, ctx),
                CalendarMessage::Fetch(height) => self.on_fetch(from, *height, ctx),
            },
            Event::Expired(CalendarTimer::Gather) => self.on_gather(ctx),
            Event::Expired(CalendarTimer::Repeat) => self.on_repeat(ctx),
            Event::Expired(CalendarTimer::Fetch) => self.on_fetch_due(ctx),
        }
    }
}

/// Levels below the core.
fn levels(n: u32, fan_out: u32) -> u32 {
    let (mut reached, mut level, mut levels) = (1u64, 1u64, 0);
    while reached < n.into() {
        level *= u64::from(fan_out);
        reached += level;
        levels += 1;
    }
    levels
}

impl Calendar {
    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        let gather = if self.me == CORE { self.params.period_ms } else { self.params.gather_ms };
        ctx.arm(CalendarTimer::Gather, Span::from_millis(gather));
        if self.me != CORE {
            ctx.arm(CalendarTimer::Repeat, self.repeat());
        }
    }

    fn repeat(&self) -> Span {
        Span::from_millis(self.params.repeat_ms)
    }

    /// Section 4, "aggregation": a period is over.
    fn on_gather(&mut self, ctx: &mut Ctx<'_>) {
        let gather = if self.me == CORE { self.params.period_ms } else { self.params.gather_ms };
        ctx.arm(CalendarTimer::Gather, Span::from_millis(gather));
        self.gather_own(ctx);
        if self.me == CORE {
            self.close_entry(ctx);
        } else if !self.gathered.is_empty() && self.open.len() < MOST_OPEN {
            self.request(ctx);
        }
    }

    /// Own batches that nothing covers and no open request should.
    fn gather_own(&mut self, ctx: &mut Ctx<'_>) {
        let mut batches = ctx.payload().batches;
        batches.retain(|batch| !self.asked_for.contains(&batch.id) && !self.proven.contains(&batch.id));
        self.cover(batches);
    }

    /// Own batches are to be covered.
    fn cover(&mut self, batches: Vec<BatchRef>) {
        if !batches.is_empty() {
            let ids: Vec<Digest> = batches.iter().map(|batch| batch.id).collect();
            self.asked_for.extend(&ids);
            self.gathered.push(Leaf { from: self.me, root: merkle::root(&ids), batches });
        }
    }

    /// Sends the root over what was gathered up.
    fn request(&mut self, ctx: &mut Ctx<'_>) {
        let leaves = std::mem::take(&mut self.gathered);
        let mut request = Request { root: Digest::ZERO, leaves, sent: ctx.now };
        request.root = merkle::root(&request.roots());
        ctx.send(self.parent, CalendarMessage::Request { root: request.root, batches: request.batches() });
        self.open.push_back(request);
    }

    /// Section 3: the core closes the entry of a second, on disk before it is sent; an empty one too.
    fn close_entry(&mut self, ctx: &mut Ctx<'_>) {
        let leaves = std::mem::take(&mut self.gathered);
        let mut entry = Request { root: Digest::ZERO, leaves, sent: ctx.now };
        entry.root = merkle::root(&entry.roots());
        let payload = Payload { batches: entry.batches(), inline: Vec::new() };
        let block = Arc::new(Block::rooted(&self.tip, self.me, entry.root, payload));
        ctx.charge(Charge::Fsync);
        self.prove(&entry);
        self.take(block.clone(), ctx);
        let answers = self.answers(&entry, &Path::default());
        self.pass_on(&block, answers, true, ctx);
    }

    /// A child's root is to be covered, for the first time or again.
    fn on_request(&mut self, from: ReplicaId, root: Digest, batches: &[BatchRef], ctx: &mut Ctx<'_>) {
        if !self.children.contains(&from) {
            return;
        }
        let known = |one: &&Answered| one.to == from && one.answer.0 == root;
        if let Some(Answered { answer, block, .. }) = self.answered.iter().find(known) {
            let (block, answers) = (block.clone(), vec![answer.clone()]);
            return ctx.send(from, CalendarMessage::Entry { block, answers });
        }
        let same = |leaf: &Leaf| leaf.from == from && leaf.root == root;
        let waits = self.gathered.iter().chain(self.open.iter().flat_map(|request| &request.leaves)).any(same);
        let gathered = self.gathered.iter().filter(|leaf| leaf.from == from).count();
        if !waits && gathered < MOST_OPEN {
            self.gathered.push(Leaf { from, root, batches: batches.to_vec() });
        }
    }

    /// Section 4: an entry comes down, with the ways of this aggregator's roots to the entry's.
    fn on_entry(&mut self, from: ReplicaId, block: &Arc<Block>, answers: &[Answer], ctx: &mut Ctx<'_>) {
        let Some(top) = block.links.first().filter(|_| from == self.parent && self.me != from) else { return };
        let mut passed_on = Vec::new();
        for (root, path) in answers.iter().filter(|(root, path)| path.verifies(root, &top.id)) {
            let Some(index) = self.open.iter().position(|request| request.root == *root) else { continue };
            let request = self.open.remove(index).expect("it was found there");
            self.prove(&request);
            passed_on.extend(self.answers(&request, path));
        }
        let near = block.height.0 <= self.tip.height.0 + MOST_EARLY;
        let new = block.height > self.tip.height && near && self.early.insert(block.height, block.clone()).is_none();
        if planted!("answer not passed on") {
            passed_on.clear();
        }
        self.pass_on(block, passed_on, new, ctx);
        self.take_early(block.height, ctx);
    }

    /// The own batches of a request have a way up.
    fn prove(&mut self, request: &Request) {
        for batch in request.leaves.iter().filter(|leaf| leaf.from == self.me).flat_map(|leaf| &leaf.batches) {
            self.asked_for.remove(&batch.id);
            self.proven.insert(batch.id);
        }
    }

    /// What the children get whose roots a request of this aggregator covers, where `path` is its way.
    fn answers(&self, request: &Request, path: &Path) -> Vec<(ReplicaId, Answer)> {
        let roots = request.roots();
        let children = request.leaves.iter().enumerate().filter(|(_, leaf)| leaf.from != self.me);
        children.map(|(index, leaf)| (leaf.from, (leaf.root, path.below(&roots, index)))).collect()
    }

    /// Sends an entry to the children that it answers, and a new one to all.
    fn pass_on(&mut self, block: &Arc<Block>, answers: Vec<(ReplicaId, Answer)>, new: bool, ctx: &mut Ctx<'_>) {
        for &child in &self.children {
            let own = answers.iter().filter(|(to, _)| *to == child).map(|(_, answer)| answer.clone());
            let own: Vec<Answer> = own.collect();
            if new || !own.is_empty() {
                ctx.send(child, CalendarMessage::Entry { block: block.clone(), answers: own });
            }
        }
        for (to, answer) in answers {
            self.answered.push_back(Answered { to, answer, block: block.clone() });
        }
        while self.answered.len() > MOST_ANSWERS * self.children.len() {
            self.answered.pop_front();
        }
    }

    /// Takes the entries that follow, each once there is a way up for every own batch in it, and asks for what is missing
    /// below `height`.
    fn take_early(&mut self, height: Height, ctx: &mut Ctx<'_>) {
        self.top = self.top.max(height);
        let before = self.tip.height;
        while let Some(next) = self.early.get(&self.tip.height.next()).cloned() {
            if next.parent != self.tip.id() || !self.is_proven(&next) {
                break;
            }
            self.early.remove(&next.height);
            self.take(next, ctx);
        }
        if self.tip.height > before {
            self.fetching = false;
        }
        if self.tip.height < self.top && !self.fetching {
            self.on_fetch_due(ctx);
        }
    }

    /// Whether every own batch in an entry has a way up. One that was asked for before a crash is asked for again.
    fn is_proven(&mut self, entry: &Block) -> bool {
        let taken = |id: &Digest| self.tail.iter().any(|entry| entry.payload.batches.iter().any(|one| one.id == *id));
        let waits = |batch: &BatchRef| !self.proven.contains(&batch.id) && !taken(&batch.id);
        let own = |batch: &&BatchRef| batch.origin == self.me && waits(batch);
        let mut unproven: Vec<BatchRef> = entry.payload.batches.iter().filter(own).copied().collect();
        let proven = unproven.is_empty();
        unproven.retain(|batch| !self.asked_for.contains(&batch.id));
        self.cover(unproven);
        proven
    }

    /// The next entry of the calendar.
    fn take(&mut self, block: Arc<Block>, ctx: &mut Ctx<'_>) {
        for batch in &block.payload.batches {
            self.proven.remove(&batch.id);
        }
        self.tip = block.clone();
        self.tail.push_back(block.clone());
        if self.tail.len() as u64 > KEPT_BLOCKS {
            self.tail.pop_front();
        }
        ctx.commit(block);
    }

    /// Asks for missed entries, until they come.
    fn on_fetch_due(&mut self, ctx: &mut Ctx<'_>) {
        self.fetching = self.tip.height < self.top && !self.early.contains_key(&self.tip.height.next());
        if self.fetching && !planted!("missed entry not fetched") {
            ctx.send(self.parent, CalendarMessage::Fetch(self.tip.height.next()));
            ctx.arm(CalendarTimer::Fetch, self.repeat());
        }
    }

    /// A child misses entries from `height` on.
    fn on_fetch(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        let Some(first) = self.tail.front().map(|block| block.height) else { return };
        if height < first || !self.children.contains(&from) {
            return;
        }
        for block in self.tail.iter().skip((height.0 - first.0) as usize).take(FETCHED_ENTRIES) {
            ctx.send(from, CalendarMessage::Entry { block: block.clone(), answers: Vec::new() });
        }
    }

    /// Asks again for what was not answered in time.
    fn on_repeat(&mut self, ctx: &mut Ctx<'_>) {
        ctx.arm(CalendarTimer::Repeat, self.repeat());
        let (now, patience) = (ctx.now, self.repeat());
        for request in self.open.iter_mut().filter(|request| request.sent + patience <= now) {
            request.sent = now;
            if !planted!("request not repeated") {
                let batches = request.batches();
                ctx.send(self.parent, CalendarMessage::Request { root: request.root, batches });
            }
        }
    }
}
