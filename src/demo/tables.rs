//! The tables of the demo: rows that look like their source's, with the faults that got them rejected.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder, StructArray};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::columns::{Columns, Nulls};
use super::incidents::Fault;
use super::seed::Seed;

/// Which columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the table of that name; the odd ones say how they differ")]
pub enum Table {
    Contacts,
    /// With `loyalty_tier`, which the contract does not know.
    ContactsWithTier,
    /// With `contact_id` as a number.
    ContactsRetyped,
    Accounts,
    /// With names that try to act on a terminal.
    AccountsHostile,
    FxRates,
    Orders,
    OrdersEvents,
    Campaigns,
    Sessions,
    Customers,
    Revenue,
}

/// Names that must not reach a terminal as themselves: a title change, a cleared screen in red, a
/// right-to-left override, zero-width characters with a line break and a bell.
pub const HOSTILE_NAMES: [&str; 4] = [
    "\u{1b}]0;all checks green\u{7}Acme GmbH",
    "\u{1b}[2J\u{1b}[31mBolt AG\u{1b}[0m",
    "invoice\u{202e}fdp.exe",
    "Ze\u{200b}ro\u{200d}\u{feff} Width\r\nLtd\u{7}",
];

const CITIES: [&str; 6] = ["Zürich", "Bern", "Basel", "Genève", "Lugano", "Køge"];
const NAMES: [&str; 6] = ["ana", "bjorn", "chloe", "dilek", "emil", "farah"];
const CURRENCIES: [&str; 5] = ["EUR", "USD", "CHF", "GBP", "JPY"];

impl Table {
    /// One row a fault; the times of the rows end at `at`.
    pub fn batch(self, faults: &[Fault], seed: &mut Seed, at: DateTime<Utc>) -> Result<RecordBatch, ArrowError> {
        let rows = Rows { faults, micros: at.timestamp_micros() };
        match self {
            Self::Contacts | Self::ContactsWithTier | Self::ContactsRetyped => self.contacts(&rows, seed),
            Self::Accounts | Self::AccountsHostile => self.accounts(&rows, seed),
            Self::FxRates => fx_rates(&rows, seed),
            Self::Orders => orders(&rows, seed),
            Self::OrdersEvents => orders_events(&rows, seed),
            Self::Campaigns => campaigns(&rows, seed),
            Self::Sessions => sessions(&rows, seed),
            Self::Customers => customers(&rows, seed),
            Self::Revenue => revenue(&rows, seed),
        }
    }

    fn contacts(self, rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
        let columns = match self {
            Self::ContactsRetyped => Columns::default().long("contact_id", Nulls::Never, rows.each(|i, _| i + 1)),
            _ => Columns::default().text("contact_id", Nulls::Never, rows.each(|i, _| format!("C{:05}", i + 1))),
        };
        let email = rows.maybe(|i, fault| match fault {
            Fault::MissingText => None,
            Fault::BadText => Some(format!("{}(at)mail", seed.pick(&NAMES))),
            _ => Some(format!("{}{i}@mail.example", seed.pick(&NAMES))),
        });
        let phone = rows.maybe(|i, _| (i % 7 != 3).then(|| format!("+41 44 {:07}", seed.between(0, 9_999_999))));
        let columns = columns
            .text("email", Nulls::May, email)
            .text("phone", Nulls::May, phone)
            .local_time("signed_up", Nulls::Never, rows.times(1_000_000))
            .words("city", Nulls::May, rows.each(|_, _| seed.pick(&CITIES)));
        match self {
            Self::ContactsWithTier => {
                let tiers = rows.maybe(|i, _| (i % 5 != 0).then(|| seed.pick(&["basic", "silver", "gold"])));
                columns.words("loyalty_tier", Nulls::May, tiers).batch()
            }
            _ => columns.batch(),
        }
    }

