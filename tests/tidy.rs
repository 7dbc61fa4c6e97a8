//! The style of this code as a test: layering, sizes, names that live in one place only, and words that stay out.
//!
//! An exception stands in the tables below with its reason, and the tables only get shorter.

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/page.rs"]
mod page;
#[path = "tidy/parts.rs"]
mod parts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Which layers a layer may import, in `crate::` paths. Files at the top of `src/` are layers by their own name.
const IMPORTS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("crc32c", &[]),
    ("runtime", &[]),
    ("settings", &[]),
    ("protocol", &["crc32c"]),
    ("store", &["crc32c", "runtime"]),
    ("tls", &["runtime"]),
    ("net", &["runtime", "tls"]),
    ("auth", &["runtime"]),
    ("log", &["types", "crc32c", "runtime", "settings", "protocol", "store"]),
    ("peer", &["types", "runtime", "store", "tls"]),
    ("metadata", &["types", "crc32c", "runtime", "settings", "store", "auth", "peer"]),
    ("coordinator", &["types", "runtime", "settings", "protocol", "log"]),
    ("cluster", &["types", "runtime", "settings", "store", "log", "peer", "metadata", "coordinator"]),
    ("ops", &["runtime", "tls"]),
    (
        "api",
        &[
            "types",
            "runtime",
            "settings",
            "protocol",
            "auth",
            "net",
            "log",
            "metadata",
            "coordinator",
            "cluster",
        ],
    ),
    ("storage", &["types", "runtime", "store", "log", "metadata", "ops", "config", "broker"]),
    ("operator", &["types", "runtime", "store", "peer", "metadata", "cluster", "ops", "config"]),
    ("config", &["types", "runtime", "settings", "store", "log", "tls", "auth", "peer", "ops"]),
];

/// Names that may appear under one folder only.
const ONLY_HERE: &[(&str, &[&str])] = &[
    ("slatedb::wal", &["src/log/"]),
    // The log names some as targets whose chatter is left out.
    ("openraft", &["src/metadata/raft/", "src/ops/tracing.rs"]),
    ("AmazonS3Builder", &["src/store/"]),
    ("MicrosoftAzureBuilder", &["src/store/"]),
    ("GoogleCloudStorageBuilder", &["src/store/"]),
    ("LocalFileSystem::", &["src/store/"]),
    ("TcpListener", &["src/net/", "src/ops/", "src/peer/", "src/broker/"]),
    ("hyper", &["src/peer/", "src/ops/tracing.rs"]),
    ("rustls", &["src/tls/", "src/peer/", "src/ops/tracing.rs"]),
    ("reqwest", &["src/auth/oauth/", "src/ops/tracing.rs"]),
    (".elapsed()", &["src/runtime/"]),
    ("std::env::", &["src/config.rs"]),
    // What a platform tells is in the table of settings.
    ("::from_env(", &[]),
];

/// Files of a length the limit does not allow, each with its reason.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// Functions of a length the limit does not allow: `file::function`, length, reason.
const LONG_FUNCTIONS: &[(&str, usize, &str)] = &[];

/// Structs with more fields than the limit allows: `file::Struct`, fields, reason.
const WIDE_STRUCTS: &[(&str, usize, &str)] = &[];

const FILE_LINES: usize = 450;
const API_FILE_LINES: usize = 250;
const FUNCTION_LINES: usize = 60;
/// Tests may be somewhat longer.
const TEST_FILE_LINES: usize = 500;
const TEST_FUNCTION_LINES: usize = 70;
const STRUCT_FIELDS: usize = 12;

/// The width that `rustfmt` keeps to: it leaves what it cannot fit as it is, with all that stands around it.
const WIDTH: usize = 110;

