//! Transactions that concern two shards: two-phase commit between two ledgers, as a pure machine over each ledger's
//! committed sequence.
//!
//! Source: Al-Bassam, Sonnino, Bano, Hrycyszyn, Danezis, "Chainspace: A Sharded Smart Contracts Platform", NDSS'18
//! (arXiv 1708.03778), section 4.2: S-BAC. Each shard is a participant that cannot fail, because it is a replicated
//! state machine, and what a shard did is proved by signatures of f + 1 of its replicas. Client-independent: the two
//! shards' replicas do it all.
//!
//! The transaction debits an account of its *home* shard and credits one of a *partner* shard. Its [`Stage`]s are
//! transactions of their own, each ordered by the chain of the shard that executes it:
//!
//! | stage | executed in | what it does | then the shard says |
//! |---|---|---|---|
//! | `Lock` | home | locks the account and puts the amount into escrow, or refuses at once | `Prepare` |
//! | `Prepare` | partner | locks the account, or refuses | `Yes` or `No` |
//! | `Yes` | home | the amount leaves, the lock is released | `Commit` |
//! | `No`, `Expire` | home | the amount goes back, the lock is released | `Abort` |
//! | `Commit`, `Abort` | partner | the amount arrives, or not; the lock is released | nothing |
//!
//! Of `Yes`, `No` and `Expire` the first that is ordered decides. A deadline is thus a fact of the home chain, not a
//! reading of clocks: `Expire` needs f + 1 signatures of home replicas whose own clocks have passed it.
//!
//! Against the paper: two shards a transaction and one object in each; the home shard coordinates, where S-BAC has all
//! shards send to all; and an abort that overtakes its `Prepare` is remembered, so that the straggler locks nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::base::planted::planted;
use crate::base::{Digest, Encode, Height, Sink, Time};

use super::{Rejection, Stage, Transaction, TxNumber};

/// What every account holds at genesis, in cents.
pub const OPENING_BALANCE: u64 = 1_000_000;

/// What a cross-shard transaction moves, and between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The shard that pays, and coordinates.
    pub home: u16,
    /// The shard that is paid.
    pub partner: u16,
    /// The account that pays.
    pub debit: u32,
    /// The account that is paid.
    pub credit: u32,
    /// Cents.
    pub amount: u64,
}

/// What one stage came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Home: the amount is in escrow.
    Locked,
    /// Home: nothing was locked, and why.
    Refused(Rejection),
    /// Partner: it is prepared to take the amount, or not.
    Voted {
        /// Whether it locked its account.
        yes: bool,
    },
    /// Home: the transaction is decided.
    Decided {
        /// Whether the amount left.
        commit: bool,
        /// By which stage.
        by: Stage,
    },
    /// Partner: the decision is carried out.
    Settled {
        /// Whether the amount arrived.
        commit: bool,
    },
    /// Nothing: what it says is not proved.
    Unproven,
    /// Nothing: it was executed before, or is overtaken.
    Ignored,
}

impl Encode for Step {
    fn encode(&self, sink: &mut impl Sink) {
        let [kind, how] = match self {
            Step::Locked => [0, 0],
            Step::Refused(reason) => [1, *reason as u8],
            Step::Voted { yes } => [2, u8::from(*yes)],
            Step::Decided { commit, by } => [3, (*by as u8) << 1 | u8::from(*commit)],
            Step::Settled { commit } => [4, u8::from(*commit)],
            Step::Unproven => [5, 0],
            Step::Ignored => [6, 0],
        };
        kind.encode(sink);
        how.encode(sink);
    }
}

/// What a shard did last with a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The transaction, as it came to this shard.
    pub transaction: Transaction,
    /// What it moves.
    pub transfer: Transfer,
    /// The stage that the other shard is to execute now, as far as this one knows; [`Stage::Local`] where there is
    /// none.
    pub says: Stage,
    /// The height that this shard executed it at, and when the first replica did.
    pub height: Height,
    /// See `height`.
    pub at: Time,
}

/// The sums of a shard's accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All balances together beyond those at genesis, cents.
    pub gained: i64,
    /// In escrow, cents.
    pub escrow: u64,
    /// Accounts that are locked.
    pub locks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    balance: u64,
    locked: bool,
}

/// One shard's part of all cross-shard transactions. Memory: 150 bytes for each that it ever took part in, as the chain
/// that it stands for forgets nothing either, and 40 for each account touched, of which a run has a set number.
#[derive(Debug, Default)]
pub struct CrossLedger {
    accounts: BTreeMap<u32, Account>,
    /// Those that hold a lock: at home in escrow, at the partner prepared.
    open: BTreeMap<TxNumber, Record>,
    /// Those that hold none any more, or never did.
    past: BTreeMap<TxNumber, Record>,
    totals: Totals,
}

impl CrossLedger {
    /// Executes one stage of a transaction, ordered at `height`, at virtual time `at`.
    pub fn apply(&mut self, tx: &Transaction, transfer: &Transfer, height: Height, at: Time) -> Step {
        if !tx.authentic && !planted!("proof not verified") {
            return Step::Unproven;
        }
        let record = Record { transaction: *tx, transfer: *transfer, says: Stage::Local, height, at };
        match tx.stage {
            Stage::Local => Step::Ignored,
            Stage::Lock => self.on_lock(record),
            Stage::Prepare => self.on_prepare(record),
            Stage::Yes | Stage::No | Stage::Expire => self.on_vote(record),
            Stage::Commit | Stage::Abort => self.on_decision(record),
        }
    }

