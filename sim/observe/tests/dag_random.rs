//! Random DAGs with liars: the judge's committer, block by block, against one that begins anew each time and says the
//! rules as the papers do.

use std::collections::{BTreeMap, BTreeSet};

use super::dag::{batch, certified, ordering, proposed};
use super::*;
use crate::ledger::Link;
use crate::observe::Judge;
use crate::observe::arithmetic::Set;
use crate::observe::dag_rule::DagRules;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Everything that somebody proposed, by rounds.
fn grow(dice: &mut Dice, committee: &Committee, liars: u32, forks: bool, rounds: u64) -> Vec<Block> {
    let (n, quorum) = (committee.len(), committee.quorum() as usize);
    let mut blocks: Vec<Block> = Vec::new();
    let mut last: BTreeMap<ReplicaId, Link> = BTreeMap::new();
    for round in 1..=rounds {
        let mut authors: Vec<ReplicaId> = committee.replicas().collect();
        dice.shuffle(&mut authors);
        let away = dice.below(u64::from(n) - quorum as u64 + 1) as usize;
        let before: Vec<Link> =
            blocks.iter().filter(|block| block.view.0 + 1 == round).map(|block| block.link()).collect();
        for &author in &authors[away..] {
            let several = if forks && author.0 < liars { 1 + dice.below(3) } else { 1 };
            let own = last.get(&author).copied().filter(|_| forks);
            for fork in 0..several {
                let links = choose(dice, author, &before, own.as_ref(), quorum);
                let block = Block::woven(View(round), author, links, ordering(vec![batch(author, round, fork)]));
                if fork + 1 == several || dice.percent(30) {
                    last.insert(author, block.link());
                }
                blocks.push(block);
            }
        }
    }
    blocks
}

/// The own last block, and enough of the round before, sometimes more and of one author several.
fn choose(dice: &mut Dice, author: ReplicaId, before: &[Link], own: Option<&Link>, quorum: usize) -> Vec<Link> {
    let mut pool = before.to_vec();
    dice.shuffle(&mut pool);
    let mut links: BTreeSet<Link> = own.copied().into_iter().collect();
    let enough = quorum + dice.below(3) as usize;
    for link in pool {
        let of_before =
            |links: &BTreeSet<Link>| links.iter().filter(|l| l.round == link.round).map(|l| l.author).collect();
        let authors: BTreeSet<ReplicaId> = of_before(&links);
        if authors.len() < enough && (!authors.contains(&link.author) || dice.percent(30)) {
            links.insert(link);
        }
    }
    let mut links: Vec<Link> = links.into_iter().collect();
    links.sort_unstable_by_key(|link| (link.author != author, Some(link) != own, *link));
    links
}

/// Begins anew for each question.
struct Naive<'a> {
    blocks: BTreeMap<Link, &'a Block>,
    n: u32,
    quorum: usize,
}

