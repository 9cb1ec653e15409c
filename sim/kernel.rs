//! The kernel: what runs a simulation and knows nothing of what is simulated.

pub mod pool;
