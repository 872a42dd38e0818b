//! Requests and bytes of a lake, counted where they happen; read by tests, benches and `--stats`.

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