/// Words that no comment begins with: its noun comes first.
const QUESTIONS: &[&str] = &["What", "Whether", "How", "Who", "Where"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    fn layer(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or(inside)
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    /// The code before its `mod tests {`, if the tests are inline.
    fn production(&self) -> &str {
        match self.text.find("#[cfg(test)]\nmod tests {") {
            Some(end) => &self.text[..end],
            None => &self.text,
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, keep: &dyn Fn(&Path) -> bool, into: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "golden" && name != "corpus" {
                collect(&path, keep, into);
            }
        } else if keep(&path)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            into.push(Source { path, text });
        }
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &|p| p.extension().is_some_and(|e| e == "rs"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no source found under {folder}");
    found
}

fn refuse(problems: &[String]) {
    let mut report = String::new();
    for problem in problems {
        let _ = writeln!(report, "  {problem}");
    }
    assert!(problems.is_empty(), "\n{report}");
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The layers that `text` names through `crate::`, each with its line.
fn imported_layers(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        for (at, _) in code.match_indices("crate::") {
            if code[..at].ends_with(|c: char| is_word(c) || c == '$') {
                continue;
            }
            let rest = &code[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                for name in group.split(',') {
                    let layer: String = name.trim().chars().take_while(|c| is_word(*c)).collect();
                    found.push((number + 1, layer));
                }
            } else {
                found.push((number + 1, rest.chars().take_while(|c| is_word(*c)).collect()));
            }
        }
    }
    found
}

/// What the layers import of one another, tests aside: importer, imported, where.
fn imports() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for source in sources("src").into_iter().filter(|source| !source.is_test()) {
        for (line, imported) in imported_layers(source.production()) {
            found.push((source.layer().to_owned(), imported, format!("{}:{line}", source.path)));
        }
    }
    found
}

#[test]
fn layers_import_only_what_is_below_them() {
    let mut problems = Vec::new();
    for (layer, imported, place) in imports() {
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == layer) else {
            if !["main", "lib", "broker", "cli"].contains(&layer.as_str()) {
                problems.push(format!("{place}: its layer is missing in the import table"));
            }
            continue;
        };
        let known = IMPORTS.iter().any(|(name, _)| *name == imported)
            || ["broker", "cli"].contains(&imported.as_str());
        if known && imported != layer && !allowed.contains(&imported.as_str()) {
            problems.push(format!("{place}: {layer} must not import {imported}"));
        }
    }
    refuse(&problems);
}

#[test]
fn the_import_table_permits_what_is_used() {
    let used = imports();
    let mut problems = Vec::new();
    for (layer, allowed) in IMPORTS {
        for name in *allowed {
            if !used.iter().any(|(importer, imported, _)| importer == layer && imported == name) {
                problems.push(format!("{layer} does not import {name}"));
            }
        }
    }
    refuse(&problems);
}

#[test]
fn some_names_have_one_home() {
    let mut problems = Vec::new();
    for source in sources("src") {
        if source.is_test() {
            continue;
        }
        for (name, homes) in ONLY_HERE {
            if homes.iter().any(|home| source.path.starts_with(home)) {
                continue;
            }
            for (number, line) in source.production().lines().enumerate() {
                if line.split("//").next().unwrap_or(line).contains(name) {
                    problems.push(format!("{}:{}: {name} belongs in {homes:?}", source.path, number + 1));
                }
            }
        }
    }
    refuse(&problems);
}

#[test]
fn every_folder_introduces_itself() {
    let mut problems = Vec::new();
    for source in sources("src") {
        if source.path.ends_with("/mod.rs") {
            let header = source.text.lines().take_while(|l| l.starts_with("//!")).count();
            if header < 4 {
                problems.push(format!(
                    "{}: say in four lines what it is, what it must never know, its entry point, its invariant",
                    source.path
                ));
            }
        } else if source.path.starts_with("src/api/") && !source.text.starts_with("//!") {
            problems.push(format!("{}: an API file says its versions first", source.path));
        }
    }
    refuse(&problems);
}

