//! Lets points begin while there is memory for them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often who waits looks whether everyone stops.
const TICK: Duration = Duration::from_millis(100);

/// Memory that a few threads share.
#[derive(Debug)]
pub(super) struct Gate {
    bytes: Option<u64>,
    taken: Mutex<(u64, usize)>,
    freed: Condvar,
}

/// What one of them has; it is given back where this ends.
#[derive(Debug)]
pub(super) struct Share<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    /// Over so many bytes; without a number, over as many as anybody asks for.
    pub fn new(bytes: Option<u64>) -> Gate {
        Gate { bytes, taken: Mutex::new((0, 0)), freed: Condvar::new() }
    }

    /// Waits until `bytes` more fit, or nobody else has any; nothing if `stops` before.
    pub fn enter(&self, bytes: u64, stops: impl Fn() -> bool) -> Option<Share<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let fits = self.bytes.is_none_or(|all| taken.0.saturating_add(bytes) <= all);
            if stops() {
                return None;
            }
            if fits || taken.1 == 0 {
                *taken = (taken.0.saturating_add(bytes), taken.1 + 1);
                return Some(Share { gate: self, bytes });
            }
            let woken = self.freed.wait_timeout(taken, TICK);
            (taken, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.gate.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = (taken.0.saturating_sub(self.bytes), taken.1 - 1);
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_runs_at_a_time_than_fits_but_one_always_does() {
        for (all, most) in [(Some(100), 100), (Some(10), 40), (None, 320)] {
            let (gate, now, peak) = (Gate::new(all), AtomicU64::new(0), AtomicU64::new(0));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..20 {
                            let share = gate.enter(40, || false).expect("nobody stops");
                            peak.fetch_max(now.fetch_add(40, Ordering::SeqCst) + 40, Ordering::SeqCst);
                            thread::yield_now();
                            now.fetch_sub(40, Ordering::SeqCst);
                            drop(share);
                        }
                    });
                }
            });
            assert!(peak.into_inner() <= most, "{all:?}");
        }
        let gate = Gate::new(Some(10));
        let first = gate.enter(40, || false);
        assert!(first.is_some() && gate.enter(1, || true).is_none(), "who stops does not wait");
    }
}
