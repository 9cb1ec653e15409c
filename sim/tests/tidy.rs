//! Checks on the code itself: it reads the tree as text and convicts what the design forbids.
//!
//! The checks are textual on purpose: they need no compiler plugin, and a reader sees what they see. Comments, strings
//! and code under `#[cfg(test)]` are blanked first. What they cannot see is said beside each of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;

/// Every module of the crate, lowest first. A file may use its own module and those before it.
const ORDER: [&str; 16] = [
    "base",
    "kernel",
    "crypto",
    "ledger",
    "network",
    "health",
    "consensus",
    "faults",
    "observe",
    "metrics",
    "engine",
    "scenario",
    "experiment",
    "report",
    "cli",
    "main",
];

/// Beyond the order: all that some modules may use.
const ONLY: [(&str, &[&str]); 2] =
    [("consensus", &["base", "crypto", "ledger", "consensus"]), ("ledger", &["base", "crypto", "ledger"])];

/// Beyond the order: what some modules may not use.
const NEVER: [(&str, &[&str]); 2] = [("observe", &["consensus", "engine"]), ("report", &["engine", "consensus"])];

/// Files below `cli` that may read the clock: the worker pool and the stopwatches.
const CLOCK_READERS: [&str; 4] =
    ["kernel/pool.rs", "kernel/workloads", "crypto/costs/measure.rs", "health/contracts/measure.rs"];

/// Words that print, read the environment or read the wall clock.
const OUTSIDE_WORLD: [&str; 8] = ["env", "print!", "println!", "eprint!", "eprintln!", "dbg!", "Instant", "SystemTime"];

const HASHED: [&str; 4] = ["HashMap", "HashSet", "DigestMap", "DigestSet"];
const ITERATING: [&str; 12] = [
    ".iter()",
    ".iter_mut()",
    ".keys()",
    ".values()",
    ".values_mut()",
    ".into_iter()",
    ".into_keys()",
    ".into_values()",
    ".drain(",
    ".drain()",
    ".retain(",
    ".extract_if(",
];

const MOST_FILE_LINES: usize = 400;
const MOST_FUNCTION_LINES: usize = 70;

/// One file: its path below `sim/`, and its text with comments and strings blanked.
struct Source {
    path: String,
    /// Everything that is code.
    code: String,
    /// As `code`, without what is compiled for tests only.
    shipped: String,
}

impl Source {
    fn new(path: &str, text: &str, test_only: bool) -> Source {
        let code = blank_comments_and_strings(text);
        let shipped = if test_only { String::new() } else { blank_test_items(&code) };
        Source { path: path.into(), code, shipped }
    }

    /// The module of [`ORDER`] that it belongs to; none for the crate's root and the integration tests.
    fn module(&self) -> Option<&str> {
        let name = self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        ORDER.into_iter().find(|module| *module == name)
    }

    /// `path:line` of a position in its code.
    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.code[..at].matches('\n').count() + 1)
    }
}

/// The same length and lines, with every comment, string and character literal turned into spaces.
fn blank_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).expect("whole literals were blanked, so no character was cut")
}

/// The end of the comment or literal that begins at `at`, or `at` where none does.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let find = |needle: &[u8], from: usize| {
        rest[from..]
            .windows(needle.len())
            .position(|window| window == needle)
            .map_or(bytes.len(), |found| at + from + found)
    };
    if rest.starts_with(b"//") {
        return find(b"\n", 0);
    }
    if rest.starts_with(b"/*") {
        return (find(b"*/", 2) + 2).min(bytes.len());
    }
    let fresh = at == 0 || !is_word(bytes[at - 1]);
    let hashes = rest.iter().skip(1).take_while(|&&byte| byte == b'#').count();
    if fresh && rest[0] == b'r' && rest.get(1 + hashes) == Some(&b'"') {
        let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        return (find(&close, 2 + hashes) + close.len()).min(bytes.len());
    }
    if rest[0] == b'"' {
        let mut end = at + 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        return (end + 1).min(bytes.len());
    }
    // A lifetime is no character: those close within a few bytes.
    match rest {
        [b'\'', b'\\', ..] => find(b"'", 3) + 1,
        [b'\'', _, b'\'', ..] => at + 3,
        _ => at,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Blanks every item that follows `#[cfg(test)]`, up to its closing brace or semicolon.
fn blank_test_items(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.as_bytes().to_vec();
    for (at, _) in code.match_indices(MARK) {
        let end = item_end(code, at + MARK.len());
        out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8(out).expect("whole items were blanked")
}

/// The end of the item that begins at `at`: its first `;` outside braces, or the brace that closes its first one.
fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0usize;
    for (index, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
            b';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    code.len()
}

/// Positions of `word` in `code` that are no part of a longer word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    let bounded = move |&at: &usize| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(at + word.len()).copied();
        let closed = !word.ends_with(|last: char| is_word(last as u8)) || !after.is_some_and(is_word);
        !before.is_some_and(is_word) && closed
    };
    code.match_indices(word).map(|(at, _)| at).filter(bounded)
}

