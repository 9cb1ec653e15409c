//! A gateway's mempool: what hospitals sent and no batch holds yet. Bounded; what does not fit is refused by reason.

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasherDefault;

use crate::base::{Bytes, Digest, FirstWord};

use super::{Rejection, Transaction};

/// Bounds of a mempool and of the batches cut from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolLimits {
    /// Transactions a gateway holds before it refuses more: unsealed ones and sealed ones not yet committed.
    pub transactions: usize,
    /// Transaction ids remembered to refuse replays.
    pub remembered: usize,
    /// Contents at which a batch is cut.
    pub batch_bytes: Bytes,
}

/// What became of a transaction that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Held; the first of a new batch.
    First,
    /// Held.
    Held,
    /// Held, and the batch is full.
    Full,
    /// Not held.
    Refused(Rejection),
}

/// Unsealed transactions of one gateway. Memory: 64 bytes a transaction, 64 a remembered id.
#[derive(Debug)]
pub struct Mempool {
    limits: MempoolLimits,
    weight: u32,
    open: Vec<Transaction>,
    open_bytes: u64,
    sealed: usize,
    seen: HashSet<Digest, BuildHasherDefault<FirstWord>>,
    order: VecDeque<Digest>,
}

impl Mempool {
    /// An empty mempool for transactions that stand for `weight` alike ones each.
    pub fn new(limits: MempoolLimits, weight: u32) -> Mempool {
        let (seen, order) = (HashSet::default(), VecDeque::new());
        Mempool { limits, weight, open: Vec::new(), open_bytes: 0, sealed: 0, seen, order }
    }

    /// Takes a transaction in, or says why not. Replays are told by id before a signature is looked at: the
    /// cheapest check first.
    pub fn admit(&mut self, tx: Transaction) -> Admission {
        if self.seen.contains(&tx.id) {
            return Admission::Refused(Rejection::Replayed);
        }
        if (self.open.len() + self.sealed + 1) * self.weight as usize > self.limits.transactions {
            return Admission::Refused(Rejection::MempoolFull);
        }
        self.remember(tx.id);
        self.open_bytes += u64::from(tx.wire) * u64::from(self.weight);
        self.open.push(tx);
        match self.open.len() {
            _ if self.open_bytes >= self.limits.batch_bytes.0 => Admission::Full,
            1 => Admission::First,
            _ => Admission::Held,
        }
    }

    /// Takes out everything unsealed, to become a batch. It counts against the bound until [`Mempool::settled`].
    pub fn take(&mut self) -> Vec<Transaction> {
        self.open_bytes = 0;
        self.sealed += self.open.len();
        std::mem::take(&mut self.open)
    }

    /// `count` transactions taken out before are committed or refused.
    pub fn settled(&mut self, count: usize) {
        self.sealed = self.sealed.checked_sub(count).expect("only sealed transactions settle");
    }

    /// What was held is lost: it may come again.
    pub fn forget(&mut self, id: &Digest) {
        if self.seen.remove(id) {
            self.order.retain(|remembered| remembered != id);
        }
    }

    /// Unsealed transactions.
    pub fn open(&self) -> &[Transaction] {
        &self.open
    }

    /// Transactions held against the bound, weight counted.
    pub fn held(&self) -> usize {
        (self.open.len() + self.sealed) * self.weight as usize
    }

    fn remember(&mut self, id: Digest) {
        if self.order.len() == self.limits.remembered
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        self.seen.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{HospitalId, Time};
    use crate::ledger::{Kind, Stage, TxNumber};

    fn tx(number: u64) -> Transaction {
        Transaction {
            id: Digest::of(&number.to_le_bytes()),
            number: TxNumber(number),
            submitted: Time(0),
            hospital: HospitalId(0),
            wire: 100,
            payload: 0,
            kind: Kind(0),
            authentic: true,
            replay: false,
            stage: Stage::Local,
        }
    }

    fn mempool(transactions: usize) -> Mempool {
        Mempool::new(MempoolLimits { transactions, remembered: 4, batch_bytes: Bytes(250) }, 1)
    }

    #[test]
    fn a_batch_is_full_at_its_bytes() {
        let mut pool = mempool(100);
        assert_eq!([1, 2, 3].map(|n| pool.admit(tx(n))), [Admission::First, Admission::Held, Admission::Full]);
        assert_eq!(pool.take().len(), 3);
        assert_eq!(pool.admit(tx(4)), Admission::First);
    }

    #[test]
    fn sealed_transactions_count_against_the_bound_until_settled() {
        let mut pool = mempool(2);
        pool.admit(tx(1));
        pool.take();
        pool.admit(tx(2));
        assert_eq!(pool.admit(tx(3)), Admission::Refused(Rejection::MempoolFull));
        pool.settled(1);
        assert_eq!(pool.admit(tx(3)), Admission::Held);
    }

    #[test]
    fn a_replay_is_refused_while_remembered() {
        let mut pool = mempool(100);
        pool.admit(tx(1));
        assert_eq!(pool.admit(tx(1)), Admission::Refused(Rejection::Replayed));
        for number in 2..=5 {
            assert!(!matches!(pool.admit(tx(number)), Admission::Refused(_)));
        }
        assert_eq!(pool.admit(tx(1)), Admission::Full, "the id was forgotten: memory is bounded");
    }

    /// What happens to a mempool.
    #[derive(Clone, Copy, Debug)]
    enum Course {
        Admit(u64),
        Take,
        Settle(usize),
    }

    fn course() -> impl Strategy<Value = Course> {
        prop_oneof![
            6 => (0u64..200).prop_map(Course::Admit),
            1 => Just(Course::Take),
            2 => (0usize..20).prop_map(Course::Settle),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes, is taken and settles: never more is held than the bound says, a refusal for want of room
        /// means that there was none, what is admitted comes out once and in order, and ids take bounded memory.
        #[test]
        fn a_mempool_keeps_its_bound(
            weight in 1u32..4,
            transactions in 1usize..40,
            courses in prop::collection::vec(course(), 0..400),
        ) {
            let limits = MempoolLimits { transactions, remembered: 16, batch_bytes: Bytes(1000) };
            let mut pool = Mempool::new(limits, weight);
            let (mut admitted, mut taken, mut sealed) = (Vec::new(), Vec::new(), 0);
            for course in courses {
                match course {
                    Course::Admit(number) => match pool.admit(tx(number)) {
                        Admission::Refused(Rejection::MempoolFull) => {
                            prop_assert!(pool.held() + weight as usize > transactions, "{} are held", pool.held());
                        }
                        Admission::Refused(reason) => prop_assert_eq!(reason, Rejection::Replayed),
                        Admission::First | Admission::Held | Admission::Full => admitted.push(number),
                    },
                    Course::Take => {
                        let batch = pool.take();
                        sealed += batch.len();
                        taken.extend(batch.into_iter().map(|tx| tx.number.0));
                    }
                    Course::Settle(count) => {
                        let count = count.min(sealed);
                        pool.settled(count);
                        sealed -= count;
                    }
                }
                prop_assert!(pool.held() <= transactions);
                prop_assert_eq!(pool.held(), (pool.open().len() + sealed) * weight as usize);
                prop_assert!(pool.seen.len() == pool.order.len() && pool.seen.len() <= 16);
            }
            taken.extend(pool.take().into_iter().map(|tx| tx.number.0));
            prop_assert_eq!(taken, admitted);
        }
    }
}
