use std::sync::Arc;

use super::tree::Node;
use crate::console::fixture::Driven;
use crate::console::msg::Effect;
use crate::model::entry::{DlqEntry, EntryPath};

#[test]
fn what_the_filter_hides_is_not_marked_with_its_dataset() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.keys("2");
    let entries = &mut driven.state.lake.entries;
    let at = entries.iter().position(|e| *e.dataset.0 == *"crm/contacts").unwrap_or_else(|| panic!("a dataset"));
    let path = EntryPath("_errors/crm/contacts/dt=2026-11-20/".into());
    let hidden = DlqEntry { path: path.clone(), ..entries[at].as_ref().clone() };
    entries.insert(at, Arc::new(hidden));
    super::rebuild(&mut driven.state);
    driven.type_in("/", "contacts !2026-11-20");
    let line = driven.state.dlq.nodes.iter().position(|node| matches!(node, Node::Dataset(_)));
    driven.state.dlq.cursor.at = line.unwrap_or_else(|| panic!("{}", driven.screen())) as u64;
    super::fit(&mut driven.state);
    driven.keys("space");
    assert_eq!(driven.state.dlq.marked.len(), 2, "{}", driven.screen());
    assert!(!driven.state.dlq.marked.contains(&path));
}

#[test]
fn a_jump_to_an_entry_loses_nothing_that_is_asked_for_on_the_way() {
    let mut driven = Driven::themed("dark", 120, 40);
    let path = EntryPath("_errors/finance/fx_rates/dt=2026-11-22/".into());
    driven.state.lake.entries.retain(|e| e.path == path);
    driven.keys("2").type_in("/", "nothing");
    assert!(driven.state.dlq.nodes.is_empty(), "{}", driven.screen());
    // Without the filter it is the only line: it is opened on the way there.
    let effects = super::select_entry(&mut driven.state, &path);
    let opens: Vec<_> =
        effects.iter().filter(|e| matches!(e, Effect::Open { entry, .. } if entry.path == path)).collect();
    assert_eq!(opens.len(), 1, "{effects:?}");
}
