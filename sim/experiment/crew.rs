//! Threads that take one job after the other: points of a sweep, searches of limits.

mod gate;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::engine::{Control, Progress, RunError};

use gate::Gate;

use super::{Crew, Got, Halt, Happened, StoreError, SweepError, Tally};

/// How often who waits for points looks up.
const TICK: Duration = Duration::from_millis(250);

/// What a crew does, one by one and in any order.
pub(super) trait Jobs: Sync {
    /// What comes of each.
    type Kept: Send;

    /// The name of the `nth`.
    fn id(&self, nth: usize) -> &str;

    /// Memory that the `nth` takes, bytes.
    fn memory_bytes(&self, nth: usize) -> u64;

    /// Finds the `nth`, or computes and keeps it. Stops when the control says so; `corrupt` is told of what is there and
    /// not valid.
    fn obtain(
        &self,
        nth: usize,
        control: &mut dyn Control,
        corrupt: &mut dyn FnMut(StoreError),
    ) -> Result<(Got, Self::Kept), Halt>;
}

/// Has every one of `wanted` there, several at a time. Stops at the first that has no outcome. Whoever calls is told what
/// happens, on its own thread. `reused` others were found before; `keep` gets what comes of each, with its place in
/// `wanted`.
pub(super) fn work_off<J: Jobs>(
    jobs: &J,
    wanted: &[usize],
    crew: &Crew<'_>,
    reused: usize,
    mut told: impl FnMut(Happened),
    mut keep: impl FnMut(usize, J::Kept),
) -> Result<Tally, SweepError> {
    let (next, halted, gate) = (AtomicUsize::new(0), AtomicBool::new(false), Gate::new(crew.memory));
    let shift = Shift { jobs, wanted, crew, next: &next, halted: &halted, gate: &gate };
    let (mut tally, mut done) = (Tally { computed: 0, reused }, 0);
    let ends: Vec<_> = thread::scope(|scope| {
        let (sender, receiver) = channel();
        let work = |sender: Sender<News<J::Kept>>| scope.spawn(|| shift.work(sender));
        let workers: Vec<_> = (0..crew.jobs.min(wanted.len())).map(|_| work(sender.clone())).collect();
        drop(sender);
        loop {
            match receiver.recv_timeout(TICK) {
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => told(Happened::Waited),
                Ok(News::Happened(happened)) => told(happened),
                Ok(News::Done(place, got, kept)) => {
                    tally.computed += usize::from(got == Got::Computed);
                    tally.reused += usize::from(got == Got::Reused);
                    done += 1;
                    keep(place, *kept);
                    told(Happened::Done(wanted[place], got));
                }
            }
        }
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    let mut stopped: Vec<(usize, Halt)> = Vec::new();
    for end in ends {
        stopped.extend(end.unwrap_or_else(|panic| resume_unwind(panic)).err());
    }
    // A violation says more than that others were stopped for it.
    let interrupted = |halt: &Halt| matches!(halt, Halt::Run(RunError::Interrupted(_)));
    match stopped.into_iter().min_by_key(|(nth, halt)| (interrupted(halt), *nth)) {
        None if done == wanted.len() => Ok(tally),
        None | Some((_, Halt::Run(RunError::Interrupted(_)))) => {
            Err(SweepError::Interrupted { done: tally, wanted: reused + wanted.len() })
        }
        Some((nth, Halt::Store(source))) => Err(SweepError::Unkept { id: jobs.id(nth).into(), source }),
        Some((point, Halt::Run(source))) => Err(SweepError::Run { point, source }),
    }
}

/// What workers say.
enum News<T> {
    Happened(Happened),
    Done(usize, Got, Box<T>),
}

/// Jobs that a few threads share.
struct Shift<'a, J> {
    jobs: &'a J,
    wanted: &'a [usize],
    crew: &'a Crew<'a>,
    next: &'a AtomicUsize,
    halted: &'a AtomicBool,
    gate: &'a Gate,
}

impl<J: Jobs> Shift<'_, J> {
    /// Takes one job after the other; an error or panic halts everyone.
    fn work(&self, told: Sender<News<J::Kept>>) -> Result<(), (usize, Halt)> {
        let done = catch_unwind(AssertUnwindSafe(|| self.one_by_one(&told)));
        if !matches!(done, Ok(Ok(()))) {
            self.halted.store(true, Ordering::Relaxed);
        }
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn one_by_one(&self, told: &Sender<News<J::Kept>>) -> Result<(), (usize, Halt)> {
        // Who is told goes away only after all workers.
        let tell = |news| drop(told.send(news));
        while !self.stops() {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&nth) = self.wanted.get(place) else { break };
            let Some(_share) = self.gate.enter(self.jobs.memory_bytes(nth), || self.stops()) else { break };
            tell(News::Happened(Happened::Begun(nth)));
            let mut corrupt = |error| tell(News::Happened(Happened::Corrupt(nth, error)));
            let stopping = &mut Stopping { crew: self.crew, halted: self.halted };
            let (got, kept) = self.jobs.obtain(nth, stopping, &mut corrupt).map_err(|halt| (nth, halt))?;
            tell(News::Done(place, got, Box::new(kept)));
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        Stopping { crew: self.crew, halted: self.halted }.stops()
    }
}

/// Stops a run when everyone stops.
struct Stopping<'a> {
    crew: &'a Crew<'a>,
    halted: &'a AtomicBool,
}

impl Stopping<'_> {
    fn stops(&self) -> bool {
        [self.crew.stop, self.halted].iter().any(|flag| flag.load(Ordering::Relaxed))
    }
}

impl Control for Stopping<'_> {
    fn proceed(&mut self, _: &Progress) -> bool {
        !self.stops()
    }
}
