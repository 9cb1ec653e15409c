use expect_test::{Expect, expect};

use super::*;

/// Designs whose criteria are known exactly: goodput, p99, cost. A difference of a tenth is shown.
fn of(designs: &[(&str, &str, u32, [f64; 3])]) -> Vec<Contender> {
    let contender = |&(name, faults, replicas, [goodput, p99, cost]): &(&str, &str, u32, [f64; 3])| Contender {
        name: name.into(),
        replicates: 5,
        goodput_tps: (goodput > 0.0).then_some(goodput),
        is_open: false,
        stopped_by: Some("wan_connection".into()),
        means: [Some(goodput), Some(p99), Some(cost)],
        stands: Some(StandsSummary { faults: faults.into(), replicas, of: 4 }),
    };
    designs.iter().map(contender).collect()
}

fn told(contenders: &[Contender]) -> Advice {
    let compared = |criterion: Criterion, a: usize, b: usize| {
        let [a, b] = [a, b].map(|nth| contenders[nth].means[criterion as usize]);
        let (a, b) = (a?, b?);
        let more = if (a - b).abs() < 0.1 * a.max(b) { Ordering::Equal } else { a.total_cmp(&b) };
        Some(if criterion == Criterion::Goodput { more } else { more.reverse() })
    };
    advise(contenders, &compared, &Terms { at: "at 5,000 tx/s".into(), currency: "USD".into() })
}

fn check(contenders: &[Contender], verdict: Verdict, expected: Expect) {
    let advice = told(contenders);
    assert_eq!(advice.verdict, verdict, "{:?}", advice.reasons);
    assert!(advice.reasons.iter().all(|reason| reason.ends_with('.')), "{:?}", advice.reasons);
    expected.assert_eq(&(advice.reasons.join("\n") + "\n"));
}

