//! Votes into certificates: counted once for each signer, a certificate formed once.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{Committee, Signers};

use super::planted::planted;

/// What is voted for: a block's id and the height that voters say it has. Two heights are two candidates, or one liar
/// could set the height of everyone's certificate.
pub type Candidate = (Digest, Height);

/// Votes by view and block. Memory: one bit for each replica and candidate block of the views not yet pruned.
#[derive(Debug)]
pub struct Tally {
    committee: Committee,
    views: BTreeMap<View, Vec<(Candidate, Signers)>>,
}

impl Tally {
    /// No votes yet.
    pub fn new(committee: &Committee) -> Tally {
        Tally { committee: *committee, views: BTreeMap::new() }
    }

    /// Counts a vote; the signers, once, when they have become a quorum.
    pub fn add(&mut self, view: View, block: Candidate, from: ReplicaId) -> Option<Signers> {
        let candidates = self.views.entry(view).or_default();
        let index = candidates.iter().position(|(candidate, _)| *candidate == block).unwrap_or_else(|| {
            candidates.push((block, Signers::none_of(self.committee.len())));
            candidates.len() - 1
        });
        let signers = &mut candidates[index].1;
        let new = signers.insert(from);
        let quorum = self.committee.quorum() - u32::from(planted!("quorum off by one"));
        (new && signers.count() == quorum).then(|| signers.clone())
    }

    /// Forgets views before `view`.
    pub fn prune(&mut self, view: View) {
        self.views = self.views.split_off(&view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_forms_once_of_distinct_signers() {
        let mut tally = Tally::new(&Committee::new(4));
        let block = (Digest::of(b"block"), Height(1));
        let mut vote = |replica| tally.add(View(1), block, ReplicaId(replica)).map(|signers| signers.count());
        assert_eq!([0, 0, 1, 1].map(&mut vote), [None; 4]);
        assert_eq!(vote(2), Some(3));
        assert_eq!(vote(3), None, "the certificate exists already");
    }

    #[test]
    fn votes_for_different_blocks_do_not_add_up() {
        let mut tally = Tally::new(&Committee::new(4));
        for replica in 0..4 {
            let block = (Digest::of(&[replica as u8 % 2]), Height(1));
            assert_eq!(tally.add(View(1), block, ReplicaId(replica)), None);
        }
    }
}
