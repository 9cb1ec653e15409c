//! What a run measures: latency histograms, time series, utilisation, and which resource binds.

mod latency;
mod series;
mod service;
mod utilisation;

pub use latency::{Definition, Latencies, LatencyHistogram};
pub use series::{Absorption, Backlog, Point, Series};
pub use service::{Served, Service, jain};
pub use utilisation::{Binding, Resource, Utilisation, UtilisationTable};
