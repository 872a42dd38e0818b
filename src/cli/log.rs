//! The log file under XDG state; nothing is logged to the terminal. A log that cannot be opened stops nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Above this the file is put aside at the next start. Bytes.
const MAX_BYTES: u64 = 5 << 20;

/// What is logged unless `LAKEWARD_LOG` says otherwise.
const DEFAULT_LEVEL: &str = "warn,lakeward=info";

/// Starts logging into `file`; `level` is what `LAKEWARD_LOG` says (`debug`, `lakeward=trace,aws_config=warn`).
pub fn start(file: &Path, level: Option<&str>) -> io::Result<()> {
    let writer = open(file)?;
    let filter =
        level.and_then(|l| EnvFilter::try_new(capped(l)).ok()).unwrap_or_else(|| EnvFilter::new(DEFAULT_LEVEL));
    let started =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(writer)).try_init();
    started.map_err(io::Error::other)
}

/// What was asked for, but for the traces of the SDK: they hold whole answers, and a link in one lets in whoever has it.
fn capped(level: &str) -> String {
    let is_trace = |directive: &str| {
        let (target, level) = directive.split_once('=').unwrap_or(("", directive));
        level.trim().eq_ignore_ascii_case("trace") && (target.trim().is_empty() || target.trim().starts_with("aws"))
    };
    let cap =
        ["runtime", "runtime_api", "http", "http_client"].map(|part| format!(",aws_smithy_{part}=debug")).concat();
    if level.split(',').any(is_trace) { format!("{level}{cap}") } else { level.to_owned() }
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
        for (asked, caps) in [
            ("trace", true),
            ("info,aws_smithy_runtime=TRACE", true),
            ("aws=trace", true),
            ("lakeward=trace,aws_config=warn", false),
            ("debug", false),
        ] {
            let filter = capped(asked);
            assert_eq!(filter.ends_with("aws_smithy_http_client=debug"), caps, "{filter}");
            assert!(EnvFilter::try_new(&filter).is_ok(), "{filter}");
        }
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
