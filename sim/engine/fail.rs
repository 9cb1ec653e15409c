//! Machines that stop, come back, pause, and slow down, as the fault plan says.

use crate::base::{NodeId, Time};
use crate::consensus::Protocol;
use crate::faults::Behaviour;

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
                let percent = u16::try_from(slow.percent).expect("a slowdown is at most 65,535 percent");
                self.await_fault(slow.from, node, Fault::Slowed { percent });
                self.await_fault(slow.until, node, Fault::Slowed { percent: 100 });
            }
        }
        self.await_liars();
    }

    fn await_liars(&mut self) {
        for liar in &self.setup.faults.liars {
            for (twin, node) in self.machines_of(liar.replica).enumerate() {
                let replica = &mut self.replicas[node.index()];
                replica.lie = Some(Lie::of(liar, twin as u64));
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

    /// A fault begins or ends.
    pub(super) fn on_faulted(&mut self, at: Time, node: NodeId, fault: Fault) {
        match fault {
            Fault::Crashed { for_good } => self.on_crashed(at, node, for_good),
            Fault::Restarted => self.on_restarted(at, node),
            Fault::Paused { nth } => {
                self.machines[node.index()].pause(self.setup.faults.pauses[usize::from(nth)].until)
            }
            Fault::Slowed { percent } => self.machines[node.index()].percent = percent.into(),
            Fault::Reformed => self.replicas[node.index()].lie = None,
        }
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
            self.lose_unsealed(at, node);
        }
        self.close_without_gone();
    }

    /// A machine comes back with what is on its disk: the protocol's durable state, its ledger, and its batches.
    fn on_restarted(&mut self, at: Time, node: NodeId) {
        if self.machines[node.index()].running || self.machines[node.index()].gone {
            return;
        }
        self.machines[node.index()].running = true;
        let replica = &mut self.replicas[node.index()];
        replica.protocol = replica.protocol.recovered();
        self.execute_again(at, node);
        self.start_replica(at, node);
        self.wake(at, node);
    }
}
