//! Tickets: how a machine answers later.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;

use tokio::sync::oneshot;

use super::parking::Notice;

/// Stands for a question that is answered once, perhaps much later.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket<R> {
    number: u64,
    of: PhantomData<fn() -> R>,
}

impl<R> Ticket<R> {
    pub(in crate::coordinator) fn numbered(number: u64) -> Ticket<R> {
        Ticket { number, of: PhantomData }
    }

    pub(in crate::coordinator) fn number(self) -> u64 {
        self.number
    }
}

impl<R> Clone for Ticket<R> {
    fn clone(&self) -> Ticket<R> {
        *self
    }
}

impl<R> Copy for Ticket<R> {}

/// An answer of a machine together with the ticket that it is for.
pub trait Reply: Send {
    /// Takes who waits for it, and makes the notice of it.
    fn take(self, waiting: &mut Waiting) -> Option<Notice>;
}

/// Those who wait for an answer, by their tickets.
#[derive(Default)]
pub struct Waiting {
    tickets: u64,
    senders: HashMap<u64, Box<dyn Any + Send>>,
}

impl Waiting {
    /// Gives out a ticket.
    pub fn open<R: Send + 'static>(&mut self) -> (Ticket<R>, oneshot::Receiver<R>) {
        let (sender, receiver) = oneshot::channel::<R>();
        self.tickets += 1;
        self.senders.insert(self.tickets, Box::new(sender));
        (Ticket::numbered(self.tickets), receiver)
    }

    /// The notice of an answer. Whoever stopped waiting does not need it.
    pub fn close<R: Send + 'static>(&mut self, ticket: Ticket<R>, reply: R) -> Option<Notice> {
        let sender = self.senders.remove(&ticket.number())?.downcast::<oneshot::Sender<R>>().ok()?;
        Some(Box::new(move || drop(sender.send(reply))))
    }
}
