//! Settings of what a build may leave out: cargo's features `tls` and `sasl`.

use kafkaesque::config::{Config, ConfigError, Given, Section, VARIABLES};

use crate::process::Process;

const FEATURES: [(&str, bool); 2] = [("tls", cfg!(feature = "tls")), ("sasl", cfg!(feature = "sasl"))];

/// The feature that a variable is of.
fn feature(variable: &str) -> Option<&'static str> {
    match variable {
        "FAILED_AUTHENTICATION_DELAY_MS" => Some("sasl"),
        name if name.contains("TLS_") => Some("tls"),
        name if name.contains("SASL_") || name.starts_with("OAUTH_") => Some("sasl"),
        _ => None,
    }
}

/// The features that this build is said to lack, with the variable that is refused for it.
fn lacking(given: &Given) -> Vec<(String, String)> {
    let Err(ConfigError(problems)) = Config::load(given) else { return Vec::new() };
    let lacking = problems.into_iter().filter_map(|problem| {
        let (_, feature) = problem.message.split_once("this program was built without the feature ")?;
        Some((problem.variable, feature.to_owned()))
    });
    lacking.collect()
}

#[test]
fn each_variable_of_what_was_left_out_is_refused_by_name_and_no_other() {
    for variable in VARIABLES {
        let feature = feature(variable.name);
        if variable.section == Section::Security && feature.is_none() {
            assert!(["ACL_ENABLED", "KAFKAESQUE_SUPER_USERS"].contains(&variable.name), "{}", variable.name);
        }
        let is_left_out = FEATURES.iter().find(|(name, is_built)| Some(*name) == feature && !is_built);
        let expected = is_left_out.map(|(feature, _)| (variable.name.to_owned(), (*feature).to_owned()));
        let given = Given::nothing().with(variable.name, "true");
        assert_eq!(lacking(&given), Vec::from_iter(expected), "{}", variable.name);
    }
}

#[test]
fn listeners_with_protocols_that_were_left_out_are_refused() {
    for (protocol, needed) in
        [("SSL", &["tls"][..]), ("SASL_PLAINTEXT", &["sasl"]), ("SASL_SSL", &["tls", "sasl"])]
    {
        let given = Given::nothing().with("LISTENERS", format!("{protocol}://127.0.0.1:0"));
        let is_left_out = |needed: &&str| FEATURES.contains(&(*needed, false));
        let expected = needed.iter().copied().find(is_left_out);
        let expected = expected.map(|feature| ("LISTENERS".to_owned(), feature.to_owned()));
        assert_eq!(lacking(&given), Vec::from_iter(expected), "{protocol}");
    }
}

#[test]
fn a_broker_without_a_feature_does_not_start_with_its_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, data) = (folder.path().join("log"), folder.path().join("data").display().to_string());
    for (feature, _) in FEATURES.iter().filter(|(_, is_built)| !is_built) {
        let variable = format!("{}_ENABLED", feature.to_uppercase());
        let started = Process::on_store(&[("DATA_PATH", &data), (&variable, "true")], &log);
        assert!(started.is_none(), "{variable}");
        let said = std::fs::read_to_string(&log).expect("a log");
        assert!(said.contains(&variable) && said.contains(&format!("the feature {feature}")), "{said}");
    }
}
