//! The commit rule.

use super::*;

const THREE: Promises = Promises { commit: CommitRule::Consecutive { views: 3 }, ..JOLTEON };

impl Court {
    fn proposes(&mut self, by: u32, blocks: &[&Block]) -> &mut Court {
        for block in blocks {
            self.silent(Tap::Proposed { by: ReplicaId(by), block });
        }
        self
    }

    /// Each block is proposed, and replicas vote for it in its view.
    fn certified(&mut self, by: &[u32], blocks: &[&Block]) -> &mut Court {
        for block in blocks {
            self.proposes(0, &[block]).states(by.iter().map(|&by| of_block(Phase::Vote, by, block)));
        }
        self
    }

    /// A replica's log holds a block in `view`.
    fn stored(&mut self, by: &[u32], view: u64, block: &Block) -> &mut Court {
        let holds = |by| state(Phase::Vote, by, block.height.0, view, block.id());
        self.states(by.iter().map(|&by| Statement { justify: block.view, ..holds(by) }))
    }
}

/// Blocks of these views on top of genesis, each the parent of the next.
fn chain<const N: usize>(views: [u64; N]) -> [Block; N] {
    let mut parent = Block::genesis();
    views.map(|view| {
        let block = child(&parent, view);
        parent = child(&parent, view);
        block
    })
}

// Consecutive views.

#[test]
fn certified_blocks_of_consecutive_views_commit_the_first_and_its_ancestors() {
    for (promises, views) in [(JOLTEON, [1, 3, 4, 5]), (THREE, [1, 3, 4, 5])] {
        let [first, second, third, fourth] = chain(views);
        let mut court = Court::of(&promises);
        court.certified(&[0, 1, 2], &[&first, &second, &third, &fourth]);
        court.silent(committed(A, &first)).silent(committed(A, &second));
        match promises.commit {
            CommitRule::Consecutive { views: 2 } => drop(court.silent(committed(A, &third))),
            _ => court.convicts("commit_rule", "no 3 certified blocks", committed(A, &third)),
        }
    }
}

#[test]
fn the_order_in_which_a_chain_becomes_known_does_not_matter() {
    let [first, second, third] = chain([1, 2, 3]);
    let mut court = Court::of(&THREE);
    court.states([0, 1, 2].map(|by| of_block(Phase::Vote, by, &third)));
    court.certified(&[0, 1, 2], &[&second]).proposes(0, &[&third, &first]);
    court.states([0, 1].map(|by| of_block(Phase::Vote, by, &first)));
    court.states([of_block(Phase::Vote, 3, &first)]).silent(committed(A, &first));
}

#[test]
fn a_gap_in_the_views_commits_nothing() {
    let [first, second] = chain([1, 3]);
    let mut court = Court::of(&JOLTEON);
    court.certified(&[0, 1, 2], &[&first, &second]);
    court.convicts("commit_rule", "no 2 certified blocks of consecutive views", committed(A, &first));
    let [first, second, third] = chain([1, 2, 4]);
    let mut court = Court::of(&THREE);
    court.certified(&[0, 1, 2], &[&first, &second, &third]);
    court.convicts("commit_rule", "no 3 certified blocks of consecutive views", committed(A, &first));
}

#[test]
fn a_parent_that_claims_another_view_is_no_neighbour() {
    let first = child(&Block::genesis(), 1);
    // It says that its parent is of view 2.
    let second = Block::sealed(View(3), Height(2), A, first.id(), View(2), Payload::default());
    let mut court = Court::of(&JOLTEON);
    court.certified(&[0, 1, 2], &[&first, &second]);
    court.convicts("commit_rule", "no 2 certified blocks", committed(A, &first));
}

#[test]
fn votes_too_few_of_another_view_or_twice_commit_nothing() {
    let [first, second] = chain([1, 2]);
    let mut court = Court::of(&JOLTEON);
    court.certified(&[0, 1, 2], &[&first]).certified(&[0, 1, 1], &[&second]);
    court.states([state(Phase::Vote, 2, 2, 3, second.id()), state(Phase::Vote, 3, 1, 2, second.id())]);
    court.convicts("commit_rule", "it has 3 of 3 votes in v1, and no 2", committed(A, &first));
    let mut court = Court::of(&JOLTEON);
    court.certified(&[0, 1], &[&first]).certified(&[0, 1, 2], &[&second]);
    court.convicts("commit_rule", "it has 2 of 3 votes in v1", committed(A, &first));
    Court::of(&JOLTEON).convicts("commit_rule", "nobody has proposed it", committed(A, &first));
}

#[test]
fn liars_count_in_a_quorum_and_commit_what_they_like() {
    let [first, second] = chain([1, 2]);
    let mut court = Court::with_faulty(&JOLTEON, &[A]);
    court.silent(committed(A, &first)).certified(&[0, 1, 2], &[&first, &second]).silent(committed(B, &first));
    court.convicts("commit_rule", "it has 3 of 3 votes in v2", committed(B, &second));
}

// A quorum of commits.

