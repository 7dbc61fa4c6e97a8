//! Room for deletions on the disk of a local store: a file that is let go of when the disk is full, since what frees a disk
//! is written first, too.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::runtime::Clock;
use crate::runtime::clock::Instant;

/// Beside the folders of the store, where nothing looks for objects.
const FILE: &str = "reserve";
/// Room for more than deletions: there, or not. Cheap to clone; clones are one.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Tells how many bytes are free.
type Free = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// Room for more than deletions: there, or not. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub struct Room(Option<Arc<Disk>>);

struct Disk {
    file: PathBuf,
    wanted: u64,
    free: Free,
    clock: Clock,
    is_full: AtomicBool,
    reserve: Mutex<Reserve>,
}

struct Reserve {
    /// The length of the file; when that is let go of, what it was.
    bytes: u64,
    full_since: Instant,
    looked: Instant,
}

impl Room {
    /// A store that cannot be full.
    pub fn unlimited() -> Room {
        Room(None)
    }

    /// Keeps `wanted` bytes of the disk that `folder` is on, or half of what is free if that is less.
    ///
    /// # Errors
    /// If the disk cannot be asked, or the file not be made.
    pub(crate) fn keep(folder: &Path, wanted: u64, clock: &Clock) -> io::Result<Room> {
        let of_disk = folder.to_owned();
        let free = move || {
            let disk = rustix::fs::statvfs(&of_disk)?;
            Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
        };
        Room::keep_of(folder, wanted, Box::new(free), clock)
    }

    pub(super) fn keep_of(folder: &Path, wanted: u64, free: Free, clock: &Clock) -> io::Result<Room> {
        let file = folder.join(FILE);
        let now = clock.instant();
        let held = file.metadata().map_or(0, |file| file.len());
        let bytes = wanted.min(((free)()? + held) / 2);
        let reserve = Mutex::new(Reserve { bytes, full_since: now, looked: now });
        let disk =
            Disk { file, wanted, free, clock: clock.clone(), is_full: AtomicBool::new(false), reserve };
        disk.hold(bytes)?;
        Ok(Room(Some(Arc::new(disk))))
    }

    /// Since when only deletions should be written, if the disk is full.
    pub fn full_since(&self) -> Option<Instant> {
        let disk = self.0.as_ref().filter(|disk| disk.is_full.load(Ordering::Relaxed))?;
        disk.look();
        disk.is_full.load(Ordering::Relaxed).then(|| disk.reserve.lock().full_since)
    }

    pub fn is_full(&self) -> bool {
        self.full_since().is_some()
    }

    /// A write found no room.
    pub(super) fn ran_out(&self) {
        if let Some(disk) = &self.0 {
            disk.let_go();
        }
    }
}

impl Disk {
    /// Without anything to let go of, nothing is gained by taking nothing.
    fn let_go(&self) {
        let mut reserve = self.reserve.lock();
        if reserve.bytes == 0 || self.is_full.load(Ordering::Relaxed) {
            return;
        }
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, file = %self.file.display(), "the reserve is not let go of");
            }
            _ => {}
        }
        let now = self.clock.instant();
        (reserve.full_since, reserve.looked) = (now, now);
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// The disk is full until the reserve can be had again with as much beside it.
    fn look(&self) {
        let mut reserve = self.reserve.lock();
        let now = self.clock.instant();
        if now.duration_since(reserve.looked) < LOOK_INTERVAL || !self.is_full.load(Ordering::Relaxed) {
            return;
        }
        reserve.looked = now;
        let Ok(half) = (self.free)().map(|free| free / 2) else { return };
        if half < reserve.bytes || self.hold(half.min(self.wanted)).is_err() {
            return;
        }
        reserve.bytes = half.min(self.wanted);
        self.is_full.store(false, Ordering::Relaxed);
    }

    /// Makes the file so long, in blocks that are its own.
    fn hold(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return match std::fs::remove_file(&self.file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let made = File::create(&self.file).and_then(|file| allocate(&file, bytes));
        if made.is_err() {
            // Half a reserve that nobody counts on would only be in the way.
            let _ = std::fs::remove_file(&self.file);
        }
        made
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => fill(file, bytes),
        outcome => Ok(outcome?),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    fill(file, bytes)
}

/// For file systems that set nothing aside on demand.
fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    let zeros = [0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        file.write_all(&zeros[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Room").field(&self.0.as_ref().map(|disk| &disk.file)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::runtime::Runtime;

    const MIB: u64 = 1 << 20;

    /// A disk on which the reserve takes nothing, and the folder that it is on.
    fn disk(free: u64, wanted: u64) -> (Room, Arc<AtomicU64>, tempfile::TempDir, Runtime) {
        let (folder, runtime) = (tempfile::tempdir().expect("a folder"), Runtime::simulated(1));
        let bytes = Arc::new(AtomicU64::new(free));
        let told = Arc::clone(&bytes);
        let free = Box::new(move || Ok(told.load(Ordering::Relaxed)));
        let room = Room::keep_of(folder.path(), wanted, free, &runtime.clock).expect("kept");
        (room, bytes, folder, runtime)
    }

    fn held(folder: &tempfile::TempDir) -> Option<u64> {
        folder.path().join(FILE).metadata().ok().map(|file| file.len())
    }

    async fn pass(runtime: &Runtime) {
        runtime.clock.sleep(Duration::from_secs(2)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_takes_deletions_until_there_is_room_again() {
        let (room, free, folder, runtime) = disk(100 * MIB, 4 * MIB);
        assert_eq!((room.is_full(), held(&folder)), (false, Some(4 * MIB)));
        room.ran_out();
        assert_eq!((room.is_full(), held(&folder)), (true, None));
        let since = room.full_since();
        free.store(8 * MIB - 2, Ordering::Relaxed);
        pass(&runtime).await;
        assert_eq!((room.is_full(), room.full_since()), (true, since), "there is room for the reserve alone");
        free.store(8 * MIB, Ordering::Relaxed);
        pass(&runtime).await;
        assert_eq!((room.is_full(), held(&folder)), (false, Some(4 * MIB)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_disk_is_not_kept_from_its_use() {
        let (room, free, folder, runtime) = disk(6 * MIB, 64 * MIB);
        assert_eq!((room.is_full(), held(&folder)), (false, Some(3 * MIB)));
        room.ran_out();
        free.store(200 * MIB, Ordering::Relaxed);
        pass(&runtime).await;
        assert_eq!((room.is_full(), held(&folder)), (false, Some(64 * MIB)), "it grew");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_reserve_nothing_is_refused() {
        let (room, _, folder, _) = disk(100 * MIB, 0);
        room.ran_out();
        assert_eq!((room.is_full(), held(&folder)), (false, None));
        Room::unlimited().ran_out();
        assert!(!Room::unlimited().is_full());
    }

    #[test]
    fn the_reserve_of_a_real_disk_is_its_own() {
        use std::os::unix::fs::MetadataExt as _;
        let (folder, runtime) = (tempfile::tempdir().expect("a folder"), Runtime::system());
        Room::keep(folder.path(), MIB, &runtime.clock).expect("kept");
        let file = folder.path().join(FILE).metadata().expect("is there");
        assert_eq!(file.len(), MIB);
        assert!(file.blocks() * 512 >= MIB, "a hole keeps nothing free");
    }
}