    /// Home: S-BAC's first phase begins; an account that is locked is not waited for, so no two transactions ever wait
    /// for each other.
    fn on_lock(&mut self, record: Record) -> Step {
        let Transfer { debit, amount, .. } = record.transfer;
        let account = self.account(debit);
        if account.locked && !planted!("locked account locked again") {
            return Step::Refused(Rejection::AccountLocked);
        }
        if account.balance < amount {
            return Step::Refused(Rejection::AccountEmpty);
        }
        account.balance -= amount;
        self.lock(debit);
        self.totals.gained -= amount as i64;
        self.totals.escrow += amount;
        self.open.insert(record.transaction.number, Record { says: Stage::Prepare, ..record });
        Step::Locked
    }

    /// Partner: votes, once for each transaction.
    fn on_prepare(&mut self, record: Record) -> Step {
        let number = record.transaction.number;
        let known = self.record(number).is_some() && !planted!("vote forgotten");
        if known || self.open.contains_key(&number) {
            return Step::Ignored;
        }
        let yes = !self.account(record.transfer.credit).locked;
        if yes {
            self.lock(record.transfer.credit);
            self.open.insert(number, Record { says: Stage::Yes, ..record });
        } else {
            self.past.insert(number, Record { says: Stage::No, ..record });
        }
        Step::Voted { yes }
    }

    /// Home: the first vote or expiry that is ordered decides.
    fn on_vote(&mut self, record: Record) -> Step {
        let (number, by) = (record.transaction.number, record.transaction.stage);
        let Some(held) = self.open.remove(&number) else { return Step::Ignored };
        let Transfer { debit, amount, .. } = held.transfer;
        let commit = match by {
            Stage::Yes => true,
            Stage::No => planted!("commit without all prepares"),
            _ => planted!("timeout commits"),
        };
        self.totals.escrow -= amount;
        if !commit && !planted!("escrow kept on abort") {
            self.account(debit).balance += amount;
            self.totals.gained += amount as i64;
        }
        if commit || !planted!("lock leaked on abort") {
            self.unlock(debit);
        }
        let says = if commit { Stage::Commit } else { Stage::Abort };
        let Record { height, at, .. } = record;
        self.past.insert(number, Record { says, height, at, ..held });
        Step::Decided { commit, by }
    }

    /// Partner: carries the decision out. One that comes before its `Prepare` can only be an abort.
    fn on_decision(&mut self, record: Record) -> Step {
        let (number, commit) = (record.transaction.number, record.transaction.stage == Stage::Commit);
        let Some(held) = self.open.remove(&number) else {
            self.past.entry(number).or_insert(record);
            return Step::Ignored;
        };
        let Transfer { credit, amount, .. } = held.transfer;
        if commit {
            self.account(credit).balance += amount;
            self.totals.gained += amount as i64;
        }
        if commit || !planted!("partner's lock leaked on abort") {
            self.unlock(credit);
        }
        if commit && planted!("decision executed again") {
            self.open.insert(number, held);
            return Step::Settled { commit };
        }
        let Record { height, at, .. } = record;
        self.past.insert(number, Record { says: Stage::Local, height, at, ..held });
        Step::Settled { commit }
    }

    fn account(&mut self, account: u32) -> &mut Account {
        self.accounts.entry(account).or_insert(Account { balance: OPENING_BALANCE, locked: false })
    }

    fn lock(&mut self, account: u32) {
        let account = self.account(account);
        let fresh = !account.locked;
        account.locked = true;
        self.totals.locks += u64::from(fresh);
    }

    fn unlock(&mut self, account: u32) {
        let account = self.account(account);
        let held = account.locked;
        account.locked = false;
        self.totals.locks -= u64::from(held);
    }

    /// What this shard did last with a transaction.
    pub fn record(&self, number: TxNumber) -> Option<&Record> {
        self.open.get(&number).or_else(|| self.past.get(&number))
    }

    /// Transactions that hold a lock here, in order.
    pub fn open(&self) -> impl Iterator<Item = &Record> {
        self.open.values()
    }

    /// Whether no transaction holds a lock here.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty()
    }

    /// How many transactions are in escrow here.
    pub fn undecided(&self) -> u64 {
        self.open.values().filter(|record| record.says == Stage::Prepare).count() as u64
    }

    /// The sums over its accounts.
    pub fn totals(&self) -> Totals {
        self.totals
    }
}

impl Stage {
    /// Whether a shard that last did `record` with the transaction still has to execute this stage; without a record it
    /// may.
    pub fn is_due(self, record: Option<&Record>) -> bool {
        let Some(record) = record else { return true };
        match self {
            Stage::Local | Stage::Lock | Stage::Prepare => false,
            Stage::Yes | Stage::No | Stage::Expire => record.says == Stage::Prepare,
            Stage::Commit | Stage::Abort => record.says == Stage::Yes,
        }
    }
}

impl Transaction {
    /// A later stage of this transaction, `wire` bytes long with its proof. Its id follows from number and stage alone,
    /// so that whoever orders it orders the same.
    pub fn at_stage(&self, stage: Stage, wire: u32, proved: bool) -> Transaction {
        let mut id = blake3::Hasher::new();
        id.put(b"systole stage v1");
        self.number.0.encode(&mut id);
        (stage as u8).encode(&mut id);
        let id = Digest(*id.finalize().as_bytes());
        Transaction { id, wire, payload: 0, authentic: proved, replay: false, stage, ..*self }
    }
}
