//! DAGs as literals, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{ReplicaId, View};
use crate::consensus::dag::Dag;
use crate::ledger::{Block, Committee, Link, Payload};

/// A DAG written down: a line for each round, a word for each block.
///
/// `A` is the block of replica 0, and links to the first block of everyone in the round before; `A:A,C,B'` links to
/// those named; `A'` is another block of the same replica in the same round; `B2` names a block of round 2.
pub struct Loom {
    /// The DAG so far.
    pub dag: Dag,
    blocks: BTreeMap<String, Arc<Block>>,
    round: u64,
}

impl Loom {
    /// The DAG of `n` replicas that `text` describes.
    pub fn weave(n: u32, text: &str) -> Loom {
        let mut loom = Loom { dag: Dag::new(&Committee::new(n)), blocks: BTreeMap::new(), round: 0 };
        loom.more(text);
        loom
    }

    /// Adds rounds.
    pub fn more(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.round += 1;
            line.split_whitespace().for_each(|word| self.add(self.round, word));
        }
    }

    /// Adds a block to a round, late perhaps.
    pub fn add(&mut self, round: u64, word: &str) {
        let (name, links) = word.split_once(':').map_or((word, None), |(name, links)| (name, Some(links)));
        let author = ReplicaId(u32::from(name.as_bytes()[0] - b'A'));
        let before = View(round - 1);
        let mut links: Vec<Link> = match links {
            Some("") => Vec::new(),
            Some(links) => links.split(',').map(|link| self.named(link, round - 1).link()).collect(),
            None => {
                let authors = (0..26).map(ReplicaId);
                authors.filter_map(|author| self.dag.of(before, author).next().map(|block| block.link())).collect()
            }
        };
        links.sort_unstable_by_key(|link| (link.author != author, *link));
        // What tells a replica's second block from its first is what they order; here it is how often they say nothing.
        let payload = Payload::default();
        let mut block = Block::woven(View(round), author, links, payload);
        if name.len() > 1 {
            block = fork_of(&block);
        }
        let block = Arc::new(block);
        assert!(self.dag.missing(&block).is_empty(), "a block comes after what it links to");
        self.dag.insert(block.clone());
        self.blocks.insert(format!("{}{round}{}", &name[..1], &name[1..]), block);
    }

    fn named(&self, name: &str, round: u64) -> &Arc<Block> {
        let full = if name.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
            name.to_string()
        } else {
            format!("{}{round}{}", &name[..1], &name[1..])
        };
        self.block(&full)
    }

    /// The block that is called so: `A2`, `C1'`.
    pub fn block(&self, name: &str) -> &Arc<Block> {
        self.blocks.get(name).unwrap_or_else(|| panic!("no block is called {name}"))
    }

    /// What a block is called.
    pub fn name(&self, block: &Block) -> &str {
        let found = self.blocks.iter().find(|(_, known)| known.id() == block.id());
        found.map_or("?", |(name, _)| name)
    }

    /// The names of what an anchor takes.
    pub fn take(&mut self, anchor: &str, from: u64) -> Vec<String> {
        let link = self.block(anchor).link();
        let taken = self.dag.take(&link, View(from));
        taken.iter().map(|block| self.name(block).to_string()).collect()
    }
}

/// Another block of the same author and round with the same links: it orders a batch of its own.
fn fork_of(block: &Block) -> Block {
    let batch = Arc::new(crate::ledger::Batch::seal(block.author, u64::MAX, Vec::new(), 1));
    let payload = Payload { batches: vec![*batch.reference()], inline: vec![batch] };
    Block::woven(block.view, block.author, block.links.clone(), payload)
}
