//! The terminal, judged by what it says of itself: nothing is written to it.

use std::io::{self, IsTerminal};

use super::{Check, Verdict};
use crate::cli::config::{Config, Vars};

/// What is known of the terminal.
pub struct Screen {
    tty: bool,
    size: Option<(u16, u16)>,
}

impl Screen {
    /// The terminal of this process.
    pub fn of_process() -> Self {
        let tty = io::stdin().is_terminal() && io::stdout().is_terminal();
        Self { tty, size: crossterm::terminal::size().ok() }
    }
}

/// The rows.
pub fn checks(vars: &Vars, screen: &Screen, config: &Config) -> Vec<Check> {
    let term = vars.get("TERM").unwrap_or_default();
    let kind = match (screen.tty, term) {
        (false, _) => Check::new("terminal", Verdict::Skip, "standard input or output is no terminal")
            .hint("the console needs one; commands with --json do not"),
        (true, "" | "dumb") => Check::new("terminal", Verdict::Fail, format!("TERM is `{term}`"))
            .hint("set TERM to what your terminal is (xterm-256color); commands with --json work without"),
        (true, term) => Check::new("terminal", Verdict::Pass, format!("TERM {term}")),
    };
    let size = match screen.size.filter(|_| screen.tty) {
        None => Check::new("size", Verdict::Skip, "unknown"),
        Some((w, h)) if w < 60 || h < 16 => {
            Check::new("size", Verdict::Fail, format!("{w}×{h}")).hint("the console needs 60×16, and likes 80×24")
        }
        Some((w, h)) => Check::new("size", Verdict::Pass, format!("{w}×{h}")),
    };
    let truecolor = matches!(vars.get("COLORTERM"), Some("truecolor" | "24bit"));
    let colours = match (truecolor, term.contains("256color")) {
        (true, _) => "16 million",
        (false, true) => "256",
        (false, false) => "16",
    };
    let theme = &config.console.theme;
    let colours = format!("{colours} colours; theme {} ({})", theme.value, theme.source);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|n| vars.get(n)).unwrap_or("unset");
    let folded = locale.to_ascii_lowercase();
    let locale = if folded.contains("utf-8") || folded.contains("utf8") || config.console.ascii.value {
        Check::new("characters", Verdict::Pass, format!("locale {locale}"))
    } else {
        Check::new("characters", Verdict::Warn, format!("locale {locale} is not UTF-8"))
            .hint("if glyphs look wrong: console.ascii = true, or LC_ALL=C.UTF-8")
    };
    let osc52 = &config.console.osc52;
    let copy = format!("OSC 52, {} ({})", osc52.value, osc52.source);
    let copy = match (osc52.value.as_str(), vars.get("TMUX")) {
        ("off", _) => Check::new("copy", Verdict::Pass, "off"),
        (_, Some(_)) => Check::new("copy", Verdict::Warn, format!("{copy}, inside tmux")).hint(
            "tmux passes it on with `set -g set-clipboard on`; or console.osc52 = \"tmux\" and allow-passthrough on",
        ),
        _ => Check::new("copy", Verdict::Pass, copy),
    };
    vec![kind, size, Check::new("colours", Verdict::Pass, colours), locale, copy]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::tests::config;

    #[test]
    fn a_terminal_is_judged_by_what_it_says() {
        let vars =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vars>();
        let verdicts = |tty, size, pairs: &[(&str, &str)]| {
            let checks = checks(&vars(pairs), &Screen { tty, size }, &config());
            checks.into_iter().map(|c| c.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Fail, Pass, Skip, Warn};
        let good = [("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")];
        assert_eq!(verdicts(true, Some((80, 24)), &good), [Pass, Pass, Pass, Pass, Pass]);
        assert_eq!(verdicts(true, Some((59, 24)), &good), [Pass, Fail, Pass, Pass, Pass]);
        assert_eq!(verdicts(true, Some((60, 16)), &[("TERM", "dumb")]), [Fail, Pass, Pass, Warn, Pass]);
        assert_eq!(verdicts(false, None, &[("TMUX", "x"), ("LC_ALL", "C.utf8")]), [Skip, Skip, Pass, Pass, Warn]);
    }
}
