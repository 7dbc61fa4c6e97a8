//! The state of the cluster as this broker sees it, looked up when somebody scrapes.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

use crate::metadata::Metadata;

struct Shown {
    metadata: Metadata,
    leading: IntGauge,
    leader: IntGauge,
    term: IntGauge,
    index: IntGauge,
    behind: IntGauge,
    voter_behind: IntGaugeVec,
    owned: IntGauge,
}

/// Shows leader, term, image and shards in `registry`. Fails if it has these names already.
pub fn register_state_metrics(metadata: &Metadata, registry: &Registry) -> Result<(), prometheus::Error> {
    let voters = Opts::new(
        "kafkaesque_metadata_voter_lag_entries",
        "Entries of the metadata log that a voter does not have, as the leader knows.",
    );
    registry.register(Box::new(Shown {
        metadata: metadata.clone(),
        leading: IntGauge::new(
            "kafkaesque_metadata_leading",
            "1 if this broker leads the metadata, and a majority agrees, else 0.",
        )?,
        leader: IntGauge::new(
            "kafkaesque_metadata_leader",
            "Broker that leads the metadata, as this one knows; -1 if none is known.",
        )?,
        term: IntGauge::new(
            "kafkaesque_metadata_term",
            "Term of the metadata's leader: every election begins another.",
        )?,
        index: IntGauge::new(
            "kafkaesque_metadata_image_index",
            "Last entry that the image of this broker shows.",
        )?,
        behind: IntGauge::new(
            "kafkaesque_metadata_image_lag_entries",
            "Entries in the metadata log of this broker that its image does not show yet.",
        )?,
        voter_behind: IntGaugeVec::new(voters, &["broker"])?,
        owned: IntGauge::new("kafkaesque_shards_owned", "Shards that this broker owns.")?,
    }))
}

impl Shown {
    fn gauges(&self) -> [&IntGauge; 6] {
        [&self.leading, &self.leader, &self.term, &self.index, &self.behind, &self.owned]
    }
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges().into_iter().flat_map(Collector::desc).chain(self.voter_behind.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Shown { metadata, .. } = self;
        let (quorum, image) = (metadata.quorum(), metadata.image());
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let own = quorum.member(metadata.broker_id());
        let last = own.and_then(|replica| replica.log_index).unwrap_or(image.index);
        self.leading.set(metadata.leads().into());
        self.leader.set(quorum.leader.map_or(-1, |id| id.0.into()));
        self.term.set(number(quorum.term));
        self.index.set(number(image.index));
        self.behind.set(number(last.saturating_sub(image.index)));
        self.owned.set(number(image.shards_of(metadata.owner()).count() as u64));
        self.voter_behind.reset();
        if metadata.leads() {
            for voter in &quorum.voters {
                let lag = last.saturating_sub(voter.log_index.unwrap_or(0));
                self.voter_behind.with_label_values(&[voter.id.to_string().as_str()]).set(number(lag));
            }
        }
        let gauges = self.gauges().into_iter().flat_map(Collector::collect);
        gauges.chain(self.voter_behind.collect()).collect()
    }
}
