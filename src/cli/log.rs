//! The log file under XDG state; nothing is logged to the terminal. A log that cannot be opened stops nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Above this the file is put aside at the next start. Bytes.
const MAX_BYTES: u64 = 5 << 20;

/// What is logged unless `LAKEWARD_LOG` says otherwise.
const DEFAULT_LEVEL: &str = "warn,lakeward=info";

/// Starts logging into `file`; `level` is what `LAKEWARD_LOG` says (`debug`, `lakeward=trace,aws_config=warn`).
pub fn start(file: &Path, level: Option<&str>) -> io::Result<()> {
    let writer = open(file)?;
    let filter = level.and_then(|l| EnvFilter::try_new(l).ok()).unwrap_or_else(|| EnvFilter::new(DEFAULT_LEVEL));
    let lines = fmt::layer().with_ansi(false).with_writer(Mutex::new(writer));
    let lines = lines.with_filter(filter.and(filter_fn(may_be_kept)));
    tracing_subscriber::registry().with(lines).try_init().map_err(io::Error::other)
}

/// Whether something may be kept: not the traces of the SDK, which hold whole answers, and a link in one lets in whoever
/// has it.
fn may_be_kept(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !["aws", "hyper", "reqwest"].iter().any(|of| metadata.target().starts_with(of))
}

/// Opens the file for appending, readable by its owner only; one that has grown large becomes `….1`.
pub fn open(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if fs::metadata(file).is_ok_and(|m| m.len() > MAX_BYTES) {
        fs::rename(file, file.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn traces_of_whole_answers_are_never_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.log");
        let lines = fmt::layer().with_ansi(false).with_writer(Mutex::new(open(&file).unwrap()));
        let filter = EnvFilter::new("trace,aws_smithy_runtime::client=trace,aws=5");
        let kept = tracing_subscriber::registry().with(lines.with_filter(filter.and(filter_fn(may_be_kept))));
        tracing::subscriber::with_default(kept, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "T0KEN");
            tracing::trace!(target: "hyper::proto", "T0KEN");
            tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "a retry");
            tracing::trace!(target: "lakeward", "a step");
        });
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("a retry") && text.contains("a step") && !text.contains("T0KEN"), "{text}");
    }

    #[test]
    fn a_large_log_is_put_aside_and_a_small_one_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/lakeward.log");
        let aside = dir.path().join("state/lakeward.log.1");
        open(&file).unwrap().set_len(MAX_BYTES).unwrap();
        assert_eq!(open(&file).unwrap().metadata().unwrap().len(), MAX_BYTES);
        open(&file).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(open(&file).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(fs::metadata(aside).unwrap().len(), MAX_BYTES + 1);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
