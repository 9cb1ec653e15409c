//! What makes a block of a round: its links, checked and chosen, and the rounds that are kept for others.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{ReplicaId, View};
use crate::consensus::dag::Dag;
use crate::ledger::{Block, Committee, Link, Signers};

/// The most rounds below a leader's block that it may take.
pub const MOST_DEPTH: u64 = 1_024;
/// Blocks kept for others that no leader to come takes, over all replicas.
const MOST_KEPT: u64 = 65_536;
/// The fewest and most rounds of them.
const KEPT_ROUNDS: [u64; 2] = [64, 1_024];

/// Whether a block's links are as the paper's validity rules have them: its author's own block before first, then others
/// ascending, one of each replica and among them a quorum's of the round before.
pub fn is_woven(block: &Block, committee: &Committee) -> bool {
    let (round, author) = (block.view, block.author);
    let Some(own) = block.links.first() else {
        return round == View(1) && block.height.0 == 1 && author.0 < committee.len();
    };
    let sound = round.0 > 1 && block.height.0 == round.0 && author.0 < committee.len() && own.author == author;
    if !sound || (block.parent, block.parent_view) != (own.id, own.round) {
        return false;
    }
    // One pass: with hundreds of replicas this is most of what a block costs its receivers.
    let before = View(round.0 - 1);
    let (mut authors, mut strong) = (Signers::none_of(committee.len()), 0);
    let mut last = (View(0), ReplicaId(0));
    for (nth, link) in block.links.iter().enumerate() {
        let place = (link.round, link.author);
        let known = link.round.0 > 0 && link.round <= before && link.author.0 < committee.len();
        if !known || nth > 1 && place <= last || !authors.insert(link.author) {
            return false;
        }
        last = place;
        strong += u32::from(link.round == before);
    }
    strong >= committee.quorum()
}

/// The last block known of each replica, and up to which round own blocks link to it.
#[derive(Clone, Debug)]
pub struct Tips {
    tips: Vec<Option<Link>>,
    linked: Vec<View>,
}

impl Tips {
    /// No block is known.
    pub fn new(committee: &Committee) -> Tips {
        let n = committee.len() as usize;
        Tips { tips: vec![None; n], linked: vec![View(0); n] }
    }

    /// A block is processed.
    pub fn note(&mut self, block: &Block) {
        let tip = &mut self.tips[block.author.index()];
        if tip.is_none_or(|tip| tip.round < block.view) {
            *tip = Some(block.link());
        }
    }

    /// The round of the last block known of a replica; 0 without any.
    pub fn round(&self, author: ReplicaId) -> View {
        self.tips[author.index()].map_or(View(0), |tip| tip.round)
    }

    /// What a block of `round` after the own block `own` links to: each replica's block of the round before, or else the
    /// last that is known and was not linked to.
    pub fn links(&mut self, dag: &Dag, own: &Block, round: View) -> Vec<Link> {
        let before = View(round.0 - 1);
        let mut links = vec![own.link()];
        for author in (0..self.tips.len() as u32).map(ReplicaId).filter(|&author| author != own.author) {
            let (tip, linked) = (self.tips[author.index()], &mut self.linked[author.index()]);
            let late = tip.filter(|tip| tip.round < before && tip.round > *linked && tip.round >= dag.oldest());
            let link = dag.of(before, author).next().map(|block| block.link()).or(late);
            if let Some(link) = link {
                *linked = link.round;
                links.push(link);
            }
        }
        links[1..].sort_unstable();
        links
    }
}

/// Blocks of rounds that no leader to come takes anything of, for replicas that are behind. Bounded: 65,536 blocks, or 64
/// rounds, and at most 1,024 rounds; who is farther behind stays behind, as there is no state transfer.
#[derive(Clone, Debug)]
pub struct Kept {
    most: u64,
    /// The round of the first.
    first: View,
    /// Ascending by author.
    rounds: VecDeque<Vec<Arc<Block>>>,
}

impl Kept {
    /// Nothing is kept yet.
    pub fn new(committee: &Committee) -> Kept {
        let [fewest, most] = KEPT_ROUNDS;
        let most = (MOST_KEPT / u64::from(committee.len())).clamp(fewest, most);
        Kept { most, first: View(1), rounds: VecDeque::new() }
    }

    /// Keeps what the DAG will forget: its rounds before `until`.
    pub fn keep(&mut self, dag: &Dag, until: View) {
        for round in (dag.oldest().0..until.0).map(View) {
            self.rounds.push_back(dag.blocks(round).cloned().collect());
            if self.rounds.len() as u64 > self.most {
                self.rounds.pop_front();
                self.first = self.first.next();
            }
        }
    }

    /// The block that a link names.
    pub fn get(&self, link: &Link) -> Option<&Arc<Block>> {
        let round = self.rounds.get(usize::try_from(link.round.0.checked_sub(self.first.0)?).ok()?)?;
        let first = round.partition_point(|block| block.author < link.author);
        round[first..].iter().take_while(|block| block.author == link.author).find(|block| block.id() == link.id)
    }
}
