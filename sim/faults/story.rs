//! A fault plan as a story: one line for each fault, in the order in which they begin.

use std::fmt;

use crate::base::{ReplicaId, Time};

use super::{Behaviour, FaultPlan};

fn list(replicas: &[ReplicaId]) -> String {
    replicas.iter().map(ReplicaId::to_string).collect::<Vec<_>>().join(", ")
}

fn stretch(from: Time, until: Time) -> String {
    match until {
        Time::NEVER => format!("{:>8.3} s  ", from.as_secs_f64()),
        until => format!("{:>8.3} s  until {:.3} s: ", from.as_secs_f64(), until.as_secs_f64()),
    }
}

impl FaultPlan {
    fn of_machines(&self, lines: &mut Vec<(Time, String)>) {
        for outage in &self.outages {
            let until = outage.until.unwrap_or(Time::NEVER);
            let how = if until == Time::NEVER { "stops for good" } else { "is down, and comes back" };
            lines.push((outage.from, format!("{}{} {how}", stretch(outage.from, until), outage.replica)));
        }
        for pause in &self.pauses {
            lines.push((pause.from, format!("{}{} pauses", stretch(pause.from, pause.until), pause.replica)));
        }
        for slow in &self.slowdowns {
            let work = format!("takes {} % of the usual time for its work", slow.percent);
            lines.push((slow.from, format!("{}{} {work}", stretch(slow.from, slow.until), slow.replica)));
        }
        for liar in &self.liars {
            let what = match &liar.behaviour {
                Behaviour::Twins => "is two machines with one identity".to_string(),
                Behaviour::SilentLeader => "sends no proposals".to_string(),
                Behaviour::InvalidSignatures => "signs what does not verify".to_string(),
                Behaviour::Impostor => "orders votes and decisions that nobody signed".to_string(),
                Behaviour::Censor(victims) => format!("orders nothing of {}", list(victims)),
            };
            lines.push((Time::ZERO, format!("{}{} {what}", stretch(Time::ZERO, liar.until), liar.replica)));
        }
    }

    fn of_links(&self, lines: &mut Vec<(Time, String)>) {
        for cut in &self.partitions {
            let back = if cut.one_way { "nothing comes from" } else { "nothing passes to and from" };
            lines.push((cut.from, format!("{}{back} {}", stretch(cut.from, cut.until), list(&cut.side))));
        }
        for link in &self.disturbances {
            let ends = |replicas: &[ReplicaId]| if replicas.is_empty() { "all".into() } else { list(replicas) };
            let ends = format!("from {} to {}", ends(&link.senders), ends(&link.receivers));
            let how = format!(
                "{:.0} % of messages are lost and {:.0} % come twice, {:.0} ms late on average",
                100.0 * link.lost.probability(),
                100.0 * link.repeated.probability(),
                link.delay.as_millis_f64()
            );
            lines.push((link.from, format!("{}{ends} {how}", stretch(link.from, link.until))));
        }
        if let Some(splits) = &self.splits {
            let views = 1u64 << splits.stride;
            let what = format!("machines hear only their side, drawn anew every {views} views");
            lines.push((Time::ZERO, format!("{}{what}", stretch(Time::ZERO, splits.until))));
        }
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        self.of_machines(&mut lines);
        self.of_links(&mut lines);
        lines.sort();
        lines.iter().try_for_each(|(_, line)| writeln!(f, "{line}"))
    }
}
