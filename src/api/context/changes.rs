//! Changes of the metadata in a client's name: proposed together, and told in the log with who asked for them.

use std::collections::BTreeMap;

use super::{Client, Context};
use crate::api::errors::Failure;
use crate::auth::Mechanism;
use crate::metadata::{Applied, Command, ConfigChange, ConfigResource, Image, LEVEL};
use crate::protocol::ErrorCode;
use crate::types::TopicId;

impl Context {
    /// Proposes any number of changes, each of which succeeds or fails alone, and waits until requests are served by an
    /// image that has them.
    pub async fn change(&self, commands: Vec<Command>) -> Vec<Result<Applied, Failure>> {
        let image = self.image();
        let changes: Vec<Change> = commands.iter().map(|command| Change::of(&image, command)).collect();
        let outcomes = self.broker.metadata().propose_each(commands).await;
        self.broker.shards.caught_up(self.broker.metadata().image().index).await;
        let told = outcomes.into_iter().zip(changes).map(|(outcome, change)| {
            let applied = outcome??;
            change.tell(&applied, &self.client);
            Ok(applied)
        });
        told.collect()
    }

    /// Makes the changes that could be planned, or only tries them. Each plan has its outcome, in their order.
    pub async fn carry_out<T>(
        &self,
        plans: Vec<Result<(T, Command), Failure>>,
        validate_only: bool,
    ) -> Vec<Result<T, Failure>> {
        let mut commands = Vec::with_capacity(plans.len());
        let plans: Vec<Result<T, Failure>> = plans
            .into_iter()
            .map(|plan| {
                plan.map(|(what, command)| {
                    commands.push(command);
                    what
                })
            })
            .collect();
        let outcomes: Vec<Result<(), Failure>> = match validate_only {
            true => self.would_change(commands).await,
            false => self.change(commands).await.into_iter().map(|outcome| outcome.map(drop)).collect(),
        };
        let mut outcomes = outcomes.into_iter();
        let unknown = || Err(ErrorCode::UnknownServerError.into());
        let done = plans.into_iter().map(|plan| {
            let what = plan?;
            outcomes.next().unwrap_or_else(unknown)?;
            Ok(what)
        });
        done.collect()
    }

    /// Tries changes of the metadata without making them.
    pub async fn would_change(&self, commands: Vec<Command>) -> Vec<Result<(), Failure>> {
        let outcomes = self.broker.metadata().validate_each(commands).await;
        outcomes.into_iter().map(|outcome| Ok(outcome?.map(drop)?)).collect()
    }
}

/// A change as the log tells it.
enum Change {
    TopicCreated {
        topic: String,
        id: TopicId,
        partitions: usize,
    },
    TopicDeleted {
        topic: String,
        id: TopicId,
    },
    PartitionsAdded {
        topic: String,
        partitions: usize,
    },
    ConfigsChanged {
        of: String,
        configs: Vec<String>,
    },
    FeatureSet {
        feature: String,
        level: i16,
    },
    ScramChanged {
        user: String,
        mechanism: Mechanism,
        is_deleted: bool,
    },
    /// One that no client asks for.
    Other,
}

impl Change {
    fn of(image: &Image, command: &Command) -> Change {
        let named =
            |id: TopicId| image.topic(id).map_or_else(|| id.to_string(), |topic| topic.name.to_string());
        let configs_changed = |resource: &ConfigResource, configs: Vec<String>| {
            let of = match resource {
                ConfigResource::Topic(id) => format!("topic {}", named(*id)),
                ConfigResource::Broker(id) => format!("broker {id}"),
                ConfigResource::Cluster => "all brokers".to_owned(),
                ConfigResource::Group(group) => format!("group {group}"),
            };
            Change::ConfigsChanged { of, configs }
        };
        match command {
            Command::CreateTopic(new) => Change::TopicCreated {
                topic: new.name.to_string(),
                id: new.id,
                partitions: new.placement.len(),
            },
            Command::DeleteTopic { id, .. } => Change::TopicDeleted { topic: named(*id), id: *id },
            Command::CreatePartitions { id, from, placement } => {
                let partitions = *from as usize + placement.len();
                Change::PartitionsAdded { topic: named(*id), partitions }
            }
            Command::AlterConfigs { resource, configs } => configs_changed(resource, set(configs)),
            Command::IncrementalAlterConfigs { resource, changes } => {
                configs_changed(resource, changed(changes))
            }
            Command::SetFeature { name, level } => {
                Change::FeatureSet { feature: name.clone(), level: *level }
            }
            Command::RaiseLevel { level } => Change::FeatureSet {
                feature: LEVEL.to_owned(),
                level: i16::try_from(*level).unwrap_or(i16::MAX),
            },
            Command::AlterScram { user, mechanism, credential } => Change::ScramChanged {
                user: user.to_string(),
                mechanism: mechanism.mechanism(),
                is_deleted: credential.is_none(),
            },
            Command::FormCluster { .. }
            | Command::MakeSaltKey(_)
            | Command::Unregister { .. }
            | Command::Declare { .. }
            | Command::AddShards { .. }
            | Command::RegisterBroker(_)
            | Command::AssignShard { .. }
            | Command::Register { .. }
            | Command::Fence { .. }
            | Command::MoveShard { .. }
            | Command::Numbered { .. }
            | Command::TopicDataRemoved { .. }
            | Command::AllocateProducerIds { .. }
            | Command::BeginLife { .. }
            | Command::AcceptPast { .. }
            | Command::RaiseCounters { .. }
            | Command::ShardOpened { .. } => Change::Other,
        }
    }

    fn tell(&self, applied: &Applied, client: &Client) {
        let (by, address) = (client.logged_id(), client.session.address);
        match self {
            Change::TopicCreated { topic, id, partitions } => {
                // Somebody else made it at the same time, and its line is there.
                if !matches!(applied, Applied::Topic { created: false, .. }) {
                    tracing::info!(topic, %id, partitions, client_id = by, %address, "topic created");
                }
            }
            Change::TopicDeleted { topic, id } => {
                tracing::info!(topic, %id, client_id = by, %address, "topic deleted");
            }
            Change::PartitionsAdded { topic, partitions } => {
                tracing::info!(topic, partitions, client_id = by, %address, "partitions added");
            }
            Change::ConfigsChanged { of, configs } => {
                tracing::info!(?of, ?configs, client_id = by, %address, "configs changed");
            }
            Change::FeatureSet { feature, level } => {
                tracing::info!(feature, level, client_id = by, %address, "feature set");
            }
            Change::ScramChanged { user, mechanism, is_deleted: true } => {
                tracing::info!(?user, %mechanism, client_id = by, %address, "SCRAM credential deleted");
            }
            Change::ScramChanged { user, mechanism, is_deleted: false } => {
                tracing::info!(?user, %mechanism, client_id = by, %address, "SCRAM credential set");
            }
            Change::Other => {}
        }
    }
}

/// Names alone: a value may be a secret.
fn set(configs: &BTreeMap<String, String>) -> Vec<String> {
    configs.keys().cloned().collect()
}

fn changed(changes: &[ConfigChange]) -> Vec<String> {
    changes.iter().map(|change| change.name.clone()).collect()
}
