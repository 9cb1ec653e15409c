//! DAGs as literals, shown to judges.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::ledger::{BatchRef, Link};

/// A DAG written down, a line for each round, a word for each block, and the court that sees it.
///
/// `A` is the block of replica 0, and links to the first block of everyone in the round before; `A:A,C'` links to those
/// named; `A'` is another block of the same replica; `A2` names a block of round 2. Each orders one batch of its own.
pub(super) struct Scene {
    pub court: Court,
    certified: bool,
    /// The first that is not faulty.
    judged: ReplicaId,
    blocks: BTreeMap<String, Arc<Block>>,
    round: u64,
    tip: Arc<Block>,
}

/// The only batch of a block, by its name.
pub(super) fn batch(author: ReplicaId, round: u64, fork: u64) -> BatchRef {
    *Batch::seal(author, 10 * round + fork, Vec::new(), 1).reference()
}

pub(super) fn ordering(batches: Vec<BatchRef>) -> Payload {
    Payload { batches, inline: Vec::new() }
}

pub(super) fn proposed(block: &Block) -> Tap<'_> {
    Tap::Proposed { by: block.author, block }
}

/// A quorum's certificate of a block.
pub(super) fn certified(block: &Block) -> Certificate {
    certificate(block.view.0, block.id(), &[0, 1, 2])
}

impl Scene {
    pub fn of(promises: &Promises, text: &str) -> Scene {
        Scene::with_faulty(promises, &[], text)
    }

    pub fn with_faulty(promises: &Promises, faulty: &[ReplicaId], text: &str) -> Scene {
        let certified = !matches!(promises.commit, CommitRule::Dag { rule: DagRule::Mysticeti { .. }, .. });
        let (court, tip) = (Court::with_faulty(promises, faulty), Arc::new(Block::genesis()));
        let judged = (0..4).map(ReplicaId).find(|replica| !faulty.contains(replica)).expect("one is correct");
        let mut scene = Scene { court, certified, judged, blocks: BTreeMap::new(), round: 0, tip };
        scene.more(text);
        scene
    }

    /// Further rounds, which must be found right.
    pub fn more(&mut self, text: &str) -> &mut Scene {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.round += 1;
            for word in line.split_whitespace() {
                self.add(self.round, word);
            }
        }
        self
    }

    /// Later rounds come after this one.
    pub fn round_is(&mut self, round: u64) -> &mut Scene {
        self.round = round;
        self
    }

    /// A block of a round, late perhaps, which must be found right.
    pub fn add(&mut self, round: u64, word: &str) -> &mut Scene {
        let block = Arc::new(self.weave(round, word));
        self.show(&block);
        let (name, _) = word.split_once(':').unwrap_or((word, ""));
        self.blocks.insert(format!("{}{round}{}", &name[..1], &name[1..]), block);
        self
    }

    fn show(&mut self, block: &Block) {
        self.court.silent(proposed(block));
        if self.certified {
            self.certify(block);
        }
    }

    pub fn certify(&mut self, block: &Block) -> &mut Scene {
        self.court.states([0, 1, 2].map(|by| of_block(Phase::Vote, by, block)));
        self.court.silent(Tap::Certified { certificate: &certified(block) });
        self
    }

    /// A block that nobody has seen.
    pub fn weave(&self, round: u64, word: &str) -> Block {
        let (name, links) = word.split_once(':').map_or((word, None), |(name, links)| (name, Some(links)));
        let author = ReplicaId(u32::from(name.as_bytes()[0] - b'A'));
        let mut links: Vec<Link> = match links {
            Some("") => Vec::new(),
            Some(links) => links.split(',').map(|link| self.link(&full(link, round - 1))).collect(),
            None => {
                let names = ["A", "B", "C", "D"].map(|name| full(name, round - 1));
                names.iter().filter_map(|name| self.blocks.get(name)).map(|block| block.link()).collect()
            }
        };
        links.sort_unstable_by_key(|link| (link.author != author, *link));
        let fork = name.len() as u64 - 1;
        Block::woven(View(round), author, links, ordering(vec![batch(author, round, fork)]))
    }

    pub fn block(&self, name: &str) -> &Arc<Block> {
        self.blocks.get(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub fn link(&self, name: &str) -> Link {
        self.block(name).link()
    }

    /// The batches of blocks, in this order.
    pub fn batches(&self, names: &str) -> Vec<BatchRef> {
        names.split_whitespace().flat_map(|name| self.block(name).payload.batches.clone()).collect()
    }

    /// The next committed sub-DAG: of this anchor, with what these blocks order.
    pub fn next(&self, anchor: &str, takes: &str) -> Block {
        Block::anchored(&self.tip, self.block(anchor), ordering(self.batches(takes)))
    }

    /// Every replica rightly commits it.
    pub fn commits(&mut self, anchor: &str, takes: &str) -> &mut Scene {
        let next = Arc::new(self.next(anchor, takes));
        for replica in (0..4).map(ReplicaId) {
            self.court.silent(committed(replica, &next));
        }
        self.tip = next;
        self
    }

    /// A correct replica commits it, and is convicted.
    pub fn convicts(&mut self, about: &str, anchor: &str, takes: &str) {
        let next = self.next(anchor, takes);
        self.convicts_commit(about, &next);
    }

    /// A correct replica commits a block, and is convicted; for the other judges it did not.
    pub fn convicts_commit(&mut self, about: &str, block: &Block) {
        let judge = self.court.0.judges.iter_mut().find(|judge| judge.name() == "dag_rule").expect("it sits");
        let what = judge.observe(&committed(self.judged, block)).expect_err("it is convicted");
        assert!(what.contains(about), "`{what}` does not speak of `{about}`");
    }
}

/// A name with its round.
fn full(name: &str, round: u64) -> String {
    match name.as_bytes().get(1) {
        Some(byte) if byte.is_ascii_digit() => name.into(),
        _ => format!("{}{round}{}", &name[..1], &name[1..]),
    }
}
