//! `doctor`: configuration, lake, permissions, notifiers, terminal and places of this machine, each with a verdict
//! and a hint. Reads at most one listing page and one byte of the lake, writes nothing there, and tells nobody.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::config::{Config, Places, Vars};
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table};
use super::{connect, notify};
use crate::lake::{ByteRange, Lake, LakeError, ListRequest};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Works, with something to know.
    Warn,
    /// Does not work.
    Fail,
    /// Could not be checked.
    Skip,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub check: Cow<'static, str>,
    /// How it went.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// What to do, if there is something.
    pub hint: Option<String>,
}

impl Check {
    /// A check without a hint.
    pub fn new(check: impl Into<Cow<'static, str>>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { check: check.into(), verdict, detail: detail.into(), hint: None }
    }

    /// The same with what to do.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn failed(check: &'static str, error: &LakeError) -> Self {
        Self::new(check, Verdict::Fail, error.to_string()).hint(error.hint.clone())
    }
}

/// Runs the checks; `lake` is the open lake or why there is none.
pub async fn run(
    config: &Config,
    lake: Option<&dyn Lake>,
    vars: &Vars,
    places: &Places,
    as_json: bool,
) -> Result<Answer, CliError> {
    let mut checks = vec![configuration(config, places)];
    match (lake, &config.lake) {
        (Some(lake), _) => checks.extend(of_lake(lake, &config.settings.prefixes.errors).await),
        (None, Some(target)) => {
            if let Err(e) = connect::lake(target) {
                checks.push(Check::failed("lake", &e));
            }
        }
        (None, None) => checks.push(
            Check::new("lake", Verdict::Skip, "no lake is configured or named").hint("lakeward init, or --lake URL"),
        ),
    }
    checks.extend(notify::checks(config).await);
    let screen =
        Screen { tty: io::stdin().is_terminal() && io::stdout().is_terminal(), size: crossterm::terminal::size().ok() };
    checks.extend(terminal(vars, &screen, config));
    checks.push(writable("log file", places.log_file().as_deref()));
    checks.push(writable("state folder", places.state.as_deref()));
    answer(&checks, config, as_json)
}

fn answer(checks: &[Check], config: &Config, as_json: bool) -> Result<Answer, CliError> {
    let failed = checks.iter().any(|c| c.verdict == Verdict::Fail);
    let text = if as_json {
        output::json(&json!({ "checks": checks, "settings": config.values }))?
    } else {
        let mut table = Table::new(&[("check", Side::Left), ("verdict", Side::Left), ("what was seen", Side::Left)]);
        for c in checks {
            let verdict = match c.verdict {
                Verdict::Pass => "pass",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
                Verdict::Skip => "skip",
            };
            table.row([c.check.as_ref(), verdict, c.detail.as_str()]);
            if let Some(hint) = &c.hint {
                table.row(["", "", &format!("hint: {hint}")]);
            }
        }
        let mut settings = Table::new(&[("setting", Side::Left), ("value", Side::Left), ("source", Side::Left)]);
        for v in &config.values {
            settings.row([v.name.as_str(), &v.value, &v.source.to_string()]);
        }
        format!("{}\n{}", table.render(), settings.render())
    };
    Ok(Answer::fine(text).ending(if failed { Exit::NotFine } else { Exit::Fine }))
}

fn configuration(config: &Config, places: &Places) -> Check {
    let own = config.lake_file.as_ref().map_or_else(String::new, |f| format!("; the lake's own {}", f.display()));
    match &config.file {
        Some(file) => Check::new("configuration", Verdict::Pass, format!("{}{own}", file.display())),
        None => {
            let place = places.config_file().map_or_else(|| "no home directory".into(), |f| f.display().to_string());
            let verdict = if config.lake.is_some() { Verdict::Pass } else { Verdict::Warn };
            Check::new("configuration", verdict, format!("no file at {place}: defaults{own}"))
                .hint("lakeward init writes one")
        }
    }
}

