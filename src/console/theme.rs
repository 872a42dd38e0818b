//! Themes: what each thing on screen means, mapped to a style. Views name meanings, never colours.
//! The built-in ones are data files under `themes/`; a user's file is laid over one of them.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// The meanings a theme gives a style to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plain text.
    Text,
    /// Less important text.
    Dim,
    /// The program's name and the header line.
    Header,
    /// Titles on rules and heads of columns.
    Title,
    /// What the eye should find without alarm.
    Accent,
    /// Lines between panes.
    Rule,
    /// A tab that is not open.
    Tab,
    /// The open tab.
    TabActive,
    /// A key in a hint.
    Key,
    /// The badge of a protected environment.
    BadgeProtected,
    /// The badge of a protected environment that is unlocked for a while.
    BadgeArmed,
    /// The badge of an environment that can be written.
    BadgeOpen,
    /// Critical.
    Critical,
    /// Warning.
    Warning,
    /// Info.
    Info,
    /// The chosen row of the pane that has the focus.
    Selected,
    /// The chosen row of another pane.
    SelectedIdle,
    /// Marked by the user.
    Marked,
    /// Data is fresh.
    Fresh,
    /// Data is old, or its source fails.
    Stale,
    /// A column that the error reasons name.
    NamedColumn,
    /// A masked cell.
    Masked,
    /// A null.
    Null,
    /// Something failed.
    Error,
    /// Something is as it should be.
    Success,
}

impl Role {
    const ALL: [(Self, &'static str); 25] = [
        (Self::Text, "text"),
        (Self::Dim, "dim"),
        (Self::Header, "header"),
        (Self::Title, "title"),
        (Self::Accent, "accent"),
        (Self::Rule, "rule"),
        (Self::Tab, "tab"),
        (Self::TabActive, "tab.active"),
        (Self::Key, "key"),
        (Self::BadgeProtected, "badge.protected"),
        (Self::BadgeArmed, "badge.armed"),
        (Self::BadgeOpen, "badge.open"),
        (Self::Critical, "severity.critical"),
        (Self::Warning, "severity.warning"),
        (Self::Info, "severity.info"),
        (Self::Selected, "selected"),
        (Self::SelectedIdle, "selected.idle"),
        (Self::Marked, "marked"),
        (Self::Fresh, "fresh"),
        (Self::Stale, "stale"),
        (Self::NamedColumn, "named_column"),
        (Self::Masked, "masked"),
        (Self::Null, "null"),
        (Self::Error, "error"),
        (Self::Success, "success"),
    ];
}

/// What is wrong with a theme file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// It is not TOML of the right shape; the message has line and column.
    #[error("theme: {0}")]
    Syntax(String),
    /// It names a style that does not exist.
    #[error("theme {theme:?}: unknown style {style:?}; there are: {known}")]
    UnknownStyle {
        /// The theme.
        theme: String,
        /// The name in the file.
        style: String,
        /// The names that exist.
        known: String,
    },
    /// A style says something that is neither a colour nor a modifier.
    #[error(
        "theme {theme:?}: style {style:?} has {word:?}; a style is [COLOUR] [on COLOUR] [bold|dim|italic|underline|reverse], \
         a colour is a name like light-red, a number to 255, #rrggbb or reset"
    )]
    BadWord {
        /// The theme.
        theme: String,
        /// The style.
        style: String,
        /// The word that is not understood.
        word: String,
    },
    /// No built-in theme has this name.
    #[error("no theme {0:?}; there are: dark, light, mono, colour-safe")]
    UnknownTheme(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    name: Option<String>,
    /// The built-in theme it is laid over; `dark` if unset.
    base: Option<String>,
    #[serde(default)]
    styles: BTreeMap<String, String>,
}

/// A style for every [`Role`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    styles: [Style; Role::ALL.len()],
}

impl Default for Theme {
    fn default() -> Self {
        Self::built_in("dark").unwrap_or_else(|_| Self::plain("dark"))
    }
}