#[test]
fn a_quorum_of_commits_in_one_view_commits() {
    let [first, second] = chain([1, 2]);
    let mut court = Court::of(&PBFT);
    court.quorums(&[&first]).silent(committed(A, &first));
    court.states([1, 2, 3].map(|by| of_block(Phase::Vote, by, &second)));
    court.states([1, 1, 2].map(|by| of_block(Phase::Commit, by, &second)));
    court.states([1, 2, 3].map(|by| state(Phase::Vote, by, 2, 5, second.id())));
    court.states([state(Phase::Commit, 3, 2, 5, second.id())]);
    court.convicts("commit_rule", "at most 2 of 3 state Commit for it in one view", committed(A, &second));
}

#[test]
fn a_quorum_of_commits_commits_at_its_height_and_nothing_below() {
    let [first, second] = chain([1, 2]);
    let mut court = Court::of(&PBFT);
    court.quorums(&[&second]);
    court.convicts("commit_rule", "at most 0 of 3", committed(A, &first));
}

// The sequencer.

#[test]
fn what_the_sequencer_proposed_is_committed_and_by_itself_before() {
    let sequenced =
        |author| Block::sealed(View(1), Height(1), author, Block::genesis().id(), View(0), Payload::default());
    let block = sequenced(B);
    Court::of(&CENTRAL).silent(committed(B, &block)).proposes(1, &[&block]).silent(committed(A, &block));
    Court::of(&CENTRAL).proposes(1, &[&block]).silent(committed(A, &block));
    Court::of(&CENTRAL).convicts("commit_rule", "its sequencer has not proposed it", committed(A, &block));
    let usurper = sequenced(A);
    let mut court = Court::of(&CENTRAL);
    court.proposes(0, &[&usurper]).convicts("commit_rule", "has not proposed it", committed(A, &usurper));
}

// Stored by a majority.

#[test]
fn a_majority_that_stored_a_block_or_a_descendant_in_its_own_view_commits_it() {
    let [first, second, third] = chain([1, 1, 1]);
    let mut court = Court::of(&RAFT);
    court.proposes(0, &[&first, &second, &third]);
    // Nobody but replica 1 ever states the second by itself.
    court.stored(&[0, 2], 1, &third).stored(&[1], 1, &second);
    court.silent(committed(A, &first)).silent(committed(A, &second));
    court.convicts("commit_rule", "2 of 3 hold it in v1", committed(A, &third));
}

#[test]
fn storing_what_is_of_an_older_view_decides_nothing_until_a_block_of_the_own_view_follows() {
    let [first, second] = chain([2, 4]);
    let mut court = Court::of(&RAFT);
    // Figure 8 of the Raft paper: all hold the first, but only two said so in view 2.
    court.proposes(0, &[&first]).stored(&[0, 1], 2, &first).stored(&[0, 1, 2, 3], 4, &first);
    let mut unlucky = Court::of(&RAFT);
    unlucky.proposes(0, &[&first]).stored(&[0, 1], 2, &first).stored(&[0, 1, 2, 3], 4, &first);
    unlucky.convicts("commit_rule", "2 of 3 hold it in v2", committed(A, &first));
    court.proposes(0, &[&second]).stored(&[0, 1, 2], 4, &second);
    court.silent(committed(A, &first)).silent(committed(A, &second));
}

#[test]
fn a_leader_may_store_a_block_before_it_sends_it() {
    let [first, second] = chain([1, 1]);
    let mut court = Court::of(&RAFT);
    court.proposes(0, &[&first]).stored(&[0, 1, 1, 2], 1, &second).proposes(0, &[&second]);
    court.silent(committed(A, &first)).silent(committed(A, &second));
}

#[test]
fn blocks_of_one_view_that_fork_do_not_add_up() {
    let first = child(&Block::genesis(), 1);
    let mut other = child(&Block::genesis(), 1);
    other = Block::sealed(View(1), Height(1), B, other.parent, View(0), Payload::default());
    let mut court = Court::of(&RAFT);
    court.proposes(0, &[&first, &other]).stored(&[0, 1], 1, &first).stored(&[2, 3], 1, &other);
    court.convicts("commit_rule", "2 of 3 hold it", committed(A, &first));
}

// Memory.

#[test]
fn what_is_far_below_is_not_judged_and_one_replica_makes_nothing_old() {
    let [first, second] = chain([1, 2]);
    let far = Block::sealed(View(1), Height(10_000), A, Digest::of(b"below"), View(1), Payload::default());
    let mut court = Court::of(&PBFT);
    court.states([of_block(Phase::Vote, 1, &far)]).convicts("commit_rule", "at most 0", committed(A, &first));
    let mut court = Court::of(&PBFT);
    court.quorums(&[&far]).silent(committed(A, &first)).silent(committed(A, &second));
    let mut court = Court::of(&THREE);
    court.proposes(0, &[&far]).proposes(1, &[&first]);
    court.convicts("commit_rule", "it has 0 of 3 votes in v1", committed(A, &first));
}
