//! A consensus round as the kernel sees it: a proposal, then two all-to-all phases of votes, as in PBFT.
//!
//! Nodes lie in eight regions, 0.6 ms apart inside and 5 to 150 ms between; each message takes exponential jitter of
//! mean 5 % on top. Every node has a CPU that handles one message at a time, in order of arrival, for 5 µs. A quorum of
//! 2f + 1 votes, counted in a bitset by sender, starts the node's own next message 50 µs later.

use super::super::agenda::{Queue, Tie};
use super::super::draw::{Site, below, draw, exponential};
use super::super::schedule::{Occurrence, Schedule};
use crate::base::{NodeId, Span, Time};

const REGIONS: u64 = 8;
const HANDLING: Span = Span::from_micros(5);
const THINKING: Span = Span::from_micros(50);
const SEED: u64 = 9;

/// The messages of the round, in the order in which a node sends them.
const PROPOSAL: u32 = 0;
const PREPARE: u32 = 1;
const COMMIT: u32 = 2;

/// How messages travel: as multicasts, or one by one.
pub trait Carrier {
    /// Nothing under way between `nodes` nodes.
    fn new(nodes: u32) -> Self;
    /// Sends a phase's message of `origin` to all `arrivals`.
    fn send(&mut self, origin: NodeId, phase: u32, arrivals: impl Iterator<Item = (NodeId, Time)>);
    /// The next delivery: when, where, from whom, and of which phase.
    fn next(&mut self) -> Option<(Time, NodeId, NodeId, u32)>;
    /// Pending deliveries.
    fn pending(&self) -> usize;
    /// Memory held, in bytes.
    fn bytes(&self) -> usize;
}

fn pack(origin: NodeId, phase: u32) -> u32 {
    origin.0 << 2 | phase
}

impl Carrier for Schedule<u32> {
    fn new(nodes: u32) -> Self {
        Schedule::new(nodes as usize)
    }

    #[inline]
    fn send(&mut self, origin: NodeId, phase: u32, arrivals: impl Iterator<Item = (NodeId, Time)>) {
        self.multicast(origin, pack(origin, phase), arrivals);
    }

    #[inline]
    fn next(&mut self) -> Option<(Time, NodeId, NodeId, u32)> {
        match self.pop()? {
            Occurrence::Delivery { at, to, event, .. } => Some((at, to, NodeId(event >> 2), event & 3)),
            Occurrence::Event { .. } => unreachable!("this load posts multicasts only"),
        }
    }

    fn pending(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        Schedule::bytes(self)
    }
}

/// One event per message, over any queue.
pub struct OneByOne<Q> {
    queue: Q,
    posts: Vec<u64>,
}

impl<Q: Queue<(NodeId, u32)>> Carrier for OneByOne<Q> {
    fn new(nodes: u32) -> Self {
        OneByOne { queue: Q::new(), posts: vec![0; nodes as usize] }
    }

    fn send(&mut self, origin: NodeId, phase: u32, arrivals: impl Iterator<Item = (NodeId, Time)>) {
        let nth = &mut self.posts[origin.index()];
        for (to, at) in arrivals {
            self.queue.push(at, Tie::new(origin, *nth), (to, pack(origin, phase)));
            *nth += 1;
        }
    }

    fn next(&mut self) -> Option<(Time, NodeId, NodeId, u32)> {
        let entry = self.queue.pop()?;
        let (to, packed) = entry.event;
        Some((entry.at, to, NodeId(packed >> 2), packed & 3))
    }

    fn pending(&self) -> usize {
        self.queue.len()
    }

    fn bytes(&self) -> usize {
        self.queue.bytes()
    }
}

#[derive(Clone, Copy, Default)]
struct Node {
    busy_until: Time,
    prepares: u32,
    commits: u32,
    decided: Time,
}

/// What a round came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Messages delivered.
    pub delivered: u64,
    /// When the last node decided.
    pub decided: Time,
    /// Over every node's time of decision and the senders it counted.
    pub digest: u64,
}

