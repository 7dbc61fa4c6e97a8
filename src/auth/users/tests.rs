//! Users of lists and files, and files that change.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::derived::Derived;
use super::*;
use crate::auth::credentials::SaltKey;
use crate::runtime::TaskKind;

struct World {
    folder: TempDir,
    runtime: Runtime,
}

impl World {
    fn new() -> World {
        World { folder: tempfile::tempdir().expect("a folder"), runtime: Runtime::simulated(7) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("users")
    }

    fn write(&self, content: &str) {
        fs::write(self.path(), content).expect("written");
    }

    fn open(&self, list: Option<&str>) -> Result<Arc<Users>, UsersError> {
        let sources = UserSources { list: list.map(Secret::new), file: Some(self.path()) };
        Users::open(&sources, &self.runtime).map(Arc::new)
    }

    /// The same, and looks at the file from time to time.
    fn watched(&self) -> Arc<Users> {
        let users = self.open(None).expect("users");
        self.runtime.tasks.spawn(TaskKind::Periodic, Arc::clone(&users).watch());
        users
    }

    /// Waits until the file was looked at.
    async fn looked(&self) {
        self.runtime.clock.sleep(LOOK_INTERVAL + Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn users_of_both_places_are_known() {
    let world = World::new();
    world.write("# of the file\nbob:b:c\n");
    let users = world.open(Some("alice:a")).expect("users");
    assert_eq!(users.check("alice", "a"), Ok(()));
    assert_eq!(users.check("bob", "b:c"), Ok(()));
    assert_eq!(users.check("bob", "b"), Err(Wrong::Password));
    assert_eq!(users.check("alice", "b:c"), Err(Wrong::Password));
    assert_eq!(users.check("eve", "a"), Err(Wrong::Name));
    assert_eq!(users.check("", ""), Err(Wrong::Name));
    assert!(!users.is_empty());
}

#[tokio::test]
async fn faults_stop_the_start_and_tell_no_secret() {
    let world = World::new();
    let error = |list: Option<&str>| world.open(list).err().expect("an error");
    assert!(error(None).to_string().contains("users cannot be read: No such file"), "{}", error(None));
    world.write("bob:hunter2\nhunter3\n");
    assert!(error(None).to_string().ends_with("users, line 2: it is no name:password: there is no colon"));
    assert!(error(None).is_of_file());
    world.write("bob:hunter2\n");
    assert!(error(Some("bob:a")).to_string().ends_with("line 1: another entry has this name already"));
    let of_list = error(Some("alice:a,:hunter4"));
    assert_eq!(of_list.to_string(), "entry 2: the name is empty");
    assert!(!of_list.is_of_file());
    world.write(&"#".repeat((1 << 20) + 1));
    assert!(error(None).to_string().ends_with("has more than 1048576 bytes"));
    world.write("\n");
    assert!(world.open(None).expect("no users").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_is_read_again() {
    let world = World::new();
    world.write("alice:a\n");
    let users = world.watched();
    world.write("alice:b\nbob:b\n");
    world.looked().await;
    assert_eq!(users.check("alice", "a"), Err(Wrong::Password));
    assert_eq!((users.check("alice", "b"), users.check("bob", "b")), (Ok(()), Ok(())));
    world.write("bob:b\n");
    world.looked().await;
    assert_eq!(users.check("alice", "b"), Err(Wrong::Name));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_right_leaves_the_users_as_they_are() {
    let world = World::new();
    world.write("alice:a\n");
    let users = world.watched();
    for bad in ["alice:b\nbob\n", "alice:b\nalice:c\n", "alice:"] {
        world.write(bad);
        world.looked().await;
        assert_eq!(users.check("alice", "a"), Ok(()), "{bad}");
    }
    fs::remove_file(world.path()).expect("removed");
    world.looked().await;
    assert_eq!(users.check("alice", "a"), Ok(()));
    world.write("alice:b\n");
    world.looked().await;
    assert_eq!(users.check("alice", "b"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn keys_are_derived_once_for_each_password() {
    let world = World::new();
    world.write("alice:a\nbob:b\n");
    let users = world.watched();
    let (one, other) = (SaltKey::new([1; 32]), SaltKey::new([2; 32]));
    let derived = async |key: &SaltKey| users.derived(Scram::Sha256, key).await.expect("keys");
    let first = derived(&one).await;
    assert!(Arc::ptr_eq(&first, &derived(&one).await));
    assert!(first.get("eve").is_none() && first.get("").is_none());
    let salt = |derived: &Derived, name: &str| derived.get(name).expect("a credential").salt.clone();
    assert_ne!(salt(&first, "alice"), salt(&first, "bob"));
    let of_other = derived(&other).await;
    assert_ne!(salt(&of_other, "alice"), salt(&first, "alice"));

    let first = derived(&one).await;
    world.write("alice:changed\nbob:b\n");
    world.looked().await;
    let second = derived(&one).await;
    let same = |name: &str| Arc::ptr_eq(first.get(name).expect("before"), second.get(name).expect("after"));
    assert!(same("bob") && !same("alice"));
    assert_eq!(salt(&first, "alice"), salt(&second, "alice"), "the salt is the name's");
    assert_ne!(first.get("alice"), second.get("alice"));
}
