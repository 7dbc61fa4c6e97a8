use bytes::Bytes;

use super::*;

#[test]
fn header_round_trips() {
    let batch = Builder::new().producer(7, 1, 5).record(&NewRecord { timestamp: 3, ..NewRecord::default() });
    let batch = batch.build().expect("builds");
    assert_eq!(Header::parse(&batch.head()), Ok(batch.header.clone()));
    assert_eq!(Batch::parse(&batch.to_bytes()), Ok(batch));
    let _ = Bytes::new();
}
