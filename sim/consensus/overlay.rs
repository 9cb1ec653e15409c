//! Whose neighbour one is where messages are gossiped: a sparse graph that every replica derives alike.
//!
//! The graph is a union of closed walks, each through all replicas in an order that BLAKE3 gives: symmetric, connected
//! by the first walk alone, and, as a union of random cycles, of a diameter that grows with the logarithm of its size.
//! Real networks find peers by exchange of addresses; what counts for dissemination is the degree and the diameter.

use std::collections::BTreeSet;

use crate::base::{Digest, ReplicaId};

/// The neighbours of `me` among `n` replicas, ascending: at most `degree` (at least 2, or a graph is not connected), and
/// everyone else where that is no more.
pub fn neighbours(me: ReplicaId, n: u32, degree: u32) -> Vec<ReplicaId> {
    let degree = degree.max(2);
    let others = || (0..n).filter(|&other| other != me.0);
    if n <= degree + 1 {
        return others().map(ReplicaId).collect();
    }
    let mut found = BTreeSet::new();
    for walk in 0..degree / 2 {
        let order = order(walk, n);
        let at = place(&order, me);
        found.extend([(at + 1) % n, (at + n - 1) % n].map(|next| order[next as usize]));
    }
    // An odd degree takes a matching besides: of a last order, the first with the second, and so on.
    if !degree.is_multiple_of(2) {
        let order = order(degree / 2, n);
        found.extend(order.get((place(&order, me) ^ 1) as usize));
    }
    found.into_iter().map(ReplicaId).collect()
}

/// Replicas in the order of the `walk`-th walk.
fn order(walk: u32, n: u32) -> Vec<u32> {
    let mut keyed: Vec<([u8; 8], u32)> = Vec::with_capacity(n as usize);
    for first in (0..n).step_by(4) {
        let digest = Digest::of(&[walk.to_le_bytes(), n.to_le_bytes(), first.to_le_bytes()].concat());
        let (words, _) = digest.0.as_chunks::<8>();
        keyed.extend(words.iter().copied().zip(first..n));
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, replica)| replica).collect()
}

fn place(order: &[u32], me: ReplicaId) -> u32 {
    order.iter().position(|&replica| replica == me.0).expect("every replica is on every walk") as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The graph, and how many steps the farthest replica is from the first, if all are reached.
    fn graph(n: u32, degree: u32) -> (Vec<Vec<ReplicaId>>, Option<u32>) {
        let graph: Vec<_> = (0..n).map(|me| neighbours(ReplicaId(me), n, degree)).collect();
        let mut reached = BTreeSet::from([ReplicaId(0)]);
        let (mut edge, mut steps) = (vec![ReplicaId(0)], 0);
        while reached.len() < n as usize {
            edge = edge.iter().flat_map(|at| &graph[at.index()]).copied().filter(|&to| reached.insert(to)).collect();
            steps += 1;
            if edge.is_empty() {
                return (graph, None);
            }
        }
        (graph, Some(steps))
    }

    #[test]
    fn the_graph_is_symmetric_connected_and_within_its_degree() {
        for n in (1..40).chain([60, 100, 333, 1_000]) {
            for degree in [2, 3, 4, 5, 10] {
                let (graph, steps) = graph(n, degree);
                assert!(steps.is_some(), "{n} replicas of degree {degree} are connected");
                for (me, neighbours) in graph.iter().enumerate() {
                    let me = ReplicaId(me as u32);
                    assert!(neighbours.len() <= degree as usize && !neighbours.contains(&me));
                    assert!(neighbours.iter().all(|to| graph[to.index()].contains(&me)), "{me} of {n}, {degree}");
                }
            }
        }
    }

    #[test]
    fn a_thousand_replicas_of_degree_ten_are_at_most_five_steps_apart() {
        let (graph, steps) = graph(1_000, 10);
        assert!(steps.is_some_and(|steps| steps <= 5), "{steps:?}");
        let links: usize = graph.iter().map(Vec::len).sum();
        assert!(links > 9_900, "few walks share a step: {links} of 10,000");
    }

    #[test]
    fn few_replicas_are_all_neighbours() {
        assert_eq!(neighbours(ReplicaId(1), 4, 10), [0, 2, 3].map(ReplicaId));
        assert_eq!(neighbours(ReplicaId(0), 1, 10), []);
    }
}
