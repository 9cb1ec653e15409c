//! Atomicity: a transaction across two shards commits in both or in neither, and no amount is made or lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{ReplicaId, Span, Time};
use crate::ledger::{Committee, OPENING_BALANCE, Rejection, Stage, Step, Totals, Transfer};

use super::arithmetic::Set;
use super::{Judge, Tap};

/// What is known of one transaction.
struct Case {
    transfer: Transfer,
    /// When its amount went into escrow.
    locked: Option<Time>,
    vote: Option<bool>,
    decision: Option<bool>,
    settled: Option<bool>,
    /// Who of its speaker's replicas said that a stage is due.
    said: BTreeMap<Stage, Set>,
    /// Stages that enough of them were shown to have said.
    proved: BTreeSet<Stage>,
}

/// Keeps accounts, locks and votes of its own, from what each stage is seen to do, and compares the sums when the run
/// has ended. Memory: about 400 bytes for each cross-shard transaction.
pub(super) struct Atomicity {
    /// How many of each shard's replicas must say a thing: one more than may lie.
    witnesses: Vec<u32>,
    /// How long home replicas wait for a vote at least.
    timeout: Span,
    cases: BTreeMap<u64, Case>,
    /// Whose lock is on an account of a shard.
    locks: BTreeMap<(u16, u32), u64>,
    balances: BTreeMap<(u16, u32), u64>,
    totals: Vec<Totals>,
}

impl Atomicity {
    pub(super) fn new(shards: &[Committee], timeout: Span) -> Atomicity {
        Atomicity {
            witnesses: shards.iter().map(|shard| (shard.len() - 1) / 3 + 1).collect(),
            timeout,
            cases: BTreeMap::new(),
            locks: BTreeMap::new(),
            balances: BTreeMap::new(),
            totals: vec![Totals::default(); shards.len()],
        }
    }

    /// The shard whose replicas say that a stage is due.
    fn speaker(stage: Stage, transfer: &Transfer) -> Option<u16> {
        match stage {
            Stage::Local | Stage::Lock => None,
            Stage::Prepare | Stage::Commit | Stage::Abort | Stage::Expire => Some(transfer.home),
            Stage::Yes | Stage::No => Some(transfer.partner),
        }
    }

    fn case(&mut self, number: u64, transfer: &Transfer) -> Result<&mut Case, String> {
        let fresh = || Case {
            transfer: *transfer,
            locked: None,
            vote: None,
            decision: None,
            settled: None,
            said: BTreeMap::new(),
            proved: BTreeSet::new(),
        };
        let case = self.cases.entry(number).or_insert_with(fresh);
        match case.transfer == *transfer {
            true => Ok(case),
            false => Err(format!("transaction {number} moves {transfer:?} where it moved {:?}", case.transfer)),
        }
    }

    /// A replica says that a stage is due: its shard must have done what makes it so.
    fn on_said(&mut self, shard: u16, by: ReplicaId, number: u64, stage: Stage, at: Time) -> Result<(), String> {
        let timeout = self.timeout;
        let Some(case) = self.cases.get_mut(&number) else {
            return Err(format!("{by} says {stage:?} of transaction {number}, which nobody locked"));
        };
        let speaks = Self::speaker(stage, &case.transfer) == Some(shard);
        let right = match stage {
            Stage::Prepare => case.locked.is_some(),
            Stage::Yes => case.vote == Some(true),
            Stage::No => case.vote == Some(false),
            Stage::Commit => case.decision == Some(true),
            Stage::Abort => case.decision == Some(false),
            Stage::Expire => case.locked.is_some_and(|locked| at >= locked + timeout),
            Stage::Local | Stage::Lock => false,
        };
        if !right || !speaks {
            return Err(format!(
                "{by} of shard {shard} says {stage:?} of transaction {number}, to which it did not come"
            ));
        }
        case.said.entry(stage).or_default().insert(by);
        Ok(())
    }

