//! The operating system's randomness, as libraries draw it: the order of their maps, and which of several futures that are
//! ready goes first. In a process that simulates one seed, it follows the seed.
#![allow(unsafe_code, reason = "the C library's function, which the standard library lets a program replace")]

use std::cell::Cell;
use std::io::Read as _;

/// The seed of this process, if it simulates one.
const VARIABLE: &str = "KAFKAESQUE_SIM_CHANCE";

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

pub fn of_seed(command: &mut std::process::Command, seed: u64) {
    command.env(VARIABLE, seed.to_string());
}

/// The seed of this process.
pub fn seed() -> Option<u64> {
    std::env::var(VARIABLE).ok()?.parse().ok()
}

/// Each thread has the same sequence: nothing depends on which starts first.
fn draw(seed: u64) -> u8 {
    let number = DRAWN.get() + 1;
    DRAWN.set(number);
    // SplitMix64.
    let mut mixed = (seed ^ 0x6b61_666b).wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as u8
}

/// # Safety
///
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: as the caller says.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    match seed() {
        Some(seed) => bytes.fill_with(|| draw(seed)),
        None => {
            let random = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes));
            if random.is_err() {
                return -1;
            }
        }
    }
    length as isize
}
