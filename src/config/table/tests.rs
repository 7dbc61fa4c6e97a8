use std::collections::BTreeSet;

use super::super::tests::{azure, gcs, problems, s3};
use super::super::variable::{Kind, Relation, Rule};
use super::super::{Given, platform};
use super::*;
use crate::settings::{self, Scope};

/// A setting that is read into nothing would be accepted without effect.
#[test]
fn every_row_is_a_field_or_a_broker_config_or_has_rules() {
    for row in VARIABLES {
        assert!(row.field.is_some() || row.config.is_some() || !row.rules.is_empty(), "{}", row.name);
    }
}

#[test]
fn rules_name_rows_of_the_table() {
    for row in VARIABLES {
        for rule in row.rules {
            let other = match rule {
                Rule::Order(Relation { other, .. }) => other,
                Rule::Behind(other) | Rule::Beside(other) | Rule::With(other) | Rule::FileOf(other) => other,
                Rule::Agreed | Rule::NotZero | Rule::NotYet(_) | Rule::Needed | Rule::Idle(_) => continue,
            };
            assert!(variable_named(other).is_some(), "{}: {other}", row.name);
        }
    }
}

#[test]
fn names_are_unique() {
    let mut seen = BTreeSet::new();
    for name in VARIABLES.iter().flat_map(Variable::names).chain(platform::names()) {
        assert!(seen.insert(name), "{name}");
    }
}

#[test]
fn what_a_row_takes_its_broker_config_takes() {
    for row in VARIABLES {
        let Some(config) = row.config else { continue };
        let definition = settings::lookup(Scope::Broker, config).unwrap_or_else(|| panic!("{config}"));
        let ends = match row.kind {
            Kind::Number(least, most) | Kind::Bytes(least, most) => vec![least.to_string(), most.to_string()],
            Kind::OneOf(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
            Kind::Text(_) | Kind::Parsed(_) => vec!["text".to_owned()],
        };
        for value in ends {
            definition.check(&value).unwrap_or_else(|error| panic!("{}={value}: {error}", row.name));
        }
    }
}

#[test]
fn every_variable_of_a_platform_is_known_to_the_client_of_its_store() {
    let all_known = |store, is_known: fn(&str) -> bool| {
        let unknown: Vec<_> =
            platform::of(store).filter(|name| !is_known(&name.to_ascii_lowercase())).collect();
        assert!(unknown.is_empty() && platform::of(store).next().is_some(), "{unknown:?}");
    };
    all_known(StoreKind::S3, |key| key.parse::<object_store::aws::AmazonS3ConfigKey>().is_ok());
    all_known(StoreKind::Azure, |key| key.parse::<object_store::azure::AzureConfigKey>().is_ok());
    all_known(StoreKind::Gcs, |key| key.parse::<object_store::gcp::GoogleConfigKey>().is_ok());
}

#[test]
fn defaults_of_the_table_are_valid_in_every_store() {
    for given in [Given::nothing(), s3(), gcs(), azure()] {
        for variable in VARIABLES {
            let Some(default) = variable.default() else { continue };
            if variable.name != "OBJECT_STORE_TYPE" {
                let found = problems(&given.clone().with(variable.name, default));
                assert!(found.is_empty(), "{found:?}");
            }
        }
    }
    let default = |name: &str| variable_named(name).and_then(Variable::default).expect("has a default");
    assert_eq!((&*default("MAX_REQUEST_SIZE"), &*default("MAX_MESSAGE_SIZE")), ("100MiB", "1048588"));
}
