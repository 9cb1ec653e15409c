//! Tendermint in the whole engine: over both transports and every layer, with crashes and partitions.

use systole::metrics::Definition;

use crate::runs::{committed_between, quantile_ms, regional_with, run_modelled};

const TENDERMINT: &str = "consensus.protocol=tendermint";
const GOSSIP: &str = "protocol.tendermint.transport=gossip";

#[test]
fn it_commits_over_every_layer_and_transport() {
    for transport in ["protocol.tendermint.transport=direct", GOSSIP] {
        for layer in ["leader", "batched", "gossip"] {
            let layer = format!("consensus.dissemination={layer}");
            let outcome = run_modelled(&regional_with(7, "", &[TENDERMINT, transport, &layer]));
            assert_eq!(outcome.counts.pending_total, 0, "{transport}, {layer}");
            let p50 = quantile_ms(&outcome, Definition::SubmitToCommit, 0.5);
            // Half of a height of about 1.4 s to wait for a proposal, then three delays.
            assert!((700.0..1_300.0).contains(&p50), "{transport}, {layer}: {p50} ms");
        }
    }
}

#[test]
fn thirty_one_replicas_commit_over_gossip_in_parts() {
    let sparse = ["protocol.tendermint.peers=4", "protocol.tendermint.part_bytes=4096", "gossip.degree=4"];
    for layer in ["consensus.dissemination=leader", "consensus.dissemination=gossip"] {
        let settings = [&[TENDERMINT, GOSSIP, layer, "world.load_tps=200"][..], &sparse].concat();
        let outcome = run_modelled(&regional_with(31, "", &settings));
        assert_eq!(outcome.counts.pending_total, 0, "{layer}: {:?}", outcome.counts);
    }
}

#[test]
fn it_goes_on_past_dead_proposers_and_who_was_cut_off_catches_up() {
    let faults = "[[fault]]\nkind = \"crash\"\nreplica = 2\nat_s = 2.0\n\
                  [[fault]]\nkind = \"partition\"\nside = [4]\nfrom_s = 2.0\nuntil_s = 8.0\n";
    for transport in ["protocol.tendermint.transport=direct", GOSSIP] {
        let settings = [TENDERMINT, transport, "protocol.tendermint.timeout_propose_ms=1000", "run.drain_s=40"];
        let outcome = run_modelled(&regional_with(7, faults, &settings));
        assert!(committed_between(&outcome, 3.0, 7.0) > 100, "{transport}: five of seven are a quorum");
        assert!(outcome.counts.pending_total < 100, "{transport}: what the dead gateway had: {:?}", outcome.counts);
        assert!(outcome.ended.as_secs_f64() < 46.0 || outcome.counts.pending_total > 0, "{transport}");
    }
}
