//! What machines do, shown while they do it to whoever asked ([`Control::witness`](super::Control::witness)).
//!
//! A witness is given copies and gives nothing back, so it cannot change a run. Where nobody asked, each piece of work
//! costs one look at an empty option. Work is shown when it is offered to its station: a FIFO server's times are known
//! then, so it may lie ahead of virtual time, and a crash may still cut it short ([`Sight::Stopped`]).

use std::fmt::{self, Debug, Write};

use crate::base::{Bytes, NodeId, ReplicaId, Span, Time};
use crate::consensus::{self, Message, Parcel, Protocol};
use crate::ledger::{Phase, Statement};

use super::event::{Fault, Wire, Work};
use super::run::Engine;

/// A queue of a machine, with its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Desk {
    /// A replica's NIC, sending.
    Egress,
    /// A replica's NIC, receiving.
    Ingress,
    /// A replica's crypto cores.
    Crypto,
    /// The replica core that runs the protocol.
    Protocol,
    /// The replica core that executes blocks.
    Execution,
    /// A hospital's CPU.
    Signing,
    /// A hospital's line, sending.
    Uplink,
    /// A hospital's line, receiving.
    Downlink,
}

/// What a piece of work is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// In a word: a message's kind, what runs out, what is done.
    pub name: String,
    /// Details: a view, a height, bytes.
    pub facts: Vec<(&'static str, u64)>,
}

