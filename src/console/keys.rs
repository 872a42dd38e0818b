//! Which key runs which command line: the embedded `keys.toml`, and the user's own keys over it.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Deserialize;

use super::command;
use super::state::Tab;

/// One key as people write it: `j`, `G`, `ctrl-d`, `pgdn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

const NAMED: [(&str, KeyCode); 15] = [
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("del", KeyCode::Delete),
];

/// What is wrong with a user's keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key.
    #[error(
        "no key {0:?}; a key is a character or one of up, down, left, right, home, end, pgup, pgdn, enter, esc, tab, backtab, space, backspace, del, f1 to f12, with ctrl- or alt- before it"
    )]
    NoKey(String),
    /// Not a command.
    #[error("key {key:?}: no command {run:?}; `?` in the console lists them, \"none\" frees a key")]
    NoCommand {
        /// The key.
        key: String,
        /// What it should run.
        run: String,
    },
    /// The user took the last way out.
    #[error("no key is left for {0:?}: give it one, or leave the default")]
    NoWay(&'static str),
}

impl Key {
    /// Parses the spelling of the key map.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::NoKey(text.to_owned());
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|r| !r.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|r| !r.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function =
            || rest.strip_prefix('f').and_then(|n| n.parse().ok()).filter(|n| (1..=12).contains(n)).map(KeyCode::F);
        let character = || {
            let mut chars = rest.chars();
            chars.next().filter(|c| chars.next().is_none() && !c.is_control()).map(KeyCode::Char)
        };
        let code = named.or_else(function).or_else(character).ok_or_else(wrong)?;
        Ok(Self { code, ctrl, alt })
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) }
    }
}

impl From<Key> for KeyEvent {
    fn from(key: Key) -> Self {
        let mut modifiers = KeyModifiers::NONE;
        modifiers.set(KeyModifiers::CONTROL, key.ctrl);
        modifiers.set(KeyModifiers::ALT, key.alt);
        Self::new(key.code, modifiers)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, KeyCode::F(n)) => write!(f, "f{n}"),
            (None, code) => write!(f, "{code}"),
        }
    }
}

#[derive(Deserialize)]
struct KeyFile {
    key: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    on: Vec<String>,
    run: String,
    /// The one tab where it holds; everywhere else the key does what it does there.
    tab: Option<String>,
}

/// A key and what it runs.
#[derive(Debug, Clone, PartialEq)]
struct Bound {
    key: Key,
    /// The one tab where it holds.
    tab: Option<Tab>,
    run: String,
}

/// The keys and the command lines they run.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyMap {
    rows: Vec<Bound>,
}

impl Default for KeyMap {
    /// The keys of the embedded file; a test proves that it parses.
    fn default() -> Self {
        let file: KeyFile = toml::from_str(include_str!("keys.toml")).unwrap_or(KeyFile { key: Vec::new() });
        let rows = file.key.into_iter().flat_map(|row| {
            let tab = row.tab.as_deref().and_then(Tab::of_word);
            let run = row.run;
            row.on.into_iter().filter_map(move |on| Some(Bound { key: Key::parse(&on).ok()?, tab, run: run.clone() }))
        });
        Self { rows: rows.collect() }
    }
}

impl KeyMap {
    /// Lays a user's keys over these: key to command line; `none` frees a key. They hold on every tab.
    pub fn overlay(mut self, own: &BTreeMap<String, String>) -> Result<Self, KeyError> {
        for (text, run) in own {
            let key = Key::parse(text)?;
            self.rows.retain(|b| b.key != key);
            if run == "none" {
                continue;
            }
            let (name, _) = command::split(run);
            if command::find(name).is_none() {
                return Err(KeyError::NoCommand { key: text.clone(), run: run.clone() });
            }
            // First, so that hints show the user's own key.
            self.rows.insert(0, Bound { key, tab: None, run: run.clone() });
        }
        match ["quit", "command"].into_iter().find(|way| self.first(way).is_none()) {
            Some(way) => Err(KeyError::NoWay(way)),
            None => Ok(self),
        }
    }

    /// What a key runs where no tab has its own use for it.
    pub fn line(&self, key: Key) -> Option<&str> {
        self.rows.iter().find(|b| b.key == key && b.tab.is_none()).map(|b| b.run.as_str())
    }

