//! Rules that make a user's name of a certificate's subject, in the syntax of Kafka's `ssl.principal.mapping.rules`.
//! They must never know a certificate: a subject is a text here.
//! Entry point: [`Mapping`], parsed from its rules, applied to each subject.
//! Invariant: a rule that cannot mean here what it means to Kafka is refused when it is read, by name.

mod pattern;
mod replacement;

use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use replacement::Replacement;

/// Rules, of which the first that matches a whole subject names its user.
#[derive(Clone, Debug)]
pub struct Mapping(Vec<Rule>);

/// A text that is not a list of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    #[error("there is no rule")]
    None,
    #[error("the rule {rule:?} {reason}")]
    Rule { rule: String, reason: String },
}

#[derive(Clone, Debug)]
enum Rule {
    /// The subject as it is.
    Default,
    Replace(Box<Replace>),
}

#[derive(Clone, Debug)]
struct Replace {
    /// Finds one part of a subject.
    part: Regex,
    /// Matches whole subjects only.
    whole: Regex,
    replacement: Replacement,
    case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Kept,
    Lower,
    Upper,
}

impl Default for Mapping {
    fn default() -> Mapping {
        Mapping(vec![Rule::Default])
    }
}

impl FromStr for Mapping {
    type Err = BadRules;

    fn from_str(text: &str) -> Result<Mapping, BadRules> {
        let mut rules = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            rest = match rest.strip_prefix(',') {
                Some(after) => after,
                None => {
                    let (rule, after) = read(rest)?;
                    rules.push(rule);
                    after
                }
            }
            .trim_start();
        }
        if rules.is_empty() { Err(BadRules::None) } else { Ok(Mapping(rules)) }
    }
}

impl Mapping {
    /// The name that the first matching rule makes of `subject`; none if none matches.
    pub fn apply(&self, subject: &str) -> Option<String> {
        self.0.iter().find_map(|rule| match rule {
            Rule::Default => Some(subject.to_owned()),
            Rule::Replace(replace) => replace.apply(subject),
        })
    }
}

/// The rule that `text` begins with, and what follows it.
fn read(text: &str) -> Result<(Rule, &str), BadRules> {
    let named = |end: &str, reason: String| {
        let rule = text[..text.len() - end.len()].trim_end().to_owned();
        BadRules::Rule { rule, reason }
    };
    let (rule, after) = if let Some(after) = text.strip_prefix("DEFAULT") {
        (Rule::Default, after)
    } else if let Some(inside) = text.strip_prefix("RULE:") {
        let incomplete = || named("", "has not two parts that end with a slash".to_owned());
        let (pattern, inside) = until_slash(inside).ok_or_else(incomplete)?;
        let (replacement, after) = until_slash(inside).ok_or_else(incomplete)?;
        let (case, after) = Case::read(after);
        let replace = Replace::new(pattern, replacement, case).map_err(|reason| named(after, reason))?;
        (Rule::Replace(Box::new(replace)), after)
    } else {
        let end = text.find(',').map_or("", |end| &text[end..]);
        return Err(named(end, "is neither RULE:pattern/replacement/[L|U] nor DEFAULT".to_owned()));
    };
    let after = after.trim_start();
    if after.is_empty() || after.starts_with(',') {
        return Ok((rule, after));
    }
    let left_over = after.split(',').next().unwrap_or(after).trim_end();
    Err(named(after, format!("is followed by {left_over:?}")))
}

/// The text before the first slash that no backslash precedes, and the text after it.
fn until_slash(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let ends = c == '/' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some((&text[..end], &text[end + 1..]))
}

impl Case {
    fn read(text: &str) -> (Case, &str) {
        match (text.strip_prefix('L'), text.strip_prefix('U')) {
            (Some(after), _) => (Case::Lower, after),
            (_, Some(after)) => (Case::Upper, after),
            _ => (Case::Kept, text),
        }
    }
}

impl Replace {
    fn new(pattern: &str, replacement: &str, case: Case) -> Result<Replace, String> {
        let pattern = pattern::translate(pattern)?;
        let compile = |pattern: &str| {
            let regex = RegexBuilder::new(pattern).crlf(true).build();
            regex.map_err(|error| {
                let error = error.to_string();
                format!("has a bad pattern: {}", error.lines().last().unwrap_or(&error))
            })
        };
        let part = compile(&pattern)?;
        let whole = compile(&format!(r"\A(?:{pattern})\z"))?;
        let replacement = Replacement::new(replacement, &part)?;
        Ok(Replace { part, whole, replacement, case })
    }

    fn apply(&self, subject: &str) -> Option<String> {
        if !self.whole.is_match(subject) {
            return None;
        }
        let name = self.replacement.replace_all(subject, &self.part);
        Some(match self.case {
            Case::Kept => name,
            Case::Lower => name.to_lowercase(),
            Case::Upper => name.to_uppercase(),
        })
    }
}

#[cfg(test)]
mod tests;
