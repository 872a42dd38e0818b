//! `lakeward.toml` and the contract files of the demo.

use serde_json::{Map, Value, json};

use super::datasets::{DATASETS, DemoDataset};
use super::pipeline::{JOBS, redrives};
use super::signals::{FEED, SECRETS};

/// How the file of a demo begins. A folder whose `lakeward.toml` begins otherwise is not touched.
pub const MARKER: &str = "# lakeward demo";

/// The file's name, at the lake's root.
pub const FILE: &str = "lakeward.toml";

/// The text of `lakeward.toml`.
pub fn toml() -> String {
    let mut text = format!(
        "{MARKER}: an invented lake with live incidents of every failure category.\n\
         # Written by `lakeward demo`. Writing a demo here again replaces this file and all of _errors/, bronze/,\n\
         # silver/, gold/, _contracts/, _dq_results/, _audit/, _source/, _jobs/, _dags/, _alarms/, _secrets/ and _alerts/,\n\
         # for as long as the first line stays as it is.\n\
         # Look at it with `lakeward --lake THIS_FOLDER`.\n\
         \n\
         # Columns of any dataset that hold personal data: masked until revealed.\n\
         personal_columns = [\"email\", \"phone\"]\n\
         \n\
         # The runbook's limits. An alert is for what is over them.\n\
         [thresholds]\n\
         dlq_rows_critical = 1000 # rejected rows of one entry\n\
         dlq_rows_warning = 100\n\
         no_data = \"1h\"           # for datasets without a max_age of their own\n\
         incomplete = \"30m\"       # an entry without its completion marker\n\
         \n\
         # Alerts that the pipeline itself writes.\n\
         [feed]\n\
         prefixes = [\"{FEED}\"]\n\
         \n\
         # The credentials of sources: how old they are, never what they are.\n"
    );
    for (name, dataset, job, limit) in SECRETS {
        text.push_str(&format!(
            "[[secrets]]\nname = \"{name}\"\ndatasets = [\"{dataset}\"]\njobs = [\"{job}\"]\n\
             max_age = \"{limit}\"\non_lake = true\n\n"
        ));
    }
    text.truncate(text.len() - 1);
    text.extend(DATASETS.iter().map(section));
    for job in JOBS {
        let (name, dataset, command) = (job.name, job.dataset, job.command());
        // Lines for the shell, in quotes that take them as they are.
        text.push_str(&format!(
            "\n[[jobs]]\nname = \"{name}\"\ndataset = \"{dataset}\"\ncommand = \'\'\'{command}\'\'\'\n"
        ));
    }
    text.push_str("\n# Who reads the data: all of its rows are read in their stead, to show that they can.\n");
    for job in JOBS {
        let (name, dataset) = (job.suite, job.dataset);
        text.push_str(&format!("[[consumers]]\nname = \"{name} dashboard\"\ndatasets = [\"{dataset}\"]\n\n"));
    }
    text.push_str(
        "# What redrives a dead letter: its rows, with what was wrong in them taken out, come into the dataset.\n",
    );
    for (layer, command) in redrives() {
        text.push_str(&format!(
            "[[jobs]]\nname = \"redrive_{layer}\"\ncommand = \'\'\'{command}\'\'\'\n\n\
             [[layers]]\nlayer = \"{layer}\"\nredrive = \"redrive_{layer}\"\n\n"
        ));
    }
    text
}

fn section(dataset: &DemoDataset) -> String {
    let max_age = match dataset.limit {
        minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
        minutes => format!("{minutes}m"),
    };
    let mut text = format!(
        "\n[[datasets]]\nname = \"{}\"\nlayer = \"{}\"\ndata_prefix = \"{}\" # good data lands here; freshness is read here\n\
         max_age = \"{max_age}\"\n",
        dataset.name, dataset.layer, dataset.data_prefix
    );
    if dataset.contract {
        text.push_str(&format!("contract = \"{}\"\n", contract_path(dataset)));
    }
    if !dataset.personal.is_empty() {
        let names: Vec<String> = dataset.personal.iter().map(|name| format!("\"{name}\"")).collect();
        text.push_str(&format!("personal_columns = [{}] # besides those above\n", names.join(", ")));
    }
    text
}

