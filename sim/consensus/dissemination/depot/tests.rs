//! The depot by example, and its promises under any course of events.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::base::{Digest, Height, ReplicaId, Time, View};
use crate::consensus::dissemination::{Batched, Destination, Dissemination, Layer, LayerLimits};
use crate::ledger::{Batch, Block, Payload};

use super::Depot;

const LIMITS: LayerLimits = LayerLimits { block_batches: 2, ..LayerLimits::small() };

fn depot_with(batches: u64) -> Depot {
    let mut depot = Depot::new(ReplicaId(0), 4, LIMITS);
    for sequence in 0..batches {
        depot.store(Arc::new(Batch::seal(ReplicaId(1), sequence, Vec::new(), 1)));
    }
    depot
}

fn block(view: u64, height: u64, payload: Payload) -> Block {
    Block::sealed(View(view), Height(height), ReplicaId(0), Digest::ZERO, View(view - 1), payload)
}

fn sequences(payload: &Payload) -> Vec<u64> {
    payload.batches.iter().map(|batch| batch.sequence).collect()
}

#[test]
fn what_is_in_flight_is_not_ordered_again_unless_its_block_is_abandoned() {
    let mut depot = depot_with(3);
    let first = block(1, 1, depot.next(Layer::Batched));
    assert_eq!(sequences(&first.payload), [0, 1]);
    depot.proposed(&first);
    let second = block(2, 2, depot.next(Layer::Batched));
    assert_eq!(sequences(&second.payload), [2]);
    depot.proposed(&second);
    assert!(depot.is_idle());
    let third = block(3, 1, Payload::default());
    depot.committed(&third);
    assert_eq!(
        sequences(&depot.next(Layer::Batched)),
        [0, 1],
        "views 1 and 2 were abandoned; the bound is two batches"
    );
}

#[test]
fn committed_batches_are_kept_for_late_fetches_and_then_forgotten() {
    let mut depot = depot_with(2);
    let first = block(1, 1, depot.next(Layer::Batched));
    depot.proposed(&first);
    depot.committed(&first);
    let id = first.payload.batches[0].id;
    assert!(depot.get(&id).is_some());
    (2..=4).for_each(|height| depot.committed(&block(height, height, Payload::default())));
    assert!(depot.is_empty(), "{} batches are left", depot.len());
}

#[test]
fn a_missing_batch_is_asked_of_the_proposer_then_of_its_origin_then_of_others() {
    let mut depot = Depot::new(ReplicaId(0), 4, LIMITS);
    let batch = Batch::seal(ReplicaId(1), 0, Vec::new(), 1);
    let mut asked = Vec::new();
    depot.fetch(Time::ZERO, ReplicaId(2), &[*batch.reference()], &mut asked);
    for tick in 1..=3 {
        depot.refetch(Time::ZERO + LIMITS.fetch_retry * tick, &mut asked);
    }
    let asked: Vec<Destination> = asked.into_iter().map(|(to, _)| to).collect();
    assert_eq!(asked, [2, 1, 3].map(|replica| Destination::One(ReplicaId(replica))), "and never of itself");
}

fn batch(sequence: u64) -> Arc<Batch> {
    Arc::new(Batch::seal(ReplicaId(1), sequence, Vec::new(), 1))
}

/// A depot that committed batch 0 at height 1 and has forgotten it since.
fn depot_past_its_memory() -> Depot {
    let mut depot = depot_with(1);
    let first = block(1, 1, depot.next(Layer::Batched));
    depot.proposed(&first);
    depot.committed(&first);
    (2..=5).for_each(|height| depot.committed(&block(height, height, Payload::default())));
    assert!(depot.get(&batch(0).id()).is_none());
    depot
}

#[test]
fn a_batch_that_comes_again_after_it_was_committed_and_forgotten_is_not_ordered_again() {
    let mut depot = depot_past_its_memory();
    assert!(!depot.store(batch(0)), "a retransmission that a partition held up");
    assert!(depot.is_idle() && depot.is_empty());
    assert!(depot.store(batch(1)), "others are");
    assert_eq!(sequences(&depot.next(Layer::Batched)), [1]);
}

