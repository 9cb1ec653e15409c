//! Properties of the queues, held against the naive reference on random histories.

use proptest::prelude::*;

use super::agenda::reference::Reference;
use super::agenda::{Agenda, Queue, Tie};
use super::schedule::{Occurrence, Schedule};
use super::workloads::hold::Hold;
use super::workloads::phold::Phold;
use super::workloads::votes::{OneByOne, Round};
use crate::base::{NodeId, Time};

/// A step of a history: how many events to post, how far ahead at most (as a power of two), and how many to pop then.
#[derive(Clone, Debug)]
struct Step {
    posts: u16,
    reach: u32,
    pops: u16,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reach = prop_oneof![Just(0), 1..12u32, 12..32u32, 32..62u32];
    let step = (0..400u16, reach, 0..500u16).prop_map(|(posts, reach, pops)| Step { posts, reach, pops });
    prop::collection::vec(step, 1..40)
}

/// A fixed scramble, so that a history is a function of its steps and a seed.
fn scramble(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state ^ *state >> 29
}

/// Both queues of a comparison, and each origin's posts.
struct Pair {
    agenda: Agenda<u32>,
    reference: Reference<u32>,
    posts: Vec<u64>,
    now: Time,
}

impl Pair {
    fn new(origins: usize) -> Self {
        Pair { agenda: Agenda::new(), reference: Reference::new(), posts: vec![0; origins], now: Time::ZERO }
    }

    fn push(&mut self, origin: usize, at: Time) {
        let tie = Tie::new(NodeId(origin as u32), self.posts[origin]);
        self.posts[origin] += 1;
        let event = (self.posts[origin] as u32) << 8 | origin as u32;
        self.agenda.push(at, tie, event);
        self.reference.push(at, tie, event);
    }

    fn pop(&mut self) -> bool {
        let (ours, theirs) = (self.agenda.pop(), self.reference.pop());
        let whole = |entry: super::agenda::Entry<u32>| (entry.at, entry.tie, entry.event);
        assert_eq!(ours.map(whole), theirs.map(whole));
        assert_eq!(self.agenda.len(), self.reference.len());
        if let Some(entry) = ours {
            self.now = entry.at;
        }
        ours.is_some()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_agenda_pops_what_a_heap_pops(steps in steps(), origins in 1..200usize, seed: u64) {
        let mut state = seed;
        let mut pair = Pair::new(origins);
        for Step { posts, reach, pops } in steps {
            for _ in 0..posts {
                let ahead = scramble(&mut state) >> 2 & ((1 << reach) - 1);
                let origin = scramble(&mut state) as usize % origins;
                pair.push(origin, Time(pair.now.0.saturating_add(ahead)));
            }
            for _ in 0..pops {
                if !pair.pop() {
                    break;
                }
                // Some events post another, mostly close by, sometimes for the same instant.
                if scramble(&mut state).is_multiple_of(3) {
                    let ahead = scramble(&mut state) >> 2 & ((1 << (reach / 2)) - 1);
                    pair.push(scramble(&mut state) as usize % origins, Time(pair.now.0 + ahead));
                }
            }
        }
        while pair.pop() {}
    }

    #[test]
    fn the_order_of_pushing_does_not_matter(times in prop::collection::vec(0..50_000u64, 1..300), turn: prop::sample::Index) {
        let turn = turn.index(times.len());
        let keyed: Vec<(u64, u64)> = times.into_iter().zip(0..).collect();
        let popped = |order: &[&[(u64, u64)]]| {
            let mut agenda = Agenda::new();
            for &&(at, nth) in order.iter().flat_map(|part| part.iter()).collect::<Vec<_>>().iter() {
                agenda.push(Time(at), Tie::new(NodeId(nth as u32 % 3), nth / 3), nth);
            }
            std::iter::from_fn(move || agenda.pop().map(|entry| entry.event)).collect::<Vec<_>>()
        };
        let (front, back) = keyed.split_at(turn);
        prop_assert_eq!(popped(&[front, back]), popped(&[back, front]));
    }

    #[test]
    fn a_schedule_with_multicasts_does_what_single_events_do(steps in steps(), nodes in 2..120usize, seed: u64) {
        let mut model = Model::new(nodes, seed);
        for Step { posts, reach, pops } in steps {
            for _ in 0..posts / 16 {
                model.act(reach.min(45));
            }
            for _ in 0..pops {
                if !model.pop() {
                    break;
                }
                if scramble(&mut model.state).is_multiple_of(8) {
                    model.act(reach / 2);
                }
            }
        }
        while model.pop() {}
        model.check_ends();
    }
}

/// The key of a single event as the schedule orders it; the last is the destination, which posts do not have.
type Key = (Time, NodeId, u64, u32);

/// A schedule, and beside it the set of all it should hold.
struct Model {
    schedule: Schedule<u32>,
    pending: std::collections::BTreeMap<Key, (u32, bool)>,
    /// Per multicast, its receivers still to come.
    left: Vec<usize>,
    posts: Vec<u64>,
    state: u64,
}

impl Model {
    fn new(nodes: usize, seed: u64) -> Self {
        let pending = std::collections::BTreeMap::new();
        Model { schedule: Schedule::new(nodes), pending, left: Vec::new(), posts: vec![0; nodes], state: seed }
    }

