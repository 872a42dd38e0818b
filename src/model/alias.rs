//! One job has a name in every system, and a run's name often says more: the environment, when it was started, the
//! date of its data. Here they are told apart; which dataset a job writes is configured, never guessed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;
use regex::Regex;

use super::dataset::{Dataset, Layer};
use super::run::JobName;

/// Environments that names begin with, where none are configured.
pub const ENVIRONMENTS: [&str; 14] = [
    "prod",
    "production",
    "prd",
    "preprod",
    "stage",
    "staging",
    "stg",
    "dev",
    "development",
    "test",
    "tst",
    "qa",
    "uat",
    "sandbox",
];

/// The years that a date in a name may have; other digits are ids.
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2099;

/// What a name ends in when a scheduler made it unique: a time, the milliseconds of one, a random id.
static UNIQUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x) [-_.:/] (?:
            \d{4}-\d{2}-\d{2} [T_-] \d{2} [:_-]? \d{2} (?: [:_-]? \d{2} (?: \.\d+ )? )? (?: Z | [+-]\d{2}:?\d{2} )?
          | \d{8} [T_-]? \d{6} Z?
          | \d{8} [T_-] \d{4} Z?
          | 1\d{9} (?:\d{3})?
          | [0-9a-fA-F]{8} - [0-9a-fA-F]{4} - [0-9a-fA-F]{4} - [0-9a-fA-F]{4} - [0-9a-fA-F]{12}
        ) $",
    )
    .ok()
});

/// A date at the end: that of the data, since nobody tells two runs apart by it.
static DATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"[-_.:/](?:(?:dt|date|ds|day)[-_=])?(\d{4}-\d{2}-\d{2}|\d{4}_\d{2}_\d{2}|\d{8})$").ok()
});

/// The word for filling in what is missing, at either end of a name.
static BACKFILL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(?:backfill|bf)[-_.:/]|[-_.:/]backfill$").ok());

/// How Airflow calls runs: `manual__`, `scheduled__`, `backfill__`.
static KIND_OF_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)[-_.:/]+(?:manual|scheduled|backfill)_*$").ok());

/// What a job writes, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobBinding {
    /// The job, under the shared name.
    pub job: JobName,
    /// The dataset that it writes.
    pub dataset: Dataset,
    /// That dataset's layer, if its name does not say it.
    pub layer: Option<Layer>,
}

/// What a run's name says. The name's text is hostile, and so is the job's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The job, under the shared name.
    pub job: JobName,
    /// The date of the data. A time of day behind a date says when a run was started: that is not the data's date.
    pub date: Option<NaiveDate>,
    /// Whether it fills in what is missing.
    pub backfill: bool,
}

/// How names are read: a configured map, then rules. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Aliases(Arc<Configured>);

#[derive(Debug, Default)]
struct Configured {
    jobs: BTreeMap<String, JobName>,
    environments: Vec<String>,
    bindings: BTreeMap<JobName, JobBinding>,
}

impl Aliases {
    /// `jobs` maps a name as a source has it, whole or without its environment and times, to the shared one.
    /// `environments` are words that a name may begin with, followed by one of `-`, `:`, `/`, `.`, or prefixes that
    /// end in their own separator (`acme_prod_`); [`ENVIRONMENTS`] if empty.
    pub fn new(
        jobs: impl IntoIterator<Item = (String, JobName)>,
        environments: Vec<String>,
        bindings: impl IntoIterator<Item = JobBinding>,
    ) -> Self {
        Self(Arc::new(Configured {
            jobs: jobs.into_iter().collect(),
            environments,
            bindings: bindings.into_iter().map(|binding| (binding.job.clone(), binding)).collect(),
        }))
    }

    /// What a run's name says: the configured map first, exact; then without environment, times and marks, and the
    /// map once more.
    pub fn read(&self, called: &str) -> Reading {
        let (rest, date, backfill) = self.stripped(called);
        let job = self.0.jobs.get(called).or_else(|| self.0.jobs.get(rest)).cloned();
        Reading { job: job.unwrap_or_else(|| JobName(rest.into())), date, backfill }
    }

    /// What a job writes, if that is configured.
    pub fn binding(&self, job: &JobName) -> Option<&JobBinding> {
        self.0.bindings.get(job)
    }

    /// The dataset that a job writes and its layer, if they are known.
    pub fn written(&self, job: &JobName) -> (Option<Dataset>, Option<Layer>) {
        let Some(binding) = self.binding(job) else { return (None, None) };
        (Some(binding.dataset.clone()), binding.layer.or_else(|| Layer::of_name(&binding.dataset)))
    }

    /// Takes marks off both ends until there are none, but never the whole name.
    fn stripped<'a>(&self, called: &'a str) -> (&'a str, Option<NaiveDate>, bool) {
        let mut rest = called.trim();
        let (mut date, mut backfill) = (None, false);
        let mut timed = false;
        loop {
            let before = rest;
            if let Some(shorter) = cut(&UNIQUE, rest) {
                (rest, timed) = (shorter, true);
            } else if let Some((shorter, found)) = dated(rest) {
                (rest, timed) = (shorter, true);
                date = date.or(Some(found));
            } else if let Some(shorter) = cut(&KIND_OF_RUN, rest).filter(|_| timed) {
                // Only where a time stood behind it: a job may be called `orders_manual`.
                backfill |= rest[shorter.len()..].to_ascii_lowercase().contains("backfill");
                rest = shorter;
            } else if let Some(shorter) = cut(&BACKFILL, rest) {
                (rest, backfill) = (shorter, true);
            } else if let Some(shorter) = self.without_environment(rest) {
                rest = shorter;
            }
            if rest == before {
                return (rest, date, backfill);
            }
        }
    }

    fn without_environment<'a>(&self, name: &'a str) -> Option<&'a str> {
        let starts = |environment: &str| {
            let (head, rest) = name.split_at_checked(environment.len())?;
            let rest = match environment.ends_with(|c: char| !c.is_alphanumeric()) {
                true => rest,
                // Not `_`: `test_results` is a job.
                false => rest.strip_prefix(['-', ':', '/', '.'])?,
            };
            (head.eq_ignore_ascii_case(environment) && !rest.is_empty()).then_some(rest)
        };
        match self.0.environments.as_slice() {
            [] => ENVIRONMENTS.into_iter().find_map(starts),
            own => own.iter().map(String::as_str).filter(|e| !e.is_empty()).find_map(starts),
        }
    }
}