/// One listing page of the errors prefix, then one byte of an object in it.
async fn of_lake(lake: &dyn Lake, errors: &str) -> Vec<Check> {
    let place = lake.uri(errors);
    let request = ListRequest { prefix: errors.to_owned(), ..ListRequest::default() };
    let page = match lake.list(&request).await {
        Ok(page) => page,
        Err(e) => {
            let unread = Check::new("read", Verdict::Skip, "the lake could not be listed");
            return vec![Check::failed("lake", &e), unread];
        }
    };
    let more = if page.continuation.is_some() { " or more" } else { "" };
    let listed = Check::new("lake", Verdict::Pass, format!("{place} lists {} objects{more}", page.objects.len()));
    if page.objects.is_empty() {
        let empty = Check::new("errors prefix", Verdict::Warn, format!("{place} is empty"))
            .hint("nothing was rejected, or prefixes.errors or the lake's address is another");
        return vec![listed, empty, Check::new("read", Verdict::Skip, "no object to read")];
    }
    // Archived objects cannot be read whatever the permissions are.
    let readable = page.objects.iter().find(|o| o.size > 0 && o.storage_class.is_none());
    let read = match readable {
        None => Check::new("read", Verdict::Skip, "no object to read on the first page"),
        Some(object) => match lake.get(&object.key, ByteRange::Suffix(1), None).await {
            Ok(_) => Check::new("read", Verdict::Pass, format!("{} can be read", lake.uri(object.key.as_str()))),
            Err(e) => Check::failed("read", &e),
        },
    };
    vec![listed, Check::new("errors prefix", Verdict::Pass, place), read]
}

/// What is known of the terminal.
struct Screen {
    tty: bool,
    size: Option<(u16, u16)>,
}

