//! Both brokers with listeners of every protocol, and the same certificates and users.

use std::time::{Duration, Instant};

use crate::brokers::Brokers;
use crate::certificates::Certificates;
use crate::free_port::free_port;

/// Kafka tells whom it takes a client for in the log of requests.
const REQUEST_LOG: &str = "-Dorg.slf4j.simpleLogger.log.kafka.request.logger=debug";
/// A name that the rules change, one that they take as it is, and no others.
const RULES: &str = "RULE:^CN=([a-z]+),OU=mapped,.*$/$1/U,RULE:^(CN=.*,OU=.*)$/$1/";
/// Their names, protocols, and what is asked of clients.
pub const LISTENERS: [(&str, &str, &str); 6] = [
    ("ANY", "SSL", "none"),
    ("ASKING", "SSL", "requested"),
    ("ASKED", "SSL", "required"),
    ("LOGIN", "SASL_SSL", "none"),
    ("BOTH", "SASL_SSL", "required"),
    ("BARE", "SASL_PLAINTEXT", "none"),
];

/// Both brokers, with the same certificates, and the ports of their listeners, ours and Kafka's.
pub struct Doors {
    pub certificates: Certificates,
    ports: Vec<[u16; 2]>,
    pub brokers: Brokers,
}

impl Doors {
    pub fn open() -> Option<Doors> {
        let certificates = Certificates::new();
        let ports = LISTENERS.map(|_| [free_port(), free_port()]);
        let our_plain = free_port();
        let endpoints = |side: usize| {
            let all = LISTENERS.iter().zip(&ports);
            let all = all.map(|((name, ..), ports)| format!("{name}://127.0.0.1:{}", ports[side]));
            all.collect::<Vec<_>>().join(",")
        };
        let map = LISTENERS.map(|(name, protocol, _)| format!("{name}:{protocol}")).join(",");
        let asks = LISTENERS.iter().filter(|(_, protocol, _)| protocol.ends_with("SSL"));
        let client_auth: Vec<String> = asks.map(|(name, _, asks)| format!("{name}:{asks}")).collect();
        let (file, theirs) = (|name: &str| certificates.path(name), their_settings(&certificates, &map));
        let ours = [
            ("LISTENERS", format!("PLAINTEXT://127.0.0.1:{our_plain},{}", endpoints(0))),
            ("LISTENER_SECURITY_PROTOCOL_MAP", format!("PLAINTEXT:PLAINTEXT,{map}")),
            ("LISTENER_TLS_CLIENT_AUTH", client_auth.join(",")),
            ("LISTENER_SASL_MECHANISMS", "BARE:PLAIN".to_owned()),
            ("TLS_CERT_PATH", file("broker.pem")),
            ("TLS_KEY_PATH", file("broker.key")),
            ("TLS_CLIENT_CA_PATH", file("ca.pem")),
            ("TLS_PRINCIPAL_MAPPING_RULES", RULES.to_owned()),
            ("SASL_USERS", "alice:secret,bob:other".to_owned()),
            ("SASL_MAX_REAUTH_MS", "4000".to_owned()),
            ("TLS_MIN_VERSION", "1.2".to_owned()),
        ];
        let ours: Vec<(&str, &str)> = ours.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let theirs = format!("{}\n{theirs}", endpoints(1));
        let brokers = Brokers::telling(our_plain, &theirs, &ours, REQUEST_LOG)?;
        Some(Doors { certificates, ports: ports.to_vec(), brokers })
    }

    pub fn ports(&self, listener: &str) -> [u16; 2] {
        let place = LISTENERS.iter().position(|(name, ..)| *name == listener).expect("a listener");
        self.ports[place]
    }

    /// The names that the two have for a client which told Kafka this id of it.
    pub fn principals(&self, our_log: &str, client_id: &str) -> [String; 2] {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let [ours, theirs] = self.brokers.logs();
            let mut lines = theirs.lines().filter(|line| line.contains(&format!("\"{client_id}\"")));
            if let Some(theirs) = lines.find_map(their_principal) {
                return [our_principal(&ours[our_log.len()..]), theirs];
            }
            assert!(Instant::now() < deadline, "Kafka's log of requests has nothing of {client_id}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn their_settings(certificates: &Certificates, map: &str) -> String {
    let mut settings = format!(
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{map}
ssl.keystore.type=PEM
ssl.keystore.location={}
ssl.truststore.type=PEM
ssl.truststore.location={}
ssl.principal.mapping.rules={}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
connections.max.reauth.ms=4000
ssl.enabled.protocols=TLSv1.2,TLSv1.3
",
        certificates.path("broker.both"),
        certificates.path("ca.pem"),
        RULES,
    );
    for (name, protocol, client_auth) in LISTENERS {
        let listener = format!("listener.name.{}", name.to_lowercase());
        settings += &match protocol.ends_with("SSL") {
            true => format!("{listener}.ssl.client.auth={client_auth}\n"),
            false => format!("{listener}.sasl.enabled.mechanisms=PLAIN\n"),
        };
        if protocol.starts_with("SASL") {
            let module = "org.apache.kafka.common.security";
            settings += &format!(
                "{listener}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
                 user_alice=\"secret\" user_bob=\"other\";
{listener}.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
{listener}.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
"
            );
        }
    }
    settings
}

fn their_principal(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("\"principal\":")?;
    serde_json::Deserializer::from_str(rest).into_iter::<String>().next()?.ok()
}

/// The audit names whoever has proved something.
fn our_principal(log: &str) -> String {
    let Some((_, name)) = log.rsplit_once(" principal=\"") else { return "User:ANONYMOUS".to_owned() };
    let line = name.lines().next().unwrap_or_default();
    // Escaped for whoever reads the log, and once more as a field of it.
    line.rsplit_once('"').map_or(line, |(name, _)| name).replace(r"\\\\", r"\")
}
