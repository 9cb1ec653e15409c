//! Mysticeti's rules one by one, with literal blocks, and what holds in any order of events.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::consensus::testing::{Cluster, Lone};
use crate::ledger::Payload;

type Message = MysticetiMessage;
type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

/// A block that links to `links`, its author's first and the others in order.
fn woven(round: u64, author: u32, links: &[&Arc<Block>]) -> Arc<Block> {
    let links = links.iter().map(|block| block.link()).collect();
    Arc::new(Block::woven(View(round), ReplicaId(author), links, Payload::default()))
}

/// The blocks of round 1 by replicas 1 to 3.
fn firsts() -> [Arc<Block>; 3] {
    [1, 2, 3].map(|author| woven(1, author, &[]))
}

/// Replica 0 of four, which has proposed in round 1; replicas 1 and 2 lead that.
fn replica() -> (Lone<Mysticeti>, Arc<Block>) {
    let mut replica = Lone::new(ReplicaId(0), &Committee::new(4), &MysticetiParams::default());
    let sent = replica.step(Event::Start);
    let own = proposed(&sent).expect("it begins with a block");
    (replica, own)
}

/// The block that it broadcast.
fn proposed(sent: &Sent) -> Option<Arc<Block>> {
    sent.iter().find_map(|(to, message)| match &**message {
        Message::Proposal(block) if to.is_none() => Some(block.clone()),
        _ => None,
    })
}

/// Who has proposed the blocks that this one links to.
fn linked(block: &Block) -> Vec<u32> {
    block.links.iter().map(|link| link.author.0).collect()
}

fn tell(replica: &mut Lone<Mysticeti>, block: &Arc<Block>) -> Option<Arc<Block>> {
    proposed(&replica.receive(block.author.0, Message::Proposal(block.clone())))
}

// Proposing.

#[test]
fn it_proposes_when_a_quorum_and_the_leaders_are_there_and_not_too_soon() {
    let [one, two, three] = firsts();
    let (mut replica, own) = replica();
    assert!(own.links.is_empty() && own.view == View(1));
    assert!(proposed(&replica.expire(MysticetiTimer::Pace)).is_none(), "nobody else has a block");
    assert!(tell(&mut replica, &three).is_none(), "two are no quorum");
    assert!(tell(&mut replica, &one).is_none(), "leader 2 is waited for");
    let second = tell(&mut replica, &two).expect("everything is there");
    assert_eq!((second.view, linked(&second), second.parent), (View(2), vec![0, 1, 2, 3], own.id()));
    // Round 2 is led by replicas 2 and 3; everything comes before the least time is over.
    for author in 1..4 {
        let others: Vec<&Arc<Block>> =
            [&own, &one, &two, &three].into_iter().filter(|b| b.author.0 != author).collect();
        let before = [&own, &one, &two, &three][author as usize];
        let links: Vec<&Arc<Block>> = [before].into_iter().chain(others).collect();
        assert!(tell(&mut replica, &woven(2, author, &links)).is_none());
    }
    let third = proposed(&replica.expire(MysticetiTimer::Pace)).expect("the least time is over");
    assert_eq!((third.view, linked(&third)), (View(3), vec![0, 1, 2, 3]));
}

#[test]
fn it_does_not_wait_for_leaders_for_ever() {
    let [one, _, three] = firsts();
    let (mut replica, _) = replica();
    replica.expire(MysticetiTimer::Pace);
    tell(&mut replica, &one);
    assert!(tell(&mut replica, &three).is_none(), "leader 2 is waited for");
    let second = proposed(&replica.expire(MysticetiTimer::Leaders)).expect("it has waited");
    assert_eq!(linked(&second), [0, 1, 3]);
}

#[test]
fn it_links_to_blocks_that_came_late_with_their_authors_next() {
    let [one, two, three] = firsts();
    let (mut replica, own) = replica();
    replica.expire(MysticetiTimer::Pace);
    tell(&mut replica, &one);
    let second = tell(&mut replica, &two).expect("a quorum and the leaders are there");
    assert_eq!(linked(&second), [0, 1, 2]);
    tell(&mut replica, &three);
    replica.expire(MysticetiTimer::Pace);
    tell(&mut replica, &woven(2, 1, &[&one, &own, &two]));
    tell(&mut replica, &woven(2, 2, &[&two, &own, &one]));
    let third = proposed(&replica.expire(MysticetiTimer::Leaders)).expect("it has waited for leader 3");
    assert_eq!(linked(&third), [0, 3, 1, 2], "the own block first, and then the oldest");
    assert_eq!(third.links[1], three.link());
}

#[test]
fn it_never_proposes_twice_in_a_round() {
    let [one, two, three] = firsts();
    let (mut replica, _) = replica();
    replica.expire(MysticetiTimer::Pace);
    tell(&mut replica, &one);
    let second = tell(&mut replica, &two).expect("a quorum and the leaders are there");
    let again = proposed(&replica.restart()).expect("it may never have left");
    assert_eq!(again.id(), second.id());
    assert!(tell(&mut replica, &three).is_none());
    let rounds: Vec<u64> = replica.said.iter().map(|said| said.view.0).collect();
    assert_eq!(rounds, [1, 2, 2]);
    assert_eq!(replica.said[1], replica.said[2]);
}

#[test]
fn its_last_block_is_sent_again_where_rounds_stand_still() {
    let (mut replica, own) = replica();
    assert!(proposed(&replica.expire(MysticetiTimer::Repeat)).is_none(), "it was sent just now");
    assert_eq!(proposed(&replica.expire(MysticetiTimer::Repeat)).map(|block| block.id()), Some(own.id()));
}

// Validity.

