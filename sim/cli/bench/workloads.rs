//! What `systole bench` measures: the operations that runs are made of, the event queue under the loads of the literature,
//! and whole protocols on a small world.

use std::env;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::{Bytes, NodeId};
use crate::cli::exit::{Failure, Replay};
use crate::crypto::{ContractCosts, CostTable};
use crate::engine::{Control, Progress};
use crate::experiment::{ScenarioText, simulate};
use crate::health::measure_contracts;
use crate::kernel::workloads::hold::Hold;
use crate::kernel::workloads::phold::Phold;
use crate::kernel::workloads::votes::Round;
use crate::kernel::{Agenda, Schedule};
use crate::scenario::{RunOptions, Scenario, WorldData};

use super::Rates;

/// Operations, kernel, and each of [`PROTOCOLS`].
pub(super) const STEPS: u64 = 2 + PROTOCOLS.len() as u64;
/// One of each family: a leader that waits for acknowledgements, all-to-all votes, a chain of certificates, two DAGs.
const PROTOCOLS: [&str; 6] = ["raft", "pbft", "tendermint", "jolteon", "mysticeti", "bullshark"];
/// How much of the scenario is simulated.
const PHASES: [&str; 3] = ["run.warm_up_s=0", "run.window_s=4", "run.drain_s=0"];

/// Wall time for the operations of one repetition.
const OPERATIONS: Duration = Duration::from_millis(600);
/// Pending events of the hold model and of PHOLD, and PHOLD's nodes.
const PENDING: u64 = 100_000;
const NODES: u32 = 10_000;
/// Events that are timed of each.
const EVENTS: u64 = 500_000;
/// Nodes that vote, all to all; and rounds.
const VOTERS: u32 = 200;
const ROUNDS: u64 = 5;

/// The `nth` of [`STEPS`].
pub(super) fn step(nth: u64, protocols: &Protocols, stop: &Arc<AtomicBool>, rates: &mut Rates) -> Result<(), Failure> {
    match nth {
        0 => operations(rates),
        1 => {
            kernel(rates);
            Ok(())
        }
        nth => protocols.run(nth as usize - 2, stop, rates),
    }
}

fn operations(rates: &mut Rates) -> Result<(), Failure> {
    let contracts = measure_contracts();
    let table = CostTable::measure(OPERATIONS, &env::temp_dir(), "bench".into(), contracts)?;
    let mut add = |name, unit, units: f64, ns: u64| {
        rates.add("operations", name, unit, units * 1e9 / ns.max(1) as f64);
    };
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    add("sign", "signatures/s", 1.0, table.sign_ns);
    add("verify one by one", "signatures/s", 1.0, table.verify().0);
    add("verify in batches of 256", "signatures/s", 256.0, table.batch_verify(256).0);
    add("hash 1 KiB", "MiB/s", mib(1 << 10), table.hash(Bytes(1 << 10)).0);
    add("hash 1 MiB", "MiB/s", mib(1 << 20), table.hash(Bytes(1 << 20)).0);
    add("Merkle root", "leaves/s", 1.0, table.merkle_leaf_ns);
    add("contract calls", "calls/s", 1.0, mean(&contracts));
    add("rows of state in their tree", "rows/s", 1.0, table.state_row_ns);
    add("commits to the disk, 4 KiB", "commits/s", 1.0, table.fsync_ns);
    Ok(())
}

/// The mean over contracts, each as often as another.
fn mean(costs: &ContractCosts) -> u64 {
    let ContractCosts { record, consent, access, share, claim, prescription, pack, trial, licence, governance } =
        *costs;
    [record, consent, access, share, claim, prescription, pack, trial, licence, governance].iter().sum::<u64>() / 10
}

fn kernel(rates: &mut Rates) {
    let mut hold = Hold::<Agenda<u64>>::new(PENDING);
    let rate = per_second(EVENTS, || _ = black_box(hold.run(EVENTS)));
    rates.add("kernel", "hold model, 100,000 pending", "events/s", rate);
    let mut phold = Phold::<Agenda<NodeId>>::new(NODES, PENDING);
    phold.run(2 * PENDING);
    let rate = per_second(EVENTS, || phold.run(EVENTS));
    rates.add("kernel", "PHOLD, 10,000 nodes, 100,000 jobs", "events/s", rate);
    let mut round = Round::<Schedule<u32>>::new(VOTERS);
    let mut delivered = 0;
    let started = Instant::now();
    (0..ROUNDS).for_each(|_| delivered += round.run(|_| ()).delivered);
    let rate = delivered as f64 / started.elapsed().as_secs_f64();
    rates.add("kernel", "votes of 200 nodes, all to all", "deliveries/s", rate);
}

fn per_second(count: u64, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    count as f64 / started.elapsed().as_secs_f64()
}

/// The same small world under each protocol.
pub(super) struct Protocols {
    scenarios: Vec<(Scenario, Vec<String>)>,
    world: WorldData,
    path: PathBuf,
}

impl Protocols {
    /// Validates the scenario under each of them.
    pub fn new(path: &Path) -> Result<Protocols, Failure> {
        let missing = !path.exists();
        let text = ScenarioText::read(path).map_err(|error| match missing {
            true => Failure::Usage(format!("{error}; run this where the project's workloads/ are, or name a scenario")),
            false => error.into(),
        })?;
        let under = |protocol: &&str| {
            let phases = PHASES.iter().map(|phase| phase.to_string());
            let settings: Vec<String> = phases.chain([format!("consensus.protocol={protocol}")]).collect();
            Ok((text.parse(&settings)?, settings))
        };
        let scenarios: Vec<(Scenario, Vec<String>)> = PROTOCOLS.iter().map(under).collect::<Result<_, Failure>>()?;
        let world = scenarios[0].0.world()?;
        Ok(Protocols { scenarios, world, path: path.into() })
    }

    fn run(&self, nth: usize, stop: &Arc<AtomicBool>, rates: &mut Rates) -> Result<(), Failure> {
        let (scenario, settings) = &self.scenarios[nth];
        let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: None };
        let started = Instant::now();
        let simulated = simulate(scenario, &self.world, &options, &mut Stop(stop.clone()));
        let wall_s = started.elapsed().as_secs_f64();
        let replay = || Replay { scenario: self.path.clone(), settings: settings.clone() };
        let outcome = simulated.map_err(|error| Failure::Run(error, replay()))?.outcome;
        let name = PROTOCOLS[nth];
        rates.add("protocols: events", name, "events/s", outcome.events as f64 / wall_s);
        rates.add("protocols: virtual time", name, "simulated s/s", outcome.ended.as_secs_f64() / wall_s);
        Ok(())
    }
}

/// Stops a run at Ctrl-C.
struct Stop(Arc<AtomicBool>);

impl Control for Stop {
    fn proceed(&mut self, _: &Progress) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}
