//! What the quality gates of the demo found, in the shape that the pipeline's own gate writes.

use serde_json::{Value, json};

use super::DemoError;
use super::place::Place;

/// Where results lie.
pub const PREFIX: &str = "_dq_results/";

/// A suite, minutes since it ran, and its checks: expectation, column, whether it is critical, whether it holds.
type Gate = (&'static str, &'static str, i64, &'static [Check]);

/// Every result: one gate fails, one has too few passing checks, one passes, and one evaluated nothing.
const GATES: &[Gate] = &[
    (
        "silver_orders",
        "silver",
        38,
        &[
            ("expect_column_values_to_not_be_null", "customer_id", true, false),
            ("expect_column_values_to_be_unique", "order_id", true, false),
            ("expect_column_values_to_be_between", "amount", false, false),
            ("expect_column_values_to_be_in_set", "currency", false, true),
            ("expect_table_row_count_to_be_between", "", false, true),
        ],
    ),
    (
        "crm_contacts",
        "bronze",
        15,
        &[
            ("expect_column_values_to_be_in_set", "city", false, false),
            ("expect_column_values_to_not_be_null", "contact_id", true, true),
            ("expect_column_values_to_match_regex", "email", false, true),
            ("expect_table_row_count_to_be_between", "", false, true),
        ],
    ),
    (
        "silver_customers",
        "silver",
        12,
        &[
            ("expect_column_values_to_not_be_null", "customer_id", true, true),
            ("expect_column_values_to_be_unique", "customer_id", true, true),
            ("expect_column_values_to_not_be_null", "email", true, true),
        ],
    ),
    ("gold_revenue", "gold", 70, &[]),
];

/// Suites that nobody evaluated yet, of datasets whose jobs have a gate.
const OTHERS: &[Gate] = &[
    (
        "finance_fx_rates",
        "bronze",
        0,
        &[
            ("expect_column_values_to_not_be_null", "rate", true, true),
            ("expect_column_values_to_be_between", "rate", true, true),
        ],
    ),
    (
        "silver_sessions",
        "silver",
        0,
        &[
            ("expect_column_values_to_be_unique", "session_id", true, true),
            ("expect_column_values_to_not_be_null", "started_at", true, true),
        ],
    ),
    (
        "gold_revenue",
        "gold",
        0,
        &[
            ("expect_column_values_to_not_be_null", "currency", true, true),
            ("expect_table_row_count_to_be_between", "", true, true),
        ],
    ),
];

/// What those that failed say of a day that is right: the same checks, and each holds. Without a time of its own, a result
/// is as old as its object: that of a copy is new.
pub fn passing() -> Vec<(&'static str, Value)> {
    let failed = GATES.iter().filter(|(.., checks)| checks.iter().any(|c| !c.3));
    failed.chain(OTHERS).map(|(suite, layer, _, checks)| (*suite, result(suite, layer, checks, true))).collect()
}

type Check = (&'static str, &'static str, bool, bool);

fn result(suite: &str, layer: &str, checks: &[Check], all_hold: bool) -> Value {
    let failed = |critical: bool| checks.iter().filter(|c| !(c.3 || all_hold) && c.2 == critical).count();
    let expectation = |(kind, column, critical, passed): &Check| -> Value {
        let severity = if *critical { "critical" } else { "warning" };
        let mut kwargs = serde_json::Map::new();
        if !column.is_empty() {
            kwargs.insert("column".into(), (*column).into());
        }
        let passed = *passed || all_hold;
        json!({ "expectation_type": kind, "passed": passed, "severity": severity, "kwargs": kwargs })
    };
    json!({
        "suite_name": suite,
        "layer": layer,
        "expectations": checks.iter().map(expectation).collect::<Vec<_>>(),
        "passed": failed(true) == 0,
        "critical_failures": failed(true),
        "warning_failures": failed(false),
    })
}

/// Writes every result.
pub fn write(place: &mut Place) -> Result<(), DemoError> {
    for (suite, layer, age, checks) in GATES {
        let at = place.ago(*age);
        let mut result = result(suite, layer, checks, false);
        result["execution_date"] = at.date_naive().to_string().into();
        result["timestamp"] = at.to_rfc3339().into();
        place.put_json(&format!("{PREFIX}dt={}/{suite}.json", at.date_naive()), &result, *age)?;
    }
    Ok(())
}
