//! One direction of one connection: order, window cap, Nagle, jitter and losses.

use crate::base::{Bytes, Rate, Span, Time};
use crate::kernel::Window;
use crate::kernel::draw::exponential;

/// Payload of one TCP segment on an Ethernet path, bytes.
pub const SEGMENT_BYTES: u64 = 1448;
/// Least retransmission timeout (Linux's TCP_RTO_MIN; RFC 6298 says 1 s).
const LEAST_RTO: Span = Span::from_millis(200);
const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// Retransmissions after which a segment is taken as delivered: six doublings reach 12 s and more.
const MOST_RETRIES: u32 = 6;
/// Segments in flight from which duplicate acknowledgements recover a loss in one RTT (RFC 5681, section 3.2).
const FAST_RETRANSMIT_SEGMENTS: u64 = 4;

/// Share of segments lost, as a 32-bit fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LossRate(u32);

impl LossRate {
    /// From a share in `[0, 1)`.
    pub fn new(share: f64) -> LossRate {
        assert!((0.0..1.0).contains(&share), "a loss rate is a share below 1, got {share}");
        LossRate((share * 4_294_967_296.0) as u32)
    }

    /// Whether nothing is ever lost.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The share of messages of `segments` segments that lose at least one, as a 32-bit fraction: 1 - (1 - p)^segments.
    fn of_message(self, segments: u64) -> u32 {
        let (mut kept, mut base, mut exponent) = (u64::from(u32::MAX), u64::from(u32::MAX - self.0), segments);
        while exponent > 0 {
            if exponent & 1 == 1 {
                kept = (kept * base) >> 32;
            }
            base = (base * base) >> 32;
            exponent >>= 1;
        }
        if self.0 == 0 { 0 } else { u32::MAX - kept as u32 }
    }
}

/// What a connection runs over.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Round-trip time without queueing.
    pub rtt: Span,
    /// Mean of the exponential delay added to each message.
    pub jitter: Span,
    /// Segments lost.
    pub loss: LossRate,
    /// Bytes in flight at most: the connection's rate is at most `window / rtt`. None: unlimited.
    pub window: Option<Bytes>,
    /// Whether small segments wait for the acknowledgement of earlier ones (Nagle, RFC 896).
    pub nagle: bool,
}

impl Link {
    /// The link with at most `rate` carried by the connection: a window of what that rate carries in a round trip.
    pub fn limited(self, rate: Option<Rate>) -> Link {
        let Some(rate) = rate else { return self };
        let in_flight = Bytes((u128::from(rate.bytes_per_second()) * u128::from(self.rtt.0) / NANOS_PER_SECOND) as u64);
        let window = self.window.map_or(in_flight, |window| window.min(in_flight)).max(Bytes(1));
        Link { window: Some(window), ..self }
    }
}

/// State of one direction of a connection: 40 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// Until when the window is spoken for (theoretical arrival time of a cell-rate limiter).
    spoken_for: Time,
    /// When the last byte arrived: TCP delivers in order.
    last_arrival: Time,
    /// When everything sent is acknowledged.
    acknowledged: Time,
    sent: u64,
    busy: Span,
}

impl Flow {
    /// Carries a message that leaves the NIC at `departed`; returns its arrival. `bits(nth)` gives two uniform words
    /// for the `nth` message of the connection.
    pub fn carry(
        &mut self,
        link: &Link,
        departed: Time,
        size: Bytes,
        measured: &Window,
        bits: impl FnOnce(u64) -> [u64; 2],
    ) -> Time {
        let [jitter_bits, loss_bits] = bits(self.sent);
        self.sent += 1;
        let left = self.through_window(link, self.past_nagle(link, departed, size), size, measured);
        self.acknowledged = left + link.rtt;
        let on_the_way =
            link.rtt.half() + exponential(link.jitter, jitter_bits) + retransmission(link, size, loss_bits);
        self.last_arrival = self.last_arrival.max(left + on_the_way);
        self.last_arrival
    }

    /// Messages carried so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Time within the measured window for which the connection was spoken for, at `window / rtt`.
    pub fn busy(&self) -> Span {
        self.busy
    }

    /// A message shorter than a segment, and the short tail of a longer one, wait while anything is unacknowledged.
    /// The wait is counted behind the NIC, where it delays no other connection. Coalescing of several small messages
    /// into a full segment, which would end the wait early, is left out.
    fn past_nagle(&self, link: &Link, at: Time, size: Bytes) -> Time {
        if link.nagle && !size.0.is_multiple_of(SEGMENT_BYTES) { at.max(self.acknowledged) } else { at }
    }

    /// At most a window's worth of bytes leaves at once; the rest follows at `window / rtt`.
    fn through_window(&mut self, link: &Link, at: Time, size: Bytes, measured: &Window) -> Time {
        let Some(window) = link.window else { return at };
        let share = match size.0.checked_mul(link.rtt.0) {
            Some(product) => product / window.0.max(1),
            None => (u128::from(size.0) * u128::from(link.rtt.0) / u128::from(window.0.max(1))) as u64,
        };
        let from = self.spoken_for.max(at);
        self.spoken_for = from + Span(share);
        self.busy += measured.overlap(from, self.spoken_for);
        at.max(Time(self.spoken_for.0.saturating_sub(link.rtt.0)))
    }
}

