//! Who holds which prefix. The leases of a lake are one list; each change of it is a new generation,
//! `_lakeward/leases/{n}.json`, made only if it does not exist. So two that change it at once have one winner on
//! every store that knows `If-None-Match`, and prefixes that overlap are seen whatever their depth.
//!
//! A lease is no lock on the data: that is what the conditions of each request are for. It keeps two operators from
//! working against each other, and tells them of each other.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration as Pause;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{Actor, GateError};
use crate::lake::{ByteRange, Condition, ErrorClass, Key, LakeError, LakeWriter, ListRequest};
use crate::model::moves::MoveId;
use crate::sources::local::process;

/// How long a lease holds without being renewed.
pub const LENGTH: Duration = Duration::seconds(120);
/// What must be left of a lease for its holder to act: a request takes its time, and no two clocks are equal. It is
/// renewed when three times as much is left.
const MARGIN: Duration = Duration::seconds(30);
/// Old generations that are kept: one who was slow must not find an old number free.
const KEPT: u64 = 16;
/// Tries against others who change the list at the same time.
const TRIES: u32 = 40;

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The move it is for.
    pub id: MoveId,
    /// Told apart from an earlier run of the same move.
    pub run: u64,
    /// The prefixes that are held.
    pub prefixes: Vec<String>,
    /// Who holds them.
    pub holder: Actor,
    /// By which process, for those who are on its machine.
    #[serde(default)]
    pub process: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// Whether a move still holds its lease. A process that slept (a closed laptop, Ctrl-Z) finds out by the time of day
/// before it acts: the timer that renews the lease slept as well.
#[derive(Debug)]
pub struct Fence {
    taken: AtomicBool,
    /// Seconds of the epoch.
    until: AtomicI64,
}

impl Fence {
    /// Of a lease that holds until then.
    pub fn new(until: DateTime<Utc>) -> Self {
        Self { taken: AtomicBool::new(false), until: AtomicI64::new(until.timestamp()) }
    }

    /// Whether there is time to act: a lease that is about to run out is no lease.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        !self.is_taken() && now.timestamp() + MARGIN.num_seconds() < self.until.load(Ordering::Relaxed)
    }

    /// Whether somebody else took it over.
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn renewed(&self, until: DateTime<Utc>) {
        self.until.store(until.timestamp(), Ordering::Relaxed);
    }

    pub(super) fn taken_over(&self) {
        self.taken.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Held {
    schema: u32,
    held: Vec<Lease>,
}

/// The leases of a lake.
#[derive(Debug)]
pub struct Leases<'a> {
    lake: &'a dyn LakeWriter,
    /// Ends in `/`.
    prefix: String,
}

impl<'a> Leases<'a> {
    /// Those under the state prefix of a lake.
    pub fn of(lake: &'a dyn LakeWriter, state: &str) -> Self {
        Self { lake, prefix: format!("{state}leases/") }
    }

    /// Takes a lease, or says who holds what it wants.
    pub async fn take(&self, wanted: &Lease, now: DateTime<Utc>) -> Result<(), GateError> {
        self.change(|held| {
            held.retain(|l| l.until > now && !process::is_dead(&l.process));
            let other = held.iter().find(|l| l.run != wanted.run && l.meets(&wanted.prefixes));
            if let Some((other, prefix)) = other.and_then(|l| Some((l, l.prefixes.first()?))) {
                return Err(GateError::Held {
                    prefix: prefix.clone(),
                    holder: other.holder.name(),
                    until: other.until,
                    id: other.id.clone(),
                });
            }
            held.retain(|l| l.run != wanted.run);
            held.push(wanted.clone());
            Ok(())
        })
        .await
    }

    /// Gives a lease back.
    pub async fn give_back(&self, lease: &Lease) -> Result<(), GateError> {
        self.change(|held| {
            held.retain(|l| l.run != lease.run);
            Ok(())
        })
        .await
    }

