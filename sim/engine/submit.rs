//! Hospitals: arrival, signing, and the way up to the gateway.

use crate::base::{Bytes, NodeId, ReplicaId, Span, Time};
use crate::consensus::Protocol;
use crate::kernel::draw::{Chance, Site, below, draw, exponential};
use crate::ledger::Transaction;
use crate::observe::Tap;

use super::HospitalSetup;
use super::event::{Event, Upload};
use super::run::Engine;
use super::witness::{Desk, Subject};

/// How long an attacker waits before it sends a copy, on average.
const REPLAY_DELAY: Span = Span::from_millis(500);

impl<P: Protocol> Engine<'_, P> {
    /// A hospital submits `transaction`: hashes its payload, signs, and sends it up.
    pub(super) fn submit(&mut self, transaction: Transaction) {
        let transaction = self.routed(transaction);
        let (at, hospital) = (transaction.submitted, transaction.hospital.index());
        self.count_submitted(at, &transaction);
        // What an attacker signs is refused and was never demand.
        if self.window.contains(at) && transaction.authentic {
            let weight = u64::from(self.setup.weight);
            self.counts.offered += weight;
            let HospitalSetup { class, region, .. } = self.setup.hospitals[hospital];
            self.service.offer(hospital, class, region, weight);
        }
        let costs = &self.setup.costs;
        let work = costs.hash(Bytes(transaction.payload.into())) + costs.sign();
        // Weight scales the rate at which work comes, and with it the work of each arrival.
        let work = work * u64::from(self.setup.weight);
        let signed = self.hospital_cpu[hospital].serve(at, work, &self.window);
        let node = self.hospital_node(hospital);
        let subject = self.sees(node).then(|| Subject::new("sign Transaction", &[]));
        self.show_work(node, Desk::Signing, signed, work, subject);
        let gateway = self.setup.hospitals[hospital].gateway;
        self.upload(signed, transaction, gateway);
        self.maybe_replay(transaction);
    }

    fn count_submitted(&mut self, at: Time, transaction: &Transaction) {
        let weight = u64::from(self.setup.weight);
        self.counts.submitted_total += weight;
        self.series.at(at).offered += weight;
        self.unresolved += 1;
        self.observe(self.home(transaction), &Tap::Submitted { transaction });
    }

    /// Sends a transaction up the hospital's link.
    fn upload(&mut self, at: Time, transaction: Transaction, gateway: ReplicaId) {
        let hospital = transaction.hospital.index();
        let size = self.wire_size(&transaction);
        let node = self.hospital_node(hospital);
        let seed = self.setup.seed;
        let bits = |nth| access_bits(seed, node, 0, nth);
        let access = &self.setup.hospitals[hospital].access;
        let arrival = self.uplinks[hospital].send(access, at, size, &self.window, bits);
        if self.sees(node) {
            let (departed, work) = (self.uplinks[hospital].up_free(), access.up.serialisation(size));
            let subject = Some(Subject::new("Transaction", &[("bytes", size.0)]));
            self.show_sent([node, NodeId(gateway.0)], departed, work, &[Some(arrival)], subject);
        }
        self.count_messages(at, self.setup.weight.into(), size);
        let slot = self.uploads.insert(Upload { transaction, gateway }) as u32;
        self.schedule.post(node, arrival, Event::Uplinked { slot });
    }

    /// With the injected share, an attacker who saw the transaction sends a copy to any gateway of the hospital's
    /// shard, a while later: others know no key of that hospital.
    fn maybe_replay(&mut self, original: Transaction) {
        let replayed = Chance::new(self.setup.injection.replayed);
        let bits = |b| draw(self.setup.seed, Site::Inject, original.number.0, b, 0);
        if !replayed.happens(bits(1)) {
            return;
        }
        let at = original.submitted + exponential(REPLAY_DELAY, bits(2));
        let shard = &self.shards[self.home(&original)];
        let gateway = shard.number(ReplicaId(below(shard.committee.len().into(), bits(3)) as u32));
        let copy = Transaction { replay: true, ..original };
        self.count_submitted(original.submitted, &copy);
        let slot = self.uploads.insert(Upload { transaction: copy, gateway }) as u32;
        let node = self.hospital_node(copy.hospital.index());
        self.schedule.post(node, at, Event::Uplinked { slot });
    }

    /// Bytes of a transaction on the wire, weight counted.
    pub(super) fn wire_size(&self, transaction: &Transaction) -> Bytes {
        Bytes(u64::from(transaction.wire)) * u64::from(self.setup.weight)
    }
}

/// Jitter and loss of the `nth` message over a hospital's access link, up (0) or down (1).
pub(super) fn access_bits(seed: u64, node: NodeId, direction: u64, nth: u64) -> [u64; 2] {
    let link = u64::from(node.0) << 1 | direction;
    [draw(seed, Site::Jitter, link, nth, 1), draw(seed, Site::Loss, link, nth, 1)]
}