/// Where a dataset's contract lies.
pub fn contract_path(dataset: &DemoDataset) -> String {
    format!("_contracts/{}.json", dataset.name.replace('/', "_"))
}

/// The contract of a dataset, indented; `None` where it has none.
pub fn contract(dataset: &DemoDataset) -> Option<String> {
    let (key, fresh, required, columns): (&str, &str, &[&str], &[(&str, &str)]) = match dataset.name {
        "crm/contacts" => (
            "contact_id",
            "signed_up",
            &["contact_id", "email"],
            &[
                ("contact_id", "string"),
                ("email", "string"),
                ("phone", "string"),
                ("signed_up", "timestamp"),
                ("city", "string"),
            ],
        ),
        "finance/fx_rates" => (
            "quote",
            "fetched_at",
            &["rate_date", "base", "quote"],
            &[
                ("rate_date", "date"),
                ("base", "string"),
                ("quote", "string"),
                ("rate", "decimal(18,6)"),
                ("provider_note", "string"),
                ("fetched_at", "timestamp"),
            ],
        ),
        "orders" | "silver/orders" => (
            "order_id",
            "ordered_at",
            &["order_id", "ordered_at"],
            &[
                ("order_id", "bigint"),
                ("customer_id", "string"),
                ("amount", "decimal(12,2)"),
                ("currency", "string"),
                ("ordered_at", "timestamp"),
            ],
        ),
        "silver/sessions" => (
            "session_id",
            "started_at",
            &["session_id", "started_at"],
            &[
                ("session_id", "string"),
                ("user_id", "bigint"),
                ("started_at", "timestamp"),
                ("seconds", "double"),
                ("converted", "boolean"),
            ],
        ),
        "silver/customers" => (
            "customer_id",
            "updated_at",
            &["customer_id", "email"],
            &[
                ("customer_id", "string"),
                ("email", "string"),
                ("balance", "decimal(12,2)"),
                ("updated_at", "timestamp"),
            ],
        ),
        _ => return None,
    };
    let columns: Map<String, Value> = columns.iter().map(|(name, kind)| ((*name).into(), (*kind).into())).collect();
    let contract = json!({
        "table": dataset.name.replace('/', "."),
        "primary_key": [key],
        "columns": columns,
        "required_non_null": required,
        "freshness_column": fresh,
        "max_lag_minutes": dataset.limit,
    });
    Some(format!("{contract:#}\n"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::demo::incidents::INCIDENTS;

    #[test]
    fn the_file_is_toml_with_a_section_for_every_dataset_that_has_an_incident() {
        let text = toml();
        assert!(text.starts_with(MARKER));
        let file: toml::Table = text.parse().unwrap();
        let datasets = file.get("datasets").unwrap().as_array().unwrap();
        let names: Vec<&str> = datasets.iter().map(|d| d.get("name").unwrap().as_str().unwrap()).collect();
        for incident in INCIDENTS {
            assert!(names.contains(&incident.dataset), "{}", incident.dataset);
        }
        // A top-level key after a table header would belong to that table.
        assert!(file.get("personal_columns").unwrap().is_array());
    }

    #[test]
    fn a_layer_is_the_first_level_of_its_data_prefix() {
        for dataset in DATASETS {
            assert_eq!(dataset.data_prefix.split('/').next(), Some(dataset.layer), "{}", dataset.name);
        }
    }

    #[test]
    fn a_contract_named_in_the_settings_exists() {
        for dataset in DATASETS {
            assert_eq!(contract(dataset).is_some(), dataset.contract, "{}", dataset.name);
        }
    }
}
