//! FIFO stations: a server, or several, in front of which work queues.
//!
//! A station is arithmetic, not events: the caller offers work in the order of its arrival and is told at once when it
//! will be done, because nothing that arrives later can overtake it. Busy time is counted inside one measured window.

use smallvec::{SmallVec, smallvec};

use crate::base::{Span, Time};

/// The part of a run that is measured: `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First measured instant.
    pub from: Time,
    /// First instant no longer measured.
    pub until: Time,
}

impl Window {
    /// Whether `at` is measured.
    pub fn contains(&self, at: Time) -> bool {
        self.from <= at && at < self.until
    }

    /// How much of `[start, end)` is measured.
    pub fn overlap(&self, start: Time, end: Time) -> Span {
        let (start, end) = (start.max(self.from), end.min(self.until));
        Span(end.0.saturating_sub(start.0))
    }

    /// Length of the window.
    pub fn length(&self) -> Span {
        self.until.since(self.from)
    }
}

/// One server with an unbounded FIFO queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Station {
    free: Time,
    busy: Span,
}

impl Station {
    /// Queues work of length `work` that arrives at `at`; returns when it is done.
    pub fn serve(&mut self, at: Time, work: Span, window: &Window) -> Time {
        let start = at.max(self.free);
        self.free = start + work;
        self.busy += window.overlap(start, self.free);
        self.free
    }

    /// When the server has finished everything offered so far.
    pub fn free(&self) -> Time {
        self.free
    }

    /// Serves nothing before `until`, and is not busy meanwhile.
    pub fn hold(&mut self, until: Time) {
        self.free = self.free.max(until);
    }

    /// Drops what waits at `at`.
    pub fn clear(&mut self, at: Time) {
        self.free = self.free.min(at);
    }

    /// Time within the window in which the server worked.
    pub fn busy(&self) -> Span {
        self.busy
    }
}

/// `k` alike servers with one FIFO queue; up to 16 of them lie in the value itself.
#[derive(Clone, Debug)]
pub struct Stations {
    free: SmallVec<[Time; 16]>,
    busy: Span,
}

impl Stations {
    /// `count` idle servers; panics on none.
    pub fn new(count: usize) -> Stations {
        assert!(count > 0, "a station has at least one server");
        Stations { free: smallvec![Time::ZERO; count], busy: Span::ZERO }
    }

    /// Queues one piece of work; it takes the server that is free first. O(servers).
    pub fn serve(&mut self, at: Time, work: Span, window: &Window) -> Time {
        let server = self.free.iter_mut().min().expect("there is a server");
        let start = at.max(*server);
        *server = start + work;
        self.busy += window.overlap(start, *server);
        *server
    }

    /// Queues `parts` equal pieces of work that together take `work` on one server; returns when the last is done.
    pub fn serve_split(&mut self, at: Time, work: Span, parts: u64, window: &Window) -> Time {
        let parts = parts.max(1);
        let piece = Span(work.0.div_ceil(parts));
        (0..parts).map(|_| self.serve(at, piece, window)).max().unwrap_or(at)
    }

    /// What [`Stations::serve_split`] would do next with such work: server, beginning and end of each piece.
    pub fn pieces(&self, at: Time, work: Span, parts: u64) -> Vec<(usize, Time, Time)> {
        let (mut next, parts) = (self.clone(), parts.max(1));
        let (piece, any) = (Span(work.0.div_ceil(parts)), Window { from: at, until: at });
        let mut one = |_| {
            let before = next.free.clone();
            let done = next.serve(at, piece, &any);
            // A piece of no length may leave every server as it was.
            let server = before.iter().zip(&next.free).position(|(before, now)| before != now).unwrap_or(0);
            (server, Time(done.0 - piece.0), done)
        };
        (0..parts).map(&mut one).collect()
    }

    /// Serves nothing before `until`, and is not busy meanwhile.
    pub fn hold(&mut self, until: Time) {
        self.free.iter_mut().for_each(|free| *free = (*free).max(until));
    }

    /// Drops what waits at `at`.
    pub fn clear(&mut self, at: Time) {
        self.free.iter_mut().for_each(|free| *free = (*free).min(at));
    }

    /// Number of servers.
    pub fn count(&self) -> usize {
        self.free.len()
    }

    /// Time within the window in which servers worked, summed over servers.
    pub fn busy(&self) -> Span {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Window = Window { from: Time::ZERO, until: Time::NEVER };

    #[test]
    fn work_waits_for_what_came_before() {
        let mut station = Station::default();
        assert_eq!(station.serve(Time(10), Span(5), &ALL), Time(15));
        assert_eq!(station.serve(Time(12), Span(5), &ALL), Time(20));
        assert_eq!(station.serve(Time(100), Span(5), &ALL), Time(105));
        assert_eq!(station.busy(), Span(15));
    }

    #[test]
    fn only_the_measured_part_counts_as_busy() {
        let mut station = Station::default();
        let window = Window { from: Time(5), until: Time(8) };
        station.serve(Time(0), Span(100), &window);
        assert_eq!(station.busy(), Span(3));
    }

    #[test]
    fn a_held_station_serves_later_and_a_cleared_one_at_once() {
        let mut stations = Stations::new(2);
        stations.hold(Time(50));
        assert_eq!(stations.serve(Time(0), Span(5), &ALL), Time(55));
        stations.clear(Time(20));
        assert_eq!(stations.serve(Time(20), Span(5), &ALL), Time(25));
        assert_eq!(stations.busy(), Span(10), "holding is no work");
    }

    #[test]
    fn two_servers_take_the_third_piece_when_the_first_is_free() {
        let mut stations = Stations::new(2);
        let done = [10, 20, 5].map(|work| stations.serve(Time(0), Span(work), &ALL));
        assert_eq!(done, [Time(10), Time(20), Time(15)]);
        assert_eq!(stations.busy(), Span(35));
    }

    #[test]
    fn pieces_are_what_split_work_becomes() {
        let mut stations = Stations::new(3);
        stations.serve(Time(0), Span(25), &ALL);
        let pieces = stations.pieces(Time(10), Span(40), 4);
        assert_eq!(pieces, [(1, 10, 20), (2, 10, 20), (1, 20, 30), (2, 20, 30)].map(|(s, a, b)| (s, Time(a), Time(b))));
        assert_eq!(stations.serve_split(Time(10), Span(40), 4, &ALL), Time(30));
    }

    #[test]
    fn split_work_fills_the_servers() {
        let mut stations = Stations::new(4);
        assert_eq!(stations.serve_split(Time(0), Span(80), 8, &ALL), Time(20));
    }
}
