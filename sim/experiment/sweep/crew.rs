//! Threads that take one missing point after the other.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::engine::{Control, Progress, RunError};

use super::gate::Gate;
use super::{Crew, Got, Halt, Happened, Plan, Summary, SweepError, SweepFolder, Tally};

/// How often who waits for points looks up.
const TICK: Duration = Duration::from_millis(250);

impl SweepFolder {
    /// Has every point of `wanted` there. `reused` others were found before; `keep` gets the summaries, with their
    /// places in `wanted`.
    pub(super) fn work(
        &self,
        plan: &Plan,
        wanted: &[usize],
        crew: &Crew<'_>,
        reused: usize,
        mut told: impl FnMut(Happened),
        mut keep: impl FnMut(usize, Summary),
    ) -> Result<Tally, SweepError> {
        let (next, halted, gate) = (AtomicUsize::new(0), AtomicBool::new(false), Gate::new(crew.memory));
        let shift = Shift { folder: self, plan, wanted, crew, next: &next, halted: &halted, gate: &gate };
        let (mut tally, mut done) = (Tally { computed: 0, reused }, 0);
        let ends: Vec<_> = thread::scope(|scope| {
            let (sender, receiver) = channel();
            let work = |sender: Sender<News>| scope.spawn(|| shift.work(sender));
            let workers: Vec<_> = (0..crew.jobs.min(wanted.len())).map(|_| work(sender.clone())).collect();
            drop(sender);
            loop {
                match receiver.recv_timeout(TICK) {
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => told(Happened::Waited),
                    Ok(News::Happened(happened)) => told(happened),
                    Ok(News::Done(place, got, summary)) => {
                        tally.computed += usize::from(got == Got::Computed);
                        tally.reused += usize::from(got == Got::Reused);
                        done += 1;
                        keep(place, *summary);
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
        match stopped.into_iter().min_by_key(|(point, halt)| (interrupted(halt), *point)) {
            None if done == wanted.len() => Ok(tally),
            None | Some((_, Halt::Run(RunError::Interrupted(_)))) => {
                Err(SweepError::Interrupted { done: tally, wanted: reused + wanted.len() })
            }
            Some((point, Halt::Store(source))) => {
                Err(SweepError::Unkept { id: plan.points[point].entry.id.clone(), source })
            }
            Some((point, Halt::Run(source))) => Err(SweepError::Run { point, source }),
        }
    }
}

/// What workers say.
enum News {
    Happened(Happened),
    Done(usize, Got, Box<Summary>),
}

/// Points that a few threads share.
struct Shift<'a> {
    folder: &'a SweepFolder,
    plan: &'a Plan,
    wanted: &'a [usize],
    crew: &'a Crew<'a>,
    next: &'a AtomicUsize,
    halted: &'a AtomicBool,
    gate: &'a Gate,
}

impl Shift<'_> {
    /// Takes one point after the other; an error or panic halts everyone.
    fn work(&self, told: Sender<News>) -> Result<(), (usize, Halt)> {
        let done = catch_unwind(AssertUnwindSafe(|| self.points(&told)));
        if !matches!(done, Ok(Ok(()))) {
            self.halted.store(true, Ordering::Relaxed);
        }
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn points(&self, told: &Sender<News>) -> Result<(), (usize, Halt)> {
        // Who is told goes away only after all workers.
        let tell = |news| drop(told.send(news));
        while !self.stops() {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&nth) = self.wanted.get(place) else { break };
            let (point, threads) = (&self.plan.points[nth], self.crew.threads);
            let Some(_share) = self.gate.enter(point.memory_bytes(), || self.stops()) else { break };
            tell(News::Happened(Happened::Begun(nth)));
            let corrupt = |error| tell(News::Happened(Happened::Corrupt(nth, error)));
            let got = self.folder.obtain(point, threads, &mut Stopping(self), corrupt).map_err(|halt| (nth, halt))?;
            tell(News::Done(place, got.0, Box::new(got.1)));
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        [self.crew.stop, self.halted].iter().any(|flag| flag.load(Ordering::Relaxed))
    }
}

/// Stops a run when everyone stops.
struct Stopping<'a>(&'a Shift<'a>);

impl Control for Stopping<'_> {
    fn proceed(&mut self, _: &Progress) -> bool {
        !self.0.stops()
    }
}
