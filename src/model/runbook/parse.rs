//! Reads Markdown as a runbook. Whatever its author wrote becomes a checklist: numbered steps, task lists, headings
//! that are steps, or headings with commands under them.

mod blocks;
mod front;

use std::sync::LazyLock;

use regex::Regex;

use self::blocks::{Block, Item, Section};
use super::{CommandBlock, Directive, Runbook, RunbookId, RunbookOrigin, Step, StepNumber};

/// Steps of one runbook; what comes after is said to be left out.
const MOST: usize = 500;
/// Steps below steps; what stands deeper is text.
const DEEPEST: usize = 3;

static STEP_HEADING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(?:step\s+\d+\s*[:.)–—-]?|\d+\s*[.):–—-])\s*(.*)$").ok());
static BRANCH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(?:if|when|in case|otherwise|else|unless)\b").ok());

/// What a heading announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Symptoms,
    Steps,
    Prevention,
    Other,
}

fn role(heading: &str) -> Role {
    let low = heading.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    if has(&["symptom", "detection", "how to recogni", "signs", "impact", "alerts that"]) {
        Role::Symptoms
    } else if has(&["prevent", "follow-up", "follow up", "lessons", "long-term", "long term"]) {
        Role::Prevention
    } else if has(&[
        "recover",
        "step",
        "procedure",
        "resolution",
        "resolve",
        "remediat",
        "mitigat",
        "fix",
        "action",
        "what to do",
        "diagnos",
        "investigat",
        "triage",
        "troubleshoot",
        "verif",
        "rollback",
        "checklist",
        "workflow",
        "playbook",
        "response",
        "process",
    ]) {
        Role::Steps
    } else {
        Role::Other
    }
}

/// Reads a runbook. Never fails: what cannot be read is in its problems.
pub fn parse(id: &str, origin: RunbookOrigin, markdown: &str) -> Runbook {
    let document = blocks::read(markdown);
    let mut problems = Vec::new();
    let front = front::read(document.front.as_deref(), &mut problems);
    let heading = document.sections.iter().find(|s| !s.heading.is_empty()).map(|s| s.heading.clone());
    let mut reading = Reading { steps: Vec::new(), problems, left: 0 };
    let mut symptoms = Vec::new();
    let mut prevention = Vec::new();
    // A heading below one of these belongs to it, unless it says otherwise itself.
    let mut inherited: Vec<(u8, Role)> = Vec::new();
    let mut steps: Vec<&Section> = Vec::new();
    let mut others: Vec<&Section> = Vec::new();
    for section in &document.sections {
        inherited.retain(|(level, _)| *level < section.level);
        let own = if numbered(&section.heading).is_some() { Role::Steps } else { role(&section.heading) };
        let own = match own {
            Role::Other => inherited.last().map_or(Role::Other, |(_, role)| *role),
            own => own,
        };
        // The title of the whole says nothing of its parts.
        if section.level > 1 || document.sections.len() == 1 {
            inherited.push((section.level, own));
        }
        match own {
            Role::Symptoms => symptoms.extend(section.blocks.iter().flat_map(lines)),
            Role::Prevention => prevention.extend(section.blocks.iter().flat_map(lines)),
            Role::Steps if section.level > 1 || section.holds_steps() => steps.push(section),
            Role::Steps | Role::Other => others.push(section),
        }
    }
    if !steps.iter().any(|section| section.holds_steps() || numbered(&section.heading).is_some()) {
        steps = others.into_iter().filter(|section| section.holds_steps()).collect();
    }
    reading.sections(&steps);
    if reading.left > 0 {
        reading.problems.push(format!("{} more steps are left out: {MOST} are shown", reading.left));
    }
    Runbook {
        id: RunbookId(id.into()),
        title: front.title.or(heading).unwrap_or_else(|| id.to_owned()),
        origin,
        binding: front.binding,
        symptoms,
        steps: reading.steps,
        prevention,
        problems: reading.problems,
    }
}

/// The text of a heading that is a step of its own.
fn numbered(heading: &str) -> Option<&str> {
    let found = STEP_HEADING.as_ref()?.captures(heading)?;
    found.get(1).map(|rest| rest.as_str().trim()).filter(|rest| !rest.is_empty())
}

/// What a block says, a line for each of its items.
fn lines(block: &Block) -> Vec<String> {
    match block {
        Block::Text(text) => vec![text.clone()],
        Block::Code(code) => code.text.lines().map(str::to_owned).collect(),
        Block::Comment(_) => Vec::new(),
        Block::List { items, .. } => items.iter().flat_map(|item| item.blocks.iter().flat_map(lines)).collect(),
    }
}