    /// Posts an event, or multicasts to a random set of nodes, empty sets included.
    fn act(&mut self, reach: u32) {
        let nodes = self.posts.len() as u64;
        let origin = NodeId((scramble(&mut self.state) % nodes) as u32);
        let nth = self.posts[origin.index()];
        self.posts[origin.index()] += 1;
        let event = self.left.len() as u32;
        let ahead = |state: &mut u64| scramble(state) >> 2 & ((1 << reach) - 1);
        if scramble(&mut self.state).is_multiple_of(2) {
            let at = Time(self.schedule.now().0 + ahead(&mut self.state));
            self.schedule.post(origin, at, event);
            self.pending.insert((at, origin, nth, 0), (event, false));
            self.left.push(0);
            return;
        }
        let spread = scramble(&mut self.state) % 4;
        let mut arrivals = Vec::new();
        for to in 0..nodes as u32 {
            if spread > 0 && scramble(&mut self.state) % 4 <= spread {
                let at = Time(self.schedule.now().0 + ahead(&mut self.state));
                arrivals.push((NodeId(to), at));
                self.pending.insert((at, origin, nth, to), (event, true));
            }
        }
        let receivers = self.schedule.multicast(origin, event, arrivals.iter().copied());
        assert_eq!(receivers as usize, arrivals.len());
        self.left.push(arrivals.len());
    }

    fn pop(&mut self) -> bool {
        assert_eq!(self.schedule.len(), self.pending.len());
        let expected = self.pending.pop_first();
        if let Some(((at, ..), _)) = expected {
            assert_eq!(self.schedule.pop_before(at), None, "nothing is due before {at:?}");
        }
        // Half of the time by bound, half without.
        let bound = expected.map_or(Time::NEVER, |((at, ..), _)| Time(at.0 + 1 + scramble(&mut self.state) % 2000));
        let popped = if self.state.is_multiple_of(2) { self.schedule.pop() } else { self.schedule.pop_before(bound) };
        let expected = expected.map(|((at, _, _, to), (event, is_delivery))| {
            if is_delivery {
                self.left[event as usize] -= 1;
                Occurrence::Delivery { at, to: NodeId(to), event, last: self.left[event as usize] == 0 }
            } else {
                Occurrence::Event { at, event }
            }
        });
        assert_eq!(popped, expected);
        if let Some(occurrence) = popped {
            assert_eq!(self.schedule.now(), occurrence.at());
        }
        popped.is_some()
    }

    fn check_ends(&self) {
        assert!(self.schedule.is_empty());
        assert!(self.left.iter().all(|&left| left == 0));
    }
}

#[test]
fn slots_that_must_narrow_and_widen_again_keep_the_order() {
    let mut pair = Pair::new(50);
    let mut state = 1;
    // Nanoseconds apart, then minutes, then nanoseconds again, each long enough for several changes of width.
    for (reach, rounds) in [(14, 30_000), (36, 30_000), (4, 30_000), (20, 60_000)] {
        for round in 0..rounds {
            let ahead = scramble(&mut state) >> 2 & ((1 << reach) - 1);
            pair.push(round % 50, Time(pair.now.0 + ahead));
            if round >= 2_000 {
                pair.pop();
            }
        }
    }
    while pair.pop() {}
}

/// Microseconds apart, deliveries crowd the open window; seconds apart, windows are nearly empty and out of reach.
#[test]
fn windows_that_must_narrow_and_widen_again_keep_the_order() {
    let mut model = Model::new(100, 7);
    for (reach, actions) in [(12, 2_000), (31, 500), (22, 2_000), (8, 2_000)] {
        for action in 0..actions {
            model.act(reach);
            // About 30 deliveries come of an action: pending ones build up, then stay level.
            (0..if action < 50 { 10 } else { 32 }).for_each(|_| _ = model.pop());
        }
    }
    while model.pop() {}
    model.check_ends();
}

#[test]
fn ten_thousand_posts_for_one_instant_keep_the_order() {
    let mut pair = Pair::new(100);
    for burst in 0..5 {
        (0..10_000).for_each(|i| pair.push((i * 37) % 100, Time(1_000_000 * burst)));
        // The instant is open now; the rest of the burst comes into it.
        pair.pop();
        (0..10_000).for_each(|i| pair.push((i * 53) % 100, pair.now));
        (0..9_000).for_each(|_| _ = pair.pop());
    }
    pair.push(0, Time::NEVER);
    while pair.pop() {}
}

#[test]
fn loads_come_to_the_same_over_every_queue() {
    for pending in [10, 1_000, 20_000] {
        let (mut ours, mut theirs) = (Hold::<Agenda<u64>>::new(pending), Hold::<Reference<u64>>::new(pending));
        assert_eq!(ours.run(50_000), theirs.run(50_000));
    }
    let (mut ours, mut theirs) =
        (Phold::<Agenda<NodeId>>::new(500, 5_000), Phold::<Reference<NodeId>>::new(500, 5_000));
    ours.run(100_000);
    theirs.run(100_000);
    assert_eq!(ours.digest(), theirs.digest());
    let mut ours = Round::<Schedule<u32>>::new(100);
    let mut theirs = Round::<OneByOne<Reference<(NodeId, u32)>>>::new(100);
    for _ in 0..3 {
        assert_eq!(ours.run(|_| ()), theirs.run(|_| ()));
    }
}

#[test]
fn a_hundred_thousand_pending_events_take_at_most_32_bytes_each() {
    let mut agenda = Agenda::<u64>::new();
    let mut state = 1;
    for i in 0..100_000 {
        agenda.push(Time(scramble(&mut state) >> 38), Tie::new(NodeId(0), i), i);
    }
    assert!(agenda.bytes() <= 100_000 * 32, "{} bytes", agenda.bytes());
}
