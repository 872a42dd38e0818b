//! The terminal UI: `update` changes the state and asks for effects, `view` draws it, an executor runs the
//! effects through an `ops::Session`. Knows nothing of S3 and files; draws nothing unescaped.

mod alerts;
mod app;
mod audit;
mod clipboard;
mod command;
mod cursor;
mod dlq;
mod driving;
mod executor;
mod footer;
mod glyphs;
mod header;
mod history;
mod incident;
mod jobs;
mod keyed;
mod keys;
mod layout;
mod load;
mod logs;
mod marks;
mod moves;
mod moving;
mod msg;
mod overlay;
mod page;
mod paint;
mod plan;
mod prompt;
mod quarantine;
mod runbook;
mod settings;
mod sources;
mod state;
mod terminal;
mod theme;
mod update;
mod view;
mod words;
mod work;

use crate::model::filter;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod stories;

pub use app::{App, Notice, Screen, run};
pub use command::key_table;
pub use keys::{Key, KeyError, KeyMap};
pub use moving::Moving;
pub use msg::ExitReason;
pub use settings::{ConsoleSettings, Osc52};
pub use terminal::{run_terminal, terminal_fit};
pub use theme::{Role, Theme, ThemeError};
