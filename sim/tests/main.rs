//! The integration tests: one binary, one module for each thing that must hold of whole runs and of the code itself.

mod audit;
mod compare;
mod contracts;
mod determinism;
mod distances;
mod exports;
mod faults;
mod injection;
mod limits;
mod load;
mod mixtures;
mod readme;
mod regress;
mod replay;
mod report;
mod runs;
mod scenario;
mod sharded;
mod sweep;
mod sweep_faults;
mod tendermint;
mod tidy;
mod traces;
mod voice;
mod weight;
