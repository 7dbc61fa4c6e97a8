//! Import tables of the parts of folders, and the check that holds files against them.

use super::{Source, is_word, refuse, sources};

/// Parts of a folder, and which of its parts each may import. A part is a file or a folder below it; it imports only
/// what stands above it here, so there is no circle among them, and names the others by their own paths. The files
/// `mod.rs` around the parts belong to none: they say which parts there are and what others may use.
type Parts = &'static [(&'static str, &'static [&'static str])];

/// The folders whose parts have one direction.
const PARTS: &[(&str, Parts)] =
    &[("log", LOG), ("metadata", METADATA), ("api", API), ("coordinator", COORDINATOR)];

const LOG: Parts = &[
    ("stored", &[]),
    ("partition", &["stored"]),
    ("wal", &["stored"]),
    ("read", &["stored", "partition"]),
    ("incarnation", &["stored", "partition", "wal", "read"]),
    ("commit", &["stored", "partition", "wal", "incarnation"]),
    ("garbage", &["stored", "wal"]),
    ("retention", &["stored", "partition", "incarnation", "commit", "garbage"]),
    ("repair", &["stored", "partition", "wal"]),
    ("shard", &["stored", "partition", "wal", "read", "incarnation", "commit", "garbage", "retention"]),
];

#[rustfmt::skip] // A part a line.
const METADATA: Parts = &[
    ("history", &[]),
    ("outcome", &[]),
    ("members", &["outcome"]),
    ("users", &[]),
    ("version", &[]),
    ("declared", &[]),
    ("image", &["declared", "history", "members", "users", "version"]),
    ("placing", &["image"]),
    ("past", &["history", "image"]),
    ("features", &["version"]),
    ("quorum", &[]),
    ("command", &["image", "outcome", "version"]),
    ("error", &["outcome"]),
    ("settings", &["error", "image"]),
    ("bootstrap", &["error", "image", "quorum", "settings"]),
    ("home", &["bootstrap", "error", "quorum"]),
    ("metrics", &["outcome"]),
    ("level", &["bootstrap", "error"]),
    ("snapshot", &["image", "users", "version"]),
    ("apply", &["command", "features", "history", "image", "members", "outcome", "version"]),
    ("raft", &["apply", "bootstrap", "command", "error", "image", "outcome", "quorum", "settings", "snapshot",
        "version"]),
    ("gathering", &["raft"]),
    ("leading", &["apply", "command", "error", "gathering", "image", "metrics", "outcome", "raft",
        "version"]),
    ("proposals", &["command", "error", "gathering", "image", "leading", "outcome", "raft"]),
    ("producer_ids", &["apply"]),
    ("handle", &["bootstrap", "command", "error", "home", "image", "leading", "level", "metrics", "outcome", "producer_ids",
        "proposals", "quorum", "raft", "settings"]),
    ("keeping", &["command", "handle", "level", "version"]),
    ("joining", &["bootstrap", "command", "error", "features", "handle", "home", "image", "keeping", "level",
        "outcome", "raft", "settings", "version"]),
    ("credentials", &["command", "error", "handle"]),
];

#[rustfmt::skip] // A part a line.
const API: Parts = &[
    ("session", &[]),
    ("refusals", &[]),
    ("fetch_session", &[]),
    ("operations", &[]),
    ("rules", &[]),
    ("together", &[]),
    ("topic_settings", &[]),
    ("metrics", &[]),
    ("errors", &["fetch_session"]),
    ("context", &["session", "refusals", "fetch_session", "topic_settings", "errors"]),
    ("topics", &["errors", "context"]),
    ("configs", &["errors", "context", "topics"]),
    ("handler", &["errors", "context"]),
    ("handlers", &["fetch_session", "operations", "rules", "together", "errors", "context", "topics", "configs", "handler"]),
    ("login", &["session", "refusals", "handler", "handlers"]),
    // Of the handlers it knows the list alone.
    ("dispatch", &["metrics", "context", "handler", "handlers", "login"]),
];

#[rustfmt::skip] // A part a line.
const COORDINATOR: Parts = &[
    ("runtime", &[]),
    ("group/assignor", &[]),
    ("group/topics", &[]),
    ("group/timer", &[]),
    ("group/settings", &["group/assignor"]),
    ("group/world", &["group/settings", "group/topics"]),
    ("group/members", &["runtime", "group/timer"]),
    ("group/classic", &["runtime", "group/settings", "group/timer", "group/world", "group/members"]),
    ("group/consumer", &["runtime", "group/assignor", "group/topics", "group/timer", "group/settings", "group/world",
        "group/members", "group/classic"]),
    ("group/offsets", &["runtime", "group/timer", "group/settings", "group/world", "group/members"]),
    ("group/machines", &["runtime", "group/timer", "group/world", "group/members", "group/classic", "group/consumer",
        "group/offsets"]),
    ("group/operations", &["runtime", "group/timer", "group/world", "group/members", "group/offsets", "group/machines"]),
    ("coordinators", &["runtime", "group/settings", "group/world", "group/machines", "group/operations"]),
    ("keeping", &["group/topics", "group/offsets", "group/machines", "coordinators"]),
];

