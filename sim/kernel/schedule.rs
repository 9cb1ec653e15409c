//! The schedule: agenda and multicasts under one virtual clock. This is what an engine runs on.

use super::agenda::{Agenda, Next, Queue, Tie};
use super::multicast::Multicasts;
use crate::base::{NodeId, Time};

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occurrence<E> {
    /// A posted event is due.
    Event {
        /// When.
        at: Time,
        /// The event as posted.
        event: E,
    },
    /// A multicast arrives at one of its receivers.
    Delivery {
        /// When.
        at: Time,
        /// Where.
        to: NodeId,
        /// The multicast's payload.
        event: E,
        /// Whether it is the multicast's last delivery, after which nothing refers to its payload.
        last: bool,
    },
}

impl<E> Occurrence<E> {
    /// When it happens.
    pub const fn at(&self) -> Time {
        match self {
            Occurrence::Event { at, .. } | Occurrence::Delivery { at, .. } => *at,
        }
    }
}

/// Pending events and deliveries of a run, popped in the order `(at, origin, nth, dest)`, and the clock they drive.
///
/// The order is total and made of content only: `nth` is the origin's own count of posts and multicasts, so it does
/// not matter how posts of different nodes interleave. In steady state nothing is allocated.
pub struct Schedule<E> {
    agenda: Agenda<E>,
    multicasts: Multicasts<E>,
    /// Per node, its number of posts and multicasts so far.
    posts: Vec<u64>,
    now: Time,
    popped: u64,
}

impl<E: Copy> Schedule<E> {
    /// An empty schedule for nodes `0..nodes` at time zero.
    ///
    /// # Panics
    /// When `nodes` exceeds 2^20.
    pub fn new(nodes: usize) -> Self {
        assert!(nodes <= 1 << 20, "a run has at most 2^20 nodes, got {nodes}");
        Schedule {
            agenda: Agenda::new(),
            multicasts: Multicasts::new(),
            posts: vec![0; nodes],
            now: Time::ZERO,
            popped: 0,
        }
    }

    /// The virtual clock: the time of the last popped occurrence.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Posts `event` from `origin` for the time `at`.
    ///
    /// # Panics
    /// When `at` is in the past or `origin` is not a node of this schedule.
    #[inline]
    pub fn post(&mut self, origin: NodeId, at: Time, event: E) {
        assert!(at >= self.now, "{origin} posts for {at:?}, but it is {:?}", self.now);
        let tie = self.next_tie(origin);
        self.agenda.push(at, tie, event);
    }

    /// Sends `event` from `origin` to every receiver of `arrivals` at its time of arrival, as one post. Returns the
    /// number of receivers: when it is zero, no delivery will ever be the last one, so the caller keeps the payload.
    ///
    /// # Panics
    /// When an arrival is in the past, `origin` is not a node of this schedule or a receiver is 2^20 or more.
    #[inline]
    pub fn multicast(&mut self, origin: NodeId, event: E, arrivals: impl Iterator<Item = (NodeId, Time)>) -> u32 {
        let now = self.now;
        let tie = self.next_tie(origin);
        let checked =
            arrivals.inspect(|&(to, at)| assert!(at >= now, "{origin} sends to {to} for {at:?}, but it is {now:?}"));
        self.multicasts.send(tie, event, checked)
    }

    /// Removes the next occurrence and moves the clock to it.
    #[inline]
    pub fn pop(&mut self) -> Option<Occurrence<E>> {
        self.pop_if(|_| true)
    }

    /// As [`Schedule::pop`], but leaves what happens at `end` or later.
    #[inline]
    pub fn pop_before(&mut self, end: Time) -> Option<Occurrence<E>> {
        self.pop_if(|at| at < end)
    }

