//! Validity, no double commit, and accounting.

use super::*;

fn submitted(transaction: &Transaction) -> Tap<'_> {
    Tap::Submitted { transaction }
}

fn took_effect(transaction: &Transaction) -> Tap<'_> {
    Tap::TookEffect { height: Height(1), transaction }
}

#[test]
fn what_was_submitted_takes_effect_once() {
    let (one, two) = (transaction(1), transaction(2));
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&one)).silent(submitted(&two)).silent(took_effect(&two)).silent(took_effect(&one));
}

#[test]
fn a_transaction_that_nobody_submitted_is_convicted() {
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&transaction(1)));
    court.convicts("validity", "no hospital submitted it", took_effect(&transaction(2)));
}

#[test]
fn a_forged_transaction_in_effect_is_convicted() {
    let forged = Transaction { authentic: false, ..transaction(1) };
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&forged));
    court.convicts("validity", "no hospital submitted it", took_effect(&forged));
}

#[test]
fn a_copy_of_what_nobody_submitted_is_convicted_in_effect() {
    let invented = Transaction { replay: true, ..transaction(1) };
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&invented));
    court.convicts("validity", "no hospital submitted it", took_effect(&invented));
}

#[test]
fn a_refused_transaction_in_effect_is_convicted() {
    let tx = transaction(1);
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&tx)).silent(Tap::Rejected { transaction: &tx, reason: Rejection::MempoolFull });
    court.convicts("validity", "no hospital submitted it", took_effect(&tx));
}

#[test]
fn either_copy_of_a_replayed_transaction_may_be_the_one_in_effect() {
    let original = transaction(1);
    let copy = Transaction { replay: true, ..original };
    for (effective, refused) in [(original, copy), (copy, original)] {
        for reason in Rejection::ALL {
            let mut court = Court::of(&JOLTEON);
            court.silent(submitted(&original)).silent(submitted(&copy));
            court.silent(Tap::Rejected { transaction: &refused, reason }).silent(took_effect(&effective));
        }
    }
}

#[test]
fn a_transaction_in_effect_twice_is_convicted() {
    let original = transaction(1);
    let copy = Transaction { replay: true, ..original };
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&original)).silent(submitted(&copy)).silent(took_effect(&original));
    court.convicts("no_double_commit", "transaction 1 takes effect again", took_effect(&copy));
    let mut court = Court::of(&JOLTEON);
    court.silent(submitted(&original)).silent(took_effect(&original));
    court.convicts("validity", "no hospital submitted it", took_effect(&original));
}

#[test]
fn a_batch_that_does_not_hash_to_its_id_is_convicted() {
    let batch = Batch::seal(A, 0, vec![transaction(1), transaction(2)], 1);
    let tampered = batch.tampered();
    assert_eq!(tampered.id(), batch.id());
    Court::of(&JOLTEON).convicts("validity", "hashes to", Tap::Held { replica: A, batch: &tampered });
    let mut court = Court::of(&JOLTEON);
    court.silent(Tap::Held { replica: A, batch: &batch }).silent(Tap::Held { replica: B, batch: &batch });
    court.convicts("validity", "r1 holds a batch", Tap::Held { replica: B, batch: &tampered });
}

/// Three submitted; one in effect, one refused, one left.
fn three_submitted(court: &mut Court) -> &mut Court {
    let txs = [1, 2, 3].map(transaction);
    for tx in &txs {
        court.silent(submitted(tx));
    }
    court.silent(took_effect(&txs[0])).silent(Tap::Rejected { transaction: &txs[1], reason: Rejection::GatewayDown })
}

#[test]
fn load_that_is_in_effect_refused_or_pending_is_accounted_for_at_every_weight() {
    for weight in [1, 4] {
        let mut court = Court(Bench::full(&Committee::new(4), &JOLTEON, &[], weight));
        let inventory = Inventory { on_the_way: 0, unsealed: 1, sealed: 0, undecided: 0 };
        three_submitted(&mut court).silent(Tap::Ended { inventory: &inventory });
    }
}

#[test]
fn load_that_vanished_or_multiplied_is_convicted() {
    let nothing = Inventory::default();
    three_submitted(&mut Court::of(&JOLTEON)).convicts(
        "accounting",
        "3 submitted are not",
        Tap::Ended { inventory: &nothing },
    );
    let too_much = Inventory { on_the_way: 1, unsealed: 0, sealed: 1, undecided: 0 };
    three_submitted(&mut Court::of(&JOLTEON)).convicts("accounting", "2 pending", Tap::Ended { inventory: &too_much });
}
