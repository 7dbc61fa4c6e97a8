//! What the architecture page says.

use super::{Source, is_word, refuse, root, sources};

/// The files that a page names between backticks.
fn named_files(page: &str) -> Vec<&str> {
    let words = page.split('`').skip(1).step_by(2);
    words.filter(|word| !word.contains([' ', '<', '*', '$', ':', '(']) && word.ends_with(".rs")).collect()
}

#[test]
fn the_architecture_page_names_files_that_are_there() {
    let page = std::fs::read_to_string(root().join("src/README.md")).expect("the page");
    let files: Vec<String> = ["src", "tests"].into_iter().flat_map(sources).map(|file| file.path).collect();
    let is_there = |name: &&str| files.iter().any(|path| path.ends_with(&format!("/{name}")) || path == name);
    let named = named_files(&page);
    assert!(named.len() > 20, "the page names its files between backticks");
    refuse(&named.into_iter().filter(|name| !is_there(name)).map(str::to_owned).collect::<Vec<_>>());
}

/// Words of the page's glossary that are types, each with the files that may declare it.
const WORDS: &[(&str, &[&str])] = &[
    ("Answer", &["src/net/service.rs"]),
    ("Asker", &["src/coordinator/runtime/askers.rs"]),
    ("Committer", &["src/coordinator/group/members.rs"]),
    ("Decision", &["src/coordinator/runtime/decision.rs"]),
    ("Meaning", &["src/log/wal/replay/mod.rs"]),
    // The log holds the permit that came with a request.
    ("Permit", &["src/net/service.rs", "src/log/commit/append.rs"]),
    ("Place", &["src/net/places.rs"]),
    ("Ticket", &["src/log/commit/append.rs"]),
    ("Verdict", &["src/log/partition/producers/mod.rs"]),
];

/// The type that a line declares.
fn declared(line: &str) -> Option<&str> {
    let is_public = |word: &&str| word.starts_with("pub") || word.ends_with(')');
    let mut words = line.split_whitespace().skip_while(is_public);
    words.next().filter(|word| ["struct", "enum", "trait", "type"].contains(word))?;
    let name = words.next()?;
    Some(&name[..name.find(|c| !is_word(c)).unwrap_or(name.len())])
}

fn misused(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let lines = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for name in lines.filter_map(declared) {
            let word = WORDS.iter().find(|(word, _)| *word == name);
            if word.is_some_and(|(_, homes)| !homes.contains(&file.path.as_str())) {
                found.push(format!("{}: {name} means something else in src/README.md", file.path));
            }
        }
    }
    found
}

#[test]
fn words_of_the_glossary_mean_one_thing() {
    let files = sources("src");
    refuse(&misused(&files));
    for (word, homes) in WORDS {
        for home in *homes {
            let file = files.iter().find(|file| file.path == *home).expect("a file");
            assert!(file.text.lines().any(|line| declared(line) == Some(word)), "{home} declares no {word}");
        }
    }
}

#[test]
fn a_second_meaning_is_seen() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let second =
        "pub(in crate::a) struct Ticket<T>(T);\n// enum Place\n    enum Placed {}\ntype Answer = u8;";
    let found = misused(&[file("src/net/service.rs", second)]);
    assert_eq!(found, ["src/net/service.rs: Ticket means something else in src/README.md"]);
}
