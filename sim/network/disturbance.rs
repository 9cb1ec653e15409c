//! Disturbances: links that lose, delay or repeat whole messages for a while.
//!
//! Lost segments of a working connection only delay it ([`super::Flow`]); a disturbance is what connections do that
//! break and are opened again: a message is gone, comes late and out of order, or comes twice.

use crate::base::{ReplicaId, Span, Time};
use crate::kernel::draw::{Chance, Site, draw, exponential};

/// From `from` until `until`, messages between some replicas are lost, delayed or repeated.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub until: Time,
    /// Whose messages, ascending; everyone's where empty.
    pub senders: Vec<ReplicaId>,
    /// To whom, ascending; to everyone where empty.
    pub receivers: Vec<ReplicaId>,
    /// Share of messages that never arrive.
    pub lost: Chance,
    /// Share of messages that arrive twice.
    pub repeated: Chance,
    /// Mean of an exponential delay beyond the link's own; it lets messages overtake each other.
    pub delay: Span,
}

/// What becomes of one message: its arrivals, none, one or two.
pub type Arrivals = [Option<Time>; 2];

impl Disturbance {
    fn touches(&self, from: ReplicaId, to: ReplicaId, at: Time) -> bool {
        let among = |list: &[ReplicaId], replica| list.is_empty() || list.binary_search(&replica).is_ok();
        self.from <= at && at < self.until && among(&self.senders, from) && among(&self.receivers, to)
    }

    /// What becomes of a message that left at `departed` and would arrive at `arrival`. `bits` gives a uniform word for
    /// each purpose ([`Disturbance::bits`]).
    pub fn apply(
        all: &[Disturbance],
        [from, to]: [ReplicaId; 2],
        [departed, arrival]: [Time; 2],
        bits: impl Fn(u64) -> u64,
    ) -> Arrivals {
        let mut arrivals = [Some(arrival), None];
        let touching = (0u64..).zip(all).filter(|(_, one)| one.touches(from, to, departed));
        for (index, disturbance) in touching {
            let bits = |purpose| bits(index << 8 | purpose);
            if disturbance.lost.happens(bits(0)) {
                return [None, None];
            }
            if disturbance.repeated.happens(bits(1)) {
                arrivals[1] = arrivals[0].map(|first| first + exponential(disturbance.delay, bits(2)));
            }
            arrivals[0] = arrivals[0].map(|first| first + exponential(disturbance.delay, bits(3)));
        }
        arrivals
    }

    /// The bits for one purpose of the `nth` message of a link.
    pub fn bits(seed: u64, link: u64, nth: u64) -> impl Fn(u64) -> u64 {
        move |purpose| draw(seed, Site::Disturb, link, nth, purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbance(lost: f64, repeated: f64, delay: Span) -> [Disturbance; 1] {
        let (from, until) = (Time::ZERO + Span::from_secs(1), Time::ZERO + Span::from_secs(2));
        let (lost, repeated) = (Chance::new(lost), Chance::new(repeated));
        [Disturbance { from, until, senders: vec![ReplicaId(0)], receivers: Vec::new(), lost, repeated, delay }]
    }

    fn apply(all: &[Disturbance], from: u32, at_ms: u64) -> Vec<Arrivals> {
        let departed = Time::ZERO + Span::from_millis(at_ms);
        let times = [departed, departed + Span::from_millis(50)];
        let one = |nth| Disturbance::apply(all, [ReplicaId(from), ReplicaId(1)], times, Disturbance::bits(7, 1, nth));
        (0..1_000).map(one).collect()
    }

    #[test]
    fn only_named_senders_are_disturbed_and_only_meanwhile() {
        let all = disturbance(0.5, 0.5, Span::from_millis(10));
        let calm = |from, at_ms| {
            let arrival = Time::ZERO + Span::from_millis(at_ms + 50);
            apply(&all, from, at_ms).iter().all(|arrivals| *arrivals == [Some(arrival), None])
        };
        assert!(calm(0, 999) && calm(0, 2_000) && calm(1, 1_500));
        assert!(!calm(0, 1_000) && !calm(0, 1_999));
    }

    #[test]
    fn messages_are_lost_repeated_and_delayed_as_often_as_asked_for() {
        let all = disturbance(0.3, 0.0, Span::ZERO);
        let lost = apply(&all, 0, 1_500).iter().filter(|arrivals| arrivals[0].is_none()).count();
        assert!((250..350).contains(&lost), "{lost} of 1000 are lost");
        let all = disturbance(0.0, 0.2, Span::from_millis(20));
        let arrivals = apply(&all, 0, 1_500);
        let twice = arrivals.iter().filter(|arrivals| arrivals[1].is_some()).count();
        assert!((150..250).contains(&twice), "{twice} of 1000 come twice");
        let on_time = Time::ZERO + Span::from_millis(1_550);
        let late: u64 = arrivals.iter().flatten().flatten().map(|arrival| arrival.since(on_time).0 / 1_000_000).sum();
        assert!((18..23).contains(&(late / (1_000 + twice as u64))), "the mean delay is 20 ms");
    }
}
