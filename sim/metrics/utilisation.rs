//! Utilisation of every class of resource, and which one binds.

use serde::{Deserialize, Serialize};

use crate::base::{Encode, Sink, Span};

/// A class of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Hospitals' machines, which hash and sign.
    HospitalCpu,
    /// Hospitals' uplinks.
    HospitalUplink,
    /// Hospitals' downlinks.
    HospitalDownlink,
    /// Replicas' NICs, sending.
    ReplicaEgress,
    /// Replicas' NICs, receiving.
    ReplicaIngress,
    /// Replicas' cores that verify and hash.
    CryptoCores,
    /// The replica core that runs the protocol.
    ProtocolCore,
    /// The replica core that executes blocks.
    ExecutionCore,
    /// Connections between replicas, against their window over RTT.
    WanConnection,
    /// What blocks may order (bytes or batches, whichever is nearer to its bound), against what they do.
    BlockSpace,
    /// Gateways' mempools, at their fullest.
    Mempool,
}

impl Resource {
    /// Every class, in the order of reports.
    pub const ALL: [Resource; 11] = [
        Resource::HospitalCpu,
        Resource::HospitalUplink,
        Resource::HospitalDownlink,
        Resource::ReplicaEgress,
        Resource::ReplicaIngress,
        Resource::CryptoCores,
        Resource::ProtocolCore,
        Resource::ExecutionCore,
        Resource::WanConnection,
        Resource::BlockSpace,
        Resource::Mempool,
    ];

    /// The class's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Resource::HospitalCpu => "hospital_cpu",
            Resource::HospitalUplink => "hospital_uplink",
            Resource::HospitalDownlink => "hospital_downlink",
            Resource::ReplicaEgress => "replica_egress",
            Resource::ReplicaIngress => "replica_ingress",
            Resource::CryptoCores => "crypto_cores",
            Resource::ProtocolCore => "protocol_core",
            Resource::ExecutionCore => "execution_core",
            Resource::WanConnection => "wan_connection",
            Resource::BlockSpace => "block_space",
            Resource::Mempool => "mempool",
        }
    }
}

/// One class over its nodes, in parts per million of its capacity: integers, so that they can be part of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utilisation {
    /// The class.
    pub resource: Resource,
    /// Mean over nodes, ppm.
    pub mean_ppm: u64,
    /// The busiest node, ppm.
    pub max_ppm: u64,
    /// Which node that is.
    pub busiest: usize,
    /// What says whether the class binds, ppm: the busiest replica, as each carries a share of everything; of hospitals
    /// the 99th percentile, as a single site's line limits only that site.
    pub telling_ppm: u64,
}

/// What limits a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Binding {
    /// No resource is near its capacity: latency is made of distances and timers.
    Nothing {
        /// The busiest class all the same.
        busiest: Resource,
    },
    /// The class whose busiest node is nearest to its capacity.
    Resource {
        /// The class.
        resource: Resource,
    },
}

impl Binding {
    /// The resource, or what it says when none binds.
    pub fn name(&self) -> &'static str {
        match self {
            Binding::Nothing { .. } => "none",
            Binding::Resource { resource } => resource.name(),
        }
    }
}

/// Utilisation from which a class is said to bind: at 80 % an M/D/1 queue waits two service times on average.
const BINDS_FROM_PPM: u64 = 800_000;

/// Utilisation of every class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UtilisationTable {
    /// One row for each class that was measured.
    pub rows: Vec<Utilisation>,
}

impl UtilisationTable {
    /// Adds a class: `busy` of `capacity` for each node.
    pub fn add(&mut self, resource: Resource, nodes: impl Iterator<Item = (Span, Span)>) {
        let ppm = nodes.map(|(busy, capacity)| (u128::from(busy.0) * 1_000_000 / u128::from(capacity.0.max(1))) as u64);
        let ppm: Vec<u64> = ppm.collect();
        let Some((busiest, &max_ppm)) = ppm.iter().enumerate().max_by_key(|&(index, &ppm)| (ppm, usize::MAX - index))
        else {
            return;
        };
        let mean_ppm = ppm.iter().sum::<u64>() / ppm.len() as u64;
        let telling_ppm = match resource {
            Resource::HospitalCpu | Resource::HospitalUplink | Resource::HospitalDownlink => percentile_99(&ppm),
            _ => max_ppm,
        };
        self.rows.push(Utilisation { resource, mean_ppm, max_ppm, busiest, telling_ppm });
    }

    /// The binding resource, read from the telling node of each class. A full mempool is a symptom of what is behind
    /// it, so it binds only where nothing else does.
    pub fn binding(&self) -> Binding {
        let cause = |row: &&Utilisation| row.resource != Resource::Mempool;
        let first = self.rows.iter().filter(cause).max_by_key(|row| row.telling_ppm);
        let mempool = self.rows.iter().find(|row| !cause(row));
        match (first, mempool) {
            (Some(row), _) if row.telling_ppm >= BINDS_FROM_PPM => Binding::Resource { resource: row.resource },
            (_, Some(row)) if row.telling_ppm >= BINDS_FROM_PPM => Binding::Resource { resource: Resource::Mempool },
            (Some(row), _) => Binding::Nothing { busiest: row.resource },
            (None, _) => Binding::Nothing { busiest: Resource::ProtocolCore },
        }
    }
}

/// The least value that at least 99 % of `values` do not exceed.
fn percentile_99(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * 99).div_ceil(100) - 1]
}

impl Encode for UtilisationTable {
    fn encode(&self, sink: &mut impl Sink) {
        for row in &self.rows {
            (row.resource as u8).encode(sink);
            row.mean_ppm.encode(sink);
            row.max_ppm.encode(sink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(Resource, u64)]) -> UtilisationTable {
        let mut table = UtilisationTable::default();
        for &(resource, percent) in rows {
            table.add(resource, [(Span(percent), Span(100)), (Span(0), Span(100))].into_iter());
        }
        table
    }

    #[test]
    fn the_busiest_class_binds_and_a_full_mempool_is_a_symptom() {
        let rows = [(Resource::Mempool, 100), (Resource::ReplicaEgress, 97), (Resource::CryptoCores, 90)];
        assert_eq!(table(&rows).binding(), Binding::Resource { resource: Resource::ReplicaEgress });
        let rows = [(Resource::Mempool, 100), (Resource::ReplicaEgress, 30)];
        assert_eq!(table(&rows).binding(), Binding::Resource { resource: Resource::Mempool });
        let rows = [(Resource::Mempool, 1), (Resource::ReplicaEgress, 30)];
        assert_eq!(table(&rows).binding(), Binding::Nothing { busiest: Resource::ReplicaEgress });
    }

    #[test]
    fn one_slow_hospital_of_many_does_not_bind() {
        let mut table = table(&[(Resource::BlockSpace, 85)]);
        let lines = (0..200).map(|hospital| (Span(if hospital == 7 { 100 } else { 5 }), Span(100)));
        table.add(Resource::HospitalUplink, lines);
        assert_eq!(table.binding(), Binding::Resource { resource: Resource::BlockSpace });
    }

    #[test]
    fn mean_and_maximum_are_over_nodes() {
        let row = table(&[(Resource::CryptoCores, 50)]).rows[0];
        assert_eq!((row.mean_ppm, row.max_ppm, row.busiest), (250_000, 500_000, 0));
    }
}
