//! The standard loads by which event queues are compared, each over any queue of the kernel.
//!
//! - [`hold`]: a fixed number of pending events, each pop followed by one push. Measures the queue and nothing else.
//! - [`phold`]: the benchmark of parallel simulators: nodes pass jobs to themselves or to each other.
//! - [`votes`]: a consensus round, all-to-all twice, with a queue at every receiver.
//!
//! Every load returns a digest of all that happened, which must be the same over every queue.

pub mod hold;
pub mod phold;
pub mod votes;
