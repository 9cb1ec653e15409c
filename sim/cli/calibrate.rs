//! `systole calibrate`.

use std::env;
use std::time::Duration;

use crate::crypto::CostTable;
use crate::experiment::write_whole;
use crate::health::measure_contracts;

use super::args::{CalibrateArgs, Voice};
use super::exit::Failure;
use super::{host, print, print_json};

/// Measures this host and writes a cost table.
pub(super) fn calibrate(args: &CalibrateArgs, voice: Voice) -> Result<(), Failure> {
    let scratch = env::temp_dir();
    let table = CostTable::measure(Duration::from_secs(args.budget), &scratch, provenance(), measure_contracts())?;
    let text = table.to_toml();
    let Some(path) = &args.output else {
        return if voice.json { print_json(&table) } else { print(&text) };
    };
    write_whole(path, text.as_bytes())?;
    if voice.json { print_json(&table) } else { Ok(()) }
}

fn provenance() -> String {
    let (model, date) = (host::cpu(), host::now());
    format!("measured on {model} at {date} by systole {} ({})", env!("CARGO_PKG_VERSION"), env!("SYSTOLE_COMMIT"))
}
