//! The main loop, and the state that its steps share.

use slab::Slab;
use thiserror::Error;

use crate::base::{Bytes, Digest, Encode, NodeId, Rate, ReplicaId, Span, Time};
use crate::consensus::{Layer, Protocol};
use crate::kernel::{Occurrence, Schedule, Station, Window};
use crate::ledger::{Committee, Promises, Rejection, Transaction};
use crate::metrics::{Latencies, LatencyHistogram, Resource, Series, Service, UtilisationTable};
use crate::network::{Flow, Uplink};
use crate::observe::{Inventory, Tap, Violation};

use super::Setup;
use super::archive::Archive;
use super::contracts::Docket;
use super::event::{Envelope, Event, Upload, Wire};
use super::gateway::Unsealed;
use super::outcome::{Counts, Outcome, Real};
use super::replica::{Machine, Replica};
use super::settle::Crossing;
use super::shard::{Member, Shard};
use super::supply::Supply;
use super::witness::Witness;

/// Occurrences between two looks at the control: a fraction of a millisecond.
const CONTROL_EVERY: u64 = 1 << 13;
/// Length of a point of the time series.
const SERIES_STEP: Span = Span::from_millis(500);

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Virtual time.
    pub now: Time,
    /// When it ends at the latest.
    pub end: Time,
    /// Transactions submitted so far.
    pub submitted: u64,
    /// Transactions in effect so far.
    pub in_effect: u64,
    /// Blocks that some replica has executed so far.
    pub blocks: u64,
    /// Events so far.
    pub events: u64,
}

/// Who watches a run from outside virtual time.
pub trait Control {
    /// Called often; false stops the run.
    fn proceed(&mut self, progress: &Progress) -> bool;

    /// Who is shown what machines do; asked once, before the run begins.
    fn witness(&mut self) -> Option<Box<dyn Witness>> {
        None
    }
}

/// Nobody watches: every run goes on to its end.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Control for Unwatched {
    fn proceed(&mut self, _: &Progress) -> bool {
        true
    }
}

/// Why a run has no outcome.
#[derive(Debug, Error)]
pub enum RunError {
    /// A judge found a broken rule.
    #[error("at {at:?} of virtual time, judge {violation}")]
    Unsafe {
        /// When.
        at: Time,
        /// What.
        violation: Violation,
    },
    /// The control stopped it.
    #[error("interrupted at {0:?} of virtual time")]
    Interrupted(Time),
}

/// Runs `setup` under protocol `P`, registered or not.
pub fn run_protocol<P: Protocol>(
    setup: &Setup,
    params: &P::Params,
    control: &mut dyn Control,
) -> Result<Outcome, RunError> {
    let mut engine = Engine::<P>::new(setup, params);
    engine.witness = control.witness();
    engine.start();
    engine.drive(control)?;
    engine.finish()
}

/// Everything that moves. Steps are methods in the files that the module's table names.
pub(super) struct Engine<'a, P: Protocol> {
    pub setup: &'a Setup,
    pub schedule: Schedule<Event>,
    pub window: Window,
    pub machines: Vec<Machine>,
    pub replicas: Vec<Replica<P>>,
    pub shards: Vec<Shard>,
    /// Who each machine is.
    pub members: Vec<Member>,
    /// Connections between replicas: row-major by sender, one table for each of the layer's lanes.
    pub flows: Vec<Flow>,
    pub uplinks: Vec<Uplink>,
    pub hospital_cpu: Vec<Station>,
    pub supply: Supply,
    pub uploads: Slab<Upload>,
    pub unsealed: Slab<Unsealed>,
    pub envelopes: Slab<Envelope<P>>,
    pub outboxes: Slab<Vec<(Option<ReplicaId>, Wire<P>)>>,
    pub promises: Promises,
    /// The most that a connection carries by the protocol's own limit.
    pub connection_rate: Option<Rate>,
    /// Identities of the machines after the committees': the second machine of each twin.
    pub twins: Vec<ReplicaId>,
    /// What deciding a call of each kind takes, in nanoseconds.
    pub call_ns: Vec<u64>,
    /// Where there are several shards.
    pub crossing: Option<Crossing>,
    /// Where the ledger runs contracts.
    pub docket: Option<Docket>,
    /// What took effect, where that is kept.
    pub archive: Option<Archive>,
    /// Who is shown what machines do.
    pub witness: Option<Box<dyn Witness>>,
    pub violation: Option<Violation>,
    pub counts: Counts,
    pub latencies: Latencies,
    pub service: Service,
    pub ordering: LatencyHistogram,
    pub series: Series,
    pub hasher: blake3::Hasher,
    /// Reused by every multicast.
    pub arrivals: Vec<(NodeId, Time)>,
    /// Transactions neither in effect nor refused, unweighted.
    pub unresolved: u64,
}

