//! Every process setting: read from flags and environment variables, checked, then frozen.
//!
//! Process settings belong to one broker and count from its start to its end. Kafka's own configs, which can change
//! while the broker runs, are in [`crate::settings`]; those of them that a process setting fixes are in
//! [`Config::broker_settings`].

mod addresses;
mod built;
mod check;
mod entries;
mod found;
mod given;
mod listeners;
mod names;
mod platform;
mod security;
mod shown;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod trouble;
mod values;
mod variable;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::peer;
use crate::store::{self, Backend};

pub use addresses::HostPort;
pub use given::{ConfigError, Given, NotUnicode, Problem};
pub use listeners::{Advertised, Listener};
pub use table::{
    Cluster, Groups, Identity, Listen, Log, Network, OAuth, Operation, Security, TlsFiles, Topics, VARIABLES,
    variable_named,
};
pub use variable::{Section, Variable};
pub use words::{LogFormat, Protocol, StoreKind, Validation};

use built::Built;
use found::Found;
use table::{Opening, Storage};
use values::Values;

/// The settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    pub identity: Identity,
    pub clients: Clients,
    pub store: store::Config,
    pub log: Log,
    pub cluster: Cluster,
    pub topics: Topics,
    pub groups: Groups,
    pub network: Network,
    pub operation: Operation,
    told: Told,
    /// Kafka's broker configs that they set.
    configs: BTreeMap<String, String>,
}

/// The variables as they were told.
#[derive(Clone, Debug)]
struct Told {
    /// Names of those that were set, by flag or environment.
    given: Vec<&'static str>,
    /// Warnings of those that nothing reads.
    strangers: Vec<String>,
    /// Values that all brokers are to have alike.
    agreed: BTreeMap<String, String>,
}

/// The way in for clients.
#[derive(Clone, Debug)]
pub struct Clients {
    pub listen: Listen,
    /// At least one.
    pub listeners: Vec<Listener>,
    pub security: Security,
    pub tls: TlsFiles,
    pub oauth: OAuth,
}

impl Given {
    /// Variables of this process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_environment() -> Given {
        Given::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().map_err(|_| NotUnicode)))
        }))
    }
}

/// The flaw that this process is to have.
///
/// # Errors
///
/// There is none of that name.
#[cfg(feature = "flaws")]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn flaws() -> Result<crate::runtime::Flaws, String> {
    std::env::var("CHAOS_FLAW").map_or(Ok(Default::default()), |name| crate::runtime::Flaws::named(&name))
}

impl Clients {
    fn of(values: &mut Values<'_>, given: &Given) -> Option<Clients> {
        let found = &values.found;
        let (listen, security, oauth) = (Listen::of(found)?, Security::of(found)?, OAuth::of(found)?);
        let listeners = listeners::listeners(&listen, &security, &oauth, &|name| given.is_set(name));
        let tls = TlsFiles::of(found)?;
        let listeners = listeners.map_err(|problems| values.problems.extend(problems)).ok()?;
        Some(Clients { listen, listeners, security, tls, oauth })
    }
}

impl Cluster {
    /// The files of TLS between brokers, if certificates were given.
    pub fn tls_files(&self) -> Option<peer::TlsFiles> {
        Some(peer::TlsFiles {
            certificate: self.raft_tls_certificate.clone()?,
            key: self.raft_tls_key.clone()?,
            authority: self.raft_tls_authority.clone()?,
        })
    }
}