/// The name without what a pattern finds at one of its ends; none if nothing would be left.
fn cut<'a>(pattern: &LazyLock<Option<Regex>>, name: &'a str) -> Option<&'a str> {
    let found = pattern.as_ref()?.find(name)?;
    let rest = if found.start() == 0 { &name[found.end()..] } else { &name[..found.start()] };
    (!rest.is_empty()).then_some(rest)
}

fn dated(name: &str) -> Option<(&str, NaiveDate)> {
    let found = DATED.as_ref()?.captures(name)?;
    let rest = &name[..found.get(0)?.start()];
    let date = date_of(found.get(1)?.as_str())?;
    (!rest.is_empty()).then_some((rest, date))
}

/// A date as names and arguments write it: `2026-11-22`, `2026_11_22`, `20261122`.
pub fn date_of(text: &str) -> Option<NaiveDate> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let separated = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '_'));
    if digits.len() != 8 || !separated {
        return None;
    }
    let date = NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()?;
    YEARS.contains(&chrono::Datelike::year(&date)).then_some(date)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    #[test]
    fn a_name_is_read() {
        let aliases = Aliases::default();
        for (called, job, date, backfill) in [
            ("silver_orders", "silver_orders", "", false),
            ("prod-silver_orders", "silver_orders", "", false),
            ("PROD/silver_orders", "silver_orders", "", false),
            ("silver_orders-20261122-020301", "silver_orders", "", false),
            ("silver_orders_20261122020301", "silver_orders", "", false),
            ("silver_orders-2026-11-22T02:03:01.123+00:00", "silver_orders", "", false),
            ("silver_orders-1795000000", "silver_orders", "", false),
            ("silver_orders-1795000000123", "silver_orders", "", false),
            ("silver_orders-0aae0f18-aaaa-4bbb-8ccc-0123456789ab", "silver_orders", "", false),
            ("silver_orders-2026-11-22", "silver_orders", "2026-11-22", false),
            ("silver_orders_20261122", "silver_orders", "2026-11-22", false),
            ("silver_orders-dt=2026-11-22", "silver_orders", "2026-11-22", false),
            ("prod-silver_orders-2026-11-22-20261123-020301", "silver_orders", "2026-11-22", false),
            ("backfill-bronze-crm-2026-11-20", "bronze-crm", "2026-11-20", true),
            ("prod-backfill-bronze-crm-2026-11-20", "bronze-crm", "2026-11-20", true),
            ("bronze-crm-backfill", "bronze-crm", "", true),
            ("gold_daily__manual__2026-11-22T00:00:00+00:00", "gold_daily", "", false),
            ("gold_daily-backfill__2026-11-22T00:00:00", "gold_daily", "", true),
            ("orders_manual", "orders_manual", "", false),
            ("test_results", "test_results", "", false),
            ("prod-", "prod-", "", false),
            ("backfill-", "backfill-", "", false),
            ("prod-orders_manual", "orders_manual", "", false),
            ("orders-99999999", "orders-99999999", "", false),
            ("orders-20261332", "orders-20261332", "", false),
            ("2026-11-22", "2026-11-22", "", false),
            ("", "", "", false),
        ] {
            let read = aliases.read(called);
            assert_eq!((&*read.job.0, read.date, read.backfill), (job, day(date), backfill), "{called}");
        }
    }

    #[test]
    fn what_is_configured_comes_first() {
        let orders = JobName("orders".into());
        let binding =
            |dataset: &str, layer| JobBinding { job: orders.clone(), dataset: Dataset(dataset.into()), layer };
        let map = |name: &str| (name.to_owned(), orders.clone());
        let aliases = Aliases::new(
            [map("prod-silver_orders-20261122-020301"), map("silver-orders")],
            vec!["acme_prod_".into(), "blue".into()],
            [binding("silver/orders", None)],
        );
        assert_eq!(aliases.read("prod-silver_orders-20261122-020301").job, orders);
        assert_eq!(aliases.read("acme_prod_silver-orders-2026-11-22").job, orders);
        assert_eq!(aliases.read("blue-silver-orders").job, orders);
        assert_eq!(&*aliases.read("prod-x").job.0, "prod-x", "the configured environments replace the known ones");
        assert_eq!(aliases.written(&orders), (Some(Dataset("silver/orders".into())), Some(Layer::Silver)));
        assert_eq!(aliases.written(&JobName("x".into())), (None, None));
        let gold = Aliases::new([], vec![], [binding("silver/orders", Some(Layer::Gold))]);
        assert_eq!(gold.written(&orders).1, Some(Layer::Gold));
    }

    proptest! {
        #[test]
        fn any_name_is_read_and_none_is_read_to_nothing(called in "\\PC{0,40}|(prod-|backfill-|x|-2026-11-22|_){1,5}") {
            let read = Aliases::default().read(&called);
            prop_assert!(called.contains(&*read.job.0));
            prop_assert_eq!(read.job.0.is_empty(), called.trim().is_empty());
        }
    }
}
