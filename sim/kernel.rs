//! The discrete-event kernel: what happens next, and what chance decides.
//!
//! - [`schedule`] joins the two queues below under one virtual clock; an engine needs nothing else of them.
//! - [`agenda`] orders events by the content key `(at, origin, nth)`.
//! - [`multicast`] expands one message to many receivers, 8 bytes per pending delivery.
//! - [`Station`] is a FIFO server as arithmetic: NICs, cores.
//! - [`pool`] runs jobs on worker threads ahead of virtual time and hands results back in order.
//! - [`mod@draw`] is stateless randomness: a value depends on what it is for, never on what was drawn before.
//! - [`workloads`] holds the standard loads that the benchmarks and the tests put on a queue.
//!
//! Nothing here knows what an event means. Everything is sequential and deterministic: equal calls give equal results
//! on every machine, in every build profile.

pub mod agenda;
mod chunks;
pub mod draw;
pub mod multicast;
pub mod pool;
pub mod schedule;
mod station;
pub mod workloads;

#[cfg(test)]
mod properties;

pub use agenda::{Agenda, Queue, Tie};
pub use draw::{Site, draw};
pub use multicast::Multicasts;
pub use schedule::{Occurrence, Schedule};
pub use station::{Station, Stations, Window};
