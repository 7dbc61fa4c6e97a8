//! The error codes of the protocol.

macro_rules! error_codes {
    ($( $name:ident = $code:literal $class:tt, )*) => {
        /// An error as a response tells it, or [`ErrorCode::None`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ErrorCode {
            $( $name = $code, )*
        }

        impl ErrorCode {
            /// Every code, in order.
            pub const ALL: &'static [ErrorCode] = &[$( ErrorCode::$name, )*];

            /// The name in the case of this language.
            pub const fn name(self) -> &'static str {
                match self {
                    $( ErrorCode::$name => stringify!($name), )*
                }
            }

            /// True if a client may send the same request again.
            pub const fn is_retriable(self) -> bool {
                match self {
                    $( ErrorCode::$name => retriable!($class), )*
                }
            }

            /// The code with this number.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $( $code => Some(ErrorCode::$name), )*
                    _ => Option::None,
                }
            }
        }
    };
}

macro_rules! retriable {
    (retriable) => {
        true
    };
    (final) => {
        false
    };
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> i16 {
        code.code()
    }
}

error_codes! {
    UnknownServerError = -1 final,
    None = 0 final,
    OffsetOutOfRange = 1 final,
    CorruptMessage = 2 retriable,
    UnknownTopicOrPartition = 3 retriable,
    InvalidFetchSize = 4 final,
    LeaderNotAvailable = 5 retriable,
    NotLeaderOrFollower = 6 retriable,
    RequestTimedOut = 7 retriable,
    BrokerNotAvailable = 8 final,
    ReplicaNotAvailable = 9 retriable,
    MessageTooLarge = 10 final,
    StaleControllerEpoch = 11 final,
    OffsetMetadataTooLarge = 12 final,
    NetworkException = 13 retriable,
    CoordinatorLoadInProgress = 14 retriable,
    CoordinatorNotAvailable = 15 retriable,
    NotCoordinator = 16 retriable,
    InvalidTopicException = 17 final,
    RecordListTooLarge = 18 final,
    NotEnoughReplicas = 19 retriable,
    NotEnoughReplicasAfterAppend = 20 retriable,
    InvalidRequiredAcks = 21 final,
    IllegalGeneration = 22 final,
    InconsistentGroupProtocol = 23 final,
    InvalidGroupId = 24 final,
    UnknownMemberId = 25 final,
    InvalidSessionTimeout = 26 final,
    RebalanceInProgress = 27 final,
    InvalidCommitOffsetSize = 28 final,
    TopicAuthorizationFailed = 29 final,
    GroupAuthorizationFailed = 30 final,
    ClusterAuthorizationFailed = 31 final,
    InvalidTimestamp = 32 final,
    UnsupportedSaslMechanism = 33 final,
    IllegalSaslState = 34 final,
    UnsupportedVersion = 35 final,
    TopicAlreadyExists = 36 final,
    InvalidPartitions = 37 final,
    InvalidReplicationFactor = 38 final,
    InvalidReplicaAssignment = 39 final,
    InvalidConfig = 40 final,
    NotController = 41 retriable,
    InvalidRequest = 42 final,
    UnsupportedForMessageFormat = 43 final,
    PolicyViolation = 44 final,
    OutOfOrderSequenceNumber = 45 final,
    DuplicateSequenceNumber = 46 final,
    InvalidProducerEpoch = 47 final,
    InvalidTxnState = 48 final,
    InvalidProducerIdMapping = 49 final,
    InvalidTransactionTimeout = 50 final,
    ConcurrentTransactions = 51 retriable,
    TransactionCoordinatorFenced = 52 final,
    TransactionalIdAuthorizationFailed = 53 final,
    SecurityDisabled = 54 final,
    OperationNotAttempted = 55 final,
    KafkaStorageError = 56 retriable,
    LogDirNotFound = 57 final,
    SaslAuthenticationFailed = 58 final,
    UnknownProducerId = 59 final,
    ReassignmentInProgress = 60 final,
    DelegationTokenAuthDisabled = 61 final,
    DelegationTokenNotFound = 62 final,
    DelegationTokenOwnerMismatch = 63 final,
    DelegationTokenRequestNotAllowed = 64 final,
    DelegationTokenAuthorizationFailed = 65 final,
    DelegationTokenExpired = 66 final,
    InvalidPrincipalType = 67 final,
    NonEmptyGroup = 68 final,
    GroupIdNotFound = 69 final,
    FetchSessionIdNotFound = 70 retriable,
    InvalidFetchSessionEpoch = 71 retriable,
    ListenerNotFound = 72 retriable,
    TopicDeletionDisabled = 73 final,
    FencedLeaderEpoch = 74 retriable,
    UnknownLeaderEpoch = 75 retriable,
    UnsupportedCompressionType = 76 final,
    StaleBrokerEpoch = 77 final,
    OffsetNotAvailable = 78 retriable,
    MemberIdRequired = 79 final,
    PreferredLeaderNotAvailable = 80 retriable,
    GroupMaxSizeReached = 81 final,
    FencedInstanceId = 82 final,
    EligibleLeadersNotAvailable = 83 retriable,
    ElectionNotNeeded = 84 retriable,
    NoReassignmentInProgress = 85 final,
    GroupSubscribedToTopic = 86 final,
    InvalidRecord = 87 final,
    UnstableOffsetCommit = 88 retriable,
    ThrottlingQuotaExceeded = 89 retriable,
    ProducerFenced = 90 final,
    ResourceNotFound = 91 final,
    DuplicateResource = 92 final,
    UnacceptableCredential = 93 final,
    InconsistentVoterSet = 94 final,
    InvalidUpdateVersion = 95 final,
    FeatureUpdateFailed = 96 final,
    PrincipalDeserializationFailure = 97 final,
    SnapshotNotFound = 98 final,
    PositionOutOfRange = 99 final,
    UnknownTopicId = 100 retriable,
    DuplicateBrokerRegistration = 101 final,
    BrokerIdNotRegistered = 102 final,
    InconsistentTopicId = 103 retriable,
    InconsistentClusterId = 104 final,
    TransactionalIdNotFound = 105 final,
    FetchSessionTopicIdError = 106 retriable,
    IneligibleReplica = 107 final,
    NewLeaderElected = 108 final,
    OffsetMovedToTieredStorage = 109 final,
    FencedMemberEpoch = 110 final,
    UnreleasedInstanceId = 111 final,
    UnsupportedAssignor = 112 final,
    StaleMemberEpoch = 113 final,
    MismatchedEndpointType = 114 final,
    UnsupportedEndpointType = 115 final,
    UnknownControllerId = 116 final,
    UnknownSubscriptionId = 117 final,
    TelemetryTooLarge = 118 final,
    InvalidRegistration = 119 final,
    TransactionAbortable = 120 final,
    InvalidRecordState = 121 final,
    ShareSessionNotFound = 122 retriable,
    InvalidShareSessionEpoch = 123 retriable,
    FencedStateEpoch = 124 final,
    InvalidVoterKey = 125 final,
    DuplicateVoter = 126 final,
    VoterNotFound = 127 final,
    InvalidRegularExpression = 128 final,
    RebootstrapRequired = 129 final,
    StreamsInvalidTopology = 130 final,
    StreamsInvalidTopologyEpoch = 131 final,
    StreamsTopologyFenced = 132 final,
    ShareSessionLimitReached = 133 retriable,
    GroupDeletionFailed = 134 final,
    StreamsTopologyDescriptionUpdateFailed = 135 final,
    ControllerIdNotRegistered = 136 final,
}
