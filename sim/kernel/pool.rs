//! A worker pool that takes jobs ahead of need and hands their results back in the order of submission.
//!
//! Symmetric workers share one bounded queue, and the taker puts results back in order: of the designs measured
//! (rayon by chunk and by stage, a thread per stage, split halves) this one was the steadiest, at 96 to 99 % of the
//! serial loop times the cores in a quiet minute; a thread per stage reached 72 to 88 % (CRYPTO.md §4). A job should
//! be a chunk worth at least a millisecond, a batch of signatures say: a channel operation costs some 60 ns, a
//! wake-up some 10 µs.
//!
//! When a job runs changes no result: jobs share nothing but what the work function borrows immutably.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Runs `Fn(J) -> R` on a fixed number of threads, and returns results in submission order.
///
/// At most `look_ahead` jobs are pending (submitted and not yet taken), so memory is bounded by that many jobs or
/// results. Dropping the pool discards jobs that have not begun and waits for those that have.
pub struct InOrder<J, R> {
    /// In place of workers: jobs run where they are submitted.
    inline: Option<Box<dyn Fn(J) -> R + Send>>,
    /// `None` only while the pool is being dropped.
    jobs: Option<Sender<Numbered<J>>>,
    /// The workers' end of `jobs`, kept to discard what is left when the pool is dropped.
    queue: Receiver<Numbered<J>>,
    results: Receiver<Numbered<thread::Result<R>>>,
    workers: Vec<JoinHandle<()>>,
    /// One slot per pending job, oldest first; filled when its result has arrived.
    slots: VecDeque<Option<thread::Result<R>>>,
    look_ahead: usize,
    /// The number of the oldest pending job.
    oldest: u64,
}

/// A job or a result with its place in the order of submission.
struct Numbered<T> {
    nth: u64,
    value: T,
}

