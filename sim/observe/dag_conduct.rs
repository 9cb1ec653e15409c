//! Conduct in a DAG: every block that a replica proposes is one that others may build on.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Digest, DigestMap, Height, ReplicaId, View};
use crate::ledger::{Block, Certificate, Committee, DagRule, Link, Phase, Promises, Statement};

use super::arithmetic::{Set, liars, quorum};
use super::dag_rule::{MOST_FORKS, is_certified, lowest, name};
use super::roll::REMEMBERED;
use super::{Judge, Tap};

const NOT_PROPOSED: &str = "nobody proposed";
const NOT_CERTIFIED: &str = "nobody certified";

/// A proposed block.
struct Known {
    author: ReplicaId,
    /// Where correct replicas did not take it in when it was proposed, its links: what these lead to was not there, or of
    /// no quorum.
    unsound: Option<Vec<Link>>,
    voters: Set,
    certified: bool,
}

#[derive(Default)]
struct Round {
    blocks: DigestMap<Known>,
    /// Those of each author.
    proposed: BTreeMap<ReplicaId, Vec<Digest>>,
    /// Authors with a certified block.
    certified: Set,
    /// What blocks of replicas that are not faulty order.
    batches: Vec<Digest>,
}

/// Nobody builds on, or votes for what builds on, what was not proposed (where blocks are certified: not certified), on fewer than a quorum, or on
/// what it knows can no longer be committed; goes back a round; leaves out its own block before; votes for two
/// blocks of one author in a round; or orders a batch again while its block that does may still be committed.
///
/// Faulty replicas are not judged, but their blocks are there, and no quorum certifies two of one author in a round, or one
/// that correct replicas do not take in. Who keeps proposals to itself is not faulty: it may build on its own block that nobody has seen (others may not),
/// and vote for it, and propose it later. What no anchor to come takes is forgotten: rounds more than `depth` below the last anchor that a replica
/// committed; and nothing is known of rounds more than [`REMEMBERED`] above that. Memory: 140 bytes and a bit for each
/// replica a block of those rounds, of a liar at most [`MOST_FORKS`] in each, and 75 a batch.
pub(super) struct DagConduct {
    n: u32,
    quorum: u32,
    depth: u64,
    certified: bool,
    faulty: Set,
    /// Whether more are faulty than may be: then a quorum may certify anything.
    outvoted: bool,
    /// The last block of each replica.
    last: Vec<Option<Link>>,
    /// A block that its author builds on and has not proposed yet: the highest.
    owed: Vec<Option<Link>>,
    /// Votes for what nobody has proposed yet, which only its author may cast.
    early: BTreeMap<(u64, Digest), ReplicaId>,
    /// The round of the last anchor that each replica committed, and the highest of them.
    committed: Vec<u64>,
    top: u64,
    oldest: u64,
    rounds: VecDeque<Round>,
    /// In which round a batch was ordered.
    ordered: DigestMap<u64>,
}

impl DagConduct {
    pub(super) fn new(
        committee: &Committee,
        promises: &Promises,
        (rule, depth): (DagRule, u64),
        faulty: &Set,
    ) -> DagConduct {
        let n = committee.len();
        DagConduct {
            n,
            quorum: quorum(promises.tolerates, n),
            depth,
            certified: is_certified(rule),
            faulty: faulty.clone(),
            outvoted: faulty.count() > liars(promises.tolerates, n),
            last: vec![None; n as usize],
            owed: vec![None; n as usize],
            early: BTreeMap::new(),
            committed: vec![0; n as usize],
            top: 0,
            oldest: 1,
            rounds: VecDeque::new(),
            ordered: DigestMap::default(),
        }
    }

    fn round(&self, round: u64) -> Option<&Round> {
        self.rounds.get(usize::try_from(round.checked_sub(self.oldest)?).ok()?)
    }

    fn round_mut(&mut self, round: u64) -> &mut Round {
        let index = (round - self.oldest) as usize;
        if self.rounds.len() <= index {
            self.rounds.resize_with(index + 1, Round::default);
        }
        &mut self.rounds[index]
    }

    fn known(&self, link: &Link) -> Option<&Known> {
        self.round(link.round.0)?.blocks.get(&link.id).filter(|known| known.author == link.author)
    }

    fn on_proposal(&mut self, by: ReplicaId, block: &Block) -> Result<(), String> {
        let (link, round, faulty) = (block.link(), block.view.0, self.faulty.contains(by));
        if by != block.author {
            return if faulty { Ok(()) } else { Err(format!("{by} proposes {}", name(&link))) };
        }
        // One that is forgotten may be proposed again.
        let late = self.last[by.index()].is_some_and(|last| round <= last.round.0);
        if (late && round < self.oldest) || round > self.top + REMEMBERED || self.known(&link).is_some() {
            return Ok(());
        }
        if let Some(voter) = self.early.get(&(round, link.id)).filter(|&&voter| voter != by) {
            return Err(format!("{voter} voted for {} before it was proposed", name(&link)));
        }
        let grounds = self.grounds(link, &block.links);
        if !faulty {
            let proper = self.manners(block, late).and_then(|()| grounds.clone());
            let all_there = proper.map_err(|what| format!("{} {what}", name(&link)))?;
            self.settle(block, all_there, late);
        }
        if round >= self.oldest {
            self.enter(block, (grounds != Ok(true)).then(|| block.links.clone()), faulty);
        }
        Ok(())
    }