/// A round among `nodes` nodes, over a carrier that is reused from round to round.
pub struct Round<C> {
    carrier: C,
    nodes: Vec<Node>,
    /// Per node and phase, a bit per sender.
    senders: Vec<u64>,
    words: usize,
    latency: [[Span; REGIONS as usize]; REGIONS as usize],
    quorum: u32,
    rounds: u64,
}

impl<C: Carrier> Round<C> {
    /// # Panics
    /// When there are fewer than four nodes.
    pub fn new(nodes: u32) -> Self {
        assert!(nodes >= 4, "a round needs four nodes to stand a fault");
        let mut latency = [[Span::from_micros(600); REGIONS as usize]; REGIONS as usize];
        for a in 0..REGIONS {
            for b in 0..a {
                let between = Span(5_000_000 + below(145_000_000, draw(SEED, Site::Vote, a, b, 0)));
                latency[a as usize][b as usize] = between;
                latency[b as usize][a as usize] = between;
            }
        }
        let words = (nodes as usize).div_ceil(64);
        Round {
            carrier: C::new(nodes),
            nodes: vec![Node::default(); nodes as usize],
            senders: vec![0; nodes as usize * words * 2],
            words,
            latency,
            quorum: 2 * ((nodes - 1) / 3) + 1,
            rounds: 0,
        }
    }

    /// Runs one round from start to end. `watch` sees the carrier now and then, for measuring its memory.
    pub fn run(&mut self, mut watch: impl FnMut(&C)) -> Outcome {
        // Rounds follow each other by ten seconds, which is longer than any lasts.
        let start = Time(self.rounds * 10_000_000_000);
        self.rounds += 1;
        self.nodes.fill(Node { busy_until: start, ..Node::default() });
        self.senders.fill(0);
        self.send(NodeId(0), PROPOSAL, start);
        let mut delivered = 0;
        while let Some((at, to, from, phase)) = self.carrier.next() {
            delivered += 1;
            if delivered % 65_536 == 0 {
                watch(&self.carrier);
            }
            self.deliver(at, to, from, phase);
        }
        self.outcome(start, delivered)
    }

    #[inline]
    fn deliver(&mut self, at: Time, to: NodeId, from: NodeId, phase: u32) {
        let node = &mut self.nodes[to.index()];
        let done = node.busy_until.max(at) + HANDLING;
        node.busy_until = done;
        if phase == PROPOSAL {
            self.send(to, PREPARE, done + THINKING);
            return;
        }
        let row = (to.index() * 2 + (phase - PREPARE) as usize) * self.words;
        let word = &mut self.senders[row + from.index() / 64];
        let bit = 1 << (from.0 % 64);
        let count = if phase == PREPARE { &mut node.prepares } else { &mut node.commits };
        if *word & bit != 0 || *count >= self.quorum {
            return;
        }
        *word |= bit;
        *count += 1;
        if *count == self.quorum {
            self.on_quorum(to, phase, done);
        }
    }

    #[cold]
    fn on_quorum(&mut self, node: NodeId, phase: u32, done: Time) {
        if phase == PREPARE {
            self.send(node, COMMIT, done + THINKING);
        } else {
            self.nodes[node.index()].decided = done;
        }
    }

    fn send(&mut self, from: NodeId, phase: u32, at: Time) {
        let latency = &self.latency[from.index() % REGIONS as usize];
        let case = self.rounds << 2 | u64::from(phase);
        let arrivals = (0..self.nodes.len() as u32).filter(|&to| to != from.0).map(|to| {
            let base = latency[to as usize % REGIONS as usize];
            let jitter = exponential(Span(base.0 / 20), draw(SEED, Site::Vote, from.0.into(), to.into(), case));
            (NodeId(to), at + base + jitter)
        });
        self.carrier.send(from, phase, arrivals);
    }

    fn outcome(&self, start: Time, delivered: u64) -> Outcome {
        let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let digest = self.nodes.iter().fold(0, |sum, node| mix(sum, node.decided.since(start).0));
        let digest = self.senders.iter().fold(digest, |sum, &word| mix(sum, word));
        let decided = self.nodes.iter().map(|node| node.decided).max().unwrap_or(start);
        Outcome { delivered, decided, digest }
    }
}
