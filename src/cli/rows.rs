//! `dlq preview`, `dlq schema`, `dlq profile`: the rejected rows of one entry. Personal data is masked unless
//! it is revealed, and a reveal is audited before anything is shown.

use serde_json::{Value, json};

use super::args::{Preview, Profile, ProfileSort};
use super::exit::CliError;
use super::output::{self, Answer};
use super::table::{Side, Table, count, thousands};
use crate::model::column::{ColumnProfile, RowPage};
use crate::model::entry::DlqEntry;
use crate::model::text::escape;
use crate::ops::{Opened, Session};
use crate::rows::{PageRequest, RowsError, cell};

/// A cell of a table for people is cut to this many columns.
const CELL_WIDTH: usize = 40;

/// A page of rows.
pub async fn preview(session: &Session, entry: &DlqEntry, args: &Preview, as_json: bool) -> Result<Answer, CliError> {
    let opened = session.open(entry).await?;
    // JSON keeps the data's order; people see the columns that the reasons name first.
    let columns = match &args.columns {
        Some(names) => find(&opened, names)?,
        None if as_json => (0..opened.columns.len()).collect(),
        None => opened.order.clone(),
    };
    reveal(session, entry, &opened, &columns, args.reveal)?;
    let request = PageRequest {
        offset: args.offset,
        limit: args.rows as usize,
        columns: Some(columns.clone()),
        filter: args.filter.clone(),
    };
    let mut page = session.page(entry, &request).await?;
    if !args.reveal {
        mask(&mut page, &columns, &opened);
    }
    let text = match (as_json, args.unsafe_raw) {
        (true, true) => output::raw_json(&page)?,
        (true, false) => output::json(&page)?,
        (false, raw) => table(&page, &columns, &opened, args.offset, raw),
    };
    Ok(Answer::fine(text))
}

/// The indexes of the named columns; a name that stands twice in the data stands for both. Names are taken as
/// the data or as the screen spells them.
fn find(opened: &Opened, names: &[String]) -> Result<Vec<usize>, RowsError> {
    let mut found = Vec::new();
    for name in names {
        let before = found.len();
        let named = |c: &str| c == name || escape(c) == name.as_str();
        found.extend(opened.columns.iter().enumerate().filter(|(_, c)| named(&c.name)).map(|(i, _)| i));
        if found.len() == before {
            let known: Vec<_> = opened.columns.iter().map(|c| c.name.as_str()).take(20).collect();
            let more = if opened.columns.len() > known.len() { ", …" } else { "" };
            return Err(RowsError::NoColumn { name: name.clone(), known: format!("{}{more}", known.join(", ")) });
        }
    }
    Ok(found)
}

fn reveal(
    session: &Session,
    entry: &DlqEntry,
    opened: &Opened,
    columns: &[usize],
    asked: bool,
) -> Result<(), CliError> {
    let shown: Vec<String> = columns
        .iter()
        .filter(|c| opened.personal.contains(c))
        .filter_map(|c| Some(opened.columns.get(*c)?.name.clone()))
        .collect();
    if !asked || shown.is_empty() {
        return Ok(());
    }
    session.reveal(chrono::Utc::now(), &entry.path, &shown).map_err(|e| CliError::Failed {
        message: format!("nothing is revealed: the record of it cannot be written: {e}"),
        hint: Some("lakeward doctor shows the place of the record".into()),
    })
}

/// Masks the cells of personal columns; `columns` are those of the page.
fn mask(page: &mut RowPage, columns: &[usize], opened: &Opened) {
    for row in &mut page.rows {
        for (value, column) in row.iter_mut().zip(columns) {
            if opened.personal.contains(column) {
                *value = cell::masked(value);
            }
        }
    }
}

