//! `systole calibrate`.

use std::env;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::crypto::CostTable;
use crate::health::measure_contracts;

use super::args::{CalibrateArgs, Voice};
use super::exit::Failure;
use super::{print, print_json};

/// Measures this host and writes a cost table.
pub(super) fn calibrate(args: &CalibrateArgs, voice: Voice) -> Result<(), Failure> {
    let scratch = env::temp_dir();
    let table = CostTable::measure(Duration::from_secs(args.budget), &scratch, provenance(), measure_contracts())?;
    let text = table.to_toml();
    let Some(path) = &args.output else {
        return if voice.json { print_json(&table) } else { print(&text) };
    };
    // Written beside its place and renamed, so that a full disk leaves no half table.
    let temporary = path.with_extension("tmp");
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| Failure::Runtime(format!("{}: {error}", path.display())))?;
    if voice.json { print_json(&table) } else { Ok(()) }
}

fn provenance() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown CPU");
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds);
    let model = model.trim_start_matches(['\t', ' ', ':']);
    format!("measured on {model} at {date} by systole {} ({})", env!("CARGO_PKG_VERSION"), env!("SYSTOLE_COMMIT"))
}
