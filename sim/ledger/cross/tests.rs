//! Two ledgers against scripts: what each stage does, that nothing happens twice, and that no order of stages creates,
//! destroys or strands an amount.

use proptest::prelude::*;

use super::*;
use crate::base::HospitalId;
use crate::ledger::Kind;

const AT: Time = Time(5);

fn transfer(debit: u32, credit: u32) -> Transfer {
    Transfer { home: 0, partner: 1, debit, credit, amount: 7 }
}

fn tx(number: u64, stage: Stage) -> Transaction {
    let first = Transaction {
        id: Digest::of(&number.to_le_bytes()),
        number: TxNumber(number),
        submitted: Time(0),
        hospital: HospitalId(0),
        wire: 300,
        payload: 0,
        kind: Kind(0),
        authentic: true,
        replay: false,
        stage: Stage::Lock,
    };
    if stage == Stage::Lock { first } else { first.at_stage(stage, 400, true) }
}

/// Executes a stage of transaction `number`, which moves 7 from account `number % 3` to account `number % 2`.
fn step(ledger: &mut CrossLedger, number: u64, stage: Stage) -> Step {
    ledger.apply(&tx(number, stage), &transfer(number as u32 % 3, number as u32 % 2), Height(1), AT)
}

fn totals(gained: i64, escrow: u64, locks: u64) -> Totals {
    Totals { gained, escrow, locks }
}

#[test]
fn an_amount_moves_in_four_stages() {
    let (mut home, mut partner) = (CrossLedger::default(), CrossLedger::default());
    assert_eq!(step(&mut home, 1, Stage::Lock), Step::Locked);
    assert_eq!(home.totals(), totals(-7, 7, 1));
    assert_eq!(step(&mut partner, 1, Stage::Prepare), Step::Voted { yes: true });
    assert_eq!(partner.totals(), totals(0, 0, 1));
    assert_eq!(step(&mut home, 1, Stage::Yes), Step::Decided { commit: true, by: Stage::Yes });
    assert_eq!(home.totals(), totals(-7, 0, 0));
    assert_eq!(step(&mut partner, 1, Stage::Commit), Step::Settled { commit: true });
    assert_eq!(partner.totals(), totals(7, 0, 0));
    assert!(home.is_quiet() && partner.is_quiet());
}

#[test]
fn a_locked_account_refuses_and_the_other_shard_votes_no() {
    let (mut home, mut partner) = (CrossLedger::default(), CrossLedger::default());
    assert_eq!(step(&mut home, 1, Stage::Lock), Step::Locked);
    assert_eq!(step(&mut home, 4, Stage::Lock), Step::Refused(Rejection::AccountLocked), "account 1 as well");
    assert_eq!(step(&mut home, 3, Stage::Lock), Step::Locked, "account 0");
    assert_eq!(step(&mut partner, 1, Stage::Prepare), Step::Voted { yes: true });
    assert_eq!(step(&mut partner, 3, Stage::Prepare), Step::Voted { yes: false }, "account 1 as well");
    assert_eq!(step(&mut home, 3, Stage::No), Step::Decided { commit: false, by: Stage::No });
    assert_eq!(home.totals(), totals(-7, 7, 1), "3 has its amount back, 1 still waits");
    assert_eq!(step(&mut home, 3, Stage::Lock), Step::Locked, "its account is free again");
}

#[test]
fn whoever_is_ordered_first_decides_and_the_rest_comes_too_late() {
    for (first, second) in [(Stage::Expire, Stage::Yes), (Stage::Yes, Stage::Expire), (Stage::Yes, Stage::No)] {
        let mut home = CrossLedger::default();
        step(&mut home, 1, Stage::Lock);
        assert_eq!(step(&mut home, 1, first), Step::Decided { commit: first == Stage::Yes, by: first });
        assert_eq!(step(&mut home, 1, second), Step::Ignored);
        assert_eq!(home.totals(), totals(if first == Stage::Yes { -7 } else { 0 }, 0, 0));
    }
}

