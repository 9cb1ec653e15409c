//! `certified`: batches that a quorum stores, in a DAG of headers that a quorum voted for: Narwhal.
//!
//! Source: Danezis, Kokoris-Kogias, Sonnino, Spiegelman, "Narwhal and Tusk: A DAG-based Mempool and Efficient BFT
//! Consensus", EuroSys'22 (arXiv 2105.11827v4), sections 3 and 4.
//!
//! A replica is a *primary* and some *workers*. Workers send batches to everyone and count who has stored them; what a
//! quorum has goes into the primary's next *header*, a block of a DAG. Primaries vote once for each author and round, only
//! where all that the header names is at hand; a quorum of votes is a *certificate*, and a certified header enters the
//! DAG of everyone who has what it names. With a quorum of certified headers a round is open for the next one: a replica
//! proposes in it once it has enough batches, or has waited long enough, and its protocol's [`super::Pace`] lets it.
//!
//! The layer orders nothing. Leaders of other protocols order batches of certified headers, after those that these build
//! on; protocols that order the DAG itself read it ([`super::Dissemination::woven`]).
//!
//! Workers have connections of their own but share the replica's NIC and its cores. What comes to the primary is handled
//! by the protocol's core, as the protocol's own messages are.
//!
//! Against the paper and its implementation:
//! - A header links to certified headers of older rounds too, where nothing else in its author's DAG does: Bullshark's
//!   weak edges (arXiv 2201.05677, algorithm 1). Without them a replica that is slower than a quorum is never ordered,
//!   while others go on as fast as the network.
//! - Votes for an own header count until its round is forgotten, not until the next header is proposed; for the same
//!   reason.
//! - Acknowledgements of batches are not signed, as the implementation's are not: the votes for the header are. Batches and
//!   certified headers count as written when they are acknowledged or passed on, at no charge; headers and votes are
//!   charged a write.
//! - Under a leader a block names the batches (56 bytes each), where the paper's names certificates, each with all that it
//!   builds on; and a follower checks that it has the batches, not that a quorum certified their headers.
//! - A replica that was away asks for whole rounds at once, as later versions of the implementation do. Workers of one
//!   replica do not run on machines of their own.
//! - Rounds are forgotten by depth below the last committed anchor, or below the newest open round where no protocol
//!   orders the DAG; certified headers are kept longer for those that were away. What was in forgotten headers and is not
//!   committed goes into new ones of its author.

mod archive;
mod ballots;
mod headers;
mod outgoing;
#[cfg(test)]
mod tests;
mod waiting;
mod weaving;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, Time, View};
use crate::consensus::dag::Dag;
use crate::consensus::planted::planted;
use crate::ledger::{Batch, Block, Committee, Link};

use super::{Above, Depot, Destination, Dissemination, Layer, Outbox, Parcel, Stock, Woven, answer};
use archive::Archive;
use ballots::{Ballots, Met};
use headers::Headers;
use outgoing::Outgoing;
use waiting::{Item, Piece, Waiting};

/// A header of a round further above the DAG than this gets no vote yet: what it links to is not here.
const MOST_AHEAD: u64 = 2;

/// The `certified` layer at one replica.
#[derive(Debug)]
pub struct Certified {
    stock: Stock,
    me: ReplicaId,
    committee: Committee,
    above: Above,
    dag: Dag,
    /// What nothing in the DAG links to.
    tips: BTreeSet<Link>,
    /// The highest round of which the DAG has a quorum.
    open: View,
    opened_at: Time,
    outgoing: Outgoing,
    headers: Headers,
    ballots: Ballots,
    waiting: Waiting,
    archive: Archive,
    /// Whether it has proposed or voted since it was last asked.
    promised: bool,
    /// When the DAG last grew, or others were asked why it does not.
    moved_at: Time,
    /// How often they were.
    asked: u64,
}