    /// What is known of its author's own blocks now.
    fn settle(&mut self, block: &Block, all_there: bool, late: bool) {
        let (link, author) = (block.link(), block.author.index());
        if !late {
            self.last[author] = Some(link);
        }
        if !late || self.owed[author] == Some(link) {
            self.owed[author] = block.links.first().filter(|_| !all_there).copied();
        }
    }

    fn enter(&mut self, block: &Block, unsound: Option<Vec<Link>>, faulty: bool) {
        let (round, author) = (block.view.0, block.author);
        let voters = Set::of(self.early.remove(&(round, block.id())).as_slice());
        let kept = self.round_mut(round);
        let proposed = kept.proposed.entry(author).or_default();
        if proposed.len() == MOST_FORKS {
            return;
        }
        proposed.push(block.id());
        kept.blocks.insert(block.id(), Known { author, unsound, voters, certified: false });
        if !faulty {
            kept.batches.extend(block.payload.batches.iter().map(|batch| batch.id));
            self.ordered.extend(block.payload.batches.iter().map(|batch| (batch.id, round)));
        }
    }

    /// What correct replicas require of a block's links before they take it in. Ok(false) where nothing is missing but its
    /// author's own block before, which that may have kept to itself until now.
    fn grounds(&mut self, block: Link, links: &[Link]) -> Result<bool, String> {
        let (mut authors, mut all_there) = (Set::default(), true);
        for (nth, link) in links.iter().enumerate() {
            if link.round >= block.round || link.author.0 >= self.n {
                return Err(format!("links to {}", name(link)));
            }
            if link.round.next() == block.round {
                authors.insert(link.author);
            }
            let own = nth == 0 && link.author == block.author && link.round.0 > 0;
            match self.lacks(link) {
                Some(_) if own && !self.certified => all_there = false,
                Some(why) => return Err(format!("links to {}, which {why}", name(link))),
                None => {}
            }
        }
        let (count, quorum) = (authors.count(), self.quorum);
        match block.round > View(1) && count < quorum {
            true => Err(format!("links to {count} replicas of the round before, where a quorum is {quorum}")),
            false => Ok(all_there),
        }
    }