/// Functions of rustfmt's layout: name and number of lines, signature and braces included.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let mut words = code;
        for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "] {
            words = words.strip_prefix(prefix).unwrap_or(words);
        }
        let Some(rest) = words.strip_prefix("fn ") else { continue };
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        let closing = format!("{}}}", " ".repeat(indent));
        if line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        if let Some(length) = lines[start..].iter().position(|l| *l == closing || *l == format!("{closing};"))
        {
            found.push((name, length + 1));
        }
    }
    found
}

/// Structs with named fields: name and number of fields.
fn structs(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let code = code.strip_prefix("pub ").or(code.strip_prefix("pub(crate) ")).unwrap_or(code);
        let code = code.strip_prefix("pub(super) ").unwrap_or(code);
        let Some(rest) = code.strip_prefix("struct ") else { continue };
        if !line.ends_with('{') {
            continue;
        }
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        let closing = format!("{}}}", " ".repeat(indent));
        let fields = lines[start + 1..].iter().take_while(|l| **l != closing).filter(|l| {
            let field = l.trim_start();
            l.len() - field.len() == indent + 4 && !field.starts_with(['/', '#', '}', ')', '>'])
        });
        found.push((name, fields.count()));
    }
    found
}

fn excepted(table: &[(&str, usize, &str)], key: &str, size: usize) -> bool {
    table.iter().any(|(name, limit, reason)| *name == key && size <= *limit && !reason.is_empty())
}

#[test]
fn files_functions_and_structs_stay_small() {
    let mut problems = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        let lines = source.text.lines().count();
        let api = source.path.starts_with("src/api/") && !source.is_test();
        let function_limit = if source.is_test() { TEST_FUNCTION_LINES } else { FUNCTION_LINES };
        let limit = match (api, source.is_test()) {
            (true, _) => API_FILE_LINES,
            (false, true) => TEST_FILE_LINES,
            (false, false) => FILE_LINES,
        };
        if lines > limit && !excepted(LONG_FILES, &source.path, lines) {
            problems.push(format!("{}: {lines} lines, {limit} allowed", source.path));
        }
        for (name, length) in functions(&source.text) {
            let key = format!("{}::{name}", source.path);
            if length > function_limit && !excepted(LONG_FUNCTIONS, &key, length) {
                problems.push(format!("{key}: {length} lines, {function_limit} allowed"));
            }
        }
        for (name, fields) in structs(&source.text) {
            let key = format!("{}::{name}", source.path);
            if fields > STRUCT_FIELDS && !source.is_test() && !excepted(WIDE_STRUCTS, &key, fields) {
                problems.push(format!("{key}: {fields} fields, {STRUCT_FIELDS} allowed"));
            }
        }
    }
    refuse(&problems);
}

/// Lines of code that are too wide to be formatted.
fn wide_lines(text: &str) -> Vec<usize> {
    let is_wide = |line: &str| line.chars().count() > WIDTH && !line.trim_start().starts_with("//");
    text.lines().zip(1..).filter(|(line, _)| is_wide(line)).map(|(_, number)| number).collect()
}

/// Comments that begin with a question.
fn questions(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let words = |line: &str| line.trim_start_matches(['/', '!']).trim_start().to_owned();
    let is_question =
        |line: &str| QUESTIONS.contains(&words(line).split(|c| !is_word(c)).next().unwrap_or_default());
    let begins = |at: usize| at == 0 || !lines[at - 1].starts_with("//") || words(lines[at - 1]).is_empty();
    let found =
        (0..lines.len()).filter(|at| lines[*at].starts_with("//") && is_question(lines[*at]) && begins(*at));
    found.map(|at| at + 1).collect()
}

#[test]
fn no_line_is_too_wide_to_be_formatted() {
    let wide = |source: Source| {
        let lines = wide_lines(&source.text).into_iter();
        lines.map(|number| format!("{}:{number}: wider than {WIDTH}", source.path)).collect::<Vec<_>>()
    };
    refuse(&sources("src").into_iter().flat_map(wide).collect::<Vec<_>>());
}

