//! Authors' side: own headers, and the votes for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, ReplicaId, Span, Time, View};
use crate::consensus::dissemination::{Destination, Outbox, Parcel, Woven};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Committee, Link, Phase, Signers};

/// How many times as long as at first the last waits between sending a header again are.
const MOST_PATIENCE: u64 = 8;

/// A header that this replica proposed.
#[derive(Debug)]
pub struct Draft {
    pub header: Arc<Block>,
    voters: Signers,
    /// Votes counted.
    votes: u32,
    /// Whether a quorum voted for it.
    pub certified: bool,
    /// When it is sent again, and how long that waits then.
    due: Time,
    patience: Span,
}

/// Own headers of the rounds that are kept.
#[derive(Debug)]
pub struct Headers {
    me: ReplicaId,
    committee: Committee,
    /// The last round proposed in.
    pub round: View,
    /// When that was.
    pub at: Time,
    /// The last own header in the DAG.
    pub last: Option<Link>,
    drafts: BTreeMap<View, Draft>,
}

impl Headers {
    pub fn new(me: ReplicaId, committee: &Committee) -> Headers {
        let (round, at, drafts) = (View(0), Time::ZERO, BTreeMap::new());
        Headers { me, committee: *committee, round, at, last: None, drafts }
    }

    /// A header is proposed; it is sent again after `patience` where it is not certified.
    pub fn propose(&mut self, now: Time, header: Arc<Block>, patience: Span) {
        (self.round, self.at) = (header.view, now);
        let (voters, votes, certified) = (Signers::none_of(self.committee.len()), 0, false);
        self.drafts.insert(header.view, Draft { header, voters, votes, certified, due: now + patience, patience });
    }

    /// Narwhal, section 3.1: a quorum of votes of distinct replicas is a certificate. Each round's header is certified
    /// however late, as a replica that is slow would else never have one.
    pub fn on_vote(&mut self, from: ReplicaId, round: View, id: &Digest) -> Option<Arc<Woven>> {
        let draft = self.drafts.get_mut(&round).filter(|draft| draft.header.id() == *id && !draft.certified)?;
        if !draft.voters.insert(from) && !planted!("a vote counted twice") {
            return None;
        }
        draft.votes += 1;
        let quorum = self.committee.quorum() - u32::from(planted!("quorum of votes off by one"));
        if draft.votes < quorum {
            return None;
        }
        draft.certified = true;
        let (view, height, block) = (draft.header.view, draft.header.height, draft.header.id());
        let certificate = Certificate { phase: Phase::Vote, view, height, block, signers: draft.voters.clone() };
        Some(Arc::new(Woven { header: draft.header.clone(), certificate }))
    }

    /// Sends headers from a round on that are not certified after a while again, to those who have not voted; ever
    /// less often: who is slow because it has much to do has not more to do for that.
    pub fn resend(&mut self, now: Time, from: View, patience: Span, out: &mut Outbox) {
        let drafts = self.drafts.range_mut(from..).map(|(_, draft)| draft);
        for draft in drafts.filter(|draft| !draft.certified && draft.due <= now) {
            draft.patience = (draft.patience * 2).min(patience * MOST_PATIENCE);
            draft.due = now + draft.patience;
            let silent = self.committee.replicas().filter(|&one| !draft.voters.contains(one));
            out.extend(silent.map(|one| (Destination::One(one), Parcel::Header(draft.header.clone()))));
        }
    }

    /// Forgets headers of rounds before `oldest`, and returns them.
    pub fn forget(&mut self, oldest: View) -> Vec<Draft> {
        let kept = self.drafts.split_off(&oldest);
        std::mem::replace(&mut self.drafts, kept).into_values().collect()
    }

    /// After a crash: what was proposed was on disk before it left, votes for it were not.
    pub fn recover(&mut self) {
        if planted!("own header forgotten in a crash") {
            self.round = self.last.map_or(View(0), |last| last.round);
        }
        for draft in self.drafts.values_mut() {
            (draft.voters, draft.votes) = (Signers::none_of(self.committee.len()), 0);
            draft.voters.insert(self.me);
            draft.votes += 1;
        }
    }
}