    /// Why others may not build on a block; what is forgotten they may.
    fn lacks(&mut self, link: &Link) -> Option<&'static str> {
        let Some(known) = self.known(link) else {
            return (link.round.0 >= self.oldest || link.round.0 == 0).then_some(NOT_PROPOSED);
        };
        let certified = known.certified;
        if let Some(links) = known.unsound.clone() {
            // It was not sound when it was proposed, but what it lacked may have come since.
            if self.grounds(*link, &links) != Ok(true) {
                return Some("no correct replica takes in");
            }
            let round = self.round_mut(link.round.0);
            round.blocks.get_mut(&link.id).expect("it is known").unsound = None;
        }
        (self.certified && !certified).then_some(NOT_CERTIFIED)
    }

    /// What a correct replica keeps to beyond that.
    fn manners(&self, block: &Block, late: bool) -> Result<(), String> {
        let (author, round) = (block.author, block.view.0);
        let (id, recomputed) = (block.id(), block.recompute_id());
        if id != recomputed {
            return Err(format!("travels as {id:?} but hashes to {recomputed:?}"));
        }
        if block.height.0 != round || round == 0 {
            return Err(format!("claims {}", block.height));
        }
        let last = self.last[author.index()];
        if late && !self.was_kept_back(&block.link()) {
            return Err(format!("comes after {}", last.map_or("nothing".into(), |last| name(&last))));
        }
        let from = lowest(self.committed[author.index()], self.depth);
        if round < from {
            return Err(format!(
                "is one that no anchor takes: its author committed one that takes rounds from {from} on"
            ));
        }
        let own = block.links.first().filter(|link| link.author == author);
        let follows = |last: Link| own.is_some_and(|own| *own == last || own.round > last.round);
        if let Some(last) = last.filter(|&last| !self.certified && !late && !follows(last)) {
            return Err(format!("does not link first to {}", name(&last)));
        }
        if (block.parent, block.parent_view) != own.map_or((Digest::ZERO, View(0)), |own| (own.id, own.round)) {
            return Err("is not its own last block's child".into());
        }
        self.in_order(block, usize::from(own.is_some()), if late { 0 } else { from })?;
        self.fresh(block)
    }

    /// Whether its author has said of a block before its last that there is one: by voting for it, or by naming it or one
    /// that comes after it. Who keeps its proposals to itself for a while shows them later.
    fn was_kept_back(&self, block: &Link) -> bool {
        let owed = self.owed[block.author.index()];
        owed.is_some_and(|owed| block.round <= owed.round) || self.early.contains_key(&(block.round.0, block.id))
    }

    /// But for its own, links ascend, and lead to what can still be committed.
    fn in_order(&self, block: &Block, own: usize, from: u64) -> Result<(), String> {
        let others = &block.links[own..];
        let unordered = others.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| &pair[1]);
        let again = others.iter().find(|link| block.links[..own].contains(link));
        if let Some(link) = unordered.or(again) {
            return Err(format!("links to {} out of order, or again", name(link)));
        }
        match others.iter().find(|link| link.round.0 < from) {
            Some(link) => Err(format!("links to {}, below round {from}, where its anchor ended", name(link))),
            None => Ok(()),
        }
    }

    /// Batches are the author's own, and it orders none while a block of it that does may still be committed.
    fn fresh(&self, block: &Block) -> Result<(), String> {
        for batch in &block.payload.batches {
            if batch.origin != block.author {
                return Err(format!("orders batch {:?} of {}", batch.id, batch.origin));
            }
            if let Some(round) = self.ordered.get(&batch.id) {
                return Err(format!("orders batch {:?} again: its block of round {round} counts", batch.id));
            }
        }
        Ok(())
    }

    /// The block of a vote or certificate, which correct replicas take in by now at the latest.
    fn accepted(&mut self, round: u64, id: Digest) -> Result<&mut Known, String> {
        let known = self.round(round).and_then(|kept| kept.blocks.get(&id));
        let Some(&Known { author, .. }) = known else {
            return Err(format!("{id:?} in round {round}, which {NOT_PROPOSED}"));
        };
        let link = Link { round: View(round), author, id };
        match self.lacks(&link) {
            Some(why) if why != NOT_CERTIFIED => Err(format!("{}, which {why}", name(&link))),
            _ => Ok(self.round_mut(round).blocks.get_mut(&id).expect("it is known")),
        }
    }

    /// Whether votes are judged there, and certificates.
    fn is_kept(&self, phase: Phase, round: u64) -> bool {
        self.certified && phase == Phase::Vote && (self.oldest..=self.top + REMEMBERED).contains(&round)
    }

    fn on_statement(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, phase, height: Height(round), block, .. } = *statement;
        if !self.is_kept(phase, round) || self.faulty.contains(by) {
            return Ok(());
        }
        if !self.round_mut(round).blocks.contains_key(&block) && *self.early.entry((round, block)).or_insert(by) == by {
            return Ok(());
        }
        let known = self.accepted(round, block).map_err(|what| format!("{by} votes for {what}"))?;
        let (author, _) = (known.author, known.voters.insert(by));
        let kept = self.round_mut(round);
        let mut others = kept.proposed[&author].iter().filter(|&&other| other != block);
        match others.find(|other| kept.blocks[*other].voters.contains(by)) {
            Some(other) => {
                Err(format!("{by} votes for two blocks of {author} in round {round}, {other:?} and {block:?}"))
            }
            None => Ok(()),
        }
    }

    fn on_certificate(&mut self, certificate: &Certificate) -> Result<(), String> {
        let Certificate { phase, height: Height(round), block, .. } = *certificate;
        if !self.is_kept(phase, round) {
            return Ok(());
        }
        if self.outvoted {
            let known = self.round_mut(round).blocks.get_mut(&block);
            known.into_iter().for_each(|known| known.certified = true);
            return Ok(());
        }
        let known = self.accepted(round, block).map_err(|what| format!("a quorum certified {what}"))?;
        let (author, first) = (known.author, !std::mem::replace(&mut known.certified, true));
        if first && !self.round_mut(round).certified.insert(author) {
            return Err(format!("a quorum certified two blocks of {author} in round {round}"));
        }
        Ok(())
    }

    /// A replica knows that no anchor takes what is too far below one that it committed.
    fn on_commit(&mut self, replica: ReplicaId, block: &Block) {
        let committed = &mut self.committed[replica.index()];
        *committed = block.view.0.max(*committed);
        if self.faulty.contains(replica) {
            return;
        }
        self.top = self.top.max(block.view.0);
        while self.oldest < lowest(self.top, self.depth) {
            for batch in self.rounds.pop_front().unwrap_or_default().batches {
                if self.ordered.get(&batch) == Some(&self.oldest) {
                    self.ordered.remove(&batch);
                }
            }
            self.oldest += 1;
        }
        self.early = self.early.split_off(&(self.oldest, Digest::ZERO));
    }
}

impl Judge for DagConduct {
    fn name(&self) -> &'static str {
        "dag_conduct"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Proposed { by, block } => return self.on_proposal(*by, block),
            Tap::Stated { statement } => return self.on_statement(statement),
            Tap::Certified { certificate } => return self.on_certificate(certificate),
            Tap::Committed { replica, block, .. } => self.on_commit(*replica, block),
            _ => {}
        }
        Ok(())
    }
}
