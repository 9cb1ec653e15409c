//! Faults, attacks, losses and tight bounds all at once, drawn by number: whatever goes wrong together, no judge objects,
//! nothing panics, and the load is accounted for.

use crate::runs::{modelled, regional_with, run};

/// Mixtures drawn in the suite. `MIXTURES=n` draws more, `FIRST=n` others.
const MIXTURES: u64 = 60;

/// A choice among `below`, from the mixture's number and the choice's own.
fn choose(mixture: u64, nth: u64, below: u64) -> u64 {
    let bytes = [mixture, nth].map(u64::to_le_bytes).concat();
    systole::base::Digest::of(&bytes).first_word() % below
}

/// The scenario of mixture `number`: replicas, tables, settings.
fn mixture(number: u64) -> (u32, String, Vec<String>) {
    let pick = |nth, below| choose(number, nth, below);
    let replicas = 2 + pick(0, 9) as u32;
    let mut tables = String::new();
    for crash in 0..pick(1, 3) {
        let (replica, at) = (pick(10 + crash, replicas.into()), pick(20 + crash, 40) as f64 / 10.0);
        tables += &format!("[[fault]]\nkind = \"crash\"\nreplica = {replica}\nat_s = {at:?}\n");
    }
    for cut in 0..pick(2, 3) {
        let side: Vec<u64> =
            (0..u64::from(replicas)).filter(|replica| pick(100 + 20 * cut + replica, 2) == 0).collect();
        let (from, length) = (pick(30 + cut, 30) as f64 / 10.0, pick(40 + cut, 60) as f64 / 10.0);
        let one_way = pick(50 + cut, 2) == 0;
        tables += &format!(
            "[[fault]]\nkind = \"partition\"\nside = {side:?}\nfrom_s = {from:?}\nuntil_s = {:?}\none_way = {one_way}\n",
            from + length
        );
    }
    let of = |nth, choices: &[&str]| choices[pick(nth, choices.len() as u64) as usize].to_string();
    let settings = vec![
        format!("seed={number}"),
        "run.window_s=3".into(),
        "world.load_tps=150".into(),
        of(60, &["consensus.protocol=jolteon", "consensus.protocol=central", "consensus.protocol=jolteon"]),
        of(61, &["consensus.dissemination=batched", "consensus.dissemination=leader"]),
        of(62, &["block.kept=1", "block.kept=3", "block.kept=64"]),
        of(63, &["block.max_batches=1", "block.max_batches=10000"]),
        of(64, &["mempool.max_transactions=30", "mempool.max_transactions=100000"]),
        of(65, &["mempool.remembered=3", "mempool.remembered=60000"]),
        of(66, &["batch.max_bytes=400", "batch.max_bytes=5000", "batch.max_bytes=500000"]),
        of(67, &["link.loss_percent=0", "link.loss_percent=5"]),
        of(68, &["link.nagle=false", "link.nagle=true"]),
        of(69, &["protocol.jolteon.view_timeout_ms=100", "protocol.jolteon.view_timeout_ms=700"]),
        of(70, &["inject.forged=0", "inject.forged=0.5"]),
        of(71, &["inject.replayed=0", "inject.replayed=0.5"]),
        of(72, &["inject.tampered_batches=0", "inject.tampered_batches=0.5"]),
        of(73, &["run.weight=1", "run.weight=3"]),
        of(74, &["block.resend_ms=300", "block.resend_ms=5000"]),
        of(75, &["link.jitter_percent=0", "link.jitter_percent=100"]),
    ];
    (replicas, tables, settings)
}

#[test]
fn whatever_goes_wrong_together_no_judge_objects() {
    let count = std::env::var("MIXTURES").ok().and_then(|text| text.parse().ok()).unwrap_or(MIXTURES);
    let first = std::env::var("FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut in_effect = 0;
    for number in first..first + count {
        let (replicas, tables, settings) = mixture(number);
        let told = std::panic::catch_unwind(|| {
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            let scenario = regional_with(replicas, &tables, &settings);
            run(&scenario, &modelled(&scenario)).counts
        });
        let told = told.unwrap_or_else(|_| panic!("mixture {number}: {replicas} replicas, {settings:?}\n{tables}"));
        in_effect += told.in_effect_total;
    }
    assert!(in_effect > 100 * count, "{in_effect} transactions took effect in {count} mixtures: hardly anything ran");
}