    /// Changes the list: reads the newest generation, and writes the next one if nobody else has.
    async fn change(&self, mut change: impl FnMut(&mut Vec<Lease>) -> Result<(), GateError>) -> Result<(), GateError> {
        for attempt in 0..TRIES {
            let generations = self.generations().await?;
            let newest = generations.last().copied();
            let mut held = match newest {
                None => Held::default(),
                Some(n) => match self.read(n).await {
                    Ok(held) => held,
                    // Removed by one who is many generations ahead.
                    Err(e) if e.class == ErrorClass::NotFound => continue,
                    Err(e) => return Err(e.into()),
                },
            };
            let before = held.held.clone();
            change(&mut held.held)?;
            if held.held == before {
                return Ok(());
            }
            held.schema = 1;
            let next = newest.map_or(1, |n| n + 1);
            let bytes = Bytes::from(serde_json::to_vec_pretty(&held).unwrap_or_default());
            match self.lake.put(&self.key(next), bytes.clone(), Some(Condition::Absent)).await {
                Ok(_) => {}
                Err(e) if e.class == ErrorClass::Conflict && self.is_mine(next, &bytes).await => {}
                Err(e) if e.class == ErrorClass::Unreachable && self.is_mine(next, &bytes).await => {}
                Err(e) if matches!(e.class, ErrorClass::Conflict | ErrorClass::Unreachable) && attempt + 1 < TRIES => {
                    tokio::time::sleep(pause(attempt)).await;
                    continue;
                }
                Err(e) => return Err(e.into()),
            }
            // One who was away for more than the kept generations may have found an old number free.
            if self.generations().await?.last().is_some_and(|newest| *newest > next + KEPT) {
                continue;
            }
            self.clean(&generations, next).await;
            return Ok(());
        }
        let detail = "others change the leases all the time; try again";
        Err(LakeError::new(ErrorClass::Conflict, self.lake.uri(&self.prefix), detail).into())
    }

    /// Whether a generation is the one just written: its reply was lost, and the request was sent again.
    async fn is_mine(&self, generation: u64, bytes: &Bytes) -> bool {
        let there = self.lake.get(&self.key(generation), ByteRange::Whole, None).await;
        there.is_ok_and(|f| f.bytes == *bytes)
    }

    async fn generations(&self) -> Result<Vec<u64>, LakeError> {
        let mut request = ListRequest { prefix: self.prefix.clone(), ..ListRequest::default() };
        let mut numbers = Vec::new();
        loop {
            let page = self.lake.list(&request).await?;
            let names = page.objects.iter().filter_map(|o| o.key.as_str().strip_prefix(&self.prefix));
            numbers.extend(names.filter_map(|n| n.strip_suffix(".json")?.parse::<u64>().ok()));
            match page.continuation {
                Some(next) => request.continuation = Some(next),
                None => return Ok(numbers),
            }
        }
    }

    async fn read(&self, generation: u64) -> Result<Held, LakeError> {
        let key = self.key(generation);
        let fetched = self.lake.get(&key, ByteRange::Whole, None).await?;
        serde_json::from_slice(&fetched.bytes).map_err(|e| {
            let detail = format!("not a list of leases: {e}");
            let error = LakeError::new(ErrorClass::Malformed, self.lake.uri(key.as_str()), detail);
            LakeError { hint: "look at it; if nobody moves anything now, delete it".into(), ..error }
        })
    }

    /// Best effort: what stays is removed by the next change.
    async fn clean(&self, generations: &[u64], newest: u64) {
        let old: Vec<_> = generations.iter().filter(|n| **n + KEPT < newest).collect();
        // In eighths: most changes delete nothing.
        if old.len() < KEPT as usize / 2 {
            return;
        }
        for generation in old {
            let _ = self.lake.delete(&self.key(*generation), None).await;
        }
    }

    fn key(&self, generation: u64) -> Key {
        Key(format!("{}{generation:012}.json", self.prefix))
    }
}

impl Lease {
    fn meets(&self, prefixes: &[String]) -> bool {
        let meet = |a: &String, b: &String| a.starts_with(b.as_str()) || b.starts_with(a.as_str());
        self.prefixes.iter().any(|mine| prefixes.iter().any(|other| meet(mine, other)))
    }
}

/// A few milliseconds, more after each try, and by chance: two that meet must not meet again.
fn pause(attempt: u32) -> Pause {
    let most = 4 << attempt.min(6);
    Pause::from_millis(2 + super::chance() % most)
}
