//! CRC-32C, the Castagnoli checksum (RFC 3720, appendix B.4), as record batches and segments carry it.

use crc_fast::{CrcAlgorithm, Digest};

/// The checksum of `bytes`; of none it is 0.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The checksum of what `crc` is of, followed by `bytes`.
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    // The register of the algorithm holds the complement of the checksum.
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    digest.finalize() as u32
}

/// The polynomial, with the lowest power in the highest bit, as in all that is multiplied here.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// The polynomial x to the power of 8, of 16, of 32 and so on: so many bits are one byte, two, four and so on.
const BYTES: [u32; usize::BITS as usize] = {
    let mut powers = [1 << (31 - 8); usize::BITS as usize];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = times(powers[at - 1], powers[at - 1]);
        at += 1;
    }
    powers
};

/// The checksum of what `first` is of, followed by the `second_len` bytes that `second` is of. It takes less than a
/// microsecond, whatever their length.
pub fn combine(first: u32, second: u32, second_len: usize) -> u32 {
    let shifted = BYTES.iter().enumerate().fold(first, |crc, (bit, power)| match second_len >> bit & 1 {
        1 => times(*power, crc),
        _ => crc,
    });
    shifted ^ second
}

/// The product of two polynomials, modulo that of the checksum.
const fn times(first: u32, second: u32) -> u32 {
    let (mut product, mut shifted, mut bit) = (0, second, u32::BITS);
    while bit > 0 {
        bit -= 1;
        // Masks, since nobody could predict these branches.
        product ^= shifted & (first >> bit & 1).wrapping_neg();
        shifted = shifted >> 1 ^ POLYNOMIAL & (shifted & 1).wrapping_neg();
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(checksum(&[]), 0);
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
        assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(checksum(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(checksum(&ascending), 0x46dd_794e);
    }

    /// Bit by bit, as the polynomial is written.
    fn slowly(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }

    #[test]
    fn parts_of_any_length_are_combined() {
        let bytes: Vec<u8> =
            (0..1 << 21).map(|index: u32| (index.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        for bit in 0..21 {
            let whole = &bytes[..7 + (1 << bit)];
            let (first, second) = whole.split_at(7);
            assert_eq!(combine(checksum(first), checksum(second), second.len()), checksum(whole), "{bit}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_whole_and_in_two_parts(
            bytes in proptest::collection::vec(any::<u8>(), 0..3_000),
            cut in any::<prop::sample::Index>(),
        ) {
            let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
            let whole = slowly(&bytes);
            prop_assert_eq!(checksum(&bytes), whole);
            prop_assert_eq!(append(checksum(first), second), whole);
            prop_assert_eq!(combine(checksum(first), checksum(second), second.len()), whole);
        }
    }
}
