//! The operating system's randomness and clocks, as libraries read them: the order of their maps, which of several futures that
//! are ready goes first, and when a cache is tidied up. In a process that simulates one seed, they follow the seed.
#![allow(
    unsafe_code,
    reason = "functions of the C library, which the standard library lets a program replace"
)]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::io::Read as _;
use std::sync::OnceLock;

/// The seed of this process, if it simulates one.
const VARIABLE: &str = "KAFKAESQUE_SIM_CHANCE";
/// The moment at which clocks of a simulation begin.
const BEGINNING_S: i64 = 1_700_000_000;
const NANOS: i64 = 1_000_000_000;
/// The time that each look at a clock takes.
const LOOK_NANOS: i64 = 1_000;

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
    static LOOKS: Cell<i64> = const { Cell::new(0) };
}

pub fn of_seed(command: &mut std::process::Command, seed: u64) {
    command.env(VARIABLE, seed.to_string());
}

/// The seed of this process.
pub fn seed() -> Option<u64> {
    static SEED: OnceLock<Option<u64>> = OnceLock::new();
    *SEED.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok())
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

/// Seconds and nanoseconds, as the C library has them where this is built.
#[repr(C)]
struct Time {
    seconds: c_long,
    nanos: c_long,
}

type ReadClock = unsafe extern "C" fn(c_int, *mut Time) -> c_int;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The function that this program replaces.
fn clock_of_the_system() -> ReadClock {
    const NEXT: *mut c_void = -1_isize as *mut c_void;
    static FOUND: OnceLock<ReadClock> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: the name ends with a zero, and every C library has a function of that name and type.
        unsafe { std::mem::transmute::<*mut c_void, ReadClock>(dlsym(NEXT, c"clock_gettime".as_ptr())) }
    })
}

/// The number of a thread's looks is its time.
///
/// # Safety
///
/// `time` has room for one.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    if seed().is_none() {
        // SAFETY: as the caller says.
        return unsafe { clock_of_the_system()(clock, time) };
    }
    let looks = LOOKS.get() + 1;
    LOOKS.set(looks);
    let nanos = looks * LOOK_NANOS;
    // SAFETY: as the caller says.
    unsafe { time.write(Time { seconds: BEGINNING_S + nanos / NANOS, nanos: nanos % NANOS }) };
    0
}
