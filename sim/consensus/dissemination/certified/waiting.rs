//! Headers that cannot be taken in yet, for want of what they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Digest, ReplicaId, Span, Time, View};
use crate::consensus::dissemination::Woven;
use crate::ledger::{BatchRef, Block, Link};

/// Links that one question names.
const MOST_ASKED: usize = 512;

/// What is taken in when all that it names is at hand.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A header, to be voted for.
    Header(Arc<Block>),
    /// A certified header, for the DAG.
    Certified(Arc<Woven>),
}

/// A piece and who sent it.
#[derive(Clone, Debug)]
pub struct Item {
    pub from: ReplicaId,
    pub piece: Piece,
}

impl Item {
    pub fn header(&self) -> &Arc<Block> {
        match &self.piece {
            Piece::Header(header) => header,
            Piece::Certified(woven) => &woven.header,
        }
    }

    fn certified(&self) -> Option<Link> {
        match &self.piece {
            Piece::Header(_) => None,
            Piece::Certified(woven) => Some(woven.header.link()),
        }
    }
}

/// A certified header that is missed, and the pieces that wait for it.
#[derive(Debug)]
struct Missed {
    items: Vec<Item>,
    /// Whom to ask first.
    holder: ReplicaId,
    due: Time,
    /// How often it was asked for.
    asked: u64,
}

/// Pieces by the first thing that they miss. Bounded: a header waits once for each author and round of the few that are
/// kept, and a certified one once, as a quorum stands behind each of those.
#[derive(Debug, Default)]
pub struct Waiting {
    for_links: BTreeMap<Link, Missed>,
    for_batches: BTreeMap<Digest, (BatchRef, Vec<Item>)>,
    /// Certified headers that wait.
    certified: BTreeSet<Link>,
}

impl Waiting {
    /// Whether a certified header waits.
    pub fn holds(&self, link: &Link) -> bool {
        self.certified.contains(link)
    }

    /// An item waits for a certified header, which is asked for at the next tick.
    pub fn for_link(&mut self, link: Link, item: Item) {
        self.certified.extend(item.certified());
        let (holder, due) = (item.from, Time::ZERO);
        let missed = self.for_links.entry(link).or_insert_with(|| Missed { items: Vec::new(), holder, due, asked: 0 });
        missed.items.push(item);
    }

    /// An item waits for a batch, the first that it misses.
    pub fn for_batch(&mut self, batch: BatchRef, item: Item) {
        self.certified.extend(item.certified());
        self.for_batches.entry(batch.id).or_insert_with(|| (batch, Vec::new())).1.push(item);
    }

    fn let_go(&mut self, items: Vec<Item>) -> Vec<Item> {
        for link in items.iter().filter_map(Item::certified) {
            self.certified.remove(&link);
        }
        items
    }

    /// What waited for a certified header that came.
    pub fn on_woven(&mut self, link: &Link) -> Vec<Item> {
        let items = self.for_links.remove(link).map_or_else(Vec::new, |missed| missed.items);
        self.let_go(items)
    }

    /// What waited for a batch that came.
    pub fn on_batch(&mut self, batch: &Digest) -> Vec<Item> {
        let items = self.for_batches.remove(batch).map_or_else(Vec::new, |(_, items)| items);
        self.let_go(items)
    }

    /// What waits for batches of which `is_over` says that nobody may have them any more.
    pub fn on_over(&mut self, is_over: impl Fn(&BatchRef) -> bool) -> Vec<Item> {
        let over = self.for_batches.values().map(|(batch, _)| batch).filter(|batch| is_over(batch));
        let over: Vec<Digest> = over.map(|batch| batch.id).collect();
        over.iter().flat_map(|batch| self.on_batch(batch)).collect()
    }

    /// What waits for headers of rounds before `oldest`, which nobody needs any more. What is itself of such a round, and
    /// waits for batches that may never have been, is dropped.
    pub fn on_forgotten(&mut self, oldest: View) -> Vec<Item> {
        let mut dropped = Vec::new();
        for (_, items) in self.for_batches.values_mut() {
            dropped.extend(items.extract_if(.., |item| item.header().view < oldest));
        }
        self.for_batches.retain(|_, (_, items)| !items.is_empty());
        self.let_go(dropped);
        let old: Vec<Link> = self.for_links.keys().take_while(|link| link.round < oldest).copied().collect();
        old.iter().flat_map(|link| self.on_woven(link)).collect()
    }

    /// What is due to be asked for, by whom to ask: the sender of what names it, then `other` in turn. What waits here
    /// itself is not missed.
    pub fn due(
        &mut self,
        now: Time,
        retry: Span,
        other: impl Fn(u64) -> Option<ReplicaId>,
    ) -> BTreeMap<ReplicaId, Vec<Link>> {
        let mut questions: BTreeMap<ReplicaId, Vec<Link>> = BTreeMap::new();
        let Waiting { for_links, certified, .. } = self;
        let is_due = |(link, missed): &(&Link, &mut Missed)| missed.due <= now && !certified.contains(link);
        for (link, missed) in for_links.iter_mut().filter(is_due) {
            let whom = if missed.asked == 0 { Some(missed.holder) } else { other(missed.asked) };
            let Some(links) = whom.map(|whom| questions.entry(whom).or_default()) else { continue };
            if links.len() < MOST_ASKED {
                links.push(*link);
                missed.asked += 1;
                missed.due = now + retry;
            }
        }
        questions
    }

    /// More may be had of what was asked for: all is asked for again.
    pub fn ask_again(&mut self, now: Time) {
        self.for_links.values_mut().for_each(|missed| missed.due = now);
    }
}