    fn accounts(self, rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
        let names = rows.each(|i, _| match (self, HOSTILE_NAMES.get(i as usize)) {
            (Self::AccountsHostile, Some(name)) => (*name).to_owned(),
            _ => format!("Account {}", i + 1),
        });
        let cities: Vec<Option<&str>> = rows.each(|_, _| seed.pick(&CITIES));
        let codes: Vec<Option<String>> = rows.maybe(|i, _| (i % 3 != 1).then(|| seed.between(1000, 9999).to_string()));
        let (city, code): (ArrayRef, ArrayRef) =
            (Arc::new(StringArray::from(cities)), Arc::new(StringArray::from(codes)));
        let address = StructArray::from(vec![
            (Arc::new(Field::new("city", DataType::Utf8, true)), city),
            (Arc::new(Field::new("postcode", DataType::Utf8, true)), code),
        ]);
        let mut tags = ListBuilder::new(StringBuilder::new());
        for i in 0..rows.faults.len() {
            for _ in 0..i % 3 {
                tags.values().append_value(seed.pick(&["key", "prospect", "dormant"]));
            }
            tags.append(i % 4 != 3); // the fourth has no list, the first an empty one
        }
        let days = (rows.micros / 86_400_000_000) as i32;
        Columns::default()
            .text("account_id", Nulls::Never, rows.each(|i, _| format!("A{:04}", i + 1)))
            .text("account_name", Nulls::May, names)
            .words("contact_name", Nulls::May, rows.each(|_, _| seed.pick(&NAMES)))
            .with("address", Nulls::May, Arc::new(address))
            .with("tags", Nulls::May, Arc::new(tags.finish()))
            .date("opened_on", Nulls::May, rows.each(|i, _| days - 40 * i as i32))
            .batch()
    }
}

/// The rows to make.
struct Rows<'a> {
    faults: &'a [Fault],
    micros: i64,
}

impl Rows<'_> {
    /// A value for every row.
    fn each<T>(&self, mut value: impl FnMut(i64, Fault) -> T) -> Vec<Option<T>> {
        self.maybe(|i, fault| Some(value(i, fault)))
    }

    /// A value or null for every row.
    fn maybe<T>(&self, mut value: impl FnMut(i64, Fault) -> Option<T>) -> Vec<Option<T>> {
        self.faults.iter().enumerate().map(|(i, fault)| value(i as i64, *fault)).collect()
    }

    /// Times in microseconds, `step` apart, the last one `step` before the end.
    fn times(&self, step: i64) -> Vec<Option<i64>> {
        let rows = self.faults.len() as i64;
        self.each(|i, _| self.micros - (rows - i) * step)
    }
}

fn fx_rates(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    let day = (rows.micros / 86_400_000_000) as i32;
    let rate = rows.maybe(|_, fault| (fault != Fault::BadText).then(|| i128::from(seed.between(600_000, 1_900_000))));
    let millis = rows.times(250_000).into_iter().map(|t| t.map(|t| t / 1000)).collect();
    Columns::default()
        .date("rate_date", Nulls::Never, rows.each(|_, _| day))
        .words("base", Nulls::Never, rows.each(|_, _| "EUR"))
        .words("quote", Nulls::Never, rows.each(|_, _| seed.pick(&CURRENCIES)))
        .decimal("rate", Nulls::May, (18, 6), rate)?
        .words("provider_note", Nulls::May, rows.maybe(|_, _| None))
        .milli_time("fetched_at", Nulls::Never, millis)
        .batch()
}

fn orders(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    // A repeated id is that of the row before, in pairs.
    let ids = rows.each(|i, fault| 880_000 + if fault == Fault::Repeated { i & !1 } else { i });
    let customers =
        rows.maybe(|_, fault| (fault != Fault::NullKey).then(|| format!("CU{:05}", seed.between(1, 40_000))));
    let amounts = rows.each(|_, fault| {
        let cents = i128::from(seed.between(199, 89_900));
        if fault == Fault::Negative { -cents } else { cents }
    });
    Columns::default()
        .long("order_id", Nulls::Never, ids)
        .text("customer_id", Nulls::May, customers)
        .decimal("amount", Nulls::May, (12, 2), amounts)?
        .words("currency", Nulls::May, rows.each(|_, _| seed.pick(&CURRENCIES)))
        .time("ordered_at", Nulls::Never, rows.times(3_700_000))
        .batch()
}

