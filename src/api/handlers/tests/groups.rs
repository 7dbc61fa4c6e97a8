//! Groups at the broker that coordinates them, and at others.

use super::support::{Cluster, allocate_id};
use crate::api::handlers::delete_groups::DeleteGroups;
use crate::api::handlers::describe_groups::DescribeGroups;
use crate::api::handlers::list_groups::ListGroups;
use crate::protocol::ErrorCode;
use crate::protocol::messages::{delete_groups, describe_groups, list_groups};

#[tokio::test]
async fn a_broker_answers_for_the_groups_of_its_own_shards() {
    let cluster = Cluster::new().await;
    for shard in 0..4 {
        cluster.assign(shard, usize::from(shard > 1)).await;
    }
    cluster.opened().await;
    let image = cluster.brokers[0].host.image();
    let groups: Vec<String> = (0..20).map(|number| format!("group-{number}")).collect();
    for (broker, node) in cluster.brokers.iter().enumerate() {
        let listed = node.ask::<ListGroups>(5, list_groups::Request::default()).await;
        assert_eq!((listed.error_code, listed.groups.len()), (0, 0), "also where no shard is");

        let request = describe_groups::Request { groups: groups.clone(), ..Default::default() };
        let described = node.ask::<DescribeGroups>(5, request).await;
        let request = delete_groups::Request { groups_names: groups.clone() };
        let deleted = node.ask::<DeleteGroups>(2, request).await;
        for (place, name) in groups.iter().enumerate() {
            let shard = image.coordinator(name).expect("a shard").0;
            let is_here = broker == usize::from(shard > 1);
            let elsewhere = ErrorCode::NotCoordinator.code();
            assert_eq!(described.groups[place].error_code, if is_here { 0 } else { elsewhere });
            let not_found = ErrorCode::GroupIdNotFound.code();
            assert_eq!(deleted.results[place].error_code, if is_here { not_found } else { elsewhere });
        }
    }
    cluster.end().await;
}

#[tokio::test]
async fn producer_ids_of_all_brokers_differ() {
    let cluster = Cluster::new().await;
    let mut ids = Vec::new();
    for node in &cluster.brokers {
        for _ in 0..3 {
            let (error, id) = allocate_id(node).await;
            assert_eq!(error, 0);
            ids.push(id);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    cluster.end().await;
}
