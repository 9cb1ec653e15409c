//! Partitions: links that carry nothing for a while.

use crate::base::{ReplicaId, Span, Time};

/// First retransmission timeout of a connection that is cut; it doubles with each try.
const FIRST_RTO: Span = Span::from_millis(200);
/// Longest pause between two tries (Linux's TCP_RTO_MAX).
const LONGEST_RTO: Span = Span::from_secs(120);

/// From `from` until `until`, nothing passes from `side` to the others (and back, unless one-way).
#[derive(Clone, Debug)]
pub struct Partition {
    /// When it begins.
    pub from: Time,
    /// When it heals.
    pub until: Time,
    /// The replicas on one side, ascending.
    pub side: Vec<ReplicaId>,
    /// Whether messages still pass towards `side`.
    pub one_way: bool,
}

impl Partition {
    /// Whether a message from `from` to `to` cannot pass at `at`.
    pub fn cuts(&self, from: ReplicaId, to: ReplicaId, at: Time) -> bool {
        let inside = |replica| self.side.binary_search(&replica).is_ok();
        let crossing = if self.one_way { inside(from) && !inside(to) } else { inside(from) != inside(to) };
        crossing && self.from <= at && at < self.until
    }

    /// When a message that leaves at `departed` passes: at once, or with the first of TCP's doubling retries that
    /// comes after the last partition in its way has healed.
    pub fn passage(partitions: &[Partition], from: ReplicaId, to: ReplicaId, departed: Time) -> Time {
        let (mut at, mut timeout) = (departed, FIRST_RTO);
        while partitions.iter().any(|partition| partition.cuts(from, to, at)) {
            at += timeout;
            timeout = LONGEST_RTO.min(timeout * 2);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(one_way: bool) -> [Partition; 1] {
        let (from, until) = (Time::ZERO + Span::from_secs(1), Time::ZERO + Span::from_secs(2));
        [Partition { from, until, side: vec![ReplicaId(0), ReplicaId(3)], one_way }]
    }

    #[test]
    fn a_message_passes_with_the_first_retry_after_healing() {
        let departed = Time::ZERO + Span::from_millis(1_500);
        let tries = Partition::passage(&cut(false), ReplicaId(0), ReplicaId(1), departed);
        assert_eq!(tries, Time::ZERO + Span::from_millis(1_500 + 200 + 400), "tries at 1.7 s and 2.1 s");
        assert_eq!(Partition::passage(&cut(false), ReplicaId(0), ReplicaId(3), departed), departed, "same side");
        assert_eq!(Partition::passage(&cut(false), ReplicaId(0), ReplicaId(1), Time::ZERO), Time::ZERO, "before");
    }

    #[test]
    fn a_one_way_partition_lets_messages_in() {
        let departed = Time::ZERO + Span::from_millis(1_500);
        assert_eq!(Partition::passage(&cut(true), ReplicaId(1), ReplicaId(0), departed), departed);
        assert!(Partition::passage(&cut(true), ReplicaId(0), ReplicaId(1), departed) > departed);
    }
}
