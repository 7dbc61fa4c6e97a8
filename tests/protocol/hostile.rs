//! Bad bytes for every decoder: no panic, no more memory than the frame justifies.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use kafkaesque::protocol::header::RequestHeader;

use crate::catalog::{Entry, all_versions};
use crate::memory;

/// The promise of the decoder: memory for a frame of this length.
fn allowed(length: usize) -> usize {
    16 * length + 64 * 1024
}

/// Decodes, checks what it cost, and that what was taken can be written and read again.
fn decode(entry: &Entry, version: i16, frame: Vec<u8>) {
    let frame = Bytes::from(frame);
    let (decoded, peak) = memory::peak(|| (entry.decode)(&frame, version));
    assert!(peak <= allowed(frame.len()), "{} version {version}: {peak} bytes for {frame:?}", entry.name);
    if decoded.is_ok() {
        let (written, _) = (entry.read_back)(&frame, version).unwrap();
        let (again, _) = (entry.read_back)(&written, version).unwrap();
        assert_eq!(written, again, "{} version {version}", entry.name);
    }
}

#[test]
fn random_bytes_do_no_harm() {
    let mut rng = StdRng::seed_from_u64(1);
    for (entry, version) in all_versions() {
        for _ in 0..40 {
            let mut frame = vec![0; rng.random_range(0..200)];
            rng.fill_bytes(&mut frame);
            // Small numbers get further: they are lengths that fit.
            let mask = [0xff, 0x0f, 0x03][rng.random_range(0..3)];
            frame.iter_mut().for_each(|byte| *byte &= mask);
            decode(entry, version, frame);
        }
    }
}

#[test]
fn damaged_messages_do_no_harm() {
    let mut rng = StdRng::seed_from_u64(2);
    for (entry, version) in all_versions() {
        for seed in 0..4 {
            let (good, _) = (entry.random)(version, seed);
            for _ in 0..12 {
                let mut frame = good.to_vec();
                for _ in 0..rng.random_range(1..4) {
                    damage(&mut frame, &mut rng);
                }
                decode(entry, version, frame);
            }
        }
    }
}

/// Changes a frame in one place.
pub fn damage(frame: &mut Vec<u8>, rng: &mut StdRng) {
    let at = rng.random_range(0..=frame.len());
    match rng.random_range(0..5) {
        0 => frame.truncate(at),
        1 => frame.insert(at, rng.random()),
        2 => drop(frame.drain(at..(at + 3).min(frame.len()))),
        3 => overwrite(frame, at, &[0x7f, 0xff, 0xff, 0xff]),
        _ => frame.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
    }
}

fn overwrite(frame: &mut [u8], at: usize, with: &[u8]) {
    frame[at..].iter_mut().zip(with).for_each(|(byte, new)| *byte = *new);
}

#[test]
fn truncated_messages_are_refused() {
    for (entry, version) in all_versions() {
        let (good, _) = (entry.sequence)(version);
        for length in 0..good.len() {
            let cut = good.slice(..length);
            assert!((entry.decode)(&cut, version).is_err(), "{} version {version}: {length}", entry.name);
        }
        let longer = Bytes::from([&good[..], &[0]].concat());
        assert!((entry.decode)(&longer, version).is_err(), "{} version {version}: a byte more", entry.name);
    }
}

/// A giant length at every place of a small message: no room is made for elements the frame cannot hold.
#[test]
fn giant_lengths_cost_nothing() {
    let (mut dearest, mut frames) = (0.0f64, 0);
    for (entry, version) in all_versions() {
        let (good, _) = (entry.sequence)(version);
        let ((), usual) = memory::peak(|| (entry.decode)(&good, version).unwrap());
        for at in 0..good.len() {
            for giant in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x7f, 0xff]] {
                let mut frame = good[..at].to_vec();
                frame.extend_from_slice(giant);
                frame.resize(frame.len().max(good.len()), 0);
                let frame = Bytes::from(frame);
                let (_, peak) = memory::peak(|| (entry.decode)(&frame, version));
                let over = peak.saturating_sub(usual);
                assert!(over <= 16 * frame.len(), "{} version {version}: {peak}", entry.name);
                dearest = dearest.max(over as f64 / frame.len() as f64);
                frames += 1;
            }
        }
    }
    println!("{frames} frames; at most {dearest:.1} bytes a byte more than the message they damage");
}

#[test]
fn an_array_of_two_thousand_million_elements_is_refused_for_free() {
    let metadata = all_versions().find(|(entry, version)| entry.name == "MetadataRequest" && *version == 9);
    let (entry, version) = metadata.unwrap();
    let frame = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0, 0, 0, 0]);
    let (decoded, peak) = memory::peak(|| (entry.decode)(&frame, version));
    assert!(decoded.is_err());
    assert_eq!(peak, 0);
}

/// Frames full of the smallest elements there are.
#[test]
fn tiny_elements_take_no_more_than_the_frame_justifies() {
    let mut dearest = 0.0f64;
    for (entry, version) in all_versions() {
        for filling in [0, 1, 2] {
            for size in [1_000usize, 100_000] {
                for count in [size / 6, size / 2] {
                    let mut frame = vec![filling; size];
                    let flexible = entry.schema.is_flexible(version);
                    let length = (count as u32).to_be_bytes();
                    let varint = [count as u8 | 0x80, (count >> 7) as u8 | 0x80, (count >> 14) as u8];
                    overwrite(&mut frame, 0, if flexible { &varint } else { &length });
                    let frame = Bytes::from(frame);
                    let (_, peak) = memory::peak(|| (entry.decode)(&frame, version));
                    assert!(peak <= allowed(size), "{} version {version}: {peak} for {size}", entry.name);
                    dearest = dearest.max(peak as f64 / size as f64);
                }
            }
        }
    }
    println!("at most {dearest:.1} times the frame");
}

#[test]
fn bad_headers_do_no_harm() {
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..100_000 {
        let mut frame = vec![0; rng.random_range(0..40)];
        rng.fill_bytes(&mut frame);
        overwrite(&mut frame, 0, &[0, rng.random_range(0..100), 0, rng.random_range(0..20)]);
        let frame = Bytes::from(frame);
        let (decoded, peak) = memory::peak(|| RequestHeader::decode(&frame).map(|(_, body)| body.len()));
        // What a frame takes to be shared between header and body, and a client id that is not UTF-8.
        assert!(peak <= 32 + 3 * frame.len(), "{peak}");
        assert!(decoded.is_err() || decoded.is_ok_and(|left| left <= frame.len()));
    }
}