#[test]
fn an_abort_that_overtakes_its_prepare_leaves_no_lock() {
    let mut partner = CrossLedger::default();
    assert_eq!(step(&mut partner, 1, Stage::Abort), Step::Ignored);
    assert_eq!(step(&mut partner, 1, Stage::Prepare), Step::Ignored);
    assert_eq!(partner.totals(), Totals::default());
}

#[test]
fn what_is_not_proved_does_nothing() {
    let mut home = CrossLedger::default();
    step(&mut home, 1, Stage::Lock);
    let unproved = Transaction { authentic: false, ..tx(1, Stage::Yes) };
    assert_eq!(home.apply(&unproved, &transfer(1, 1), Height(1), AT), Step::Unproven);
    assert_eq!(home.totals(), totals(-7, 7, 1));
}

#[test]
fn an_account_pays_no_more_than_it_has() {
    let mut home = CrossLedger::default();
    let much = Transfer { amount: OPENING_BALANCE - 1, ..transfer(1, 1) };
    assert_eq!(home.apply(&tx(1, Stage::Lock), &much, Height(1), AT), Step::Locked);
    step(&mut home, 1, Stage::Yes);
    assert_eq!(step(&mut home, 4, Stage::Lock), Step::Refused(Rejection::AccountEmpty));
}

#[test]
fn ids_tell_stages_apart_and_nothing_else() {
    let stages = [Stage::Prepare, Stage::Yes, Stage::No, Stage::Expire, Stage::Commit, Stage::Abort];
    let ids: std::collections::BTreeSet<Digest> = stages.iter().map(|&stage| tx(1, stage).id).collect();
    assert_eq!(ids.len(), stages.len());
    let other_way = tx(1, Stage::Prepare).at_stage(Stage::Yes, 999, false);
    assert_eq!(other_way.id, tx(1, Stage::Yes).id);
}

/// Two shards, each home of half of the transactions, and what each has said so far.
struct World {
    ledgers: [CrossLedger; 2],
    said: Vec<(usize, u64, Stage)>,
}

impl World {
    fn execute(&mut self, shard: usize, number: u64, stage: Stage) {
        let step = step(&mut self.ledgers[shard], number, stage);
        let says = match step {
            Step::Locked => vec![Stage::Prepare],
            Step::Voted { yes } => vec![if yes { Stage::Yes } else { Stage::No }],
            Step::Decided { commit, .. } => vec![if commit { Stage::Commit } else { Stage::Abort }],
            _ => vec![],
        };
        self.said.extend(says.into_iter().map(|stage| (1 - shard, number, stage)));
        if step == Step::Locked {
            self.said.push((shard, number, Stage::Expire));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was said is executed in any order, any number of times, and in the end everything once more: amounts
    /// are conserved, nothing stays locked, and both shards did the same.
    #[test]
    fn no_order_of_stages_creates_destroys_or_strands_anything(
        begun in prop::collection::vec(0u64..24, 1..24),
        picks in prop::collection::vec(0usize..1_000, 0..200),
    ) {
        let mut world = World { ledgers: Default::default(), said: Vec::new() };
        let (mut begun, mut picks) = (begun.into_iter(), picks.into_iter());
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let fresh = begun.next().filter(|number| seen.insert(*number));
            if let Some(number) = fresh {
                world.execute(number as usize % 2, number, Stage::Lock);
            }
            match picks.next() {
                Some(pick) if !world.said.is_empty() => {
                    let (shard, number, stage) = world.said[pick % world.said.len()];
                    world.execute(shard, number, stage);
                }
                Some(_) => {}
                None => break,
            }
            prop_assert!(world.said.len() < 10_000);
        }
        // A vote or an expiry, then the decision: whoever still waits is served in the end.
        for _ in 0..4 {
            for (shard, number, stage) in world.said.clone() {
                world.execute(shard, number, stage);
            }
        }
        let [a, b] = &world.ledgers;
        prop_assert!(a.is_quiet() && b.is_quiet());
        prop_assert_eq!(a.totals().gained + b.totals().gained, 0);
        for ledger in [a, b] {
            prop_assert_eq!((ledger.totals().escrow, ledger.totals().locks), (0, 0));
        }
    }
}
