//! The lines of one object, read in ranges and unfolded as they are asked for: at no time is more than a piece of it
//! in memory.

use std::sync::Arc;

use bytes::Bytes;

use super::gunzip::{Gunzip, MAGIC};
use crate::lake::{ByteRange, Lake, LakeError, ObjectMeta};

/// Bytes of one request. 1 MiB: a log of a minute in one, one of 128 MB in as many as a reader has patience for.
const RANGE: u64 = 1 << 20;
/// A longer line is given in pieces of this. 64 KiB.
const LINE: usize = 64 << 10;

/// A line of an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text, without its end.
    pub text: String,
    /// Where it ends: bytes of text from the object's beginning.
    pub end: u64,
    /// Whether its end was there, and not only that of what could be read.
    pub ended: bool,
}

/// An object that is being read.
#[derive(Debug)]
pub struct Reader {
    lake: Arc<dyn Lake>,
    object: ObjectMeta,
    /// Bytes that are not unfolded yet, and where the next ones are.
    raw: Bytes,
    next: u64,
    form: Option<Form>,
    /// Text from `start` on is not given yet; `start` is `at` bytes behind the object's beginning.
    text: Vec<u8>,
    start: usize,
    at: u64,
    damage: Option<&'static str>,
    through: bool,
}

#[derive(Debug)]
enum Form {
    Plain,
    Gzip(Box<Gunzip>),
}

impl Reader {
    /// An object from its beginning. Sends nothing yet.
    pub fn new(lake: Arc<dyn Lake>, object: ObjectMeta) -> Self {
        let (raw, text) = (Bytes::new(), Vec::new());
        Self { lake, object, raw, next: 0, form: None, text, start: 0, at: 0, damage: None, through: false }
    }

    /// Which object it is.
    pub fn object(&self) -> &ObjectMeta {
        &self.object
    }

    /// How many bytes of text were given.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// What is wrong with the object, as far as it was read.
    pub fn damage(&self) -> Option<&'static str> {
        self.damage
    }

    /// Passes over text up to a place, or to the end where that comes first. Gzip has to be read for it, plain text
    /// has not.
    pub async fn skip_to(&mut self, at: u64) -> Result<(), LakeError> {
        while self.at < at {
            let here = u64::try_from(self.text.len() - self.start).unwrap_or(u64::MAX).min(at - self.at);
            self.start += usize::try_from(here).unwrap_or_default();
            self.at += here;
            if self.at == at {
                return Ok(());
            }
            if matches!(self.form, Some(Form::Plain)) && (self.next..=self.object.size).contains(&at) {
                (self.raw, self.next, self.at) = (Bytes::new(), at, at);
                return Ok(());
            }
            if !self.more().await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next line; none at the end of what can be read.
    pub async fn line(&mut self) -> Result<Option<Line>, LakeError> {
        let mut searched = 0;
        loop {
            let rest = self.text.get(self.start..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest.get(searched..).unwrap_or_default()) {
                return Ok(Some(self.give(searched + end, 1)));
            }
            if rest.len() > LINE {
                return Ok(Some(self.give(LINE, 0)));
            }
            searched = rest.len();
            if !self.more().await? {
                return Ok((searched > 0).then(|| Line { ended: false, ..self.give(searched, 0) }));
            }
        }
    }

    fn give(&mut self, length: usize, behind: usize) -> Line {
        let behind = if length > LINE { 0 } else { behind };
        let length = length.min(LINE);
        let bytes = self.text.get(self.start..self.start + length).unwrap_or_default();
        let bytes = bytes.strip_suffix(b"\r").filter(|_| behind == 1).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.start += length + behind;
        self.at += u64::try_from(length + behind).unwrap_or_default();
        Line { text, end: self.at, ended: true }
    }

    /// Brings in more text; false if there is none.
    async fn more(&mut self) -> Result<bool, LakeError> {
        if self.start > LINE {
            self.text.drain(..self.start);
            self.start = 0;
        }
        let before = self.text.len();
        while self.text.len() == before && !self.through {
            if self.raw.is_empty() && self.next < self.object.size {
                self.fetch().await?;
            }
            self.unfold();
        }
        Ok(self.text.len() > before)
    }

    /// The next range; an object that changed meanwhile is a conflict.
    async fn fetch(&mut self) -> Result<(), LakeError> {
        let range = ByteRange::Span(self.next..(self.next + RANGE).min(self.object.size));
        let fetched = self.lake.get(&self.object.key, range, Some(&self.object.etag)).await?;
        if fetched.bytes.is_empty() {
            self.next = self.object.size;
        }
        self.next += fetched.bytes.len() as u64;
        let form = || match fetched.bytes.starts_with(&MAGIC) {
            true => Form::Gzip(Box::default()),
            false => Form::Plain,
        };
        self.form.get_or_insert_with(form);
        self.raw = fetched.bytes;
        Ok(())
    }

    fn unfold(&mut self) {
        let last = self.next >= self.object.size;
        match &mut self.form {
            Some(Form::Gzip(gunzip)) => {
                let mut input: &[u8] = &self.raw;
                let (before, text) = (input.len(), self.text.len());
                if let Err(damage) = gunzip.step(&mut input, &mut self.text) {
                    (self.damage, self.through) = (Some(damage), true);
                }
                let taken = before - input.len();
                self.raw = self.raw.slice(taken..);
                if last && before == 0 && self.text.len() == text {
                    self.through = true;
                    if !gunzip.is_whole() {
                        self.damage = Some("it is cut off");
                    }
                }
            }
            _ => {
                self.text.extend_from_slice(&self.raw);
                self.raw = Bytes::new();
                self.through = last;
            }
        }
    }
}