impl Subject {
    pub(super) fn new(name: impl Into<String>, facts: &[(&'static str, u64)]) -> Subject {
        Subject { name: name.into(), facts: facts.to_vec() }
    }
}

/// What can be seen of machines.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Sight<'a> {
    /// A server of a node's desk works on something.
    Worked { node: NodeId, desk: Desk, server: usize, from: Time, until: Time, subject: &'a Subject },
    /// A message begins to leave a node's NIC or line, and will arrive at another's.
    Sent { from: NodeId, to: NodeId, leaves: Time, arrives: Time },
    /// A message arrived at a node's NIC or line, which takes it in from a time on; a receipt is shown when it is sent,
    /// and arrives later. Of messages between the same two nodes that arrive at the same time, the one sent first is
    /// shown first.
    Arrived { from: NodeId, to: NodeId, arrives: Time, taken: Time },
    /// A node states something at a view (or round).
    Stated { node: NodeId, at: Time, statement: &'a Statement },
    /// A node commits a block.
    Committed { node: NodeId, at: Time, height: u64 },
    /// A timer of a node's protocol runs out.
    Expired { node: NodeId, at: Time, timer: &'a str },
    /// A fault begins or ends at a node.
    Faulted { node: NodeId, at: Time, what: &'static str },
    /// A node stops: what its servers had not done by then is never done.
    Stopped { node: NodeId, at: Time },
}

/// Who is shown what machines do.
pub trait Witness {
    /// Whether it wants to be shown what this node does. Replicas come first, then the second machines of twins, then
    /// hospitals.
    fn sees(&self, node: NodeId) -> bool;

    /// Is shown something of such a node (of what is sent, the sender; of what arrives, the receiver) at `now` of virtual
    /// time, which never goes back.
    fn see(&mut self, now: Time, sight: &Sight<'_>);
}

/// The first word of a value's debug form: the name of a variant or structure.
fn word(value: &impl Debug) -> String {
    struct Head(String);
    impl Write for Head {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|character: char| !character.is_alphanumeric());
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            // An error ends the formatting: a block's contents may be long.
            if end.is_some() { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut head = Head(String::new());
    // The error says that the word is whole.
    let _ = write!(head, "{value:?}");
    head.0
}

fn stated(statement: Option<Statement>) -> Vec<(&'static str, u64)> {
    statement.map(|statement| vec![("view", statement.view.0), ("height", statement.height.0)]).unwrap_or_default()
}

/// What a message of `from` is about.
pub(super) fn of_wire<P: Protocol>(from: ReplicaId, wire: &Wire<P>, bytes: u64) -> Subject {
    let (name, mut facts) = match wire {
        Wire::Order(message) => (word(message), stated(message.statement(from))),
        Wire::Parcel(parcel) => (word(parcel), stated(parcel.statement(from))),
        Wire::Note(_) => ("Note".to_string(), Vec::new()),
    };
    facts.push(("bytes", bytes));
    Subject { name, facts }
}

/// What is done with a dissemination parcel of `from`.
pub(super) fn of_parcel(verb: &str, from: ReplicaId, parcel: &Parcel) -> Subject {
    Subject { name: format!("{verb} {}", word(parcel)), facts: stated(parcel.statement(from)) }
}

impl<P: Protocol> Engine<'_, P> {
    /// Whether anybody wants to be shown what a node does.
    #[inline]
    pub(super) fn sees(&self, node: NodeId) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.sees(node))
    }

    /// Shows something that is already known to be wanted.
    pub(super) fn show(&mut self, sight: &Sight<'_>) {
        let now = self.schedule.now();
        if let Some(witness) = &mut self.witness {
            witness.see(now, sight);
        }
    }

    /// Shows work that a node's only server of a kind will have `done`; there is a subject where somebody sees it.
    #[inline]
    pub(super) fn show_work(&mut self, node: NodeId, desk: Desk, done: Time, work: Span, subject: Option<Subject>) {
        if let Some(subject) = &subject {
            let from = Time(done.0 - work.0);
            self.show(&Sight::Worked { node, desk, server: 0, from, until: done, subject });
        }
    }

    /// Shows how crypto cores share `work` that comes at `at`.
    pub(super) fn show_pieces(&mut self, at: Time, node: NodeId, work: Work, subject: &Subject) {
        let Some(witness) = &mut self.witness else { return };
        let now = self.schedule.now();
        for (server, from, until) in self.machines[node.index()].crypto.pieces(at, work.total, work.parts) {
            witness.see(now, &Sight::Worked { node, desk: Desk::Crypto, server, from, until, subject });
        }
    }

    /// What a handler of the protocol is about.
    pub(super) fn of_event(&self, event: &consensus::Event<'_, P>) -> Subject {
        match event {
            consensus::Event::Start => Subject::new("start", &[]),
            consensus::Event::Submitted => Subject::new("payload", &[]),
            consensus::Event::Received { from, message } => {
                Subject { name: word(message), facts: stated(message.statement(*from)) }
            }
            consensus::Event::Expired(timer) => Subject::new(format!("{timer:?} expired"), &[]),
        }
    }

    /// Shows a message that goes through `from`'s NIC or line in `work` by `departed`, and arrives once, twice or not.
    pub(super) fn show_sent(
        &mut self,
        [from, to]: [NodeId; 2],
        departed: Time,
        work: Span,
        arrivals: &[Option<Time>],
        subject: Option<Subject>,
    ) {
        let Some(subject) = subject else { return };
        let leaves = Time(departed.0 - work.0);
        for arrives in arrivals.iter().flatten().copied() {
            self.show(&Sight::Sent { from, to, leaves, arrives });
        }
        let desk = if from.index() < self.machines.len() { Desk::Egress } else { Desk::Uplink };
        self.show_work(from, desk, departed, work, Some(subject));
    }

    /// Shows a message that `to`'s NIC or line takes in in `work`, by `received`.
    pub(super) fn show_arrived(
        &mut self,
        [from, to]: [NodeId; 2],
        [arrives, received]: [Time; 2],
        work: Span,
        subject: Option<Subject>,
    ) {
        let Some(subject) = subject else { return };
        let desk = if to.index() < self.machines.len() { Desk::Ingress } else { Desk::Downlink };
        let taken = Time(received.0 - work.0);
        self.show(&Sight::Arrived { from, to, arrives, taken });
        self.show_work(to, desk, received, work, Some(subject));
    }

    /// Shows a receipt on its way from a gateway's NIC to a hospital, which has it by `received`.
    pub(super) fn show_receipt(&mut self, [node, to]: [NodeId; 2], [departed, received]: [Time; 2], size: Bytes) {
        let (sees_gateway, sees_hospital) = (self.sees(node), self.sees(to));
        if !sees_gateway && !sees_hospital {
            return;
        }
        let subject = Subject::new("Receipt", &[("bytes", size.0)]);
        let hospital = to.index() - self.machines.len();
        let work = self.setup.hospitals[hospital].access.down.serialisation(size);
        let arrives = Time(received.0 - work.0);
        if sees_gateway {
            let work = self.setup.replica.egress.serialisation(size);
            self.show_sent([node, to], departed, work, &[Some(arrives)], Some(subject.clone()));
        }
        if sees_hospital {
            self.show_arrived([node, to], [arrives, received], work, Some(subject));
        }
    }

    /// Shows what a fault does to a machine.
    pub(super) fn show_fault(&mut self, at: Time, node: NodeId, fault: Fault) {
        if !self.sees(node) {
            return;
        }
        let what = match fault {
            Fault::Crashed { .. } => "crashed",
            Fault::Restarted => "restarted",
            Fault::Paused { .. } => "paused",
            Fault::Slowed => "speed changed",
            Fault::Reformed => "lies no more",
        };
        self.show(&Sight::Faulted { node, at, what });
        if let Fault::Crashed { .. } = fault {
            self.show(&Sight::Stopped { node, at });
        }
    }

    /// Shows what a machine states.
    #[inline]
    pub(super) fn show_stated(&mut self, at: Time, node: NodeId, statement: &Statement) {
        if self.sees(node) && statement.phase != Phase::Checkpoint {
            self.show(&Sight::Stated { node, at, statement });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_named_by_its_variant() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only their debug forms are read")]
        enum Kind {
            Vote { view: u64 },
            Proposal(Vec<u8>),
            Ask,
        }
        let names = [word(&Kind::Vote { view: 3 }), word(&Kind::Proposal(vec![1; 9])), word(&Kind::Ask)];
        assert_eq!(names, ["Vote", "Proposal", "Ask"]);
    }
}
