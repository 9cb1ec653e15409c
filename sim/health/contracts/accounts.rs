//! Money: it goes from one account to another, so the sum over all of them stays nought.

use crate::base::{Encode, HospitalId, Sink};
use crate::health::{Amount, Patient};

use super::table::{Table, Write};

/// Whose money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// A hospital's.
    Hospital(HospitalId),
    /// An insurer's, which a hospital runs ([`super::People::payer`]).
    Payer(HospitalId),
    /// A patient's.
    Patient(Patient),
    /// Of those who run the ledger.
    Operator,
}

impl Encode for Account {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Account::Hospital(hospital) => (0u8, hospital.0).encode(sink),
            Account::Payer(hospital) => (1u8, hospital.0).encode(sink),
            Account::Patient(patient) => {
                2u8.encode(sink);
                patient.encode(sink);
            }
            Account::Operator => 3u8.encode(sink),
        }
    }
}

/// A balance, which may be below nought: who pays settles outside of the ledger what it owes.
#[derive(Clone, Copy, Debug, Default)]
struct Balance(i64);

impl Encode for Balance {
    fn encode(&self, sink: &mut impl Sink) {
        (self.0 as u64).encode(sink);
    }
}

/// Every account, nought at genesis. Payers' are hot: all claims of some dozens of hospitals are paid from one.
#[derive(Clone, Debug)]
pub(super) struct Accounts(Table<Account, Balance>);

impl Accounts {
    pub fn new() -> Accounts {
        Accounts(Table::new(1))
    }

    /// Money goes from one account to another.
    pub fn pay(&mut self, from: Account, to: Account, amount: Amount) {
        let amount = i64::try_from(amount).expect("contracts bound amounts");
        self.add(from, -amount);
        self.add(to, amount);
    }

    fn add(&mut self, account: Account, amount: i64) {
        let balance = self.of(account).checked_add(amount).expect("a run moves less than 2^63 hundredths");
        self.0.put(account, Balance(balance));
    }

    fn of(&self, account: Account) -> i64 {
        self.0.get(&account).copied().unwrap_or_default().0
    }

    /// The balances of all hospitals, payers and patients, and of the operator.
    pub fn by_holder(&self) -> [i64; 4] {
        let mut sums = [0; 4];
        for (account, balance) in self.0.rows() {
            let holder = match account {
                Account::Hospital(_) => 0,
                Account::Payer(_) => 1,
                Account::Patient(_) => 2,
                Account::Operator => 3,
            };
            sums[holder] += balance.0;
        }
        sums
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.0.settle(writes);
    }
}
