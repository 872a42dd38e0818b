//! What the user marked in a list, by identity, so that marks survive a refresh.

use std::collections::BTreeSet;

/// Marked lines, and where a range began.
#[derive(Debug)]
pub(super) struct Marks<K> {
    pub marked: BTreeSet<K>,
    anchor: Option<K>,
}

impl<K> Default for Marks<K> {
    fn default() -> Self {
        Self { marked: BTreeSet::new(), anchor: None }
    }
}

impl<K: Ord + Clone> Marks<K> {
    /// Marks what is not marked, unmarks what is.
    pub(super) fn toggle(&mut self, key: K) {
        if !self.marked.remove(&key) {
            self.marked.insert(key);
        }
    }

    /// Begins a range at `at`, or marks all of `keys` from where it began to there. What to say of it.
    pub(super) fn range(&mut self, keys: &[K], at: usize) -> String {
        let begun = self.anchor.take().and_then(|anchor| keys.iter().position(|k| *k == anchor));
        let Some(from) = begun else {
            self.anchor = keys.get(at).cloned();
            return "range begins here: move, then v again".into();
        };
        let (low, high) = (from.min(at), from.max(at));
        self.marked.extend(keys.iter().skip(low).take(high - low + 1).cloned());
        format!("{} marked", self.marked.len())
    }

    /// Forgets the marks of what is no longer there.
    pub(super) fn retain(&mut self, there: impl Fn(&K) -> bool) {
        self.marked.retain(there);
    }

    /// One step back: a begun range, then the marks. Whether there was one.
    pub(super) fn back(&mut self) -> bool {
        if self.anchor.take().is_some() {
            return true;
        }
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_marks_both_ends_and_goes_back_in_two_steps() {
        let keys = [1, 2, 3, 4];
        let mut marks = Marks::default();
        marks.range(&keys, 3);
        assert_eq!(marks.range(&keys, 1), "3 marked");
        marks.toggle(4);
        marks.retain(|k| *k != 2);
        assert_eq!(marks.marked, BTreeSet::from([3]));
        marks.range(&keys, 0);
        assert!(marks.back() && marks.back() && !marks.back());
        // An anchor that vanished begins a new range.
        marks.range(&[9], 0);
        assert_eq!(marks.range(&keys, 1), "range begins here: move, then v again");
    }
}