    /// The number of pending events and deliveries.
    pub fn len(&self) -> usize {
        self.agenda.len() + self.multicasts.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory held, in bytes, spare capacity included.
    pub fn bytes(&self) -> usize {
        self.agenda.bytes() + self.multicasts.bytes() + self.posts.capacity() * size_of::<u64>()
    }

    /// The number of occurrences popped so far.
    pub fn popped(&self) -> u64 {
        self.popped
    }

    /// Pops the next occurrence if `wanted` holds for its time.
    ///
    /// Each part is opened only up to the other's next time: whatever happens before that may still post events for
    /// the span between, and those would crowd a slot or a window that is open already.
    #[inline]
    fn pop_if(&mut self, wanted: impl Fn(Time) -> bool) -> Option<Occurrence<E>> {
        loop {
            let (event, delivery) = (self.agenda.next(), self.multicasts.next());
            let event_first = self.is_event_first(event, delivery);
            match if event_first { event } else { delivery } {
                Next::Never => return None,
                Next::Known(at) | Next::NotBefore(at) if !wanted(at) => return None,
                Next::NotBefore(_) if event_first => _ = self.agenda.open(),
                Next::NotBefore(_) => _ = self.multicasts.open(),
                Next::Known(at) => {
                    self.now = at;
                    self.popped += 1;
                    return if event_first { self.pop_event() } else { self.pop_delivery() };
                }
            }
        }
    }

    /// Whether the agenda is to be served or opened before the multicasts.
    #[inline]
    fn is_event_first(&self, event: Next, delivery: Next) -> bool {
        match (event, delivery) {
            (Next::Never, _) => false,
            (_, Next::Never) => true,
            // Ties are compared by content; a post and a multicast never have the same one.
            (Next::Known(at), Next::Known(other)) if at == other => self.agenda.next_tie() < self.multicasts.next_tie(),
            // At equal times an unopened part may hold the lesser tie, so it comes first, to be opened.
            (Next::Known(at), Next::NotBefore(other)) => at < other,
            (Next::Known(at) | Next::NotBefore(at), Next::Known(other) | Next::NotBefore(other)) => at <= other,
        }
    }

    #[inline]
    fn pop_event(&mut self) -> Option<Occurrence<E>> {
        let entry = self.agenda.pop_open()?;
        Some(Occurrence::Event { at: entry.at, event: entry.event })
    }

    #[inline]
    fn pop_delivery(&mut self) -> Option<Occurrence<E>> {
        let delivered = self.multicasts.pop_open()?;
        let super::multicast::Delivered { at, to, event, last } = delivered;
        Some(Occurrence::Delivery { at, to, event, last })
    }

    #[inline]
    fn next_tie(&mut self, origin: NodeId) -> Tie {
        let nth = &mut self.posts[origin.index()];
        let tie = Tie::new(origin, *nth);
        *nth += 1;
        tie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Time {
        Time(nanos)
    }

    #[test]
    fn posts_and_deliveries_of_one_instant_go_by_origin_then_post_then_destination() {
        let mut schedule = Schedule::new(4);
        schedule.multicast(NodeId(1), 'b', [(NodeId(3), at(9)), (NodeId(0), at(9))].into_iter());
        schedule.post(NodeId(1), at(9), 'c');
        schedule.post(NodeId(0), at(9), 'a');
        let delivery = |to, last| Occurrence::Delivery { at: at(9), to: NodeId(to), event: 'b', last };
        assert_eq!(schedule.pop(), Some(Occurrence::Event { at: at(9), event: 'a' }));
        assert_eq!(schedule.pop(), Some(delivery(0, false)));
        assert_eq!(schedule.pop(), Some(delivery(3, true)));
        assert_eq!(schedule.pop(), Some(Occurrence::Event { at: at(9), event: 'c' }));
        assert_eq!((schedule.pop(), schedule.now(), schedule.popped()), (None, at(9), 4));
    }

    #[test]
    fn a_multicast_to_nobody_leaves_nothing_behind() {
        let mut schedule = Schedule::new(1);
        assert_eq!(schedule.multicast(NodeId(0), (), std::iter::empty()), 0);
        assert!(schedule.is_empty());
        assert_eq!(schedule.pop(), None);
    }

    #[test]
    fn pop_before_leaves_what_is_due_at_the_end() {
        let mut schedule = Schedule::new(1);
        schedule.post(NodeId(0), at(5), 1);
        schedule.post(NodeId(0), at(7), 2);
        assert_eq!(schedule.pop_before(at(7)), Some(Occurrence::Event { at: at(5), event: 1 }));
        assert_eq!((schedule.pop_before(at(7)), schedule.len(), schedule.now()), (None, 1, at(5)));
        // What is posted between the bound and what was left behind still comes first.
        schedule.post(NodeId(0), at(6), 3);
        assert_eq!(schedule.pop(), Some(Occurrence::Event { at: at(6), event: 3 }));
    }

    #[test]
    #[should_panic(expected = "posts for")]
    fn nothing_is_posted_into_the_past() {
        let mut schedule = Schedule::new(1);
        schedule.post(NodeId(0), at(5), ());
        schedule.pop();
        schedule.post(NodeId(0), at(4), ());
    }
}