/// The modules that `crate::` paths name, with the position of each: plain, inline, and in (nested) groups.
fn used_modules(code: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for at in words(code, "crate") {
        let path: usize = at + "crate".len();
        let Some(rest) = code[path..].trim_start().strip_prefix("::") else { continue };
        let rest = rest.trim_start();
        match rest.strip_prefix('{') {
            Some(group) => used.extend(group_heads(group).map(|head| (at, head))),
            None => used.push((at, leading_word(rest))),
        }
    }
    used
}

fn leading_word(text: &str) -> String {
    text.trim_start().chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect()
}

/// The first word of each item of a `{…}` group, whose opening brace is gone.
fn group_heads(group: &str) -> impl Iterator<Item = String> {
    let (mut depth, mut heads, mut item) = (0usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(std::mem::take(&mut item)),
            _ => {}
        }
        if c != ',' || depth > 0 {
            item.push(c);
        }
    }
    heads.push(item);
    heads.into_iter().map(|item| leading_word(&item)).filter(|head| !head.is_empty())
}

/// Paths that lead out of a module other than through `crate::` would escape the check on the order.
fn escapes(source: &Source) -> Option<usize> {
    let depth = source.path.trim_end_matches(".rs").matches('/').count() + 1;
    source.shipped.find(&"super::".repeat(depth))
}

fn check_order(source: &Source, errors: &mut Vec<String>) {
    let Some(module) = source.module() else { return };
    let rank = |name: &str| ORDER.iter().position(|known| *known == name);
    for (at, used) in used_modules(&source.code) {
        let above = rank(&used).is_some_and(|used| Some(used) > rank(module));
        let beyond = ONLY.iter().any(|(of, allowed)| *of == module && !allowed.contains(&used.as_str()));
        let banned = NEVER.iter().any(|(of, banned)| *of == module && banned.contains(&used.as_str()));
        if above || banned || beyond && rank(&used).is_some() {
            errors.push(format!("{}: `{module}` may not use `{used}`", source.place(at)));
        }
    }
    if let Some(at) = escapes(source) {
        errors.push(format!("{}: leaves its module by `super`; write `crate::`", source.place(at)));
    }
}

fn check_outside_world(source: &Source, errors: &mut Vec<String>) {
    let below_cli = source.module().is_some_and(|module| !["cli", "main"].contains(&module));
    if !below_cli || CLOCK_READERS.iter().any(|file| source.path.starts_with(file)) {
        return;
    }
    for word in OUTSIDE_WORLD {
        for at in words(&source.shipped, word).filter(|at| !source.shipped[at + word.len()..].starts_with('!')) {
            errors.push(format!("{}: `{word}` below `cli`", source.place(at)));
        }
    }
}

/// Names that this file declares with a hashed type: `name: HashMap<…>`, `name: &mut HashSet<…>`,
/// `let name = HashMap::new()`. Fields of types declared in other files are not seen.
fn hashed_names(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for kind in HASHED {
        for at in words(code, kind) {
            let mut before = code[..at].trim_end();
            // Through paths, references and wrappers such as `Option<` back to the `:` or `=` of the declaration.
            while let Some(shorter) =
                ["std::collections::", "collections::", "&mut", "&", "mut", "Option<", "Box<", "Vec<"]
                    .iter()
                    .find_map(|prefix| before.strip_suffix(prefix))
            {
                before = shorter.trim_end();
            }
            let declared = before.strip_suffix(':').filter(|rest| !rest.ends_with(':'));
            if let Some(rest) = declared.or_else(|| before.strip_suffix('=')) {
                let name: String =
                    rest.trim_end().chars().rev().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
                names.insert(name.chars().rev().collect());
            }
        }
    }
    names.remove("");
    names
}

/// Iteration over hashed collections: a method that iterates, or a `for` loop, on a name of [`hashed_names`].
fn check_hash_order(source: &Source, errors: &mut Vec<String>) {
    for name in hashed_names(&source.shipped) {
        for at in words(&source.shipped, &name) {
            let rest = source.shipped[at + name.len()..].trim_start();
            let iterated = ITERATING.iter().any(|method| rest.starts_with(method));
            if iterated || is_looped_over(&source.shipped, at, rest) {
                errors.push(format!("{}: `{name}` is iterated in hash order", source.place(at)));
            }
        }
    }
}

