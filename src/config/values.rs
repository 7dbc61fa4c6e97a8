//! Given values, read by the table: each value by its form, then what must hold between them.

use std::collections::BTreeMap;

use super::addresses::{host_name, is_wildcard};
use super::found::{Field, Found, Value};
use super::given::{Given, Problem};
use super::syntax;
use super::table::{VARIABLES, variable_named};
use super::variable::{Fallback, Kind, Order, Relation, Rule, Variable};
use super::words::StoreKind;

/// All values, and what is wrong with them. A wrong one is noted, and then missing.
pub(super) struct Values<'a> {
    given: &'a Given,
    pub(super) found: Found,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Values<'a> {
    pub(super) fn read(given: &'a Given) -> Values<'a> {
        let mut values = Values { given, found: Found::default(), problems: given.problems().to_vec() };
        for variable in VARIABLES {
            match values.value(variable) {
                Ok(Some(value)) => {
                    values.found.0.insert(variable.name, value);
                }
                Ok(None) => {}
                Err(message) => values.refuse(variable.name, &message),
            }
        }
        for variable in VARIABLES {
            if values.counts(variable) {
                variable.rules.iter().for_each(|rule| values.obey(variable, rule));
            }
        }
        values
    }

    fn get<T: Field>(&self, name: &str) -> Option<T> {
        self.found.get(name)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.found.0.get(name).and_then(Value::number)
    }

    fn refuse(&mut self, name: &str, message: &str) {
        self.problems.push(Problem::new(name, message));
    }

    /// Values of the broker configs that somebody sets here.
    pub(super) fn configs(&self) -> BTreeMap<String, String> {
        let given = VARIABLES.iter().filter(|variable| self.given.is_set(variable.name));
        let set = |variable: &Variable| {
            Some((variable.config?.to_owned(), self.found.0.get(variable.name)?.printed()))
        };
        given.filter_map(set).collect()
    }

    /// Values that brokers of one cluster are to have alike, by the names of their variables.
    pub(super) fn agreed(&self) -> BTreeMap<String, String> {
        let text = |variable: &Variable| match self.found.0.get(variable.name) {
            Some(value) => value.printed(),
            None => variable.default_of_config().unwrap_or("unset").to_owned(),
        };
        let agreed = VARIABLES
            .iter()
            .filter(|variable| variable.rules.iter().any(|rule| matches!(rule, Rule::Agreed)));
        agreed.map(|variable| (variable.name.to_owned(), text(variable))).collect()
    }

    /// True if it belongs to the chosen store, or to none.
    fn counts(&self, variable: &Variable) -> bool {
        variable.store.is_none_or(|store| self.get("OBJECT_STORE_TYPE") == Some(store))
    }

    fn value(&self, variable: &Variable) -> Result<Option<Value>, String> {
        let Some(text) = self.given.text(variable.name) else {
            return self.fallback(variable).map_or(Ok(None), |text| parse(variable, &text, false).map(Some));
        };
        let text = text.trim();
        if text.contains(char::is_control) {
            return Err("its value has a line break or another control character in it".to_owned());
        }
        parse(variable, text, self.counts(variable)).map(Some)
    }

    fn fallback(&self, variable: &Variable) -> Option<String> {
        match variable.fallback {
            Fallback::ByStore(local, remote) => {
                let is_remote =
                    self.get("OBJECT_STORE_TYPE").is_some_and(|kind: StoreKind| kind != StoreKind::Local);
                Some(if is_remote { remote } else { local }.to_owned())
            }
            Fallback::Reachable => {
                let host: String = self.get("HOST")?;
                Some(if is_wildcard(&host) { host_name() } else { host })
            }
            Fallback::Unset | Fallback::Text(_) | Fallback::OfConfig => {
                variable.default().map(|text| text.into_owned())
            }
        }
    }

    fn obey(&mut self, variable: &'static Variable, rule: &'static Rule) {
        let name = variable.name;
        let is_there = |name: &str| self.found.0.contains_key(name);
        let refused = match rule {
            Rule::Order(relation) => return self.compare(name, relation),
            Rule::FileOf(secret) => return self.read_file(name, secret),
            Rule::NotZero => {
                (self.number(name) == Some(0)).then(|| "must be unlimited (-1) or at least 1".to_owned())
            }
            Rule::NotYet(what) => (self.get(name) == Some(true)).then(|| {
                format!(
                    "{what} is not supported yet by this version, and starting without it would open a door"
                )
            }),
            Rule::Behind(switch) => (is_there(name) && !self.given.is_set(switch)).then(|| {
                format!(
                    "not supported yet by this version; unset it, or say {switch}=false to run without that \
                     protection"
                )
            }),
            Rule::Needed => {
                let kind: Option<String> = self.get("OBJECT_STORE_TYPE");
                let missing = !self.given.is_set(name);
                missing.then(|| format!("missing; OBJECT_STORE_TYPE={} needs it", kind.unwrap_or_default()))
            }
            Rule::With(other) => {
                (is_there(other) && !is_there(name)).then(|| format!("missing, while {other} is set"))
            }
            Rule::Beside(other) => (is_there(name) && !is_there(other))
                .then(|| format!("set without {other}, which it is about")),
            Rule::Agreed | Rule::Idle(_) => None,
        };
        if let Some(message) = refused {
            self.refuse(name, &message);
        }
    }

    /// Of two variables the one that somebody set is named.
    fn compare(&mut self, name: &str, relation: &Relation) {
        let Relation { order, other, message, blames_itself } = *relation;
        let (Some(own), Some(others)) = (self.number(name), self.number(other)) else { return };
        if order.holds(own, others) {
            return;
        }
        let blame_other = !blames_itself && !self.given.is_set(name) && self.given.is_set(other);
        let relation = if order == Order::AtLeast { "below" } else { "above" };
        let message = message.map_or_else(|| format!("{name} is {relation} {other}"), str::to_owned);
        self.refuse(if blame_other { other } else { name }, &message);
    }

    fn read_file(&mut self, name: &str, secret: &'static str) {
        let Some(file) = self.get::<String>(name) else { return };
        let message = match std::fs::read_to_string(&file) {
            _ if self.given.is_set(secret) => format!("{secret} is set too; only one of them can be"),
            Ok(text) if text.trim().is_empty() => format!("'{file}' is empty"),
            Ok(text) => match parse_content(secret, &text) {
                Ok(value) => {
                    self.found.0.insert(secret, value);
                    return;
                }
                Err(message) => format!("'{file}' {message}"),
            },
            Err(error) => format!("'{file}' cannot be read: {error}"),
        };
        self.refuse(name, &message);
    }
}

