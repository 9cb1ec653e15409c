//! `[[fault]]`: what fails, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ReplicaId, Span, Time};
use crate::faults::{Behaviour, FaultPlan, Liar, Outage, Pause, Slowdown, ViewSplits};
use crate::kernel::draw::Chance;
use crate::network::{Disturbance, Partition};

/// The codes of the WHO's regions.
const REGIONS: [&str; 6] = ["AFR", "AMR", "EMR", "EUR", "SEAR", "WPR"];

/// What fails, and when. Replicas are numbered from 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
pub enum FaultEntry {
    /// A replica stops, and perhaps comes back with what is on its disk.
    Crash {
        /// Which replica.
        replica: u32,
        /// When, s; 0: it is down from the start.
        #[serde(default)]
        at_s: f64,
        /// When it comes back, s; without it, never.
        restart_s: Option<f64>,
    },
    /// A replica does nothing for a while, and then goes on where it was.
    Pause {
        /// Which replica.
        replica: u32,
        /// When it begins, s.
        from_s: f64,
        /// When it ends, s.
        until_s: f64,
    },
    /// A replica's cores are slower for a while.
    SlowCpu {
        /// Which replica.
        replica: u32,
        /// When it begins, s.
        from_s: f64,
        /// When it ends, s.
        until_s: f64,
        /// What work takes, percent of its usual time.
        percent: u64,
    },
    /// Links lose, delay or repeat whole messages for a while.
    Links {
        /// When it begins, s.
        from_s: f64,
        /// When it ends, s.
        until_s: f64,
        /// Whose messages; everyone's if empty.
        #[serde(default)]
        senders: Vec<u32>,
        /// To whom; to everyone if empty.
        #[serde(default)]
        receivers: Vec<u32>,
        /// Messages that never arrive, percent.
        #[serde(default)]
        loss_percent: f64,
        /// Messages that arrive twice, percent.
        #[serde(default)]
        duplicate_percent: f64,
        /// Mean of an exponential delay, ms; it lets messages overtake each other.
        #[serde(default)]
        delay_ms: f64,
    },
    /// Links carry nothing for a while.
    Partition {
        /// The replicas on one side.
        side: Vec<u32>,
        /// When it begins, s.
        from_s: f64,
        /// When it heals, s.
        until_s: f64,
        /// Whether messages still pass towards `side`.
        #[serde(default)]
        one_way: bool,
    },
    /// Every replica of a WHO region stops, and perhaps comes back.
    Outage {
        /// The region's code: AFR, AMR, EMR, EUR, SEAR or WPR.
        region: String,
        /// When, s.
        from_s: f64,
        /// When they come back, s; without it, never.
        until_s: Option<f64>,
    },
    /// A replica is two machines with one identity, which say different things.
    Twins {
        /// Which replica.
        replica: u32,
        /// Until when, s; then the second machine stops. Without it, to the end.
        until_s: Option<f64>,
        /// For how many views the same machines hear each other; a power of two.
        #[serde(default = "Defaults::split_views")]
        split_views: u64,
    },
    /// A replica never sends a proposal.
    SilentLeader {
        /// Which replica.
        replica: u32,
        /// Until when, s; without it, to the end.
        until_s: Option<f64>,
    },
    /// A replica's gateway orders votes and decisions on transactions across shards that nobody signed (`sharded`).
    Impostor {
        /// Which replica.
        replica: u32,
        /// Until when, s; without it, to the end.
        until_s: Option<f64>,
    },
    /// Nothing that a replica signs verifies, from beginning to end.
    InvalidSignatures {
        /// Which replica.
        replica: u32,
    },
    /// A replica's blocks leave out what some gateways have sealed.
    Censor {
        /// Which replica.
        replica: u32,
        /// Whose batches it leaves out.
        victims: Vec<u32>,
        /// Until when, s; without it, to the end.
        until_s: Option<f64>,
    },
}

struct Defaults;

impl Defaults {
    fn split_views() -> u64 {
        16
    }
}

fn instant(at_s: f64) -> Time {
    Time::ZERO + Span::from_millis_f64(at_s * 1_000.0)
}