#[test]
fn one_that_is_better_in_all_is_chosen_for_the_first_reason() {
    let contenders = of(&[
        ("jolteon", "byzantine", 1, [10_000.0, 900.0, 2.0]),
        ("mysticeti", "byzantine", 1, [20_000.0, 700.0, 1.5]),
        ("pbft", "byzantine", 1, [5_000.0, 800.0, 3.0]),
    ]);
    assert_eq!(told(&contenders).recommended, ["mysticeti"]);
    check(
        &contenders,
        Verdict::Recommended,
        expect![[r#"
            Choose mysticeti.
            It sustains most under its SLO: 20,000 tx/s, against 10,000 of jolteon and 5,000 of pbft.
            What binds jolteon beyond 10,000 tx/s, mysticeti beyond 20,000 tx/s and pbft beyond 5,000 tx/s: wan_connection.
        "#]],
    );
}

#[test]
fn ties_are_narrowed_by_the_next_criterion_and_what_is_given_up_is_named() {
    let mut contenders = of(&[
        ("jolteon", "byzantine", 1, [10_000.0, 900.0, 1.0]),
        ("mysticeti", "byzantine", 1, [10_100.0, 700.0, 2.0]),
        ("pbft", "byzantine", 1, [10_050.0, 720.0, 1.5]),
        ("tusk", "byzantine", 1, [2_000.0, 690.0, 1.0]),
    ]);
    for contender in &mut contenders[..3] {
        (contender.is_open, contender.stopped_by) = (true, None);
    }
    contenders[3].stopped_by = Some("none".into());
    check(
        &contenders,
        Verdict::Recommended,
        expect![[r#"
            Choose pbft.
            They sustain most under their SLO: 10,000 to 10,100 tx/s, against 2,000 of tusk.
            Of those not told apart by that, their receipts come soonest: 99 % of them within 700 to 720 ms at 5,000 tx/s, against 900 of jolteon.
            Of those not told apart by that, it costs least: 1.50 USD per million transactions at 5,000 tx/s, against 2.00 of mysticeti.
            What pbft gives up: jolteon is cheaper (1.00 USD per million transactions against 1.50, -33.3 %); tusk is cheaper (1.00 USD per million transactions against 1.50, -33.3 %).
            What binds tusk beyond 2,000 tx/s: no resource (timers or latency stop it).
            pbft sustains the largest load that was tried: larger ones would show where that ends.
        "#]],
    );
}

#[test]
fn what_nothing_tells_apart_is_a_tie() {
    let contenders =
        of(&[("jolteon", "byzantine", 1, [10_000.0, 900.0, 2.0]), ("pbft", "byzantine", 1, [10_010.0, 910.0, 2.01])]);
    assert_eq!(told(&contenders).chosen, [0, 1]);
    check(
        &contenders,
        Verdict::Tied,
        expect![[r#"
        Choose any of jolteon and pbft: nothing that was measured tells them apart, so decide by what was not, such as who maintains them. More replicates would narrow the intervals.
        What binds jolteon beyond 10,000 tx/s and pbft beyond 10,010 tx/s: wan_connection.
    "#]],
    );
}

#[test]
fn none_is_recommended_where_none_sustains_anything() {
    let mut contenders =
        of(&[("jolteon", "byzantine", 1, [0.0, 9_000.0, 2.0]), ("raft", "crash", 1, [0.0, 9_100.0, 2.0])]);
    contenders[1].stopped_by = Some("none".into());
    check(
        &contenders,
        Verdict::NoneSustains,
        expect![[r#"
        None can be recommended: no design sustains any of the loads that were tried under its SLO (goodput at least 99 % of the load, every threshold met, in every run).
        What binds raft at every load: no resource (timers or latency stop it).
        What binds jolteon at every load: wan_connection.
        Try smaller loads, or change what binds.
    "#]],
    );
}

#[test]
fn a_cheaper_design_that_stands_crashes_only_is_a_trade_off_and_no_winner() {
    let contenders = of(&[
        ("raft", "crash", 1, [20_000.0, 500.0, 1.0]),
        ("jolteon", "byzantine", 1, [10_000.0, 900.0, 2.0]),
        ("pbft", "byzantine", 1, [9_900.0, 600.0, 2.5]),
        ("central", "none", 0, [1_000.0, 1_000.0, 9.0]),
    ]);
    assert_eq!(told(&contenders).recommended, ["pbft"]);
    check(
        &contenders,
        Verdict::Recommended,
        expect![[r#"
        Choose pbft.
        Its receipts come soonest: 99 % of them within 600 ms at 5,000 tx/s, against 900 of jolteon.
        What pbft gives up: jolteon is cheaper (2.00 USD per million transactions against 2.50, -20.0 %).
        raft sustains more (20,000 tx/s against 9,900, +102 %), is sooner (99 % within 500 ms against 600, -16.7 %) and is cheaper (1.00 USD per million transactions against 2.50, -60.0 %), but stands crashes and no lies (1 of 4): choose it only where every replica's operator is trusted.
        central stands no fault at all, and is shown to be better in nothing.
        What binds raft beyond 20,000 tx/s, jolteon beyond 10,000 tx/s, pbft beyond 9,900 tx/s and central beyond 1,000 tx/s: wan_connection.
    "#]],
    );
}

#[test]
fn of_equals_the_one_that_stands_most_faults_and_the_only_one_are_chosen() {
    let mut contenders = of(&[
        ("replicas=4", "byzantine", 1, [10_000.0, 900.0, 2.0]),
        ("replicas=7", "byzantine", 2, [10_000.0, 900.0, 2.0]),
    ]);
    contenders[1].stands = Some(StandsSummary { faults: "byzantine".into(), replicas: 2, of: 7 });
    check(
        &contenders,
        Verdict::Recommended,
        expect![[r#"
        Choose replicas=7.
        It stands most faulty replicas: 2 of 7, against 1 of 4 of replicas=4.
        What binds replicas=4 beyond 10,000 tx/s and replicas=7 beyond 10,000 tx/s: wan_connection.
    "#]],
    );
    let contenders =
        of(&[("jolteon", "byzantine", 1, [10_000.0, 900.0, 2.0]), ("raft", "crash", 1, [10_000.0, 900.0, 2.0])]);
    check(
        &contenders,
        Verdict::Recommended,
        expect![[r#"
        Choose jolteon.
        It is the only one that sustains any of the loads tried and stands replicas that lie.
        raft stands crashes and no lies (1 of 4), and is shown to be better in nothing.
        What binds jolteon beyond 10,000 tx/s and raft beyond 10,000 tx/s: wan_connection.
    "#]],
    );
}

#[test]
fn single_runs_recommend_nothing() {
    let mut contenders =
        of(&[("jolteon", "byzantine", 1, [10_000.0, 900.0, 2.0]), ("pbft", "byzantine", 1, [5_000.0, 900.0, 2.0])]);
    contenders[1].replicates = 1;
    check(
        &contenders,
        Verdict::SingleRuns,
        expect![[r#"
        None is recommended: a single run of pbft cannot tell a difference from noise. Add --replicates 5.
        What binds jolteon beyond 10,000 tx/s and pbft beyond 5,000 tx/s: wan_connection.
    "#]],
    );
}
