//! The two files of a configuration, and what either says of one value.

use chrono::Duration;
use toml::Spanned;

use super::duration::DurationText;
use super::file::Document;
use super::source::Sourced;
use super::tables::Tables;

/// The two files, the stronger one first.
pub(super) struct Layers<'a> {
    pub own: Option<&'a Document>,
    pub file: Option<&'a Document>,
}

impl<'a> Layers<'a> {
    pub fn documents(&self) -> impl Iterator<Item = &'a Document> + use<'a> {
        [self.own, self.file].into_iter().flatten()
    }

    pub fn get<T: Clone>(&self, get: impl Fn(&Tables) -> Option<&Spanned<T>>) -> Vec<Option<Sourced<T>>> {
        self.documents().map(|d| d.maybe(get(&d.tables))).collect()
    }

    pub fn duration(&self, get: impl Fn(&Tables) -> Option<&Spanned<DurationText>>) -> Vec<Option<Sourced<Duration>>> {
        self.get(get).into_iter().map(|c| c.map(|s| s.map(|DurationText(d)| d))).collect()
    }
}
