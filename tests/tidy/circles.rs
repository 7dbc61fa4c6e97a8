//! Circles of files: files of which each imports, through others, all the others.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::{module, read_path};
use super::{Source, is_word, refuse, sources};

/// Files in a circle at most.
const LONGEST: usize = 3;

/// Imports among files, by the paths of their modules.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// A path that a file names, and whether the file gives on what is there (`pub use`).
struct Named {
    path: Vec<String>,
    is_given_on: bool,
}

/// The paths that a file names of this crate: from `crate`, `super` or `self`, or from a module below it.
fn names(source: &Source, own: &[String], below: &[&str]) -> Vec<Named> {
    let lines: Vec<&str> = source.production().lines().map(|l| l.split("//").next().unwrap_or(l)).collect();
    let code = lines.join("\n");
    let mut found = Vec::new();
    for start in ["crate", "super", "self"].iter().chain(below) {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = &code[..at];
            if before.ends_with(|c: char| is_word(c) || c == '$' || c == ':') || before.ends_with("pub(in ") {
                continue;
            }
            let statement = before.rsplit([';', '}']).next().unwrap_or(before).trim();
            let is_given_on = statement.ends_with("use") && statement.contains("pub");
            let mut paths = Vec::new();
            read_path(&code[at..], own.to_vec(), &mut paths);
            found.extend(paths.into_iter().map(|path| Named { path, is_given_on }));
        }
    }
    found
}

/// Imports among files. A path leads to the file that defines what it names: through a folder that gives on what a file in
/// it has, to that file. What a folder gives on is its door, and no import of its own.
fn imports(files: &[Source]) -> Imports {
    let files =
        files.iter().filter(|file| !file.is_test() && file.layer() != "main" && file.layer() != "lib");
    let modules: Vec<(String, &Source)> = files.map(|file| (module(&file.path).join("/"), file)).collect();
    let mut named = BTreeMap::new();
    for (name, file) in &modules {
        let below = modules.iter().filter_map(|(other, _)| other.strip_prefix(name)?.strip_prefix('/'));
        let below: Vec<&str> = below.filter(|rest| !rest.contains('/')).collect();
        named.insert(name.as_str(), names(file, &module(&file.path), &below));
    }
    let mut doors: BTreeMap<String, &[String]> = BTreeMap::new();
    for (name, paths) in &named {
        for given in paths.iter().filter(|named| named.is_given_on && !named.path.is_empty()) {
            doors.insert(format!("{name}/{}", given.path[given.path.len() - 1]), &given.path);
        }
    }
    let home = |path: &[String]| -> Option<String> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let known = |end: &usize| named.contains_key(path[..*end].join("/").as_str());
            let end = (1..=path.len()).rev().find(known)?;
            match path.get(end).and_then(|_| doors.get(&path[..=end].join("/"))) {
                Some(behind) if behind[..] != path[..=end] => path = [behind, &path[end + 1..]].concat(),
                _ => return Some(path[..end].join("/")),
            }
        }
        None
    };
    let imported = |(name, paths): (&&str, &Vec<Named>)| {
        let homes = paths.iter().filter(|named| !named.is_given_on).filter_map(|named| home(&named.path));
        ((*name).to_owned(), homes.filter(|other| other != name).collect())
    };
    named.iter().map(imported).collect()
}

/// All files that are imported by a file, or by those.
fn reached<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = imports.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(file) = next.pop() {
        if found.insert(file) {
            next.extend(imports.get(file).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// The circles with more than one file, their files in order.
fn circles(files: &[Source]) -> BTreeSet<Vec<String>> {
    let imports = imports(files);
    let all: BTreeMap<&str, _> =
        imports.keys().map(|file| (file.as_str(), reached(&imports, file))).collect();
    let around = |file: &&str| {
        let back = all[file].iter().filter(|other| all.get(**other).is_some_and(|back| back.contains(file)));
        back.map(|other| (*other).to_owned()).collect::<Vec<_>>()
    };
    all.keys().map(around).filter(|circle| circle.len() > 1).collect()
}

fn too_long(circles: &BTreeSet<Vec<String>>) -> Vec<String> {
    let long = circles.iter().filter(|circle| circle.len() > LONGEST);
    long.map(|circle| format!("a circle of {} files: {}", circle.len(), circle.join(", "))).collect()
}

#[test]
fn files_import_one_another_in_small_circles_only() {
    refuse(&too_long(&circles(&sources("src"))));
}

#[test]
fn a_circle_is_seen() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let door = || file("src/f/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::{B, C as D};");
    let round = [
        door(),
        file("src/f/a.rs", "use super::B; // super::c::X"),
        file("src/f/b.rs", "use crate::f::{c::{X, Y}, B};"),
        file("src/f/c.rs", "use crate::g::Z;"),
        file("src/g.rs", "fn z(a: &crate::f::A) {}"),
    ];
    let found = circles(&round);
    assert_eq!(found, BTreeSet::from([["f/a", "f/b", "f/c", "g"].map(str::to_owned).to_vec()]));
    assert_eq!(too_long(&found), ["a circle of 4 files: f/a, f/b, f/c, g"]);
    let own_code = [
        file("src/f/mod.rs", "mod a;\nuse a::A;\nstruct M;"),
        file("src/f/a.rs", "use super::M;\nstruct A;"),
    ];
    assert_eq!(too_long(&circles(&own_code)), [""; 0]);
    assert_eq!(circles(&own_code), BTreeSet::from([["f", "f/a"].map(str::to_owned).to_vec()]));
    assert_eq!(circles(&[door(), file("src/f/a.rs", ""), file("src/f/b.rs", "use super::A;")]).len(), 0);
}
