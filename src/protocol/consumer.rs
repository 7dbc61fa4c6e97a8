//! Subscriptions and assignments, which members of a classic consumer group send each other through the coordinator.
//!
//! Kafka's consumer protocol: a version in two bytes, then the message. A version newer than ours is read as ours,
//! whatever follows our fields: newer ones only add to the end.

use bytes::{BufMut, Bytes};

use super::codec::declare::{imports::*, root};
use super::codec::{DecodeError, EncodeError, Fault, Message, Reader, Writer};

root! { Subscription, Versions::new(0, 3), Versions::NONE; {
    topics: [str],
    user_data: bytes nullable = null,
    owned_partitions: [TopicPartition {
        topic: str,
        partitions: [i32],
    }] [1..] ignorable,
    generation_id: i32 [2..] ignorable = -1,
    rack_id: str [3..] nullable ignorable = null,
} }

root! { Assignment, Versions::new(0, 3), Versions::NONE; {
    assigned_partitions: [TopicPartition],
    user_data: bytes nullable = null,
} }

/// Reads a message with its version in front, and says which version it was.
pub fn decode<M: Message>(bytes: &Bytes) -> Result<(M, i16), DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.int16().map_err(|fault| DecodeError { field: "version", fault })?;
    if version < M::MESSAGE.versions.first {
        return Err(DecodeError { field: "version", fault: Fault::UnknownVersion });
    }
    let (message, _) = M::decode_from(reader, version.min(M::MESSAGE.versions.last))?;
    Ok((message, version))
}

/// Writes a message with its version in front.
pub fn encode<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut out = Writer::default();
    out.small().put_i16(version);
    message.encode(&mut out, version)?;
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_read_as_ours() {
        let subscription =
            Subscription { topics: vec!["t".into()], rack_id: Some("r".into()), ..Default::default() };
        let mut bytes = encode(&subscription, 3).unwrap().to_vec();
        bytes[1] = 9;
        bytes.extend([1, 2, 3]);
        assert_eq!(decode(&bytes.into()), Ok((subscription, 9)));
    }

    #[test]
    fn an_old_assignment_is_read() {
        let bytes =
            Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 4, 255, 255, 255, 255]);
        let (assignment, version) = decode::<Assignment>(&bytes).unwrap();
        let partitions = [TopicPartition { topic: "t".into(), partitions: vec![4] }];
        assert_eq!((&assignment.assigned_partitions[..], version), (&partitions[..], 0));
        assert_eq!(encode(&assignment, 0), Ok(bytes));
    }

    #[test]
    fn a_negative_version_and_an_unfinished_message_are_refused() {
        for bytes in [&[255, 255, 0, 0][..], &[0], &[0, 0, 0, 0, 0, 1]] {
            assert!(decode::<Subscription>(&Bytes::copy_from_slice(bytes)).is_err());
        }
    }
}
