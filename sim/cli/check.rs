//! `systole check`.

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::engine::ProtocolKind;
use crate::experiment::{Campaign, Checked, Finding};
use crate::ledger::FaultModel;
use crate::scenario::Dissemination;

use super::args::Voice;
use super::control::Watch;
use super::exit::Failure;
use super::{host, print, print_json};

/// Arguments of `check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// The protocol to check.
    #[arg(long, value_name = "NAME", value_parser = protocol())]
    pub protocol: ProtocolKind,
    /// How many random fault schedules to run.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub schedules: u64,
    /// Every schedule follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Run this schedule alone and tell its story.
    #[arg(long, value_name = "K")]
    pub only: Option<u64>,
    /// Replicas [default: a few sizes in turn].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100))]
    pub replicas: Option<u32>,
    /// The dissemination layer [default: all that the protocol runs over, in turn].
    #[arg(long, value_name = "LAYER", value_parser = layer())]
    pub dissemination: Option<Dissemination>,
    /// Replicas that are twins in every schedule; with more than the protocol stands it must fork [default: at most as
    /// many faulty replicas as the protocol stands].
    #[arg(long, value_name = "N")]
    pub twins: Option<u32>,
    /// Worker threads; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

fn protocol() -> impl TypedValueParser<Value = ProtocolKind> {
    let names = ProtocolKind::ALL.iter().map(|kind| kind.name());
    PossibleValuesParser::new(names).map(|name| {
        let kind = ProtocolKind::ALL.iter().find(|kind| kind.name() == name);
        *kind.expect("only names of protocols are possible")
    })
}

fn layer() -> impl TypedValueParser<Value = Dissemination> {
    PossibleValuesParser::new(Dissemination::ALL.map(Dissemination::name)).map(|name| {
        let layer = Dissemination::ALL.into_iter().find(|layer| layer.name() == name);
        layer.expect("only names of layers are possible")
    })
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    protocol: &'static str,
    seed: u64,
    schedules: u64,
    events: u64,
    wall_s: f64,
    schedules_per_s: f64,
    threads: usize,
    interrupted: bool,
    /// The first schedule with a finding.
    schedule: Option<u64>,
    finding: Option<String>,
    story: Option<String>,
    replay: Option<String>,
}

/// Runs random fault schedules against a protocol until one is not survived.
pub(super) fn check(args: &CheckArgs, voice: Voice) -> Result<(), Failure> {
    let campaign = campaign(args)?;
    let range = args.only.map_or(0..args.schedules, |only| only..only + 1);
    let total = range.end - range.start;
    let threads = host::threads(args.threads);
    let mut watch = Watch::start()?;
    watch.label(format!("{} check", args.protocol.name()));
    let started = Instant::now();
    let mut interrupted = false;
    let checked = campaign.run(range, NonZeroUsize::new(threads), |done| {
        interrupted = !watch.count(done, total);
        !interrupted
    });
    let wall_s = started.elapsed().as_secs_f64();
    watch.finish();
    let report = Report { interrupted, ..report(args, &campaign, &checked, wall_s, threads) };
    if voice.json {
        print_json(&report)?;
    } else {
        print(&text(&campaign, &report))?;
    }
    match checked.finding {
        Some((nth, finding)) => Err(Failure::Broken(format!("schedule {nth}: {finding}"))),
        None if interrupted => Err(Failure::Interrupted(format!("interrupted after {} schedules", checked.schedules))),
        None => Ok(()),
    }
}

fn campaign(args: &CheckArgs) -> Result<Campaign, Failure> {
    let mut campaign = Campaign::new(args.protocol, args.seed);
    let layers = campaign.tables.layers(args.protocol);
    if let Some(layer) = args.dissemination.filter(|layer| !layers.contains(layer)) {
        let known: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
        let (protocol, layer) = (args.protocol.name(), layer.name());
        return Err(Failure::Usage(format!(
            "`{protocol}` does not run over `{layer}`, but over: {}",
            known.join(", ")
        )));
    }
    let model = campaign.tables.promises(args.protocol).tolerates;
    if args.twins.is_some() && model != FaultModel::Byzantine {
        return Err(Failure::Usage(format!("`{}` stands no lies: --twins is not for it", args.protocol.name())));
    }
    let replicas = args.replicas.unwrap_or(4);
    if args.twins.is_some_and(|twins| twins >= replicas) {
        return Err(Failure::Usage(format!("--twins must be below the number of replicas, {replicas} or more")));
    }
    (campaign.replicas, campaign.layer, campaign.twins) = (args.replicas, args.dissemination, args.twins);
    Ok(campaign)
}

fn replay(args: &CheckArgs, nth: u64) -> String {
    let mut command = format!("systole check --protocol {} --seed {} --only {nth}", args.protocol.name(), args.seed);
    if let Some(replicas) = args.replicas {
        command += &format!(" --replicas {replicas}");
    }
    if let Some(layer) = args.dissemination {
        command += &format!(" --dissemination {}", layer.name());
    }
    if let Some(twins) = args.twins {
        command += &format!(" --twins {twins}");
    }
    command
}

fn report(args: &CheckArgs, campaign: &Campaign, checked: &Checked, wall_s: f64, threads: usize) -> Report {
    let found: Option<&(u64, Finding)> = checked.finding.as_ref();
    let told = found.map(|(nth, _)| *nth).or(args.only);
    Report {
        protocol: args.protocol.name(),
        seed: args.seed,
        schedules: checked.schedules,
        events: checked.events,
        wall_s,
        schedules_per_s: checked.schedules as f64 / wall_s,
        threads,
        interrupted: false,
        schedule: found.map(|(nth, _)| *nth),
        finding: found.map(|(_, finding)| finding.to_string()),
        story: told.map(|nth| campaign.story(nth)),
        replay: found.map(|(nth, _)| replay(args, *nth)),
    }
}

fn text(campaign: &Campaign, report: &Report) -> String {
    let Report { protocol, seed, schedules, events, wall_s, schedules_per_s, threads, .. } = report;
    let noun = if *schedules == 1 { "schedule" } else { "schedules" };
    let mut out = format!(
        "{protocol}: {schedules} {noun} of seed {seed} in {wall_s:.1} s on {threads} threads: \
         {schedules_per_s:.0} schedules/s, {events} events\n"
    );
    if let Some(story) = &report.story {
        out += &format!("\n{story}");
    }
    match (&report.finding, &report.replay) {
        (Some(finding), Some(replay)) => out += &format!("\nfound        {finding}\nsee it again {replay}\n"),
        _ if report.interrupted => out += "interrupted: nothing found so far\n",
        _ => {
            let deadline = campaign.deadline();
            out += &format!("nothing found: no judge objects, and everything is executed {deadline}\n");
        }
    }
    out
}
