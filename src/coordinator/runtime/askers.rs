//! Those who asked, and whom a machine may answer later.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;

use tokio::sync::oneshot;

use super::parking::Notice;

/// Somebody who asked, and is answered once, perhaps much later.
#[derive(Debug, PartialEq, Eq)]
pub struct Asker<R> {
    number: u64,
    of: PhantomData<fn() -> R>,
}

impl<R> Asker<R> {
    pub(in crate::coordinator) fn numbered(number: u64) -> Asker<R> {
        Asker { number, of: PhantomData }
    }

    pub(in crate::coordinator) fn number(self) -> u64 {
        self.number
    }
}

impl<R> Clone for Asker<R> {
    fn clone(&self) -> Asker<R> {
        *self
    }
}

impl<R> Copy for Asker<R> {}

/// An answer of a machine, and who asked.
pub trait Reply: Send {
    /// Takes who waits for it, and makes the notice of it.
    fn take(self, waiting: &mut Waiting) -> Option<Notice>;
}

/// Those who wait for an answer.
#[derive(Default)]
pub struct Waiting {
    /// The number of those who have asked.
    asked: u64,
    senders: HashMap<u64, Box<dyn Any + Send>>,
}

impl Waiting {
    /// Notes that somebody asks.
    pub fn open<R: Send + 'static>(&mut self) -> (Asker<R>, oneshot::Receiver<R>) {
        let (sender, receiver) = oneshot::channel::<R>();
        self.asked += 1;
        self.senders.insert(self.asked, Box::new(sender));
        (Asker::numbered(self.asked), receiver)
    }

    /// The notice of an answer. Whoever stopped waiting does not need it.
    pub fn close<R: Send + 'static>(&mut self, asker: Asker<R>, reply: R) -> Option<Notice> {
        let sender = self.senders.remove(&asker.number())?.downcast::<oneshot::Sender<R>>().ok()?;
        Some(Box::new(move || drop(sender.send(reply))))
    }
}
