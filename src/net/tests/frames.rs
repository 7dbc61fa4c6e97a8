use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::net::budget::Share;
use crate::net::frame::{FrameError, FrameReader};

const MIB: usize = 1024 * 1024;

/// Strangers get memory for what has arrived, and the twofold of it.
#[tokio::test(start_paused = true)]
async fn an_announced_frame_of_a_stranger_costs_still_less() {
    const KIB: usize = 1024;
    let limits = FrameLimits { is_frugal: true, ..frame_limits(MIB) };
    let used = || MIB - limits.budget.free();
    let (mut client, server) = tokio::io::duplex(MIB);
    let mut reader = FrameReader::new(server);
    reader.is_exact = true;
    client.write_all(&i32::to_be_bytes(64 * KIB as i32)).await.expect("is sent");
    reader.begin().await.expect("begins");
    let read = reader.frame(&limits);
    tokio::pin!(read);
    let mut sent = 0;
    for (arrived, most) in [(0, 4), (1, 4), (5, 8), (9, 16), (40, 64)] {
        client.write_all(&vec![7; (arrived - sent) * KIB]).await.expect("is sent");
        sent = arrived;
        assert!(limits.clock.timeout(Duration::from_secs(1), read.as_mut()).await.is_err());
        assert_eq!(used(), most * KIB, "after {arrived} KiB");
    }
    client.write_all(&vec![7; (64 - sent) * KIB + 10]).await.expect("is sent");
    assert_eq!(read.await.expect("is whole").bytes, vec![7; 64 * KIB]);
}

/// Of what follows a stranger's frame nothing is read.
#[tokio::test(start_paused = true)]
async fn an_exact_reader_leaves_what_follows() {
    let limits = frame_limits(MIB);
    let (mut client, server) = tokio::io::duplex(MIB);
    let mut reader = FrameReader::new(server);
    reader.is_exact = true;
    let frames: [&[u8]; 4] = [b"one", b"", b"three", &[7; 10_000]];
    let (mut expected, mut read) = (0, 0);
    for bytes in frames {
        client.write_all(&frame(bytes)).await.expect("is sent");
    }
    for bytes in frames {
        reader.begin().await.expect("begins");
        assert_eq!(reader.frame(&limits).await.expect("is whole").bytes, bytes);
        expected += 4 + bytes.len() as u64;
        read += reader.take_read_bytes();
        assert_eq!(read, expected);
    }
    reader.is_exact = false;
    client.write_all(&frame(b"last")).await.expect("is sent");
    reader.begin().await.expect("begins");
    assert_eq!(reader.frame(&limits).await.expect("is whole").bytes, &b"last"[..]);
}

/// The share of a frame goes with its last slice, also if it has pages of its own.
#[tokio::test(start_paused = true)]
async fn a_frame_that_was_read_gives_back_its_memory_unless_a_slice_of_it_is_kept() {
    for bytes in [100, MIB / 2, 3 * MIB] {
        for keeps_slice in [false, true] {
            let limits = frame_limits(8 * MIB);
            let (mut client, server) = tokio::io::duplex(MIB);
            let mut reader = FrameReader::new(server);
            let content: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
            let sent = frame(&content);
            let reading = async {
                reader.begin().await.expect("begins");
                reader.frame(&limits).await.expect("is whole")
            };
            let (written, whole) = tokio::join!(client.write_all(&sent), reading);
            written.expect("is written");
            assert_eq!(whole.bytes, content);
            let (permit, slice) = (whole.permit.clone(), whole.bytes.slice(1..50));
            let kept = keeps_slice.then(|| slice.clone());
            drop(slice);
            whole.is_read(7);
            let used = 8 * MIB - limits.budget.free();
            assert_eq!(
                used,
                if keeps_slice { bytes } else { 7 },
                "{bytes} bytes, a slice kept: {keeps_slice}"
            );
            assert!(kept.is_none_or(|slice| slice == content[1..50]));
            drop(permit);
            assert_eq!(limits.budget.free(), 8 * MIB);
        }
    }
}

