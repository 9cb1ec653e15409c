//! Work that runs ahead of virtual time: slices of the transaction stream, and consensus statements really signed and
//! verified, on one pool of workers.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::vec;

use crate::base::{Digest, ReplicaId};
use crate::crypto::{Item, Keypair, Role, Signature, sign_all, verify_batch};
use crate::health::{Part, Slice, Totals, Workload};
use crate::kernel::pool::InOrder;
use crate::ledger::{Statement, Transaction};

/// Slices made ahead for each worker.
const AHEAD: usize = 4;
/// Statements signed and verified as one job.
const STATEMENTS: usize = 64;

/// A statement, the key that signs it, and whether the signature is to be spoilt.
struct Spoken {
    key: ReplicaId,
    statement: Statement,
    forged: bool,
}

enum Job {
    Slice(u64),
    Notarise(Vec<Spoken>),
}

enum Done {
    Slice(Slice),
    Notarised(usize),
}

/// The run's transactions in order of arrival, and the notary of its statements.
pub(super) struct Supply {
    pool: InOrder<Job, Done>,
    next_slice: u64,
    slices: u64,
    /// Slices submitted and not yet begun: on the pool, or in `ready`.
    ahead: usize,
    most_ahead: usize,
    ready: VecDeque<Slice>,
    current: vec::IntoIter<Transaction>,
    statements: Vec<Spoken>,
    real: bool,
    totals: Totals,
}

impl Supply {
    /// Starts `threads` workers on `source`, or works inline without any; with `real`, statements of `replicas` are signed and verified too.
    pub fn new(source: Workload, threads: usize, replicas: u32, seed: u64, real: bool) -> Supply {
        let count = if real { replicas } else { 0 };
        let keys: Vec<Keypair> = (0..count).map(|index| Keypair::derive(seed, Role::Replica, index)).collect();
        let (slices, source) = (source.slices(), Arc::new(source));
        let work = move |job| match job {
            Job::Slice(index) => Done::Slice(source.slice(index)),
            Job::Notarise(statements) => Done::Notarised(notarise(&keys, &statements)),
        };
        let most_ahead = (AHEAD * threads).max(1);
        // Room for as many statement jobs besides.
        let look_ahead = NonZeroUsize::new(2 * most_ahead).expect("at least two");
        let pool = match NonZeroUsize::new(threads) {
            Some(threads) => InOrder::new(threads, look_ahead, work),
            None => InOrder::inline(work),
        };
        Supply {
            pool,
            next_slice: 0,
            slices,
            ahead: 0,
            most_ahead,
            ready: VecDeque::new(),
            current: Vec::new().into_iter(),
            statements: Vec::new(),
            real,
            totals: Totals::default(),
        }
    }

    /// The next transaction by arrival. `begun` is told what those of a slice ask for when it begins.
    pub fn next(&mut self, begun: &mut dyn FnMut(u64, Vec<Part>)) -> Option<Transaction> {
        loop {
            if let Some(transaction) = self.current.next() {
                return Some(transaction);
            }
            self.refill();
            if self.ahead == 0 {
                return None;
            }
            while self.ready.is_empty() {
                self.take();
            }
            let slice = self.ready.pop_front().expect("a slice is ready");
            self.ahead -= 1;
            self.totals.add(slice.totals);
            if let Some(first) = slice.transactions.first() {
                begun(first.number.place().0, slice.parts);
            }
            self.current = slice.transactions.into_iter();
        }
    }

    /// Has `statement` signed with the `key` of its author among all shards and verified, some time before the run
    /// ends; with `forged` its signature is spoilt, and must be found to be.
    pub fn notarise(&mut self, key: ReplicaId, statement: Statement, forged: bool) {
        if self.real {
            self.statements.push(Spoken { key, statement, forged });
            if self.statements.len() >= STATEMENTS {
                self.flush();
            }
        }
    }

    /// Waits for everything and returns what was really computed.
    pub fn finish(mut self) -> Totals {
        self.flush();
        while self.pool.pending() > 0 {
            self.take();
        }
        self.totals
    }

    fn refill(&mut self) {
        // Where statements fill the pool, that there is no room for a slice is not the end of the load.
        while self.ahead == 0 && self.next_slice < self.slices && !self.pool.has_room() {
            self.take();
        }
        while self.ahead < self.most_ahead && self.next_slice < self.slices && self.pool.has_room() {
            self.pool.submit(Job::Slice(self.next_slice));
            self.next_slice += 1;
            self.ahead += 1;
        }
    }

    fn flush(&mut self) {
        if self.statements.is_empty() {
            return;
        }
        while !self.pool.has_room() {
            self.take();
        }
        self.pool.submit(Job::Notarise(std::mem::take(&mut self.statements)));
    }

    /// Waits for the oldest job.
    fn take(&mut self) {
        match self.pool.take() {
            Done::Slice(slice) => self.ready.push_back(slice),
            Done::Notarised(count) => {
                let count = count as u64;
                self.totals.add(Totals { signed: count, verified: count, hashed: count });
            }
        }
    }
}

/// Signs each statement with its author's key and verifies all of them as one batch; panics where the verdict is not
/// the expected one: arithmetic that fails is a defect of this program or its host.
fn notarise(keys: &[Keypair], statements: &[Spoken]) -> usize {
    let message = |statement: &Statement| Digest::of_encoded("systole statement v1", statement).0;
    let signed = |one: &Spoken| (&keys[one.key.index()], message(&one.statement));
    let messages: Vec<(&Keypair, [u8; 32])> = statements.iter().map(signed).collect();
    let mut signatures: Vec<Signature> = sign_all(&messages);
    for (signature, one) in signatures.iter_mut().zip(statements) {
        signature.0[0] ^= u8::from(one.forged);
    }
    let signed = messages.iter().zip(&signatures);
    let items: Vec<Item<'_>> =
        signed.map(|((key, message), signature)| Item { key: key.public(), message, signature }).collect();
    let mut verdicts = Vec::with_capacity(items.len());
    verify_batch(&items, &mut verdicts);
    let as_expected = verdicts.iter().zip(statements).all(|(valid, one)| *valid != one.forged);
    assert!(as_expected, "an honest statement's signature does not verify, or a spoilt one does");
    statements.len()
}
