//! What one delivered message costs through the whole engine: protocol core, NIC queues, connections, crypto cores,
//! statements to judges.
//!
//! `cargo bench --bench engine`. The load is all-to-all votes of 1,000 replicas, the densest traffic that a protocol
//! makes; medians over rounds of one run.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systole::base::{Bytes, Digest, Height, ReplicaId, Span, View};
use systole::consensus::{Checks, Context, Event, Message, Protocol};
use systole::engine::{Setup, Timing, Unwatched, run_protocol};
use systole::ledger::{
    CommitRule, Committee, FaultModel, Leaders, Locks, Phase, Promises, SIGNATURE_BYTES, Signers, Slot, Statement,
};
use systole::scenario::{RunOptions, Scenario};

/// Replicas: the all-to-all round of KERNEL.md.
const REPLICAS: u32 = 1_000;
/// Rounds of votes in one run.
const ROUNDS: u64 = 4;

/// Everyone votes to everyone; a quorum of a round's votes starts the next.
struct AllToAll {
    me: ReplicaId,
    committee: Committee,
    round: u64,
    tallies: Vec<Signers>,
}

#[derive(Debug)]
struct Vote(View);

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct NoSettings {}

impl Protocol for AllToAll {
    const NAME: &'static str = "all-to-all";
    type Message = Vote;
    type Timer = ();
    type Params = NoSettings;

    fn promises(_: &NoSettings) -> Promises {
        Promises {
            tolerates: FaultModel::None,
            leaders: Leaders::Elected,
            slot: Slot::View,
            commit: CommitRule::Quorum,
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            delays: 1,
        }
    }

    fn patience(_: &NoSettings, _: &Committee) -> Span {
        Span::ZERO
    }

    fn recovered(&self) -> Self {
        unreachable!("nobody crashes here")
    }

    fn new(me: ReplicaId, committee: &Committee, _: &NoSettings) -> Self {
        let tallies = vec![Signers::none_of(committee.len()); ROUNDS as usize + 1];
        AllToAll { me, committee: *committee, round: 0, tallies }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Context<'_, Self>) {
        match event {
            Event::Start => {
                ctx.broadcast(Vote(View(0)));
                self.count(self.me, View(0), ctx);
            }
            Event::Received { from, message } => self.count(from, message.0, ctx),
            Event::Submitted | Event::Expired(()) => {}
        }
    }
}

impl AllToAll {
    fn count(&mut self, from: ReplicaId, view: View, ctx: &mut Context<'_, Self>) {
        self.tallies[view.0 as usize].insert(from);
        // A replica may have a later round's quorum before this one's.
        while self.round < ROUNDS && self.tallies[self.round as usize].count() >= self.committee.quorum() {
            self.round += 1;
            let view = View(self.round);
            self.tallies[view.0 as usize].insert(self.me);
            ctx.broadcast(Vote(view));
        }
    }
}

impl Message for Vote {
    fn wire(&self) -> Bytes {
        Bytes(1 + 8 + 32 + SIGNATURE_BYTES)
    }

    fn checks(&self) -> Checks {
        Checks { signatures: 1, hashed: Bytes(0) }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        Some(Statement {
            by: from,
            phase: Phase::Vote,
            view: self.0,
            height: Height(0),
            justify: View(0),
            block: Digest::ZERO,
        })
    }
}

fn setup() -> Setup {
    let workloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
    let settings = [format!("consensus.replicas={REPLICAS}"), "world.load_tps=1".into()];
    let scenario =
        Scenario::load(&workloads.join("regional.toml"), &settings).expect("the committed scenario is valid");
    let world = scenario.world().expect("the committed data are valid");
    let timing = Timing { warm_up: Span::ZERO, window: Span::from_secs(10), drain: Span::ZERO };
    scenario.setup(&world, &RunOptions { threads: 1, modelled: true, load_tps: None, timing: Some(timing) }).0
}

fn main() {
    let setup = setup();
    let deliveries = (ROUNDS + 1) * u64::from(REPLICAS) * u64::from(REPLICAS - 1);
    let once = || {
        let started = Instant::now();
        let outcome = run_protocol::<AllToAll>(&setup, &NoSettings {}, &mut Unwatched).expect("votes break no rule");
        black_box(outcome.digest);
        assert!(outcome.events >= 2 * deliveries, "every vote is delivered, and then verified");
        (started.elapsed(), outcome.events)
    };
    once();
    let mut times: Vec<(Duration, u64)> = (0..7).map(|_| once()).collect();
    times.sort_unstable();
    let nanos = |elapsed: Duration| elapsed.as_nanos() as f64 / deliveries as f64;
    let (median, events) = times[times.len() / 2];
    println!(
        "{REPLICAS} replicas, {} all-to-all rounds: {deliveries} deliveries, {events} events; \
         {:.0} ns per delivered message (fastest run {:.0})",
        ROUNDS + 1,
        nanos(median),
        nanos(times[0].0)
    );
}
