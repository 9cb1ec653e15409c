//! One event of a trace, as JSON.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::base::{NodeId, Time};
use crate::engine::{Desk, Subject};

use super::Shown;

/// Threads are numbered through all processes: so many for each node.
const THREADS_A_NODE: u64 = 10_000;
/// The thread of what is reached.
const MILESTONES: u64 = 0;
/// The first of a node's crypto cores; other desks come before.
const FIRST_CORE: u64 = 10;

/// A server of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    pub node: NodeId,
    thread: u64,
}

impl Track {
    /// A server of a desk.
    pub fn server(node: NodeId, desk: Desk, server: usize) -> Track {
        let thread = match desk {
            Desk::Egress | Desk::Uplink => 1,
            Desk::Ingress | Desk::Downlink => 2,
            Desk::Protocol | Desk::Signing => 3,
            Desk::Execution => 4,
            Desk::Crypto => FIRST_CORE + server as u64,
        };
        Track { node, thread }
    }

    /// Where messages leave.
    pub fn sending(node: NodeId) -> Track {
        Track::server(node, Desk::Egress, 0)
    }

    /// Where messages come in.
    pub fn receiving(node: NodeId) -> Track {
        Track::server(node, Desk::Ingress, 0)
    }

    /// Numbers from 1 on: process 0 is the system's in some viewers.
    fn pid(self) -> u64 {
        u64::from(self.node.0) + 1
    }

    fn tid(self) -> u64 {
        self.pid() * THREADS_A_NODE + self.thread
    }
}

/// The names of a node and its servers, and their order: the node is the `nth` from above.
pub(super) fn metadata(nth: usize, shown: &Shown, crypto_cores: usize) -> Vec<Value> {
    let Shown { node, name, is_hospital } = shown;
    let mut desks = vec![(Track { node: *node, thread: MILESTONES }, "reached".to_string())];
    let names: &[(Desk, &str)] = match is_hospital {
        true => &[(Desk::Signing, "CPU"), (Desk::Uplink, "uplink"), (Desk::Downlink, "downlink")],
        false => &[
            (Desk::Protocol, "protocol core"),
            (Desk::Egress, "egress NIC"),
            (Desk::Ingress, "ingress NIC"),
            (Desk::Execution, "execution core"),
        ],
    };
    desks.extend(names.iter().map(|(desk, name)| (Track::server(*node, *desk, 0), name.to_string())));
    let cores = 0..if *is_hospital { 0 } else { crypto_cores };
    desks.extend(cores.map(|core| (Track::server(*node, Desk::Crypto, core), format!("crypto core {core}"))));
    let pid = desks[0].0.pid();
    let of_process = |what: &str, args: Value| json!({"name": what, "ph": "M", "pid": pid, "tid": 0, "args": args});
    let mut events = vec![
        of_process("process_name", json!({"name": name})),
        of_process("process_sort_index", json!({"sort_index": nth})),
    ];
    for (place, (track, name)) in desks.iter().enumerate() {
        let of_thread =
            |what: &str, args: Value| json!({"name": what, "ph": "M", "pid": pid, "tid": track.tid(), "args": args});
        events.push(of_thread("thread_name", json!({"name": name})));
        events.push(of_thread("thread_sort_index", json!({"sort_index": place})));
    }
    events
}

/// One event.
#[derive(Serialize)]
pub(super) struct TraceEvent<'a> {
    name: &'a str,
    cat: &'static str,
    ph: &'static str,
    #[serde(serialize_with = "as_micros")]
    ts: u64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_some_micros")]
    dur: Option<u64>,
    pid: u64,
    tid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Of a flow's end: it belongs to the work around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    /// Of an instant: it concerns its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "as_map")]
    args: &'a [(&'static str, u64)],
}

impl<'a> TraceEvent<'a> {
    fn new(name: &'a str, cat: &'static str, ph: &'static str, track: Track, at: Time) -> TraceEvent<'a> {
        let (pid, tid) = (track.pid(), track.tid());
        TraceEvent { name, cat, ph, ts: at.0, dur: None, pid, tid, id: None, bp: None, s: None, args: &[] }
    }

    /// A piece of work.
    pub fn work(track: Track, [from, until]: [Time; 2], subject: &'a Subject) -> TraceEvent<'a> {
        let event = TraceEvent::new(&subject.name, "work", "X", track, from);
        TraceEvent { dur: Some(until.0 - from.0), args: &subject.facts, ..event }
    }

    /// The beginning (`s`) or end (`f`) of a message's way.
    pub fn flow(ph: &'static str, track: Track, at: Time, number: u64) -> TraceEvent<'a> {
        let bp = (ph == "f").then_some("e");
        TraceEvent { id: Some(number), bp, ..TraceEvent::new("message", "message", ph, track, at) }
    }

    /// Something is reached.
    pub fn instant(
        node: NodeId,
        at: Time,
        cat: &'static str,
        name: &'a str,
        args: &'a [(&'static str, u64)],
    ) -> TraceEvent<'a> {
        let track = Track { node, thread: MILESTONES };
        TraceEvent { s: Some("t"), args, ..TraceEvent::new(name, cat, "i", track, at) }
    }
}

/// Nanoseconds as microseconds with what is left behind the point: exact below 2^53 ns, 104 days.
fn as_micros<S: Serializer>(nanos: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match nanos % 1_000 {
        0 => serializer.serialize_u64(nanos / 1_000),
        _ => serializer.serialize_f64(*nanos as f64 / 1e3),
    }
}

fn as_some_micros<S: Serializer>(nanos: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    as_micros(&nanos.unwrap_or_default(), serializer)
}

fn as_map<S: Serializer>(facts: &&[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().copied())
}
