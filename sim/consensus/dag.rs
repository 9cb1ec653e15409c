//! A DAG of blocks, round by round: what the protocols that order one share.
//!
//! In each round a replica proposes one block, which links to blocks of a quorum of replicas in the round before. A
//! protocol's committer is a pure query over the [`Dag`]: which anchors are committed, skipped, or undecided. Each
//! committed anchor takes with it what it builds on, directly or not, and what no anchor before it took: [`Line`] puts
//! these sub-DAGs into a chain that is the same at every replica.
//!
//! A liar may propose several blocks in a round, so the store keeps all of them and links name ids.

mod line;
#[cfg(test)]
pub mod loom;
mod waves;

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Digest, ReplicaId, View};
use crate::ledger::{Block, Committee, Link};

pub use line::Line;
#[cfg(test)]
pub use waves::decide;
#[cfg(test)]
pub use waves::{HARDLY_EVER, PLANTED};
pub use waves::{MOST_DEPTH, ROUND, Waves};

/// What a query says of a leader's block, or of the place where it should be.
#[derive(Clone, Debug)]
pub enum Decision {
    /// This block is an anchor.
    Commit(Arc<Block>),
    /// No block of it ever will be.
    Skip,
    /// The DAG does not say yet.
    Undecided,
}

/// A block, whether an anchor has taken it, and to how many replicas' blocks of the round before it links.
#[derive(Clone, Debug)]
struct Held {
    block: Arc<Block>,
    taken: bool,
    strong: u32,
}

/// The blocks of one author in one round: one, unless it lies.
type Place = SmallVec<[Held; 1]>;

/// Each replica asks something of every link of every block. With hundreds of replicas that is most of what a DAG costs,
/// so the answers lie side by side.
#[derive(Clone, Debug)]
struct Round {
    places: Vec<Place>,
    /// The first block's id at each place; none is all zero.
    ids: Vec<Digest>,
    /// How many blocks of the round after link to each author's.
    linked: Vec<u32>,
    /// Authors with a block.
    authors: u32,
    /// Whether some author has several.
    forked: bool,
}

impl Round {
    fn empty(n: u32) -> Round {
        let (places, ids, linked) =
            (vec![Place::new(); n as usize], vec![Digest::ZERO; n as usize], vec![0; n as usize]);
        Round { places, ids, linked, authors: 0, forked: false }
    }
}

/// Rounds above the highest known that a block may be of: a correct replica is never that far ahead, and a liar's block
/// may claim any.
const MOST_AHEAD: u64 = 4_096;

/// Blocks by round and author, whose links are known down to the oldest round kept. Memory: 68 bytes for each replica
/// and round kept, and a shared block for each that is filled; a liar adds what others link to.
#[derive(Clone, Debug)]
pub struct Dag {
    n: u32,
    /// The lowest round kept, at least 1.
    oldest: View,
    rounds: VecDeque<Round>,
}

impl Dag {
    /// A DAG without blocks.
    pub fn new(committee: &Committee) -> Dag {
        Dag { n: committee.len(), oldest: View(1), rounds: VecDeque::new() }
    }

    /// The lowest round kept.
    pub fn oldest(&self) -> View {
        self.oldest
    }

    /// The highest round with a block; 0 without any.
    pub fn highest(&self) -> View {
        View(self.oldest.0 + self.rounds.len() as u64 - 1)
    }

    fn round(&self, round: View) -> Option<&Round> {
        self.rounds.get(usize::try_from(round.0.checked_sub(self.oldest.0)?).ok()?)
    }

    fn place(&self, round: View, author: ReplicaId) -> &[Held] {
        self.round(round).and_then(|round| round.places.get(author.index())).map_or(&[], |place| place)
    }

    /// Where the block is kept that a link of a known block names. Whatever that links to is known, so if there is one
    /// block in the place it is the one.
    fn linked_mut(&mut self, link: &Link) -> Option<&mut Held> {
        let index = usize::try_from(link.round.0.checked_sub(self.oldest.0)?).ok()?;
        match &mut self.rounds.get_mut(index)?.places.get_mut(link.author.index())?[..] {
            [held] => Some(held),
            several => several.iter_mut().find(|held| held.block.id() == link.id),
        }
    }

