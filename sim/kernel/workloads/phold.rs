//! PHOLD: every job, when its time comes, makes one new job for its own node or another.
//!
//! The usual parameters: lookahead 0.1, exponential delay of mean 0.9 beyond it, 25 % of the jobs go to a node chosen
//! uniformly (R. Fujimoto, *Performance of Time Warp under Synthetic Workloads*, 1990). The unit is a millisecond.

use super::super::agenda::{Queue, Tie};
use super::super::draw::{Site, below, draw, exponential};
use crate::base::{NodeId, Span, Time};

const LOOKAHEAD: Span = Span::from_micros(100);
const MEAN: Span = Span::from_micros(900);

#[derive(Clone, Copy, Default)]
struct Node {
    posts: u64,
    digest: u64,
}

/// A PHOLD model over a queue.
pub struct Phold<Q> {
    queue: Q,
    nodes: Vec<Node>,
}

impl<Q: Queue<NodeId>> Phold<Q> {
    /// `pending` jobs spread evenly over `nodes` nodes.
    pub fn new(nodes: u32, pending: u64) -> Self {
        let mut phold = Phold { queue: Q::new(), nodes: vec![Node::default(); nodes as usize] };
        for job in 0..pending {
            let node = NodeId((job % u64::from(nodes)) as u32);
            let delay = exponential(MEAN, draw(0, Site::Phold, job, 0, 0));
            phold.post(node, node, Time::ZERO + LOOKAHEAD + delay);
        }
        phold
    }

    #[inline]
    fn post(&mut self, origin: NodeId, to: NodeId, at: Time) {
        let node = &mut self.nodes[origin.index()];
        self.queue.push(at, Tie::new(origin, node.posts), to);
        node.posts += 1;
    }

    /// Runs `count` events.
    pub fn run(&mut self, count: u64) {
        let nodes = self.nodes.len() as u64;
        for _ in 0..count {
            let entry = self.queue.pop().expect("every job makes another");
            let me = entry.event;
            let node = &mut self.nodes[me.index()];
            node.digest = (node.digest ^ entry.at.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            let target = draw(1, Site::Phold, u64::from(me.0), node.posts, 0);
            let delay = exponential(MEAN, draw(1, Site::Phold, u64::from(me.0), node.posts, 1));
            // The two highest bits choose a quarter; the others, the node.
            let to = if target >> 62 == 0 { NodeId(below(nodes, target << 2) as u32) } else { me };
            self.post(me, to, entry.at + LOOKAHEAD + delay);
        }
    }

    /// A digest over the events of every node.
    pub fn digest(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, node| (sum ^ node.digest).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
