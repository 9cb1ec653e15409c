//! Every judge against planted violations, each beside the honest course that it must be silent about.

use crate::base::{Digest, Height, HospitalId, ReplicaId, Time, View};
use crate::ledger::{
    Batch, Block, Certificate, CommitRule, Committee, FaultModel, Kind, Leaders, Locks, Payload, Phase, Promises,
    Rejection, Signers, Slot, Statement, TimeoutCertificate, Transaction, TxNumber,
};

use super::{Bench, Inventory, Tap};

const A: ReplicaId = ReplicaId(0);
const B: ReplicaId = ReplicaId(1);

/// Those of Jolteon.
const PROMISES: Promises = Promises {
    tolerates: FaultModel::Byzantine,
    leaders: Leaders::ByView { every: 1 },
    slot: Slot::View,
    commit: CommitRule::Consecutive { views: 2 },
    silent_after_timeout: true,
    locks: Locks::Stated,
    signed: true,
    delays: 5,
};

/// All judges of four replicas, so that a violation is found by one of them and the others stay silent.
struct Court(Bench);

impl Court {
    fn new() -> Court {
        Court::of_weight(1)
    }

    fn of_weight(weight: u32) -> Court {
        Court(Bench::full(&Committee::new(4), &PROMISES, &[], weight))
    }

    /// Shows what must be found right.
    fn silent(&mut self, tap: Tap<'_>) -> &mut Court {
        self.0.observe(&tap).unwrap_or_else(|violation| panic!("{tap:?} is right, but: {violation}"));
        self
    }

    /// Shows what `judge` must convict, for a reason that speaks of `about`.
    fn convicts(&mut self, judge: &str, about: &str, tap: Tap<'_>) {
        let violation = self.0.observe(&tap).expect_err("a planted violation is found");
        assert_eq!(violation.judge, judge, "{violation}");
        assert!(violation.what.contains(about), "`{}` does not speak of `{about}`", violation.what);
    }

    fn states(&mut self, statements: impl IntoIterator<Item = Statement>) -> &mut Court {
        for statement in statements {
            self.silent(Tap::Stated { statement: &statement });
        }
        self
    }
}

fn child(parent: &Block, view: u64) -> Block {
    Block::sealed(View(view), parent.height.next(), A, parent.id(), parent.view, Payload::default())
}

fn committed(replica: ReplicaId, block: &Block) -> Tap<'_> {
    Tap::Committed { replica, at: Time::ZERO, block }
}

fn transaction(number: u64) -> Transaction {
    Transaction {
        id: Digest::of(&number.to_le_bytes()),
        number: TxNumber(number),
        submitted: Time::ZERO,
        hospital: HospitalId(0),
        wire: 200,
        payload: 0,
        kind: Kind(0),
        authentic: true,
        replay: false,
    }
}

fn vote(by: u32, view: u64, block: Digest) -> Statement {
    Statement { by: ReplicaId(by), phase: Phase::Vote, view: View(view), height: Height(view), justify: View(0), block }
}

fn timeout(by: u32, view: u64, high: u64) -> Statement {
    let (view, height, justify) = (View(view), Height(0), View(high));
    Statement { by: ReplicaId(by), phase: Phase::Timeout, view, height, justify, block: Digest::ZERO }
}

fn certificate(view: u64, block: Digest, by: &[u32]) -> Certificate {
    let mut signers = Signers::none_of(4);
    by.iter().for_each(|&by| assert!(signers.insert(ReplicaId(by))));
    Certificate { phase: Phase::Vote, view: View(view), height: Height(view), block, signers }
}

fn timeout_certificate(view: u64, timeouts: &[(u32, u64)]) -> TimeoutCertificate {
    let timeouts = timeouts.iter().map(|&(by, high)| (ReplicaId(by), View(high))).collect();
    TimeoutCertificate { view: View(view), timeouts }
}

// Agreement.

#[test]
fn one_chain_committed_by_all_is_agreement() {
    let first = child(&Block::genesis(), 1);
    let second = child(&first, 2);
    let mut court = Court::new();
    court.silent(committed(A, &first)).silent(committed(A, &second));
    court.silent(committed(B, &first)).silent(committed(B, &second));
}

#[test]
fn a_fork_at_a_height_is_convicted() {
    let (ours, theirs) = (child(&Block::genesis(), 1), child(&Block::genesis(), 2));
    let mut court = Court::new();
    court.silent(committed(A, &ours));
    court.convicts("agreement", "where r0 committed", committed(B, &theirs));
}

#[test]
fn states_that_diverge_are_convicted_and_equal_ones_are_not() {
    let executed = |replica, state: &[u8]| Tap::Executed { replica, height: Height(1), state: Digest::of(state) };
    let mut court = Court::new();
    court.silent(executed(A, b"state")).silent(executed(B, b"state"));
    court.convicts("agreement", "has state", executed(ReplicaId(2), b"another"));
}

// Chain.

#[test]
fn a_skipped_height_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let second = child(&first, 2);
    Court::new().convicts("chain", "r0 commits #2 after #0", committed(A, &second));
}