impl<'a, P: Protocol> Engine<'a, P> {
    fn new(setup: &'a Setup, params: &P::Params) -> Self {
        let twins = setup.faults.twins();
        let promises = P::promises(params);
        let shards = Shard::all(setup, &promises);
        let members = Member::of_all(&shards, &twins);
        let nodes = members.len();
        let window = setup.timing.window();
        let source = setup.workload(setup.real);
        Engine {
            setup,
            schedule: Schedule::new(nodes + setup.hospitals.len()),
            window,
            machines: (0..nodes).map(|_| Machine::new(setup)).collect(),
            replicas: members.iter().map(|member| Replica::new(member, setup, params)).collect(),
            shards,
            members,
            flows: vec![Flow::default(); setup.layer.lanes(&setup.layer_limits) * nodes * nodes],
            uplinks: vec![Uplink::default(); setup.hospitals.len()],
            hospital_cpu: vec![Station::default(); setup.hospitals.len()],
            supply: Supply::new(source, setup.threads, setup.replicas(), setup.seed, setup.real),
            uploads: Slab::new(),
            unsealed: Slab::new(),
            envelopes: Slab::new(),
            outboxes: Slab::new(),
            promises,
            connection_rate: P::connection_rate(params),
            twins,
            call_ns: setup.call_ns(),
            crossing: Crossing::of(setup),
            docket: Docket::of(setup),
            archive: Archive::of(setup),
            witness: None,
            violation: None,
            counts: Counts::default(),
            latencies: Latencies::new(setup.regions.len()),
            service: Service::new(setup.hospitals.len(), setup.classes.len(), setup.regions.len()),
            ordering: LatencyHistogram::default(),
            series: Series::new(SERIES_STEP),
            hasher: blake3::Hasher::new(),
            arrivals: Vec::new(),
            unresolved: 0,
        }
    }

    /// The node of a hospital: replicas come first.
    pub fn hospital_node(&self, hospital: usize) -> NodeId {
        NodeId((self.machines.len() + hospital) as u32)
    }

    /// The identity of a replica's machine within its own shard: all that its protocol, its layer and its judges know.
    pub fn identity(&self, node: NodeId) -> ReplicaId {
        self.members[node.index()].me
    }

    /// The identity of a replica's machine among those of all shards: what faults, distances and keys go by.
    pub fn number(&self, node: NodeId) -> ReplicaId {
        let Member { shard, me } = self.members[node.index()];
        self.shards[shard].number(me)
    }

    /// The shard of a replica's machine.
    pub fn shard(&self, node: NodeId) -> usize {
        self.members[node.index()].shard
    }

    /// The committee of a replica's machine.
    pub fn committee(&self, node: NodeId) -> &Committee {
        &self.shards[self.shard(node)].committee
    }

    /// The second machine of an identity, if it has one.
    pub fn twin_of(&self, number: ReplicaId) -> Option<NodeId> {
        let nth = self.twins.binary_search(&number).ok()?;
        Some(NodeId((self.members.len() - self.twins.len() + nth) as u32))
    }

    fn start(&mut self) {
        self.await_faults();
        for node in (0..self.machines.len() as u32).map(NodeId) {
            self.start_replica(Time::ZERO, node);
        }
    }

    fn drive(&mut self, control: &mut dyn Control) -> Result<(), RunError> {
        let end = self.setup.timing.end();
        // Faults still to come may unsettle what is settled.
        let faulty_until = self.setup.faults.healed().min(end);
        let mut next = self.next_transaction();
        while !(next.is_none() && self.is_settled() && self.schedule.now() >= faulty_until) {
            let until = next.map_or(end, |transaction: Transaction| transaction.submitted);
            match (self.schedule.pop_before(until), next) {
                (Some(occurrence), _) => self.handle(occurrence),
                (None, Some(transaction)) => {
                    self.submit(transaction);
                    next = self.next_transaction();
                }
                (None, None) => break,
            }
            if let Some(violation) = self.violation.take() {
                return Err(RunError::Unsafe { at: self.schedule.now(), violation });
            }
            if self.schedule.popped().is_multiple_of(CONTROL_EVERY) && !control.proceed(&self.progress(end)) {
                return Err(RunError::Interrupted(self.schedule.now()));
            }
        }
        Ok(())
    }

    fn next_transaction(&mut self) -> Option<Transaction> {
        let Engine { supply, docket, .. } = self;
        supply.next(&mut |slice, parts| {
            if let Some(docket) = docket {
                docket.expect(slice, parts);
            }
        })
    }

    /// Whether everything that was submitted is refused, or executed by every replica that ever will.
    fn is_settled(&self) -> bool {
        let settled = |shard: &Shard| shard.heights.settled() && shard.executor.cross().is_quiet();
        self.unresolved == 0 && self.shards.iter().all(settled)
    }