#[test]
fn a_proposal_that_comes_after_its_height_was_committed_changes_nothing() {
    let mut depot = depot_past_its_memory();
    let late = block(1, 1, Payload { batches: vec![*batch(0).reference()], inline: vec![batch(0)] });
    depot.proposed(&late);
    assert!(depot.is_empty() && depot.is_idle(), "nothing is kept of it");
    let layer = Batched::new(depot);
    assert_eq!(layer.missing(&late), [], "and no contents are asked for that everyone may have forgotten");
}

#[test]
fn a_late_proposal_of_an_abandoned_view_does_not_free_a_batch_that_a_later_block_orders() {
    let mut depot = depot_with(1);
    let payload = depot.next(Layer::Batched);
    depot.proposed(&block(3, 2, payload.clone()));
    depot.proposed(&block(2, 2, payload));
    depot.committed(&block(2, 1, Payload::default()));
    assert!(depot.is_idle(), "the block of view 3 may still be committed");
}

#[test]
fn a_repeated_batch_in_flight_is_kept_until_its_second_commit() {
    let mut depot = depot_with(1);
    let first = block(1, 1, depot.next(Layer::Batched));
    depot.proposed(&first);
    depot.committed(&first);
    // Someone orders it again, in a block that is still in flight when the first height is forgotten.
    let again = block(6, 6, first.payload.clone());
    (2..=3).for_each(|height| depot.committed(&block(height, height, Payload::default())));
    depot.proposed(&again);
    (4..=5).for_each(|height| depot.committed(&block(height, height, Payload::default())));
    assert!(depot.get(&batch(0).id()).is_some(), "a commit finds the batches of its block at hand");
    depot.committed(&again);
    (7..=9).for_each(|height| depot.committed(&block(height, height, Payload::default())));
    assert!(depot.is_empty(), "{} batches are left", depot.len());
}

#[test]
fn a_repeated_batch_whose_block_is_abandoned_is_forgotten_in_the_end() {
    let mut depot = depot_past_its_memory();
    let again = block(6, 6, Payload { batches: vec![*batch(0).reference()], inline: Vec::new() });
    depot.proposed(&again);
    assert!(depot.store(batch(0)), "its contents were fetched: the block might have been committed");
    (6..=8).for_each(|height| depot.committed(&block(height + 1, height, Payload::default())));
    assert!(depot.is_empty() && depot.is_idle());
}

#[test]
fn the_tail_of_batches_settled_out_of_order_takes_memory_only_for_its_gaps() {
    let mut depot = depot_with(0);
    let mut height = 0;
    // Batch 0 never comes: all of it was forged.
    for sequence in 1..=100 {
        depot.store(batch(sequence));
        height += 1;
        let next = block(height, height, depot.next(Layer::Batched));
        depot.proposed(&next);
        depot.committed(&next);
    }
    assert_eq!(depot.settled_runs(), 1);
    assert!(depot.store(batch(0)), "it is not settled");
    (1..=97).for_each(|sequence| assert!(!depot.store(batch(sequence)), "batch {sequence} is"));
}

// Promises.

/// What happens to one replica's depot, as numbers that are read modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Course {
    /// The n-th batch arrives, for the first time or again.
    Store(u64),
    /// A block of the next view is proposed on the n-th block in flight, or on the tip.
    Propose(usize),
    /// Another replica, that knows less, proposes the n-th batch once more.
    ProposeAgain(u64),
    /// The n-th block in flight is committed, with its ancestors.
    Commit(usize),
}

fn course() -> impl Strategy<Value = Course> {
    prop_oneof![
        4 => (0u64..40).prop_map(Course::Store),
        3 => any::<usize>().prop_map(Course::Propose),
        1 => (0u64..40).prop_map(Course::ProposeAgain),
        2 => any::<usize>().prop_map(Course::Commit),
    ]
}

/// A chain that grows under a depot: blocks in flight with their ancestors, and all that was committed.
struct World {
    depot: Depot,
    view: u64,
    /// Committed blocks, genesis aside.
    chain: Vec<Arc<Block>>,
    /// Blocks proposed and neither committed nor abandoned.
    in_flight: Vec<Arc<Block>>,
    stored: BTreeSet<u64>,
    /// Batches that `ProposeAgain` put into blocks, and those of blocks that a later view replaced, which may be committed
    /// after all: those alone may be ordered twice.
    forced: BTreeSet<u64>,
}