/// Whether the name at `at` is what a `for … in` loop runs over: `for x in &mut self.name {`.
fn is_looped_over(code: &str, at: usize, rest: &str) -> bool {
    let mut before = code[..at].trim_end();
    while let Some(shorter) = ["self.", "&mut", "&"].iter().find_map(|prefix| before.strip_suffix(prefix)) {
        before = shorter.trim_end();
    }
    rest.starts_with('{') && before.ends_with(" in")
}

fn check_words(source: &Source, errors: &mut Vec<String>) {
    for at in words(&source.code, "unsafe").chain(source.code.match_indices("#[ignore").map(|(at, _)| at)) {
        errors.push(format!("{}: `{}`", source.place(at), leading(&source.code[at..])));
    }
    let unfinished = ["todo!", "unimplemented!"].into_iter().flat_map(|word| words(&source.code, word));
    let unwraps = source.shipped.match_indices(".unwrap()").map(|(at, _)| at).filter(|_| source.module().is_some());
    for at in unfinished.chain(unwraps) {
        errors.push(format!("{}: `{}`", source.place(at), leading(&source.code[at..])));
    }
}

fn leading(code: &str) -> &str {
    code.split_inclusive([' ', '!', ')', ']']).next().unwrap_or_default().trim_end()
}

fn errors_of(source: &Source) -> Vec<String> {
    let mut errors = Vec::new();
    check_order(source, &mut errors);
    check_outside_world(source, &mut errors);
    check_hash_order(source, &mut errors);
    check_words(source, &mut errors);
    errors
}

/// Lines and place of each function that has a body.
fn functions(source: &Source) -> Vec<(usize, String)> {
    let body = |at: usize| {
        let end = item_end(&source.code, at);
        let lines = source.code[at..end].matches('\n').count() + 1;
        (lines, format!("{} fn {}", source.place(at), leading_word(&source.code[at + 2..])))
    };
    words(&source.code, "fn").map(body).collect()
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the source tree is readable");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry is readable").path()).collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => files_below(&path, found),
            false if path.extension().is_some_and(|ext| ext == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The crate's files. A file whose parent declares it under `#[cfg(test)]` is test code as a whole.
fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim");
    let mut paths = Vec::new();
    files_below(&root, &mut paths);
    let name = |path: &Path| path.strip_prefix(&root).expect("it was found there").display().to_string();
    let texts: Vec<(String, String)> =
        paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("a source file is text"))).collect();
    let test_only: Vec<String> = texts.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let is_test = |path: &String| path.starts_with("tests/") || test_only.contains(path);
    texts.iter().map(|(path, text)| Source::new(path, text, is_test(path))).collect()
}

/// Files that `path` declares by `#[cfg(test)] mod name;`.
fn test_files(path: &str, text: &str) -> Vec<String> {
    let folder = match path {
        "lib.rs" | "main.rs" => String::new(),
        _ => format!("{}/", path.trim_end_matches(".rs")),
    };
    let after = text.split("#[cfg(test)]").skip(1).filter_map(|item| {
        let item = item.trim_start();
        let item = item.strip_prefix("pub(crate) ").or(item.strip_prefix("pub(super) ")).unwrap_or(item);
        item.strip_prefix("mod ")?.split_once(';')
    });
    after.filter(|(name, _)| !name.contains('{')).map(|(name, _)| format!("{folder}{name}.rs")).collect()
}

/// Prints the ten longest of `sized` above `most`: warnings, since length alone is no error.
fn warn(what: &str, most: usize, mut sized: Vec<(usize, String)>) {
    sized.retain(|(lines, _)| *lines > most);
    sized.sort_by(|a, b| b.cmp(a));
    println!("warning: {} {what} have more than {most} lines", sized.len());
    sized.iter().take(10).for_each(|(lines, place)| println!("  {lines:>5}  {place}"));
}

#[test]
fn the_code_keeps_the_design() {
    let tree = tree();
    assert!(tree.len() > 80, "only {} files were found", tree.len());
    let lines = |source: &Source| (source.code.lines().count(), source.path.clone());
    warn("files", MOST_FILE_LINES, tree.iter().map(lines).collect());
    warn("functions", MOST_FUNCTION_LINES, tree.iter().flat_map(functions).collect());
    let errors: Vec<String> = tree.iter().flat_map(errors_of).collect();
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
}

#[test]
fn every_module_has_a_place_in_the_order() {
    let root = tree().into_iter().find(|source| source.path == "lib.rs").expect("the crate has a root");
    for at in root.code.match_indices("pub mod ").map(|(at, _)| at + "pub mod ".len()) {
        let module = leading_word(&root.code[at..]);
        assert!(ORDER.contains(&module.as_str()), "`{module}` has no place in the order of modules");
    }
}