fn table(page: &RowPage, columns: &[usize], opened: &Opened, offset: u64, raw: bool) -> String {
    let heads: Vec<String> = page
        .columns
        .iter()
        .zip(columns)
        .map(|(c, i)| if opened.named.contains(i) { format!("! {}", c.name) } else { c.name.clone() })
        .collect();
    let numeric = |kind: &str| ["int", "uint", "float", "decimal"].iter().any(|k| kind.starts_with(k));
    let sides = page.columns.iter().map(|c| if numeric(&c.kind) { Side::Right } else { Side::Left });
    let mut all = vec![("#", Side::Right)];
    all.extend(heads.iter().map(String::as_str).zip(sides));
    let mut table = Table::new(&all);
    for (i, row) in page.rows.iter().enumerate() {
        let number = thousands(offset.saturating_add(i as u64).saturating_add(1));
        let cells = row.iter().map(|value| match value {
            Value::String(text) if raw => text.clone(),
            value if raw => value.to_string(),
            value => cell::shown(value, CELL_WIDTH),
        });
        table.raw_row(std::iter::once(number).chain(cells).collect());
    }
    let more = if page.truncated { ", more follow (--offset, --rows)" } else { "" };
    format!("{}{} of {} rows{more}\n", table.render(), thousands(page.rows.len() as u64), count(page.total_rows))
}

/// The columns, and what differs from the contract.
pub async fn schema(session: &Session, entry: &DlqEntry, as_json: bool) -> Result<Answer, CliError> {
    let opened = session.open(entry).await?;
    if as_json {
        return Ok(Answer::fine(output::json(&schema_tree(entry, &opened)?)?));
    }
    let mut table = Table::new(&[
        ("column", Side::Left),
        ("type", Side::Left),
        ("null", Side::Left),
        ("contract", Side::Left),
        ("difference", Side::Left),
    ]);
    let drift_of = |name: &str| {
        let outlook = |safe: bool| if safe { "safe to evolve" } else { "breaks" };
        let of_column = opened.drift.iter().filter(|d| d.column == name);
        let words = of_column.map(|d| format!("{} ({})", word(&d.kind), outlook(d.safe)));
        words.collect::<Vec<_>>().join(", ")
    };
    let promised = |name: &str| opened.contract.as_ref()?.1.columns.iter().find(|c| c.name == name);
    for &i in &opened.order {
        let Some(c) = opened.columns.get(i) else { continue };
        let contract = promised(&c.name).map_or("-", |c| c.kind.as_str());
        table.row([c.name.as_str(), &c.kind, if c.nullable { "yes" } else { "no" }, contract, &drift_of(&c.name)]);
    }
    let there = |name: &str| opened.columns.iter().any(|c| c.name == name);
    for c in opened.contract.iter().flat_map(|(_, contract)| &contract.columns).filter(|c| !there(&c.name)) {
        table.row([c.name.as_str(), "-", "-", &c.kind, &drift_of(&c.name)]);
    }
    let contract = match &opened.contract {
        Some((uri, _)) => {
            let breaking = opened.drift.iter().filter(|d| !d.safe).count() as u64;
            let all = thousands(opened.drift.len() as u64);
            format!("contract {}, {all} differences, {} of which break", escape(uri), thousands(breaking))
        }
        None => "no contract is configured for this dataset".to_owned(),
    };
    Ok(Answer::fine(format!("{}{} rows; {contract}\n", table.render(), count(opened.total_rows))))
}

fn word(kind: &crate::model::contract::DriftKind) -> String {
    output::tree(kind).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " "))).unwrap_or_default()
}

fn schema_tree(entry: &DlqEntry, opened: &Opened) -> Result<Value, CliError> {
    let contract = match &opened.contract {
        Some((uri, contract)) => {
            let mut tree = json!({ "uri": uri });
            if let (Value::Object(tree), Value::Object(fields)) = (&mut tree, output::tree(contract)?) {
                tree.extend(fields);
            }
            tree
        }
        None => Value::Null,
    };
    let name = |i: &usize| opened.columns.get(*i).map(|c| c.name.clone());
    Ok(json!({
        "dataset": entry.dataset,
        "path": entry.path,
        "total_rows": opened.total_rows,
        "columns": opened.columns,
        "named": opened.named.iter().filter_map(name).collect::<Vec<_>>(),
        "personal": opened.personal.iter().filter_map(name).collect::<Vec<_>>(),
        "contract": contract,
        "drift": opened.drift,
    }))
}

