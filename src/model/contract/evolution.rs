//! What would make rejected rows fit their contract: nulls for what is missing, wider types, and casts that each row may
//! fail (runbook, "Schema Evolution Failures"). A proposal; nothing is read or written here.

use serde::{Deserialize, Serialize};

use super::drift::Places;
use super::{Contract, ContractColumn};
use crate::model::column::Column;
use crate::model::kind::Kind;

/// What happens to one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvolutionStep {
    /// Nothing: it is as the contract has it.
    Keep,
    /// It is missing, and every row gets a null.
    NullDefault,
    /// Its type grows, and no value changes.
    Widen,
    /// Its values become those of another type; a row whose value has no equal there still fails.
    Cast,
    /// No way leads to the contract's type: rows with a value still fail.
    Unfit,
    /// The contract does not know it; it stays.
    Extra,
    /// A note of whoever rejected the row (its name begins with `_`): it is no part of the repaired row.
    Technical,
}

impl EvolutionStep {
    /// The word in tables and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::NullDefault => "null default",
            Self::Widen => "widen",
            Self::Cast => "cast",
            Self::Unfit => "no way",
            Self::Extra => "extra",
            Self::Technical => "left out",
        }
    }

    /// Whether it changes something.
    pub fn is_change(self) -> bool {
        matches!(self, Self::NullDefault | Self::Widen | Self::Cast | Self::Technical)
    }
}

/// One column of the repaired rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evolved {
    /// Its name: the contract's spelling, or the data's own. Hostile text.
    pub name: String,
    /// Its place among the columns of the data; none where it is missing there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<usize>,
    /// Its type in the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its type in the repaired rows, in the words of whoever said it.
    pub to: String,
    /// What happens to it.
    pub step: EvolutionStep,
}

/// What happens to every column, in the order of the repaired rows: the contract's, then what it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evolution {
    /// The columns.
    pub columns: Vec<Evolved>,
}

/// Levels of a path that writers leave out of the files themselves.
pub const PATH_COLUMNS: [&str; 4] = ["dt", "date", "day", "run_id"];

impl Evolution {
    /// The evolution from the data's columns to the contract.
    pub fn propose(contract: &Contract, columns: &[Column]) -> Self {
        let places = Places::of(columns);
        let mut known = vec![false; columns.len()];
        let mut evolved = Vec::with_capacity(columns.len());
        for expected in &contract.columns {
            match places.find(&expected.name).and_then(|at| Some((at, columns.get(at)?))) {
                Some((at, actual)) if !known[at] => {
                    known[at] = true;
                    evolved.push(of_column(expected, at, actual));
                }
                // Two names of the contract that are one in the data, but for their case: the second is missing.
                _ if PATH_COLUMNS.contains(&expected.name.as_str()) => {}
                _ => evolved.push(Evolved {
                    name: expected.name.clone(),
                    source: None,
                    from: None,
                    to: expected.kind.clone(),
                    step: EvolutionStep::NullDefault,
                }),
            }
        }
        evolved.extend(rest(columns, &known));
        Self { columns: evolved }
    }

    /// No evolution: the data as it is. With `typed`, a column of another type than the contract's is one that fails;
    /// without, the data has no types of its own (JSON lines).
    pub fn none(contract: &Contract, columns: &[Column], typed: bool) -> Self {
        let places = Places::of(columns);
        let mut evolved: Vec<Evolved> = rest(columns, &vec![false; columns.len()]).collect();
        for expected in &contract.columns {
            let Some((at, actual)) = places.find(&expected.name).and_then(|at| Some((at, columns.get(at)?))) else {
                continue;
            };
            if let Some(own) = evolved.get_mut(at) {
                let fits = !typed || Kind::read(&expected.kind).is_met_by(&Kind::read(&actual.kind));
                own.step = if fits { EvolutionStep::Keep } else { EvolutionStep::Unfit };
                if !fits {
                    own.to.clone_from(&expected.kind);
                }
            }
        }
        Self { columns: evolved }
    }

    /// Columns that change.
    pub fn changes(&self) -> impl Iterator<Item = &Evolved> {
        self.columns.iter().filter(|c| c.step.is_change())
    }

    /// How many steps of a kind it takes.
    pub fn count(&self, step: EvolutionStep) -> usize {
        self.columns.iter().filter(|c| c.step == step).count()
    }
}

fn of_column(expected: &ContractColumn, at: usize, actual: &Column) -> Evolved {
    let (wanted, found) = (Kind::read(&expected.kind), Kind::read(&actual.kind));
    let (step, to) = if wanted.is_met_by(&found) {
        (EvolutionStep::Keep, &actual.kind)
    } else if wanted.widens_from(&found) {
        (EvolutionStep::Widen, &expected.kind)
    } else if casts(&wanted, &found) {
        (EvolutionStep::Cast, &expected.kind)
    } else {
        (EvolutionStep::Unfit, &expected.kind)
    };
    Evolved { name: expected.name.clone(), source: Some(at), from: Some(actual.kind.clone()), to: to.clone(), step }
}

/// What the contract does not know.
fn rest<'a>(columns: &'a [Column], known: &'a [bool]) -> impl Iterator<Item = Evolved> + 'a {
    columns.iter().enumerate().zip(known).filter(|(_, known)| !**known).map(|((at, column), _)| Evolved {
        name: column.name.clone(),
        source: Some(at),
        from: Some(column.kind.clone()),
        to: column.kind.clone(),
        step: if column.name.starts_with('_') { EvolutionStep::Technical } else { EvolutionStep::Extra },
    })
}