#[test]
fn a_height_committed_twice_by_one_replica_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let mut court = Court::new();
    court.silent(committed(A, &first));
    court.convicts("chain", "r0 commits #1 after #1", committed(A, &first));
}

#[test]
fn a_block_whose_parent_was_not_committed_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let orphan = Block::sealed(View(3), Height(2), A, Digest::of(b"elsewhere"), View(2), Payload::default());
    let mut court = Court::new();
    court.silent(committed(A, &first));
    court.convicts("chain", "whose parent it did not commit", committed(A, &orphan));
}

#[test]
fn a_first_block_that_is_no_child_of_genesis_is_convicted() {
    let orphan = Block::sealed(View(1), Height(1), A, Digest::of(b"another genesis"), View(0), Payload::default());
    Court::new().convicts("chain", "whose parent it did not commit", committed(A, &orphan));
}

#[test]
fn a_block_whose_contents_are_not_those_of_its_id_is_convicted() {
    let mut block = child(&Block::genesis(), 1);
    block.author = B;
    Court::new().convicts("chain", "hashes to", committed(A, &block));
}

// Certificates.

#[test]
fn a_quorum_that_voted_is_a_certificate() {
    let block = Digest::of(b"block");
    let honest = certificate(1, block, &[0, 2, 3]);
    let mut court = Court::new();
    court.states([0, 2, 3].map(|by| vote(by, 1, block)));
    court.silent(Tap::Certified { certificate: &honest }).silent(Tap::Certified { certificate: &honest });
    let genesis = Certificate::genesis(Block::genesis().id());
    court.silent(Tap::Certified { certificate: &genesis });
}

#[test]
fn a_certificate_with_too_few_signers_is_convicted() {
    let block = Digest::of(b"block");
    let mut court = Court::new();
    court.states([0, 2, 3].map(|by| vote(by, 1, block)));
    court.convicts("certificates", "2 signers", Tap::Certified { certificate: &certificate(1, block, &[0, 2]) });
}

#[test]
fn a_signer_who_voted_otherwise_or_not_at_all_is_convicted() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let claimed = certificate(1, block, &[0, 1, 2]);
    let mut court = Court::new();
    court.states([vote(0, 1, block), vote(1, 1, block), vote(2, 1, other)]);
    court.convicts("certificates", "r2, who did not vote", Tap::Certified { certificate: &claimed });
    let mut court = Court::new();
    court.states([vote(0, 1, block), vote(1, 1, block), vote(2, 2, block)]);
    court.convicts("certificates", "r2, who did not vote", Tap::Certified { certificate: &claimed });
}

#[test]
fn a_false_certificate_after_a_true_one_for_the_same_block_is_convicted() {
    let block = Digest::of(b"block");
    let mut court = Court::new();
    court.states([0, 1, 2].map(|by| vote(by, 1, block)));
    court.silent(Tap::Certified { certificate: &certificate(1, block, &[0, 1, 2]) });
    let claimed = certificate(1, block, &[0, 1, 3]);
    court.convicts("certificates", "r3, who did not vote", Tap::Certified { certificate: &claimed });
}

#[test]
fn two_votes_of_one_replica_in_a_view_are_convicted_unless_they_are_the_same() {
    let mut court = Court::new();
    court.states([vote(1, 5, Digest::of(b"block")), vote(1, 5, Digest::of(b"block")), vote(1, 6, Digest::of(b"next"))]);
    let statement = vote(1, 5, Digest::of(b"other"));
    court.convicts("certificates", "r1 votes for two blocks in v5", Tap::Stated { statement: &statement });
}

#[test]
fn a_certificate_too_old_to_recheck_is_neither_convicted_nor_held_against_anyone() {
    let block = Digest::of(b"block");
    let old = certificate(1, block, &[0, 1, 2]);
    let mut court = Court::new();
    court.states([0, 1, 2].map(|by| vote(by, 1, block)));
    court.states([vote(0, 10_000, Digest::of(b"far ahead"))]);
    court.silent(Tap::Certified { certificate: &old });
}

#[test]
fn a_timeout_certificate_says_what_its_signers_said() {
    let mut court = Court::new();
    // Replica 2 repeats its timeout with a higher certificate: either claim is its own.
    court.states([timeout(0, 4, 3), timeout(1, 4, 2), timeout(2, 4, 1), timeout(2, 4, 3)]);
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 1)]) });
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 3)]) });
}

#[test]
fn a_timeout_certificate_that_understates_a_signers_certificate_is_convicted() {
    let mut court = Court::new();
    court.states([timeout(0, 4, 3), timeout(1, 4, 2), timeout(2, 4, 1)]);
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 1)]) });
    let claimed = timeout_certificate(4, &[(0, 1), (1, 2), (2, 1)]);
    court.convicts("certificates", "claims r0 timed out knowing v1", Tap::GivenUp { certificate: &claimed });
}

#[test]
fn a_timeout_certificate_with_a_signer_twice_is_convicted() {
    let mut court = Court::new();
    court.states([timeout(0, 4, 3), timeout(1, 4, 2)]);
    let claimed = timeout_certificate(4, &[(0, 3), (1, 2), (1, 2)]);
    court.convicts("certificates", "has 2 signers", Tap::GivenUp { certificate: &claimed });
}

