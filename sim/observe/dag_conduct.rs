//! Conduct in a DAG: every block that a replica proposes is one that others may build on.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Digest, DigestMap, Height, ReplicaId, View};
use crate::ledger::{Block, Certificate, Committee, DagRule, Link, Phase, Promises, Statement};

use super::arithmetic::{Set, quorum};
use super::dag_rule::{MOST_FORKS, is_certified, lowest, name};
use super::roll::REMEMBERED;
use super::{Judge, Tap};

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
}

/// Nobody proposes what builds on less than a quorum, on what was not proposed (where blocks are certified: not
/// certified) or on rounds that it left behind when it committed; or votes for such a block, or for two of one author in
/// a round.
///
/// That nobody proposes twice in a round is for the judge of conduct to see. Faulty replicas are not judged, but their
/// blocks are there, and no quorum certifies two of one author in a round, or one that correct replicas do not take in.
/// Who keeps proposals to itself is not faulty: it may build on its own block that nobody has seen, and propose that
/// later; others may not before. Rounds more than `depth` below the last anchor are forgotten, as no anchor to come takes
/// anything of them, and nothing is known of rounds more than [`REMEMBERED`] above it. Memory: 160 bytes and a bit for each
/// replica a block of those rounds, of a liar at most [`MOST_FORKS`] in each.
pub(super) struct DagConduct {
    n: u32,
    quorum: u32,
    depth: u64,
    certified: bool,
    faulty: Set,
    /// The round of the last anchor that each replica committed, and the highest of them.
    committed: Vec<u64>,
    top: u64,
    /// The highest round in which each replica proposed.
    highest: Vec<u64>,
    oldest: u64,
    rounds: VecDeque<Round>,
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
            committed: vec![0; n as usize],
            top: 0,
            highest: vec![0; n as usize],
            oldest: 1,
            rounds: VecDeque::new(),
        }
    }

    fn is_kept(&self, round: u64) -> bool {
        (self.oldest..=self.top + REMEMBERED).contains(&round)
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
        if !self.is_kept(round) || self.known(&link).is_some() {
            return Ok(());
        }
        let grounds = self.grounds(link, &block.links);
        if !faulty {
            let proper = self.form(block).and_then(|()| grounds.clone());
            proper.map_err(|what| format!("{} {what}", name(&link)))?;
        }
        let highest = &mut self.highest[by.index()];
        *highest = round.max(*highest);
        let unsound = (grounds != Ok(true)).then(|| block.links.clone());
        let kept = self.round_mut(round);
        let proposed = kept.proposed.entry(by).or_default();
        if proposed.len() < MOST_FORKS {
            proposed.push(block.id());
            let known = Known { author: by, unsound, voters: Set::default(), certified: false };
            kept.blocks.insert(block.id(), known);
        }
        Ok(())
    }

    /// What correct replicas require of a block's links before they take it in. Ok(false) where nothing is missing but its
    /// author's own block before, which that may have kept to itself until now.
    fn grounds(&mut self, block: Link, links: &[Link]) -> Result<bool, String> {
        let (mut authors, mut all_there) = (Set::default(), true);
        for (nth, link) in links.iter().enumerate() {
            if link.round.0 == 0 || link.round >= block.round || link.author.0 >= self.n {
                return Err(format!("links to {}", name(link)));
            }
            if link.round.next() == block.round {
                authors.insert(link.author);
            }
            let own = nth == 0 && link.author == block.author;
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
            return (link.round.0 >= self.oldest).then_some("nobody proposed");
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

    /// How a correct replica puts a block together.
    fn form(&self, block: &Block) -> Result<(), String> {
        let (author, round, id, recomputed) = (block.author, block.view.0, block.id(), block.recompute_id());
        if id != recomputed {
            return Err(format!("travels as {id:?} but hashes to {recomputed:?}"));
        }
        if block.height.0 != round {
            return Err(format!("claims {}", block.height));
        }
        if let Some(batch) = block.payload.batches.iter().find(|batch| batch.origin != author) {
            return Err(format!("orders batch {:?} of {}", batch.id, batch.origin));
        }
        let own = block.links.first().filter(|link| link.author == author);
        if own.is_none() && round > 1 && !self.certified {
            return Err("does not link first to its author's own block before".into());
        }
        if (block.parent, block.parent_view) != own.map_or((Digest::ZERO, View(0)), |own| (own.id, own.round)) {
            return Err("is not its own last block's child".into());
        }
        let others = &block.links[usize::from(own.is_some())..];
        let unordered = others.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| &pair[1]);
        if let Some(link) = unordered.or(others.iter().find(|link| own == Some(*link))) {
            return Err(format!("links to {} out of order, or again", name(link)));
        }
        // Of what is shown late nobody can tell what its author had committed before.
        let late = round <= self.highest[author.index()];
        let from = if late { 0 } else { lowest(self.committed[author.index()], self.depth) };
        match others.iter().find(|link| link.round.0 < from) {
            Some(link) => Err(format!("links to {}, below round {from}, where its anchor ended", name(link))),
            None => Ok(()),
        }
    }

    /// The block of a vote or certificate, which correct replicas take in by now at the latest.
    fn accepted(&mut self, round: u64, id: Digest) -> Result<&mut Known, String> {
        let known = self.round(round).and_then(|kept| kept.blocks.get(&id));
        let Some(&Known { author, .. }) = known else {
            return Err(format!("{id:?} in round {round}, which nobody proposed"));
        };
        let link = Link { round: View(round), author, id };
        match self.lacks(&link) {
            Some(why) if why != NOT_CERTIFIED => Err(format!("{}, which {why}", name(&link))),
            _ => Ok(self.round_mut(round).blocks.get_mut(&id).expect("it is known")),
        }
    }

    /// Of what is not proposed yet only its author has anything to vote for.
    fn on_statement(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, phase, height: Height(round), block, .. } = *statement;
        let judged = self.certified && phase == Phase::Vote && self.is_kept(round) && !self.faulty.contains(by);
        if !judged || !self.round_mut(round).blocks.contains_key(&block) {
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
        if !self.certified || phase != Phase::Vote || !self.is_kept(round) {
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
        if self.faulty.contains(replica) {
            return;
        }
        let committed = &mut self.committed[replica.index()];
        *committed = block.view.0.max(*committed);
        self.top = self.top.max(block.view.0);
        while self.oldest < lowest(self.top, self.depth) {
            self.rounds.pop_front();
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
