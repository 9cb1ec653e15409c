//! Grids against nested loops, ranges against a naive reading of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn loads(text: &str) -> Vec<f64> {
    text.parse::<Loads>().unwrap_or_else(|error| panic!("{error}")).0
}

#[test]
fn a_range_of_loads_is_even_on_a_logarithmic_scale_and_has_its_ends() {
    assert_eq!(loads("1k..100k/3"), [1e3, 1e4, 1e5]);
    assert_eq!(loads("1.001k,1.0031M,7"), [1001.0, 1_003_100.0, 7.0], "the nearest number, not a product");
    assert_eq!(loads("1k..200k/10"), [1e3, 1800.0, 3250.0, 5850.0, 10500.0, 19000.0, 34200.0, 61600.0, 111e3, 200e3]);
    assert_eq!(loads("1234..2M/2"), [1234.0, 2e6]);
    assert_eq!(loads("1.5k, 20,0.5M"), [1500.0, 20.0, 5e5]);
}

#[test]
fn what_is_no_load_is_refused_in_its_own_words() {
    for text in
        ["", "1k..", "1k..2k", "2k..1k/3", "1k..2k/1", "1k..2k/0", "1k..2k/x", "-5", "0", "inf", "nan", "1m", "k", "1,"]
    {
        assert_eq!(text.parse::<Loads>(), Err(GridError::NoLoad(text.into())));
    }
    assert_eq!("1000..1001/9".parse::<Loads>(), Err(GridError::TooFine("1000..1001/9".into())));
}

#[test]
fn values_are_cut_at_commas_outside_brackets_and_quotes() {
    let variation: Variation = "world.only=[\"a,b\", \"c\"],['d'],e".parse().expect("it is one");
    assert_eq!(variation.values, ["[\"a,b\", \"c\"]", "['d']", "e"]);
    for text in ["consensus.replicas", "=4", "consensus.replicas=", "consensus.replicas=4,,16"] {
        assert_eq!(text.parse::<Variation>(), Err(GridError::NoVariation(text.into())));
    }
}

fn variation(key: &str, values: &[&str]) -> Variation {
    Variation { key: key.into(), values: values.iter().map(|value| value.to_string()).collect() }
}

#[test]
fn the_command_line_goes_before_the_file_key_by_key() {
    let vary = BTreeMap::from([
        ("b".to_string(), vec![SweepValue::Whole(1), SweepValue::Whole(2)]),
        ("a".to_string(), vec![SweepValue::Name("x".into())]),
    ]);
    let keys = SweepKeys { vary, load_tps: Some(SweepLoads::Text("1k,2k".into())), replicates: 5 };
    let grid = |request: &GridRequest| Grid::new(&keys, request).expect("it is one");
    let of_file = grid(&GridRequest::default());
    assert_eq!(of_file.vary, [variation("a", &["x"]), variation("b", &["1", "2"])]);
    assert_eq!((of_file.load_tps, of_file.replicates), (vec![1e3, 2e3], 5));
    let asked = GridRequest {
        vary: vec![variation("c", &["7"]), variation("a", &["y", "z"])],
        loads: Some(Loads(vec![9.0])),
        replicates: Some(2),
    };
    let both = grid(&asked);
    assert_eq!(both.vary, [variation("a", &["y", "z"]), variation("b", &["1", "2"]), variation("c", &["7"])]);
    assert_eq!((both.load_tps, both.replicates), (vec![9.0], 2));
}

#[test]
fn what_is_no_grid_is_refused() {
    let grid = |vary: &[Variation], loads: &[f64], replicates| {
        let request = GridRequest { vary: vary.into(), loads: Some(Loads(loads.into())), replicates: Some(replicates) };
        Grid::new(&SweepKeys::default(), &request).map(|_| ())
    };
    let [a, load] = [variation("a", &["1"]), variation(LOAD_KEY, &["5"])];
    assert_eq!(grid(&[a.clone(), a.clone()], &[], 1), Err(GridError::Twice("a".into())));
    assert_eq!(grid(&[variation("a", &["1", "1"])], &[], 1), Err(GridError::Twice("a=1".into())));
    assert_eq!(grid(&[], &[5.0, 5.0], 1), Err(GridError::Twice("world.load_tps=5".into())));
    let load = [load];
    assert!(matches!(grid(&load, &[5.0], 1), Err(GridError::Fixed { .. })));
    assert_eq!(grid(&load, &[], 1), Ok(()));
    assert!(matches!(grid(&[variation("sweep.replicates", &["1"])], &[], 1), Err(GridError::Fixed { .. })));
    assert_eq!(grid(&[], &[], 0), Err(GridError::Size(0)));
    assert_eq!(grid(&[], &[], 100_000), Ok(()));
    assert_eq!(grid(&[], &[1.0, 2.0], 50_001), Err(GridError::Size(100_002)));
}

proptest! {
    /// The k-th of n loads is the n-1-th root of the ratio, k times; rounding moves it by half a unit of the third digit.
    #[test]
    fn ranges_match_repeated_multiplication(from in 1_u32..1_000_000, times in 2.0_f64..10_000.0, count in 2_usize..20) {
        let (from, to) = (f64::from(from), libm::floor(f64::from(from) * times));
        let text = format!("{from}..{to}/{count}");
        let ratio = libm::pow(to / from, 1.0 / (count - 1) as f64);
        match text.parse::<Loads>() {
            Ok(Loads(loads)) => {
                prop_assert_eq!(loads.len(), count);
                prop_assert_eq!((loads[0], loads[count - 1]), (from, to));
                let mut naive = from;
                for load in &loads {
                    prop_assert!((load / naive - 1.0).abs() < 0.005_001, "{} is not near {}", load, naive);
                    naive *= ratio;
                }
            }
            // Only where steps are finer than the third digit.
            Err(error) => prop_assert!(error == GridError::TooFine(text) && ratio < 1.0101),
        }
    }

    /// Cells come in the order of nested loops, each once.
    #[test]
    fn cells_are_nested_loops(sizes in proptest::collection::vec(1_usize..4, 0..4), count in 0_usize..4) {
        let values = |size: usize| (0..size).map(|value| value.to_string()).collect();
        let vary: Vec<Variation> =
            sizes.iter().enumerate().map(|(nth, &size)| Variation { key: format!("k{nth}"), values: values(size) }).collect();
        let load_tps: Vec<f64> = (1..=count).map(|load| load as f64).collect();
        let mut naive: Vec<Vec<(String, String)>> = vec![Vec::new()];
        let loads = Variation { key: LOAD_KEY.into(), values: load_tps.iter().map(f64::to_string).collect() };
        for variation in vary.iter().chain((count > 0).then_some(&loads)) {
            let with = |cell: &Vec<(String, String)>, value: &String| {
                cell.iter().cloned().chain([(variation.key.clone(), value.clone())]).collect()
            };
            naive = naive.iter().flat_map(|cell| variation.values.iter().map(move |value| with(cell, value))).collect();
        }
        let grid = Grid { vary, load_tps, replicates: 1 };
        let cells: Vec<_> = (0..grid.cells()).map(|nth| grid.cell(nth)).collect();
        prop_assert_eq!(cells, naive);
    }
}
