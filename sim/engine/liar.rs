//! Byzantine machines: they run the protocol, and lie below it.

use crate::base::{Digest, NodeId, ReplicaId};
use crate::consensus::{Dag, Dissemination, Effect, Message, PayloadSource, Protocol};
use crate::faults::{Behaviour, Liar};
use crate::ledger::{BatchRef, Payload};

use super::event::Wire;
use super::run::Engine;

/// What one machine does beside following the protocol.
pub(super) struct Lie {
    behaviour: Behaviour,
    /// Of a twin's two machines, which one it is.
    twin: u64,
}

impl Lie {
    /// The lie of the `twin`-th machine of a liar, in a shard whose replicas are numbered from `base` on.
    pub fn of(liar: &Liar, base: u32, twin: u64) -> Lie {
        let behaviour = match &liar.behaviour {
            Behaviour::Censor(victims) => Behaviour::Censor(within(base, victims)),
            Behaviour::Withhold(victims) => Behaviour::Withhold(within(base, victims)),
            other => other.clone(),
        };
        Lie { behaviour, twin }
    }

    /// What it lets the protocol order: a twin orders its half of all batches, so that its two machines contradict each
    /// other; a censor leaves its victims' out.
    pub fn filter<'a>(&'a self, layer: &'a mut dyn Dissemination) -> Filtered<'a> {
        Filtered { lie: self, layer }
    }

    fn admits(&self, batch: &BatchRef) -> bool {
        match &self.behaviour {
            Behaviour::Twins => batch.id.first_word() & 1 == self.twin,
            Behaviour::Censor(victims) => victims.binary_search(&batch.origin).is_err(),
            Behaviour::SilentLeader | Behaviour::Withhold(_) | Behaviour::InvalidSignatures | Behaviour::Impostor => {
                true
            }
        }
    }
}

/// The victims in a shard whose replicas are numbered from `base` on: it has nothing to do with those of shards before,
/// and no replica of a later one has a number in it.
fn within(base: u32, victims: &[ReplicaId]) -> Vec<ReplicaId> {
    victims.iter().filter(|victim| victim.0 >= base).map(|victim| ReplicaId(victim.0 - base)).collect()
}

/// A dissemination layer as a liar's protocol sees it.
pub(super) struct Filtered<'a> {
    lie: &'a Lie,
    layer: &'a mut dyn Dissemination,
}

impl PayloadSource for Filtered<'_> {
    fn payload(&mut self) -> Payload {
        self.layer.payload_of(&|batch| self.lie.admits(batch))
    }

    fn is_empty(&mut self) -> bool {
        self.payload().is_empty()
    }

    fn oldest(&mut self) -> Option<Digest> {
        self.layer.oldest()
    }

    fn dag(&mut self) -> Option<&mut Dag> {
        self.layer.woven()
    }
}

impl<P: Protocol> Engine<'_, P> {
    /// How a machine lies, if it does.
    pub(super) fn behaviour(&self, node: NodeId) -> Option<&Behaviour> {
        self.replicas[node.index()].lie.as_ref().map(|lie| &lie.behaviour)
    }

    /// Whether nothing that the machine signs verifies.
    pub(super) fn signs_in_vain(&self, node: NodeId) -> bool {
        self.behaviour(node) == Some(&Behaviour::InvalidSignatures)
    }

    /// Whether a message's receivers will find a signature that does not verify: of a liar's they check any, its own or
    /// one of its own in a certificate.
    pub(super) fn is_forged(&self, from: NodeId, wire: &Wire<P>) -> bool {
        self.signs_in_vain(from) && wire.checks().signatures > 0
    }

    /// Whether a liar keeps an effect to itself.
    pub(super) fn withholds(&self, node: NodeId, effect: &Effect<P>) -> bool {
        match effect {
            Effect::Send(_, message) | Effect::Broadcast(message) | Effect::TakeUp(message) => {
                self.keeps_back(node, &**message)
            }
            _ => false,
        }
    }

    /// Whether a liar keeps a message or parcel to itself.
    pub(super) fn keeps_back(&self, node: NodeId, message: &impl Message) -> bool {
        self.behaviour(node) == Some(&Behaviour::SilentLeader) && message.proposes(self.identity(node))
    }

    /// The replicas of its shard that a liar keeps a message or parcel from.
    pub(super) fn kept_from(&self, node: NodeId, wire: &Wire<P>) -> &[ReplicaId] {
        match self.behaviour(node) {
            Some(Behaviour::Withhold(victims)) if wire.proposes(self.identity(node)) => victims,
            _ => &[],
        }
    }
}
