//! The layer's rules, on four replicas whose parcels a test delivers or loses.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{Height, ReplicaId, Span, Time, View};
use crate::consensus::dag::Dag;
use crate::consensus::dissemination::{
    Above, Certified, Depot, Destination, Dissemination, Outbox, Pace, Parcel, Woven,
};
use crate::consensus::{LayerLimits, PayloadSource, planted};
use crate::ledger::{Batch, Block, Certificate, Committee, Link, Payload, Phase, Signers};

const LIMITS: LayerLimits = LayerLimits::small();

/// Replicas, and what flies between them.
struct Net {
    layers: Vec<Certified>,
    flying: VecDeque<(ReplicaId, ReplicaId, Parcel)>,
    /// Who neither sends nor receives.
    away: BTreeSet<ReplicaId>,
    now: Time,
}

impl Net {
    fn new(above: Above) -> Net {
        let committee = Committee::new(4);
        let depot = |me| Depot::new(me, 4, LIMITS);
        let layers = committee.replicas().map(|me| Certified::new(depot(me), &committee, above)).collect();
        Net { layers, flying: VecDeque::new(), away: BTreeSet::new(), now: Time::ZERO }
    }

    /// Under a protocol that orders the DAG without waiting for anyone.
    fn free() -> Net {
        Net::new(Above { depth: Some(LIMITS.gc_depth), pace: Pace::Free })
    }

    fn post(&mut self, from: ReplicaId, out: Outbox) {
        for (to, parcel) in out {
            let receivers = (0..4).map(ReplicaId).filter(|&one| match to {
                Destination::All => one != from,
                Destination::One(to) => one == to && to != from,
            });
            let apart = |one: &ReplicaId| self.away.contains(one) || self.away.contains(&from);
            let receivers: Vec<ReplicaId> = receivers.filter(|one| !apart(one)).collect();
            self.flying.extend(receivers.into_iter().map(|to| (from, to, parcel.clone())));
        }
    }

    fn deliver(&mut self) {
        while let Some((from, to, parcel)) = self.flying.pop_front() {
            let out = self.give(from.0, to.0, &parcel);
            self.post(to, out);
        }
    }

    /// Gives one replica a parcel; what it answers.
    fn give(&mut self, from: u32, to: u32, parcel: &Parcel) -> Outbox {
        let mut out = Outbox::new();
        self.layers[to as usize].on_parcel(self.now, ReplicaId(from), parcel, &mut out);
        out
    }

    /// A tenth of a second passes: headers are due, and everything is delivered.
    fn pass(&mut self) {
        self.now += Span::from_millis(100);
        for me in (0..4).map(ReplicaId).filter(|me| !self.away.contains(me)).collect::<Vec<_>>() {
            let mut out = Outbox::new();
            self.layers[me.index()].on_tick(self.now, &mut out);
            self.post(me, out);
        }
        self.deliver();
    }

    fn seal(&mut self, me: u32, sequence: u64) -> Arc<Batch> {
        let batch = Arc::new(Batch::seal(ReplicaId(me), sequence, Vec::new(), 1));
        let mut out = Outbox::new();
        self.layers[me as usize].on_sealed(self.now, batch.clone(), &mut out);
        self.post(ReplicaId(me), out);
        batch
    }

    fn highest(&self, me: u32) -> u64 {
        self.layers[me as usize].dag.highest().0
    }

    fn authors(&self, me: u32, round: u64) -> u32 {
        self.layers[me as usize].dag.authors(View(round))
    }
}

fn header(author: u32, round: u64, links: Vec<Link>, batches: &[&Batch]) -> Arc<Block> {
    let batches = batches.iter().map(|batch| *batch.reference()).collect();
    Arc::new(Block::woven(View(round), ReplicaId(author), links, Payload { batches, inline: Vec::new() }))
}

/// How many votes answer.
fn votes(out: &Outbox) -> usize {
    out.iter().filter(|(_, parcel)| matches!(parcel, Parcel::Vote { .. })).count()
}

#[test]
fn everyone_s_headers_are_certified_round_by_round() {
    let mut net = Net::free();
    (0..3).for_each(|_| net.pass());
    for me in 0..4 {
        assert_eq!((net.highest(me), net.authors(me, 1), net.authors(me, 3)), (3, 4, 4));
    }
    let second = net.layers[1].dag.of(View(2), ReplicaId(2)).next().expect("it has one").clone();
    let authors: Vec<u32> = second.links.iter().map(|link| link.author.0).collect();
    assert_eq!(authors, [2, 0, 1, 3], "its own first");
}

