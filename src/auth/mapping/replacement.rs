//! Replacements as Java writes them.

use regex::{Captures, Regex};

/// The texts and groups of which a replacement consists.
#[derive(Clone, Debug)]
pub(super) struct Replacement(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A group of the pattern, by its number.
    Group(usize),
}

impl Replacement {
    /// Reads `text`, which may refer to the groups of `pattern`.
    pub(super) fn new(text: &str, pattern: &Regex) -> Result<Replacement, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\\' => {
                    let escaped = rest.chars().next().ok_or("ends with a backslash")?;
                    rest = &rest[escaped.len_utf8()..];
                    push(&mut parts, escaped);
                }
                '$' => match reference(rest, pattern)? {
                    Some((group, after)) => {
                        parts.push(Part::Group(group));
                        rest = after;
                    }
                    None => push(&mut parts, '$'),
                },
                c => push(&mut parts, c),
            }
        }
        Ok(Replacement(parts))
    }

    /// Puts the replacement in the place of each match in `subject`. As in Java, where a match that is not empty ends,
    /// an empty one may follow.
    pub(super) fn replace_all(&self, subject: &str, pattern: &Regex) -> String {
        let mut replaced = String::new();
        let (mut copied, mut from) = (0, 0);
        while let Some(found) = subject.get(from..).and_then(|_| pattern.captures_at(subject, from)) {
            let Some(whole) = found.get(0) else { break };
            replaced.push_str(&subject[copied..whole.start()]);
            self.expand(&found, &mut replaced);
            copied = whole.end();
            let next = subject[copied..].chars().next().map_or(1, char::len_utf8);
            from = if whole.is_empty() { copied + next } else { copied };
        }
        replaced.push_str(&subject[copied..]);
        replaced
    }

    fn expand(&self, found: &Captures<'_>, into: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => into.push_str(text),
                Part::Group(group) => into.push_str(found.get(*group).map_or("", |group| group.as_str())),
            }
        }
    }
}

fn push(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(c),
        _ => parts.push(Part::Text(c.into())),
    }
}

/// The group that a `$` before `text` refers to, and the text after the reference; none if the `$` stands for itself.
fn reference<'a>(text: &'a str, pattern: &Regex) -> Result<Option<(usize, &'a str)>, String> {
    if let Some((name, after)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        let group = pattern.capture_names().position(|known| known == Some(name));
        return match group {
            Some(group) => Ok(Some((group, after))),
            None => Err(format!("refers to a group {name:?}, which its pattern has not")),
        };
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, groups) = (&text[..end], pattern.captures_len() - 1);
    // As many digits as there are groups to refer to.
    let longest = (1..=end).rev().find(|length| digits[..*length].parse().is_ok_and(|g: usize| g <= groups));
    match longest {
        Some(length) => Ok(digits[..length].parse().ok().map(|group| (group, &text[length..]))),
        None if digits.is_empty() => Err("has a $ in its replacement that refers to no group".to_owned()),
        None if groups == 0 => Err(format!("refers to a group {digits}, but its pattern has none")),
        None => Ok(None),
    }
}
