//! The `systole` binary: everything is in [`systole::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    systole::cli::main()
}
