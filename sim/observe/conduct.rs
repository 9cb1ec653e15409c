//! Conduct: what each replica states keeps the promises of its protocol, message by message.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{Committee, Leaders, Locks, Phase, Promises, Slot, Statement};

use super::arithmetic::{Set, leader, quorum};
use super::roll::{Choice, Entered, REMEMBERED, Roll};
use super::{Judge, Tap};

/// What a replica gave up on: the highest view, and the view of the highest certificate that it said to know.
#[derive(Clone, Copy)]
struct GivenUp {
    view: View,
    high: View,
}

/// The timeouts of one replica.
#[derive(Clone, Default)]
struct Timeouts {
    /// Of views of every height.
    everywhere: Option<GivenUp>,
    /// Of views of one height.
    at: BTreeMap<Height, GivenUp>,
}

/// Nobody states two things in one slot, proposes out of turn, goes on in a view that it gave up, forgets what it is
/// locked on, or claims a quorum that there is not.
///
/// A statement may be repeated: only what is new is judged. Faulty replicas are not judged, but what they state counts
/// in the quorums of others. Memory: two [`Roll`]s, and for each replica the timeouts of [`REMEMBERED`] heights.
pub(super) struct Conduct {
    promises: Promises,
    n: u32,
    quorum: u32,
    faulty: Set,
    /// Proposals, votes and commits.
    stated: Roll,
    elections: Roll,
    /// Who proposed in a view of an elected leader.
    proposers: BTreeMap<View, ReplicaId>,
    timeouts: Vec<Timeouts>,
}

impl Conduct {
    pub(super) fn new(committee: &Committee, promises: &Promises, faulty: &Set) -> Conduct {
        let n = committee.len();
        let quorum = quorum(promises.tolerates, n);
        Conduct {
            promises: *promises,
            n,
            quorum,
            faulty: faulty.clone(),
            stated: Roll::new(promises.slot, n, quorum),
            elections: Roll::new(Slot::View, n, quorum),
            proposers: BTreeMap::new(),
            timeouts: vec![Timeouts::default(); n as usize],
        }
    }

