use super::*;

#[test]
fn tables_are_sorted_and_every_default_is_valid() {
    for scope in [Scope::Broker, Scope::Topic, Scope::Group] {
        let table = definitions(scope);
        assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "{scope:?}");
        for definition in table {
            let default = definition.default.map(|raw| definition.check(raw));
            assert!(default.is_none_or(|checked| checked.is_ok()), "{}", definition.name);
        }
    }
}
