//! Java's regular expressions, written as Rust's engine reads them.
//!
//! That engine takes linear time, and has neither look-around nor back-references. Whatever it would read differently
//! than Java does is refused too.

use std::iter::Peekable;
use std::str::Chars;

/// Classes of characters, which are of ASCII in Java.
const CLASSES: &[(char, &str)] = &[
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('s', r"[ \t\n\x0B\f\r]"),
    ('S', r"[^ \t\n\x0B\f\r]"),
    ('w', "[a-zA-Z_0-9]"),
    ('W', "[^a-zA-Z_0-9]"),
];

/// Letters that mean the same to both after a backslash.
const SHARED: &str = "aftnrAzbB";

/// Flags that mean the same to both.
const FLAGS: &str = "ism-";

/// The pattern for Rust, or the reason why there is none.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut reader =
        Reader { rest: pattern.chars().peekable(), out: String::new(), depth: 0, repeats: false };
    while let Some(c) = reader.rest.next() {
        let repeated = std::mem::take(&mut reader.repeats);
        match c {
            '\\' => reader.escape()?,
            '[' => reader.open_class(),
            ']' if reader.depth > 0 => reader.close_class(),
            _ if reader.depth > 0 => reader.in_class(c)?,
            '(' => reader.open_group()?,
            '*' | '+' | '?' | '{' => reader.repeat(c, repeated)?,
            _ => reader.out.push(c),
        }
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// Brackets that are open.
    depth: usize,
    /// The last thing read was a repetition.
    repeats: bool,
}

impl Reader<'_> {
    fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    fn open_class(&mut self) {
        self.depth += 1;
        self.out.push('[');
        if self.take('^') {
            self.out.push('^');
        }
        // First in its brackets, each stands for itself; a colon would begin a named class of Rust's.
        match self.rest.next_if(|c| [']', ':'].contains(c)) {
            Some(']') => self.out.push_str(r"\]"),
            Some(':') => self.out.push_str(r"\:"),
            _ => {}
        }
    }

    fn close_class(&mut self) {
        self.depth -= 1;
        self.out.push(']');
    }

    fn in_class(&mut self, c: char) -> Result<(), String> {
        match c {
            '-' if self.rest.peek() == Some(&'-') => Err("has -- between brackets in its pattern".to_owned()),
            '~' => {
                self.out.push_str(r"\~");
                Ok(())
            }
            c => {
                self.out.push(c);
                Ok(())
            }
        }
    }

    fn open_group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if !self.take('?') {
            return Ok(());
        }
        self.out.push('?');
        match self.rest.peek() {
            Some(':') => Ok(()),
            Some('=' | '!') => Err(unsupported("look-ahead")),
            Some('>') => Err(unsupported("groups without backtracking")),
            Some('<') => {
                self.rest.next();
                self.out.push('<');
                match self.rest.peek() {
                    Some('=' | '!') => Err(unsupported("look-behind")),
                    _ => Ok(()),
                }
            }
            _ => self.flags(),
        }
    }

    fn flags(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.next_if(|c| *c != ')' && *c != ':') {
            if !FLAGS.contains(c) {
                return Err(unsupported(&format!("(?{c}")));
            }
            self.out.push(c);
        }
        Ok(())
    }

    fn repeat(&mut self, c: char, repeated: bool) -> Result<(), String> {
        match c {
            // The shortest match, instead of the longest.
            '?' if repeated => {}
            '+' if repeated => return Err(unsupported("repetitions without backtracking")),
            _ if repeated => return Err("repeats a repetition in its pattern".to_owned()),
            _ => self.repeats = true,
        }
        self.out.push(c);
        if c == '{' {
            self.braced();
        }
        Ok(())
    }

    /// The rest of what is between braces, with the closing one.
    fn braced(&mut self) {
        for c in self.rest.by_ref() {
            self.out.push(c);
            if c == '}' {
                return;
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let c = self.rest.next().ok_or("has a pattern that ends with a backslash")?;
        if let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == c) {
            self.out.push_str(class);
            return Ok(());
        }
        match c {
            '1'..='9' | 'k' => Err(unsupported("back-references")),
            'Q' => {
                self.quoted();
                Ok(())
            }
            'p' | 'P' => self.category(c),
            'x' | 'u' => {
                self.out.extend(['\\', c]);
                if self.take('{') {
                    self.out.push('{');
                    self.braced();
                }
                Ok(())
            }
            c if SHARED.contains(c) && self.rest.peek() != Some(&'{') => {
                self.out.extend(['\\', c]);
                Ok(())
            }
            c if c.is_ascii_alphanumeric() => Err(unsupported(&format!("\\{c}"))),
            c => {
                self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                Ok(())
            }
        }
    }

    /// Text to take as it is, up to the mark that ends it.
    fn quoted(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.take('E') {
                break;
            }
            text.push(c);
        }
        self.out.push_str(&regex::escape(&text));
    }

    /// Unicode's general categories, which both know by one letter or two.
    fn category(&mut self, sign: char) -> Result<(), String> {
        let name: String = if self.take('{') {
            std::iter::from_fn(|| self.rest.next().filter(|c| *c != '}')).collect()
        } else {
            self.rest.next().into_iter().collect()
        };
        if name.len() > 2 || !name.starts_with(|c| "LMNPSZC".contains(c)) {
            return Err(unsupported(&format!("\\{sign}{{{name}}}")));
        }
        self.out.push_str(&format!("\\{sign}{{{name}}}"));
        Ok(())
    }
}

fn unsupported(what: &str) -> String {
    format!("has {what} in its pattern, which is not supported")
}
