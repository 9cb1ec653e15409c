//! What to change first: for each class of resource the scenario's keys that widen it.

use std::collections::BTreeMap;

use crate::metrics::Resource;
use crate::scenario::Dissemination;

/// How a class of resource gets more capacity, or less to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widening {
    /// What to do, to follow "first:"; names the keys.
    pub what: &'static str,
    /// The scenario's keys in it.
    pub keys: &'static [&'static str],
}

/// How `resource` is widened where payload travels by `layer`.
pub fn widening(resource: Resource, layer: Dissemination) -> Widening {
    let (what, keys): (&'static str, &'static [&'static str]) = match resource {
        Resource::HospitalCpu => (
            "share the load among more hospitals (world.hospitals), or charge for faster machines (crypto.costs)",
            &["world.hospitals", "crypto.costs"],
        ),
        Resource::HospitalUplink => (
            "share the load among more hospitals (world.hospitals), or keep resources off the ledger (ledger.payload)",
            &["world.hospitals", "ledger.payload"],
        ),
        Resource::HospitalDownlink => ("share the load among more hospitals (world.hospitals)", &["world.hospitals"]),
        Resource::ReplicaEgress if layer == Dissemination::Leader => (
            "take payload out of proposals (consensus.dissemination), or raise replica.egress_mbps",
            &["consensus.dissemination", "replica.egress_mbps"],
        ),
        Resource::ReplicaEgress => ("raise replica.egress_mbps", &["replica.egress_mbps"]),
        Resource::ReplicaIngress => ("raise replica.ingress_mbps", &["replica.ingress_mbps"]),
        Resource::CryptoCores => ("raise replica.crypto_cores", &["replica.crypto_cores"]),
        Resource::ProtocolCore => (
            "cut fewer, larger batches (batch.max_delay_ms, batch.max_bytes), or lower replica.handler_us",
            &["batch.max_delay_ms", "batch.max_bytes", "replica.handler_us"],
        ),
        Resource::ExecutionCore => (
            "spread execution over shards (consensus.protocol=sharded), or charge for a faster core (crypto.costs)",
            &["consensus.protocol", "crypto.costs"],
        ),
        Resource::WanConnection if layer == Dissemination::Certified => (
            "raise certified.workers, each with connections of its own, or link.window_bytes, what one has in flight",
            &["certified.workers", "link.window_bytes"],
        ),
        Resource::WanConnection => {
            ("raise link.window_bytes, what one connection has in flight", &["link.window_bytes"])
        }
        Resource::BlockSpace if layer == Dissemination::Leader => {
            ("raise block.max_inline_bytes", &["block.max_inline_bytes"])
        }
        Resource::BlockSpace => {
            ("raise block.max_bytes and block.max_batches", &["block.max_bytes", "block.max_batches"])
        }
        Resource::Mempool => ("raise mempool.max_transactions, or find what fills it", &["mempool.max_transactions"]),
    };
    Widening { what, keys }
}

/// Where nothing is at its capacity.
pub const LATENCY: Widening = Widening {
    what: "lower batch.max_delay_ms, or allow more in slo.thresholds and slo.deadline_ms",
    keys: &["batch.max_delay_ms", "slo.thresholds", "slo.deadline_ms"],
};

/// What a saturation point says, as far as advice needs it.
#[derive(Clone, Debug)]
pub(super) struct Saturated<'a> {
    /// The variant, in a few words.
    pub name: &'a str,
    /// Where its payload travels.
    pub layer: Dissemination,
    /// What binds, or `none`.
    pub binding: &'a str,
    /// How busy that is, 0 to 1.
    pub binding_busy: Option<f64>,
    /// How busy every class is at the largest load that is sustained.
    pub busy: &'a BTreeMap<String, f64>,
    /// Whether no load was too much.
    pub unbounded: bool,
}

