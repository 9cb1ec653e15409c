//! Machines that stop, come back, pause, and slow down, as the fault plan says.

use crate::base::{NodeId, Time};
use crate::consensus::Protocol;
use crate::faults::{Behaviour, Outage};

use super::event::{Event, Fault};
use super::liar::Lie;
use super::run::Engine;

impl<P: Protocol> Engine<'_, P> {
    /// Posts everything in the plan that happens to machines, and has the liars begin.
    pub(super) fn await_faults(&mut self) {
        let faults = &self.setup.faults;
        for outage in &faults.outages {
            let for_good = outage.until.is_none();
            for node in self.machines_of(outage.replica) {
                self.await_fault(outage.from, node, Fault::Crashed { for_good });
                if let Some(until) = outage.until {
                    self.await_fault(until, node, Fault::Restarted);
                }
            }
        }
        for (nth, pause) in (0..).zip(&faults.pauses) {
            for node in self.machines_of(pause.replica) {
                self.await_fault(pause.from, node, Fault::Paused { nth });
            }
        }
        for slow in &faults.slowdowns {
            for node in self.machines_of(slow.replica) {
                self.await_fault(slow.from, node, Fault::Slowed);
                self.await_fault(slow.until, node, Fault::Slowed);
            }
        }
        self.await_liars();
    }

    fn await_liars(&mut self) {
        for liar in &self.setup.faults.liars {
            let base = self.shards[self.shard(NodeId(liar.replica.0))].base;
            for (twin, node) in self.machines_of(liar.replica).enumerate() {
                let replica = &mut self.replicas[node.index()];
                replica.lie = Some(Lie::of(liar, base, twin as u64));
                replica.counted = !matches!(liar.behaviour, Behaviour::Twins | Behaviour::InvalidSignatures);
                let second = twin == 1;
                if liar.until != Time::NEVER {
                    let end = if second { Fault::Crashed { for_good: true } } else { Fault::Reformed };
                    self.await_fault(liar.until, node, end);
                }
            }
        }
    }

    /// The machines of an identity: one, or a twin's two.
    fn machines_of(&self, replica: crate::base::ReplicaId) -> impl Iterator<Item = NodeId> + use<P> {
        [Some(NodeId(replica.0)), self.twin_of(replica)].into_iter().flatten()
    }

    fn await_fault(&mut self, at: Time, node: NodeId, fault: Fault) {
        self.schedule.post(node, at, Event::Faulted { node: node.0 as u16, fault });
    }

    /// How often a machine has stopped, as events carry it: 256 outages of one machine within a message's way are not
    /// told apart from none.
    pub(super) fn outages(&self, node: NodeId) -> u8 {
        self.machines[node.index()].outages as u8
    }

    /// Whether an event is what a machine was about to do when it stopped.
    pub(super) fn is_leftover(&self, event: &Event) -> bool {
        match *event {
            Event::Sealed { node, outages, .. }
            | Event::Received { node, outages, .. }
            | Event::Ready { node, outages, .. }
            | Event::Released { node, outages, .. }
            | Event::Executed { node, outages, .. } => !self.machines[usize::from(node)].is_the_same(outages),
            _ => false,
        }
    }

    /// Clears away what a machine will not do any more.
    pub(super) fn drop_leftover(&mut self, at: Time, event: Event) {
        match event {
            Event::Received { slot, .. } | Event::Ready { slot, .. } => self.let_go(slot),
            Event::Released { slot, .. } => drop(self.outboxes.remove(slot as usize)),
            Event::Sealed { node, slot, .. } => self.lose_unverified(at, NodeId(node.into()), slot),
            _ => {}
        }
    }

    /// A fault begins or ends.
    pub(super) fn on_faulted(&mut self, at: Time, node: NodeId, fault: Fault) {
        self.show_fault(at, node, fault);
        match fault {
            Fault::Crashed { for_good } => self.on_crashed(at, node, for_good),
            Fault::Restarted => self.on_restarted(at, node),
            Fault::Paused { nth } => {
                self.machines[node.index()].pause(self.setup.faults.pauses[usize::from(nth)].until)
            }
            Fault::Slowed => self.on_slowed(at, node),
            Fault::Reformed => self.replicas[node.index()].lie = None,
        }
    }

    /// A slowdown begins or ends; of several the worst counts.
    fn on_slowed(&mut self, at: Time, node: NodeId) {
        let me = self.number(node);
        let now =
            self.setup.faults.slowdowns.iter().filter(|slow| slow.replica == me && slow.from <= at && at < slow.until);
        self.machines[node.index()].percent = now.map(|slow| slow.percent).max().unwrap_or(100);
    }

    /// A machine stops: its memory is lost, what it had written stays.
    fn on_crashed(&mut self, at: Time, node: NodeId, for_good: bool) {
        let machine = &mut self.machines[node.index()];
        machine.gone |= for_good;
        if machine.running {
            machine.stop(at);
            let replica = &mut self.replicas[node.index()];
            replica.timers.clear();
            replica.parked.clear();
            replica.collected.clear();
            self.lose_unsealed(at, node);
        }
        self.close_without_gone();
    }

    /// A machine comes back with what is on its disk: the protocol's durable state, its ledger, and its batches.
    fn on_restarted(&mut self, at: Time, node: NodeId) {
        let me = self.number(node);
        let down =
            |outage: &Outage| outage.replica == me && outage.from <= at && outage.until.is_none_or(|until| until > at);
        // Where outages overlap the last one counts.
        if self.machines[node.index()].running || self.setup.faults.outages.iter().any(down) {
            return;
        }
        self.machines[node.index()].running = true;
        let replica = &mut self.replicas[node.index()];
        replica.protocol = replica.protocol.recovered();
        replica.layer.on_restarted(at);
        self.execute_again(at, node);
        self.start_replica(at, node);
        self.wake(at, node);
    }
}
