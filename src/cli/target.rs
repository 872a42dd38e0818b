//! TARGET of the commands: `DATASET/dt=D` (or `date=`, `day=`), a path as `dlq list` prints it, or a full
//! address inside the lake. What is there is the lake's matter.

use super::exit::CliError;
use crate::lake::path::Prefixes;

/// The path of an entry, relative to the lake, beginning with the errors prefix and ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(pub String);

impl Target {
    /// Reads a target. `url` is the address of the lake.
    pub fn parse(text: &str, prefixes: &Prefixes, url: &str) -> Result<Self, CliError> {
        let wrong = |message: String| CliError::Usage {
            message,
            hint: "DATASET/dt=2026-01-31, or a path as `lakeward dlq list` prints it".to_owned(),
        };
        let inside = match text.strip_prefix(url) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
            _ if text.contains("://") => return Err(wrong(format!("target `{text}` is not inside the lake {url}"))),
            _ => text.trim_start_matches("./"),
        };
        let path = inside.strip_prefix(&prefixes.errors).unwrap_or(inside).trim_end_matches('/');
        if path.is_empty() || format!("{path}/") == prefixes.errors {
            return Err(wrong(format!("target `{text}` names no entry")));
        }
        if path.split('/').any(|level| matches!(level, "" | "." | "..")) {
            return Err(wrong(format!("target `{text}` is not a path")));
        }
        Ok(Self(format!("{}{path}/", prefixes.errors)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_a_target_is_the_same_path() {
        let read = |text: &str| Target::parse(text, &Prefixes::default(), "s3://b/p").map(|t| t.0);
        for (text, path) in [
            ("orders/dt=2026-01-31", "_errors/orders/dt=2026-01-31/"),
            ("orders/dt=2026-01-31/", "_errors/orders/dt=2026-01-31/"),
            ("_errors/orders/dt=2026-01-31/", "_errors/orders/dt=2026-01-31/"),
            ("./_errors/orders/dt=2026-01-31", "_errors/orders/dt=2026-01-31/"),
            ("s3://b/p/_errors/orders/dt=2026-01-31/", "_errors/orders/dt=2026-01-31/"),
            ("crm/contacts/date=2026-01-31", "_errors/crm/contacts/date=2026-01-31/"),
            ("crm/contacts/day=20260131/run_id=X", "_errors/crm/contacts/day=20260131/run_id=X/"),
            ("orders/dt=2026-99-99", "_errors/orders/dt=2026-99-99/"),
            ("stream", "_errors/stream/"),
        ] {
            assert_eq!(read(text).unwrap(), path, "{text}");
        }
        for text in
            ["", "/", "_errors", "_errors/", "a//b", "a/../b", "../x", "s3://b/other/x", "s3://b/prefix/x", "s3://b/p"]
        {
            assert_eq!(read(text).unwrap_err().exit().code(), 2, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_stays_under_the_errors_prefix(text in ".*") {
            if let Ok(Target(path)) = Target::parse(&text, &Prefixes::default(), "s3://b") {
                prop_assert!(path.starts_with("_errors/") && path.ends_with('/') && !path.contains("/../"));
            }
        }
    }
}