fn ascending(replicas: &[u32]) -> Vec<ReplicaId> {
    let mut replicas: Vec<ReplicaId> = replicas.iter().copied().map(ReplicaId).collect();
    replicas.sort_unstable();
    replicas
}

impl FaultEntry {
    /// The replicas that it names.
    fn replicas(&self) -> Vec<u32> {
        match self {
            FaultEntry::Crash { replica, .. }
            | FaultEntry::Pause { replica, .. }
            | FaultEntry::SlowCpu { replica, .. }
            | FaultEntry::Twins { replica, .. }
            | FaultEntry::SilentLeader { replica, .. }
            | FaultEntry::Impostor { replica, .. }
            | FaultEntry::InvalidSignatures { replica, .. } => vec![*replica],
            FaultEntry::Partition { side, .. } => side.clone(),
            FaultEntry::Links { senders, receivers, .. } => [&senders[..], receivers].concat(),
            FaultEntry::Censor { replica, victims, .. } => [&[*replica][..], victims].concat(),
            FaultEntry::Outage { .. } => Vec::new(),
        }
    }

    /// Its times, in the order in which they must come.
    fn times(&self) -> Vec<f64> {
        match self {
            FaultEntry::Crash { at_s: from_s, restart_s: until_s, .. } | FaultEntry::Outage { from_s, until_s, .. } => {
                [Some(*from_s), *until_s].into_iter().flatten().collect()
            }
            FaultEntry::Pause { from_s, until_s, .. }
            | FaultEntry::SlowCpu { from_s, until_s, .. }
            | FaultEntry::Links { from_s, until_s, .. }
            | FaultEntry::Partition { from_s, until_s, .. } => vec![*from_s, *until_s],
            FaultEntry::Twins { until_s, .. }
            | FaultEntry::SilentLeader { until_s, .. }
            | FaultEntry::Impostor { until_s, .. }
            | FaultEntry::Censor { until_s, .. } => until_s.iter().copied().collect(),
            FaultEntry::InvalidSignatures { .. } => Vec::new(),
        }
    }

    /// What is wrong with the entries, if anything is.
    pub(super) fn validate(entries: &[FaultEntry], replicas: u32) -> Result<(), String> {
        let mut liars = Vec::new();
        for entry in entries {
            let named = entry.replicas();
            if let Some(replica) = named.iter().find(|&&replica| replica >= replicas) {
                return Err(format!("a fault names replica {replica}; there are {replicas}, numbered from 0"));
            }
            let times = entry.times();
            if !times.iter().all(|at| (0.0..=31_622_400.0).contains(at)) || !times.is_sorted() {
                return Err("a fault's times must be 0 or above, and it must not end before it begins".into());
            }
            if let FaultEntry::Outage { region, .. } = entry
                && !REGIONS.contains(&region.as_str())
            {
                return Err(format!("there is no region `{region}`; known: {}", REGIONS.join(", ")));
            }
            entry.validate_shares()?;
            if entry.behaviour().is_some() {
                if liars.contains(&named[0]) {
                    return Err(format!("replica {} has two Byzantine behaviours; it can have one", named[0]));
                }
                liars.push(named[0]);
            }
        }
        Ok(())
    }

    fn validate_shares(&self) -> Result<(), String> {
        match self {
            FaultEntry::SlowCpu { percent, .. } if !(100..=60_000).contains(percent) => {
                Err(format!("`percent` must be between 100 and 60000, not {percent}"))
            }
            FaultEntry::Links { loss_percent, duplicate_percent, delay_ms, .. } => {
                let shares = [loss_percent, duplicate_percent];
                match shares.into_iter().find(|share| !(0.0..=100.0).contains(*share)) {
                    Some(share) => Err(format!("a share of messages must be between 0 and 100 percent, not {share}")),
                    None if !(0.0..=86_400_000.0).contains(delay_ms) => {
                        Err(format!("`delay_ms` must be between 0 and 86400000, not {delay_ms}"))
                    }
                    None => Ok(()),
                }
            }
            FaultEntry::Twins { split_views, .. } if !split_views.is_power_of_two() => {
                Err(format!("`split_views` must be a power of two, not {split_views}"))
            }
            _ => Ok(()),
        }
    }