/// What to change first, in a sentence or two.
pub(super) fn advice(of: &Saturated<'_>) -> String {
    let Saturated { name, layer, binding, binding_busy, busy, unbounded } = of;
    if *unbounded {
        return format!("{name}: no load up to limit.to_tps was too much; raise limit.to_tps first.");
    }
    let known = Resource::ALL.into_iter().find(|resource| resource.name() == *binding);
    let first = match (known, binding_busy) {
        (Some(resource), Some(busy)) => {
            format!("{binding} binds ({:.0} %); first {}.", busy * 100.0, widening(resource, *layer).what)
        }
        _ => format!("nothing is at its capacity, latency breaks the objective; first {}.", LATENCY.what),
    };
    // A full mempool is a symptom of what is behind it.
    let others = busy.iter().filter(|(class, _)| class != binding && *class != Resource::Mempool.name());
    let next = others.max_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, share)| **share > 0.0);
    let next = next.map(|(class, share)| {
        let percent = share * 100.0;
        match 1.0 / share {
            times if times < 1.05 => format!(" Next is {class}, which is full as well ({percent:.0} %)."),
            times if times < 100.0 => {
                format!(
                    " Next is {class} at {percent:.0} %: at most about {times:.1} times the load before it is full."
                )
            }
            _ => " Nothing else is more than 1 % busy.".into(),
        }
    });
    format!("{name}: {first}{}", next.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::Value;

    use super::*;
    use crate::scenario::schema;

    const LAYERS: [Dissemination; 5] = [
        Dissemination::Leader,
        Dissemination::Batched,
        Dissemination::Gossip,
        Dissemination::Kept,
        Dissemination::Certified,
    ];

    /// Whether the schema of scenarios knows a dotted key.
    fn is_known(schema: &Value, key: &str) -> bool {
        let mut at = schema;
        for word in key.split('.') {
            while let Some(path) = at["$ref"].as_str().or_else(|| at["allOf"][0]["$ref"].as_str()) {
                at = schema.pointer(path.trim_start_matches('#')).expect("references lead somewhere");
            }
            at = &at["properties"][word];
        }
        !at.is_null()
    }

    #[test]
    fn every_class_has_advice_whose_keys_exist() {
        let schema = serde_json::to_value(schema()).expect("a schema is plain data");
        assert!(!is_known(&schema, "link.windows") && !is_known(&schema, "links.window_bytes"));
        let all = Resource::ALL.into_iter().flat_map(|resource| LAYERS.map(|layer| widening(resource, layer)));
        for Widening { what, keys } in all.chain([LATENCY]) {
            assert!(!keys.is_empty(), "{what}");
            for key in keys {
                assert!(what.contains(key) && is_known(&schema, key), "{key} in: {what}");
            }
        }
        assert!(is_known(&schema, "limit.to_tps"));
    }

    fn said(binding: &str, busy: &[(&str, f64)], layer: Dissemination) -> String {
        let busy: BTreeMap<String, f64> = busy.iter().map(|(name, share)| (name.to_string(), *share)).collect();
        let binding_busy = busy.get(binding).copied();
        advice(&Saturated { name: "jolteon, 16", layer, binding, binding_busy, busy: &busy, unbounded: false })
    }

    #[test]
    fn advice_reads_well() {
        let busy = [("wan_connection", 0.98), ("crypto_cores", 0.41), ("mempool", 1.0)];
        expect![
            "jolteon, 16: wan_connection binds (98 %); first raise link.window_bytes, what one connection has in flight. \
             Next is crypto_cores at 41 %: at most about 2.4 times the load before it is full."
        ]
        .assert_eq(&said("wan_connection", &busy, Dissemination::Batched));
        expect![
            "jolteon, 16: nothing is at its capacity, latency breaks the objective; first lower batch.max_delay_ms, or \
             allow more in slo.thresholds and slo.deadline_ms. Next is crypto_cores at 41 %: at most about 2.4 times the \
             load before it is full."
        ]
        .assert_eq(&said("none", &busy[1..], Dissemination::Batched));
        let full = [("replica_egress", 1.0), ("wan_connection", 0.97)];
        expect![
            "jolteon, 16: replica_egress binds (100 %); first take payload out of proposals (consensus.dissemination), or \
             raise replica.egress_mbps. Next is wan_connection, which is full as well (97 %)."
        ]
        .assert_eq(&said("replica_egress", &full, Dissemination::Leader));
    }
}
