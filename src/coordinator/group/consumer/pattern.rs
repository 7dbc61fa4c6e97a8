//! Subscriptions by regular expression, which the coordinator resolves (KIP-848, `TopicRegexResolver`).
//!
//! Kafka compiles them with RE2J, we with the `regex` crate: the same family, linear in the text, without look-around and
//! back-references. `\Q...\E`, which only RE2J knows, is translated. In a class, `&&`, `--` and `~~` are operators
//! here and plain characters there.

use std::borrow::Cow;
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

/// Most bytes of memory that one compiled expression may take: what a client sends must not decide that.
const COMPILED_BYTES: usize = 1 << 20;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    whole: Regex,
}

/// An expression that cannot be compiled, or only into too much memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SubscribedTopicRegex `{pattern}` is not a valid regular expression: {reason}.")]
pub struct InvalidPattern {
    pub pattern: String,
    pub reason: String,
}

impl Pattern {
    pub fn parse(pattern: &str) -> Result<Pattern, InvalidPattern> {
        let translated = without_quotes(pattern);
        // Alone first: only balanced parentheses may be put into others.
        let whole = compile(&translated).and_then(|_| compile(&format!(r"\A(?:{translated})\z")));
        let whole = whole.map_err(|error| InvalidPattern {
            pattern: pattern.to_owned(),
            // The last line says what is wrong; those above draw where.
            reason: error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        })?;
        Ok(Pattern { whole })
    }

    /// True if the expression matches the whole of a topic's name.
    pub fn matches(&self, topic: &str) -> bool {
        self.whole.is_match(topic)
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build()
}

/// The expression with what stands between `\Q` and `\E`, or behind an open `\Q`, escaped.
fn without_quotes(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(r"\Q") {
        return Cow::Borrowed(pattern);
    }
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(quoted) = from.strip_prefix(r"\Q") {
            let (text, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(text));
            rest = after;
        } else {
            // The escape and what it escapes: of `\\Q` the Q is not quoted.
            let mut chars = from.chars();
            for escaped in chars.by_ref().take(2) {
                let _ = out.write_char(escaped);
            }
            rest = chars.as_str();
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(topic)
    }

    #[test]
    fn the_whole_name_must_match() {
        assert!(matches("orders-.*", "orders-eu"));
        assert!(!matches("orders", "orders-eu"));
        assert!(!matches("eu", "orders-eu"));
        assert!(matches("a|orders-eu", "orders-eu"), "an alternative is one of two whole names");
        assert!(!matches("a|b", "ab"));
    }

    #[test]
    fn quoted_text_is_plain_text() {
        assert!(matches(r"\Qa.b\E.*", "a.bc"));
        assert!(!matches(r"\Qa.b\E", "axb"));
        assert!(matches(r"x\Qa.(b", "xa.(b"), "a quote that is not closed reaches to the end");
        assert!(matches(r"\\Qa", r"\Qa"));
        assert!(matches(r"\.\Q.\E", ".."));
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        for pattern in ["(", "a)(b", "*a", "[a", r"(?=a)b", r"(a)\1", "a{1000}{1000}{1000}"] {
            let invalid = Pattern::parse(pattern).unwrap_err();
            assert_eq!(invalid.pattern, pattern);
            assert!(!invalid.reason.is_empty());
        }
    }
}
