//! What the architecture page says.

use super::{refuse, root, sources};

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