impl Certified {
    /// The layer over `depot`, under the protocol `above`.
    pub fn new(depot: Depot, committee: &Committee, above: Above) -> Certified {
        let (me, kept) = (depot.owner(), depot.limits().kept_heights);
        Certified {
            stock: Stock::new(Layer::Certified, depot.holding_back()),
            me,
            committee: *committee,
            above,
            dag: Dag::new(committee),
            tips: BTreeSet::new(),
            open: View(0),
            opened_at: Time::ZERO,
            outgoing: Outgoing::new(me, committee),
            headers: Headers::new(me, committee),
            ballots: Ballots::new(committee.len()),
            waiting: Waiting::default(),
            archive: Archive::new(kept.max(above.depth.unwrap_or(0))),
            promised: false,
            moved_at: Time::ZERO,
            asked: 0,
        }
    }

    /// A worker has a batch: its gateway's worker is told, and what waited for it goes on.
    fn on_batch(&mut self, now: Time, from: ReplicaId, batch: &Arc<Batch>, out: &mut Outbox) -> bool {
        let (id, sequence) = (batch.id(), batch.reference().sequence);
        let new = self.stock.depot.store(batch.clone());
        if batch.reference().origin == from {
            out.push((Destination::One(from), Parcel::Ack { id, sequence }));
        }
        if new {
            let items = self.waiting.on_batch(&id);
            let grew = self.take_in(now, items, out);
            // Who orders the DAG has nothing to do with a batch that no header of it names.
            return grew || !self.above.weaves();
        }
        false
    }

    /// Section 4.2: a batch that a quorum stores may go into a header.
    fn on_ack(&mut self, now: Time, from: ReplicaId, id: &Digest, sequence: u64, out: &mut Outbox) -> bool {
        self.outgoing.stored(from, id, sequence) && self.propose(now, out)
    }

    /// Section 3.1: a header is voted for if it is its author's first in its round and all that it names is at hand. One
    /// that is too old for any other to link to is not.
    fn on_header(&mut self, now: Time, from: ReplicaId, header: &Arc<Block>, out: &mut Outbox) -> bool {
        let (oldest, highest) = (self.dag.oldest().0.max(self.still_linked().0), self.dag.highest().0);
        let near = (oldest..=highest + MOST_AHEAD).contains(&header.view.0);
        if header.author != from || !near || !self.is_sound(header) {
            return false;
        }
        match self.ballots.meet(header) {
            Met::First => {
                let piece = Piece::Header(header.clone());
                self.take_in(now, vec![Item { from, piece }], out)
            }
            Met::Voted => {
                out.push(vote(header));
                false
            }
            Met::Known => false,
        }
    }

    /// Section 3.1: the author makes a certificate of a quorum of votes and sends it to everyone.
    fn on_vote(&mut self, now: Time, from: ReplicaId, round: View, header: &Digest, out: &mut Outbox) -> bool {
        let Some(woven) = self.headers.on_vote(from, round, header) else { return false };
        out.push((Destination::All, Parcel::Certified(woven.clone())));
        self.on_certified(now, self.me, &[woven], out)
    }

    /// Certified headers came. Those that no quorum voted for say nothing.
    fn on_certified(&mut self, now: Time, from: ReplicaId, woven: &[Arc<Woven>], out: &mut Outbox) -> bool {
        let fresh = |woven: &&Arc<Woven>| {
            let link = woven.header.link();
            self.dag.get(&link).is_none() && !self.waiting.holds(&link) && self.is_certified(woven)
        };
        let items = woven.iter().filter(fresh).map(|woven| Item { from, piece: Piece::Certified(woven.clone()) });
        // The last is taken in first.
        let items: Vec<Item> = items.rev().collect();
        self.take_in(now, items, out)
    }

    /// Answers one who misses something.
    fn on_ask(&self, from: ReplicaId, above: View, below: View, links: &[Link], out: &mut Outbox) {
        let found = self.archive.find(above, below, links);
        if !found.is_empty() {
            out.push((Destination::One(from), Parcel::Found(found)));
        }
    }

