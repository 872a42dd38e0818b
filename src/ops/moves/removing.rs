//! Sources are taken away: markers first, so that no reader takes half of a prefix for whole; each only if it is
//! still the object that was copied.

use std::time::Instant;

use super::engine::{Broken, Engine};
use super::pace::{Pace, Stop, pause};
use super::progress::Phase;
use super::records::{Stays, may_pass};
use crate::lake::{DELETE_LIMIT, ETag, ErrorClass, Key, LakeError};
use crate::model::moves::Rank;
use crate::ops::gate::JournalStep;

/// Objects that one record of the journal announces.
const ANNOUNCED: usize = DELETE_LIMIT;
/// Single deletes at once, where the store has no conditional bulk delete.
const SINGLE_AT_ONCE: usize = 32;
/// Tries against a store that throttles or does not answer.
const TRIES: u32 = 8;

/// What became of a source.
enum Fate {
    Gone,
    Replaced,
    Refused(LakeError),
    Again(LakeError),
}

impl Engine<'_> {
    /// Deletes the sources, but for those under whose keys newer data lies. Gives back those that were not there.
    /// In a run that sent no delete before, one that is not there was taken away by somebody else: that is told.
    pub(super) async fn remove_all(&self, first: bool) -> Result<Vec<Stays>, Stop<Broken>> {
        let mut missing = Vec::new();
        let (begun, pace, mut gone, mut bytes) = (Instant::now(), Pace::default(), 0, 0);
        for rank in Rank::ALL.into_iter().rev() {
            let items: Vec<usize> = self.plan.ranked(rank).map(|(n, _)| n).collect();
            for chunk in items.chunks(ANNOUNCED) {
                self.stopped()?;
                let announced = JournalStep::Deleting { n: chunk.to_vec() };
                let written = self.record.durable(announced, (self.clock)()).await;
                written.map_err(|e| Stop::Failed(Broken::Journal(e.to_string())))?;
                missing.extend(self.remove(chunk, first).await?);
                gone += chunk.len() as u64;
                bytes += chunk.iter().map(|n| self.plan.objects[*n].size).sum::<u64>();
                self.tell(Phase::Deleting, gone, bytes, Some(begun), &pace);
            }
        }
        Ok(missing)
    }

    fn stopped(&self) -> Result<(), Stop<Broken>> {
        if self.watch.is_stopped() { Err(Stop::Asked) } else { Ok(()) }
    }

    /// Deletes these, trying again what a store that throttles or loses replies left open.
    async fn remove(&self, chunk: &[usize], first: bool) -> Result<Vec<Stays>, Stop<Broken>> {
        let mut left = chunk.to_vec();
        let mut stays = Vec::new();
        for tries in 1..=TRIES {
            self.held().map_err(Stop::Failed)?;
            let answers = match self.can.conditional_bulk_delete {
                true => self.remove_in_bulk(&left).await,
                false => self.remove_singly(&left).await,
            };
            let mut again = Vec::new();
            let mut last = None;
            for (n, answer) in left.iter().copied().zip(answers) {
                let key = &self.plan.objects[n].key;
                let was_gone = answer.as_ref().is_err_and(|e| e.class == ErrorClass::NotFound);
                match self.fate(n, answer).await {
                    Fate::Gone if was_gone && first && tries == 1 => {
                        let why =
                            "it was gone already: somebody else removed it, or a reply was lost; its copy is kept";
                        stays.push(Stays { key: key.clone(), why: why.to_owned() });
                    }
                    Fate::Gone => {}
                    // Told with all else that is left there, at the end.
                    Fate::Replaced => {}
                    Fate::Refused(error) => return Err(Stop::Failed(Broken::NotDeleted(key.clone(), error))),
                    Fate::Again(error) => {
                        last = Some(error);
                        again.push(n);
                    }
                }
            }
            match last {
                None => return Ok(stays),
                Some(error) if tries == TRIES => return Err(Stop::Failed(error.into())),
                Some(_) => {}
            }
            left = again;
            self.stopped()?;
            tokio::time::sleep(pause(tries)).await;
        }
        Ok(stays)
    }

    async fn remove_in_bulk(&self, left: &[usize]) -> Vec<Result<(), LakeError>> {
        let objects: Vec<(Key, ETag)> = left.iter().map(|n| self.pinned(*n)).collect();
        self.lake.delete_all(&objects).await
    }

    async fn remove_singly(&self, left: &[usize]) -> Vec<Result<(), LakeError>> {
        use futures::stream::{self, StreamExt};
        let one = async |n: &usize| {
            let (key, etag) = self.pinned(*n);
            self.lake.delete(&key, Some(&etag)).await
        };
        stream::iter(left.iter().map(one)).buffered(SINGLE_AT_ONCE).collect().await
    }

    fn pinned(&self, n: usize) -> (Key, ETag) {
        let object = &self.plan.objects[n];
        (Key::from(object.key.as_str()), ETag(object.etag.clone()))
    }

    /// What the answer to a delete means. A reply that was lost, and a request that was sent again, look like an
    /// object that is not there; the copy is proven and the journal says that we asked, so it is gone.
    async fn fate(&self, n: usize, answer: Result<(), LakeError>) -> Fate {
        let error = match answer {
            Ok(()) => return Fate::Gone,
            Err(error) => error,
        };
        match error.class {
            ErrorClass::NotFound => Fate::Gone,
            class if may_pass(class) => Fate::Again(error),
            ErrorClass::Conflict => {
                let (key, etag) = self.pinned(n);
                match self.lake.head(&key).await {
                    Ok(now) if now.etag == etag => Fate::Again(error),
                    Ok(_) => Fate::Replaced,
                    Err(e) if e.class == ErrorClass::NotFound => Fate::Gone,
                    Err(e) if may_pass(e.class) => Fate::Again(e),
                    Err(e) => Fate::Refused(e),
                }
            }
            _ => Fate::Refused(error),
        }
    }
}