impl Config {
    /// Reads, then checks. The error names every variable that is wrong.
    pub fn load(given: &Given) -> Result<Config, ConfigError> {
        let mut values = Values::read(given);
        let config = Config::of(&mut values, given);
        values.problems.extend(Built::THIS.problems_of_variables(given));
        let problems = match &config {
            Some(config) if values.problems.is_empty() => check::problems(config),
            _ => values.problems,
        };
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            None if problems.is_empty() => Err(ConfigError(vec![Problem::new("", "a setting has no value")])),
            _ => Err(ConfigError(problems)),
        }
    }

    fn of(values: &mut Values<'_>, given: &Given) -> Option<Config> {
        let clients = Clients::of(values, given)?;
        let found = &values.found;
        Some(Config {
            identity: Identity::of(found)?,
            clients,
            store: read_store(found, given)?,
            log: Log::of(found)?,
            cluster: Cluster::of(found)?,
            topics: Topics::of(found)?,
            groups: Groups::of(found)?,
            network: Network::of(found)?,
            operation: Operation::of(found)?,
            told: Told {
                given: VARIABLES.iter().map(|known| known.name).filter(|name| given.is_set(name)).collect(),
                strangers: given.warnings().to_vec(),
                agreed: values.agreed(),
            },
            configs: values.configs(),
        })
    }

    /// Settings that are accepted without effect, and variables that are none, each as a sentence for the start-up log.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }

    /// True if a variable was set, by flag or environment.
    pub fn is_given(&self, variable: &str) -> bool {
        self.told.given.contains(&variable)
    }

    /// Settings that all brokers of a cluster are to have alike, by the names of their variables.
    pub fn agreed(&self) -> &BTreeMap<String, String> {
        &self.told.agreed
    }

    /// The variable to blame for listeners: `of_one`, unless `LISTENERS` names several.
    pub fn listeners_variable(&self, of_one: &'static str) -> &'static str {
        if self.is_given("LISTENERS") { "LISTENERS" } else { of_one }
    }

    /// True if this broker is one of several.
    pub fn has_peers(&self) -> bool {
        let own = self.identity.broker_id;
        self.cluster.raft_peers.iter().flatten().any(|(id, _)| *id != own)
    }

    /// The place where other brokers reach this one: as the list of brokers says, or, of one that is not in it, the host that clients
    /// are told, and the port for brokers.
    pub fn raft_address(&self) -> Option<String> {
        let own = self.identity.broker_id;
        let listed = self.cluster.raft_peers.iter().flatten().find(|(id, _)| *id == own);
        let advertised = self.clients.listeners.iter().find_map(|listener| listener.advertised.as_ref());
        let told = || {
            let (host, port) = (advertised?.host.clone(), self.cluster.raft_listen.port);
            Some(HostPort { host, port }.to_string())
        };
        listed.map(|(_, place)| place.to_string()).or_else(told)
    }

    /// Shards of a new cluster: as set, or one of a broker that is alone, or two for each broker.
    pub fn shards(&self) -> u32 {
        let brokers = self.cluster.raft_peers.as_ref().map_or(0, Vec::len) as u32;
        if self.is_given("SHARDS") || !self.has_peers() { self.log.shards } else { 2 * brokers }
    }

    /// The place of the data, as one line for people and for Kafka's `log.dirs`.
    pub fn data_place(&self) -> String {
        use Backend::{Azure, Gcs, Local, Memory, S3};
        let bucket = |scheme: &str, bucket: &str, prefix: &str| format!("{scheme}://{bucket}/{prefix}");
        match &self.store.backend {
            Local(local) => local.path.display().to_string(),
            S3(s3) => bucket("s3", &s3.bucket, &s3.prefix),
            Gcs(gcs) => bucket("gs", &gcs.bucket, &gcs.prefix),
            Azure(azure) => bucket("az", &azure.container, &azure.prefix),
            Memory => "memory".to_owned(),
        }
    }
}

fn read_store(found: &Found, given: &Given) -> Option<store::Config> {
    let storage = Storage::of(found)?;
    let opening = Opening::of(found)?;
    let prefix = storage.data_path.trim_matches('/').to_owned();
    let backend = match storage.kind {
        StoreKind::Local => Backend::Local(store::Local {
            path: PathBuf::from(storage.data_path),
            fsync: storage.local_fsync,
            reserve_bytes: storage.local_reserve_bytes,
        }),
        StoreKind::S3 => Backend::S3(store::S3 { prefix, ..store::S3::of(found)? }),
        StoreKind::Gcs => Backend::Gcs(store::Gcs { prefix, ..store::Gcs::of(found)? }),
        StoreKind::Azure => Backend::Azure(store::Azure { prefix, ..store::Azure::of(found)? }),
    };
    Some(store::Config {
        start_timeout: opening.start_timeout,
        platform: given.platform(storage.kind),
        faults: opening.faults,
        ..store::Config::new(backend)
    })
}
