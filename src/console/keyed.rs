//! What a pressed key does: the line that is typed takes it first, then what lies over the screen, then the key map.

use crossterm::event::KeyEvent;

use super::command::{self, Command};
use super::keys::Key;
use super::msg::Effect;
use super::overlay::{self, Handled, Overlay};
use super::prompt::{Outcome, Prompt, PromptKind};
use super::state::State;
use super::update::{run, run_line, set_filter};
use super::{driving, incident, layout, logs, plan};

pub(super) fn key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    if state.prompt.is_some() && layout::fits(state) {
        return prompt_key(state, event);
    }
    let line = state.settings.keys.line_on(Key::from(event), state.tab).map(str::to_owned);
    let command = line.as_deref().and_then(|l| command::find(command::split(l).0)).map(|s| s.command);
    // The way out works everywhere, over everything.
    if matches!(command, Some(Command::Interrupt | Command::Suspend)) {
        return line.map(|l| run_line(state, &l)).unwrap_or_default();
    }
    // Nobody sees what a key would do; nor what a text would lose that is being typed.
    if !layout::fits(state) {
        let typing = state.prompt.is_some() || state.overlay.is_some();
        return if command == Some(Command::Quit) && !typing {
            line.map(|l| run_line(state, &l)).unwrap_or_default()
        } else {
            Vec::new()
        };
    }
    if matches!(state.overlay, Some(Overlay::Plan(_))) {
        return plan::key(state, event);
    }
    if matches!(state.overlay, Some(Overlay::Rerun(_))) {
        return driving::key(state, event);
    }
    if matches!(state.overlay, Some(Overlay::Note(_))) {
        return incident::note_key(state, event);
    }
    if state.overlay.is_some() {
        return overlay_key(state, event);
    }
    if state.flash.as_ref().is_some_and(|f| !f.error) {
        state.flash = None;
    }
    line.map(|l| run_line(state, &l)).unwrap_or_default()
}

fn overlay_key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    match overlay::key(state, event) {
        Handled::Stay => Vec::new(),
        Handled::Close => {
            state.overlay = None;
            Vec::new()
        }
        Handled::Do(effect) => {
            state.overlay = None;
            vec![effect]
        }
        Handled::Line(line) => {
            state.overlay = None;
            logs::go_to(state, line);
            Vec::new()
        }
        Handled::Run(spec) => {
            // What needs an argument is put on the command line to be finished.
            if let Err(why) = (spec.enabled)(state) {
                state.fail(format!("{}: {why}", spec.name));
                return Vec::new();
            }
            state.overlay = None;
            if !spec.args.is_empty() && !spec.args.starts_with('[') {
                state.prompt = Some(Prompt::new(PromptKind::Command, &format!("{} ", spec.name)));
                return Vec::new();
            }
            run(state, spec, "")
        }
    }
}

fn prompt_key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let Some(prompt) = state.prompt.as_mut() else { return Vec::new() };
    let kind = prompt.kind;
    match (prompt.key(event, &state.history), kind) {
        (Outcome::Typing, PromptKind::Filter) => live_filter(state),
        (Outcome::Typing, PromptKind::Command) => Vec::new(),
        (Outcome::Given(before), PromptKind::Filter) => {
            state.prompt = None;
            set_filter(state, &before)
        }
        (Outcome::Given(_), PromptKind::Command) => {
            state.prompt = None;
            Vec::new()
        }
        (Outcome::Done(text), PromptKind::Filter) => {
            state.prompt = None;
            set_filter(state, &text)
        }
        (Outcome::Done(line), PromptKind::Command) => {
            state.prompt = None;
            if line.trim().is_empty() {
                return Vec::new();
            }
            state.remember(line.trim());
            run_line(state, &line)
        }
        (Outcome::Complete(line), PromptKind::Command) => {
            let candidates = command::complete(&line, state);
            if let Some(prompt) = state.prompt.as_mut() {
                prompt.offer(candidates);
            }
            Vec::new()
        }
        (Outcome::Complete(_), PromptKind::Filter) => Vec::new(),
    }
}

pub(super) fn live_filter(state: &mut State) -> Vec<Effect> {
    match state.prompt.as_ref().filter(|p| p.kind == PromptKind::Filter).map(Prompt::text) {
        Some(text) => set_filter(state, &text),
        None => Vec::new(),
    }
}