struct Reading {
    steps: Vec<Step>,
    problems: Vec<String>,
    left: usize,
}

impl Reading {
    /// The steps of sections: one section's are the runbook's; of several, each is a step with steps below it, and a
    /// heading that is a numbered step is one by itself.
    fn sections(&mut self, sections: &[&Section]) {
        let headings = sections.iter().filter(|s| numbered(&s.heading).is_some()).count();
        let bearing = sections.iter().filter(|s| s.holds_steps()).count();
        if headings == 0 && bearing <= 1 {
            for section in sections {
                self.list(&StepNumber::default(), &section.blocks, 0, section.has_numbers());
            }
            return;
        }
        let mut place = 0;
        for section in sections.iter().filter(|s| s.holds_steps() || numbered(&s.heading).is_some()) {
            place += 1;
            let title = numbered(&section.heading).unwrap_or(&section.heading).to_owned();
            let number = StepNumber::default().below(place);
            if let Some(at) = self.begin(number.clone(), title) {
                self.list(&number, &section.blocks, at, section.has_numbers());
                self.branched(at);
            }
        }
    }

    /// A step that nothing is known of but its title; where it stands among the steps.
    fn begin(&mut self, number: StepNumber, title: String) -> Option<usize> {
        if self.steps.len() >= MOST {
            self.left += 1;
            return None;
        }
        let step = Step { number, title, text: Vec::new(), commands: Vec::new(), directive: None, branch: false };
        self.steps.push(step);
        Some(self.steps.len() - 1)
    }

    /// Blocks of a section or a step: lists are the steps below `above`; what stands between them belongs to the last
    /// step, and what comes before any to `at`, the one above.
    fn list(&mut self, above: &StepNumber, blocks: &[Block], at: usize, numbers: bool) {
        let mut place = 0;
        let mut last = None;
        for block in blocks {
            match block {
                // Where steps are numbered, a list of points is what a step says.
                Block::List { ordered, tasks, items }
                    if (*ordered || *tasks || !numbers) && depth_below(above) < DEEPEST =>
                {
                    for item in items {
                        place += 1;
                        last = self.item(above.below(place), item).or(last);
                    }
                }
                // Below a list of the section it is its last step's; within a step it is the step's own.
                other => {
                    let own = Some(at).filter(|_| *above != StepNumber::default());
                    if let Some(step) = own.or(last) {
                        self.says(step, other);
                    }
                }
            }
        }
    }

    fn item(&mut self, number: StepNumber, item: &Item) -> Option<usize> {
        let mut blocks = item.blocks.iter().peekable();
        let title = match blocks.next_if(|block| matches!(block, Block::Text(_))) {
            Some(Block::Text(text)) => text.clone(),
            _ => blocks.peek().and_then(|block| lines(block).into_iter().next()).unwrap_or_default(),
        };
        let at = self.begin(number.clone(), title.trim_end_matches(':').to_owned())?;
        let rest: Vec<Block> = blocks.cloned().collect();
        let numbers = rest.iter().any(|block| matches!(block, Block::List { ordered: true, .. }));
        self.list(&number, &rest, at, numbers);
        self.branched(at);
        Some(at)
    }

    /// A step is a branch if it is a condition with steps below it.
    fn branched(&mut self, at: usize) {
        let below = self.steps.len() > at + 1;
        if let Some(step) = self.steps.get_mut(at) {
            step.branch = below && BRANCH.as_ref().is_some_and(|branch| branch.is_match(&step.title));
        }
    }

    /// Adds to a step what a block says.
    fn says(&mut self, at: usize, block: &Block) {
        let Some(step) = self.steps.get_mut(at) else { return };
        match block {
            Block::Text(text) => step.text.push(text.clone()),
            Block::Code(code) => {
                let code = CommandBlock { language: code.language.clone(), text: code.text.clone() };
                step.commands.push(code);
            }
            Block::List { .. } => step.text.extend(lines(block).into_iter().map(|line| format!("- {line}"))),
            Block::Comment(comment) => match Directive::of_comment(comment) {
                Some(Ok(directive)) => step.directive = Some(directive),
                Some(Err(why)) => self.problems.push(format!("step {}: {why}", step.number)),
                None => {}
            },
        }
    }
}

/// How deep the steps below a number stand.
fn depth_below(number: &StepNumber) -> usize {
    if *number == StepNumber::default() { 0 } else { number.depth() + 1 }
}