impl<J: Send + 'static, R: Send + 'static> InOrder<J, R> {
    /// Starts `workers` threads running `work`, with room for `look_ahead` pending jobs. Four jobs per worker keep
    /// every worker busy while the taker is.
    ///
    /// Panics where the system refuses a thread.
    pub fn new(
        workers: NonZeroUsize,
        look_ahead: NonZeroUsize,
        work: impl Fn(J) -> R + Send + Sync + 'static,
    ) -> InOrder<J, R> {
        let look_ahead = look_ahead.get();
        // Either channel has room for all pending jobs, so neither side ever blocks in sending.
        let (jobs, queue) = bounded::<Numbered<J>>(look_ahead);
        let (done, results) = bounded(look_ahead);
        let work = Arc::new(work);
        let spawn = |index: usize| {
            let (queue, done, work) = (queue.clone(), done.clone(), Arc::clone(&work));
            let run = move || {
                for Numbered { nth, value } in queue {
                    // What a panicking job leaves behind is seen by nobody: its job is consumed, its result never was.
                    let value = catch_unwind(AssertUnwindSafe(|| work(value)));
                    if done.send(Numbered { nth, value }).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(run)
                .expect("the system starts as many threads as it has cores")
        };
        let workers = (0..workers.get()).map(spawn).collect();
        let slots = VecDeque::new();
        InOrder { inline: None, jobs: Some(jobs), queue, results, workers, slots, look_ahead, oldest: 0 }
    }

    /// Without threads: each job runs when it is submitted. For runs so short that starting a thread would cost more.
    pub fn inline(work: impl Fn(J) -> R + Send + 'static) -> InOrder<J, R> {
        let (jobs, queue) = bounded(0);
        let (_, results) = bounded(0);
        let (inline, workers): (Box<dyn Fn(J) -> R + Send>, _) = (Box::new(work), Vec::new());
        let (slots, look_ahead) = (VecDeque::new(), 1);
        InOrder { inline: Some(inline), jobs: Some(jobs), queue, results, workers, slots, look_ahead, oldest: 0 }
    }

    /// Hands over a job; never blocks. Panics without room: ask [`InOrder::has_room`], or take a result first.
    pub fn submit(&mut self, job: J) {
        assert!(self.has_room(), "{} jobs are pending, the bound of this pool", self.look_ahead);
        if let Some(work) = &self.inline {
            return self.slots.push_back(Some(Ok(work(job))));
        }
        let nth = self.oldest + self.slots.len() as u64;
        self.slots.push_back(None);
        let jobs = self.jobs.as_ref().expect("only dropping closes the queue");
        assert!(jobs.send(Numbered { nth, value: job }).is_ok(), "the pool itself holds a receiver");
    }

    /// Waits for the oldest pending job and returns its result. Panics with that job's panic, if it panicked, and where
    /// nothing is pending.
    pub fn take(&mut self) -> R {
        assert!(!self.slots.is_empty(), "nothing is pending");
        while self.slots[0].is_none() {
            let Numbered { nth, value } = self.results.recv().expect("workers live as long as the pool");
            let place = usize::try_from(nth - self.oldest).expect("a place among the pending jobs");
            self.slots[place] = Some(value);
        }
        self.oldest += 1;
        let result = self.slots.pop_front().flatten().expect("the oldest slot was just filled");
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// How many jobs are submitted and not yet taken.
    pub fn pending(&self) -> usize {
        self.slots.len()
    }

    /// Whether another job may be submitted.
    pub fn has_room(&self) -> bool {
        self.slots.len() < self.look_ahead
    }
}

impl<J, R> Drop for InOrder<J, R> {
    fn drop(&mut self) {
        self.jobs = None;
        self.queue.try_iter().for_each(drop);
        for worker in self.workers.drain(..) {
            // A worker catches its jobs' panics, so it has nothing else to report.
            let _ = worker.join();
        }
    }
}

impl<J, R> fmt::Debug for InOrder<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InOrder({} workers, {} of {} pending)", self.workers.len(), self.slots.len(), self.look_ahead)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn pool<R: Send + 'static>(
        workers: usize,
        look_ahead: usize,
        work: impl Fn(u64) -> R + Send + Sync + 'static,
    ) -> InOrder<u64, R> {
        let positive = |n| NonZeroUsize::new(n).expect("positive");
        InOrder::new(positive(workers), positive(look_ahead), work)
    }

    #[test]
    fn results_come_in_submission_order() {
        for workers in [1, 2, 8] {
            // Later jobs are shorter, so that they finish first.
            let mut pool = pool(workers, 16, |n| {
                thread::sleep(Duration::from_micros(300 - n));
                n * n
            });
            let mut taken = Vec::new();
            for n in 0..300 {
                if !pool.has_room() {
                    taken.push(pool.take());
                }
                pool.submit(n);
            }
            while pool.pending() > 0 {
                taken.push(pool.take());
            }
            assert_eq!(taken, (0..300).map(|n| n * n).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn a_panic_reaches_the_taker_at_its_place_and_the_pool_goes_on() {
        let mut pool = pool(2, 4, |n| if n == 1 { panic!("job {n} failed") } else { n });
        (0..3).for_each(|n| pool.submit(n));
        assert_eq!(pool.take(), 0);
        let panic = catch_unwind(AssertUnwindSafe(|| pool.take())).expect_err("job 1 panicked");
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("job 1 failed"));
        assert_eq!(pool.take(), 2);
    }

    #[test]
    fn dropping_discards_jobs_that_have_not_begun() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&begun);
        let mut pool = pool(2, 1000, move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(5));
        });
        (0..1000).for_each(|n| pool.submit(n));
        drop(pool);
        assert!(begun.load(Ordering::Relaxed) < 1000);
    }

    #[test]
    fn dropping_an_idle_pool_ends() {
        drop(pool(8, 1, |n| n));
    }

    #[test]
    #[should_panic(expected = "the bound of this pool")]
    fn submitting_past_the_look_ahead_is_a_bug() {
        let mut pool = pool(1, 1, |n| n);
        pool.submit(0);
        pool.submit(1);
    }

    #[test]
    #[should_panic(expected = "nothing is pending")]
    fn taking_from_an_empty_pool_is_a_bug() {
        pool(1, 1, |n| n).take();
    }
}
