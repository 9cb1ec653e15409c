//! Every judge against planted violations, each beside the honest course that it must be silent about.

mod agreement;
mod atomicity;
mod certificates;
mod commit_rule;
mod conduct;
mod dag;
mod dag_conduct;
mod dag_random;
mod dag_rule;
mod execution;
mod roll;

use crate::base::{Digest, Height, HospitalId, ReplicaId, Time, View};
use crate::ledger::{
    Batch, Block, Certificate, CommitRule, Committee, DagRule, FaultModel, Kind, Leaders, Locks, Payload, Phase,
    Promises, Rejection, Signers, Slot, Stage, Statement, TimeoutCertificate, Transaction, TxNumber,
};

use super::{Bench, Inventory, Tap};

const A: ReplicaId = ReplicaId(0);
const B: ReplicaId = ReplicaId(1);

/// Those of Jolteon: a view has one block, two certified ones in a row commit.
const JOLTEON: Promises = Promises {
    tolerates: FaultModel::Byzantine,
    leaders: Leaders::ByView { every: 1 },
    slot: Slot::View,
    commit: CommitRule::Consecutive { views: 2 },
    silent_after_timeout: true,
    locks: Locks::Stated,
    signed: true,
    delays: 5,
};
/// A view has many heights; a quorum of commits commits.
const PBFT: Promises =
    Promises { slot: Slot::HeightAndView, commit: CommitRule::Quorum, locks: Locks::Unstated, ..JOLTEON };
/// Each height has its own views, which are given up by height.
const QBFT: Promises = Promises { leaders: Leaders::ByHeightAndView, locks: Locks::Stated, ..PBFT };
/// Locks are known by votes, and a timeout is a vote against every block.
const TENDERMINT: Promises = Promises { locks: Locks::ByVotes, silent_after_timeout: false, ..QBFT };
/// Leaders are elected, a majority that stores a block of the leader's own view commits it.
const RAFT: Promises = Promises {
    tolerates: FaultModel::Crash,
    leaders: Leaders::Elected,
    slot: Slot::HeightAndView,
    commit: CommitRule::Stored,
    silent_after_timeout: false,
    locks: Locks::Unstated,
    signed: false,
    delays: 3,
};
/// Replica 1 decides.
const CENTRAL: Promises = Promises {
    tolerates: FaultModel::None,
    leaders: Leaders::Fixed(B),
    slot: Slot::View,
    commit: CommitRule::Sequencer,
    silent_after_timeout: false,
    locks: Locks::Unstated,
    signed: true,
    delays: 1,
};

/// Those of a DAG that decides by this rule, whose anchors take what is at most three rounds below them.
const fn weaving(rule: DagRule) -> Promises {
    let (leaders, commit) = (Leaders::Everyone, CommitRule::Dag { rule, depth: 3 });
    Promises { leaders, commit, silent_after_timeout: false, locks: Locks::Unstated, ..JOLTEON }
}
const TUSK: Promises = weaving(DagRule::Tusk);
const BULLSHARK: Promises = weaving(DagRule::Bullshark);
const MYSTICETI: Promises = weaving(DagRule::Mysticeti { leaders: 1 });

/// All judges of four replicas, so that a violation is found by one of them and the others stay silent.
struct Court(Bench);

impl Court {
    fn of(promises: &Promises) -> Court {
        Court::with_faulty(promises, &[])
    }

    fn with_faulty(promises: &Promises, faulty: &[ReplicaId]) -> Court {
        Court(Bench::full(&Committee::new(4), promises, faulty, 1))
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

    /// Shows a statement that `judge` must convict.
    fn convicts_statement(&mut self, judge: &str, about: &str, statement: Statement) {
        self.convicts(judge, about, Tap::Stated { statement: &statement });
    }

    /// Replicas 1 to 3 vote for blocks and state commits of them, each in its view.
    fn quorums(&mut self, blocks: &[&Block]) -> &mut Court {
        for block in blocks {
            self.states([1, 2, 3].map(|by| of_block(Phase::Vote, by, block)));
            self.states([1, 2, 3].map(|by| of_block(Phase::Commit, by, block)));
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
        stage: Stage::Local,
    }
}

fn state(phase: Phase, by: u32, height: u64, view: u64, block: Digest) -> Statement {
    let (by, view, height, justify) = (ReplicaId(by), View(view), Height(height), View(0));
    Statement { by, phase, view, height, justify, block }
}

/// A statement about a block in its own view.
fn of_block(phase: Phase, by: u32, block: &Block) -> Statement {
    state(phase, by, block.height.0, block.view.0, block.id())
}

/// A vote where heights and views are the same.
fn vote(by: u32, view: u64, block: Digest) -> Statement {
    state(Phase::Vote, by, view, view, block)
}

fn timeout_at(by: u32, height: u64, view: u64, high: u64) -> Statement {
    Statement { justify: View(high), ..state(Phase::Timeout, by, height, view, Digest::ZERO) }
}

fn timeout(by: u32, view: u64, high: u64) -> Statement {
    timeout_at(by, 0, view, high)
}

fn elect(by: u32, view: u64, candidate: u64) -> Statement {
    Statement { justify: View(candidate), ..state(Phase::Elect, by, 0, view, Digest::ZERO) }
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

#[test]
fn every_judge_that_has_something_to_judge_sits_in_every_run() {
    let names = |promises: &Promises| Court::of(promises).0.names().collect::<Vec<_>>();
    let all =
        ["agreement", "chain", "validity", "no_double_commit", "conduct", "commit_rule", "certificates", "accounting"];
    for promises in [JOLTEON, PBFT, QBFT, TENDERMINT] {
        assert_eq!(names(&promises), all);
    }
    for promises in [RAFT, CENTRAL] {
        let but_certificates: Vec<&str> = all.into_iter().filter(|name| *name != "certificates").collect();
        assert_eq!(names(&promises), but_certificates, "nobody signs, or one decides: nothing is certified");
    }
    for promises in [TUSK, BULLSHARK, MYSTICETI] {
        let mut of_dags = all.to_vec();
        of_dags.splice(5..6, ["dag_conduct", "dag_rule"]);
        assert_eq!(names(&promises), of_dags);
    }
}