impl World {
    fn new() -> World {
        let depot = depot_with(0);
        let (chain, in_flight) = (Vec::new(), Vec::new());
        World { depot, view: 0, chain, in_flight, stored: BTreeSet::new(), forced: BTreeSet::new() }
    }

    fn propose(&mut self, on: usize, payload: Payload) {
        self.view += 1;
        let tip = self.chain.last().cloned().unwrap_or_else(|| Arc::new(Block::genesis()));
        let parent = match self.in_flight.len() {
            0 => tip,
            blocks => self.in_flight[on % blocks].clone(),
        };
        let view = View(self.view);
        let block = Block::sealed(view, parent.height.next(), ReplicaId(0), parent.id(), parent.view, payload);
        let replaced = self.in_flight.iter().filter(|other| other.height >= block.height);
        self.forced.extend(replaced.flat_map(|other| sequences(&other.payload)));
        self.depot.proposed(&block);
        self.in_flight.push(Arc::new(block));
    }

    /// Commits a block in flight; what is no descendant of it is abandoned.
    fn commit(&mut self, which: usize) {
        if self.in_flight.is_empty() {
            return;
        }
        let mut path = vec![self.in_flight[which % self.in_flight.len()].clone()];
        let mut live = vec![path[0].id()];
        while let Some(parent) = self.in_flight.iter().find(|block| block.id() == path[path.len() - 1].parent) {
            path.push(parent.clone());
        }
        for block in path.into_iter().rev() {
            for batch in &block.payload.batches {
                assert!(self.depot.get(&batch.id).is_some(), "batch {} is not at hand at its commit", batch.sequence);
            }
            self.depot.committed(&block);
            self.chain.push(block);
        }
        // Parents are older than their children, so one pass finds every descendant.
        self.in_flight.retain(|block| {
            let descends = live.contains(&block.parent);
            live.extend(descends.then(|| block.id()));
            descends
        });
    }

    fn happen(&mut self, course: Course) {
        match course {
            Course::Store(sequence) => {
                self.depot.store(batch(sequence));
                self.stored.insert(sequence);
            }
            Course::Propose(on) => {
                let payload = self.depot.next(Layer::Batched);
                self.propose(on, payload);
            }
            Course::ProposeAgain(sequence) => {
                let (batch, payload) = (batch(sequence), Payload::default());
                self.forced.insert(sequence);
                self.stored.insert(sequence);
                self.propose(usize::MAX, Payload { batches: vec![*batch.reference()], ..payload });
                // A replica takes part in a block only once it has its contents.
                self.depot.store(batch);
            }
            Course::Commit(which) => self.commit(which),
        }
    }

    fn ordered(&self) -> Vec<u64> {
        self.chain.iter().flat_map(|block| sequences(&block.payload)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Batches arrive, repeat, are proposed on any fork, committed, abandoned and forgotten: no batch is ordered twice in
    /// the chain that survives (but where another replica insists, or a replaced block is committed after all), and each
    /// that arrived is ordered in the end.
    #[test]
    fn no_batch_is_ordered_twice_in_the_surviving_chain_and_none_is_lost(
        courses in prop::collection::vec(course(), 0..300),
    ) {
        let mut world = World::new();
        courses.into_iter().for_each(|course| world.happen(course));
        // Then the network is calm, and the replica leads every view.
        for _ in 0..100 {
            world.happen(Course::Propose(usize::MAX));
            world.commit(world.in_flight.len() - 1);
        }
        let ordered = world.ordered();
        let distinct: BTreeSet<u64> = ordered.iter().copied().collect();
        prop_assert_eq!(&distinct, &world.stored, "what arrived is ordered");
        for sequence in distinct.difference(&world.forced) {
            prop_assert_eq!(ordered.iter().filter(|one| *one == sequence).count(), 1, "batch {} of {:?}", sequence, ordered);
        }
        prop_assert!(world.depot.is_idle() && world.depot.is_empty(), "memory is bounded: {} left", world.depot.len());
    }
}
