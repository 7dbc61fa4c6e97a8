//! Refusals in the responses, and parts of responses, that carry them.

use super::Failure;
use crate::protocol::messages;

macro_rules! refusals {
    ($( $($segment:ident)::+ $( with $message:ident )?, )*) => { $(
        #[allow(clippy::needless_update, reason = "some have no other field")]
        impl From<Failure> for messages::$($segment)::+ {
            fn from(failure: Failure) -> Self {
                Self {
                    error_code: failure.code.into(),
                    $( $message: failure.message, )?
                    ..Self::default()
                }
            }
        }
    )* };
}

refusals! {
    fetch::Response,
    fetch::PartitionData,
    heartbeat::Response,
    leave_group::Response,
    sync_group::Response,
    join_group::Response,
    list_groups::Response,
    offset_delete::Response,
    describe_groups::DescribedGroup,
    offset_fetch::OffsetFetchResponseGroup,
    create_topics::CreatableTopicResult with error_message,
    delete_topics::DeletableTopicResult with error_message,
    create_partitions::CreatePartitionsTopicResult with error_message,
    describe_acls::Response with error_message,
    create_acls::AclCreationResult with error_message,
    delete_acls::DeleteAclsFilterResult with error_message,
    describe_configs::DescribeConfigsResult with error_message,
    alter_partition_reassignments::ReassignablePartitionResponse with error_message,
    elect_leaders::PartitionResult with error_message,
    describe_client_quotas::Response with error_message,
    alter_client_quotas::response::EntryData with error_message,
    alter_user_scram_credentials::AlterUserScramCredentialsResult with error_message,
    describe_user_scram_credentials::DescribeUserScramCredentialsResult with error_message,
    update_features::Response with error_message,
    unregister_broker::Response with error_message,
    add_raft_voter::Response with error_message,
    remove_raft_voter::Response with error_message,
    consumer_group_heartbeat::Response with error_message,
    consumer_group_describe::DescribedGroup with error_message,
}
