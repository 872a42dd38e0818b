//! The runbooks of a lake: ours, and the team's own files, which add to them or replace them by their names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::Session;
use crate::lake::folder::Folder;
use crate::lake::listing::pages;
use crate::lake::{ByteRange, ErrorClass, Lake, LakeError, ObjectMeta};
use crate::model::incident::Incident;
use crate::model::runbook::{Fit, Runbook, RunbookOrigin, Subject, best, built_in, parse};

/// A runbook is a page of text: what is larger is none. 256 KiB.
const LARGEST: u64 = 256 << 10;
/// Files of one place that are read.
const MOST: usize = 200;
/// Of them, at once.
const AT_ONCE: usize = 8;

/// The files that were read, by address, with the tag they had.
#[derive(Debug, Default)]
pub(super) struct Library(Mutex<HashMap<String, (String, Arc<Runbook>)>>);

/// All runbooks, and what could not be read.
#[derive(Debug, Clone, Default)]
pub struct Runbooks {
    /// A team's own first, each by name.
    pub all: Vec<Arc<Runbook>>,
    /// Places and files that failed.
    pub problems: Vec<LakeError>,
}

impl Runbooks {
    /// Those that fit, the best first.
    pub fn best(&self, subject: &Subject<'_>) -> Vec<(&Runbook, Fit)> {
        best(self.all.iter().map(AsRef::as_ref), subject)
    }

    /// The one of a name, whatever its case.
    pub fn named(&self, name: &str) -> Option<&Arc<Runbook>> {
        self.all.iter().find(|runbook| runbook.id.0.eq_ignore_ascii_case(name))
    }

    /// What keeps an incident from coming again: the prevention list of the runbook that it was walked by.
    pub fn follow_ups(&self, incident: &Incident) -> Vec<String> {
        let runbook = incident.runbook.as_ref().and_then(|(id, _)| self.named(&id.0));
        runbook.map(|runbook| runbook.prevention.clone()).unwrap_or_default()
    }
}

impl Session {
    /// Reads the runbooks: one listing of each place, and what changed since.
    pub async fn runbooks(&self) -> Runbooks {
        let mut found = Runbooks::default();
        for place in &self.settings.runbooks {
            // A folder of this machine, or a prefix of the lake.
            let read = match place.starts_with('/') {
                true => match Folder::open(place) {
                    Ok(folder) => self.read_place(&folder, "", &mut found.problems).await,
                    Err(error) => Err(error),
                },
                false => self.read_place(self.lake.as_ref(), place, &mut found.problems).await,
            };
            match read {
                Ok(own) => found.all.extend(own),
                // The place that nobody named need not be there.
                Err(error) if error.class == ErrorClass::NotFound && !place.starts_with('/') => {}
                Err(error) => found.problems.push(error),
            }
        }
        found.all.sort_by(|a, b| a.id.cmp(&b.id));
        found.all.dedup_by(|a, b| a.id == b.id);
        let ours = built_in().into_iter().filter(|ours| found.named(&ours.id.0).is_none());
        let ours: Vec<Arc<Runbook>> = ours.map(Arc::new).collect();
        found.all.extend(ours);
        found
    }

    async fn read_place(
        &self,
        lake: &dyn Lake,
        prefix: &str,
        problems: &mut Vec<LakeError>,
    ) -> Result<Vec<Arc<Runbook>>, LakeError> {
        let mut objects: Vec<ObjectMeta> = Vec::new();
        let mut listing = std::pin::pin!(pages(lake, prefix));
        while let Some(page) = listing.try_next().await? {
            let markdown = |o: &ObjectMeta| {
                let key = o.key.as_str().to_ascii_lowercase();
                (key.ends_with(".md") || key.ends_with(".markdown")) && !key.ends_with("readme.md")
            };
            objects.extend(page.objects.into_iter().filter(markdown));
            if objects.len() > MOST {
                let detail = format!("more than {MOST} runbooks lie here: the first are read");
                problems.push(LakeError::new(ErrorClass::Unsupported, lake.uri(prefix), detail));
                objects.truncate(MOST);
                break;
            }
        }
        let reads: Vec<_> = objects.iter().map(|object| self.read_file(lake, object)).collect();
        let mut own = Vec::new();
        for read in stream::iter(reads).buffered(AT_ONCE).collect::<Vec<_>>().await {
            match read {
                Ok(runbook) => own.push(runbook),
                Err(error) => problems.push(error),
            }
        }
        Ok(own)
    }

    async fn read_file(&self, lake: &dyn Lake, object: &ObjectMeta) -> Result<Arc<Runbook>, LakeError> {
        let uri = lake.uri(object.key.as_str());
        let tag = format!("{:?} {} {}", object.etag, object.size, object.modified);
        let known = self.library.0.lock().unwrap_or_else(PoisonError::into_inner).get(&uri).cloned();
        if let Some((_, runbook)) = known.filter(|(before, _)| *before == tag) {
            return Ok(runbook);
        }
        if object.size > LARGEST {
            return Err(LakeError::new(ErrorClass::Malformed, uri, "larger than 256 KiB: not a runbook"));
        }
        let fetched = lake.get(&object.key, ByteRange::Span(0..LARGEST), None).await?;
        let text = String::from_utf8_lossy(&fetched.bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let name = object.key.as_str().rsplit('/').next().unwrap_or_default();
        let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let runbook = Arc::new(parse(name, RunbookOrigin::File(uri.clone()), text));
        let kept = (tag, Arc::clone(&runbook));
        self.library.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uri, kept);
        Ok(runbook)
    }
}