    /// What a key runs on a tab.
    pub(super) fn line_on(&self, key: Key, tab: Tab) -> Option<&str> {
        let own = self.rows.iter().find(|b| b.key == key && b.tab == Some(tab));
        own.map(|b| b.run.as_str()).or_else(|| self.line(key))
    }

    /// The first key of a command.
    pub fn first(&self, command: &str) -> Option<Key> {
        self.keys(command).next().map(|(key, _)| key)
    }

    /// All keys of a command, with or without arguments, and the tab where each holds.
    pub(super) fn keys<'a>(&'a self, command: &'a str) -> impl Iterator<Item = (Key, Option<Tab>)> + 'a {
        self.rows.iter().filter(move |b| command::split(&b.run).0 == command).map(|b| (b.key, b.tab))
    }

    /// The keys that run a command on a tab, its own first.
    pub(super) fn keys_on<'a>(&'a self, command: &'a str, tab: Tab) -> impl Iterator<Item = Key> + 'a {
        let runs = move |key: &Key| self.line_on(*key, tab).is_some_and(|l| command::split(l).0 == command);
        let own = self.keys(command).filter(move |(_, at)| *at == Some(tab));
        let general = self.keys(command).filter(|(_, at)| at.is_none());
        own.chain(general).map(|(key, _)| key).filter(runs)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_keys_parse_and_run_commands_that_exist() {
        let file: KeyFile = toml::from_str(include_str!("keys.toml")).unwrap();
        let mut seen = Vec::new();
        for row in file.key {
            assert!(command::find(command::split(&row.run).0).is_some(), "{}", row.run);
            for on in row.on {
                let key = Key::parse(&on).unwrap();
                assert_eq!(key.to_string(), on);
                assert_eq!(Key::from(KeyEvent::from(key)), key);
                let tab = row.tab.as_deref().map(|word| Tab::of_word(word).unwrap());
                assert!(!seen.contains(&(key, tab)), "{on} is bound twice");
                seen.push((key, tab));
            }
        }
        assert_eq!(KeyMap::default().rows.len(), seen.len());
    }

    #[test]
    fn wrong_keys_are_named() {
        for text in ["", "ctrl-", "foo", "f13", "f0", "up down", "\x1b"] {
            assert_eq!(Key::parse(text), Err(KeyError::NoKey(text.to_owned())), "{text}");
        }
        assert_eq!(Key::parse("-").unwrap().to_string(), "-");
        assert_eq!(Key::parse("ctrl--").unwrap().to_string(), "ctrl--");
    }

    #[test]
    fn a_tab_has_its_own_keys() {
        let map = KeyMap::default();
        let n = Key::parse("n").unwrap();
        assert_eq!((map.line_on(n, Tab::Logs), map.line_on(n, Tab::Dlq)), (Some("next-error"), Some("page-down")));
        let keys = |command: &str, tab| map.keys_on(command, tab).map(|k| k.to_string()).collect::<Vec<_>>();
        assert_eq!(keys("page-down", Tab::Logs), ["pgdn"]);
        assert_eq!(keys("page-down", Tab::Jobs), ["n", "pgdn"]);
        let own = BTreeMap::from([("n".to_owned(), "quit".to_owned())]);
        assert_eq!(KeyMap::default().overlay(&own).unwrap().line_on(n, Tab::Logs), Some("quit"));
    }

    #[test]
    fn own_keys_replace_free_and_are_checked() {
        let own = |key: &str, run: &str| BTreeMap::from([(key.to_owned(), run.to_owned())]);
        let map = KeyMap::default().overlay(&own("x", "theme mono")).unwrap();
        assert_eq!(map.line(Key::parse("x").unwrap()), Some("theme mono"));
        let map = KeyMap::default().overlay(&own("R", "none")).unwrap();
        assert_eq!(map.line(Key::parse("R").unwrap()), None);
        assert_eq!(map.first("refresh").unwrap().to_string(), "ctrl-r");
        assert!(matches!(KeyMap::default().overlay(&own("x", "explode")), Err(KeyError::NoCommand { .. })));
        assert_eq!(KeyMap::default().overlay(&own("q", "none")), Err(KeyError::NoWay("quit")));
    }
}
