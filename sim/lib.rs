//! Systole: a high-throughput ledger benchmark and discrete-event simulator for healthcare networks.

pub mod base;
pub mod kernel;