fn terminal(vars: &Vars, screen: &Screen, config: &Config) -> Vec<Check> {
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

/// Whether a file or folder can be written, judged by the nearest one above it that is there. Writes nothing.
fn writable(check: &'static str, place: Option<&Path>) -> Check {
    let Some(place) = place else {
        return Check::new(check, Verdict::Warn, "no home directory").hint("set HOME or XDG_STATE_HOME");
    };
    let shown = place.display();
    let Some((there, meta)) = place.ancestors().find_map(|p| Some((p, std::fs::metadata(p).ok()?))) else {
        return Check::new(check, Verdict::Fail, format!("{shown}: no folder above it"));
    };
    let refused = if there != place && !meta.is_dir() {
        Some(format!("{} is not a folder", there.display()))
    } else if meta.permissions().readonly() {
        Some(format!("{} is read-only", there.display()))
    } else if meta.is_file() {
        std::fs::OpenOptions::new().append(true).open(there).err().map(|e| e.to_string())
    } else {
        None
    };
    match refused {
        None => Check::new(check, Verdict::Pass, shown.to_string()),
        Some(why) => Check::new(check, Verdict::Fail, format!("{shown}: {why}")).hint("set XDG_STATE_HOME elsewhere"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;
    use chrono::DateTime;

    use super::*;
    use crate::cli::args::Global;
    use crate::cli::config;
    use crate::lake::{Counters, ETag, ErrorClass, Fetched, Key, ListPage, ObjectDetail, ObjectMeta};

    /// A lake that holds these objects, and refuses what it is told to refuse.
    #[derive(Debug, Default)]
    struct Fake {
        objects: Vec<ObjectMeta>,
        no_list: bool,
        no_get: bool,
        counters: Arc<Counters>,
    }

    fn denied(object: &str) -> LakeError {
        LakeError::new(ErrorClass::Denied, object, "AccessDenied")
    }

    #[async_trait]
    impl Lake for Fake {
        fn url(&self) -> &str {
            "s3://b"
        }

        async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
            self.counters.list();
            if self.no_list {
                Err(denied(&request.prefix))
            } else {
                Ok(ListPage { objects: self.objects.clone(), ..ListPage::default() })
            }
        }

        async fn get(&self, key: &Key, _: ByteRange, _: Option<&ETag>) -> Result<Fetched, LakeError> {
            self.counters.get();
            if self.no_get {
                return Err(denied(key.as_str()));
            }
            let modified = DateTime::UNIX_EPOCH;
            Ok(Fetched { bytes: Bytes::from_static(b"x"), offset: 0, size: 1, etag: ETag("e".into()), modified })
        }

        async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
            Err(denied(key.as_str()))
        }

        async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
            Err(denied(key.as_str()))
        }

        async fn tags(&self, key: &Key, _: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
            Err(denied(key.as_str()))
        }

        fn counters(&self) -> &Arc<Counters> {
            &self.counters
        }
    }

    fn object(size: u64, class: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            key: "_errors/a/dt=2026-01-01/x".into(),
            size,
            etag: ETag("e".into()),
            modified: DateTime::UNIX_EPOCH,
            storage_class: class.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn each_state_of_a_lake_has_its_verdicts_at_two_requests() {
        use Verdict::{Fail, Pass, Skip, Warn};
        for (lake, verdicts) in [
            (Fake { objects: vec![object(1, None)], ..Fake::default() }, vec![Pass, Pass, Pass]),
            (Fake { objects: vec![object(1, None)], no_get: true, ..Fake::default() }, vec![Pass, Pass, Fail]),
            (
                Fake { objects: vec![object(0, None), object(1, Some("GLACIER"))], ..Fake::default() },
                vec![Pass, Pass, Skip],
            ),
            (Fake::default(), vec![Pass, Warn, Skip]),
            (Fake { no_list: true, ..Fake::default() }, vec![Fail, Skip]),
        ] {
            let checks = of_lake(&lake, "_errors/").await;
            assert_eq!(checks.iter().map(|c| c.verdict).collect::<Vec<_>>(), verdicts, "{lake:?}");
            assert!(checks.iter().all(|c| c.verdict != Fail || c.hint.is_some()), "{checks:?}");
            let used = lake.counters.read();
            assert!(used.lists == 1 && used.gets <= 1 && used.writes == 0, "{used:?}");
        }
    }

    fn config() -> Config {
        let known = connect::vocabulary();
        config::load(&Global::default(), &Vars::default(), &Places::default(), Path::new("/"), &known).unwrap()
    }

    #[test]
    fn a_terminal_is_judged_by_what_it_says() {
        let vars =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vars>();
        let verdicts = |tty, size, pairs: &[(&str, &str)]| {
            let checks = terminal(&vars(pairs), &Screen { tty, size }, &config());
            checks.into_iter().map(|c| c.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Fail, Pass, Skip, Warn};
        let good = [("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")];
        assert_eq!(verdicts(true, Some((80, 24)), &good), [Pass, Pass, Pass, Pass, Pass]);
        assert_eq!(verdicts(true, Some((59, 24)), &good), [Pass, Fail, Pass, Pass, Pass]);
        assert_eq!(verdicts(true, Some((60, 16)), &[("TERM", "dumb")]), [Fail, Pass, Pass, Warn, Pass]);
        assert_eq!(verdicts(false, None, &[("TMUX", "x"), ("LC_ALL", "C.utf8")]), [Skip, Skip, Pass, Pass, Warn]);
    }

    #[test]
    fn a_failed_row_is_exit_3_and_json_has_the_settings() {
        for (verdict, code) in [(Verdict::Fail, 3), (Verdict::Warn, 0), (Verdict::Skip, 0), (Verdict::Pass, 0)] {
            let checks = [Check::new("lake", verdict, "d")];
            let answer = answer(&checks, &config(), true).unwrap();
            assert_eq!(answer.exit.code(), code, "{verdict:?}");
            let tree: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
            let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&tree["checks"][0]), ["check", "verdict", "detail", "hint"]);
            assert_eq!(keys(&tree["settings"][0]), ["name", "value", "source"]);
        }
    }

    #[test]
    fn a_place_is_judged_without_making_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/b/lakeward.log");
        assert_eq!(writable("log file", Some(&place)).verdict, Verdict::Pass);
        assert!(!dir.path().join("a").exists());
        std::fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(writable("log file", Some(&place)).verdict, Verdict::Fail);
        assert_eq!(writable("log file", None).verdict, Verdict::Warn);
    }
}
