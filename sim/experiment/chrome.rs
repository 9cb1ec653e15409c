//! A run's messages and work in Chrome's Trace Event Format, for ui.perfetto.dev.
//!
//! A process for each node that is shown, a thread for each of its servers, complete events for work, flow events from
//! the beginning of a message's way out of a NIC to that of its way into another, instants for what is reached.
//! Timestamps are microseconds of virtual time, with nanoseconds behind the point. Events are written as they come, out
//! of order, which the format allows; what is kept in memory is work that is not done and messages on their way.
//!
//! Source: "Trace Event Format", Google, 2016 (the JSON object format).

mod event;
mod record;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};

use serde::Serialize;

use crate::base::{NodeId, Time};
use crate::engine::{Sight, Subject};
use crate::kernel::Window;
use crate::ledger::{Phase, Statement};

pub use record::{Recorded, TraceError, TraceRequest, record};

use event::{TraceEvent, Track};

/// What closes the file.
const FOOTER: &str = "\n]}\n";

/// A node that is shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub node: NodeId,
    /// "replica 3, Frankfurt".
    pub name: String,
    pub is_hospital: bool,
}

/// What a trace shows.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub window: Window,
    pub nodes: Vec<Shown>,
    /// Crypto cores of each replica.
    pub crypto_cores: usize,
    /// Where it stops.
    pub most_bytes: u64,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Events, metadata aside.
    pub events: u64,
    /// Of them, pieces of work.
    pub spans: u64,
    /// Of them, messages that left one shown node for another.
    pub messages: u64,
    /// Of them, commits, views, timeouts and faults.
    pub instants: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Why nothing more is written.
#[derive(Debug)]
pub(super) enum Halt {
    /// The next event would not fit.
    Full(Time),
    Io(io::Error),
}

/// Work that is not done yet: a crash may still cut it short.
struct Span {
    track: Track,
    from: Time,
    subject: Subject,
}

/// Writes a trace.
pub(super) struct ChromeTrace<W> {
    out: W,
    window: Window,
    most_bytes: u64,
    shown: BTreeSet<NodeId>,
    /// By end and number.
    undone: BTreeMap<(Time, u64), Span>,
    /// By arrival and ends: numbers of messages, in the order in which they were sent.
    on_the_way: BTreeMap<(Time, NodeId, NodeId), VecDeque<u64>>,
    /// The highest view that each node stated something at.
    views: BTreeMap<NodeId, u64>,
    numbers: u64,
    /// Whether something is written that the next event is to be set apart from.
    separated: bool,
    pub written: Written,
    pub halt: Option<Halt>,
}

