//! A file that grows by one line of JSON for each notice: for a log shipper, a pager hook, or another program.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{About, Notifier, NotifyError};
use crate::lake::ErrorClass;
use crate::model::notice::Notice;
use crate::model::template::{LINE, Markup};

/// Appends to a file, readable by its owner only.
#[derive(Debug, Clone)]
pub struct File {
    about: About,
    path: PathBuf,
}

impl File {
    /// Opens nothing.
    pub fn new(about: About, path: PathBuf) -> Self {
        Self { about, path }
    }

    /// The notice's fields, and the text as the template has it.
    fn line(&self, notice: &Notice) -> String {
        let mut record = notice.json();
        if let Some(fields) = record.as_object_mut() {
            fields.insert("text".to_owned(), self.about.text(notice, LINE, Markup::Plain).into());
        }
        format!("{record}\n")
    }

    /// Runs what may wait for a disk on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, NotifyError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        done.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| failed(&self.path, &e))
    }
}

fn failed(path: &Path, error: &io::Error) -> NotifyError {
    let class = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorClass::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorClass::Denied,
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => ErrorClass::Unsupported,
        // A full disk may be emptied, a server may come back.
        _ => ErrorClass::Unreachable,
    };
    let hint = "check notify.path in the configuration, and who may write there";
    NotifyError::new(class, path.display().to_string(), error.to_string()).hint(hint)
}

/// One write of a whole line: lines of two processes do not mix.
fn append(path: &Path, line: &str) -> io::Result<()> {
    regular(path)?;
    let mut out = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    out.write_all(line.as_bytes())?;
    out.sync_data()
}

/// Opening a pipe that nobody reads would wait for ever.
fn regular(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(meta) if !meta.is_file() => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// What is there is opened without writing; of what is not, the folder is judged by its mode.
fn writable(path: &Path) -> io::Result<&'static str> {
    regular(path)?;
    if path.exists() {
        OpenOptions::new().append(true).open(path)?;
        return Ok("can be appended to");
    }
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let meta = fs::metadata(folder)?;
    if !meta.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if meta.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok("will be made")
}

#[async_trait]
impl Notifier for File {
    fn about(&self) -> &About {
        &self.about
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        let line = self.line(notice);
        self.blocking(move |path| append(path, &line)).await
    }

    async fn check(&self) -> Result<String, NotifyError> {
        let found = self.blocking(writable).await?;
        Ok(format!("{} {found}", self.path.display()))
    }

    fn preview(&self, notice: &Notice) -> Result<String, NotifyError> {
        Ok(format!("append to {}\n{}", self.path.display(), self.line(notice)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::notice::tests::quarantined;

    #[tokio::test]
    async fn each_notice_is_one_line_as_previewed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notices.jsonl");
        let file = File::new(About::named("file"), path.clone());
        assert!(file.check().await.unwrap().ends_with("will be made"));
        assert!(!path.exists(), "a check writes nothing");
        let notice = Notice { note: Some("two\nlines".into()), ..quarantined() };
        file.send(&notice).await.unwrap();
        file.send(&notice).await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(file.preview(&notice).unwrap().lines().nth(1), text.lines().next());
        let record: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&record["kind"], &record["objects"]), (&"quarantine".into(), &3.into()));
        assert_eq!(record["text"], notice.summary());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(file.check().await.unwrap().ends_with("can be appended to"));
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_says_why() {
        let dir = tempfile::tempdir().unwrap();
        for (path, class) in [
            (dir.path().join("missing/notices"), ErrorClass::NotFound),
            (dir.path().to_owned(), ErrorClass::Unsupported),
            ("/dev/null".into(), ErrorClass::Unsupported),
        ] {
            let file = File::new(About::named("file"), path.clone());
            for error in [file.check().await.unwrap_err(), file.send(&quarantined()).await.unwrap_err()] {
                assert_eq!((error.class, error.target.as_str()), (class, path.to_str().unwrap()), "{error}");
            }
        }
    }
}