impl<'a> Naive<'a> {
    fn of(&self, round: u64) -> Vec<&'a Block> {
        self.blocks.values().filter(|block| block.view.0 == round).copied().collect()
    }

    fn history(&self, of: &'a Block) -> BTreeSet<Link> {
        let mut found = BTreeSet::new();
        let mut front = vec![of.link()];
        while let Some(link) = front.pop() {
            if found.insert(link) {
                front.extend(&self.blocks[&link].links);
            }
        }
        found
    }

    /// The first block of the slot on the way down, depth first.
    fn vote(&self, from: &Block, round: u64, author: ReplicaId) -> Option<Link> {
        from.links.iter().filter(|link| link.round.0 >= round).find_map(|link| {
            let it = (link.round.0, link.author) == (round, author);
            if it { Some(*link) } else { self.vote(self.blocks[link], round, author) }
        })
    }

    fn certifies(&self, block: &Block, voted: &Link) -> bool {
        let votes = |link: &&Link| self.vote(self.blocks[*link], voted.round.0, voted.author) == Some(*voted);
        block.links.iter().filter(votes).map(|link| link.author).collect::<BTreeSet<_>>().len() >= self.quorum
    }

    fn authors(&self, round: u64, which: impl Fn(&Block) -> bool) -> usize {
        self.of(round).into_iter().filter(|block| which(block)).map(|block| block.author).collect::<BTreeSet<_>>().len()
    }

    /// `Some(None)` skips the slot.
    fn slot(&self, round: u64, author: ReplicaId, later: &[(u64, Option<Option<Link>>)]) -> Option<Option<Link>> {
        let candidates: Vec<Link> =
            self.of(round).iter().filter(|block| block.author == author).map(|block| block.link()).collect();
        let against = |link: Option<Link>| {
            self.authors(round + 1, |block| {
                let vote = self.vote(block, round, author);
                link.is_none_or(|link| vote != Some(link))
            })
        };
        if against(None) >= self.quorum && candidates.iter().all(|&link| against(Some(link)) >= self.quorum) {
            return Some(None);
        }
        let certified = |link: &&Link| self.authors(round + 2, |block| self.certifies(block, link)) >= self.quorum;
        if let Some(link) = candidates.iter().find(certified) {
            return Some(Some(*link));
        }
        let anchor =
            later.iter().filter(|(at, _)| *at >= round + 3).map(|(_, slot)| slot).find(|slot| **slot != Some(None));
        let history = self.history(self.blocks[&(*anchor?)??]);
        let reached = |link: &&Link| {
            self.of(round + 2).iter().any(|block| history.contains(&block.link()) && self.certifies(block, link))
        };
        Some(candidates.iter().find(reached).copied())
    }

    fn mysticeti(&self, leaders: u32) -> Vec<Link> {
        let top = self.blocks.keys().map(|link| link.round.0).max().unwrap_or(0);
        let mut slots: Vec<(u64, Option<Option<Link>>)> = Vec::new();
        for round in (1..=top).rev() {
            for offset in (0..leaders).rev() {
                let author = ReplicaId((round as u32 + offset) % self.n);
                let decision = self.slot(round, author, &slots);
                slots.insert(0, (round, decision));
            }
        }
        slots.into_iter().map_while(|(_, decision)| decision).flatten().collect()
    }

    /// Leaders of even rounds with enough links, each with those before that it reaches.
    fn waves(&self, leader: impl Fn(u64) -> ReplicaId, may_be: impl Fn(u64) -> bool) -> Vec<Link> {
        let top = self.blocks.keys().map(|link| link.round.0).max().unwrap_or(0);
        let block = |round| self.of(round).into_iter().find(|block| block.author == leader(round));
        let enough = self.n as usize + 1 - self.quorum;
        let direct = |round: &u64| {
            let linked = |link: Link| self.authors(round + 1, |block| block.links.contains(&link)) >= enough;
            may_be(*round) && block(*round).is_some_and(|block| linked(block.link()))
        };
        let Some(last) = (1..=top / 2).map(|half| 2 * half).filter(direct).last() else { return Vec::new() };
        let mut anchors = vec![block(last).expect("it is linked to")];
        for earlier in (1..last / 2).rev().filter_map(|half| block(2 * half)) {
            let tip = anchors.last().expect("there is one");
            if self.history(tip).contains(&earlier.link()) {
                anchors.push(earlier);
            }
        }
        anchors.into_iter().rev().map(|block| block.link()).collect()
    }

    fn anchors(&self, rule: DagRule) -> Vec<Link> {
        let n = u64::from(self.n);
        match rule {
            DagRule::Mysticeti { leaders } => self.mysticeti(leaders),
            DagRule::Bullshark => self.waves(|round| ReplicaId((round / 2 % n) as u32), |_| true),
            DagRule::Tusk => {
                let shares = Committee::new(self.n).witness() as usize;
                let coin = |round| Committee::new(self.n).coin(View(round));
                self.waves(coin, |round| self.authors(round + 2, |_| true) >= shares)
            }
        }
    }

    /// The chain of what these anchors take.
    fn line(&self, anchors: &[Link], depth: u64) -> Vec<Block> {
        let mut taken: BTreeSet<Link> = BTreeSet::new();
        let mut line = vec![Block::genesis()];
        for anchor in anchors {
            let block = self.blocks[anchor];
            let lowest = anchor.round.0.saturating_sub(depth);
            let takes = |link: &Link| link.round.0 >= lowest && !taken.contains(link);
            let new: Vec<Link> = self.history(block).into_iter().filter(takes).collect();
            let batches = new.iter().flat_map(|link| self.blocks[link].payload.batches.clone()).collect();
            taken.extend(new);
            line.push(Block::anchored(&line[line.len() - 1], block, ordering(batches)));
        }
        line
    }
}

