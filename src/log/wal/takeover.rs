//! Carrying out what a takeover, or an inspection, asks for.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore as _, PutMode, PutOptions, PutPayload};
use slatedb::wal::WalError;

use super::LogStore;
use super::upload::{Backoff, is_taken};
use crate::log::stored::damage::Damage;
use crate::log::stored::paths::ShardPaths;
use crate::log::stored::segment::read::{self, ReadError};
use crate::log::stored::segment::{Origin, Payload, Segment};
use crate::log::wal::fence::{Action, Event, Flaw, Identity, Step, Tail, Takeover};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;

/// For one request, at first; it doubles each time, since many may be out at once on a slow link.
pub(super) const FIRST_LIMIT: Duration = Duration::from_secs(2);

/// Why a log was not taken over.
#[derive(Debug)]
pub(in crate::log) enum Failure {
    Damaged(Damage),
    /// A newer owner has it.
    Fenced,
    /// The store did not do what was asked, until the deadline.
    Store(ReadError),
    /// The stored manifest could not be read.
    Manifest(WalError),
}

/// The end of a takeover.
pub(super) enum Outcome {
    Taken(Tail),
    Sound,
}

/// Requests to the log of one shard, made for one identity.
pub(super) struct Hands {
    pub store: LogStore,
    pub own: Identity,
    pub deadline: Instant,
    pub runtime: Runtime,
    /// Set if rows are looked at as well where a header is asked for.
    pub thorough: bool,
}

impl Hands {
    /// Does what `takeover` says until it is done; `confirm` tells whether the stored epoch is still ours.
    pub async fn carry_out<F>(
        &self,
        takeover: &mut Takeover,
        confirm: impl Fn() -> F,
    ) -> Result<Outcome, Failure>
    where
        F: Future<Output = Result<Event, WalError>> + Send,
    {
        let mut running: FuturesUnordered<BoxFuture<'_, Result<Event, Failure>>> = FuturesUnordered::new();
        let mut step = takeover.start();
        loop {
            match step {
                Step::Done(tail) => return Ok(Outcome::Taken(tail)),
                Step::Sound => return Ok(Outcome::Sound),
                Step::Fenced => return Err(Failure::Fenced),
                Step::Broken(flaw) => return Err(Failure::Damaged(self.store.damage(flaw))),
                Step::Do(actions) => {
                    for action in actions {
                        running.push(match action {
                            Action::Confirm => {
                                confirm().map(|answer| answer.map_err(Failure::Manifest)).boxed()
                            }
                            other => self.act(other).boxed(),
                        });
                    }
                }
            }
            let event = running.next().await;
            step = takeover.on(event.unwrap_or_else(|| unreachable!("a takeover without an end"))?);
        }
    }

    /// Does one thing, as often as needed and allowed.
    pub(super) async fn act(&self, action: Action) -> Result<Event, Failure> {
        let mut backoff = Backoff::new(&self.runtime);
        let mut limit = FIRST_LIMIT;
        loop {
            let error = match self.runtime.clock.timeout(limit, self.try_act(action)).await {
                Ok(Ok(event)) => return Ok(event),
                Ok(Err(error)) => error,
                Err(_) => silent(limit),
            };
            limit *= 2;
            match (error, action) {
                (ReadError::Malformed(malformed), Action::ReadHeader { id }) => {
                    let path = self.store.paths.segment(id);
                    return Err(Failure::Damaged(Damage::new(&path, format!("is damaged: {malformed}"))));
                }
                (error, _) if !backoff.wait(self.deadline).await => return Err(Failure::Store(error)),
                _ => {}
            }
        }
    }

    async fn try_act(&self, action: Action) -> Result<Event, ReadError> {
        match action {
            Action::List { from } => Ok(Event::Listed(self.store.ids(from).await?)),
            Action::ReadHeader { id } => {
                let path = self.store.paths.segment(id);
                let read = match self.thorough {
                    true => read::index(&*self.store.objects, &path).await.map(|(header, _)| header),
                    false => read::header(&*self.store.objects, &path).await,
                };
                match read {
                    Ok(header) => Ok(Event::Found(id, header)),
                    Err(ReadError::Missing) => Ok(Event::Missing(id)),
                    Err(error) => Err(error),
                }
            }
            Action::Create { id, kind, window } => {
                let origin = Origin::of(self.store.paths.shard(), id);
                let Identity { epoch, nonce } = self.own;
                let fence = Segment { kind, window, epoch, nonce, origin };
                let payload = PutPayload::from_iter(fence.encode(&[], Payload::default())?);
                let options = PutOptions::from(PutMode::Create);
                match self.store.objects.put_opts(&self.store.paths.segment(id), payload, options).await {
                    Ok(_) => Ok(Event::Created(id)),
                    Err(error) if is_taken(&error) => Ok(Event::Collided(id)),
                    Err(error) => Err(error.into()),
                }
            }
            Action::Confirm => Ok(Event::Superseded),
        }
    }
}

impl LogStore {
    /// The ids of the segments that are there, from this one on, itself included.
    pub(in crate::log) async fn ids(&self, from: u64) -> Result<Vec<u64>, object_store::Error> {
        // Without the suffix it sorts before the id's own object, which belongs to the list.
        let offset = self.paths.log().clone().join(format!("{from:020}"));
        let listed = self.objects.list_with_offset(Some(self.paths.log()), &offset);
        let listed: Vec<_> = listed.try_collect().await?;
        Ok(listed.iter().filter_map(|meta| ShardPaths::segment_id(&meta.location)).collect())
    }

    /// Damage of a segment, by its path.
    pub(super) fn damage(&self, flaw: Flaw) -> Damage {
        Damage::new(&self.paths.segment(flaw.id), flaw.problem)
    }
}

/// The error of a request that was given up: asking again is safe, since a fence is known by its nonce.
pub(super) fn silent(limit: Duration) -> ReadError {
    ReadError::Store(object_store::Error::Generic {
        store: "log",
        source: format!("no answer within {limit:?}").into(),
    })
}
