//! What went wrong where, as data: every DLQ entry of the demo, with its age, its form and its reasons.
//! The wording carries the symptoms that the runbook gives for its five failure categories.

use super::tables::Table;

/// What is wrong with one rejected row; the tables build the row to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing that the row itself shows.
    Unseen,
    /// A required text is missing.
    MissingText,
    /// A text that is no e-mail address, or not what its format says.
    BadText,
    /// A key of another table is null.
    NullKey,
    /// An amount below zero.
    Negative,
    /// The same id as the row before.
    Repeated,
}

/// Why some of an entry's rows were rejected.
#[derive(Debug)]
pub struct Cause {
    /// `error_type`.
    pub kind: &'static str,
    /// `error_message`.
    pub message: &'static str,
    /// How many rows.
    pub rows: usize,
    /// What those rows look like.
    pub fault: Fault,
}

/// In which form the rows lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `rejected_rows.parquet`, one file.
    Parquet(Compression),
    /// `rejected_rows.parquet/part-…`, so many parts, as Spark writes.
    SparkDirectory(usize),
    /// A Spark directory whose writer died: one part, one torn attempt, no marker, no reasons.
    Died,
    /// A `run_id=` level with so many NDJSON part files.
    Lines(usize),
    /// A Delta table at the dataset's root, without a date, overwritten once.
    Delta,
}

/// How the pages of a parquet file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Spark's default.
    Snappy,
    /// Where size matters.
    Zstd,
    /// None at all.
    Plain,
}

/// In which form the reasons lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// The runbook's one object, indented, times in UTC.
    Object,
    /// An array on one line.
    Array,
    /// One object a line.
    Lines,
    /// A directory of part files, `error_reason` for the message, times without a zone.
    SparkDirectory,
    /// No reasons.
    Absent,
}

/// One DLQ entry.
#[derive(Debug)]
pub struct Incident {
    /// Its dataset.
    pub dataset: &'static str,
    /// Minutes since it was complete. Its date is the day this falls on.
    pub age: i64,
    /// How the path spells its date: `dt`, `date` or `day`.
    pub level: &'static str,
    /// Its rows' form.
    pub form: Form,
    /// Its rows' columns.
    pub table: Table,
    /// Its reasons' form.
    pub wording: Wording,
    /// Why: first cause, first rows.
    pub causes: &'static [Cause],
}

const DAY: i64 = 24 * 60;

const fn cause(kind: &'static str, message: &'static str, rows: usize, fault: Fault) -> Cause {
    Cause { kind, message, rows, fault }
}

const fn incident(dataset: &'static str, age: i64, form: Form, table: Table, causes: &'static [Cause]) -> Incident {
    Incident { dataset, age, level: "dt", form, table, wording: Wording::Object, causes }
}

const ACCEPTED_CITY: &str = "data quality check expect_column_values_to_be_in_set failed on 'city'";
const NEGATIVE: &str = "data quality check failed: 'amount' is negative";

