use proptest::prelude::*;

use super::*;

/// Names of certificates, and those that Kafka's rules make of them: from `scripts/security/names/make.sh`.
const NAMES: &str = include_str!("../golden/names.json");

#[derive(serde::Deserialize)]
struct Golden {
    rules: Vec<String>,
    certificates: Vec<Certificate>,
}

#[derive(serde::Deserialize)]
struct Certificate {
    subject: String,
    names: Vec<Option<String>>,
}

fn mapped(rules: &str, subject: &str) -> Option<String> {
    rules.parse::<Mapping>().unwrap().apply(subject)
}

#[test]
fn rules_make_the_names_that_kafka_makes() {
    let golden: Golden = serde_json::from_str(NAMES).unwrap();
    assert!(golden.rules.len() >= 15);
    for certificate in golden.certificates {
        for (rules, expected) in golden.rules.iter().zip(certificate.names) {
            assert_eq!(mapped(rules, &certificate.subject), expected, "{rules} of {:?}", certificate.subject);
        }
    }
}

#[test]
fn rules_that_are_none_are_refused_by_name() {
    for (rules, refusal) in [
        ("", "there is no rule"),
        (" ,, ", "there is no rule"),
        ("DEFAULTS", r#"the rule "DEFAULT" is followed by "S""#),
        ("default", r#"the rule "default" is neither RULE:pattern/replacement/[L|U] nor DEFAULT"#),
        ("DEFAULT, RULE:^CN=x, DEFAULT", "has not two parts that end with a slash"),
        ("RULE:a/b", "has not two parts that end with a slash"),
        (r"RULE:a\/b/c", "has not two parts that end with a slash"),
        ("RULE:a/b/LU", r#"the rule "RULE:a/b/L" is followed by "U""#),
        ("RULE:a/b/l,DEFAULT", r#"the rule "RULE:a/b/" is followed by "l""#),
        ("RULE:a/b/ DEFAULT", r#"the rule "RULE:a/b/" is followed by "DEFAULT""#),
        ("RULE:a(/b/", r#"the rule "RULE:a(/b/" has a bad pattern: error: unclosed group"#),
        ("RULE:CN=(?=x).*/b/", "has look-ahead in its pattern"),
        ("RULE:CN=(?!x).*/b/", "has look-ahead in its pattern"),
        ("RULE:.*(?<=x)/b/", "has look-behind in its pattern"),
        ("RULE:.*(?<!x)/b/", "has look-behind in its pattern"),
        ("RULE:(?>a)/b/", "has groups without backtracking in its pattern"),
        (r"RULE:(a)\1/b/", "has back-references in its pattern"),
        (r"RULE:(?<n>a)\k<n>/b/", "has back-references in its pattern"),
        ("RULE:a*+/b/", "has repetitions without backtracking in its pattern"),
        ("RULE:a{2}+/b/", "has repetitions without backtracking in its pattern"),
        ("RULE:a**/b/", "repeats a repetition in its pattern"),
        ("RULE:(?x)a/b/", "has (?x in its pattern"),
        (r"RULE:\p{Alpha}/b/", r"has \p{Alpha} in its pattern"),
        (r"RULE:\h/b/", r"has \h in its pattern"),
        (r"RULE:\07/b/", r"has \0 in its pattern"),
        ("RULE:[a--b]/b/", "has -- between brackets"),
        ("RULE:a/$1/", "refers to a group 1, but its pattern has none"),
        ("RULE:a/${n}/", r#"refers to a group "n", which its pattern has not"#),
        ("RULE:a/$/", "has a $ in its replacement that refers to no group"),
        ("RULE:(a)/$b/", "has a $ in its replacement that refers to no group"),
    ] {
        let error = rules.parse::<Mapping>().expect_err(rules).to_string();
        assert!(error.contains(refusal), "{rules}: {error}");
    }
}

#[test]
fn classes_of_characters_are_javas() {
    for (pattern, subject, matches) in [
        (r"\d+", "123", true),
        (r"\d+", "١٢٣", false),
        (r"\w+", "az_09", true),
        (r"\w+", "ä", false),
        (r"\W+", "ä", true),
        (r"[\w.]+", "a.b", true),
        (r"[^\w]+", "ä", true),
        (r"[]a]+", "]a", true),
        (r"[[:a]]+", ":a", true),
        (r"[a~~b]+", "~", true),
        (r"[a-z&&[^b]]+", "ac", true),
        (r"[a-z&&[^b]]+", "abc", false),
        (r"\Qa.b\E", "a.b", true),
        (r"\Qa.b", "axb", false),
        (r"\<\,\=\ \@", "<,= @", true),
        (r"\x{e4}\x41\u0042", "äAB", true),
        (r"\p{Lu}\pL", "Ää", true),
        (r"a{2}b{1,3}?", "aabb", true),
    ] {
        assert_eq!(mapped(&format!("RULE:{pattern}/x/"), subject).is_some(), matches, "{pattern} {subject}");
    }
}

#[test]
fn whoever_has_no_rules_has_the_subject() {
    assert_eq!(Mapping::default().apply("CN=a,O=b"), Some("CN=a,O=b".to_owned()));
}

/// A list of rules, or almost.
const RULES: &str = r"((RULE:)?[a-zA-Z0-9(){}\[\]\\/.*+?$^|,&~<>=!: -]{0,24}/.{0,8}/[LU]?,?){0,3}";

proptest! {
    #[test]
    fn random_rules_are_read_or_refused(rules in RULES, subject in ".{0,40}") {
        if let Ok(mapping) = rules.parse::<Mapping>() {
            let _ = mapping.apply(&subject);
        }
    }

    #[test]
    fn random_text_is_read_or_refused(rules in ".{0,60}") {
        let _ = rules.parse::<Mapping>();
    }
}
