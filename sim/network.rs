//! The wide-area network: where nodes are, how long messages take, and what stands in their way.
//!
//! A message's way from replica to replica: egress NIC (FIFO at its line rate) → connection (Nagle, window cap, order)
//! → link (half the RTT, jitter, losses as retransmission delay, partitions) → ingress NIC. Hospitals reach their
//! gateway over an access link with rates, RTT, jitter and loss of its connectivity class. Every mechanism is a file
//! with a test against a hand-computed case; none keeps an event: all of it is arithmetic at the moment of sending.

mod access;
mod backbone;
mod disturbance;
mod flow;
mod geography;
mod outage;
mod partition;

pub use access::{AccessClass, AccessLink, Uplink};
pub use backbone::{Attachment, Backbone, CityMatrix, Metro};
pub use disturbance::{Arrivals, Disturbance};
pub use flow::{Flow, Link, LossRate, SEGMENT_BYTES};
pub use geography::{FIBRE_KM_PER_MS, Place, fibre_rtt};
pub use outage::Cuts;
pub use partition::Partition;