#[test]
fn a_batch_that_a_quorum_stores_goes_into_the_next_header_and_may_then_be_ordered() {
    let mut net = Net::new(Above { depth: None, pace: Pace::Free });
    let batch = net.seal(0, 0);
    net.away = [2, 3].map(ReplicaId).into();
    net.flying.retain(|(_, to, _)| to.0 == 1);
    net.deliver();
    assert!(net.layers[0].outgoing.ready_bytes().0 == 0, "two of four are no quorum");
    net.away.clear();
    net.pass();
    assert!(net.layers.iter_mut().all(PayloadSource::is_empty), "round 1 was proposed without it");
    for _ in 0..12 {
        net.pass();
    }
    for layer in &mut net.layers {
        assert_eq!(layer.payload().batches, [*batch.reference()], "{:?}", layer.me);
    }
}

#[test]
fn a_replica_votes_once_for_each_author_and_round_and_says_so_again() {
    let mut net = Net::free();
    let batch = Batch::seal(ReplicaId(1), 0, Vec::new(), 1);
    net.layers[0].stock.depot.store(Arc::new(batch.clone()));
    let (one, other) = (header(1, 1, Vec::new(), &[]), header(1, 1, Vec::new(), &[&batch]));
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(one.clone()))), 1);
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(other.clone()))), 0);
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(one))), 1, "the vote may have been lost");
    net.layers[0].on_restarted(net.now);
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(other.clone()))), 0, "votes are on disk");
    let twice = planted::with("vote twice", || net.give(1, 0, &Parcel::Header(other.clone())));
    assert_eq!(votes(&twice), 1);
    let mut net = Net::free();
    net.give(1, 0, &Parcel::Header(header(1, 1, Vec::new(), &[])));
    net.layers[0].stock.depot.store(Arc::new(batch));
    planted::with("votes forgotten in a crash", || net.layers[0].on_restarted(net.now));
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(other))), 1);
}

#[test]
fn a_header_is_voted_for_when_its_batches_are_at_hand() {
    let mut net = Net::free();
    let batch = Arc::new(Batch::seal(ReplicaId(1), 0, Vec::new(), 1));
    let asked = net.give(1, 0, &Parcel::Header(header(1, 1, Vec::new(), &[&batch])));
    assert!(matches!(asked[..], [(Destination::One(ReplicaId(1)), Parcel::Fetch(_))]), "{asked:?}");
    let voted = net.give(1, 0, &Parcel::Batch(batch));
    assert!(matches!(voted[..], [(_, Parcel::Ack { .. }), (_, Parcel::Vote { .. })]), "{voted:?}");
}

#[test]
fn unsound_headers_get_no_vote() {
    let mut net = Net::free();
    net.pass();
    let links = |authors: &[u32]| -> Vec<Link> {
        let of = |&author: &u32| net.layers[0].dag.of(View(1), ReplicaId(author)).next().expect("all have one").link();
        authors.iter().map(of).collect()
    };
    let foreign = Batch::seal(ReplicaId(2), 0, Vec::new(), 1);
    let odd = [
        header(1, 2, links(&[1, 0]), &[]),
        header(1, 2, links(&[0, 2, 1, 3]), &[]),
        header(1, 2, links(&[1, 0, 0]), &[]),
        header(1, 2, links(&[1, 0, 2, 3]), &[&foreign]),
        header(1, 1, links(&[1, 0, 2]), &[]),
        header(1, 3, links(&[1, 0, 2]), &[]),
    ];
    let sound = header(1, 2, links(&[1, 0, 3]), &[]);
    net.layers[0].stock.depot.store(Arc::new(foreign));
    for header in odd {
        assert_eq!(net.give(1, 0, &Parcel::Header(header.clone())).len(), 0, "{:?}", header.links);
    }
    assert_eq!(votes(&net.give(2, 0, &Parcel::Header(sound.clone()))), 0, "another sends it");
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(sound))), 1);
}

