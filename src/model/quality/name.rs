//! Names of tables, as results and configuration spell them, and which dataset a table is: `orders` of the silver layer
//! is `silver/orders`, `crm_contacts` is `crm/contacts`. What fits several, or none, stays unknown.

use crate::model::dataset::{Dataset, Layer};

/// A name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// The layer that it says: a part of its own (`silver.orders`), or a word at either end (`orders_silver`).
    pub layer: Option<Layer>,
    /// The words of each dotted or slashed part, in lower case, without the layer and what stands before its part.
    parts: Vec<Vec<String>>,
    /// The same as the name spells it.
    rest: String,
}

impl TableName {
    pub fn read(name: &str) -> Self {
        let parts: Vec<&str> = name.trim().split(['.', '/']).filter(|p| !p.is_empty()).collect();
        let of_part = |part: &str| words(part).iter().find_map(|w| Layer::from_word(w));
        let before = parts.get(..parts.len().saturating_sub(1)).unwrap_or_default();
        let (said, parts) = match before.iter().rposition(|part| of_part(part).is_some()) {
            Some(at) => (parts.get(at).and_then(|p| of_part(p)), parts.get(at + 1..).unwrap_or_default()),
            None => (None, parts.as_slice()),
        };
        let mut own: Vec<Vec<String>> = parts.iter().map(|part| words(part)).collect();
        let mut rest = parts.join("/");
        let mut of_ends = None;
        if said.is_none()
            && let Some(last) = own.last_mut().filter(|last| last.len() > 1)
        {
            let (first_word, last_word) =
                (last.first().and_then(|w| Layer::from_word(w)), last.last().and_then(|w| Layer::from_word(w)));
            if let Some(of) = first_word {
                last.remove(0);
                rest = without(&rest, of, true);
            } else if let Some(of) = last_word {
                last.pop();
                rest = without(&rest, of, false);
            }
            of_ends = first_word.or(last_word);
        }
        Self { layer: said.or(of_ends), parts: own, rest }
    }

    /// The name without the layer that it says.
    pub fn without_layer(&self) -> String {
        self.rest.clone()
    }

    /// The words, less so many parts at the beginning: catalogs and databases stand there.
    fn words_from(&self, part: usize) -> Vec<&str> {
        self.parts.iter().skip(part).flatten().map(String::as_str).collect()
    }
}

/// Takes a layer's word off one end of the last part.
fn without(name: &str, layer: Layer, at_begin: bool) -> String {
    let (path, last) = name.rsplit_once('/').map_or(("", name), |(path, last)| (path, last));
    let length = layer.word().len() + 1; // and the separator
    let cut = match at_begin {
        true => last.get(length..),
        false => last.get(..last.len().saturating_sub(length)),
    };
    let cut = cut.unwrap_or(last);
    if path.is_empty() { cut.to_owned() } else { format!("{path}/{cut}") }
}

fn words(part: &str) -> Vec<String> {
    part.split(['_', '-', ' ']).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// Which of the `known` datasets, each with its layer, a table is. Layers that are both known have to be the same; a
/// dataset of the same layer goes before one whose layer nobody knows. None where several fit equally well.
pub fn dataset_of<'a>(table: &str, layer: Option<Layer>, known: &'a [(Dataset, Option<Layer>)]) -> Option<&'a Dataset> {
    let name = TableName::read(table);
    let layer = layer.or(name.layer);
    let datasets: Vec<(TableName, &'a Dataset, Option<Layer>)> = known
        .iter()
        .map(|(dataset, of)| {
            let name = TableName::read(dataset.as_str());
            let of = of.or(name.layer);
            (name, dataset, of)
        })
        .collect();
    for part in 0..name.parts.len() {
        let words = name.words_from(part);
        if words.is_empty() {
            continue;
        }
        let same: Vec<_> = datasets.iter().filter(|(other, ..)| other.words_from(0) == words).collect();
        let of_layer: Vec<_> = same.iter().filter(|(.., of)| layer.is_some() && *of == layer).collect();
        if let Some(found) = only(&of_layer) {
            return Some(found.1);
        }
        if !of_layer.is_empty() {
            return None;
        }
        let open: Vec<_> = same.iter().filter(|(.., of)| layer.is_none() || of.is_none()).collect();
        match only(&open) {
            Some(found) => return Some(found.1),
            None if open.is_empty() => {}
            None => return None,
        }
    }
    None
}

fn only<T>(items: &[T]) -> Option<&T> {
    match items {
        [one] => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_the_dataset_of_its_words_and_layer() {
        use Layer::{Bronze, Gold, Silver};
        let known: Vec<(Dataset, Option<Layer>)> = [
            ("silver/orders", None),
            ("gold/orders", None),
            ("crm/contacts", Some(Bronze)),
            ("fx", None),
            ("gold/fact_revenue", None),
            ("silver/customers", None),
            ("web/events", None),
            ("web_events", None),
        ]
        .map(|(name, layer)| (Dataset(name.into()), layer))
        .into();
        let table: [(&str, Option<Layer>, Option<&str>); 22] = [
            ("orders", Some(Silver), Some("silver/orders")),
            ("Orders", Some(Gold), Some("gold/orders")),
            ("orders", Some(Bronze), None),
            ("orders", None, None),
            ("orders_silver", None, Some("silver/orders")),
            ("silver_orders", None, Some("silver/orders")),
            ("silver.orders", None, Some("silver/orders")),
            ("spark_catalog.gold.orders", None, Some("gold/orders")),
            ("prod_silver.orders", None, Some("silver/orders")),
            ("crm_contacts", None, Some("crm/contacts")),
            ("crm_contacts", Some(Bronze), Some("crm/contacts")),
            ("crm_contacts", Some(Gold), None),
            ("crm.contacts", None, Some("crm/contacts")),
            ("contacts", None, None),
            ("lake.fx", None, Some("fx")),
            ("fx", Some(Bronze), Some("fx")),
            ("fact_revenue", Some(Gold), Some("gold/fact_revenue")),
            ("fact-revenue", None, Some("gold/fact_revenue")),
            ("web_events", None, None),
            ("customers_silver", Some(Silver), Some("silver/customers")),
            ("", None, None),
            ("silver", None, None),
        ];
        for (name, layer, expected) in table {
            assert_eq!(dataset_of(name, layer, &known).map(Dataset::as_str), expected, "{name} {layer:?}");
        }
    }

    #[test]
    fn a_name_without_its_layer() {
        let table = [
            ("silver_orders", "orders"),
            ("orders_Silver", "orders"),
            ("silver.orders", "orders"),
            ("orders", "orders"),
            ("gold", "gold"),
            ("lake/gold-orders", "lake/orders"),
        ];
        for (name, expected) in table {
            assert_eq!(TableName::read(name).without_layer(), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_survived(name in "(silver|gold|[._/ -]|\\PC){0,20}", other in "(silver|gold|[._/-]|\\PC){0,20}") {
            TableName::read(&name).without_layer();
            dataset_of(&name, None, &[(Dataset(other.as_str().into()), None)]);
        }
    }
}