    /// Puts a block in; false where it is known, too old, or too far ahead. Of what it links to nothing is missing: the
    /// caller has asked ([`Dag::missing`]), or waited for it.
    pub fn insert(&mut self, block: Arc<Block>) -> bool {
        let far = block.view.0 > self.highest().0 + MOST_AHEAD;
        if block.view < self.oldest || far || block.author.0 >= self.n || self.get(&block.link()).is_some() {
            return false;
        }
        let strong = self.count_links(&block);
        let index = (block.view.0 - self.oldest.0) as usize;
        if self.rounds.len() <= index {
            self.rounds.resize_with(index + 1, || Round::empty(self.n));
        }
        let round = &mut self.rounds[index];
        let place = &mut round.places[block.author.index()];
        if place.is_empty() {
            round.ids[block.author.index()] = block.id();
            round.authors += 1;
        } else {
            round.forked = true;
        }
        place.push(Held { block, taken: false, strong });
        true
    }

    /// Counts a new block's links into the round before: at each author's place, and altogether. Of several to one
    /// author's blocks, which are adjacent but for the own, one counts.
    fn count_links(&mut self, block: &Block) -> u32 {
        let before = View(block.view.0.saturating_sub(1));
        let Some(index) = before.0.checked_sub(self.oldest.0) else { return 0 };
        let Some(round) = self.rounds.get_mut(index as usize) else { return 0 };
        let (mut strong, mut last, own) = (0, None, block.links.first().map(|link| link.author));
        for (nth, link) in block.links.iter().enumerate() {
            let again = last == Some(link.author) || nth > 0 && own == Some(link.author);
            if link.round == before && !again {
                round.linked[link.author.index()] += 1;
                strong += 1;
                last = Some(link.author);
            }
        }
        strong
    }

    /// The block that a link names.
    pub fn get(&self, link: &Link) -> Option<&Arc<Block>> {
        self.place(link.round, link.author).iter().map(|held| &held.block).find(|block| block.id() == link.id)
    }

    /// The blocks of an author in a round: one, unless it lies.
    pub fn of(&self, round: View, author: ReplicaId) -> impl Iterator<Item = &Arc<Block>> {
        self.place(round, author).iter().map(|held| &held.block)
    }

    /// The blocks of a round, ascending by author.
    pub fn blocks(&self, round: View) -> impl Iterator<Item = &Arc<Block>> {
        let places = self.round(round).map_or(&[][..], |round| &round.places);
        places.iter().flatten().map(|held| &held.block)
    }

    /// The blocks of a round, each with the number of replicas to whose blocks of the round before it links.
    pub fn counted(&self, round: View) -> impl Iterator<Item = (&Arc<Block>, u32)> {
        let places = self.round(round).map_or(&[][..], |round| &round.places);
        places.iter().flatten().map(|held| (&held.block, held.strong))
    }

    /// How many blocks of the round after link to a block of the author.
    pub fn linked(&self, round: View, author: ReplicaId) -> u32 {
        self.round(round).and_then(|round| round.linked.get(author.index())).copied().unwrap_or(0)
    }

    /// How many replicas have a block in a round.
    pub fn authors(&self, round: View) -> u32 {
        self.round(round).map_or(0, |round| round.authors)
    }

    /// Whether some replica has several blocks in a round.
    pub fn is_forked(&self, round: View) -> bool {
        self.round(round).is_some_and(|round| round.forked)
    }

    /// What a block links to that is neither known nor older than what is kept.
    pub fn missing(&self, block: &Block) -> Vec<Link> {
        let before = View(block.view.0.saturating_sub(1));
        let ids = self.round(before).map_or(&[][..], |round| &round.ids);
        let mut missing = Vec::new();
        for link in &block.links {
            // Mostly it is its author's first block of the round before.
            let id = ids.get(link.author.index()).filter(|_| link.round == before && link.id != Digest::ZERO);
            if id != Some(&link.id) && link.round >= self.oldest && self.get(link).is_none() {
                missing.push(*link);
            }
        }
        missing
    }

    /// Whether `from` builds on the block that `to` names, directly or not, or is it.
    pub fn reaches(&self, from: &Block, to: &Link) -> bool {
        self.ancestors(from, to.round).contains(to)
    }

