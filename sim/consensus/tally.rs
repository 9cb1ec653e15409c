//! Votes into certificates: counted once for each signer, a certificate formed once.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{Committee, Signers};

use super::planted::planted;

/// What is voted for: a block's id and the height that voters say it has. Two heights are two candidates, or one liar
/// could set the height of everyone's certificate.
pub type Candidate = (Digest, Height);

/// Views from the oldest on whose votes are counted: votes prove nothing of the view they name, and a liar may name any.
const VIEWS: u64 = 16;

/// The votes of one view.
#[derive(Clone, Debug)]
struct Ballot {
    voters: Signers,
    candidates: Vec<(Candidate, Signers, u32)>,
}

/// Votes by view and block. Memory: for each of at most 16 views one bit a replica, and as many again for each candidate,
/// of which there are as many as there are liars and one: a replica's first vote in a view is its only one.
#[derive(Clone, Debug)]
pub struct Tally {
    replicas: u32,
    quorum: u32,
    oldest: View,
    views: BTreeMap<View, Ballot>,
}

impl Tally {
    /// No votes yet; a quorum of the committee makes a certificate.
    pub fn new(committee: &Committee) -> Tally {
        let (replicas, quorum) = (committee.len(), committee.quorum());
        Tally { replicas, quorum, oldest: View(0), views: BTreeMap::new() }
    }

    /// Counts a vote; the signers, once, when they have become a quorum. Votes of views before the oldest, and far after
    /// it, do not count.
    pub fn add(&mut self, view: View, block: Candidate, from: ReplicaId) -> Option<Signers> {
        if view < self.oldest || view.0 >= self.oldest.0 + VIEWS {
            return None;
        }
        let empty = || Ballot { voters: Signers::none_of(self.replicas), candidates: Vec::new() };
        let ballot = self.views.entry(view).or_insert_with(empty);
        if !ballot.voters.insert(from) && !planted!("duplicate votes counted") {
            return None;
        }
        let index = ballot.candidates.iter().position(|(candidate, ..)| *candidate == block).unwrap_or_else(|| {
            ballot.candidates.push((block, Signers::none_of(self.replicas), 0));
            ballot.candidates.len() - 1
        });
        let (_, signers, votes) = &mut ballot.candidates[index];
        signers.insert(from);
        *votes += 1;
        let quorum = self.quorum - u32::from(planted!("quorum off by one"));
        (*votes == quorum).then(|| signers.clone())
    }

    /// Forgets views before `view`.
    pub fn prune(&mut self, view: View) {
        self.oldest = self.oldest.max(view);
        self.views = self.views.split_off(&self.oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::planted;

    fn block(name: &[u8]) -> Candidate {
        (Digest::of(name), Height(1))
    }

    /// How many signers the certificate names, if the vote completes one.
    fn vote(tally: &mut Tally, view: u64, name: &[u8], from: u32) -> Option<u32> {
        tally.add(View(view), block(name), ReplicaId(from)).map(|signers| signers.count())
    }

    #[test]
    fn a_quorum_forms_once_of_distinct_signers() {
        let mut tally = Tally::new(&Committee::new(4));
        assert_eq!([0, 0, 1, 1].map(|from| vote(&mut tally, 1, b"block", from)), [None; 4]);
        assert_eq!(vote(&mut tally, 1, b"block", 2), Some(3));
        assert_eq!(vote(&mut tally, 1, b"block", 3), None, "the certificate exists already");
    }

    #[test]
    fn votes_for_different_blocks_do_not_add_up() {
        let mut tally = Tally::new(&Committee::new(4));
        for replica in 0..4 {
            assert_eq!(vote(&mut tally, 1, &[replica as u8 % 2], replica), None);
        }
    }

    #[test]
    fn the_first_vote_of_a_replica_in_a_view_is_its_only_one() {
        let mut tally = Tally::new(&Committee::new(4));
        for name in 0..100 {
            assert_eq!(vote(&mut tally, 1, &[name], 0), None);
        }
        assert_eq!(tally.views[&View(1)].candidates.len(), 1, "a liar fills no memory");
        assert_eq!([1, 2].map(|from| vote(&mut tally, 1, &[1], from)), [None, None]);
        assert_eq!(vote(&mut tally, 1, &[1], 3), Some(3), "three others vote for block 1");
    }

    #[test]
    fn votes_of_views_gone_by_or_far_ahead_do_not_count() {
        let mut tally = Tally::new(&Committee::new(4));
        for view in (1..1_000_000).step_by(1_000) {
            vote(&mut tally, view, b"block", 0);
        }
        assert_eq!(tally.views.len(), 1);
        tally.prune(View(20));
        assert!(tally.views.is_empty());
        assert_eq!([0, 1, 2].map(|from| vote(&mut tally, 19, b"block", from)), [None; 3]);
        assert_eq!([0, 1, 2].map(|from| vote(&mut tally, 35, b"block", from)), [None, None, Some(3)]);
        assert_eq!([0, 1, 2].map(|from| vote(&mut tally, 36, b"block", from)), [None; 3]);
    }

    #[test]
    fn planted_defects_make_certificates_of_less_than_a_quorum() {
        let mut tally = Tally::new(&Committee::new(4));
        let two = planted::with("quorum off by one", || [0, 1].map(|from| vote(&mut tally, 1, b"block", from)));
        assert_eq!(two, [None, Some(2)]);
        let repeated =
            planted::with("duplicate votes counted", || [0, 1, 1].map(|from| vote(&mut tally, 2, b"block", from)));
        assert_eq!(repeated, [None, None, Some(2)]);
    }
}
