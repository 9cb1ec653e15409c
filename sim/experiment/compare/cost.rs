//! What a million transactions cost.
//!
//! Machines are paid by the hour, busy or not, so they cost the less per transaction the more of them there are: a cost is
//! one at a load. Whatever is used all the time is shared by the transactions that were served; what is stored comes in
//! blocks, and is shared by those that they commit, so that where blocks fall at the window's edges makes no difference. What is not in it: hospitals' machines and lines, memory, discounts, backups, people.

use serde::Serialize;

use crate::experiment::UsageSummary;
use crate::scenario::Prices;

const MILLION: f64 = 1e6;
const GIGA: f64 = 1e9;
const HOUR_S: f64 = 3_600.0;
const MONTHS_OF_A_YEAR: f64 = 12.0;
const JOULES_OF_A_KWH: f64 = 3.6e6;

/// What a million transactions cost, by what it is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Replicas' cores for as long as a million transactions take.
    pub machines: f64,
    /// What left replicas.
    pub egress: f64,
    /// The ledger at every replica, for as long as it is kept.
    pub storage: f64,
    /// Replicas' work.
    pub energy: f64,
    /// All of it.
    pub total: f64,
    /// Energy of replicas' work, kWh, whatever it costs.
    pub energy_kwh: f64,
}

impl Cost {
    /// Of what `replicas` used while `goodput_tps` were served; nothing where nothing was.
    pub fn of(usage: &UsageSummary, replicas: u32, goodput_tps: f64, prices: &Prices) -> Option<Cost> {
        let millions = goodput_tps * usage.window_s / MILLION;
        if millions <= 0.0 {
            return None;
        }
        let core_hours = usage.core_s(replicas) / HOUR_S;
        let energy_kwh = usage.busy_core_s() * prices.core_second_joules / JOULES_OF_A_KWH / millions;
        let months = MONTHS_OF_A_YEAR * prices.retention_years;
        let machines = core_hours * prices.vcpu_hour / millions;
        let egress = usage.egress_bytes as f64 / GIGA * prices.egress_gb / millions;
        let stored_bytes = usage.ledger_bytes_per_tx * usage.copies() * MILLION;
        let storage = stored_bytes / GIGA * prices.storage_gb_month * months;
        let energy = energy_kwh * prices.energy_kwh;
        Some(Cost { machines, egress, storage, energy, total: machines + egress + storage + energy, energy_kwh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds in which four replicas of six cores served 50,000 transactions/s: half a million.
    fn usage() -> UsageSummary {
        UsageSummary {
            window_s: 10.0,
            cores: 6,
            protocol_core_s: 4.0,
            crypto_core_s: 30.0,
            execution_core_s: 2.0,
            egress_bytes: 2_000_000_000,
            ledger_bytes: 250_000_000,
            ledger_copies_bytes: 1_000_000_000,
            ledger_bytes_per_tx: 500.0,
        }
    }

    #[test]
    fn each_part_follows_from_its_price() {
        let prices = Prices {
            vcpu_hour: 0.36,
            egress_gb: 0.05,
            storage_gb_month: 0.1,
            retention_years: 10.0,
            core_second_joules: 5.0,
            energy_kwh: 0.2,
            ..Prices::default()
        };
        let cost = Cost::of(&usage(), 4, 50_000.0, &prices).expect("something was served");
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        // 4 × 6 cores × 10 s = 240 core-seconds = 0.0667 core-hours, for half a million.
        near(cost.machines, 240.0 / 3_600.0 * 0.36 / 0.5);
        near(cost.egress, 2.0 * 0.05 / 0.5);
        // 500 bytes of each of a million, four times.
        near(cost.storage, 2.0 * 0.1 * 120.0);
        near(cost.energy_kwh, 36.0 * 5.0 / 3.6e6 / 0.5);
        near(cost.energy, cost.energy_kwh * 0.2);
        near(cost.total, cost.machines + cost.egress + cost.storage + cost.energy);
    }

    #[test]
    fn machines_cost_half_as_much_for_twice_the_load_and_nothing_served_has_no_cost() {
        let cost = |tps| Cost::of(&usage(), 4, tps, &Prices::default());
        let machines = |tps| cost(tps).expect("something was served").machines;
        assert!((machines(1_000.0) / machines(2_000.0) - 2.0).abs() < 1e-12);
        assert_eq!(cost(0.0), None);
    }
}
