//! One process, as the network and its clients see it.

use kafkaesque::store::faults::Contact;
use kafkaesque::types::BrokerId;
use tokio::sync::watch;

/// A process by its broker's id.
#[derive(Clone)]
pub struct Host {
    pub id: BrokerId,
    pub condition: Condition,
}

/// The state of a process: it runs, is paused, or is gone.
#[derive(Clone)]
pub struct Condition(watch::Sender<Contact>);

impl Condition {
    pub fn new() -> Condition {
        Condition(watch::Sender::new(Contact::Full))
    }

    pub fn set(&self, contact: Contact) {
        self.0.send_replace(contact);
    }

    pub fn is_gone(&self) -> bool {
        *self.0.borrow() == Contact::Gone
    }

    /// Returns while the process runs; never once it is gone.
    pub async fn runs(&self) {
        self.wait_for(|now| now == Contact::Full).await;
    }

    /// Returns while the process is paused or gone.
    pub async fn stands_still(&self) {
        self.wait_for(|now| now != Contact::Full).await;
    }

    /// Returns once the process is gone.
    pub async fn gone(&self) {
        self.wait_for(|now| now == Contact::Gone).await;
    }

    /// Waits as long as the process is paused. False if it is gone.
    pub async fn runs_or_is_gone(&self) -> bool {
        self.wait_for(|now| now != Contact::Paused).await == Contact::Full
    }

    async fn wait_for(&self, is_wanted: impl Fn(Contact) -> bool) -> Contact {
        let mut contacts = self.0.subscribe();
        let found = contacts.wait_for(|now| is_wanted(*now)).await;
        *found.expect("its sender is here")
    }
}
