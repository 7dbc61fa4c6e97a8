//! The APIs of Kafka 4.4.

macro_rules! api_keys {
    ($( $name:ident = $key:literal $audience:ident, )*) => {
        /// Which API a request is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey {
            $( $name = $key, )*
        }

        impl ApiKey {
            /// Every API, in order.
            pub const ALL: &'static [ApiKey] = &[$( ApiKey::$name, )*];

            /// The name in Kafka's definitions.
            pub const fn name(self) -> &'static str {
                match self {
                    $( ApiKey::$name => stringify!($name), )*
                }
            }

            /// The API with this number.
            pub const fn from_key(key: i16) -> Option<Self> {
                match key {
                    $( $key => Some(ApiKey::$name), )*
                    _ => None,
                }
            }

            /// True if Kafka's brokers answer it on a listener for clients, rather than controllers among themselves.
            pub const fn is_for_clients(self) -> bool {
                match self {
                    $( ApiKey::$name => audience!($audience), )*
                }
            }
        }
    };
}

macro_rules! audience {
    (clients) => {
        true
    };
    (controllers) => {
        false
    };
}

impl ApiKey {
    /// The number on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }
}

api_keys! {
    Produce = 0 clients,
    Fetch = 1 clients,
    ListOffsets = 2 clients,
    Metadata = 3 clients,
    OffsetCommit = 8 clients,
    OffsetFetch = 9 clients,
    FindCoordinator = 10 clients,
    JoinGroup = 11 clients,
    Heartbeat = 12 clients,
    LeaveGroup = 13 clients,
    SyncGroup = 14 clients,
    DescribeGroups = 15 clients,
    ListGroups = 16 clients,
    SaslHandshake = 17 clients,
    ApiVersions = 18 clients,
    CreateTopics = 19 clients,
    DeleteTopics = 20 clients,
    DeleteRecords = 21 clients,
    InitProducerId = 22 clients,
    OffsetForLeaderEpoch = 23 clients,
    AddPartitionsToTxn = 24 clients,
    AddOffsetsToTxn = 25 clients,
    EndTxn = 26 clients,
    WriteTxnMarkers = 27 clients,
    TxnOffsetCommit = 28 clients,
    DescribeAcls = 29 clients,
    CreateAcls = 30 clients,
    DeleteAcls = 31 clients,
    DescribeConfigs = 32 clients,
    AlterConfigs = 33 clients,
    AlterReplicaLogDirs = 34 clients,
    DescribeLogDirs = 35 clients,
    SaslAuthenticate = 36 clients,
    CreatePartitions = 37 clients,
    CreateDelegationToken = 38 clients,
    RenewDelegationToken = 39 clients,
    ExpireDelegationToken = 40 clients,
    DescribeDelegationToken = 41 clients,
    DeleteGroups = 42 clients,
    ElectLeaders = 43 clients,
    IncrementalAlterConfigs = 44 clients,
    AlterPartitionReassignments = 45 clients,
    ListPartitionReassignments = 46 clients,
    OffsetDelete = 47 clients,
    DescribeClientQuotas = 48 clients,
    AlterClientQuotas = 49 clients,
    DescribeUserScramCredentials = 50 clients,
    AlterUserScramCredentials = 51 clients,
    Vote = 52 controllers,
    BeginQuorumEpoch = 53 controllers,
    EndQuorumEpoch = 54 controllers,
    DescribeQuorum = 55 clients,
    AlterPartition = 56 controllers,
    UpdateFeatures = 57 clients,
    Envelope = 58 controllers,
    FetchSnapshot = 59 controllers,
    DescribeCluster = 60 clients,
    DescribeProducers = 61 clients,
    BrokerRegistration = 62 controllers,
    BrokerHeartbeat = 63 controllers,
    UnregisterBroker = 64 clients,
    DescribeTransactions = 65 clients,
    ListTransactions = 66 clients,
    AllocateProducerIds = 67 controllers,
    ConsumerGroupHeartbeat = 68 clients,
    ConsumerGroupDescribe = 69 clients,
    ControllerRegistration = 70 controllers,
    GetTelemetrySubscriptions = 71 clients,
    PushTelemetry = 72 clients,
    AssignReplicasToDirs = 73 controllers,
    ListConfigResources = 74 clients,
    DescribeTopicPartitions = 75 clients,
    ShareGroupHeartbeat = 76 clients,
    ShareGroupDescribe = 77 clients,
    ShareFetch = 78 clients,
    ShareAcknowledge = 79 clients,
    AddRaftVoter = 80 clients,
    RemoveRaftVoter = 81 clients,
    UpdateRaftVoter = 82 controllers,
    InitializeShareGroupState = 83 clients,
    ReadShareGroupState = 84 clients,
    WriteShareGroupState = 85 clients,
    DeleteShareGroupState = 86 clients,
    ReadShareGroupStateSummary = 87 clients,
    StreamsGroupHeartbeat = 88 clients,
    StreamsGroupDescribe = 89 clients,
    DescribeShareGroupOffsets = 90 clients,
    AlterShareGroupOffsets = 91 clients,
    DeleteShareGroupOffsets = 92 clients,
    StreamsGroupTopologyDescriptionUpdate = 93 clients,
    UnregisterController = 94 clients,
}