/// Shows a random DAG in a random order that respects links, and compares now and then; how much was committed.
fn run(seed: u64, n: u32, rule: DagRule) -> usize {
    let (dice, committee) = (&mut Dice(seed), Committee::new(n));
    let forks = matches!(rule, DagRule::Mysticeti { .. });
    let depth = 1 + dice.below(5);
    let promises = Promises { commit: CommitRule::Dag { rule, depth }, ..MYSTICETI };
    let mut judge = DagRules::new(&committee, &promises, (rule, depth), &Set::default());
    let rounds = 6 + dice.below(14);
    let blocks = grow(dice, &committee, committee.faults(), forks, rounds);
    let mut naive = Naive { blocks: BTreeMap::new(), n, quorum: committee.quorum() as usize };
    let mut left: Vec<&Block> = blocks.iter().collect();
    let mut committed_before = 0;
    while !left.is_empty() {
        let ready = |block: &&Block| block.links.iter().all(|link| naive.blocks.contains_key(link));
        let ready: Vec<usize> = (0..left.len()).filter(|&index| ready(&left[index])).take(2 * n as usize).collect();
        let block = left.remove(ready[dice.below(ready.len() as u64) as usize]);
        naive.blocks.insert(block.link(), block);
        judge.observe(&proposed(block)).expect("proposals are not judged here");
        judge.observe(&Tap::Certified { certificate: &certified(block) }).expect("certificates neither");
        if left.is_empty() || dice.percent(5) {
            let anchors = naive.anchors(rule);
            let line = naive.line(&anchors, depth);
            for block in &line[1..] {
                let seen = judge.observe(&committed(A, block));
                seen.unwrap_or_else(|what| panic!("seed {seed}, n = {n}, {rule:?}: {what}"));
            }
            // One that has proposed that far keeps nothing back that could decide on a block of the first round.
            let last = naive.blocks.keys().next_back().expect("there is one");
            if last.round.0 >= 3 {
                let first = naive.blocks.values().next().expect("there is one");
                let further = Block::anchored(&line[line.len() - 1], first, Payload::default());
                let what = judge.observe(&committed(last.author, &further)).expect_err("nothing decides it");
                let about = format!("there are {} anchors", anchors.len());
                assert!(what.contains(&about), "seed {seed}, n = {n}, {rule:?}: {what}");
            }
            assert!(anchors.len() >= committed_before, "seed {seed}: what was decided stays");
            committed_before = anchors.len();
        }
    }
    committed_before
}

#[test]
fn the_committer_of_the_judge_is_that_of_the_papers() {
    let rules = [
        DagRule::Tusk,
        DagRule::Bullshark,
        DagRule::Mysticeti { leaders: 1 },
        DagRule::Mysticeti { leaders: 2 },
        DagRule::Mysticeti { leaders: 4 },
    ];
    for rule in rules {
        let of_size = |n: u32| (0..40).map(move |seed| run(seed, n, rule)).sum::<usize>();
        let committed: usize = [4, 5, 6, 7].into_iter().map(of_size).sum();
        assert!(committed > 500, "{rule:?} committed only {committed} anchors in 160 runs");
    }
}
