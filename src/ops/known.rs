//! What a session remembers between refreshes, so that only what changed is read again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::entry::{DlqEntry, EntryPath};
use crate::rows::RowSet;

use super::assess::unread;
use super::entries::Found;

/// Row sets kept open: the ones looked at last.
const OPEN_SETS: usize = 8;

/// An entry as last listed, as it is known, and whether it was read.
#[derive(Debug)]
struct Seen {
    found: Arc<Found>,
    entry: Arc<DlqEntry>,
    read: bool,
}

/// Entries by path, and the row sets opened last.
#[derive(Debug, Default)]
pub struct Known {
    entries: Mutex<HashMap<EntryPath, Seen>>,
    sets: Mutex<VecDeque<(Arc<Found>, Arc<RowSet>)>>,
    texts: Mutex<HashSet<Arc<str>>>,
}

impl Known {
    /// What an earlier refresh read of this entry, if its objects are still the same.
    pub fn unchanged(&self, found: &Found) -> Option<Arc<DlqEntry>> {
        let entries = lock(&self.entries);
        let seen = entries.get(&found.path).filter(|s| s.read)?;
        (seen.found.signature() == found.signature()).then(|| Arc::clone(&seen.entry))
    }

    /// These entries as they are known, and how many of them were not read yet.
    pub fn entries(&self, found: &[Arc<Found>]) -> (Vec<Arc<DlqEntry>>, usize) {
        let entries = lock(&self.entries);
        let seen: Vec<&Seen> = found.iter().filter_map(|f| entries.get(&f.path)).collect();
        let unread = seen.iter().filter(|s| !s.read).count();
        (seen.into_iter().map(|s| Arc::clone(&s.entry)).collect(), unread)
    }

    /// Those of these entries that were read as they lie there now.
    pub fn read(&self, found: &[Arc<Found>]) -> Vec<Arc<DlqEntry>> {
        let entries = lock(&self.entries);
        let seen = found.iter().filter_map(|f| entries.get(&f.path)).filter(|seen| seen.read);
        seen.map(|seen| Arc::clone(&seen.entry)).collect()
    }

    /// The entry's objects, as last listed.
    pub fn found(&self, path: &EntryPath) -> Option<Arc<Found>> {
        lock(&self.entries).get(path).map(|s| Arc::clone(&s.found))
    }

    /// Remembers what was read.
    pub fn remember(&self, found: &Arc<Found>, mut entry: DlqEntry) {
        self.share_texts(&mut entry);
        let seen = Seen { found: Arc::clone(found), entry: Arc::new(entry), read: true };
        lock(&self.entries).insert(found.path.clone(), seen);
    }

    /// Remembers a listing of which nothing was read yet; what was read of unchanged objects stays. Gives back the
    /// listing that is known already where it says the same, so that no two of them are kept.
    pub fn listed(&self, found: Arc<Found>) -> Arc<Found> {
        let mut entries = lock(&self.entries);
        let seen = entries.get(&found.path);
        if let Some(seen) = seen.filter(|s| s.found == found) {
            return Arc::clone(&seen.found);
        }
        let unchanged = seen.filter(|s| s.read && s.found.signature() == found.signature());
        let known = unchanged.map(|s| Arc::clone(&s.entry));
        let read = known.is_some();
        let entry = known.unwrap_or_else(|| Arc::new(unread(&found)));
        entries.insert(found.path.clone(), Seen { found: Arc::clone(&found), entry, read });
        found
    }

    /// Takes an entry for unread, so that the next refresh reads it again.
    pub fn read_again(&self, found: &Found) {
        if let Some(seen) = lock(&self.entries).get_mut(&found.path) {
            *seen = Seen { found: Arc::clone(&seen.found), entry: Arc::new(unread(&seen.found)), read: false };
        }
    }

    /// Forgets entries that are gone.
    pub fn retain(&self, still: impl Fn(&EntryPath) -> bool) {
        lock(&self.entries).retain(|path, _| still(path));
        lock(&self.texts).retain(|text| Arc::strong_count(text) > 1);
    }

    /// Entries of one cause say the same: its words are kept once.
    fn share_texts(&self, entry: &mut DlqEntry) {
        let mut texts = lock(&self.texts);
        let said = entry.errors.iter_mut();
        let said = said.flat_map(|e| [&mut e.error_type, &mut e.error_message, &mut e.source_path]);
        for text in said.chain([&mut entry.fault]).flatten() {
            match texts.get(text.as_ref()) {
                Some(known) => *text = Arc::clone(known),
                None => {
                    texts.insert(Arc::clone(text));
                }
            }
        }
    }

    /// An open row set of exactly these objects.
    pub fn rows(&self, found: &Found) -> Option<Arc<RowSet>> {
        let signature = found.signature();
        let sets = lock(&self.sets);
        sets.iter().find(|(f, _)| f.path == found.path && f.signature() == signature).map(|(_, rows)| Arc::clone(rows))
    }

    /// Keeps a row set open.
    pub fn keep_rows(&self, found: &Arc<Found>, rows: RowSet) -> Arc<RowSet> {
        let rows = Arc::new(rows);
        let mut sets = lock(&self.sets);
        sets.retain(|(f, _)| f.path != found.path);
        sets.push_front((Arc::clone(found), Arc::clone(&rows)));
        sets.truncate(OPEN_SETS);
        rows
    }
}

/// A thread that panicked while holding the lock left whole values behind: every change is one insert.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