    /// A gateway takes a stage for proved: that many distinct replicas of the speaking shard must have said so.
    fn on_proved(&mut self, number: u64, stage: Stage, signers: &[ReplicaId]) -> Result<(), String> {
        let Some(case) = self.cases.get_mut(&number) else {
            return Err(format!("{stage:?} of transaction {number} is proved, which nobody locked"));
        };
        let speaker = Self::speaker(stage, &case.transfer);
        let needed = speaker.map_or(u32::MAX, |speaker| self.witnesses[usize::from(speaker)]);
        let signers = Set::of(signers);
        if signers.count() < needed {
            return Err(format!("{} replicas prove {stage:?} of transaction {number}, not {needed}", signers.count()));
        }
        let said = case.said.get(&stage);
        if let Some(liar) = signers.members().into_iter().find(|&by| !said.is_some_and(|said| said.contains(by))) {
            return Err(format!("the proof of {stage:?} of transaction {number} names {liar}, who did not say so"));
        }
        case.proved.insert(stage);
        Ok(())
    }

    /// A shard executes a stage.
    fn on_step(&mut self, shard: u16, number: u64, transfer: &Transfer, step: Step, at: Time) -> Result<(), String> {
        let is_home = shard == transfer.home;
        if !is_home && shard != transfer.partner || transfer.home == transfer.partner {
            return Err(format!("shard {shard} executes transaction {number} of {transfer:?}"));
        }
        self.case(number, transfer)?;
        match step {
            Step::Locked if is_home => self.on_locked(number, transfer, at),
            Step::Refused(reason) if is_home => self.on_refused(number, transfer, reason),
            Step::Voted { yes } if !is_home => self.on_voted(number, transfer, yes),
            Step::Decided { commit, by } if is_home => self.on_decided(number, transfer, commit, by),
            Step::Settled { commit } if !is_home => self.on_settled(number, transfer, commit),
            Step::Unproven | Step::Ignored => Ok(()),
            _ => Err(format!("shard {shard} comes to {step:?} with transaction {number}, which is the other's to do")),
        }
    }

    fn take_lock(&mut self, shard: u16, account: u32, number: u64) -> Result<(), String> {
        match self.locks.insert((shard, account), number) {
            None => Ok(()),
            Some(holder) => {
                Err(format!("transaction {number} locks account {account} of shard {shard}, which {holder} holds"))
            }
        }
    }

    fn release(&mut self, shard: u16, account: u32, number: u64) -> Result<(), String> {
        match self.locks.remove(&(shard, account)) {
            Some(holder) if holder == number => Ok(()),
            holder => Err(format!("transaction {number} releases a lock of {holder:?}")),
        }
    }

    fn balance(&mut self, shard: u16, account: u32) -> &mut u64 {
        self.balances.entry((shard, account)).or_insert(OPENING_BALANCE)
    }

    fn on_locked(&mut self, number: u64, transfer: &Transfer, at: Time) -> Result<(), String> {
        let Transfer { home, debit, amount, .. } = *transfer;
        if self.case(number, transfer)?.locked.replace(at).is_some() {
            return Err(format!("transaction {number} is locked twice"));
        }
        self.take_lock(home, debit, number)?;
        let balance = self.balance(home, debit);
        *balance = balance
            .checked_sub(amount)
            .ok_or_else(|| format!("account {debit} of shard {home} has less than the {amount} of {number}"))?;
        let totals = &mut self.totals[usize::from(home)];
        totals.gained -= amount as i64;
        totals.escrow += amount;
        Ok(())
    }

    /// A refusal must have its reason.
    fn on_refused(&mut self, number: u64, transfer: &Transfer, reason: Rejection) -> Result<(), String> {
        let Transfer { home, debit, amount, .. } = *transfer;
        let right = match reason {
            Rejection::AccountLocked => self.locks.contains_key(&(home, debit)),
            Rejection::AccountEmpty => *self.balance(home, debit) < amount,
            _ => false,
        };
        match right {
            true => Ok(()),
            false => Err(format!("transaction {number} is refused for {}, but is not so", reason.name())),
        }
    }

