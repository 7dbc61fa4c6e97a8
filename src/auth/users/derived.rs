//! SCRAM's keys of users whose passwords are known here: derived when the first client asks for a mechanism.
//!
//! Then those of all users are, whoever is asked for: were they derived one by one, the time of a login would tell which
//! names there are.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::sync::Mutex;

use super::{Table, Users};
use crate::auth::credentials::{SaltKey, ScramCredential};
use crate::auth::mechanism::Scram;
use crate::auth::scram::{MadeUp, derive};

/// The keys of each mechanism. Whoever finds them derived waits for nothing.
#[derive(Default)]
pub(super) struct Slots([Arc<Mutex<Option<Arc<Derived>>>>; 2]);

/// The keys of all users of one reading, for one mechanism.
pub(in crate::auth) struct Derived {
    table: Arc<Table>,
    salt_key: SaltKey,
    credentials: HashMap<Arc<str>, (hmac::Tag, Arc<ScramCredential>)>,
}

impl Slots {
    fn of(&self, mechanism: Scram) -> &Arc<Mutex<Option<Arc<Derived>>>> {
        &self.0[mechanism as usize]
    }
}

impl Derived {
    pub fn get(&self, name: &str) -> Option<&Arc<ScramCredential>> {
        self.credentials.get(name).map(|(_, credential)| credential)
    }

    fn is_of(&self, table: &Arc<Table>, salt_key: &SaltKey) -> bool {
        Arc::ptr_eq(&self.table, table) && self.salt_key == *salt_key
    }

    /// The credentials of a table; those of users that have not changed are taken over from `before`.
    fn of(table: Arc<Table>, mechanism: Scram, salt_key: SaltKey, before: Option<&Derived>) -> Derived {
        let made_up = MadeUp::new(&salt_key);
        let before = before.filter(|before| before.salt_key == salt_key);
        let derived = table.users().map(|user| {
            let known = before.and_then(|before| before.credentials.get(&user.name));
            let known = known.filter(|(digest, _)| digest.as_ref() == user.digest.as_ref());
            let anew = || {
                let salt = made_up.salt(mechanism, &user.name);
                Arc::new(derive(mechanism, &user.keys[mechanism as usize], salt))
            };
            let credential = known.map_or_else(anew, |(_, credential)| Arc::clone(credential));
            (Arc::clone(&user.name), (user.digest, credential))
        });
        let credentials = derived.collect();
        Derived { table, salt_key, credentials }
    }
}

impl Users {
    /// The keys of all users. Deriving goes on though nobody waits for it any more, so that it is done once.
    pub(in crate::auth) async fn derived(
        &self,
        mechanism: Scram,
        salt_key: &SaltKey,
    ) -> Option<Arc<Derived>> {
        let mut slot = Arc::clone(self.derived.of(mechanism)).lock_owned().await;
        let table = self.table();
        if let Some(known) = slot.as_ref().filter(|known| known.is_of(&table, salt_key)) {
            return Some(Arc::clone(known));
        }
        let salt_key = salt_key.clone();
        let deriving = self.runtime.tasks.blocking(move || {
            let derived = Arc::new(Derived::of(table, mechanism, salt_key, slot.as_deref()));
            *slot = Some(Arc::clone(&derived));
            derived
        });
        deriving.await.ok()
    }
}