/// The errors of a planted file, one a line.
fn errors_in(path: &str, text: &str) -> String {
    errors_of(&Source::new(path, text, false)).join("\n")
}

#[test]
fn the_order_check_sees_plain_grouped_nested_and_inline_paths() {
    let text = "use crate::engine::Setup;\nuse crate::{base::Digest, scenario::{Slo, SloError}, cli};\n\
                fn f() -> crate::metrics::Series { crate::crypto::merkle::root(&[]) }\nuse super::super::engine;\n";
    let expected = expect![[r#"
        ledger/planted.rs:1: `ledger` may not use `engine`
        ledger/planted.rs:2: `ledger` may not use `scenario`
        ledger/planted.rs:2: `ledger` may not use `cli`
        ledger/planted.rs:3: `ledger` may not use `metrics`
        ledger/planted.rs:4: leaves its module by `super`; write `crate::`"#]];
    expected.assert_eq(&errors_in("ledger/planted.rs", text));
}

#[test]
fn further_bans_hold_beside_the_order() {
    let of = |path: &str, module: &str| errors_in(path, &format!("use crate::{module}::X;"));
    assert_eq!(of("consensus/planted.rs", "kernel"), "consensus/planted.rs:1: `consensus` may not use `kernel`");
    assert_eq!(of("observe.rs", "consensus"), "observe.rs:1: `observe` may not use `consensus`");
    assert_eq!(of("report/planted.rs", "engine"), "report/planted.rs:1: `report` may not use `engine`");
    assert_eq!(of("crypto/planted.rs", "ledger"), "crypto/planted.rs:1: `crypto` may not use `ledger`");
    let allowed = [("ledger/planted.rs", "crypto"), ("report/planted.rs", "experiment"), ("cli/planted.rs", "engine")];
    allowed.into_iter().for_each(|(path, module)| assert_eq!(of(path, module), "", "{path} may use {module}"));
}

#[test]
fn printing_and_clocks_are_seen_only_below_the_command_line() {
    let text = "use std::{env, time::Instant};\nfn f() { println!(\"{}\", env::var(\"X\").is_ok()); }\n\
                // println! in a comment\nconst P: &str = env!(\"CARGO_MANIFEST_DIR\");\n";
    let expected = expect![[r#"
        engine/planted.rs:1: `env` below `cli`
        engine/planted.rs:2: `env` below `cli`
        engine/planted.rs:2: `println!` below `cli`
        engine/planted.rs:1: `Instant` below `cli`"#]];
    expected.assert_eq(&errors_in("engine/planted.rs", text));
    assert_eq!(errors_in("cli/planted.rs", text), "");
    assert_eq!(errors_in("crypto/costs/measure.rs", "use std::time::Instant;"), "");
}

#[test]
fn iteration_in_hash_order_is_seen_by_field_binding_and_loop() {
    let text = "struct S { seen: HashSet<u32>, order: Vec<u32>, by_id: Option<DigestMap<u8>> }\n\
                fn f(s: &mut S, known: &std::collections::HashMap<u8, u8>) {\n\
                    let mut local = HashMap::new();\n\
                    for x in &s.order {}\n\
                    s.seen.contains(&1);\n\
                    s.seen\n.iter().count();\n\
                    local.retain(|_, _| true);\n\
                    for (k, v) in known {}\n\
                    local.insert(1, 2);\n\
                    s.by_id.drain();\n}\n";
    let expected = expect![[r#"
        engine/planted.rs:11: `by_id` is iterated in hash order
        engine/planted.rs:9: `known` is iterated in hash order
        engine/planted.rs:8: `local` is iterated in hash order
        engine/planted.rs:6: `seen` is iterated in hash order"#]];
    expected.assert_eq(&errors_in("engine/planted.rs", text));
}

#[test]
fn unfinished_and_forbidden_code_is_seen_but_not_in_tests_strings_or_comments() {
    let text = "fn f() { todo!(); g().unwrap(); unsafe { h() } }\n#[ignore]\nfn g() { unimplemented!() }\n\
                /* unsafe */ const S: &str = r#\"todo!() \"x\" .unwrap()\"#; const Q: char = '\"';\n\
                #[cfg(test)]\nmod tests { fn t() { g().unwrap(); println!(); } }\nfn last<'a>() {}\n";
    let expected = expect![[r#"
        base/planted.rs:1: `unsafe`
        base/planted.rs:2: `#[ignore]`
        base/planted.rs:1: `todo!`
        base/planted.rs:3: `unimplemented!`
        base/planted.rs:1: `.unwrap()`"#]];
    expected.assert_eq(&errors_in("base/planted.rs", text));
}
