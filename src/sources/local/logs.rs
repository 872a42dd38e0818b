//! Logs of a local environment: files of the lake's own folder, read on from where the last reading ended.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::lake::{ByteRange, ErrorClass, Key, Lake};
use crate::model::run::LogPlace;
use crate::sources::SourceError;
use crate::sources::logs::{LogCursor, LogPage, LogQuery, LogSource, RawLine};

/// Bytes of one reading. 4 MiB.
const CHUNK: u64 = 4 << 20;
/// A line beyond this is cut. 64 KiB.
const LINE: usize = 64 << 10;

/// The log files of a lake.
#[derive(Debug)]
pub struct LocalLogs {
    lake: Arc<dyn Lake>,
}

impl LocalLogs {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self { lake }
    }
}

#[async_trait]
impl LogSource for LocalLogs {
    fn name(&self) -> &'static str {
        "files"
    }

    fn reads(&self, place: &LogPlace) -> bool {
        matches!(place, LogPlace::File { .. })
    }

    async fn read(&self, place: &LogPlace, query: &LogQuery, from: Option<&LogCursor>) -> Result<LogPage, SourceError> {
        let LogPlace::File { path } = place else {
            return Err(SourceError::new(ErrorClass::Unsupported, "log", "this log is no file"));
        };
        let key = Key(path.to_string_lossy().into_owned());
        let begin = from.and_then(|c| c.0.parse::<u64>().ok()).unwrap_or(0);
        let size = self.lake.head(&key).await?.size;
        // A file that became shorter was begun anew.
        let begin = if begin > size { 0 } else { begin };
        if begin == size {
            return Ok(LogPage { next: Some(LogCursor(begin.to_string())), at_end: true, ..LogPage::default() });
        }
        let fetched = self.lake.get(&key, ByteRange::Span(begin..(begin + CHUNK).min(size)), None).await?;
        let (lines, used) = cut(&fetched.bytes, begin + fetched.bytes.len() as u64 >= size, query.most.max(1));
        let stream: Arc<str> = name_of(path).into();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..LINE).unwrap_or(bytes)).into_owned();
        let lines = lines.into_iter().map(text).filter(|l| query.contains.as_ref().is_none_or(|w| l.contains(w)));
        let lines = lines.map(|text| RawLine { at: None, stream: Arc::clone(&stream), text }).collect();
        let next = begin + used as u64;
        Ok(LogPage { lines, next: Some(LogCursor(next.to_string())), at_end: next >= size, ..LogPage::default() })
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The whole lines among some bytes, at most `most`, and how many bytes they take. At the end of a file the last line
/// counts without its end too: a writer that died left it so.
fn cut(bytes: &[u8], at_end: bool, most: usize) -> (Vec<&[u8]>, usize) {
    let (mut lines, mut used) = (Vec::new(), 0);
    while lines.len() < most && used < bytes.len() {
        let rest = bytes.get(used..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            // A line longer than a whole reading goes on in pieces.
            if at_end || lines.is_empty() {
                lines.push(rest);
                used = bytes.len();
            }
            break;
        };
        let line = rest.get(..end).unwrap_or_default();
        lines.push(line.strip_suffix(b"\r").unwrap_or(line));
        used += end + 1;
    }
    (lines, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_whole() {
        let said = |bytes: &'static [u8], at_end, most| {
            let (lines, used) = cut(bytes, at_end, most);
            (lines.into_iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect::<Vec<_>>(), used)
        };
        let of = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        assert_eq!(said(b"a\r\nb\nc", false, 9), (of(&["a", "b"]), 5));
        assert_eq!(said(b"a\nb\nc", true, 9), (of(&["a", "b", "c"]), 5));
        assert_eq!(said(b"a\nb\nc", true, 1), (of(&["a"]), 2));
        assert_eq!(said(b"long", false, 9), (of(&["long"]), 4));
        assert_eq!(said(b"", true, 9), (of(&[]), 0));
    }
}
