//! Progress and Ctrl-C: a bar on a terminal, a line every ten seconds elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::{Control, Progress};

use super::exit::Failure;

const LINE_EVERY: Duration = Duration::from_secs(10);
/// Whether nothing but errors and warnings goes to standard error.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// From now on nothing but errors and warnings goes to standard error, if `quiet`.
pub(super) fn hush(quiet: bool) {
    HUSHED.store(quiet, Ordering::Relaxed);
}

/// Says something on standard error that is no error.
pub(super) fn note(message: &str) {
    if !HUSHED.load(Ordering::Relaxed) {
        eprintln!("systole: {message}");
    }
}

/// Watches a run.
pub(super) struct Watch {
    interrupted: Arc<AtomicBool>,
    bar: ProgressBar,
    lines: bool,
    started: Instant,
    last_line: Instant,
    label: String,
}

impl Watch {
    /// Starts to listen for Ctrl-C and to show progress, unless that is hushed.
    pub fn start() -> Result<Watch, Failure> {
        let quiet = HUSHED.load(Ordering::Relaxed);
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        let handler = move || {
            // A second Ctrl-C does not wait for the run to notice the first.
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        };
        ctrlc::set_handler(handler).map_err(|error| Failure::Runtime(format!("cannot listen for Ctrl-C: {error}")))?;
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1_000), target);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {elapsed}");
        bar.set_style(style.expect("the template is constant and valid"));
        let now = Instant::now();
        let lines = !terminal && !quiet;
        Ok(Watch { interrupted, bar, lines, started: now, last_line: now, label: String::new() })
    }

    /// Names what runs now.
    pub fn label(&mut self, label: String) {
        self.bar.set_prefix(label.clone());
        self.label = label;
    }

    /// Shows how many of `total` things are done; false after Ctrl-C.
    pub fn count(&mut self, done: u64, total: u64) -> bool {
        self.count_with(done, total, "")
    }

    /// As [`Watch::count`], with a note behind it.
    pub fn count_with(&mut self, done: u64, total: u64, note: &str) -> bool {
        self.bar.set_position(done * 1_000 / total.max(1));
        self.bar.set_message(format!("{done} of {total}{note}"));
        if self.lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{}: {done} of {total} in {:.0} s{note}", self.label, self.started.elapsed().as_secs_f64());
        }
        !self.interrupted.load(Ordering::Relaxed)
    }

    /// What Ctrl-C sets.
    pub fn interrupted(&self) -> Arc<AtomicBool> {
        self.interrupted.clone()
    }

    /// As [`note`], whatever the bar does.
    pub fn note(&self, message: &str) {
        self.bar.suspend(|| note(message));
    }

    /// As [`Watch::note`], however quiet it is: something is wrong, though the command goes on.
    pub fn warn(&self, message: &str) {
        self.bar.suspend(|| eprintln!("systole: {message}"));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Control for Watch {
    fn proceed(&mut self, progress: &Progress) -> bool {
        let wall = self.started.elapsed().as_secs_f64();
        let share = progress.now.0 as f64 / progress.end.0.max(1) as f64;
        self.bar.set_position((share * 1_000.0) as u64);
        self.bar.set_message(format!("{:.1} s, {} committed", progress.now.as_secs_f64(), progress.in_effect));
        if self.lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let (now, end) = (progress.now.as_secs_f64(), progress.end.as_secs_f64());
            let (submitted, committed, label) = (progress.submitted, progress.in_effect, &self.label);
            eprintln!(
                "{label}: {now:.1} of {end:.0} s simulated in {wall:.0} s: {submitted} submitted, {committed} committed"
            );
        }
        !self.interrupted.load(Ordering::Relaxed)
    }
}