/// Reads what follows a path's `prefix` in `code`: names, `::`, groups in braces. Gives all paths that end there, and
/// the rest of the code.
pub fn read_path<'a>(code: &'a str, mut prefix: Vec<String>, into: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = code.trim_start();
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            loop {
                group = group.trim_start().trim_start_matches(',').trim_start();
                if group.is_empty() || group.starts_with('}') {
                    return group.strip_prefix('}').unwrap_or(group);
                }
                group = read_path(group, prefix.clone(), into);
                let end = group.find([',', '}']).unwrap_or(group.len());
                group = &group[end..];
            }
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        match &rest[..end] {
            "crate" => prefix.clear(),
            "super" => drop(prefix.pop()),
            "self" | "" => {}
            name => prefix.push(name.to_owned()),
        }
        rest = rest[end..].strip_prefix('*').unwrap_or(&rest[end..]);
        match rest.strip_prefix("::") {
            Some(more) => rest = more.trim_start(),
            None => {
                into.push(prefix);
                return rest;
            }
        }
    }
}

/// The module of a file, from the top of the crate.
pub fn module(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').map(str::to_owned).collect()
}

/// What code in `module` names of this crate, each from its top, with its line.
fn named_paths(text: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect();
    let code = lines.join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = &code[..at];
            if before.ends_with(|c: char| is_word(c) || c == '$' || c == ':') || before.ends_with("pub(in ") {
                continue;
            }
            let mut paths = Vec::new();
            read_path(&code[at..], module.to_vec(), &mut paths);
            let line = before.matches('\n').count() + 1;
            found.extend(paths.into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// The part of a folder that a path leads into.
fn part_of(folder: &str, parts: Parts, path: &[String]) -> Option<&'static str> {
    let path = format!("{}/", path.join("/"));
    let inside = path.strip_prefix(&format!("{folder}/"))?;
    let leads_into = |part: &&str| inside.strip_prefix(*part).is_some_and(|rest| rest.starts_with('/'));
    parts.iter().map(|(part, _)| *part).filter(leads_into).max_by_key(|part| part.len())
}

/// Holds the files of a folder against the import table of its parts.
fn check_parts(folder: &str, parts: Parts, files: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut used = Vec::new();
    for source in files.iter().filter(|source| !source.is_test()) {
        let module = module(&source.path);
        let Some(own) = part_of(folder, parts, &module) else {
            if !source.path.ends_with("/mod.rs") {
                problems
                    .push(format!("{}: its part is missing in the import table of {folder}", source.path));
            }
            continue;
        };
        for (line, path) in named_paths(source.production(), &module) {
            if !format!("{}/", path.join("/")).starts_with(&format!("{folder}/")) {
                continue;
            }
            let Some(imported) = part_of(folder, parts, &path) else {
                problems.push(format!("{}:{line}: {} is in no part", source.path, path.join("::")));
                continue;
            };
            let is_allowed = parts.iter().any(|(part, allowed)| *part == own && allowed.contains(&imported));
            if imported != own && !is_allowed {
                problems.push(format!("{}:{line}: {own} must not import {imported}", source.path));
            }
            used.push((own, imported));
        }
    }
    for (at, (part, allowed)) in parts.iter().enumerate() {
        for name in *allowed {
            if !parts[..at].iter().any(|(above, _)| above == name) {
                problems.push(format!("{folder}: {name} does not stand above {part}"));
            }
            if !used.contains(&(*part, *name)) {
                problems.push(format!("{folder}: {part} does not import {name}"));
            }
        }
    }
    problems
}

#[test]
fn parts_of_a_folder_import_only_what_stands_above_them() {
    let check = |(folder, parts): &(&str, Parts)| {
        let files = sources(&format!("src/{folder}"));
        check_parts(folder, parts, &files)
    };
    refuse(&PARTS.iter().flat_map(check).collect::<Vec<_>>());
}

#[test]
fn a_part_that_imports_upwards_is_seen() {
    const TABLE: Parts = &[("low", &[]), ("high/a", &["low"]), ("high/b", &["low", "high/a"])];
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let low = || file("src/f/low.rs", "pub struct X;");
    let a = |text: &str| file("src/f/high/a/mod.rs", text);
    let b = |text: &str| file("src/f/high/b.rs", text);
    let good = [low(), a("use super::super::low::X;"), b("use crate::f::{high::a::{self, Y}, low};")];
    assert_eq!(check_parts("f", TABLE, &good), [""; 0]);
    let problems = |files: &[Source]| check_parts("f", TABLE, files);
    let upwards =
        [low(), a("use crate::f::low;\nuse super::{\n    b::Z,\n};"), b("use crate::f::{low, high::a};")];
    assert_eq!(problems(&upwards), ["src/f/high/a/mod.rs:2: high/a must not import high/b"]);
    let around = [low(), a("use crate::f::{low, Top};"), b("use super::super::{low, high::a};")];
    assert_eq!(problems(&around), ["src/f/high/a/mod.rs:1: f::Top is in no part"]);
    let unused = [low(), a("use crate::f::low;"), b("use crate::f::low as l; // super::a")];
    assert_eq!(problems(&unused), ["f: high/b does not import high/a"]);
    let homeless =
        [file("src/f/other.rs", ""), low(), a("use crate::f::low;"), b("use crate::f::{low, high::a};")];
    assert_eq!(problems(&homeless), ["src/f/other.rs: its part is missing in the import table of f"]);
    assert_eq!(check_parts("f", &[("a", &["b"]), ("b", &[])], &[]).len(), 2);
}
