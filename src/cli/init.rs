//! `init`: writes the commented configuration file. Never over one that is there, unless told to.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::config::{TEMPLATE, reference};
use super::connect;
use super::exit::CliError;
use super::output::Answer;

/// Writes the file, readable by its owner only, and the folders above it.
pub fn run(file: &Path, force: bool, as_json: bool) -> Result<Answer, CliError> {
    write(file, force)?;
    if as_json {
        return Ok(Answer::fine(super::output::json(&serde_json::json!({ "written": file.display().to_string() }))?));
    }
    Ok(Answer::fine(format!(
        "wrote {}\nnext: set `lake` there, then run `lakeward doctor`\n",
        crate::model::text::escape(&file.display().to_string())
    )))
}

/// Every key of the configuration, from what reads it: a page of Markdown, or JSON.
pub fn reference(as_json: bool) -> Result<Answer, CliError> {
    let reference = reference::reference(&connect::vocabulary())?;
    let text = if as_json { super::output::json(&reference)? } else { reference::markdown(&reference) };
    Ok(Answer::fine(text))
}

fn write(file: &Path, force: bool) -> Result<(), CliError> {
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists => CliError::Failed {
            message: format!("{}: the file is there already", file.display()),
            hint: Some("--force overwrites it; --out FILE writes elsewhere".to_owned()),
        },
        _ => CliError::file(file, &e),
    };
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut out = options.open(file).map_err(failed)?;
    out.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    out.write_all(TEMPLATE.as_bytes()).map_err(failed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_survives_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b/config.toml");
        run(&file, false, false).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), TEMPLATE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "mine").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = run(&file, false, false).unwrap_err();
        assert_eq!((error.exit().code(), error.lines().len()), (1, 2));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        run(&file, true, false).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), TEMPLATE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_reference_is_a_page_or_json() {
        assert!(reference(false).unwrap().text.starts_with("# Configuration\n"));
        let tree: serde_json::Value = serde_json::from_str(&reference(true).unwrap().text).unwrap();
        let key = &tree["tables"][0]["keys"][0];
        assert_eq!((&key["name"], &key["flags"][0]), (&"environment".into(), &"--env".into()));
        let keys: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted = "name key allowed unit default otherwise required flags variables in_lake_file about";
        assert_eq!(keys.join(" "), wanted);
    }
}