/// Every entry, the newest of a dataset first.
pub const INCIDENTS: &[Incident] = &[
    incident(
        "crm/contacts",
        2 * 60,
        Form::Parquet(Compression::Snappy),
        Table::ContactsWithTier,
        &[cause("schema_validation", "Column 'email' expected string, got null", 150, Fault::MissingText)],
    ),
    Incident {
        wording: Wording::Array,
        ..incident(
            "crm/contacts",
            DAY + 2 * 60,
            Form::Parquet(Compression::Snappy),
            Table::ContactsRetyped,
            &[
                cause("schema_validation", "Column 'email' expected string, got null", 1_050, Fault::MissingText),
                cause(
                    "schema_validation",
                    "SchemaValidationException: column 'contact_id' expected string, got bigint",
                    150,
                    Fault::BadText,
                ),
            ],
        )
    },
    incident(
        "crm/contacts",
        4 * DAY + 130,
        Form::Parquet(Compression::Plain),
        Table::Contacts,
        &[cause("data_quality", ACCEPTED_CITY, 12, Fault::Unseen)],
    ),
    incident(
        "crm/contacts",
        6 * DAY + 115,
        Form::Parquet(Compression::Zstd),
        Table::Contacts,
        &[cause("data_quality", ACCEPTED_CITY, 40, Fault::BadText)],
    ),
    incident(
        "crm/accounts",
        3 * 60,
        Form::Parquet(Compression::Zstd),
        Table::AccountsHostile,
        &[cause(
            "data_quality",
            "data quality check expect_column_values_to_match_regex failed on 'account_name': control characters",
            4,
            Fault::BadText,
        )],
    ),
    incident(
        "crm/accounts",
        2 * DAY + 3 * 60,
        Form::Parquet(Compression::Zstd),
        Table::Accounts,
        &[cause("data_quality", "data quality check failed: 'opened_on' lies in the future", 9, Fault::Unseen)],
    ),
    Incident {
        wording: Wording::Lines,
        ..incident(
            "finance/fx_rates",
            40,
            Form::Parquet(Compression::Plain),
            Table::FxRates,
            &[
                cause(
                    "upstream_source",
                    "Source API timeout: GET https://fx.example/v2/latest gave up after 3 attempts, page 8 of 9 missing",
                    7_000,
                    Fault::Unseen,
                ),
                cause(
                    "upstream_source",
                    "Invalid data format: 'rate' holds '1,0842' in the payload",
                    911,
                    Fault::BadText,
                ),
            ],
        )
    },
    incident(
        "finance/fx_rates",
        3 * DAY + 45,
        Form::Parquet(Compression::Snappy),
        Table::FxRates,
        &[cause("upstream_source", "Invalid data format: the payload is HTML, not JSON", 41, Fault::BadText)],
    ),
    Incident {
        wording: Wording::Array,
        ..incident(
            "orders",
            5 * 60,
            Form::Parquet(Compression::Snappy),
            Table::Orders,
            &[
                cause(
                    "data_quality",
                    "data quality check not_null_keys failed: 'customer_id' is null",
                    120,
                    Fault::NullKey,
                ),
                cause("data_quality", NEGATIVE, 305, Fault::Negative),
                cause(
                    "data_quality",
                    "data quality check unique_keys failed: duplicate 'order_id'",
                    122,
                    Fault::Repeated,
                ),
            ],
        )
    },
    incident(
        "orders",
        DAY + 5 * 60,
        Form::Parquet(Compression::Snappy),
        Table::Orders,
        &[cause("data_quality", NEGATIVE, 88, Fault::Negative)],
    ),
    incident(
        "orders",
        5 * DAY + 5 * 60,
        Form::Parquet(Compression::Zstd),
        Table::Orders,
        &[cause("data_quality", NEGATIVE, 131, Fault::Negative)],
    ),
    Incident {
        wording: Wording::Absent,
        ..incident("silver/orders", 41, Form::Died, Table::Orders, &[cause("", "", 38, Fault::NullKey)])
    },
    Incident {
        wording: Wording::SparkDirectory,
        ..incident(
            "silver/sessions",
            9,
            Form::SparkDirectory(3),
            Table::Sessions,
            &[cause(
                "resource_exhaustion",
                "ExecutorLostFailure (executor 7 exited): Container killed, exit code 137; \
                 java.lang.OutOfMemoryError: Java heap space",
                720,
                Fault::Unseen,
            )],
        )
    },
    Incident {
        wording: Wording::SparkDirectory,
        ..incident(
            "silver/sessions",
            DAY + 11,
            Form::SparkDirectory(1),
            Table::Sessions,
            &[cause(
                "resource_exhaustion",
                "Spark OOM: executor 2 exceeded its memory limit, exit code 137",
                16,
                Fault::Unseen,
            )],
        )
    },
    incident(
        "silver/customers",
        6 * 60,
        Form::Parquet(Compression::Snappy),
        Table::Customers,
        &[cause("data_quality", "data quality check failed: 'balance' is negative", 3, Fault::Negative)],
    ),
    Incident {
        level: "date",
        wording: Wording::Array,
        ..incident(
            "gold/revenue",
            75,
            Form::Lines(2),
            Table::Revenue,
            &[
                cause(
                    "network",
                    "S3 AccessDenied: GetObject silver/orders/ is not authorized for role lake-gold-writer (403)",
                    180,
                    Fault::Unseen,
                ),
                cause(
                    "network",
                    "Secrets Manager timeout: connect to secretsmanager.eu-central-1.amazonaws.com timed out",
                    32,
                    Fault::Unseen,
                ),
            ],
        )
    },
    Incident {
        level: "date",
        ..incident(
            "gold/revenue",
            2 * DAY + 80,
            Form::Lines(1),
            Table::Revenue,
            &[cause("network", "S3 AccessDenied: PutObject gold/revenue/ (403)", 24, Fault::Unseen)],
        )
    },
    Incident {
        level: "day",
        ..incident(
            "marketing/campaigns",
            4 * 60,
            Form::Parquet(Compression::Snappy),
            Table::Campaigns,
            &[cause("loader_stopped", "campaign loader stopped with code 204", 57, Fault::Unseen)],
        )
    },
    Incident {
        wording: Wording::Absent,
        ..incident("kafka/orders_events", 22, Form::Delta, Table::OrdersEvents, &[cause("", "", 96, Fault::Unseen)])
    },
];