    /// Asks for what pieces have waited for, and for whatever there is where the DAG has not grown for a while: what this
    /// replica misses may have come while it was away.
    fn ask(&mut self, now: Time, out: &mut Outbox) {
        let retry = self.stock.depot.limits().fetch_retry;
        let (committee, me, highest) = (self.committee, self.me, self.dag.highest());
        let due = self.waiting.due(now, retry, |turn| committee.other(me, turn));
        // All rounds between what is here and what is asked for are missed too: of one, everyone has the same.
        let mut below = due.values().flatten().map(|link| link.round).max().unwrap_or_default();
        for (whom, links) in due {
            out.push((Destination::One(whom), Parcel::Ask { above: highest, below, links }));
            below = highest;
        }
        if self.moved_at + retry <= now {
            (self.moved_at, self.asked) = (now, self.asked + 1);
            let above = View(self.open.0.saturating_sub(1));
            let ask = Parcel::Ask { above, below: View(u64::MAX), links: Vec::new() };
            out.extend(committee.other(me, self.asked).map(|whom| (Destination::One(whom), ask)));
        }
    }
}

/// A vote goes to the header's author.
fn vote(header: &Block) -> (Destination, Parcel) {
    (Destination::One(header.author), Parcel::Vote { round: header.view, header: header.id() })
}

impl Dissemination for Certified {
    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn stock_mut(&mut self) -> &mut Stock {
        &mut self.stock
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        self.outgoing.sealed(now, *batch.reference());
        self.stock.depot.store(batch.clone());
        out.push((Destination::All, Parcel::Batch(batch)));
        self.propose(now, out);
    }

    fn on_parcel(&mut self, now: Time, from: ReplicaId, parcel: &Parcel, out: &mut Outbox) -> bool {
        match parcel {
            Parcel::Batch(batch) => self.on_batch(now, from, batch, out),
            Parcel::Fetch(_) => answer(&self.stock.depot, from, parcel, out),
            Parcel::Ack { id, sequence } => self.on_ack(now, from, id, *sequence, out),
            Parcel::Header(header) => self.on_header(now, from, header, out),
            Parcel::Vote { round, header } => self.on_vote(now, from, *round, header, out),
            Parcel::Certified(woven) => self.on_certified(now, from, std::slice::from_ref(woven), out),
            Parcel::Ask { above, below, links } => {
                self.on_ask(from, *above, *below, links, out);
                false
            }
            Parcel::Found(woven) => {
                let grew = self.on_certified(now, from, woven, out);
                if grew {
                    self.waiting.ask_again(now);
                }
                grew
            }
        }
    }

    /// What has waited is sent or asked for again, and the next header is proposed if it is time.
    fn on_tick(&mut self, now: Time, out: &mut Outbox) -> bool {
        let retry = self.stock.depot.limits().fetch_retry;
        self.stock.depot.refetch(now, out);
        self.outgoing.resend(now, &self.stock.depot, out);
        self.headers.resend(now, self.still_linked(), retry, out);
        let mut items = self.waiting.on_forgotten(self.dag.oldest());
        if !self.above.weaves() {
            let depot = &self.stock.depot;
            items.extend(self.waiting.on_over(|batch| depot.is_settled(batch)));
        }
        let grew = self.take_in(now, items, out);
        self.ask(now, out);
        self.propose(now, out) || grew
    }

    /// Batches, the DAG, own headers and votes were on disk; whose votes and acknowledgements had come was not.
    fn on_restarted(&mut self, now: Time) {
        self.waiting = Waiting::default();
        self.ballots.recover();
        self.headers.recover();
        self.outgoing.recover();
        (self.opened_at, self.moved_at) = (now, now);
    }

    fn has_promised(&mut self) -> bool {
        std::mem::take(&mut self.promised) && !planted!("promises not written")
    }

    fn woven(&mut self) -> Option<&mut Dag> {
        Some(&mut self.dag)
    }

    /// No block of that round or before that is not committed ever will be.
    fn on_passed(&mut self, round: Height) {
        self.forget_before(View(round.0 + 1));
    }

    /// Four times in the time that a header waits.
    fn period(&self) -> Span {
        let limits = self.stock.depot.limits();
        Span(limits.fetch_retry.0.min(limits.header_delay.0 / 4).max(Span::from_millis(1).0))
    }
}
