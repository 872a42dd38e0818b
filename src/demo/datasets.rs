//! The datasets of the demo, as data: their layer, where their good data lands and how fresh it is.

use super::tables::Table;

/// One dataset, as `lakeward.toml` and its good data show it.
#[derive(Debug)]
pub struct DemoDataset {
    /// Its name under the errors prefix.
    pub name: &'static str,
    /// `bronze`, `silver` or `gold`.
    pub layer: &'static str,
    /// Where its good data lands, ending in `/`.
    pub data_prefix: &'static str,
    /// Its good data's columns.
    pub table: Table,
    /// Minutes since its newest data came.
    pub fresh: i64,
    /// How old that may be, in minutes.
    pub limit: i64,
    /// Whether a contract file goes with it.
    pub contract: bool,
    /// Its own personal columns.
    pub personal: &'static [&'static str],
}

const fn dataset(name: &'static str, data_prefix: &'static str, table: Table, fresh: i64, limit: i64) -> DemoDataset {
    // The layer is the first level of the prefix; const code cannot split text.
    let layer = match data_prefix.as_bytes() {
        [b'b', ..] => "bronze",
        [b's', ..] => "silver",
        _ => "gold",
    };
    DemoDataset { name, layer, data_prefix, table, fresh, limit, contract: true, personal: &[] }
}

/// Every dataset. One is older than its limit: `finance/fx_rates`, three hours against one.
pub const DATASETS: &[DemoDataset] = &[
    dataset("crm/contacts", "bronze/crm/contacts/", Table::Contacts, 12, 6 * 60),
    DemoDataset {
        contract: false,
        personal: &["contact_name"],
        ..dataset("crm/accounts", "bronze/crm/accounts/", Table::Accounts, 20, 6 * 60)
    },
    dataset("finance/fx_rates", "bronze/finance/fx_rates/", Table::FxRates, 3 * 60, 60),
    dataset("orders", "bronze/orders/", Table::Orders, 6, 2 * 60),
    DemoDataset {
        contract: false,
        ..dataset("kafka/orders_events", "bronze/kafka/orders_events/", Table::OrdersEvents, 2, 60)
    },
    DemoDataset {
        contract: false,
        ..dataset("marketing/campaigns", "bronze/marketing/campaigns/", Table::Campaigns, 35, 24 * 60)
    },
    dataset("silver/orders", "silver/orders/", Table::Orders, 25, 3 * 60),
    dataset("silver/sessions", "silver/sessions/", Table::Sessions, 33, 3 * 60),
    dataset("silver/customers", "silver/customers/", Table::Customers, 14, 3 * 60),
    DemoDataset { contract: false, ..dataset("gold/revenue", "gold/revenue/", Table::Revenue, 48, 24 * 60) },
];
