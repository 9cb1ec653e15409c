//! Taking headers in, and proposing the next one.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Time, View};
use crate::consensus::dissemination::{Destination, Outbox, Pace, Parcel, Woven};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Link, Payload, Phase};

use super::{Certified, Item, Piece, vote};

impl Certified {
    /// Rounds that a header's links reach down: half of those that are kept, so that who votes for it has them still.
    fn reach(&self) -> u64 {
        let kept = self.above.depth.unwrap_or(self.stock.depot.limits().gc_depth);
        (kept / 2).max(1)
    }

    /// The lowest round of which a header of the next round may link to anything.
    pub(super) fn still_linked(&self) -> View {
        View(self.open.next().0.saturating_sub(self.reach()))
    }

    /// Authors whose headers open the next round.
    fn opening(&self) -> u32 {
        let quorum = self.committee.quorum();
        if planted!("round opened without a quorum") { quorum - 1 } else { quorum }
    }

    /// Whether a header is one that a correct replica could propose: in its round, of own batches, with links to a quorum
    /// of the round before, its author's own last header first and the others ascending.
    pub(super) fn is_sound(&self, header: &Block) -> bool {
        let limits = self.stock.depot.limits();
        let own = |batch: &crate::ledger::BatchRef| batch.origin == header.author;
        header.author.0 < self.committee.len()
            && header.view >= View(1)
            && header.height == Height(header.view.0)
            && header.payload.inline.is_empty()
            && header.payload.batches.len() <= limits.block_batches.max(1)
            && header.payload.batches.iter().all(own)
            && self.is_linked(header)
    }

