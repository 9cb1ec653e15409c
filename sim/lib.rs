//! Systole: a high-throughput ledger benchmark and discrete-event simulator for healthcare networks.
//!
//! Modules, lowest first; a module uses only modules above it in this list (a test reads the `use` lines):
//! `base`, `kernel`, `crypto`, `ledger`, `network`, `health`, `consensus`, `faults`, `observe`, `metrics`, `engine`,
//! `scenario`, `experiment`, `report`, `cli`. `ARCHITECTURE.md` says what each is for and why.

pub mod base;
pub mod consensus;
pub mod crypto;
pub mod engine;
pub mod faults;
pub mod health;
pub mod kernel;
pub mod ledger;
pub mod metrics;
pub mod network;
pub mod observe;
pub mod report;
pub mod scenario;