/// The value of a variable as a file holds it: editors end it with a newline.
fn parse_content(name: &str, content: &str) -> Result<Value, String> {
    let text = content.strip_suffix('\n').unwrap_or(content);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match variable_named(name) {
        Some(variable) => parse(variable, text, true),
        None => Ok(Value::Text(text.to_owned())),
    }
}

/// `is_formed` asks for the form of a text too.
fn parse(variable: &Variable, text: &str, is_formed: bool) -> Result<Value, String> {
    let not = |wanted: String| match variable.secret {
        true => format!("its value is not {wanted}"),
        false => format!("'{text}' is not {wanted}"),
    };
    let owned = || Value::Text(text.to_owned());
    match variable.kind {
        Kind::Text(form) if is_formed => form(text).map(|()| owned()).map_err(str::to_owned),
        Kind::Parsed(form) if is_formed => form(text).map(Value::Text),
        Kind::Text(_) | Kind::Parsed(_) => Ok(owned()),
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Flag(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Flag(false)),
            _ => Err(not("true or false".to_owned())),
        },
        Kind::Number(least, most) => {
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            number.map(Value::Number).ok_or_else(|| not(format!("a whole number from {least} to {most}")))
        }
        Kind::Bytes(least, most) => {
            let number = syntax::bytes(text).filter(|number| (least..=most).contains(number));
            let wanted =
                || format!("a number of bytes from {least} to {most}, which may end in KiB, MiB or GiB");
            number.map(Value::Number).ok_or_else(|| not(wanted()))
        }
        Kind::OneOf(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| Value::Text((*word).to_owned())).ok_or_else(|| not(words.join(" or ")))
        }
    }
}
