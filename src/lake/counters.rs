//! Requests and bytes of a lake, counted where they happen; read by tests, benches and `--stats`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Running totals; every end of the port adds to them.
#[derive(Debug, Default)]
pub struct Counters {
    lists: AtomicU64,
    gets: AtomicU64,
    heads: AtomicU64,
    writes: AtomicU64,
    bytes: AtomicU64,
    levels: AtomicU64,
    parts: OnceLock<Vec<Part>>,
}

/// What lies below one prefix, and how many reads and listings were about it.
#[derive(Debug)]
struct Part {
    name: &'static str,
    prefix: String,
    requests: AtomicU64,
}

/// How deep in a chain of dependent requests one read is: 1 + the deepest that ended before it began.
#[derive(Debug, Clone, Copy)]
pub struct Level(u64);

/// A reading of [`Counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Stats {
    /// Listing requests.
    pub lists: u64,
    /// Object reads, ranged or whole.
    pub gets: u64,
    /// Head requests.
    pub heads: u64,
    /// Puts, deletes and copies.
    pub writes: u64,
    /// Body bytes of object reads.
    pub bytes: u64,
    /// The longest chain of object reads of which each began after the one before had ended: what a
    /// preview costs in round trips.
    pub levels: u64,
}

impl Stats {
    /// Requests of all kinds.
    pub fn requests(self) -> u64 {
        self.lists + self.gets + self.heads + self.writes
    }
}

impl Counters {
    /// One listing request.
    pub fn list(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    /// One object read is sent.
    pub fn get(&self) -> Level {
        self.gets.fetch_add(1, Ordering::Relaxed);
        Level(self.levels.load(Ordering::Relaxed) + 1)
    }

    /// So many body bytes of a read came.
    pub fn received(&self, level: Level, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.levels.fetch_max(level.0, Ordering::Relaxed);
    }

    /// One head request.
    pub fn head(&self) {
        self.heads.fetch_add(1, Ordering::Relaxed);
    }

    /// One put, delete or copy.
    pub fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// From now on, tells apart what is about some prefixes, each by the name of what lies there. Once: later ones are
    /// those of the first.
    pub fn tell_apart(&self, mut prefixes: Vec<(&'static str, String)>) {
        prefixes.sort_unstable();
        prefixes.dedup();
        self.parts.get_or_init(|| {
            let part = |(name, prefix)| Part { name, prefix, requests: AtomicU64::new(0) };
            let mut parts: Vec<Part> = prefixes.into_iter().map(part).collect();
            // Of two that hold a key, the longer one is meant.
            parts.sort_by_key(|part| std::cmp::Reverse(part.prefix.len()));
            parts
        });
    }

    /// A read or a listing is about this key or prefix.
    pub fn about(&self, key: &str) {
        let mut parts = self.parts.get().into_iter().flatten();
        if let Some(part) = parts.find(|part| key.starts_with(&part.prefix)) {
            part.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads and listings by name, of what is told apart.
    pub fn by_name(&self) -> Vec<(&'static str, u64)> {
        let mut names: Vec<(&'static str, u64)> = Vec::new();
        for part in self.parts.get().into_iter().flatten() {
            let requests = part.requests.load(Ordering::Relaxed);
            match names.iter_mut().find(|(name, _)| *name == part.name) {
                Some((_, n)) => *n += requests,
                None => names.push((part.name, requests)),
            }
        }
        names
    }

    /// The totals now.
    pub fn read(&self) -> Stats {
        Stats {
            lists: self.lists.load(Ordering::Relaxed),
            gets: self.gets.load(Ordering::Relaxed),
            heads: self.heads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            levels: self.levels.load(Ordering::Relaxed),
        }
    }
}

impl std::ops::Sub for Stats {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            lists: self.lists - earlier.lists,
            gets: self.gets - earlier.gets,
            heads: self.heads - earlier.heads,
            writes: self.writes - earlier.writes,
            bytes: self.bytes - earlier.bytes,
            levels: self.levels - earlier.levels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_the_longest_prefix() {
        let counters = Counters::default();
        counters.about("before/it");
        let parts = [("dlq", "_errors/"), ("feed", "gold/"), ("quality", "_dq/"), ("quality", "gold/quality/")];
        counters.tell_apart(parts.map(|(name, prefix)| (name, prefix.to_owned())).to_vec());
        for key in ["_errors/a", "_errors/", "_dq/x", "gold/quality/silver/", "gold/alerts.json", "bronze/", "_error"] {
            counters.about(key);
        }
        let mut names = counters.by_name();
        names.sort_unstable();
        assert_eq!(names, [("dlq", 2), ("feed", 1), ("quality", 2)]);
    }
}
