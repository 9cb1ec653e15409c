//! Facts about this host and process: outside every digest.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::Outcome;
use crate::experiment::{Build, Crew, HostFacts, Store};

/// The store below `root`, for this build of the tool.
pub(super) fn store(root: &Path) -> Store {
    Store::new(root, env!("SYSTOLE_COMMIT"))
}

/// This build of the tool.
pub(super) fn build() -> Build {
    Build::of(env!("SYSTOLE_COMMIT"))
}

/// How this build is optimised.
pub(super) fn profile() -> &'static str {
    env!("SYSTOLE_PROFILE")
}

/// The processor, as the system calls it.
pub(super) fn cpu() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown CPU");
    model.trim_start_matches(['\t', ' ', ':']).to_string()
}

/// The time, RFC 3339, to the second.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// Worker threads: as asked, or one for each core.
pub(super) fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get), usize::from)
}

/// Who runs `pieces` of work, `asked` at a time or as many as there are cores; cores to spare go to each.
pub(super) fn crew(asked: Option<u16>, pieces: usize, stop: &AtomicBool) -> Crew<'_> {
    let cores = threads(asked);
    let jobs = cores.clamp(1, pieces.max(1));
    // Who says how many has thought of memory.
    let memory = if asked.is_none() { available_bytes() } else { None };
    Crew { jobs, memory, threads: (cores / jobs).max(1), stop }
}

/// Memory that this process may still take, bytes: what the system has available, or less where the process is
/// confined to a group; nothing where nobody says.
pub(super) fn available_bytes() -> Option<u64> {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kilobytes(&text, "MemAvailable:"));
    let number = |name: &str| fs::read_to_string(group_folder()?.join(name)).ok()?.trim().parse::<u64>().ok();
    // A group without a limit says `max`, which is no number.
    let group = number("memory.max").map(|most| most.saturating_sub(number("memory.current").unwrap_or(0)));
    [host, group].into_iter().flatten().min()
}

/// The folder in which the system describes this process's group: what version 2 of control groups has.
fn group_folder() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new("/sys/fs/cgroup").join(group))
}

/// A number of a line of `/proc` that begins with `name`, in kB there, as bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// What simulating `outcome` took.
pub(super) fn facts(outcome: &Outcome, wall: Duration, threads: usize) -> HostFacts {
    let wall_s = wall.as_secs_f64();
    HostFacts {
        wall_s,
        events: outcome.events,
        events_per_s: outcome.events as f64 / wall_s,
        sim_s_per_wall_s: outcome.ended.as_secs_f64() / wall_s,
        peak_rss_bytes: peak_rss_bytes(),
        threads,
    }
}

/// Largest resident memory of this process so far; 0 where the system does not say.
fn peak_rss_bytes() -> u64 {
    kilobytes(&fs::read_to_string("/proc/self/status").unwrap_or_default(), "VmHWM:").unwrap_or(0)
}