    /// A proposal, vote or commit: one for each slot and phase, and each phase has rules of its own.
    fn on_choice(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, phase, view, height, block, .. } = *statement;
        // In a certified DAG a replica votes once for each author, and a statement does not say whose header it is of.
        if self.promises.weaves() && phase == Phase::Vote {
            return Ok(());
        }
        let Entered::New { other, .. } = self.stated.enter(statement) else { return Ok(()) };
        if self.faulty.contains(by) {
            return Ok(());
        }
        if let Some(other) = other {
            let (other, at) = (other.block, other.height);
            return Err(format!(
                "{by} states {phase:?} twice in {view}: for {other:?} at {at} and {block:?} at {height}"
            ));
        }
        match phase {
            Phase::Propose => self.leads(statement),
            Phase::Vote => self.goes_on(statement).and_then(|()| self.keeps_its_lock(statement)),
            _ => self.goes_on(statement).and_then(|()| self.saw_a_quorum(statement)),
        }
    }

    /// Only a slot's leader proposes.
    fn leads(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, height, .. } = *statement;
        match leader(self.promises.leaders, self.n, height, view) {
            Some(leader) if leader != by => Err(format!("{by} proposes in {view} at {height}, where {leader} leads")),
            None if self.promises.leaders == Leaders::Elected => self.is_elected(by, view),
            _ => Ok(()),
        }
    }

    /// One replica proposes in a view, and a majority follows it.
    fn is_elected(&mut self, by: ReplicaId, view: View) -> Result<(), String> {
        if self.elections.is_past(Height(0), view) {
            return Ok(());
        }
        let followers = self.elections.count(Phase::Elect, view, Choice::number(View(by.0.into())));
        let needed = self.n / 2 + 1;
        if followers < needed {
            return Err(format!("{by} proposes in {view}, elected by {followers} where a majority is {needed}"));
        }
        match *self.proposers.entry(view).or_insert(by) {
            first if first != by => Err(format!("{by} proposes in {view}, where {first} did")),
            _ => Ok(()),
        }
    }

    /// Where promised, nobody votes in a view, or one before, that it has given up.
    fn goes_on(&self, statement: &Statement) -> Result<(), String> {
        let Statement { by, phase, view, height, .. } = *statement;
        if !self.promises.silent_after_timeout {
            return Ok(());
        }
        let timeouts = &self.timeouts[by.index()];
        let mut given_up = [timeouts.everywhere.as_ref(), timeouts.at.get(&height)].into_iter().flatten();
        match given_up.find(|given_up| given_up.view >= view) {
            Some(GivenUp { view: last, .. }) => {
                Err(format!("{by} states {phase:?} in {view} at {height} after it gave up {last}"))
            }
            None => Ok(()),
        }
    }

    /// Whoever stated [`Phase::Commit`] for a block votes for another at that height only if a quorum voted for that one
    /// in as high a view, and before this one.
    fn keeps_its_lock(&self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, height, block, .. } = *statement;
        if self.promises.locks != Locks::ByVotes || block == Digest::ZERO {
            return Ok(());
        }
        let Some((since, lock)) = self.stated.last(Phase::Commit, by, height, view) else { return Ok(()) };
        let votes = self.stated.most(Phase::Vote, Choice::block(height, block), since, view);
        if lock != block && votes < self.quorum {
            let quorum = self.quorum;
            return Err(format!(
                "{by}, locked on {lock:?} since {since} at {height}, votes for {block:?} in {view}: since then it had at \
                 most {votes} of {quorum} votes in a view"
            ));
        }
        Ok(())
    }

    /// [`Phase::Commit`] says that a quorum accepted the block.
    fn saw_a_quorum(&self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, height, block, .. } = *statement;
        let votes = self.stated.count(Phase::Vote, view, Choice::block(height, block));
        if block != Digest::ZERO && votes < self.quorum {
            let quorum = self.quorum;
            return Err(format!(
                "{by} states Commit for {block:?} at {height} in {view}, where it has {votes} of {quorum} votes"
            ));
        }
        Ok(())
    }

    /// A replica gave up on a view. It never claims to know less than before.
    fn on_timeout(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, height, justify, .. } = *statement;
        if self.faulty.contains(by) {
            return Ok(());
        }
        let timeouts = &mut self.timeouts[by.index()];
        let known = match height {
            Height(0) => timeouts.everywhere,
            height => timeouts.at.get(&height).copied(),
        };
        if let Some(GivenUp { high, .. }) = known
            && high > justify
            && self.promises.locks == Locks::Stated
        {
            return Err(format!("{by} gives up {view} knowing {justify}, but it knew {high}"));
        }
        let given_up = GivenUp { view: known.map_or(view, |known| known.view.max(view)), high: justify };
        match height {
            Height(0) => timeouts.everywhere = Some(given_up),
            height => {
                timeouts.at.insert(height, given_up);
            }
        }
        if timeouts.at.len() as u64 > REMEMBERED {
            timeouts.at.pop_first();
        }
        Ok(())
    }

    /// A replica follows one candidate in a view.
    fn on_elect(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, justify, .. } = *statement;
        let entered = self.elections.enter(statement);
        while self.proposers.first_key_value().is_some_and(|(&first, _)| self.elections.is_past(Height(0), first)) {
            self.proposers.pop_first();
        }
        match entered {
            Entered::New { other: Some(_), .. } if !self.faulty.contains(by) => {
                Err(format!("{by} follows candidate {} in {view}, and another before", justify.0))
            }
            _ => Ok(()),
        }
    }
}

impl Judge for Conduct {
    fn name(&self) -> &'static str {
        "conduct"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        let Tap::Stated { statement } = tap else { return Ok(()) };
        match statement.phase {
            Phase::Propose | Phase::Vote | Phase::Commit => self.on_choice(statement),
            Phase::Timeout => self.on_timeout(statement),
            Phase::Elect => self.on_elect(statement),
            Phase::Checkpoint => Ok(()),
        }
    }
}
