//! Access links: how a hospital reaches its gateway.

use crate::base::{Bytes, Rate, Span, Time};
use crate::kernel::{Station, Window};

use super::{Cuts, Flow, Link};

/// What a connectivity class promises (`connectivity_classes.csv`).
#[derive(Clone, Debug)]
pub struct AccessClass {
    /// The class's name.
    pub name: String,
    /// Median downlink rate.
    pub down: Rate,
    /// Median uplink rate.
    pub up: Rate,
    /// Median of the access network's RTT.
    pub rtt_p50: Span,
    /// 95th percentile of the access network's RTT, over sites.
    pub rtt_p95: Span,
    /// Mean jitter of a message.
    pub jitter: Span,
    /// Median share of lost segments.
    pub loss: f64,
    /// Mean time between failures of power or line, and mean time to repair them, hours.
    pub outage_hours: [f64; 2],
}

/// One hospital's access link: its properties, fixed for a run.
#[derive(Clone, Debug)]
pub struct AccessLink {
    /// RTT (access network and distance to the metro), jitter, loss.
    pub link: Link,
    /// Uplink rate.
    pub up: Rate,
    /// Downlink rate.
    pub down: Rate,
    /// When it is cut.
    pub cuts: Cuts,
}

/// The state of a hospital's access link, both directions.
#[derive(Clone, Debug, Default)]
pub struct Uplink {
    out: Station,
    back: Station,
    out_flow: Flow,
    back_flow: Flow,
}

impl Uplink {
    /// Sends `size` up at `at`, or as soon as the line is back; returns when it reaches the gateway's NIC.
    pub fn send(
        &mut self,
        access: &AccessLink,
        at: Time,
        size: Bytes,
        window: &Window,
        bits: impl FnOnce(u64) -> [u64; 2],
    ) -> Time {
        let departed = self.out.serve(access.cuts.after(at), access.up.serialisation(size), window);
        self.out_flow.carry(&access.link, departed, size, window, bits)
    }

    /// Receives `size` that left the gateway's NIC at `departed`, or asks for it as soon as the line is back; returns when
    /// the hospital has it.
    pub fn receive(
        &mut self,
        access: &AccessLink,
        departed: Time,
        size: Bytes,
        window: &Window,
        bits: impl FnOnce(u64) -> [u64; 2],
    ) -> Time {
        let arrived = self.back_flow.carry(&access.link, access.cuts.after(departed), size, window, bits);
        self.back.serve(arrived, access.down.serialisation(size), window)
    }

    /// When everything sent so far has left the hospital.
    pub fn up_free(&self) -> Time {
        self.out.free()
    }

    /// Time within the window in which the uplink was busy.
    pub fn up_busy(&self) -> Span {
        self.out.busy()
    }

    /// Time within the window in which the downlink was busy.
    pub fn down_busy(&self) -> Span {
        self.back.busy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::LossRate;

    #[test]
    fn a_kilobyte_over_a_slow_uplink() {
        let (rtt, loss) = (Span::from_millis(60), LossRate::default());
        let link = Link { rtt, jitter: Span::ZERO, loss, window: None, nagle: false };
        let access = AccessLink { link, up: Rate::from_mbps(1.0), down: Rate::from_mbps(8.0), cuts: Cuts::default() };
        let window = Window { from: Time::ZERO, until: Time::NEVER };
        let mut uplink = Uplink::default();
        let calm = |_| [0, u64::MAX];
        let arrival = |ms: u64| Time::ZERO + Span::from_millis(ms);
        assert_eq!(uplink.send(&access, Time::ZERO, Bytes(1000), &window, calm), arrival(8 + 30));
        assert_eq!(uplink.send(&access, Time::ZERO, Bytes(1000), &window, calm), arrival(16 + 30), "queues behind");
        assert_eq!(uplink.receive(&access, Time::ZERO, Bytes(1000), &window, calm), arrival(30 + 1));
        assert_eq!(uplink.up_busy(), Span::from_millis(16));
    }
}