#[test]
fn a_certificate_of_too_few_signers_says_nothing() {
    let certified = |signers: u32| {
        let header = header(1, 1, Vec::new(), &[]);
        let mut by = Signers::none_of(4);
        (0..signers).for_each(|one| assert!(by.insert(ReplicaId(one))));
        let (view, height, block) = (header.view, header.height, header.id());
        let certificate = Certificate { phase: Phase::Vote, view, height, block, signers: by };
        Parcel::Certified(Arc::new(Woven { header, certificate }))
    };
    let mut net = Net::free();
    net.give(1, 0, &certified(2));
    assert_eq!(net.authors(0, 1), 0);
    planted::with("signers not counted", || net.give(1, 0, &certified(2)));
    assert_eq!(net.authors(0, 1), 1);
    let mut net = Net::free();
    net.give(1, 0, &certified(3));
    assert_eq!(net.authors(0, 1), 1);
}

#[test]
fn a_replica_that_comes_back_proposes_no_second_header_in_a_round() {
    let proposed_after_crash = |net: &mut Net| {
        let mut out = Outbox::new();
        net.layers[0].on_restarted(net.now);
        net.layers[0].propose(net.now + Span::from_secs(1), &mut out);
        !out.is_empty()
    };
    let mut net = Net::free();
    net.now = Time::ZERO + Span::from_millis(100);
    assert!(net.layers[0].propose(net.now, &mut Outbox::new()) || net.layers[0].headers.round == View(1));
    assert!(!proposed_after_crash(&mut net));
    assert!(planted::with("own header forgotten in a crash", || proposed_after_crash(&mut net)));
}

#[test]
fn what_a_slow_replica_proposes_late_is_linked_to_late() {
    let mut net = Net::free();
    net.pass();
    // Its header of round 2 reaches nobody, and everyone goes on.
    net.away.insert(ReplicaId(3));
    (0..3).for_each(|_| net.pass());
    net.away.clear();
    assert_eq!((net.authors(0, 2), net.highest(0)), (3, 4));
    let batch = net.seal(3, 0);
    (0..4).for_each(|_| net.pass());
    let highest = View(net.highest(0));
    let newest = net.layers[0].dag.of(highest, ReplicaId(0)).next().expect("it goes on").clone();
    let named = |block: &Arc<Block>| block.payload.batches.contains(batch.reference());
    let dag = &net.layers[0].dag;
    let named = (1..highest.0).flat_map(|round| dag.blocks(View(round))).find(|&block| named(block));
    assert!(dag.reaches(&newest, &named.expect("it was certified").link()));
}

#[test]
fn a_replica_that_was_away_catches_up() {
    let away_for = |net: &mut Net, rounds: usize| {
        net.away.insert(ReplicaId(3));
        (0..rounds).for_each(|_| net.pass());
        net.away.clear();
        (0..10).for_each(|_| net.pass());
    };
    let mut net = Net::free();
    // As long as certified headers are kept: two rounds.
    away_for(&mut net, 2);
    assert_eq!(net.highest(3), net.highest(0));
    let mut net = Net::free();
    planted::with("catch-up omitted", || away_for(&mut net, 2));
    assert!(net.highest(3) < net.highest(0));
}

#[test]
fn what_forgotten_headers_named_goes_into_another() {
    let mut net = Net::free();
    let batch = net.seal(0, 0);
    (0..3).for_each(|_| net.pass());
    let named = |net: &Net, round: u64| {
        let mut blocks = net.layers[1].dag.blocks(View(round));
        blocks.any(|block| block.payload.batches.contains(batch.reference()))
    };
    let first = (1..=3).find(|&round| named(&net, round)).expect("a header named it");
    net.layers[0].on_passed(Height(first));
    (0..3).for_each(|_| net.pass());
    assert!((first + 1..=net.highest(1)).any(|round| named(&net, round)), "its round passed, and nothing had taken it");
}

#[test]
fn a_round_waits_for_its_leader_and_not_for_ever() {
    let patience = Span::from_millis(1_000);
    let mut net = Net::new(Above { depth: Some(LIMITS.gc_depth), pace: Pace::Anchored { patience } });
    // Replica 1 leads round 2.
    net.away.insert(ReplicaId(1));
    (0..6).for_each(|_| net.pass());
    assert_eq!(net.highest(0), 2);
    (0..8).for_each(|_| net.pass());
    assert!(net.highest(0) > 2);
    let mut net = Net::new(Above { depth: Some(LIMITS.gc_depth), pace: Pace::Anchored { patience } });
    (0..6).for_each(|_| net.pass());
    assert_eq!(net.highest(0), 6, "with its leader's block it does not wait");
}

