//! The judge of transactions across shards against planted violations.

use crate::base::{ReplicaId, Span, Time};
use crate::ledger::{Committee, OPENING_BALANCE, Rejection, Stage, Step, Totals, Transfer, TxNumber};
use crate::observe::{Bench, Tap};

/// When a home shard of these tests may give up, from the lock on.
const TIMEOUT: Span = Span::from_secs(2);
/// Transaction 1: shard 0 pays shard 1.
const PAYS: Transfer = Transfer { home: 0, partner: 1, debit: 3, credit: 5, amount: 7 };
const YES: Step = Step::Voted { yes: true };
const COMMIT: Step = Step::Decided { commit: true, by: Stage::Yes };

/// The judge of three shards of four replicas.
struct Court {
    bench: Bench,
    at: Time,
}

impl Court {
    fn new() -> Court {
        Court { bench: Bench::across(&[Committee::new(4); 3], TIMEOUT), at: Time::ZERO }
    }

    fn show(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        self.bench.observe(tap).map_err(|violation| violation.what)
    }

    /// A shard executes a stage of transaction `number`.
    fn step(&mut self, shard: u16, number: u64, transfer: &Transfer, step: Step) -> Result<(), String> {
        let at = self.at;
        self.show(&Tap::Crossed { shard, number: TxNumber(number), transfer, step, at })
    }

    /// Replica `by` of `shard` says that a stage is due.
    fn says(&mut self, shard: u16, by: u32, stage: Stage) -> Result<(), String> {
        let (by, at) = (ReplicaId(by), self.at);
        self.show(&Tap::Said { shard, by, number: TxNumber(1), stage, at })
    }

    fn proves(&mut self, stage: Stage, signers: &[u32]) -> Result<(), String> {
        let signers: Vec<ReplicaId> = signers.iter().copied().map(ReplicaId).collect();
        self.show(&Tap::Proved { number: TxNumber(1), stage, signers: &signers })
    }

    /// The honest course of transaction 1: shows a stage, and two replicas that say and prove the next.
    fn goes(&mut self, shard: u16, step: Step, next: Option<Stage>) -> &mut Court {
        self.step(shard, 1, &PAYS, step).expect("an honest step");
        if let Some(stage) = next {
            let speaker = if stage == Stage::Expire { 0 } else { shard };
            for by in [0, 2] {
                self.says(speaker, by, stage).expect("it is due");
            }
            self.proves(stage, &[0, 2]).expect("two of four are a witness");
        }
        self
    }

    fn closes(&mut self, gained: [i64; 3], escrow: u64, locks: [u64; 3], settled: bool) -> Result<(), String> {
        for (shard, (gained, locks)) in gained.into_iter().zip(locks).enumerate() {
            let escrow = if shard == 0 { escrow } else { 0 };
            self.show(&Tap::Balanced { shard: shard as u16, totals: &Totals { gained, escrow, locks } })?;
        }
        self.show(&Tap::Closed { settled })
    }
}

fn convicts(found: Result<(), String>, about: &str) {
    let what = found.expect_err("a planted violation is found");
    assert!(what.contains(about), "`{what}` does not speak of `{about}`");
}

fn voted() -> Court {
    let mut court = Court::new();
    court.goes(0, Step::Locked, Some(Stage::Prepare)).goes(1, YES, Some(Stage::Yes));
    court
}

#[test]
fn a_commit_and_an_abort_of_both_are_right() {
    let mut court = voted();
    court.goes(0, COMMIT, Some(Stage::Commit)).goes(1, Step::Settled { commit: true }, None);
    court.closes([-7, 7, 0], 0, [0; 3], true).expect("everything is where it belongs");
    let mut court = voted();
    court.at = Time::ZERO + TIMEOUT;
    let expired = Step::Decided { commit: false, by: Stage::Expire };
    court.says(0, 1, Stage::Expire).expect("its deadline has passed");
    court.says(0, 3, Stage::Expire).expect("its deadline has passed");
    court.proves(Stage::Expire, &[1, 3]).expect("two of four are a witness");
    court.goes(0, expired, Some(Stage::Abort)).goes(1, Step::Settled { commit: false }, None);
    court.closes([0; 3], 0, [0; 3], true).expect("everything is where it was");
}

#[test]
fn one_shard_cannot_commit_what_the_other_aborts() {
    let mut court = voted();
    court.goes(0, COMMIT, Some(Stage::Commit));
    convicts(court.step(1, 1, &PAYS, Step::Settled { commit: false }), "the home decided Some(true)");
    convicts(voted().step(1, 1, &PAYS, Step::Settled { commit: true }), "the home decided None");
}

