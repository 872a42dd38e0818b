//! The form of a rerun: what a run had, to be changed; what differs, and whether there are workers for it, is judged at
//! each key. It leads to the plan and sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Wish, wish};
use crate::console::msg::Effect;
use crate::console::overlay::Overlay;
use crate::console::state::State;
use crate::model::masked;
use crate::model::order::{JobOrder, Limits};
use crate::model::run::{JobName, JobRun, JobRunId};
use crate::model::spark::edit::{Edited, Edits, edited};
use crate::model::spark::{resources, submit};
use crate::model::text::one_line;

/// The fields: what they are called, the setting, and what stands there where nothing is set.
const FIELDS: [(&str, &str, &str); 8] = [
    ("driver cores", "spark.driver.cores", ""),
    ("driver memory", "spark.driver.memory", ""),
    ("driver overhead", "spark.driver.memoryOverhead", "a tenth, 384m at least"),
    ("executor cores", "spark.executor.cores", ""),
    ("executor memory", "spark.executor.memory", ""),
    ("executor overhead", "spark.executor.memoryOverhead", "a tenth, 384m at least"),
    ("executors", "spark.executor.instances", ""),
    ("partitions", "spark.sql.shuffle.partitions", "200"),
];
/// The longest value. Characters.
const LONGEST: usize = 4096;

/// A field.
#[derive(Debug, Clone)]
pub(in crate::console) struct Field {
    pub name: &'static str,
    /// The setting; none of the arguments.
    pub setting: Option<&'static str>,
    pub value: String,
    /// What stands there where nothing is set.
    pub unset: &'static str,
    /// What it was.
    before: String,
}

/// The open form.
#[derive(Debug)]
pub(in crate::console) struct RerunForm {
    pub job: JobName,
    source: Arc<str>,
    run: JobRunId,
    order: JobOrder,
    limits: Limits,
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub at: usize,
    /// What comes of it, as it stands.
    pub edited: Edited,
    /// Settings that a doubling set besides.
    besides: Vec<(String, String)>,
}

impl RerunForm {
    pub(in crate::console) fn new(run: &JobRun, order: JobOrder, limits: Limits) -> Self {
        let settings = resources::settings(&order, &limits);
        let field = |(name, setting, unset): (&'static str, &'static str, &'static str)| {
            let value = settings.get(setting).cloned().unwrap_or_default();
            Field { name, setting: Some(setting), before: value.clone(), value, unset }
        };
        let mut fields: Vec<Field> = FIELDS.into_iter().map(field).collect();
        let arguments = line(&masked::arguments(&order.arguments));
        fields.push(Field {
            name: "arguments",
            setting: None,
            before: arguments.clone(),
            value: arguments,
            unset: "none",
        });
        let edited = edited(&order, &Edits::default(), &limits);
        let (source, id) = (Arc::clone(&run.source), run.id.clone());
        Self { job: run.job.clone(), source, run: id, order, limits, fields, at: 0, edited, besides: Vec::new() }
    }

    /// What is to be different.
    fn edits(&self) -> Edits {
        let changed = self.fields.iter().filter(|field| field.value != field.before);
        let mut set = self.besides.clone();
        set.extend(changed.filter_map(|field| Some((field.setting?.to_owned(), field.value.trim().to_owned()))));
        let arguments = self.fields.last().filter(|field| field.value != field.before);
        Edits { double_memory: false, set, arguments: arguments.map(|field| self.arguments(&field.value)) }
    }

    /// The arguments that were typed. A secret is shown as its mask, which stands for itself where it was.
    fn arguments(&self, typed: &str) -> Vec<String> {
        let shown = masked::arguments(&self.order.arguments);
        let mut hidden: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (shown, real) in shown.iter().zip(&self.order.arguments).rev().filter(|(shown, real)| shown != real) {
            hidden.entry(shown).or_default().push(real);
        }
        let one = |word: String| match hidden.get_mut(word.as_str()).and_then(Vec::pop) {
            Some(real) => real.clone(),
            None => word,
        };
        submit::words(typed).into_iter().map(one).collect()
    }

    fn judge(&mut self) {
        self.edited = edited(&self.order, &self.edits(), &self.limits);
    }

    /// Twice the memory of what stands in the form.
    fn double(&mut self) {
        let edits = Edits { double_memory: true, ..self.edits() };
        let doubled = edited(&self.order, &edits, &self.limits);
        let settings = resources::settings(&doubled.order, &self.limits);
        for field in &mut self.fields {
            if let Some(value) = field.setting.and_then(|setting| settings.get(setting)) {
                field.value.clone_from(value);
            }
        }
        let own = |name: &str| self.fields.iter().any(|field| field.setting == Some(name));
        let besides = doubled.changes.iter().filter(|change| change.name != "arguments" && !own(&change.name));
        self.besides = besides.map(|change| (change.name.clone(), change.after.clone())).collect();
        self.judge();
        // Why it could not be doubled is of the doubling, not of what stands there.
        let faults = doubled.faults.into_iter().filter(|fault| !self.edited.faults.contains(fault));
        let faults: Vec<String> = faults.collect();
        self.edited.faults.extend(faults);
    }
}

fn line(words: &[String]) -> String {
    words.iter().map(|word| submit::quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A key, while the form is open.
pub(in crate::console) fn key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Rerun(form)) = state.overlay.as_mut() else { return Vec::new() };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let last = form.fields.len().saturating_sub(1);
    match event.code {
        KeyCode::Esc => state.overlay = None,
        KeyCode::Enter => return plan(state),
        KeyCode::Down | KeyCode::Tab => form.at = if form.at >= last { 0 } else { form.at + 1 },
        KeyCode::Up | KeyCode::BackTab => form.at = form.at.checked_sub(1).unwrap_or(last),
        KeyCode::Char('d') if ctrl => form.double(),
        KeyCode::Char('u') if ctrl => edit(form, String::clear),
        KeyCode::Backspace => edit(form, |value| {
            value.pop();
        }),
        KeyCode::Char(c) if !ctrl && !event.modifiers.contains(KeyModifiers::ALT) => {
            // The field that takes no letter that is in no amount: there it is a command's.
            let is_amount = form.at < last;
            if is_amount && c == '*' { form.double() } else { edit(form, |value| value.push(c)) }
        }
        _ => {}
    }
    Vec::new()
}

fn edit(form: &mut RerunForm, change: impl FnOnce(&mut String)) {
    let at = form.at;
    if let Some(field) = form.fields.get_mut(at) {
        change(&mut field.value);
        if field.value.chars().count() > LONGEST {
            field.value.pop();
        }
        form.judge();
    }
}

fn plan(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Rerun(form)) = state.overlay.as_ref() else { return Vec::new() };
    if let Some(fault) = form.edited.faults.first() {
        let fault = one_line(fault, 200);
        state.say(format!("not yet: {fault}"));
        return Vec::new();
    }
    let (source, run, edits) = (Arc::clone(&form.source), form.run.clone(), form.edits());
    let what = format!("rerun of {}", one_line(&form.job.0, 40));
    state.overlay = None;
    wish(state, what, Wish::Rerun { source, run, edits, retry: false })
}