    fn is_linked(&self, header: &Block) -> bool {
        let (round, links) = (header.view.0, &header.links);
        if round == 1 {
            return links.is_empty();
        }
        let lowest = round.saturating_sub(self.reach()).max(1);
        let own = usize::from(links.first().is_some_and(|link| link.author == header.author));
        let ascending = links[own..].is_sorted_by(|one, next| one < next);
        let within = links.iter().all(|link| (lowest..round).contains(&link.round.0));
        // Ascending, one author's stand side by side.
        let mut authors: Vec<ReplicaId> =
            links.iter().filter(|link| link.round.0 + 1 == round).map(|link| link.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let few = links.len() <= 2 * self.committee.len() as usize;
        few && ascending && within && authors.len() >= self.opening() as usize
    }

    /// Whether a quorum voted for just this header.
    pub(super) fn is_certified(&self, woven: &Woven) -> bool {
        let (header, certificate) = (&woven.header, &woven.certificate);
        let named = (certificate.phase, certificate.view, certificate.height, certificate.block);
        let enough = certificate.signers.count() >= self.committee.quorum() || planted!("signers not counted");
        enough && named == (Phase::Vote, header.view, header.height, header.id()) && self.is_sound(header)
    }

    /// Takes in what it can, the last first, and what waited for that; true where the DAG grew.
    pub(super) fn take_in(&mut self, now: Time, mut items: Vec<Item>, out: &mut Outbox) -> bool {
        let mut grew = false;
        while let Some(item) = items.pop() {
            let Some(item) = self.complete(now, item, out) else { continue };
            match item.piece {
                Piece::Header(header) => {
                    self.ballots.vote(&header);
                    self.promised = true;
                    out.push(vote(&header));
                }
                Piece::Certified(woven) => {
                    let link = woven.header.link();
                    if self.weave(now, woven) {
                        grew = true;
                        items.extend(self.waiting.on_woven(&link));
                    }
                }
            }
        }
        if grew {
            self.propose(now, out);
        }
        grew
    }

    /// The item, if all that it names is at hand; else it waits, unless it comes too late.
    fn complete(&mut self, now: Time, item: Item, out: &mut Outbox) -> Option<Item> {
        let (header, oldest) = (item.header().clone(), self.dag.oldest());
        // Who votes answers for every link, and knows nothing of those to forgotten rounds.
        let unknowable = matches!(item.piece, Piece::Header(_)) && header.links.iter().any(|link| link.round < oldest);
        if header.view < oldest || unknowable || self.dag.get(&header.link()).is_some() {
            return None;
        }
        if let Some(link) = self.dag.missing(&header).first() {
            self.waiting.for_link(*link, item);
            return None;
        }
        let depot = &mut self.stock.depot;
        let mut missing = depot.missing(&header.payload.batches);
        if !self.above.weaves() {
            // What a leader's block has ordered meanwhile may be forgotten everywhere.
            missing.retain(|batch| !depot.is_settled(batch));
        }
        let Some(&first) = missing.first().filter(|_| !planted!("certificate without availability")) else {
            return Some(item);
        };
        depot.fetch(now, item.from, &missing, out);
        self.waiting.for_batch(first, item);
        None
    }

    /// A certified header enters the DAG.
    fn weave(&mut self, now: Time, woven: Arc<Woven>) -> bool {
        let header = woven.header.clone();
        if !self.dag.insert(header.clone()) {
            return false;
        }
        for link in &header.links {
            // What another header of the round links to is no tip any more.
            if link.round.next() != header.view || self.dag.linked(link.round, link.author) == 1 {
                self.tips.remove(link);
            }
        }
        self.tips.insert(header.link());
        self.archive.insert(woven);
        self.moved_at = now;
        if !self.above.weaves() {
            header.payload.batches.iter().for_each(|batch| self.stock.depot.release(batch));
        }
        if header.author == self.me {
            self.headers.last = self.headers.last.max(Some(header.link()));
        }
        if header.view > self.open && self.dag.authors(header.view) >= self.opening() {
            (self.open, self.opened_at) = (header.view, now);
            if !self.above.weaves() {
                let depth = self.stock.depot.limits().gc_depth;
                self.forget_before(View(self.open.0.saturating_sub(depth)));
            }
        }
        true
    }

    /// Section 3.3: what is older than `oldest` is forgotten. What own headers named that is not ordered, and now never
    /// will be by them, goes into the next.
    pub(super) fn forget_before(&mut self, oldest: View) {
        if oldest <= self.dag.oldest() {
            return;
        }
        self.dag.forget(oldest);
        self.tips = self.tips.split_off(&Link { round: oldest, author: ReplicaId(0), id: Digest::ZERO });
        self.ballots.forget(oldest);
        for header in self.headers.forget(oldest).into_iter().rev() {
            self.outgoing.take_back(&header.payload.batches, &self.stock.depot);
        }
    }

    /// Section 3.1: a replica proposes once in a round, when the one before is open, it has enough to propose or has
    /// waited long enough, and nothing is to be waited for. True where the DAG grew: alone, a replica is a quorum.
    pub(super) fn propose(&mut self, now: Time, out: &mut Outbox) -> bool {
        let limits = *self.stock.depot.limits();
        let round = self.open.next();
        if round <= self.headers.round {
            return false;
        }
        let due = self.headers.at + limits.header_delay <= now || self.outgoing.ready_bytes() >= limits.header_bytes;
        if !due || !self.may_leave(now) {
            return false;
        }
        let batches = self.outgoing.take(&limits, &self.stock.depot);
        let payload = Payload { batches, inline: Vec::new() };
        let header = Arc::new(Block::woven(round, self.me, self.links(round), payload));
        self.headers.propose(now, header.clone(), limits.fetch_retry);
        self.ballots.vote(&header);
        self.promised = true;
        out.push((Destination::All, Parcel::Header(header.clone())));
        out.push(vote(&header));
        self.on_vote(now, self.me, round, &header.id(), out)
    }

    /// The links of a header: the own last one, all of the round before, and what nothing links to that is older.
    fn links(&self, round: View) -> Vec<Link> {
        let lowest = View(round.0.saturating_sub(self.reach())).max(self.dag.oldest());
        let own = self.headers.last.filter(|last| last.round >= lowest && last.round < round);
        let before = View(round.0 - 1);
        let older = self.tips.iter().filter(|tip| (lowest..before).contains(&tip.round));
        let older = older.take(self.committee.len() as usize - 1).copied();
        let mut links: Vec<Link> = older.chain(self.dag.blocks(before).map(|block| block.link())).collect();
        links.sort_unstable();
        links.retain(|link| Some(*link) != own);
        own.into_iter().chain(links).collect()
    }

    /// Whether the open round has all that the protocol above wants of it, or was waited for long enough.
    pub(super) fn may_leave(&self, now: Time) -> bool {
        let Pace::Anchored { patience } = self.above.pace else { return true };
        self.opened_at + patience <= now || self.is_anchored(self.open)
    }

    /// Bullshark (arXiv 2209.05633), section 4: an even round has its leader's block; of an odd one, as many blocks link to
    /// the leader's before as make it an anchor, or so many do not that these never will be.
    fn is_anchored(&self, round: View) -> bool {
        if round.0 == 0 {
            return true;
        }
        let anchor = View(round.0 - round.0 % 2);
        let leader = self.committee.leader(View(anchor.0 / 2));
        let is_there = self.dag.of(anchor, leader).next().is_some();
        if round.0.is_multiple_of(2) {
            return is_there;
        }
        if !is_there {
            return true;
        }
        // A certified DAG has one block of each replica in a round.
        let votes = self.dag.linked(anchor, leader);
        votes >= self.committee.blocking() || self.dag.authors(round) - votes >= self.committee.quorum()
    }
}