    fn progress(&self, end: Time) -> Progress {
        Progress {
            now: self.schedule.now(),
            end,
            submitted: self.counts.submitted_total,
            in_effect: self.counts.in_effect_total,
            blocks: self.counts.blocks_total,
            events: self.schedule.popped(),
        }
    }

    fn handle(&mut self, occurrence: Occurrence<Event>) {
        let (at, to, event) = match occurrence {
            Occurrence::Event { at, event } => (at, None, event),
            // Envelopes count their receivers themselves: one is held until its last receiver has verified it.
            Occurrence::Delivery { at, to, event, .. } => (at, Some(to), event),
        };
        if self.is_leftover(&event) {
            return self.drop_leftover(at, event);
        }
        match event {
            Event::Uplinked { slot } => self.on_uplinked(at, slot),
            Event::SealDue { node, sequence } => self.on_seal_due(at, NodeId(node.into()), sequence),
            Event::Sealed { node, slot, .. } => self.on_sealed(at, NodeId(node.into()), slot),
            Event::Arrived { slot } => self.on_arrived(at, to, slot),
            Event::Received { node, slot, .. } => self.on_received(at, NodeId(node.into()), slot),
            Event::Ready { node, slot, .. } => self.on_ready(at, NodeId(node.into()), slot),
            Event::Released { node, slot, .. } => self.on_released(at, NodeId(node.into()), slot),
            Event::Expired { node, serial } => self.on_expired(at, NodeId(node.into()), serial),
            Event::Ticked { node, outages } => self.on_ticked(at, NodeId(node.into()), outages),
            Event::Retried { node, outages } => self.on_retried(at, NodeId(node.into()), outages),
            Event::Executed { node, height, .. } => self.on_executed(at, NodeId(node.into()), height),
            Event::Faulted { node, fault } => self.on_faulted(at, NodeId(node.into()), fault),
        }
    }

    /// Shows a shard's judges an observation; the first violation ends the run after this event.
    pub fn observe(&mut self, shard: usize, tap: &Tap<'_>) {
        if let Err(violation) = self.shards[shard].bench.observe(tap) {
            self.violation.get_or_insert(violation);
        }
    }

    /// The shard whose ledger a hospital writes.
    pub fn home(&self, transaction: &Transaction) -> usize {
        let gateway = self.setup.hospitals[transaction.hospital.index()].gateway;
        self.shard(NodeId(gateway.0))
    }

    /// A transaction will not be committed.
    pub fn reject(&mut self, at: Time, transaction: &Transaction, reason: Rejection) {
        let weight = u64::from(self.setup.weight);
        self.counts.rejected_total[reason as usize] += weight;
        self.series.at(at).rejected += weight;
        self.unresolved -= 1;
        self.observe(self.home(transaction), &Tap::Rejected { transaction, reason });
    }

    /// Copies of a message leave a NIC, `bytes` together.
    pub fn count_messages(&mut self, at: Time, copies: u64, bytes: Bytes) {
        if self.window.contains(at) {
            self.counts.messages += copies;
            self.counts.bytes += bytes.0;
        }
    }

    /// As [`Engine::count_messages`], of a replica's NIC.
    pub fn count_egress(&mut self, at: Time, copies: u64, bytes: Bytes) {
        self.count_messages(at, copies, bytes);
        if self.window.contains(at) {
            self.counts.egress_bytes += bytes.0;
        }
    }

    fn finish(mut self) -> Result<Outcome, RunError> {
        let settled = self.is_settled();
        self.settle_open_heights();
        let inventories = self.inventories();
        for (shard, inventory) in inventories.iter().enumerate() {
            self.observe(shard, &Tap::Ended { inventory });
        }
        if let Some(balances) = self.docket.as_ref().map(Docket::balances) {
            self.observe(0, &Tap::Settled { balances });
        }
        self.balance(settled);
        let pending: u64 = inventories.iter().map(Inventory::total).sum();
        let at = self.schedule.now();
        if let Some(violation) = self.violation.take() {
            return Err(RunError::Unsafe { at, violation });
        }
        self.counts.pending_total = pending * u64::from(self.setup.weight);
        let utilisation = self.utilisation();
        let digest = self.digest(&utilisation);
        let usage = self.usage();
        let executed = self.counts.in_effect_total / u64::from(self.setup.weight);
        let (contracts, state) = self.docket.map(|docket| docket.close(self.setup)).unzip();
        let real = Real { totals: self.supply.finish(), executed, state: state.flatten() };
        if let (Some(archive), Some(state)) = (&mut self.archive, &real.state) {
            archive.commit(&state.roots);
        }
        Ok(Outcome {
            digest,
            counts: self.counts,
            latencies: self.latencies,
            service: self.service,
            ordering: self.ordering,
            settled,
            series: self.series,
            utilisation,
            usage,
            real,
            judges: self.shards[0]
                .bench
                .names()
                .chain(self.crossing.iter().flat_map(|one| one.bench.names()))
                .collect(),
            counted: self.shards[0].bench.counted(),
            cross: self.crossing.map(|crossing| crossing.outcome),
            contracts,
            archive: self.archive,
            events: self.schedule.popped(),
            ended: at,
        })
    }

