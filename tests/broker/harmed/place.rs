//! Places for stores: a local directory each, or a folder of the store that the environment names.

use std::path::PathBuf;
use std::sync::Arc;

use kafkaesque::config::{Config, Given};
use kafkaesque::runtime::Runtime;
use kafkaesque::store;
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use uuid::Uuid;

use crate::process::Process;

/// What is taken from the environment of a store that is not a local directory.
const OF_STORE: [&str; 7] = [
    "OBJECT_STORE_TYPE",
    "S3_BUCKET",
    "AWS_REGION",
    "AWS_ENDPOINT",
    "ALLOW_HTTP_S3",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// A place for one store, and brokers on it.
pub struct Place {
    variables: Vec<(&'static str, String)>,
    pub config: Config,
    pub objects: PrefixStore<Arc<dyn ObjectStore>>,
    /// What is here alone: the log of the last broker, and the store if it is local.
    folder: tempfile::TempDir,
}

impl Place {
    pub async fn new(window: u16) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let mut variables = match std::env::var("KAFKAESQUE_HARM_STORE").as_deref() {
            Ok("environment") => {
                let set = OF_STORE.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?)));
                let own = ("DATA_PATH", format!("harmed/{}", Uuid::new_v4()));
                set.chain([own]).collect()
            }
            _ => vec![
                ("OBJECT_STORE_TYPE", "local".to_owned()),
                ("DATA_PATH", folder.path().join("data").display().to_string()),
                ("LOCAL_RESERVE_BYTES", "0".to_owned()),
            ],
        };
        variables.push(("SHARDS", "1".to_owned()));
        variables.push(("COMMIT_INTERVAL_MS", "0".to_owned()));
        variables.push(("COMMIT_WINDOW", window.to_string()));
        let given = variables.iter().fold(Given::nothing(), |given, (name, value)| given.with(name, value));
        let config = Config::load(&given).expect("settings");
        let store = store::open(&config.store, &Runtime::system(), |_, _| ()).await.expect("a store");
        let objects = PrefixStore::new(store.object_store(), store.prefix().clone());
        Place { variables, config, objects, folder }
    }

    /// `None` if it ends by itself.
    pub fn start(&self) -> Option<Process> {
        let mut variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("RUST_LOG", "warn"));
        Process::on_store(&variables, &self.log_file())
    }

    /// What the last broker logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).expect("a log")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}