impl Theme {
    /// The names of the built-in themes.
    pub const BUILT_IN: [&'static str; 4] = ["dark", "light", "mono", "colour-safe"];

    /// A built-in theme.
    pub fn built_in(name: &str) -> Result<Self, ThemeError> {
        let text = file_of(name).ok_or_else(|| ThemeError::UnknownTheme(name.to_owned()))?;
        Self::plain(name).overlay(text)
    }

    /// A user's theme file, laid over the built-in theme that its `base` names (`dark` if it names none).
    pub fn parse(text: &str) -> Result<Self, ThemeError> {
        let file: ThemeFile = toml::from_str(text).map_err(|e| ThemeError::Syntax(e.to_string()))?;
        Self::built_in(file.base.as_deref().unwrap_or("dark"))?.overlay(text)
    }

    /// Its name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a meaning.
    pub fn style(&self, role: Role) -> Style {
        let at = Role::ALL.iter().position(|(r, _)| *r == role);
        at.and_then(|i| self.styles.get(i)).copied().unwrap_or_default()
    }

    /// No style at all.
    fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), styles: [Style::default(); Role::ALL.len()] }
    }

    fn overlay(mut self, text: &str) -> Result<Self, ThemeError> {
        let file: ThemeFile = toml::from_str(text).map_err(|e| ThemeError::Syntax(e.to_string()))?;
        if let Some(name) = file.name {
            self.name = name;
        }
        for (name, words) in file.styles {
            let at = Role::ALL.iter().position(|(_, n)| *n == name);
            let Some(slot) = at.and_then(|i| self.styles.get_mut(i)) else {
                let known = Role::ALL.map(|(_, n)| n).join(", ");
                return Err(ThemeError::UnknownStyle { theme: self.name, style: name, known });
            };
            *slot =
                style(&words).map_err(|word| ThemeError::BadWord { theme: self.name.clone(), style: name, word })?;
        }
        Ok(self)
    }
}

fn style(words: &str) -> Result<Style, String> {
    let mut style = Style::default();
    let mut background = false;
    for word in words.split_whitespace() {
        let modifier = match word {
            "on" if !background => {
                background = true;
                continue;
            }
            "bold" => Some(Modifier::BOLD),
            "dim" => Some(Modifier::DIM),
            "italic" => Some(Modifier::ITALIC),
            "underline" => Some(Modifier::UNDERLINED),
            "reverse" => Some(Modifier::REVERSED),
            _ => None,
        };
        match modifier {
            Some(m) if !background => style = style.add_modifier(m),
            _ => {
                let colour: Color = word.parse().map_err(|_| word.to_owned())?;
                style = if background { style.bg(colour) } else { style.fg(colour) };
                background = false;
            }
        }
    }
    if background { Err("on".to_owned()) } else { Ok(style) }
}

/// The data file of a built-in theme.
fn file_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "dark" => include_str!("../../themes/dark.toml"),
        "light" => include_str!("../../themes/light.toml"),
        "mono" => include_str!("../../themes/mono.toml"),
        "colour-safe" | "color-safe" => include_str!("../../themes/colour-safe.toml"),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_gives_every_meaning_a_style() {
        for name in Theme::BUILT_IN {
            let file: ThemeFile = toml::from_str(file_of(name).unwrap()).unwrap();
            assert_eq!(file.styles.len(), Role::ALL.len(), "{name}");
            assert_eq!(Theme::built_in(name).unwrap().name(), name);
        }
    }

    #[test]
    fn the_default_theme_keeps_to_sixteen_colours_and_mono_to_none() {
        for (role, name) in Role::ALL {
            let dark = Theme::default().style(role);
            for colour in [dark.fg, dark.bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name}");
            }
            let mono = Theme::built_in("mono").unwrap().style(role);
            assert!([mono.fg, mono.bg].into_iter().flatten().all(|c| c == Color::Reset), "{name}");
        }
    }

    #[test]
    fn a_wrong_theme_says_what_is_allowed() {
        let table = [
            ("[styles]\nseverity = \"red\"", "unknown style \"severity\"; there are: text, dim"),
            ("[styles]\ntext = \"redd\"", "style \"text\" has \"redd\""),
            ("[styles]\ntext = \"red on\"", "has \"on\""),
            ("[styles]\ntext = \"red on bold\"", "has \"bold\""),
            ("base = \"dusk\"", "no theme \"dusk\"; there are: dark"),
            ("nam = \"x\"", "unknown field `nam`"),
            ("[styles", "theme: TOML parse error at line 1"),
        ];
        for (text, part) in table {
            let error = Theme::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn a_users_theme_is_laid_over_its_base() {
        let theme =
            Theme::parse("name = \"mine\"\nbase = \"mono\"\n[styles]\nselected = \"black on #ff8700 bold\"").unwrap();
        assert_eq!(theme.style(Role::Selected).bg, Some(Color::Rgb(255, 135, 0)));
        assert_eq!(theme.style(Role::Error), Theme::built_in("mono").unwrap().style(Role::Error));
    }
}
