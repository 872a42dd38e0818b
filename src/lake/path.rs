//! The path grammar of `_errors/`, `_quarantine/`, `_archive/`, `_lakeward/`: `dt=`, `date=`, `day=`
//! and `run_id=` levels.

/// The prefixes of a lake, each relative to its root and ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// Dead letters.
    pub errors: String,
    /// Moved out of the pipeline's way.
    pub quarantine: String,
    /// Kept for good.
    pub archive: String,
    /// Our own records.
    pub state: String,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self {
            errors: "_errors/".into(),
            quarantine: "_quarantine/".into(),
            archive: "_archive/".into(),
            state: "_lakeward/".into(),
        }
    }
}
