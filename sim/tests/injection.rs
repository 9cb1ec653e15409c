//! Attacks on the load: each injected one is refused, counted by its reason, and changes nothing for honest hospitals.

use systole::engine::{Outcome, Setup};
use systole::ledger::{Rejection, Transaction};

use crate::runs::{modelled, regional, rejected, run, run_modelled, setup};

/// All that hospitals submit in a run of `setup`, computed beside the engine.
fn submitted(setup: &Setup) -> Vec<Transaction> {
    let stream = setup.workload(false);
    (0..stream.slices()).flat_map(|index| stream.slice(index).transactions).collect()
}

fn refused_otherwise(outcome: &Outcome, reason: Rejection) -> u64 {
    Rejection::ALL.into_iter().filter(|other| *other != reason).map(|other| rejected(outcome, other)).sum()
}

#[test]
fn without_attacks_everything_takes_effect() {
    let outcome = run_modelled(&regional(&[]));
    assert_eq!(outcome.counts.rejected_total, [0; Rejection::ALL.len()]);
    assert_eq!(outcome.counts.pending_total, 0);
    assert_eq!((outcome.counts.tampered_batches, outcome.counts.repeated_batches), (0, 0));
    assert_eq!(outcome.counts.good, outcome.counts.offered, "everyone has a receipt within the deadline");
}

#[test]
fn every_forged_signature_is_really_rejected_and_nothing_else_is() {
    let scenario = regional(&["inject.forged=0.1"]);
    let setup = setup(&scenario, 2, false);
    let all = submitted(&setup);
    let forged = all.iter().filter(|tx| !tx.authentic).count() as u64;
    assert!(forged * 12 > all.len() as u64 && forged * 9 < all.len() as u64, "a tenth: {forged} of {}", all.len());
    // Real signatures, spoiled and refused by real verification, against the count of what was meant to be forged.
    let outcome = run(&scenario, &setup);
    assert_eq!(outcome.counts.submitted_total, all.len() as u64);
    assert_eq!(rejected(&outcome, Rejection::ForgedSignature), forged);
    assert_eq!(outcome.counts.in_effect_total, all.len() as u64 - forged);
    assert_eq!(refused_otherwise(&outcome, Rejection::ForgedSignature), 0);
}

#[test]
fn forgeries_take_no_goodput_from_honest_hospitals() {
    let scenario = regional(&["inject.forged=0.1"]);
    let setup = modelled(&scenario);
    let window = setup.timing.window();
    let honest = submitted(&setup).iter().filter(|tx| tx.authentic && window.contains(tx.submitted)).count();
    assert_eq!(run(&scenario, &setup).counts.good, honest as u64);
}

#[test]
fn every_replay_is_refused_and_its_original_takes_effect_once() {
    for layer in ["consensus.dissemination=batched", "consensus.dissemination=leader"] {
        let scenario = regional(&["inject.replayed=0.2", layer]);
        let setup = modelled(&scenario);
        let originals = submitted(&setup).len() as u64;
        let outcome = run(&scenario, &setup);
        let copies = outcome.counts.submitted_total - originals;
        assert!(copies * 6 > originals && copies * 4 < originals, "a fifth: {copies} of {originals}");
        assert_eq!(rejected(&outcome, Rejection::Replayed), copies);
        assert_eq!(outcome.counts.in_effect_total, originals);
        assert_eq!(refused_otherwise(&outcome, Rejection::Replayed), 0);
        assert_eq!(outcome.counts.good, outcome.counts.offered, "a copy may overtake its original, not displace it");
    }
}

#[test]
fn a_tampered_batch_is_refused_and_its_true_contents_are_fetched() {
    let scenario = regional(&["inject.tampered_batches=0.3"]);
    let outcome = run_modelled(&scenario);
    assert!(outcome.counts.tampered_batches > 30, "{:?}", outcome.counts);
    assert_eq!(outcome.counts.rejected_total, [0; Rejection::ALL.len()], "no honest transaction pays for it");
    assert_eq!(outcome.counts.in_effect_total, outcome.counts.submitted_total);
    assert_eq!(outcome.counts.good, outcome.counts.offered);
}

#[test]
fn all_attacks_together_are_counted_apart() {
    let keys = ["inject.forged=0.05", "inject.replayed=0.1"];
    // A sequencer that got a spoiled batch hears of it from nobody else, so `central` goes without.
    for further in [["inject.tampered_batches=0.1"], ["consensus.protocol=central"]] {
        let scenario = regional(&[&keys[..], &further].concat());
        let setup = modelled(&scenario);
        let originals = submitted(&setup);
        let authentic = originals.iter().filter(|tx| tx.authentic).count() as u64;
        let outcome = run(&scenario, &setup);
        assert_eq!(outcome.counts.in_effect_total, authentic, "each authentic transaction once, no other ever");
        assert_eq!(rejected(&outcome, Rejection::MempoolFull) + rejected(&outcome, Rejection::GatewayDown), 0);
        assert_eq!(outcome.counts.pending_total, 0);
    }
}

#[test]
fn a_sequencer_that_got_a_spoiled_batch_asks_for_the_true_one() {
    let outcome = run_modelled(&regional(&["consensus.protocol=central", "inject.tampered_batches=0.3"]));
    assert!(outcome.counts.tampered_batches > 30);
    assert_eq!(outcome.counts.in_effect_total, outcome.counts.submitted_total, "nobody else would ever order it");
}

#[test]
fn a_replay_has_no_effect_however_late_it_comes_and_whatever_gateways_forget() {
    let forgetful = ["inject.replayed=0.5", "mempool.remembered=1", "mempool.replay_horizon_s=0.9"];
    let outcome = run_modelled(&regional(&forgetful));
    assert!(rejected(&outcome, Rejection::Expired) > 0, "some came later than the horizon");
    assert!(rejected(&outcome, Rejection::Replayed) > 0, "some came within it");
}

#[test]
fn whoever_refuses_most_of_the_load_does_not_meet_a_slo_on_what_is_left() {
    let scenario = regional(&["mempool.max_transactions=20"]);
    let outcome = run_modelled(&scenario);
    assert!(rejected(&outcome, Rejection::MempoolFull) > 0);
    let offered = outcome.counts.offered;
    assert!(scenario.slos.iter().all(|slo| !slo.holds(&outcome.latencies, offered)), "refused is infinitely late");
    let survivors = outcome.latencies.overall(systole::metrics::Definition::SubmitToReply).count();
    assert!(
        scenario.slos.iter().all(|slo| slo.holds(&outcome.latencies, survivors)),
        "the survivors alone are in time"
    );
}
