//! The integration tests: one binary, one module for each thing that must hold of whole runs and of the code itself.

mod audit;
mod contracts;
mod dask;
mod determinism;
mod distances;
mod emit;
mod faults;
mod injection;
mod load;
mod mixtures;
mod replay;
mod runs;
mod scenario;
mod sharded;
mod sweep;
mod sweep_faults;
mod tendermint;
mod tidy;
mod weight;
