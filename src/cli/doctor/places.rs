//! The files of this machine: where the configuration was read, where log and state go. Writes nothing.

use std::path::Path;

use super::{Check, Verdict};
use crate::cli::config::{Config, Places};

/// Where the configuration comes from.
pub fn configuration(config: &Config, places: &Places) -> Check {
    let own = config.lake_file.as_ref().map_or_else(String::new, |f| format!("; the lake's own {}", f.display()));
    match &config.file {
        Some(file) => Check::new("configuration", Verdict::Pass, format!("{}{own}", file.display())),
        None => {
            let place = places.config_file().map_or_else(|| "no home directory".into(), |f| f.display().to_string());
            let verdict = if config.lake.is_some() { Verdict::Pass } else { Verdict::Warn };
            Check::new("configuration", verdict, format!("no file at {place}: defaults{own}"))
                .hint("lakeward init writes one")
        }
    }
}

/// Where log and state go.
pub fn checks(places: &Places) -> Vec<Check> {
    vec![writable("log file", places.log_file().as_deref()), writable("state folder", places.state.as_deref())]
}

/// Whether a file or folder can be written, judged by the nearest one above it that is there. Writes nothing.
fn writable(check: &'static str, place: Option<&Path>) -> Check {
    let Some(place) = place else {
        return Check::new(check, Verdict::Warn, "no home directory").hint("set HOME or XDG_STATE_HOME");
    };
    let shown = place.display();
    let Some((there, meta)) = place.ancestors().find_map(|p| Some((p, std::fs::metadata(p).ok()?))) else {
        return Check::new(check, Verdict::Fail, format!("{shown}: no folder above it"));
    };
    let refused = if there != place && !meta.is_dir() {
        Some(format!("{} is not a folder", there.display()))
    } else if meta.permissions().readonly() {
        Some(format!("{} is read-only", there.display()))
    } else if meta.is_file() {
        std::fs::OpenOptions::new().append(true).open(there).err().map(|e| e.to_string())
    } else {
        None
    };
    match refused {
        None => Check::new(check, Verdict::Pass, shown.to_string()),
        Some(why) => Check::new(check, Verdict::Fail, format!("{shown}: {why}")).hint("set XDG_STATE_HOME elsewhere"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_judged_without_making_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/b/lakeward.log");
        assert_eq!(writable("log file", Some(&place)).verdict, Verdict::Pass);
        assert!(!dir.path().join("a").exists());
        std::fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(writable("log file", Some(&place)).verdict, Verdict::Fail);
        assert_eq!(writable("log file", None).verdict, Verdict::Warn);
    }
}
