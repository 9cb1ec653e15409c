//! The conformance suite: every registered protocol against the same rules, in modules that the registry generates.

use crate::base::planted;
use crate::base::{ReplicaId, Span, Time};
use crate::consensus::Transport;
use crate::crypto::CostTable;
use crate::engine::{Outcome, ProtocolKind, ProtocolTables, Setup, run};
use crate::faults::{FaultPlan, Outage};
use crate::ledger::{Committee, FaultModel, Rejection};

use super::{CHUNK, Campaign, Finding, HEALED, Unwatched, world};

/// Schedules of each protocol in the test run; `systole check` runs any number.
const SCHEDULES: u64 = 500;
/// Schedules within which f + 1 twins must have forked, and a planted defect must be found.
const FOUND_WITHIN: u64 = 5_000;

/// A calm world in which every message takes exactly as long and nothing costs time. Of `sharded` it has two shards of
/// that size.
fn calm(kind: ProtocolKind, n: u32, faults: FaultPlan) -> Setup {
    let committee = Committee::new(n);
    let patience = ProtocolTables::brisk().patience(kind, &committee);
    let shards = vec![committee; if kind == ProtocolKind::Sharded { 2 } else { 1 }];
    let weaves = ProtocolTables::brisk().promises(kind).weaves();
    let mut setup = world::setup(7, &shards, kind.layers()[0], faults, (patience, weaves), CostTable::free());
    setup.cross = (shards.len() > 1).then(|| ProtocolTables::brisk().sharded.cross(&setup.kinds));
    setup.rtt.fill(Span::from_millis(100));
    setup.link.jitter_permille = 0;
    setup.replica.handler = Span::ZERO;
    setup
}

fn run_calm(kind: ProtocolKind, setup: &Setup) -> Outcome {
    run(kind, &ProtocolTables::brisk(), setup, &mut Unwatched)
        .unwrap_or_else(|error| panic!("{}: {error}", kind.name()))
}

/// Everything submitted is executed everywhere, at every size and over every layer.
fn progress_without_faults(kind: ProtocolKind) {
    for n in [4, 7, 10, 31, 100] {
        for &layer in kind.layers() {
            let mut setup = calm(kind, n, FaultPlan::default());
            setup.layer = layer;
            if n > 10 {
                // Large committees: a second of load.
                setup.timing.window = Span::from_secs(1);
            }
            let outcome = run_calm(kind, &setup);
            let what = format!("{} over {} with {n} replicas", kind.name(), layer.name());
            assert!(outcome.settled && outcome.counts.in_effect_total > 10, "{what}: {:?}", outcome.counts);
            assert_eq!(outcome.counts.pending_total, 0, "{what}");
        }
    }
}

/// As many replicas as the protocol stands are down from the start, or stop one by one.
fn progress_with_crashes(kind: ProtocolKind) {
    for n in [4, 7, 10] {
        let committee = Committee::new(n);
        let faulty = ProtocolTables::brisk().promises(kind).tolerates.tolerated(&committee);
        for spacing_ms in [0, 700] {
            let outage = |(nth, replica): (u64, ReplicaId)| {
                let from = Time::ZERO + Span::from_millis(spacing_ms * nth);
                Outage { replica, from, until: None }
            };
            // Consecutive leaders, the first of them included.
            let outages = (0..).zip(committee.replicas().take(faulty as usize)).map(outage).collect();
            let setup = calm(kind, n, FaultPlan { outages, ..FaultPlan::default() });
            let outcome = run_calm(kind, &setup);
            let what = format!("{} with {faulty} of {n} stopped every {spacing_ms} ms", kind.name());
            assert!(outcome.settled, "{what}: {:?} at {:?}", outcome.counts, outcome.ended);
        }
    }
}

/// From a block's proposal to its commit at most replicas, in message delays: what the paper states.
fn message_delays(kind: ProtocolKind) {
    let setup = calm(kind, 7, FaultPlan::default());
    let outcome = run_calm(kind, &setup);
    let delays = outcome.ordering.quantile_ms(0.5) / 50.0;
    let promised = f64::from(ProtocolTables::brisk().promises(kind).delays);
    assert!((delays - promised).abs() < 0.02, "{} commits after {delays} delays, not {promised}", kind.name());
}

/// Nothing is wrong in any random schedule.
fn random_schedules(kind: ProtocolKind) {
    let campaign = Campaign::new(kind, 1);
    let checked = campaign.run(0..SCHEDULES, None, |_| true);
    if let Some((nth, finding)) = checked.finding {
        panic!("{} in schedule {nth} of seed 1: {finding}\n{}", kind.name(), campaign.plan(nth));
    }
    assert_eq!(checked.schedules, SCHEDULES);
}

