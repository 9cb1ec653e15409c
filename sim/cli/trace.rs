//! `systole trace`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::Span;
use crate::experiment::{Recorded, TraceError, TraceRequest, record};

use super::args::{ScenarioArgs, Voice};
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::{host, print, print_json, replayed};

/// Arguments of `trace`.
#[derive(Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// How much of virtual time is shown, such as 2s or 500ms.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = span)]
    pub window: Span,
    /// From when on, such as 30s [default: the end of the warm-up].
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub from: Option<Span>,
    /// How many nodes are shown: three quarters of them replicas, the rest hospitals that submit to these,
    /// both spread evenly.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub nodes: u16,
    /// Where the trace is written [default: SCENARIO.trace.json, in this folder].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Refuse to write more than this, in MiB: a viewer in a browser opens so much in seconds.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub max_mib: u64,
    /// Write it however large it is.
    #[arg(long)]
    pub force: bool,
}

fn span(text: &str) -> Result<Span, String> {
    let duration: Duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 2s or 500ms"))?;
    match u64::try_from(duration.as_nanos()) {
        Ok(nanos) if (1..=u64::MAX / 4).contains(&nanos) => Ok(Span(nanos)),
        Ok(0) => Err("must be longer than nothing".into()),
        _ => Err("is longer than any run".into()),
    }
}

/// Records messages and work of a few nodes for a while.
pub(super) fn trace(args: &TraceArgs, voice: Voice) -> Result<(), Failure> {
    let scenario = args.scenario.load()?;
    let world = replayed::world(&scenario, &args.scenario.overrides)?;
    let path = args.output.clone().unwrap_or_else(|| format!("{}.trace.json", scenario.file.name).into());
    let request = TraceRequest {
        path,
        from: args.from,
        length: args.window,
        nodes: args.nodes.into(),
        most_bytes: (!args.force).then_some(args.max_mib << 20),
    };
    let mut watch = Watch::start()?;
    watch.label(format!("{} trace", scenario.file.name));
    let recorded = record(&scenario, &world, &request, host::threads(None), &mut watch);
    watch.finish();
    let recorded = recorded.map_err(|error| match error {
        TraceError::Late { .. } | TraceError::TooLarge { .. } => Failure::Usage(error.to_string()),
        TraceError::Store(_) => Failure::Runtime(error.to_string()),
        TraceError::Run(error) => Failure::Run(error, Replay::of(&args.scenario)),
    })?;
    if voice.json { print_json(&recorded) } else { print(&text(&recorded)) }
}

fn text(recorded: &Recorded) -> String {
    let Recorded { file, scenario, from_s, until_s, nodes, written } = recorded;
    let (spans, messages, instants) = (written.spans, written.messages, written.instants);
    let mut out = format!("{scenario} from {from_s} to {until_s} s: {spans} pieces of work, {messages} messages, ");
    out += &format!("{instants} commits, views, timeouts and faults at\n");
    nodes.iter().for_each(|node| out += &format!("  {node}\n"));
    let size = written.bytes as f64 / f64::from(1 << 20);
    out + &format!("{size:.1} MiB in {}: open it at https://ui.perfetto.dev\n", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_units() {
        assert_eq!(span("500ms"), Ok(Span::from_millis(500)));
        assert_eq!(span("2s"), Ok(Span::from_secs(2)));
        for bad in ["2", "0s", "-1s", "two", "900y"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