/// Whether values of one type may have equals in the other: each row tells.
fn casts(to: &Kind, from: &Kind) -> bool {
    use Kind::{Bool, Date, Decimal, Double, Float, Int, Text, Timestamp, Unsigned};
    let number = |k: &Kind| matches!(k, Int(_) | Unsigned(_) | Float | Double | Decimal(Some(_)));
    match (from, to) {
        // NDJSON calls a column of several types so: its values are texts.
        (Kind::Other(word), to) if word == "mixed" => casts(to, &Text) || *to == Text,
        (Text, Bool | Date | Timestamp) => true,
        (Text, to) => number(to),
        (from, Text) => number(from) || matches!(from, Bool | Date | Timestamp),
        (Date, Timestamp) | (Timestamp, Date) => true,
        (from, to) => number(from) && number(to),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns(pairs: &[(&str, &str)]) -> Vec<Column> {
        pairs.iter().map(|(n, k)| Column { name: (*n).into(), kind: (*k).into(), nullable: true }).collect()
    }

    fn contract(pairs: &[(&str, &str)]) -> Contract {
        let column =
            |(n, k): &(&str, &str)| ContractColumn { name: (*n).into(), kind: (*k).into(), ..Default::default() };
        Contract { columns: pairs.iter().map(column).collect(), ..Contract::default() }
    }

    #[test]
    fn each_pair_of_types_has_its_step() {
        use EvolutionStep::{Cast, Keep, Unfit, Widen};
        let table = [
            ("int32", "int", Keep),
            ("timestamp[us, UTC]", "timestamp", Keep),
            ("int64", "any", Keep),
            ("int32", "bigint", Widen),
            ("int32", "decimal(12,2)", Widen),
            ("int64", "decimal(19,0)", Widen),
            ("float", "double", Widen),
            ("decimal(10,2)", "decimal(12,2)", Widen),
            ("null", "date", Widen),
            ("list<int32>", "array<bigint>", Widen),
            ("string", "bigint", Cast),
            ("string", "decimal(10,2)", Cast),
            ("string", "date", Cast),
            ("string", "timestamp", Cast),
            ("string", "boolean", Cast),
            ("int64", "int", Cast),
            ("int64", "double", Cast),
            ("double", "decimal(10,2)", Cast),
            ("decimal(12,4)", "decimal(10,2)", Cast),
            ("int64", "string", Cast),
            ("timestamp[us]", "date", Cast),
            ("mixed", "bigint", Cast),
            ("mixed", "string", Cast),
            ("string", "decimal", Unfit),
            ("int64", "date", Unfit),
            ("struct", "bigint", Unfit),
            ("binary", "string", Unfit),
            ("list<string>", "array<int>", Unfit),
        ];
        for (data, wanted, step) in table {
            let got = Evolution::propose(&contract(&[("a", wanted)]), &columns(&[("a", data)]));
            assert_eq!(got.columns[0].step, step, "{data} to {wanted}");
            assert_eq!(got.columns[0].to, if step == Keep { data } else { wanted });
        }
    }

    #[test]
    fn the_contracts_order_and_spelling_come_first() {
        use EvolutionStep::{Extra, Keep, NullDefault, Technical};
        let data = columns(&[("_error_type", "string"), ("ID", "int64"), ("new", "date"), ("id", "int64")]);
        let got = Evolution::propose(
            &contract(&[("late", "int"), ("id", "bigint"), ("Id", "bigint"), ("dt", "date")]),
            &data,
        );
        let told: Vec<_> = got.columns.iter().map(|c| (c.name.as_str(), c.source, c.step)).collect();
        let want = [
            ("late", None, NullDefault),
            ("id", Some(3), Keep),
            ("Id", Some(1), Keep),
            ("_error_type", Some(0), Technical),
            ("new", Some(2), Extra),
        ];
        assert_eq!(told, want);
        assert_eq!((got.changes().count(), got.count(Extra)), (2, 1));
    }

    #[test]
    fn without_evolution_a_wrong_type_fails_where_types_are_told() {
        let (wanted, data) = (contract(&[("a", "bigint"), ("b", "int")]), columns(&[("b", "int32"), ("A", "string")]));
        let steps = |typed| Evolution::none(&wanted, &data, typed).columns.iter().map(|c| c.step).collect::<Vec<_>>();
        assert_eq!(steps(true), [EvolutionStep::Keep, EvolutionStep::Unfit]);
        assert_eq!(steps(false), [EvolutionStep::Keep, EvolutionStep::Keep]);
    }

    proptest! {
        /// Every column of the data is in the evolution, once.
        #[test]
        fn no_column_is_lost(names in proptest::collection::vec("[aAbB_]{1,2}", 0..8), wanted in proptest::collection::vec("[aAbB_]{1,2}", 0..8)) {
            let data: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "string")).collect();
            let wanted: Vec<(&str, &str)> = wanted.iter().map(|n| (n.as_str(), "int")).collect();
            for evolution in [Evolution::propose(&contract(&wanted), &columns(&data)), Evolution::none(&contract(&wanted), &columns(&data), true)] {
                let mut sources: Vec<usize> = evolution.columns.iter().filter_map(|c| c.source).collect();
                sources.sort_unstable();
                prop_assert_eq!(sources, (0..data.len()).collect::<Vec<_>>());
            }
        }
    }
}
