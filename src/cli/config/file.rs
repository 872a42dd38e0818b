//! A file of the configuration that was read: its text, its place, and the lines of its values. No value is judged here
//! beyond its type.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Places;
use super::fault::{ConfigError, line_of, split_message};
use super::source::{Source, Sourced};
use super::tables::Tables;

/// A larger file is not a configuration. Bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A file that was read. Its text may hold secrets: it is not shown.
pub struct Document {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub tables: Tables,
    text: String,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("path", &self.path).field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Document {
    /// Reads a file that must be there.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |fault: String| ConfigError::new(path.display().to_string(), fault, "a readable TOML file");
        let meta = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
        if !meta.is_file() {
            return Err(unreadable("not a file".to_owned()));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|e| unreadable(e.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ConfigError::new(path.display().to_string(), "the file is too large", "at most 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
            ConfigError::new(format!("{}:{line}", path.display()), "not UTF-8", "text in UTF-8")
        })?;
        Self::parse(path, text)
    }

    /// Reads the text of a file.
    pub fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        match toml::from_str(&text) {
            Ok(tables) => Ok(Self { path: path.to_owned(), tables, text }),
            Err(e) => {
                let line = line_of(&text, e.span().map_or(0, |s| s.start));
                let (fault, allowed) = split_message(e.message());
                Err(ConfigError::new(format!("{}:{line}", path.display()), fault, allowed))
            }
        }
    }

    /// The line of a span.
    pub fn source(&self, span: &Range<usize>) -> Source {
        Source::File { path: self.path.clone(), line: line_of(&self.text, span.start) }
    }

    /// A value with its line.
    pub fn sourced<T: Clone>(&self, value: &Spanned<T>) -> Sourced<T> {
        Sourced { value: value.get_ref().clone(), source: self.source(&value.span()) }
    }

    /// As [`Document::sourced`], for what may be absent.
    pub fn maybe<T: Clone>(&self, value: Option<&Spanned<T>>) -> Option<Sourced<T>> {
        value.map(|v| self.sourced(v))
    }

    /// A path that stands in the file: relative to it, or below `~`.
    pub fn place(&self, text: &str, places: &Places) -> PathBuf {
        let base = self.path.parent().unwrap_or(Path::new(""));
        match (Path::new(text).strip_prefix("~"), &places.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => base.join(text),
        }
    }

    /// A fault at a value.
    pub fn fault<T>(&self, at: &Spanned<T>, fault: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        ConfigError::new(self.source(&at.span()).to_string(), fault, allowed)
    }
}
