//! `systole completions` and `systole man`: what shells and `man` know of the commands, from the one definition.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::experiment::place_file;

use super::args::{Arguments, Voice};
use super::exit::Failure;
use super::{print, print_bytes, print_json};

/// Arguments of `completions`.
#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder [default: the page of systole, to standard output].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionsArgs, voice: Voice) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "systole", &mut script);
    if voice.json {
        let script = String::from_utf8_lossy(&script);
        return print_json(&json!({"shell": args.shell.to_string(), "script": script}));
    }
    print_bytes(&script)
}

/// Prints the manual, or writes all of its pages.
pub(super) fn man(args: &ManArgs, voice: Voice) -> Result<(), Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.output else {
        let page = rendered(&Man::new(command));
        if voice.json {
            return print_json(&json!({"page": String::from_utf8_lossy(&page)}));
        }
        return print_bytes(&page);
    };
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Failure::Runtime(format!("{path}: {error}"))
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let of_commands = command.get_subcommands().map(|one| {
        let name = format!("systole-{}", one.get_name());
        (name.clone(), Man::new(one.clone()).title(name))
    });
    let pages: Vec<(String, Vec<u8>)> = of_commands.map(|(name, man)| (format!("{name}.1"), rendered(&man))).collect();
    let first = ("systole.1".to_string(), rendered(&Man::new(command)));
    let mut files = Vec::new();
    for (name, page) in std::iter::once(first).chain(pages) {
        place_file(folder, &name, &page)?;
        files.push(folder.join(name));
    }
    if voice.json {
        return print_json(&json!({"files": files}));
    }
    print(&format!("{}: {} pages\n", folder.display(), files.len()))
}

fn rendered(man: &Man) -> Vec<u8> {
    let mut page = Vec::new();
    man.render(&mut page).expect("writing to memory does not fail");
    page
}