fn frame_limits(memory_bytes: usize) -> FrameLimits {
    let clock = Runtime::simulated(1).clock;
    FrameLimits {
        max_frame_bytes: 100 * MIB,
        budget: Budget::new(memory_bytes, &clock),
        pace: Limits::default().pace,
        clock,
        is_frugal: false,
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

async fn read_all(sent: Vec<Vec<u8>>, limits: &FrameLimits) -> (Vec<Bytes>, FrameError) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let send = async move {
        for part in sent {
            client.write_all(&part).await.expect("is sent");
        }
    };
    let read = async {
        let mut reader = FrameReader::new(server);
        let mut frames = Vec::new();
        loop {
            if let Err(error) = reader.begin().await {
                return (frames, error);
            }
            match reader.frame(limits).await {
                Ok(frame) => frames.push(frame.bytes),
                Err(error) => return (frames, error),
            }
        }
    };
    tokio::join!(send, read).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the bytes are cut on their way, the frames are the ones that were sent.
    #[test]
    fn frames_arrive_as_they_were_sent(
        lengths in proptest::collection::vec(
            prop_oneof![0..40usize, 16_000..17_000usize, 60_000..400_000usize],
            0..12,
        ),
        cuts in proptest::collection::vec(1..50_000usize, 1..20),
    ) {
        let frames: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(n, length)| vec![n as u8; *length]).collect();
        let mut bytes: Vec<u8> = frames.iter().flat_map(|bytes| frame(bytes)).collect();
        let mut parts = Vec::new();
        for cut in cuts.iter().cycle() {
            if bytes.is_empty() {
                break;
            }
            let rest = bytes.split_off((*cut).min(bytes.len()));
            parts.push(std::mem::replace(&mut bytes, rest));
        }
        let limits = block_on(async { frame_limits(1024 * MIB) });
        let (arrived, end) = block_on(read_all(parts, &limits));
        prop_assert_eq!(arrived, frames);
        prop_assert!(matches!(end, FrameError::End));
        prop_assert_eq!(limits.budget.free(), 1024 * MIB);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_ends_early_is_no_frame() {
    let limits = frame_limits(MIB);
    for sent in [vec![0, 0], vec![0, 0, 0, 9, 1, 2]] {
        let (frames, end) = read_all(vec![sent], &limits).await;
        assert!(frames.is_empty() && matches!(end, FrameError::End), "{end:?}");
    }
}

/// An announcement takes memory only as its bytes arrive.
#[tokio::test(start_paused = true)]
async fn an_announced_frame_costs_what_has_arrived() {
    let limits = frame_limits(200 * MIB);
    let used = || 200 * MIB - limits.budget.free();
    let (mut client, server) = tokio::io::duplex(16 * MIB);
    let mut reader = FrameReader::new(server);
    client.write_all(&i32::to_be_bytes(100 * MIB as i32)).await.expect("is sent");
    reader.begin().await.expect("begins");
    let read = reader.frame(&limits);
    tokio::pin!(read);
    let mut sent = 0;
    for (arrived, most) in
        [(0, 64 * 1024), (1024, 64 * 1024), (65_536, MIB), (MIB, 2 * MIB), (10 * MIB, 11 * MIB)]
    {
        client.write_all(&vec![0; arrived - sent]).await.expect("is sent");
        sent = arrived;
        assert!(limits.clock.timeout(Duration::from_secs(1), read.as_mut()).await.is_err());
        assert!(used() <= most, "{} bytes after {arrived}", used());
    }
}

/// Every one has a part of the memory and waits for more: one after the other they are served all the same.
#[tokio::test(start_paused = true)]
async fn frames_that_share_too_little_memory_are_all_read_in_the_end() {
    let limits = Arc::new(frame_limits(3 * MIB));
    let runtime = Runtime::simulated(1);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let limits = Arc::clone(&limits);
        let (done, finished) = oneshot::channel();
        runtime.tasks.spawn(TaskKind::Connection, async move {
            let (frames, _) = read_all(vec![frame(&vec![7; 2 * MIB])], &limits).await;
            let _ = done.send(frames.len());
        });
        tasks.push(finished);
    }
    for task in tasks {
        assert_eq!(task.await.expect("ends"), 1);
    }
    assert_eq!(limits.budget.free(), 3 * MIB);
}

#[tokio::test(start_paused = true)]
async fn one_request_at_a_time_may_exceed_the_memory() {
    let clock = Runtime::simulated(1).clock;
    let budget = Budget::new(800, &clock);
    let (mut first, mut second) = (Share::default(), Share::default());
    budget.grow(&mut first, 1000, 1000).await;
    let waiting = clock.timeout(Duration::from_secs(1), budget.grow(&mut second, 1000, 1000)).await;
    assert!(waiting.is_err(), "there is one overdraft");
    drop(first);
    budget.grow(&mut second, 1000, 1000).await;
    let mut third = Share::default();
    budget.grow(&mut third, 700, 700).await;
    budget.grow(&mut third, 100, 800).await;
    assert_eq!(budget.free(), 0);
    third.shrink(50);
    assert_eq!(budget.free(), 750);
}

/// Strangers who send a part of what they announced, and clients who come later.
#[tokio::test(start_paused = true)]
async fn frames_that_stop_coming_make_room_for_others() {
    let limits = Arc::new(frame_limits(16 * MIB));
    let runtime = Runtime::simulated(1);
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let (mut client, server) = tokio::io::duplex(4 * MIB);
        client.write_all(&i32::to_be_bytes(100 * MIB as i32)).await.expect("is sent");
        client.write_all(&vec![0; 3 * MIB]).await.expect("is sent");
        let limits = Arc::clone(&limits);
        let stranger = runtime.tasks.spawn(TaskKind::Connection, async move {
            let mut reader = FrameReader::new(server);
            reader.begin().await.expect("begins");
            assert!(matches!(reader.frame(&limits).await, Err(FrameError::Slow)));
        });
        strangers.push((client, stranger));
    }
    limits.clock.sleep(Duration::from_millis(100)).await;
    assert!(
        limits.budget.free() <= 2 * MIB + 2 * MIB / 8,
        "they took {} bytes",
        16 * MIB - limits.budget.free()
    );
    let asked = limits.clock.instant();
    let (frames, _) = read_all(vec![frame(&vec![7; 900_000])], &limits).await;
    assert_eq!((frames.len(), limits.clock.instant()), (1, asked), "small ones have a part for themselves");
    let (frames, _) = read_all(vec![frame(&vec![7; 10 * MIB])], &limits).await;
    assert_eq!(frames.len(), 1);
    assert!(limits.clock.instant().duration_since(asked) < Duration::from_secs(5));
    drop(frames);
}