#[test]
fn comments_begin_with_their_noun() {
    let asking = |source: Source| {
        let lines = questions(&source.text).into_iter();
        lines.map(|number| format!("{}:{number}: begins with a question", source.path)).collect::<Vec<_>>()
    };
    refuse(&sources("src").into_iter().flat_map(asking).collect::<Vec<_>>());
}

#[test]
fn exceptions_are_still_needed() {
    let mut problems = Vec::new();
    for (path, _, _) in LONG_FILES {
        if !root().join(path).exists() {
            problems.push(format!("{path} is gone"));
        }
    }
    for (key, _, _) in LONG_FUNCTIONS.iter().chain(WIDE_STRUCTS) {
        let path = key.split("::").next().unwrap_or(key);
        let name = key.rsplit("::").next().unwrap_or(key);
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        if !text.contains(name) {
            problems.push(format!("{key} is gone"));
        }
    }
    refuse(&problems);
}

#[test]
fn unfinished_code_stays_out() {
    let banned = ["todo!", "unimplemented!", "dbg!(", "FIXME", "XXX"];
    let mut problems = Vec::new();
    for source in sources("src") {
        for (number, line) in source.text.lines().enumerate() {
            for word in banned {
                if line.contains(word) {
                    problems.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
            let console = ["src/cli.rs", "src/main.rs"].contains(&source.path.as_str()) || source.is_test();
            if !console && (line.contains("println!(") || line.contains("eprintln!(")) {
                problems.push(format!("{}:{}: print through tracing", source.path, number + 1));
            }
        }
    }
    refuse(&problems);
}

#[test]
fn the_project_speaks_only_of_itself() {
    // Spelled in two parts, or this file would name them.
    let banned = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["crates", ".io"],
        ["pypi", ".org"],
        ["registry.npm", "js"],
        ["proxy.go", "lang"],
        ["repo.maven", ".apache"],
        ["repo1.ma", "ven"],
        ["deb.deb", "ian"],
    ]
    .map(|parts| parts.concat());
    let mut files = Vec::new();
    let text = |p: &Path| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        name != "Cargo.lock"
            && p.extension().is_none_or(|e| {
                ["rs", "sh", "md", "toml", "yml", "yaml", "java", "py", "js", "go", "json", "txt"]
                    .contains(&e.to_string_lossy().as_ref())
            })
    };
    for folder in ["src", "tests", "scripts", "examples", "benches", "deploy", "fuzz"] {
        collect(&root().join(folder), &text, &mut files);
    }
    for name in ["README.md", "Cargo.toml", "Dockerfile", ".ci/run"] {
        if let Ok(content) = std::fs::read_to_string(root().join(name)) {
            files.push(Source { path: name.to_string(), text: content });
        }
    }
    let mut problems = Vec::new();
    for file in &files {
        for word in &banned {
            if file.text.contains(word.as_str()) {
                problems.push(format!("{}: names {word}", file.path));
            }
        }
    }
    refuse(&problems);
}

/// The checks above must be able to fail.
#[test]
fn the_checks_see_what_they_look_for() {
    let text = "fn long(\n    a: u8,\n) {\n    body();\n}\n\nstruct Wide {\n    a: u8,\n    pub b: u8,\n}\n";
    assert_eq!(functions(text), [("long".to_string(), 5)]);
    assert_eq!(structs(text), [("Wide".to_string(), 2)]);
    let wide = "x".repeat(WIDTH + 1);
    assert_eq!(wide_lines(&format!("{wide}\nshort\n// {wide}\n  {wide}")), [1, 4]);
    assert_eq!(questions("/// How it ends.\n/// What not.\nfn a() {}\n// Whoever.\n"), [1]);
    let imports =
        imported_layers("use crate::api::errors;\nuse crate::{log, net::frame};\n// crate::broker\n");
    let names: Vec<&str> = imports.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["api", "log", "net"]);
}
