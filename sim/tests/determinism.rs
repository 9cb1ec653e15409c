//! A run is a pure function of scenario, seed and code: not of threads, host, build profile, or whether signatures are
//! really computed.

use expect_test::{Expect, expect};
use systole::engine::ProtocolKind;

use crate::runs::{regional, run, run_modelled, setup};

/// Threads, and whether cryptography is modelled only.
const WAYS: [(usize, bool); 4] = [(1, false), (2, false), (8, false), (8, true)];

/// The shortest variant of the regional scenario that still forms hundreds of blocks.
const SHORT: [&str; 3] = ["run.warm_up_s=0.5", "run.window_s=1.5", "world.load_tps=300"];

fn all_ways_agree(settings: &[&str]) {
    let scenario = regional(settings);
    let first = run_modelled(&scenario).digest;
    for (threads, modelled) in WAYS {
        let outcome = run(&scenario, &setup(&scenario, threads, modelled));
        assert_eq!(outcome.digest, first, "{settings:?} on {threads} threads, modelled: {modelled}");
        assert_eq!(outcome.real.totals.verified > 0, !modelled, "only a real run verifies signatures");
    }
}

#[test]
fn jolteon_over_batches_is_deterministic() {
    all_ways_agree(&SHORT);
}

#[test]
fn jolteon_with_payload_in_proposals_is_deterministic() {
    all_ways_agree(&[&SHORT[..], &["consensus.dissemination=leader", "consensus.replicas=7"]].concat());
}

#[test]
fn the_central_sequencer_is_deterministic() {
    all_ways_agree(&[&SHORT[..], &["consensus.protocol=central"]].concat());
}

#[test]
fn every_protocol_is_deterministic_over_every_layer() {
    for kind in ProtocolKind::ALL {
        for layer in kind.layers() {
            let settings =
                [format!("consensus.protocol={}", kind.name()), format!("consensus.dissemination={}", layer.name())];
            let settings: Vec<&str> = SHORT.into_iter().chain(settings.iter().map(String::as_str)).collect();
            let scenario = regional(&settings);
            let real = run(&scenario, &setup(&scenario, 2, false));
            assert_eq!(real.digest, run_modelled(&scenario).digest, "{settings:?}");
        }
    }
}

#[test]
fn attacks_and_losses_are_deterministic_too() {
    let attacks = ["inject.forged=0.05", "inject.replayed=0.05", "inject.tampered_batches=0.2", "link.loss_percent=1"];
    all_ways_agree(&[&SHORT[..], &attacks].concat());
}

#[test]
fn another_seed_is_another_run() {
    let digest = |seed| run_modelled(&regional(&[&SHORT[..], &[seed]].concat())).digest;
    assert_ne!(digest("seed=7"), digest("seed=8"));
    assert_eq!(digest("seed=8"), digest("seed=8"));
}

/// Convicts a build profile, a host or a change of code that alters results. A change that is meant to alter them
/// runs the tests with `UPDATE_EXPECT=1` and says so in the changelog.
fn golden(settings: &[&str], expected: Expect) {
    expected.assert_eq(&run_modelled(&regional(settings)).digest.to_string());
}

#[test]
fn the_regional_scenario_never_changes_under_jolteon_over_batches() {
    golden(
        &["consensus.protocol=jolteon", "consensus.dissemination=batched"],
        expect!["7592f7f2e2092d94b44986237b7b8f9522890b7db86a4c44ff0cef784ba12292"],
    );
}

#[test]
fn the_regional_scenario_never_changes_under_jolteon_with_payload_in_proposals() {
    golden(
        &["consensus.protocol=jolteon", "consensus.dissemination=leader"],
        expect!["38e1e5edb1dfee1753bc7791c41a191ad8b92b7492a915f77c32b54dbae78c13"],
    );
}

#[test]
fn the_regional_scenario_never_changes_under_hotstuff() {
    golden(
        &["consensus.protocol=hotstuff", "consensus.dissemination=batched"],
        expect!["2b71993b6dd431f434a8e0c82d331b55f2552cb7e3fe762376be2791854cfd05"],
    );
}

#[test]
fn the_regional_scenario_never_changes_under_hotstuff_2() {
    golden(
        &["consensus.protocol=hotstuff2", "consensus.dissemination=batched"],
        expect!["7592f7f2e2092d94b44986237b7b8f9522890b7db86a4c44ff0cef784ba12292"],
    );
}

#[test]
fn the_regional_scenario_never_changes_under_the_central_sequencer() {
    golden(
        &["consensus.protocol=central", "consensus.dissemination=batched"],
        expect!["e2cca133f15a268e7d79bb5e86c069c352b60331a7b498786dda08af48f575cc"],
    );
}