/// Delay by lost segments: one RTT where later segments trigger fast retransmission, else timeouts that double.
fn retransmission(link: &Link, size: Bytes, bits: u64) -> Span {
    let segments = size.0.div_ceil(SEGMENT_BYTES).max(1);
    let lost = link.loss.of_message(segments);
    if (bits >> 32) as u32 >= lost {
        return Span::ZERO;
    }
    if segments >= FAST_RETRANSMIT_SEGMENTS {
        return link.rtt;
    }
    let timeout = LEAST_RTO.max(link.rtt * 2);
    // Each retransmission is lost again with the segment's own probability; the low half of the word decides.
    let (mut delay, mut word) = (timeout, (bits as u32).rotate_left(16));
    for doubling in 1..MOST_RETRIES {
        if word >= link.loss.0 {
            break;
        }
        delay += timeout * (1 << doubling);
        word = word.wrapping_mul(0x9E37_79B1).rotate_left(13);
    }
    delay
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Window = Window { from: Time::ZERO, until: Time::NEVER };
    const CALM: [u64; 2] = [0, u64::MAX];

    fn link() -> Link {
        let (rtt, loss) = (Span::from_millis(100), LossRate::default());
        Link { rtt, jitter: Span::ZERO, loss, window: None, nagle: false }
    }

    fn ms(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn propagation_is_half_the_rtt() {
        assert_eq!(Flow::default().carry(&link(), ms(7), Bytes(100), &ALL, |_| CALM), ms(57));
    }

    #[test]
    fn three_windows_take_two_round_trips_more() {
        let link = Link { window: Some(Bytes(1_000_000)), ..link() };
        let mut flow = Flow::default();
        assert_eq!(flow.carry(&link, ms(0), Bytes(3_000_000), &ALL, |_| CALM), ms(250));
        assert_eq!(
            flow.carry(&link, ms(300), Bytes(1_000_000), &ALL, |_| CALM),
            ms(350),
            "an idle connection has its window"
        );
        assert_eq!(
            flow.carry(&link, ms(300), Bytes(500_000), &ALL, |_| CALM),
            ms(400),
            "a spent one waits for half of it"
        );
    }

    #[test]
    fn a_limited_connection_carries_its_rate() {
        let link = link().limited(Some(Rate::new(1_000_000)));
        assert_eq!(link.window, Some(Bytes(100_000)), "what 1 MB/s carries in a round trip of 100 ms");
        let mut flow = Flow::default();
        let arrivals = (0..50).map(|_| flow.carry(&link, ms(0), Bytes(20_000), &ALL, |_| CALM));
        assert_eq!(arrivals.last(), Some(ms(1_000 - 100 + 50)), "50 of 20 kB take a second, less the first window");
    }

    #[test]
    fn nagle_holds_a_short_message_until_the_acknowledgement() {
        let link = Link { nagle: true, ..link() };
        let mut flow = Flow::default();
        assert_eq!(flow.carry(&link, ms(0), Bytes(200), &ALL, |_| CALM), ms(50));
        assert_eq!(flow.carry(&link, ms(10), Bytes(200), &ALL, |_| CALM), ms(150), "held from 10 to 100 ms");
        assert_eq!(
            flow.carry(&link, ms(20), Bytes(SEGMENT_BYTES), &ALL, |_| CALM),
            ms(150),
            "full segments go, in order"
        );
        let mut without = Flow::default();
        without.carry(&super::Link { nagle: false, ..link }, ms(0), Bytes(200), &ALL, |_| CALM);
        assert_eq!(without.carry(&super::Link { nagle: false, ..link }, ms(10), Bytes(200), &ALL, |_| CALM), ms(60));
    }

    #[test]
    fn a_lost_short_message_waits_for_the_timeout_and_holds_up_those_behind() {
        let link = Link { loss: LossRate::new(0.5), ..link() };
        let mut flow = Flow::default();
        let lost_once = [0, 0x0000_0000_FFFF_FFFF];
        assert_eq!(flow.carry(&link, ms(0), Bytes(100), &ALL, |_| lost_once), ms(250), "RTO = 2 RTT = 200 ms");
        assert_eq!(flow.carry(&link, ms(10), Bytes(100), &ALL, |_| CALM), ms(250), "head of line");
    }

    #[test]
    fn a_long_message_recovers_in_a_round_trip() {
        let link = Link { loss: LossRate::new(0.01), ..link() };
        let lost = [0, 0];
        assert_eq!(Flow::default().carry(&link, ms(0), Bytes(100 * SEGMENT_BYTES), &ALL, |_| lost), ms(150));
    }

    #[test]
    fn a_message_is_lost_as_often_as_one_of_its_segments() {
        let share = |p: f64, k: u64| f64::from(LossRate::new(p).of_message(k)) / 4_294_967_296.0;
        for (p, k, expected) in [(0.01, 1, 0.01), (0.01, 10, 0.095_617_9), (0.001, 1000, 0.632_304_6), (0.0, 50, 0.0)] {
            assert!((share(p, k) - expected).abs() < 1e-6, "1 - (1 - {p})^{k} = {}", share(p, k));
        }
    }
}
