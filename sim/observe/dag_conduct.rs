//! Conduct in a DAG: every block that a replica proposes is one that others may build on.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Digest, DigestMap, Height, ReplicaId, View};
use crate::ledger::{Block, Certificate, Committee, DagRule, Link, Phase, Promises, Statement};

use super::arithmetic::{Set, quorum};
use super::dag_rule::{MOST_FORKS, is_certified, lowest, name};
use super::roll::REMEMBERED;
use super::{Judge, Tap};

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
/// that correct replicas do not take in. What no anchor to come takes is forgotten: rounds more than `depth` below the last anchor that a replica
/// committed; and nothing is known of rounds more than [`REMEMBERED`] above that. Memory: 140 bytes and a bit for each
/// replica a block of those rounds, of a liar at most [`MOST_FORKS`] in each, and 75 a batch.
pub(super) struct DagConduct {
    n: u32,
    quorum: u32,
    depth: u64,
    certified: bool,
    faulty: Set,
    /// The last block of each replica.
    last: Vec<Option<Link>>,
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
            last: vec![None; n as usize],
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
        let old = round < self.oldest && self.last[by.index()].is_some_and(|last| round <= last.round.0);
        if old || round > self.top + REMEMBERED || self.known(&link).is_some() {
            return Ok(());
        }
        let grounds = self.grounds(round, &block.links);
        if !faulty {
            let proper = self.manners(block).and_then(|()| grounds.clone());
            proper.map_err(|what| format!("{by} proposes a block of round {round} that {what}"))?;
            self.last[by.index()] = Some(link);
        }
        if round >= self.oldest {
            self.enter(block, grounds.err().map(|_| block.links.clone()), faulty);
        }
        Ok(())
    }

    fn enter(&mut self, block: &Block, unsound: Option<Vec<Link>>, faulty: bool) {
        let (round, author) = (block.view.0, block.author);
        let kept = self.round_mut(round);
        let proposed = kept.proposed.entry(author).or_default();
        if proposed.len() == MOST_FORKS {
            return;
        }
        proposed.push(block.id());
        kept.blocks.insert(block.id(), Known { author, unsound, voters: Set::default(), certified: false });
        if !faulty {
            kept.batches.extend(block.payload.batches.iter().map(|batch| batch.id));
            self.ordered.extend(block.payload.batches.iter().map(|batch| (batch.id, round)));
        }
    }

    /// What correct replicas require of a block's links before they take it in.
    fn grounds(&self, round: u64, links: &[Link]) -> Result<(), String> {
        let mut authors = Set::default();
        for link in links {
            if link.round.0 >= round || link.author.0 >= self.n || (self.certified && link.round.0 + 1 != round) {
                return Err(format!("links to {}", name(link)));
            }
            if link.round.0 + 1 == round {
                authors.insert(link.author);
            }
            let why = match self.known(link) {
                None if link.round.0 >= self.oldest || link.round.0 == 0 => "nobody proposed",
                Some(known) if known.unsound.is_some() => "no correct replica takes in",
                Some(known) if self.certified && !known.certified => "nobody certified",
                _ => continue,
            };
            return Err(format!("links to {}, which {why}", name(link)));
        }
        let (count, quorum) = (authors.count(), self.quorum);
        match round > 1 && count < quorum {
            true => Err(format!("links to {count} replicas of the round before, where a quorum is {quorum}")),
            false => Ok(()),
        }
    }

    /// What a correct replica keeps to beyond that.
    fn manners(&self, block: &Block) -> Result<(), String> {
        let (author, round) = (block.author, block.view.0);
        let (id, recomputed) = (block.id(), block.recompute_id());
        if id != recomputed {
            return Err(format!("travels as {id:?} but hashes to {recomputed:?}"));
        }
        if block.height.0 != round || round == 0 {
            return Err(format!("claims {}", block.height));
        }
        let last = self.last[author.index()];
        if let Some(last) = last.filter(|last| last.round.0 >= round) {
            return Err(format!("comes after its block of round {}", last.round.0));
        }
        let from = lowest(self.committed[author.index()], self.depth);
        if round < from {
            return Err(format!("no anchor takes any more: it committed one that takes rounds from {from} on"));
        }
        let own = block.links.first().filter(|link| link.author == author);
        if !self.certified && own != last.as_ref() {
            return Err(match (last, own) {
                (Some(last), _) => format!("does not link first to {}", name(&last)),
                (None, own) => format!("links to {}, which it never proposed", own.map_or("nothing".into(), name)),
            });
        }
        if (block.parent, block.parent_view) != own.map_or((Digest::ZERO, View(0)), |own| (own.id, own.round)) {
            return Err("is not its own last block's child".into());
        }
        self.in_order(block, usize::from(own.is_some()), from)?;
        self.fresh(block)
    }

    /// But for its own, links ascend, and lead to what can still be committed.
    fn in_order(&self, block: &Block, own: usize, from: u64) -> Result<(), String> {
        let others = &block.links[own..];
        let unordered = others.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| &pair[1]);
        if let Some(link) = unordered.or(others.iter().find(|link| link.author == block.author)) {
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
        let known = known.ok_or_else(|| format!("{id:?} in round {round}, which nobody proposed"))?;
        let link = Link { round: View(round), author: known.author, id };
        let grounds = known.unsound.as_ref().map_or(Ok(()), |links| self.grounds(round, links));
        grounds.map_err(|what| format!("{}, which {what}", name(&link)))?;
        let known = self.round_mut(round).blocks.get_mut(&id).expect("it is known");
        known.unsound = None;
        Ok(known)
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