    /// What each shard's queues still hold.
    fn inventories(&self) -> Vec<Inventory> {
        let of_sealed = |shard: &Shard| shard.sealed.values().map(|&count| u64::from(count)).sum();
        let undecided = |shard: &Shard| shard.executor.cross().undecided();
        let fresh = |shard: &Shard| {
            let (sealed, undecided) = (of_sealed(shard), undecided(shard));
            Inventory { sealed, undecided, ..Inventory::default() }
        };
        let mut inventories: Vec<Inventory> = self.shards.iter().map(fresh).collect();
        for (_, upload) in &self.uploads {
            inventories[self.shard(NodeId(upload.gateway.0))].on_the_way += 1;
        }
        for (member, replica) in self.members.iter().zip(&self.replicas) {
            let submitted = replica.mempool.open().iter().filter(|tx| tx.stage.is_submitted());
            inventories[member.shard].unsealed += submitted.count() as u64;
        }
        inventories
    }

    fn utilisation(&self) -> UtilisationTable {
        let length = self.window.length();
        let mut table = UtilisationTable::default();
        table.add(Resource::HospitalCpu, self.hospital_cpu.iter().map(|cpu| (cpu.busy(), length)));
        table.add(Resource::HospitalUplink, self.uplinks.iter().map(|link| (link.up_busy(), length)));
        table.add(Resource::HospitalDownlink, self.uplinks.iter().map(|link| (link.down_busy(), length)));
        let committee = &self.machines[..self.setup.replicas() as usize];
        let running = || committee.iter().filter(|machine| !machine.gone);
        let mut of = |resource, station: fn(&Machine) -> &Station| {
            table.add(resource, running().map(|machine| (station(machine).busy(), length)));
        };
        of(Resource::ReplicaEgress, |machine| &machine.egress);
        of(Resource::ReplicaIngress, |machine| &machine.ingress);
        of(Resource::ProtocolCore, |machine| &machine.core);
        of(Resource::ExecutionCore, |machine| &machine.execution);
        let cores = |machine: &Machine| (machine.crypto.busy(), length * machine.crypto.count() as u64);
        table.add(Resource::CryptoCores, running().map(cores));
        if self.setup.link.window.is_some() {
            table.add(Resource::WanConnection, self.flows.iter().map(|flow| (flow.busy(), length)));
        }
        self.add_block_space(&mut table);
        let bound = self.setup.mempool.transactions as u64;
        let held = |replica: &Replica<P>| (Span(replica.mempool_max), Span(bound));
        table.add(Resource::Mempool, self.replicas.iter().map(held));
        table
    }

    /// A resource that a shard shares, as if it were one node's: bytes stand where the others have time. Where contents
    /// stay with their gateway, blocks have no room to run out of; nor where a committed block is a whole sub-DAG.
    fn add_block_space(&self, table: &mut UtilisationTable) {
        if self.setup.layer == Layer::Kept || self.promises.weaves() {
            return;
        }
        let space = self.setup.layer.block_space(&self.setup.layer_limits);
        let most = self.setup.layer_limits.block_batches as u64;
        let of_shard = |Shard { heights, .. }: &Shard| {
            let bytes = (Span(heights.ordered.0), Span((space * heights.blocks).0));
            [bytes, (Span(heights.batches), Span(most * heights.blocks))]
        };
        table.add(Resource::BlockSpace, self.shards.iter().flat_map(of_shard));
    }

    fn digest(&mut self, utilisation: &UtilisationTable) -> Digest {
        let counts = &self.counts;
        let numbers = [
            counts.offered,
            counts.committed,
            counts.good,
            counts.submitted_total,
            counts.in_effect_total,
            counts.pending_total,
            counts.tampered_batches,
            counts.forged_messages,
            counts.repeated_batches,
            counts.messages,
            counts.bytes,
            counts.blocks_total,
        ];
        numbers[..].encode(&mut self.hasher);
        counts.rejected_total[..Rejection::WITHIN_A_SHARD].encode(&mut self.hasher);
        self.latencies.encode(&mut self.hasher);
        utilisation.encode(&mut self.hasher);
        self.encode_crossing();
        Digest(*self.hasher.finalize().as_bytes())
    }
}