#[test]
fn after_an_anchor_a_round_waits_for_votes_for_it_and_not_for_ever() {
    let patience = Span::from_millis(1_000);
    let mut net = Net::new(Above { depth: Some(LIMITS.gc_depth), pace: Pace::Anchored { patience } });
    net.pass();
    net.pass();
    let layer = &mut net.layers[0];
    // Replica 1 leads round 2. Of round 3, three blocks are there, and one of them links to its block.
    let linked = [&[0, 1, 2][..], &[2, 0, 3], &[3, 0, 2]];
    let linked = linked.map(|authors| authors.iter().map(|&author| second(&layer.dag, author)).collect());
    for (author, links) in [0, 2, 3].into_iter().zip(linked) {
        assert!(layer.dag.insert(header(author, 3, links, &[])));
    }
    (layer.open, layer.opened_at) = (View(3), net.now);
    assert!(!layer.may_leave(net.now) && layer.may_leave(net.now + patience));
    let with_vote = header(1, 3, [1, 0, 2].map(|author| second(&layer.dag, author)).to_vec(), &[]);
    assert!(layer.dag.insert(with_vote) && layer.may_leave(net.now));
}

fn second(dag: &Dag, author: u32) -> Link {
    dag.of(View(2), ReplicaId(author)).next().expect("all have one").link()
}

#[test]
fn under_a_leader_a_header_does_not_wait_for_what_is_ordered_and_forgotten() {
    let mut net = Net::new(Above { depth: None, pace: Pace::Free });
    let batch = Arc::new(Batch::seal(ReplicaId(1), 0, Vec::new(), 1));
    let one = header(1, 1, Vec::new(), &[&batch]);
    assert_eq!(votes(&net.give(1, 0, &Parcel::Header(one))), 0);
    let payload = Payload { batches: vec![*batch.reference()], inline: Vec::new() };
    let genesis = Block::genesis();
    let ordering = Block::sealed(View(1), Height(1), ReplicaId(1), genesis.id(), genesis.view, payload);
    net.layers[0].on_committed(&ordering);
    let mut out = Outbox::new();
    net.layers[0].on_tick(net.now, &mut out);
    assert!(votes(&out) > 0, "{out:?}");
}

#[test]
fn a_range_is_asked_for_once_and_what_waits_here_is_not_asked_for() {
    let mut net = Net::free();
    (0..3).for_each(|_| net.pass());
    let (mut fresh, mut out) = (Net::free(), Outbox::new());
    // The certified headers of the third round come to one who has none.
    let third: Vec<Arc<Woven>> = net.layers[0].archive.find(View(2), View(4), &[]);
    assert_eq!(third.len(), 4);
    for woven in third {
        let from = woven.header.author;
        fresh.layers[3].on_certified(Time::ZERO, from, &[woven], &mut out);
    }
    fresh.layers[3].ask(Time::ZERO, &mut out);
    let asked = |parcel: &Parcel| match parcel {
        Parcel::Ask { above, below, links } => Some((above.next() < *below, links.len())),
        _ => None,
    };
    let asked: Vec<(bool, usize)> = out.iter().filter_map(|(_, parcel)| asked(parcel)).collect();
    assert_eq!(asked.iter().filter(|(range, _)| *range).count(), 1, "{asked:?}");
    let second: Vec<Arc<Woven>> = net.layers[0].archive.find(View(1), View(3), &[]);
    second.iter().for_each(|woven| {
        fresh.layers[3].on_certified(Time::ZERO, woven.header.author, std::slice::from_ref(woven), &mut Outbox::new());
    });
    let due = fresh.layers[3].waiting.due(Time::ZERO + Span::from_secs(1), Span::ZERO, |_| Some(ReplicaId(0)));
    assert!(due.values().flatten().all(|link| link.round == View(1)), "{due:?}");
}

#[test]
fn who_proposes_or_votes_for_the_first_time_has_promised() {
    let mut net = Net::free();
    net.give(1, 0, &Parcel::Header(header(1, 1, Vec::new(), &[])));
    assert!(net.layers[0].has_promised() && !net.layers[0].has_promised());
    net.layers[0].propose(net.now + Span::from_secs(1), &mut Outbox::new());
    assert!(net.layers[0].has_promised());
    net.give(1, 0, &Parcel::Header(header(1, 1, Vec::new(), &[])));
    assert!(!net.layers[0].has_promised(), "a vote that is repeated is on disk");
}