    /// The blocks of `round` that `from` builds on, directly or not, or is: ascending.
    pub fn ancestors(&self, from: &Block, round: View) -> Vec<Link> {
        let mut front = vec![from.link()];
        // One round after the other from the highest on, each block once.
        while let Some(highest) = front.iter().map(|link| link.round).max().filter(|&highest| highest > round) {
            let (top, mut below): (Vec<Link>, Vec<Link>) = front.into_iter().partition(|link| link.round == highest);
            let blocks = top.iter().filter_map(|link| self.get(link));
            below.extend(blocks.flat_map(|block| &block.links).filter(|link| link.round >= round));
            below.sort_unstable();
            below.dedup();
            front = below;
        }
        front.retain(|link| link.round == round);
        front
    }

    /// What `anchor`, which is known, builds on, itself included, that no anchor took before and that is of round `from`
    /// or above: ascending by round, author and id. From now on it is taken.
    pub fn take(&mut self, anchor: &Link, from: View) -> Vec<Arc<Block>> {
        let mut found: Vec<Arc<Block>> = Vec::new();
        self.take_one(anchor, from, &mut found);
        // Each block's links are looked at once, when it is found.
        let mut at = 0;
        while let Some(block) = found.get(at).cloned() {
            block.links.iter().for_each(|link| self.take_one(link, from, &mut found));
            at += 1;
        }
        found.sort_unstable_by_key(|block| block.link());
        found
    }

    fn take_one(&mut self, link: &Link, from: View, found: &mut Vec<Arc<Block>>) {
        if link.round >= from
            && let Some(held) = self.linked_mut(link).filter(|held| !held.taken)
        {
            held.taken = true;
            found.push(held.block.clone());
        }
    }

    /// The same DAG, with nothing taken: what a planted defect makes of it.
    pub fn untaken(&self) -> Dag {
        let mut dag = self.clone();
        dag.rounds.iter_mut().flat_map(|round| &mut round.places).flatten().for_each(|held| held.taken = false);
        dag
    }

    /// Forgets the rounds before `round`.
    pub fn forget(&mut self, round: View) {
        while self.oldest < round {
            self.rounds.pop_front();
            self.oldest = self.oldest.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::loom::Loom;
    use super::*;

    #[test]
    fn links_are_followed_over_rounds_and_to_the_one_they_name() {
        let loom = Loom::weave(
            4,
            "A B C D  A'
             A:A,B,C B:B,C,D C:A',B,C
             A:A,B,C B:A,B,C",
        );
        let reaches = |from: &str, to: &str| loom.dag.reaches(loom.block(from), &loom.block(to).link());
        assert!(reaches("A2", "A1") && !reaches("A2", "D1") && !reaches("A2", "A1'"));
        assert!(reaches("C2", "A1'") && !reaches("C2", "A1"));
        assert!(reaches("A3", "A1") && reaches("A3", "A1'") && reaches("A3", "D1") && reaches("A3", "A3"));
        assert!(!reaches("A3", "B3") && !reaches("A1", "A3"));
        assert!(loom.dag.is_forked(View(1)) && !loom.dag.is_forked(View(2)));
        assert_eq!(loom.dag.authors(View(1)), 4);
    }

    #[test]
    fn what_an_anchor_takes_no_later_one_takes_again() {
        let mut loom = Loom::weave(
            4,
            "A B C D
             A:A,B,C B:B,C,D C:A,B,C D
             A B C D",
        );
        assert_eq!(loom.take("A2", 1), ["A1", "B1", "C1", "A2"]);
        assert_eq!(loom.take("B3", 1), ["D1", "B2", "C2", "D2", "B3"]);
        assert_eq!(loom.take("B3", 1), [""; 0]);
        assert_eq!(loom.take("C3", 3), ["C3"], "what is older than a bound is left out");
    }

    #[test]
    fn old_rounds_are_forgotten_and_links_to_them_are_not_missed() {
        let mut loom = Loom::weave(
            4,
            "A B C D
             A B C D",
        );
        let late = Arc::new(Block::woven(View(3), ReplicaId(0), vec![loom.block("A2").link()], Default::default()));
        let odd = Block::woven(View(3), ReplicaId(1), vec![late.link()], Default::default());
        assert_eq!(loom.dag.missing(&odd), [late.link()]);
        loom.dag.forget(View(3));
        assert!(loom.dag.missing(&late).is_empty());
        assert!(loom.dag.insert(late.clone()) && !loom.dag.insert(late));
        assert!(!loom.dag.insert(loom.block("A2").clone()), "its round is forgotten");
        assert_eq!((loom.dag.oldest(), loom.dag.highest()), (View(3), View(3)));
    }
}
