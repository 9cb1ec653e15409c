//! The synchroniser: blocks that wait for blocks they link to, and who is asked for those (a block is processed
//! once everything it links to is).
//!
//! What a block links to and is not known is mostly on its way: it is asked for when it has not come after a grace
//! period, of whoever sent the block first, as that replica must have had it, then of its author, and then of the others
//! in turn. An answer brings also the author's blocks below it that are wanted, oldest first and not all at once. So a
//! replica that was away catches up by its first requests, one for each author, and asks on while answers come.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{ReplicaId, Span, Time, View};
use crate::ledger::{Block, Committee, Link};

/// Links asked for at once, of all replicas together.
const MOST_ASKED: usize = 1_024;

/// A block that waits.
#[derive(Debug)]
struct Waiting {
    block: Arc<Block>,
    /// How many of its links are gaps.
    gaps: usize,
}

/// A block that is linked to and not processed.
#[derive(Debug)]
struct Gap {
    /// What waits for it.
    children: Vec<Link>,
    /// Who sent the first of them.
    sender: ReplicaId,
    since: Time,
    asked: Option<Time>,
    /// How often nobody answered.
    attempts: u32,
}

/// What waits and what is asked for. Bounded: `most` waiting blocks of each author, of which the lowest stay, and a gap
/// for each of their links, about 120 bytes.
#[derive(Debug)]
pub struct Synchroniser {
    me: ReplicaId,
    committee: Committee,
    most: u32,
    grace: Span,
    retry: Span,
    waiting: BTreeMap<Link, Waiting>,
    gaps: BTreeMap<Link, Gap>,
    /// How many blocks of each author wait.
    counts: Vec<u32>,
    /// When an answer last brought a block of each author.
    heard: Vec<Time>,
}

impl Synchroniser {
    /// Nothing waits; at most `most` blocks of each author will.
    pub fn new(me: ReplicaId, committee: &Committee, most: u32, grace: Span, retry: Span) -> Synchroniser {
        let n = committee.len() as usize;
        Synchroniser {
            me,
            committee: *committee,
            most,
            grace,
            retry,
            waiting: BTreeMap::new(),
            gaps: BTreeMap::new(),
            counts: vec![0; n],
            heard: vec![Time::ZERO; n],
        }
    }

    /// Whether the block waits.
    pub fn holds(&self, link: &Link) -> bool {
        !self.waiting.is_empty() && self.waiting.contains_key(link)
    }

    /// Whether there is anything to ask for, now or later.
    pub fn is_idle(&self) -> bool {
        self.gaps.is_empty()
    }

    /// How often to look what is due.
    pub fn grace(&self) -> Span {
        self.grace
    }

    /// An answer brought a block of `author`.
    pub fn heard(&mut self, author: ReplicaId, now: Time) {
        self.heard[author.index()] = now;
    }

    /// Keeps a block until the links that `missing` names, at least one, are processed.
    pub fn hold(&mut self, now: Time, sender: ReplicaId, block: &Arc<Block>, missing: &[Link]) {
        let (link, author) = (block.link(), block.author.index());
        if self.counts[author] >= self.most {
            let highest = self.waiting.keys().rev().find(|held| held.author == block.author).copied();
            match highest {
                Some(highest) if link < highest => self.evict(&highest),
                _ => return,
            }
        }
        self.counts[author] += 1;
        for gap in missing {
            let fresh = || Gap { children: Vec::new(), sender, since: now, asked: None, attempts: 0 };
            self.gaps.entry(*gap).or_insert_with(fresh).children.push(link);
        }
        self.waiting.insert(link, Waiting { block: block.clone(), gaps: missing.len() });
    }

    fn evict(&mut self, link: &Link) {
        let Some(Waiting { block, .. }) = self.waiting.remove(link) else { return };
        self.counts[block.author.index()] -= 1;
        for gap in &block.links {
            if let Some(found) = self.gaps.get_mut(gap) {
                found.children.retain(|child| child != link);
                if found.children.is_empty() {
                    self.gaps.remove(gap);
                }
            }
        }
    }

    /// A block is processed: what waited for it alone is let go into `ready`.
    pub fn processed(&mut self, link: &Link, ready: &mut Vec<Arc<Block>>) {
        if self.gaps.is_empty() {
            return;
        }
        let Some(gap) = self.gaps.remove(link) else { return };
        for child in gap.children {
            let Some(waiting) = self.waiting.get_mut(&child) else { continue };
            waiting.gaps -= 1;
            if waiting.gaps == 0 {
                let Waiting { block, .. } = self.waiting.remove(&child).expect("it was there just now");
                self.counts[block.author.index()] -= 1;
                ready.push(block);
            }
        }
    }

    /// Rounds before `oldest` matter no more: their blocks need not wait, and nothing waits for them.
    pub fn forget(&mut self, oldest: View, ready: &mut Vec<Arc<Block>>) {
        while let Some((&link, _)) = self.waiting.first_key_value().filter(|(link, _)| link.round < oldest) {
            self.evict(&link);
        }
        while let Some((&link, _)) = self.gaps.first_key_value().filter(|(link, _)| link.round < oldest) {
            self.processed(&link, ready);
        }
    }

    /// Whom to ask now for which blocks.
    pub fn asks(&mut self, now: Time) -> BTreeMap<ReplicaId, Vec<Link>> {
        let mut asks: BTreeMap<ReplicaId, Vec<Link>> = BTreeMap::new();
        let mut left = MOST_ASKED;
        for (link, gap) in self.gaps.iter_mut().filter(|(link, _)| !self.waiting.contains_key(link)) {
            let heard = self.heard[link.author.index()];
            let due = match gap.asked {
                None => now >= gap.since + self.grace,
                // The answer brought a part of what is missing, and ended.
                Some(asked) if heard > asked => now >= heard + self.grace,
                Some(asked) if now >= asked + self.retry => {
                    gap.attempts = gap.attempts.wrapping_add(1);
                    true
                }
                Some(_) => false,
            };
            if !due {
                continue;
            }
            let other = self.committee.other(self.me, u64::from(gap.sender.0) + u64::from(gap.attempts));
            let to = match gap.attempts {
                0 if gap.sender != self.me => Some(gap.sender),
                1 if link.author != self.me => Some(link.author),
                _ => other,
            };
            gap.asked = Some(now);
            to.into_iter().for_each(|to| asks.entry(to).or_default().push(*link));
            left -= 1;
            if left == 0 {
                break;
            }
        }
        asks
    }
}
