//! Where two answers differ.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::shape::identity;

/// One place with two values. The path has the names of fields, not the positions in lists.
#[derive(Debug, Clone)]
pub struct Difference {
    pub path: String,
    pub ours: Json,
    pub theirs: Json,
}

/// Every difference. What only one side has is null on the other.
pub fn differences(ours: &Json, theirs: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", ours, theirs, &mut found);
    found
}

fn compare(path: &str, ours: &Json, theirs: &Json, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Json::Object(a), Json::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                compare(
                    &inner,
                    a.get(name).unwrap_or(&Json::Null),
                    b.get(name).unwrap_or(&Json::Null),
                    found,
                );
            }
        }
        (Json::Array(a), Json::Array(b)) if tells_apart(a) && tells_apart(b) => {
            let mut pairs: BTreeMap<String, (&Json, &Json)> = BTreeMap::new();
            for element in a {
                pairs.insert(identity(element), (element, &Json::Null));
            }
            for element in b {
                pairs.entry(identity(element)).or_insert((&Json::Null, element)).1 = element;
            }
            for (one, other) in pairs.values() {
                compare(path, one, other, found);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (one, other) in a.iter().zip(b) {
                compare(path, one, other, found);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            found.push(Difference { path: path.to_owned(), ours: ours.clone(), theirs: theirs.clone() });
        }
    }
}

/// Whether each element has an identity of its own.
fn tells_apart(list: &[Json]) -> bool {
    let mut all: Vec<String> = list.iter().map(identity).collect();
    all.sort();
    all.iter().all(|one| !one.is_empty()) && all.windows(2).all(|two| two[0] != two[1])
}

/// `answer` with its `n`-th value (of those that are neither list nor object, around and around) replaced by another
/// one, and its path. `None` if it has none.
pub fn planted(answer: &Json, n: usize) -> Option<(Json, String)> {
    let mut changed = answer.clone();
    let mut left = n.checked_rem(leaves(answer))?;
    let path = plant("", &mut changed, &mut left)?;
    Some((changed, path))
}

fn leaves(value: &Json) -> usize {
    match value {
        Json::Object(fields) => fields.values().map(leaves).sum(),
        Json::Array(list) => list.iter().map(leaves).sum(),
        _ => 1,
    }
}

fn plant(path: &str, value: &mut Json, left: &mut usize) -> Option<String> {
    match value {
        Json::Object(fields) => fields.iter_mut().find_map(|(name, value)| {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            plant(&inner, value, left)
        }),
        Json::Array(list) => list.iter_mut().find_map(|element| plant(path, element, left)),
        leaf if *left == 0 => {
            *leaf = "a planted value".into();
            Some(path.to_owned())
        }
        _ => {
            *left -= 1;
            None
        }
    }
}
