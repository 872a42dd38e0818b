//! Which objects are results of one gate, by their keys: the same but for dates, times and ids.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use regex::{Captures, Regex};

use super::newest::{DATES, day, span};

/// Of objects, the newest first, those that are the last word of their series on one of its last seven dates, by their
/// place.
pub(super) fn last_words<'k>(
    objects: impl Iterator<Item = (&'k str, DateTime<Utc>)>,
    prefixes: &[String],
) -> HashSet<usize> {
    let mut all: HashMap<String, BTreeMap<NaiveDate, usize>> = HashMap::new();
    for (place, (key, modified)) in objects.enumerate() {
        let (series, date) = series(key, prefixes);
        all.entry(series).or_default().entry(date.unwrap_or_else(|| modified.date_naive())).or_insert(place);
    }
    all.into_values().flat_map(|dates| dates.into_values().rev().take(DATES)).collect()
}

/// What the objects of one gate are called whenever it runs, and the date that a key names. Where a prefix holds names that
/// are ids alone, nothing tells gates apart: each is one of its own.
fn series(key: &str, prefixes: &[String]) -> (String, Option<NaiveDate>) {
    let (mut date, mut levels) = (None, Vec::new());
    for level in key.split('/') {
        match (day(level), span(level)) {
            (Some(day), _) => date = Some(day),
            (None, Some(_)) => {}
            (None, None) => levels.push(without_serials(level, &mut date)),
        }
    }
    let is_bare = levels.last().and_then(|name| name.split('.').next()) == Some("#");
    let folder = levels.split_last().map(|(_, folder)| folder.join("/")).unwrap_or_default();
    if is_bare && prefixes.iter().any(|prefix| prefix.trim_end_matches('/') == folder) {
        return (key.to_owned(), date);
    }
    (levels.join("/"), date)
}

/// A name with `#` for its ids and times; the first date among them where none is known.
fn without_serials(name: &str, date: &mut Option<NaiveDate>) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        let uuid = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
        Regex::new(&format!("{uuid}|[0-9A-Za-z]{{16,}}")).expect("a regular expression written here")
    });
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        let date = r"((?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d)";
        let time = r"\d\d[-_:.]?\d\d(?:[-_:.]?\d\d(?:[.,]?\d+)?)?";
        Regex::new(&format!(r"{date}(?:[T_ -]?{time})?Z?|\d{{10,}}")).expect("a regular expression written here")
    });
    // A long word is a name, unless it is as full of digits as ids are, and those are no date.
    let id = |word: &Captures<'_>| {
        let word = &word[0];
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let dated = || TIME.captures(word).and_then(|found| date_of(found.get(1)?.as_str())).is_some();
        if !word.contains('-') && (digits < 4 || dated()) { word.to_owned() } else { "#".to_owned() }
    };
    let without_ids = ID.replace_all(name, id);
    let without = TIME.replace_all(&without_ids, |found: &Captures<'_>| {
        *date = date.or_else(|| found.get(1).and_then(|found| date_of(found.as_str())));
        "#"
    });
    without.into_owned()
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> String {
        series(key, &["dq/".to_owned()]).0
    }

    #[test]
    fn a_gate_is_known_by_its_key_whenever_it_runs() {
        for (one, next) in [
            ("dq/silver/dq_results_orders_20261125_104500.json", "dq/silver/dq_results_orders_20261126_104501.json"),
            ("dq/dt=2026-11-25/orders.json", "dq/dt=2026-11-26/orders.json"),
            ("dq/year=2026/month=11/day=25/orders.json", "dq/year=2026/month=12/day=1/orders.json"),
            ("ge/orders/2026-11-25T10:45:00Z.json", "ge/orders/2026-11-26T10:45:00.125Z.json"),
            ("ge/orders/20261125T104500.123456Z/a.json", "ge/orders/20261126T104500.123457Z/a.json"),
            (
                "r/orders/8c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d11.json",
                "r/orders/0c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d12.json",
            ),
            ("r/00fktfrt1m1j0a0b/orders.json", "r/00fktfrt9m1j7a0c/orders.json"),
            ("r/01ARZ3NDEKTSV4RRFFQ69G5FAV/a.json", "r/01ARZ3NDEKTSV4RRFFQ69G5FAW/a.json"),
            ("r/orders-1795500000123.json", "r/orders-1795500060123.json"),
            ("r/OrdersCheck20261125T104500.json", "r/OrdersCheck20261126T104500.json"),
        ] {
            assert_eq!(of(one), of(next));
        }
        for (one, other) in [
            ("dq/orders_1.json", "dq/orders_2.json"),
            ("dq/a/x.json", "dq/b/x.json"),
            ("dq/orders_v1_20261125_104500.json", "dq/orders_v2_20261125_104500.json"),
            ("dq/shard_1_20261125_104500.json", "dq/shard_2_20261125_104500.json"),
            ("r/OrdersCheck20261125T104500.json", "r/CustomersCheck20261125T104500.json"),
            (
                "dq/dt=2026-11-25/8c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d11.json",
                "dq/dt=2026-11-25/0c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d12.json",
            ),
            ("dq/customer_acquisition_costs.json", "dq/customer_retention_costs_x.json"),
            // Nothing but their ids tells these apart.
            ("dq/8c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d11.json", "dq/0c0f9a52-1be0-4c35-9a9e-6a3f1f0c7d12.json"),
        ] {
            assert_ne!(of(one), of(other));
        }
    }

    #[test]
    fn of_each_date_the_newest_is_a_last_word_for_the_last_seven_dates() {
        let at = DateTime::UNIX_EPOCH;
        // Written in this order, the newest first: days of long ago were made anew today.
        let mut keys: Vec<String> = (1..=8).map(|day| format!("dq/dt=2026-11-0{day}/orders.json")).collect();
        keys.extend(["dq/dt=2026-11-24/orders.json", "dq/dt=2026-11-24/customers.json"].map(str::to_owned));
        keys.extend(
            ["dq/dt=2026-11-24/orders.json", "dq/x_20261125_104500.json", "dq/x_20261125_094500.json"]
                .map(str::to_owned),
        );
        let words = last_words(keys.iter().map(|key| (key.as_str(), at)), &["dq/".to_owned()]);
        let mut words: Vec<usize> = words.into_iter().collect();
        words.sort();
        // Six days of the beginning of the month and the 24th; neither what was said before on a date.
        assert_eq!(words, [2, 3, 4, 5, 6, 7, 8, 9, 11]);
    }
}
