//! `doctor`: configuration, lake, permissions, network, notifiers, terminal and places of this machine, each with a
//! verdict and a hint. It reads a few small pages and one byte of the lake, writes nothing there, and tells nobody. The
//! rows are found side by side, so that a dead network costs some ten seconds and not that for each.

mod account;
mod airflow;
mod calls;
pub mod examine;
mod lake;
mod network;
mod permissions;
mod places;
mod sources;
mod terminal;

use std::borrow::Cow;

use futures::join;
use serde::Serialize;
use serde_json::json;

use self::calls::Calls;
use self::permissions::Grants;
use self::terminal::Screen;
use super::config::{Config, Places, Vars};
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table};
use super::{connect, notify};
use crate::lake::{ErrorClass, Lake, LakeError};

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

    /// One that failed by an error.
    pub fn failed(check: impl Into<Cow<'static, str>>, error: &LakeError) -> Self {
        Self::new(check, Verdict::Fail, error.to_string()).hint(error.hint.clone())
    }

    /// The same; what was denied for want of an IAM action says where to grant it.
    pub fn refused(
        check: impl Into<Cow<'static, str>>,
        error: &LakeError,
        action: &str,
        resource: Option<String>,
    ) -> Self {
        let failed = Self::failed(check, error);
        match resource {
            // A key or a lock that denies has a hint of its own.
            Some(resource) if error.class == ErrorClass::Denied && error.hint.contains(action) => {
                failed.hint(format!("grant {action} on {resource}, or use another profile (--profile)"))
            }
            _ => failed,
        }
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
    let calls = Calls::begin();
    let (of_lake, of_account, of_airflow, of_services, of_sources, of_network, of_notifiers) = join!(
        on_lake(config, lake, &calls),
        account::checks(config, vars, &calls),
        airflow::check(config, &calls),
        permissions::services(config, &calls),
        sources::checks(config, &calls),
        network::checks(config, vars),
        notify::checks(config)
    );
    let mut checks = vec![places::configuration(config, places)];
    checks.extend(of_lake);
    checks.extend(of_account);
    checks.extend(of_services);
    checks.extend(of_airflow);
    checks.extend(of_sources);
    checks.extend(permissions::not_tried(config));
    checks.extend(of_network);
    checks.push(calls.row());
    checks.extend(of_notifiers);
    checks.extend(terminal::checks(vars, &Screen::of_process(), config));
    checks.extend(places::checks(places));
    answer(&checks, config, as_json)
}

async fn on_lake(config: &Config, lake: Option<&dyn Lake>, calls: &Calls) -> Vec<Check> {
    match (lake, &config.lake) {
        (Some(lake), _) => {
            let grants = Grants::of(config);
            let prefixes = &config.settings.prefixes;
            let ((mut checks, object), others) = join!(
                lake::checks(lake, &prefixes.errors, &grants, calls),
                permissions::prefixes(lake, prefixes, &grants, calls)
            );
            checks.extend(others);
            checks.extend(permissions::tags(lake, object, &grants, calls).await);
            checks
        }
        (None, Some(target)) => connect::lake(target).err().map(|e| Check::failed("lake", &e)).into_iter().collect(),
        (None, None) => {
            let none = Check::new("lake", Verdict::Skip, "no lake is configured or named");
            vec![none.hint("lakeward init, or --lake URL")]
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::args::Global;
    use crate::cli::config;

    pub fn config() -> Config {
        let known = connect::vocabulary();
        config::load(&Global::default(), &Vars::default(), &Places::default(), Path::new("/"), &known).unwrap()
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
    fn a_denied_row_names_what_to_grant() {
        let denied = |hint: &str| LakeError {
            hint: hint.into(),
            ..LakeError::new(ErrorClass::Denied, "s3://b/_errors/", "AccessDenied")
        };
        let hint = |error: &LakeError, resource: Option<&str>| {
            Check::refused("lake", error, "s3:ListBucket", resource.map(str::to_owned)).hint.unwrap_or_default()
        };
        let arn = Some("arn:aws:s3:::b");
        let error = denied("s3:ListBucket is needed on it, or another profile (--profile)");
        assert!(hint(&error, arn).starts_with("grant s3:ListBucket on arn:aws:s3:::b"));
        assert_eq!(hint(&error, None), error.hint);
        assert_eq!(hint(&denied("kms:Decrypt on the key"), arn), "kms:Decrypt on the key");
    }
}
