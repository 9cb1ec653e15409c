//! Records the commit that the tool is built from, for the manifests of its results, and how it is optimised, for whoever
//! reads its rates.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let commit = commit.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| "unknown".into());
    let status = Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]).output();
    let dirty = status.is_ok_and(|output| !output.stdout.is_empty());
    println!("cargo:rustc-env=SYSTOLE_COMMIT={}{}", commit.trim(), if dirty { "-dirty" } else { "" });
    let of = |key: &str| std::env::var(key).unwrap_or_else(|_| "unknown".into());
    println!("cargo:rustc-env=SYSTOLE_PROFILE={}, opt-level {}", of("PROFILE"), of("OPT_LEVEL"));
}