fn orders_events(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    let payload = rows.each(|i, _| format!(r#"{{"order_id":{},"amount":"{}"}}"#, 880_000 + i, seed.between(1, 900)));
    Columns::default()
        .text("event_id", Nulls::May, rows.each(|_, _| seed.uuid()))
        .int("partition", Nulls::May, rows.each(|i, _| (i % 6) as i32))
        .long("offset", Nulls::May, rows.each(|i, _| 4_811_000 + i))
        .text("payload", Nulls::May, payload)
        .words("error_reason", Nulls::May, rows.each(|_, _| "payload is not an order event"))
        .time("received_at", Nulls::May, rows.times(900_000))
        .batch()
}

fn campaigns(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    let tokens: Vec<[u8; 8]> = rows.faults.iter().map(|_| seed.bits().to_be_bytes()).collect();
    let tokens: Vec<Option<&[u8]>> = tokens.iter().map(|t| Some(t.as_slice())).collect();
    Columns::default()
        .int("campaign_id", Nulls::Never, rows.each(|i, _| 3_100 + i as i32))
        .words("channel", Nulls::May, rows.each(|_, _| seed.pick(&["mail", "search", "social"])))
        .decimal("budget", Nulls::May, (9, 2), rows.each(|_, _| i128::from(seed.between(5_000, 900_000))))?
        .bytes("click_token", Nulls::May, &tokens)
        .batch()
}

fn sessions(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    Columns::default()
        .text("session_id", Nulls::Never, rows.each(|_, _| format!("{:016x}", seed.bits())))
        .long("user_id", Nulls::May, rows.maybe(|i, _| (i % 4 != 2).then(|| seed.between(1, 90_000))))
        .time("started_at", Nulls::Never, rows.times(1_300_000))
        .double("seconds", Nulls::May, rows.each(|_, _| seed.between(1, 360_000) as f64 / 100.0))
        .flag("converted", Nulls::May, rows.each(|_, _| seed.between(0, 19) == 0))
        .batch()
}

fn customers(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    let balance = rows.each(|_, fault| {
        let cents = i128::from(seed.between(100, 400_000));
        if fault == Fault::Negative { -cents } else { cents }
    });
    Columns::default()
        .text("customer_id", Nulls::Never, rows.each(|i, _| format!("CU{:05}", i + 1)))
        .text("email", Nulls::Never, rows.each(|i, _| format!("{}{i}@mail.example", seed.pick(&NAMES))))
        .decimal("balance", Nulls::May, (12, 2), balance)?
        .time("updated_at", Nulls::May, rows.times(60_000_000))
        .batch()
}

fn revenue(rows: &Rows<'_>, seed: &mut Seed) -> Result<RecordBatch, ArrowError> {
    let day = (rows.micros / 86_400_000_000) as i32;
    Columns::default()
        .date("revenue_date", Nulls::Never, rows.each(|_, _| day))
        .words("region", Nulls::May, rows.each(|_, _| seed.pick(&["DACH", "Nordics", "Iberia"])))
        .decimal("net", Nulls::May, (14, 2), rows.each(|_, _| i128::from(seed.between(10_000, 9_000_000))))?
        .batch()
}

/// A rejected row of `gold/revenue` as a JSON line, with the lane columns its writer adds.
pub fn revenue_line(kind: &str, seed: &mut Seed, at: DateTime<Utc>) -> Value {
    json!({
        "revenue_date": at.date_naive().to_string(),
        "region": seed.pick(&["DACH", "Nordics", "Iberia"]),
        "orders": seed.between(1, 900),
        "net": seed.between(10_000, 9_000_000) as f64 / 100.0,
        "fx": { "base": "EUR", "rate": seed.between(900_000, 1_100_000) as f64 / 1_000_000.0 },
        "_error_type": kind,
        "_error_timestamp": at.format("%Y-%m-%dT%H:%M:%S").to_string(),
    })
}