#[test]
fn a_commit_needs_the_partners_yes() {
    let no = Step::Voted { yes: false };
    let mut court = Court::new();
    // Transaction 2 holds the account that 1 would have credited.
    let other = Transfer { home: 1, partner: 2, debit: 5, credit: 9, amount: 1 };
    court.step(1, 2, &other, Step::Locked).expect("a lock");
    court.goes(0, Step::Locked, Some(Stage::Prepare)).goes(1, no, Some(Stage::No));
    convicts(court.step(0, 1, &PAYS, Step::Decided { commit: true, by: Stage::No }), "commits by No");
    let mut court = voted();
    let expired = Step::Decided { commit: true, by: Stage::Expire };
    convicts(court.step(0, 1, &PAYS, expired), "of which there is no proof");
    convicts(voted().step(0, 1, &PAYS, Step::Decided { commit: false, by: Stage::Yes }), "votes yes in time");
}

#[test]
fn proofs_are_of_enough_replicas_who_said_so() {
    let mut court = Court::new();
    convicts(court.says(0, 1, Stage::Prepare), "which nobody locked");
    court.step(0, 1, &PAYS, Step::Locked).expect("a lock");
    court.says(0, 1, Stage::Prepare).expect("it is due");
    convicts(court.says(1, 1, Stage::Prepare), "to which it did not come");
    convicts(court.says(0, 1, Stage::Commit), "to which it did not come");
    convicts(court.proves(Stage::Prepare, &[1]), "1 replicas prove");
    convicts(court.proves(Stage::Prepare, &[1, 1]), "1 replicas prove");
    convicts(court.proves(Stage::Prepare, &[1, 2]), "names r2");
    convicts(court.step(1, 1, &PAYS, YES), "without proof of its lock");
}

#[test]
fn nobody_expires_before_the_deadline() {
    let mut court = voted();
    convicts(court.says(0, 1, Stage::Expire), "to which it did not come");
    court.at = Time::ZERO + TIMEOUT;
    court.says(0, 1, Stage::Expire).expect("its deadline has passed");
}

#[test]
fn votes_decisions_and_settlements_come_once() {
    let mut court = voted();
    convicts(court.step(1, 1, &PAYS, YES), "votes twice");
    court.goes(0, COMMIT, Some(Stage::Commit));
    convicts(court.step(0, 1, &PAYS, COMMIT), "decided twice");
    court.goes(1, Step::Settled { commit: true }, None);
    convicts(court.step(1, 1, &PAYS, Step::Settled { commit: true }), "settles twice");
}

#[test]
fn locks_are_held_by_one_and_refusals_have_reasons() {
    let mut court = Court::new();
    let refused = |reason| Step::Refused(reason);
    convicts(court.step(0, 2, &PAYS, refused(Rejection::AccountLocked)), "but is not so");
    convicts(court.step(0, 3, &PAYS, refused(Rejection::AccountEmpty)), "but is not so");
    court.step(0, 1, &PAYS, Step::Locked).expect("a lock");
    court.step(0, 4, &PAYS, refused(Rejection::AccountLocked)).expect("1 holds it");
    convicts(court.step(0, 5, &PAYS, Step::Locked), "which 1 holds");
    let much = Transfer { debit: 8, amount: OPENING_BALANCE + 1, ..PAYS };
    convicts(court.step(0, 6, &much, Step::Locked), "has less than");
}

#[test]
fn shards_do_their_own_part_of_the_same_transfer() {
    let mut court = Court::new();
    convicts(court.step(2, 1, &PAYS, Step::Locked), "shard 2 executes");
    convicts(court.step(1, 1, &PAYS, Step::Locked), "the other's to do");
    court.step(0, 1, &PAYS, Step::Locked).expect("a lock");
    convicts(court.step(1, 1, &Transfer { amount: 8, ..PAYS }, YES), "where it moved");
}

#[test]
fn sums_and_locks_are_compared_when_the_run_is_over() {
    convicts(voted().closes([0, 0, 0], 7, [1, 1, 0], false), "shard 0 ends with");
    convicts(voted().closes([-7, 0, 0], 7, [1, 0, 0], false), "shard 1 ends with");
    convicts(voted().closes([-7, 0, 0], 7, [1, 1, 0], true), "everything is settled");
    voted().closes([-7, 0, 0], 7, [1, 1, 0], false).expect("it still waits");
    let mut court = voted();
    court.goes(0, COMMIT, Some(Stage::Commit));
    court.closes([-7, 0, 0], 0, [0, 1, 0], false).expect("the amount is on its way");
}