impl<W: Write> ChromeTrace<W> {
    /// Begins a trace; `about` says what it is of.
    pub fn begin(out: W, frame: &Frame, about: &impl Serialize) -> ChromeTrace<W> {
        let window = frame.window;
        let mut trace = ChromeTrace {
            out,
            window,
            most_bytes: frame.most_bytes,
            shown: frame.nodes.iter().map(|shown| shown.node).collect(),
            undone: BTreeMap::new(),
            on_the_way: BTreeMap::new(),
            views: BTreeMap::new(),
            numbers: 0,
            separated: false,
            written: Written::default(),
            halt: None,
        };
        let about = serde_json::to_string(about).expect("what a trace is about is plain data");
        let head = format!("{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":[");
        trace.put(head.as_bytes(), window.from);
        for (nth, shown) in frame.nodes.iter().enumerate() {
            for line in event::metadata(nth, shown, frame.crypto_cores) {
                let separator = if trace.separated { ",\n" } else { "\n" };
                trace.put(format!("{separator}{line}").as_bytes(), window.from);
                trace.separated = true;
            }
        }
        trace
    }

    /// Whether this node is shown.
    pub fn shows(&self, node: NodeId) -> bool {
        self.shown.contains(&node)
    }

    /// Writes what is left, and the end; returns where it was written to.
    pub fn finish(mut self) -> Result<(W, Written), Halt> {
        self.flush(Time::NEVER);
        self.put(FOOTER.as_bytes(), self.window.until);
        match self.halt {
            Some(halt) => Err(halt),
            None => Ok((self.out, self.written)),
        }
    }

    /// Takes in what is seen at `now`.
    pub fn see(&mut self, now: Time, sight: &Sight<'_>) {
        self.flush(now);
        match *sight {
            Sight::Worked { node, desk, server, from, until, subject } => {
                if from < until && self.window.overlap(from, until).0 > 0 {
                    let track = Track::server(node, desk, server);
                    self.undone.insert((until, self.numbers), Span { track, from, subject: subject.clone() });
                    self.numbers += 1;
                }
            }
            Sight::Sent { from, to, leaves, arrives } => self.on_sent([from, to], leaves, arrives),
            Sight::Arrived { from, to, arrives, taken } => self.on_arrived(now, [from, to], arrives, taken),
            Sight::Stated { node, at, statement } => self.on_stated(node, at, statement),
            Sight::Committed { node, at, height } => {
                self.instant(node, at, "commit", format!("commit {height}"), &[("height", height)]);
            }
            Sight::Expired { node, at, timer } => {
                self.instant(node, at, "timeout", format!("{timer} expired"), &[]);
            }
            Sight::Faulted { node, at, what } => self.instant(node, at, "fault", what.to_string(), &[]),
            Sight::Stopped { node, at } => self.cut(node, at),
        }
    }

    fn on_sent(&mut self, [from, to]: [NodeId; 2], leaves: Time, arrives: Time) {
        if self.window.contains(leaves) && self.shows(to) {
            let number = self.numbers;
            self.numbers += 1;
            self.on_the_way.entry((arrives, from, to)).or_default().push_back(number);
            self.written.messages += 1;
            let track = Track::sending(from);
            self.event(&TraceEvent::flow("s", track, leaves, number), leaves);
        }
    }

    fn on_arrived(&mut self, now: Time, [from, to]: [NodeId; 2], arrives: Time, taken: Time) {
        // What should have arrived by now has been lost. A receipt is shown before it arrives, when others still will.
        while self.on_the_way.first_key_value().is_some_and(|((due, ..), _)| *due < now) {
            self.on_the_way.pop_first();
        }
        let Some(numbers) = self.on_the_way.get_mut(&(arrives, from, to)) else { return };
        let Some(number) = numbers.pop_front() else { return };
        if self.window.contains(taken) {
            let track = Track::receiving(to);
            self.event(&TraceEvent::flow("f", track, taken, number), taken);
        }
    }

    fn on_stated(&mut self, node: NodeId, at: Time, statement: &Statement) {
        let view = statement.view.0;
        if statement.phase == Phase::Timeout {
            self.instant(node, at, "timeout", format!("timeout of view {view}"), &[("view", view)]);
        }
        let highest = self.views.get(&node).copied();
        if highest.is_none_or(|highest| highest < view) {
            self.views.insert(node, view);
            self.instant(node, at, "view", format!("view {view}"), &[("view", view)]);
        }
    }

    /// A node stops: of what it had not done, what it did until then is shown.
    fn cut(&mut self, node: NodeId, at: Time) {
        let undone = std::mem::take(&mut self.undone);
        for ((until, number), span) in undone {
            let until = if span.track.node == node { until.min(at) } else { until };
            if span.from < until {
                self.undone.insert((until, number), span);
            }
        }
    }

    /// Writes work that is done by `now`.
    fn flush(&mut self, now: Time) {
        while let Some(entry) = self.undone.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((until, _), Span { track, from, subject }) = entry.remove_entry();
            let (from, until) = (from.max(self.window.from), until.min(self.window.until));
            if from < until {
                self.written.spans += 1;
                self.event(&TraceEvent::work(track, [from, until], &subject), from);
            }
        }
    }

    fn instant(&mut self, node: NodeId, at: Time, category: &'static str, name: String, facts: &[(&'static str, u64)]) {
        if self.window.contains(at) {
            self.written.instants += 1;
            self.event(&TraceEvent::instant(node, at, category, &name, facts), at);
        }
    }

    fn event(&mut self, event: &TraceEvent<'_>, at: Time) {
        let mut line = b",\n".to_vec();
        serde_json::to_writer(&mut line, event).expect("events are plain data");
        self.put(&line, at);
        self.written.events += 1;
    }

    fn put(&mut self, bytes: &[u8], at: Time) {
        if self.halt.is_some() {
            return;
        }
        if self.written.bytes + bytes.len() as u64 > self.most_bytes {
            self.halt = Some(Halt::Full(at));
        } else if let Err(error) = self.out.write_all(bytes) {
            self.halt = Some(Halt::Io(error));
        } else {
            self.written.bytes += bytes.len() as u64;
        }
    }
}