/// One more twin than a Byzantine protocol stands, and its honest replicas disagree: the judges are awake.
fn too_many_twins_fork(kind: ProtocolKind) {
    let tables = ProtocolTables::brisk();
    if tables.promises(kind).tolerates != FaultModel::Byzantine {
        return;
    }
    let campaign = Campaign { twins: Some(2), replicas: Some(4), ..Campaign::new(kind, 2) };
    let forked = (0..FOUND_WITHIN).find(|&nth| match campaign.trial(nth).1 {
        Some(super::Finding::Unsafe { violation, .. }) => violation.judge == "agreement",
        _ => false,
    });
    assert!(forked.is_some(), "{}: no fork within {FOUND_WITHIN} schedules", kind.name());
}

/// Each planted defect is found.
fn planted_defects_are_found(kind: ProtocolKind) {
    let campaign = Campaign::new(kind, 3);
    for defect in kind.planted() {
        let found = planted::with(defect, || campaign.run(0..FOUND_WITHIN, None, |_| true).finding);
        let Some((nth, _)) = found else {
            panic!("{}: `{defect}` is not found within {FOUND_WITHIN} schedules", kind.name());
        };
        let (_, without) = campaign.trial(nth);
        assert_eq!(without, None, "{}: schedule {nth} of seed 3 fails without `{defect}` too", kind.name());
    }
    if ProtocolTables::brisk().promises(kind).tolerates == FaultModel::Byzantine {
        let unwritten = planted::with("promises not written", || campaign.run(0..CHUNK, None, |_| true).finding);
        assert!(
            matches!(&unwritten, Some((_, Finding::Panicked(what))) if what.contains("has not written it")),
            "{unwritten:?}"
        );
    }
    let least = if ProtocolTables::brisk().promises(kind).tolerates == FaultModel::None { 1 } else { 8 };
    assert!(kind.planted().len() >= least, "{} has {} planted defects", kind.name(), kind.planted().len());
}

#[test]
fn tendermint_over_gossip_survives_random_schedules_too() {
    let mut campaign = Campaign::new(ProtocolKind::Tendermint, 4);
    let settings = &mut campaign.tables.tendermint;
    // Parts of a block go to three neighbours, and most blocks have several.
    (settings.transport, settings.peers, settings.part_bytes) = (Transport::Gossip, 3, 512);
    let checked = campaign.run(0..SCHEDULES, None, |_| true);
    assert_eq!(checked.finding, None);
    assert_eq!(checked.schedules, SCHEDULES);
}

#[test]
fn schedules_of_shards_meet_everything_that_can_become_of_a_transaction() {
    let campaign = Campaign::new(ProtocolKind::Sharded, 6);
    let (mut committed, mut unproven, mut repeated, mut rejected) = (0, 0, 0, [0; Rejection::ALL.len()]);
    for nth in 0..200 {
        let outcome = campaign.outcome(nth).unwrap_or_else(|error| panic!("schedule {nth}: {error}"));
        let cross = outcome.cross.expect("there are two shards at least").counts;
        (committed, unproven, repeated) =
            (committed + cross.committed, unproven + cross.unproven, repeated + cross.repeated);
        rejected.iter_mut().zip(outcome.counts.rejected_total).for_each(|(sum, count)| *sum += count);
    }
    let reasons = [Rejection::AccountLocked, Rejection::PartnerRefused, Rejection::PartnerSilent];
    let found = reasons.map(|reason| rejected[reason as usize]);
    let all = [&[committed, unproven, repeated][..], &found].concat();
    assert!(committed > 1_000 && all.iter().all(|&count| count > 100), "{all:?}");
}

macro_rules! suite {
    ($($(#[$doc:meta])* $variant:ident, $field:ident: $protocol:ty, $params:ty;)*) => {
        $(
            mod $field {
                use crate::engine::ProtocolKind::$variant;

                #[test]
                fn progress_without_faults() {
                    super::progress_without_faults($variant);
                }

                #[test]
                fn progress_with_crashes() {
                    super::progress_with_crashes($variant);
                }

                #[test]
                fn message_delays() {
                    super::message_delays($variant);
                }

                #[test]
                fn random_schedules() {
                    super::random_schedules($variant);
                }

                #[test]
                fn too_many_twins_fork() {
                    super::too_many_twins_fork($variant);
                }

                #[test]
                fn planted_defects_are_found() {
                    super::planted_defects_are_found($variant);
                }
            }
        )*
    };
}
crate::engine::for_each_protocol!(suite);

#[test]
fn a_schedule_is_a_function_of_its_numbers_and_threads_change_nothing() {
    let campaign = Campaign::new(ProtocolKind::Jolteon, 5);
    let digest = |nth| campaign.outcome(nth).expect("jolteon is safe").digest;
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
    let alone = campaign.run(0..40, None, |_| true);
    let together = campaign.run(0..40, std::num::NonZeroUsize::new(2), |_| true);
    assert_eq!((alone.schedules, alone.events), (together.schedules, together.events));
    assert!(HEALED < campaign.setup(0).timing.end());
}