    fn behaviour(&self) -> Option<Behaviour> {
        match self {
            FaultEntry::Twins { .. } => Some(Behaviour::Twins),
            FaultEntry::SilentLeader { .. } => Some(Behaviour::SilentLeader),
            FaultEntry::Impostor { .. } => Some(Behaviour::Impostor),
            FaultEntry::InvalidSignatures { .. } => Some(Behaviour::InvalidSignatures),
            FaultEntry::Censor { victims, .. } => Some(Behaviour::Censor(ascending(victims))),
            _ => None,
        }
    }

    /// The plan that `entries` describe. `of_region` are the replicas of a region; `seed` is the run's.
    pub(super) fn plan(entries: &[FaultEntry], seed: u64, of_region: impl Fn(&str) -> Vec<ReplicaId>) -> FaultPlan {
        let mut plan = FaultPlan::default();
        for entry in entries {
            entry.add_to(&mut plan, seed, &of_region);
        }
        plan
    }

    fn add_to(&self, plan: &mut FaultPlan, seed: u64, of_region: &impl Fn(&str) -> Vec<ReplicaId>) {
        match self {
            FaultEntry::Crash { replica, at_s, restart_s } => {
                let (replica, from) = (ReplicaId(*replica), instant(*at_s));
                plan.outages.push(Outage { replica, from, until: restart_s.map(instant) });
            }
            FaultEntry::Outage { region, from_s, until_s } => {
                let (from, until) = (instant(*from_s), until_s.map(instant));
                let outage = |replica| Outage { replica, from, until };
                plan.outages.extend(of_region(region).into_iter().map(outage));
            }
            FaultEntry::Pause { replica, from_s, until_s } => {
                let (from, until) = (instant(*from_s), instant(*until_s));
                plan.pauses.push(Pause { replica: ReplicaId(*replica), from, until });
            }
            FaultEntry::SlowCpu { replica, from_s, until_s, percent } => {
                let (from, until) = (instant(*from_s), instant(*until_s));
                plan.slowdowns.push(Slowdown { replica: ReplicaId(*replica), from, until, percent: *percent });
            }
            FaultEntry::Links { from_s, until_s, senders, receivers, loss_percent, duplicate_percent, delay_ms } => {
                plan.disturbances.push(Disturbance {
                    from: instant(*from_s),
                    until: instant(*until_s),
                    senders: ascending(senders),
                    receivers: ascending(receivers),
                    lost: Chance::new(loss_percent / 100.0),
                    repeated: Chance::new(duplicate_percent / 100.0),
                    delay: Span::from_millis_f64(*delay_ms),
                });
            }
            FaultEntry::Partition { side, from_s, until_s, one_way } => {
                let (from, until) = (instant(*from_s), instant(*until_s));
                plan.partitions.push(Partition { from, until, side: ascending(side), one_way: *one_way });
            }
            FaultEntry::InvalidSignatures { replica } => self.lie(plan, *replica, None, seed),
            FaultEntry::Twins { replica, until_s, .. }
            | FaultEntry::SilentLeader { replica, until_s }
            | FaultEntry::Impostor { replica, until_s }
            | FaultEntry::Censor { replica, until_s, .. } => self.lie(plan, *replica, *until_s, seed),
        }
    }

    fn lie(&self, plan: &mut FaultPlan, replica: u32, until_s: Option<f64>, seed: u64) {
        let until = until_s.map_or(Time::NEVER, instant);
        let behaviour = self.behaviour().expect("only Byzantine faults come here");
        plan.liars.push(Liar { replica: ReplicaId(replica), behaviour, until });
        self.split(plan, seed, until);
    }

    /// Twins are heard by different machines; the longest of all twins' splits holds for everyone.
    fn split(&self, plan: &mut FaultPlan, seed: u64, until: Time) {
        if let FaultEntry::Twins { split_views, .. } = self {
            let until = plan.splits.map_or(until, |splits| splits.until.max(until));
            plan.splits = Some(ViewSplits { until, seed, stride: split_views.trailing_zeros() });
        }
    }
}