// Validity and no double commit.

fn submitted(transaction: &Transaction) -> Tap<'_> {
    Tap::Submitted { transaction }
}

fn took_effect(transaction: &Transaction) -> Tap<'_> {
    Tap::TookEffect { height: Height(1), transaction }
}

#[test]
fn what_was_submitted_takes_effect_once() {
    let (one, two) = (transaction(1), transaction(2));
    let mut court = Court::new();
    court.silent(submitted(&one)).silent(submitted(&two)).silent(took_effect(&two)).silent(took_effect(&one));
}

#[test]
fn a_transaction_that_nobody_submitted_is_convicted() {
    let mut court = Court::new();
    court.silent(submitted(&transaction(1)));
    court.convicts("validity", "no hospital submitted it", took_effect(&transaction(2)));
}

#[test]
fn a_forged_transaction_in_effect_is_convicted() {
    let forged = Transaction { authentic: false, ..transaction(1) };
    let mut court = Court::new();
    court.silent(submitted(&forged));
    court.convicts("validity", "no hospital submitted it", took_effect(&forged));
}

#[test]
fn a_copy_of_what_nobody_submitted_is_convicted_in_effect() {
    let invented = Transaction { replay: true, ..transaction(1) };
    let mut court = Court::new();
    court.silent(submitted(&invented));
    court.convicts("validity", "no hospital submitted it", took_effect(&invented));
}

#[test]
fn a_refused_transaction_in_effect_is_convicted() {
    let tx = transaction(1);
    let mut court = Court::new();
    court.silent(submitted(&tx)).silent(Tap::Rejected { transaction: &tx, reason: Rejection::MempoolFull });
    court.convicts("validity", "no hospital submitted it", took_effect(&tx));
}

#[test]
fn either_copy_of_a_replayed_transaction_may_be_the_one_in_effect() {
    let original = transaction(1);
    let copy = Transaction { replay: true, ..original };
    for (effective, refused) in [(original, copy), (copy, original)] {
        for reason in Rejection::ALL {
            let mut court = Court::new();
            court.silent(submitted(&original)).silent(submitted(&copy));
            court.silent(Tap::Rejected { transaction: &refused, reason }).silent(took_effect(&effective));
        }
    }
}

#[test]
fn a_transaction_in_effect_twice_is_convicted() {
    let original = transaction(1);
    let copy = Transaction { replay: true, ..original };
    let mut court = Court::new();
    court.silent(submitted(&original)).silent(submitted(&copy)).silent(took_effect(&original));
    court.convicts("no_double_commit", "transaction 1 takes effect again", took_effect(&copy));
    let mut court = Court::new();
    court.silent(submitted(&original)).silent(took_effect(&original));
    court.convicts("validity", "no hospital submitted it", took_effect(&original));
}

#[test]
fn a_batch_that_does_not_hash_to_its_id_is_convicted() {
    let batch = Batch::seal(A, 0, vec![transaction(1), transaction(2)], 1);
    let tampered = batch.tampered();
    assert_eq!(tampered.id(), batch.id());
    Court::new().convicts("validity", "hashes to", Tap::Held { replica: A, batch: &tampered });
    let mut court = Court::new();
    court.silent(Tap::Held { replica: A, batch: &batch }).silent(Tap::Held { replica: B, batch: &batch });
    court.convicts("validity", "r1 holds a batch", Tap::Held { replica: B, batch: &tampered });
}

// Accounting.

/// Three submitted; one in effect, one refused, one left.
fn three_submitted(court: &mut Court) -> &mut Court {
    let txs = [1, 2, 3].map(transaction);
    for tx in &txs {
        court.silent(submitted(tx));
    }
    court.silent(took_effect(&txs[0])).silent(Tap::Rejected { transaction: &txs[1], reason: Rejection::GatewayDown })
}

#[test]
fn load_that_is_in_effect_refused_or_pending_is_accounted_for_at_every_weight() {
    for weight in [1, 4] {
        let mut court = Court::of_weight(weight);
        let inventory = Inventory { on_the_way: 0, unsealed: 1, sealed: 0 };
        three_submitted(&mut court).silent(Tap::Ended { inventory: &inventory });
    }
}

#[test]
fn load_that_vanished_or_multiplied_is_convicted() {
    let nothing = Inventory::default();
    three_submitted(&mut Court::new()).convicts(
        "accounting",
        "3 submitted are not",
        Tap::Ended { inventory: &nothing },
    );
    let too_much = Inventory { on_the_way: 1, unsealed: 0, sealed: 1 };
    three_submitted(&mut Court::new()).convicts("accounting", "2 pending", Tap::Ended { inventory: &too_much });
}

#[test]
fn every_judge_sits_in_every_run() {
    let bench = Bench::full(&Committee::new(4), &PROMISES, &[], 1);
    let names: Vec<&str> = bench.names().collect();
    assert_eq!(names, ["agreement", "chain", "validity", "no_double_commit", "certificates", "accounting"]);
}
