//! The program as its users have it: what is asked of it, what it says, and what it leaves in folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::runs::workloads;

pub fn command(verb: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.arg(verb).args(args);
    command
}

pub fn run(verb: &str, args: &[&str]) -> Output {
    command(verb, args).output().expect("the binary runs")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The output of a command that must succeed.
pub fn good(output: Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What a command that must fail with `code` says.
pub fn bad(output: Output, code: i32) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// As [`bad`], of a command that says one line.
pub fn bad_line(output: Output, code: i32) -> String {
    let said = bad(output, code);
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// The shipped scenario that is small.
pub fn regional_path() -> String {
    workloads().join("regional.toml").display().to_string()
}

/// Writes it to `path` with `more` at its end.
pub fn write_regional(path: &Path, more: &str) {
    let shipped = fs::read_to_string(regional_path()).expect("a shipped scenario is text");
    let data = format!("[world]\ndata = {:?}", workloads().join("data"));
    fs::write(path, shipped.replace("[world]", &data) + more).expect("it can be written");
}

/// Every file below a folder, with its bytes, and every folder, with none.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

pub fn tree(folder: &Path) -> Tree {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("it is a folder") {
            let path = entry.expect("it is readable").path();
            let name = path.strip_prefix(folder).expect("it is below").to_path_buf();
            let bytes = (!path.is_dir()).then(|| fs::read(&path).expect("it is readable"));
            if bytes.is_none() {
                folders.push(path);
            }
            found.insert(name, bytes);
        }
    }
    found
}

/// Writes a tree into a folder.
pub fn plant(tree: &Tree, folder: &Path) {
    fs::create_dir_all(folder).expect("it can be made");
    // A folder comes before what is in it.
    for (name, bytes) in tree {
        let path = folder.join(name);
        let made = bytes.as_ref().map_or_else(|| fs::create_dir(&path), |bytes| fs::write(&path, bytes));
        made.expect("it can be written");
    }
}

/// A temporary folder with such a tree, which may be altered.
pub fn planted(tree: &Tree) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    plant(tree, folder.path());
    folder
}

pub fn assert_holds(folder: &Path, expected: &Tree) {
    let found = tree(folder);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let differing: Vec<&PathBuf> = expected.keys().filter(|name| expected.get(*name) != found.get(*name)).collect();
    assert!(differing.is_empty(), "{differing:?}");
}