    fn on_voted(&mut self, number: u64, transfer: &Transfer, yes: bool) -> Result<(), String> {
        let Transfer { partner, credit, .. } = *transfer;
        let case = self.case(number, transfer)?;
        if !case.proved.contains(&Stage::Prepare) {
            return Err(format!("shard {partner} votes on transaction {number} without proof of its lock"));
        }
        if case.vote.replace(yes).is_some() {
            return Err(format!("shard {partner} votes twice on transaction {number}"));
        }
        if yes {
            return self.take_lock(partner, credit, number);
        }
        match self.locks.contains_key(&(partner, credit)) {
            true => Ok(()),
            false => Err(format!("shard {partner} votes no on transaction {number}, whose account nobody holds")),
        }
    }

    fn on_decided(&mut self, number: u64, transfer: &Transfer, commit: bool, by: Stage) -> Result<(), String> {
        let Transfer { home, debit, amount, .. } = *transfer;
        let case = self.case(number, transfer)?;
        if !case.proved.contains(&by) {
            return Err(format!("transaction {number} is decided by {by:?}, of which there is no proof"));
        }
        if case.locked.is_none() || case.decision.replace(commit).is_some() {
            return Err(format!("transaction {number} is decided twice, or without a lock"));
        }
        if commit && (by != Stage::Yes || case.vote != Some(true)) {
            return Err(format!("transaction {number} commits by {by:?}, and the vote is {:?}", case.vote));
        }
        if !commit && by == Stage::Yes {
            return Err(format!("transaction {number} aborts though its partner votes yes in time"));
        }
        self.release(home, debit, number)?;
        let totals = &mut self.totals[usize::from(home)];
        totals.escrow -= amount;
        if !commit {
            totals.gained += amount as i64;
            *self.balance(home, debit) += amount;
        }
        Ok(())
    }

    fn on_settled(&mut self, number: u64, transfer: &Transfer, commit: bool) -> Result<(), String> {
        let Transfer { partner, credit, amount, .. } = *transfer;
        let case = self.case(number, transfer)?;
        if case.decision != Some(commit) {
            let what = format!("settles as {commit}, the home decided {:?}", case.decision);
            return Err(format!("transaction {number} {what}"));
        }
        if case.vote != Some(true) || case.settled.replace(commit).is_some() {
            return Err(format!("transaction {number} settles twice, or where nothing was prepared"));
        }
        self.release(partner, credit, number)?;
        if commit {
            *self.balance(partner, credit) += amount;
            self.totals[usize::from(partner)].gained += amount as i64;
        }
        Ok(())
    }

    /// The run is over for a shard: its sums must be what its stages came to.
    fn on_balanced(&self, shard: u16, totals: &Totals) -> Result<(), String> {
        let own = self.totals[usize::from(shard)];
        let locks = self.locks.range((shard, 0)..=(shard, u32::MAX)).count() as u64;
        let own = Totals { locks, ..own };
        if own != *totals {
            return Err(format!("shard {shard} ends with {totals:?}, its transactions come to {own:?}"));
        }
        Ok(())
    }

    /// All shards are accounted for: what is neither on an account nor in escrow is on its way, and where nothing waits
    /// there are no locks.
    fn on_closed(&self, settled: bool) -> Result<(), String> {
        let on_its_way = |case: &&Case| case.decision == Some(true) && case.settled.is_none();
        let moving: u64 = self.cases.values().filter(on_its_way).map(|case| case.transfer.amount).sum();
        let held: i64 = self.totals.iter().map(|totals| totals.gained + totals.escrow as i64).sum();
        if held + moving as i64 != 0 {
            return Err(format!("balances and escrow changed by {held} in all, and {moving} are on their way"));
        }
        match self.locks.first_key_value().filter(|_| settled) {
            Some(((shard, account), holder)) => {
                Err(format!("everything is settled, and {holder} holds account {account} of shard {shard}"))
            }
            None => Ok(()),
        }
    }
}

impl Judge for Atomicity {
    fn name(&self) -> &'static str {
        "atomicity"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match *tap {
            Tap::Crossed { shard, number, transfer, step, at } => self.on_step(shard, number.0, transfer, step, at),
            Tap::Said { shard, by, number, stage, at } => self.on_said(shard, by, number.0, stage, at),
            Tap::Proved { number, stage, signers } => self.on_proved(number.0, stage, signers),
            Tap::Balanced { shard, totals } => self.on_balanced(shard, totals),
            Tap::Closed { settled } => self.on_closed(settled),
            _ => Ok(()),
        }
    }
}