/// A profile of the columns.
pub async fn profile(session: &Session, entry: &DlqEntry, args: &Profile, as_json: bool) -> Result<Answer, CliError> {
    let opened = session.open(entry).await?;
    let columns = args.columns.as_deref().map(|names| find(&opened, names)).transpose()?;
    let all: Vec<usize> = (0..opened.columns.len()).collect();
    reveal(session, entry, &opened, columns.as_deref().unwrap_or(&all), args.reveal)?;
    let mut profiles = session.profile(entry, columns.as_deref(), args.rows).await?;
    if args.sort == ProfileSort::Name {
        profiles.sort_by(|a, b| a.column.name.cmp(&b.column.name));
    }
    if !args.reveal {
        let names: Vec<&str> =
            opened.personal.iter().filter_map(|i| opened.columns.get(*i)).map(|c| c.name.as_str()).collect();
        profiles.iter_mut().filter(|p| names.contains(&p.column.name.as_str())).for_each(mask_profile);
    }
    if as_json {
        return Ok(Answer::fine(output::json(&profiles)?));
    }
    Ok(Answer::fine(profile_table(&profiles)))
}

fn mask_profile(profile: &mut ColumnProfile) {
    let tops = profile.top.iter_mut().map(|(value, _)| value);
    for value in tops.chain([&mut profile.min, &mut profile.max]) {
        *value = cell::masked(value);
    }
}

fn profile_table(profiles: &[ColumnProfile]) -> String {
    let mut table = Table::new(&[
        ("column", Side::Left),
        ("type", Side::Left),
        ("nulls", Side::Right),
        ("distinct", Side::Right),
        ("min", Side::Left),
        ("max", Side::Left),
        ("most frequent", Side::Left),
        ("odd", Side::Left),
    ]);
    let short = |value: &Value| cell::shown(value, CELL_WIDTH / 2);
    for p in profiles {
        let top = p.top.iter().take(2).map(|(v, n)| format!("{} ×{}", short(v), thousands(*n)));
        let capped = if p.distinct_capped { "+" } else { "" };
        table.raw_row(vec![
            escape(&p.column.name).into_owned(),
            escape(&p.column.kind).into_owned(),
            thousands(p.nulls),
            format!("{}{capped}", thousands(p.distinct)),
            short(&p.min),
            short(&p.max),
            top.collect::<Vec<_>>().join(", "),
            p.odd.as_deref().map(escape).unwrap_or_default().into_owned(),
        ]);
    }
    let rows = profiles.iter().map(|p| p.rows).max().unwrap_or(0);
    format!("{}{} rows looked at\n", table.render(), thousands(rows))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::column::Column;
    use crate::model::entry::EntryPath;

    fn opened(names: &[&str], personal: &[usize]) -> Opened {
        let columns = names.iter().map(|n| Column { name: (*n).into(), kind: "string".into(), nullable: true });
        Opened {
            path: EntryPath("_errors/x/dt=2026-11-22/".into()),
            columns: columns.collect(),
            order: (0..names.len()).collect(),
            named: vec![],
            personal: personal.to_vec(),
            total_rows: Some(1),
            contract: None,
            drift: vec![],
        }
    }

    #[test]
    fn columns_are_found_by_name_and_a_wrong_name_is_usage() {
        let data = opened(&["a", "b", "a"], &[]);
        let find = |names: &[&str]| find(&data, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(find(&["b", "a"]).unwrap(), [1, 0, 2]);
        let error = CliError::from(find(&["c"]).unwrap_err());
        assert_eq!(error.exit().code(), 2);
        assert!(error.lines().concat().contains("a, b, a"));
    }

    #[test]
    fn json_of_a_schema_has_its_fields_in_order() {
        let tree = schema_tree(&super::super::dlq::tests::entry("x"), &opened(&["a"], &[0])).unwrap();
        let fields: Vec<_> = tree.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["dataset", "path", "total_rows", "columns", "named", "personal", "contract", "drift"]);
        assert_eq!(tree["columns"][0].to_string(), r#"{"name":"a","type":"string","nullable":true}"#);
        assert_eq!(tree["personal"], json!(["a"]));
    }

    #[test]
    fn a_page_has_the_fields_of_the_contract_in_order() {
        let page = RowPage { columns: vec![], rows: vec![], total_rows: Some(0), truncated: false };
        let text = output::tree(&page).unwrap().to_string();
        assert_eq!(text, r#"{"columns":[],"rows":[],"total_rows":0,"truncated":false}"#);
    }
}