#[test]
fn blocks_without_the_right_links_are_refused() {
    let [one, two, three] = firsts();
    let zero = woven(1, 0, &[]);
    let valid =
        |round, author, links: &[&Arc<Block>]| rounds::is_woven(&woven(round, author, links), &Committee::new(4));
    assert!(valid(1, 0, &[]) && valid(2, 1, &[&one, &zero, &two]));
    assert!(!valid(1, 0, &[&zero]) && !valid(2, 1, &[]) && !valid(1, 4, &[]));
    assert!(!valid(2, 1, &[&one, &zero]), "two are no quorum");
    assert!(!valid(2, 1, &[&zero, &two, &three]), "its own block is missing");
    assert!(!valid(2, 1, &[&one, &two, &zero]), "not ascending");
    assert!(!valid(2, 1, &[&one, &zero, &zero]), "the same twice");
    assert!(!valid(3, 1, &[&one, &zero, &two]), "nothing of the round before");
    let seconds = [(0, [&zero, &one, &two]), (2, [&two, &zero, &one]), (3, [&three, &zero, &one])];
    let [a, b, c] = seconds.map(|(author, links)| woven(2, author, &links));
    assert!(valid(3, 1, &[&one, &a, &b, &c]), "its own block may be older");
    assert!(!valid(3, 1, &[&one, &zero, &a, &b, &c]), "two of one replica");
}

#[test]
fn a_block_by_another_than_its_sender_is_no_proposal() {
    let [one, two, _] = firsts();
    let (mut replica, _) = replica();
    replica.expire(MysticetiTimer::Pace);
    tell(&mut replica, &one);
    assert!(proposed(&replica.receive(3, Message::Proposal(two.clone()))).is_none());
    assert!(proposed(&replica.receive(3, Message::Found(two))).is_some(), "but it may be passed on");
}

// Missing blocks.

#[test]
fn a_block_waits_for_what_it_links_to() {
    let [one, two, three] = firsts();
    let (mut replica, own) = replica();
    replica.expire(MysticetiTimer::Pace);
    let child = woven(2, 1, &[&one, &two, &three]);
    assert!(replica.receive(1, Message::Proposal(child)).is_empty());
    assert!(replica.armed.contains(&MysticetiTimer::Fetch), "what is missing will be asked for");
    for block in [&three, &two, &one] {
        replica.receive(1, Message::Found(block.clone()));
    }
    let second = replica.said.last().expect("it has proposed");
    assert_eq!(second.view, View(2), "all of round 1 is there: {own:?}");
}

#[test]
fn an_answer_brings_its_authors_blocks_below_it_oldest_first() {
    let mut cluster: Cluster<Mysticeti> = Cluster::start(4, &MysticetiParams::default());
    cluster.pass(Span::from_secs(1), Span::from_millis(50));
    let asked = cluster.replicas[0].said.iter().rev().find(|said| said.view == View(6)).expect("it got that far");
    let link = Link { round: View(6), author: ReplicaId(0), id: asked.block };
    let sent = cluster.replicas[0].receive(2, Message::Fetch(vec![(link, View(3))]));
    let rounds: Vec<u64> =
        sent.iter().filter_map(|(_, message)| Some(crate::consensus::Message::block(&**message)?.view.0)).collect();
    assert_eq!(rounds, [4, 5, 6]);
    assert!(sent.iter().all(|(to, _)| *to == Some(ReplicaId(2))));
    let unknown = Link { id: crate::base::Digest::ZERO, ..link };
    assert!(cluster.replicas[0].receive(2, Message::Fetch(vec![(unknown, View(3))])).is_empty());
}

// Together.

fn pass(cluster: &mut Cluster<Mysticeti>, seconds: u64) {
    cluster.pass(Span::from_secs(seconds), Span::from_millis(50));
    cluster.assert_agreement();
}

#[test]
fn everyone_commits_the_same_with_and_without_a_replica_that_is_down() {
    let mut cluster: Cluster<Mysticeti> = Cluster::start(4, &Mysticeti::brisk());
    pass(&mut cluster, 2);
    let (_, before) = cluster.heights();
    assert!(before > 40, "two leaders in each of about 40 rounds: {before}");
    cluster.crash(ReplicaId(2));
    pass(&mut cluster, 8);
    let (_, after) = cluster.heights();
    assert!(after > before + 40, "{after}");
}

#[test]
fn who_was_away_for_many_rounds_catches_up() {
    let mut cluster: Cluster<Mysticeti> = Cluster::start(4, &Mysticeti::brisk());
    pass(&mut cluster, 1);
    cluster.crash(ReplicaId(3));
    pass(&mut cluster, 30);
    cluster.restart(ReplicaId(3));
    pass(&mut cluster, 5);
    let (least, most) = cluster.heights();
    assert!(most > 150 && least + 10 > most, "{least} of {most}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_any_order_of_events_everyone_agrees_and_goes_on(chances in prop::collection::vec(any::<u32>(), 0..600)) {
        let mut cluster: Cluster<Mysticeti> = Cluster::start(4, &Mysticeti::brisk());
        for chance in chances {
            let (what, which) = (chance % 16, (chance / 16) as usize);
            let (flying, me) = (cluster.flying.len(), ReplicaId((which % 4) as u32));
            match what {
                0 if flying > 0 => drop(cluster.flying.swap_remove(which % flying)),
                1 => cluster.restart(me),
                2 | 3 => cluster.expire(me, which / 4),
                _ if flying > 0 => cluster.deliver(which % flying),
                _ => cluster.expire(me, which / 4),
            }
        }
        cluster.assert_agreement();
        let (_, before) = cluster.heights();
        pass(&mut cluster, 10);
        let (least, most) = cluster.heights();
        prop_assert!(least > before && least + 10 > most, "{} to {} after {}", least, most, before);
    }
}
