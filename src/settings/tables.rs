//! All configs of all scopes.

use super::definition::{Definition, Scope};
use super::{broker, group, topic};

/// Every config of a scope that this broker knows, by name.
pub fn definitions(scope: Scope) -> &'static [Definition] {
    match scope {
        Scope::Broker => broker::definitions(),
        Scope::Topic => topic::DEFINITIONS,
        Scope::Group => group::DEFINITIONS,
    }
}

/// One config by its exact name.
pub fn lookup(scope: Scope, name: &str) -> Option<&'static Definition> {
    let table = definitions(scope);
    table.binary_search_by(|definition| definition.name.cmp(name)).ok().map(|found| &table[found])
}
