//! Doors that a build leaves closed: cargo's features `tls` and `sasl`. A build without one of them refuses its settings by
//! name, since accepting them would look like protection.

use super::given::{Given, Problem};
use super::listeners::Listener;
use super::table::VARIABLES;

/// Features of a build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    tls: bool,
    sasl: bool,
}

impl Built {
    /// Tests of the crate itself are of a build with everything.
    pub(super) const THIS: Built =
        Built { tls: cfg!(any(feature = "tls", test)), sasl: cfg!(any(feature = "sasl", test)) };

    /// The feature that this variable needs and the build does not have.
    fn lacks(self, variable: &str) -> Option<&'static str> {
        let is_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| variable.starts_with(prefix));
        match () {
            () if !self.tls && is_of(&["TLS_", "HTTP_TLS_", "LISTENER_TLS_", "RAFT_TLS_"]) => Some("tls"),
            () if !self.sasl && is_of(&["SASL_", "LISTENER_SASL_", "OAUTH_", "FAILED_AUTHENTICATION_"]) => {
                Some("sasl")
            }
            () => None,
        }
    }

    /// Settings of what was left out. Saying that it is off is allowed.
    pub(super) fn problems_of_variables(self, given: &Given) -> Vec<Problem> {
        let is_off = |value: &str| ["false", "none"].iter().any(|off| value.trim().eq_ignore_ascii_case(off));
        let asks = |name| given.text(name).is_some_and(|value| !is_off(value));
        let named = VARIABLES.iter().filter(|variable| asks(variable.name));
        let lacking = named.filter_map(|variable| Some((variable.name, self.lacks(variable.name)?)));
        lacking.map(|(name, feature)| Problem::new(name, &without(feature))).collect()
    }

    /// Listeners whose protocol was left out.
    pub(super) fn problems_of_listeners(self, listeners: &[Listener], variable: &str) -> Vec<Problem> {
        let lacks = |listener: &Listener| match () {
            () if !self.tls && listener.has_tls() => Some("tls"),
            () if !self.sasl && listener.has_sasl() => Some("sasl"),
            () => None,
        };
        let lacking = listeners.iter().filter_map(|listener| Some((&listener.name, lacks(listener)?)));
        lacking
            .map(|(name, feature)| Problem::new(variable, &format!("listener {name}: {}", without(feature))))
            .collect()
    }

    /// Brokers that would encrypt what they tell each other.
    pub(super) fn problems_of_peers(self, has_peers: bool, is_insecure: bool) -> Option<Problem> {
        let lacks = !self.tls && has_peers && !is_insecure;
        lacks.then(|| {
            Problem::new("RAFT_INSECURE", &format!("{}; set it to true for brokers without", without("tls")))
        })
    }
}

fn without(feature: &str) -> String {
    format!("this program was built without the feature {feature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEITHER: Built = Built { tls: false, sasl: false };

    fn refused(built: Built, given: &Given) -> Vec<String> {
        built.problems_of_variables(given).into_iter().map(|problem| problem.variable).collect()
    }

    #[test]
    fn variables_of_what_was_left_out_are_refused_by_name() {
        let off =
            Given::nothing().with("TLS_ENABLED", "false").with("SASL_ENABLED", "False").with("PORT", "9092");
        assert_eq!(refused(NEITHER, &off), [""; 0]);
        let of_tls = ["TLS_ENABLED", "HTTP_TLS_ENABLED", "LISTENER_TLS_CLIENT_AUTH", "RAFT_TLS_CERT_PATH"];
        let of_sasl = [
            "SASL_ENABLED",
            "SASL_USERS_FILE",
            "LISTENER_SASL_MECHANISMS",
            "OAUTH_ISSUER",
            "FAILED_AUTHENTICATION_DELAY_MS",
        ];
        for (names, feature) in [(&of_tls[..], "tls"), (&of_sasl, "sasl")] {
            for &name in names {
                let given = Given::nothing().with(name, "true");
                assert_eq!(refused(NEITHER, &given), [name]);
                assert!(NEITHER.problems_of_variables(&given)[0].message.ends_with(feature));
                assert_eq!(refused(Built { tls: true, sasl: true }, &given), [""; 0]);
                let other = Built { tls: feature == "sasl", sasl: feature == "tls" };
                assert_eq!(refused(other, &given), [name]);
            }
        }
    }

    #[test]
    fn brokers_without_tls_say_so_to_each_other() {
        assert!(NEITHER.problems_of_peers(true, false).is_some());
        assert!(NEITHER.problems_of_peers(true, true).is_none());
        assert!(NEITHER.problems_of_peers(false, false).is_none());
        assert!(Built { tls: true, sasl: false }.problems_of_peers(true, false).is_none());
    }
}
