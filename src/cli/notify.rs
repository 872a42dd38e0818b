//! `notify test`, and the rows of `doctor` on notifiers: whether people would be told, shown before they have to be.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde_json::{Value, json};

use super::args::NotifyTest;
use super::config::{Config, Vars};
use super::connect;
use super::doctor::{Check, Verdict};
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table};
use crate::model::dataset::Dataset;
use crate::model::notice::{Notice, NoticeKind};
use crate::model::text::{escape, is_hostile};
use crate::ops::Notifying;
use crate::ops::notify::Delivery;
use crate::sources::notify::Notifier;

/// All tries of a notifier that does not answer fit into it.
const DEADLINE: Duration = Duration::from_secs(60);
/// A check that takes longer failed, whatever it waits for.
const CHECK: Duration = Duration::from_secs(10);

/// Sends a test notice, or shows what would be sent.
pub async fn test(config: &Config, args: &NotifyTest, vars: &Vars, as_json: bool) -> Result<Answer, CliError> {
    let notifiers = chosen(config, args.name.as_deref())?;
    let notice = notice(config, vars, Utc::now());
    if args.dry_run {
        return preview(&notifiers, &notice, as_json);
    }
    if config.read_only.value {
        let why = format!("lakeward: refused: read-only ({}); nobody was told", config.read_only.source);
        let notes = vec![escape(&why).into_owned(), "hint: --dry-run shows what would be sent".to_owned()];
        return Ok(Answer { text: String::new(), notes, exit: Exit::Refused });
    }
    sent(&Notifying::new(notifiers).tell_and_wait(&notice, DEADLINE).await, as_json)
}

/// All of them, or the one that is named.
fn chosen(config: &Config, name: Option<&str>) -> Result<Vec<Box<dyn Notifier>>, CliError> {
    let mut notifiers = connect::notifiers(config);
    let usage = |message: String, hint: String| CliError::Usage { message, hint };
    if notifiers.is_empty() {
        let message = "no notifier is configured for this environment".to_owned();
        return Err(usage(message, "a [[notify]] table in the configuration file: lakeward init shows some".into()));
    }
    if let Some(name) = name {
        let known = notifiers.iter().map(|n| n.name().to_owned()).collect::<Vec<_>>().join(", ");
        notifiers.retain(|n| n.name() == name);
        if notifiers.is_empty() {
            return Err(usage(format!("no notifier `{name}`"), format!("one of: {known}")));
        }
    }
    Ok(notifiers)
}

fn notice(config: &Config, vars: &Vars, now: DateTime<Utc>) -> Notice {
    Notice {
        kind: NoticeKind::Test,
        environment: config.environment.clone().unwrap_or_else(|| connect::unnamed(config).into()),
        lake: config.lake.as_ref().map_or_else(|| "-".to_owned(), |lake| lake.shown()),
        dataset: Dataset("lakeward-test".into()),
        date: Some(now.date_naive()),
        reason: "test".into(),
        note: Some("sent by `lakeward notify test`: nothing was moved".into()),
        objects: 0,
        bytes: 0,
        rows: None,
        path: "-".into(),
        move_id: format!("test-{}", now.timestamp_millis()),
        actor: vars.get("SUDO_USER").or_else(|| vars.get("USER")).unwrap_or("somebody").to_owned(),
        at: now,
        alert_keys: Vec::new(),
    }
}

fn preview(notifiers: &[Box<dyn Notifier>], notice: &Notice, as_json: bool) -> Result<Answer, CliError> {
    let previews: Vec<_> = notifiers.iter().map(|n| (n.name(), n.preview(notice))).collect();
    let exit = if previews.iter().all(|(_, p)| p.is_ok()) { Exit::Fine } else { Exit::NotFine };
    if as_json {
        let record = |(name, preview): &(&str, Result<String, _>)| match preview {
            Ok(shown) => json!({ "notifier": name, "preview": shown, "error": null }),
            Err(error) => json!({ "notifier": name, "preview": null, "error": format!("{error}") }),
        };
        let records: Vec<Value> = previews.iter().map(record).collect();
        return Ok(Answer::fine(output::json(&records)?).ending(exit));
    }
    let mut text = String::new();
    for (name, preview) in previews {
        text += &format!("── {}\n", escape(name));
        match preview {
            Ok(shown) => text += &printable(&shown),
            Err(error) => text += &format!("{}\nhint: {}\n", escape(&error.to_string()), escape(&error.hint)),
        }
        text.push('\n');
    }
    Ok(Answer::fine(text + "nothing was sent\n").ending(exit))
}

/// What is sent, line by line as it is: only what would act on a terminal is escaped (a template may hold it).
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hostile(c) { out += &escape(c.encode_utf8(&mut [0; 4])) } else { out.push(c) }
    }
    out
}

fn sent(deliveries: &[Delivery], as_json: bool) -> Result<Answer, CliError> {
    let all = deliveries.iter().all(|d| d.outcome.word() == "sent");
    let exit = if all { Exit::Fine } else { Exit::NotFine };
    let hint = |d: &Delivery| d.outcome.error().map(|e| e.hint.clone());
    let text = if as_json {
        let record = |d: &Delivery| {
            let error = d.outcome.error().map(ToString::to_string);
            json!({
                "notifier": d.notifier, "state": d.outcome.word(), "tries": d.tries, "error": error, "hint": hint(d),
            })
        };
        output::json(&deliveries.iter().map(record).collect::<Vec<_>>())?
    } else {
        let mut table =
            Table::new(&[("notifier", Side::Left), ("tries", Side::Right), ("what came of it", Side::Left)]);
        for d in deliveries {
            table.row([d.notifier.as_str(), &d.tries.to_string(), &d.outcome.to_string()]);
            if let Some(hint) = hint(d) {
                table.row(["", "", &format!("hint: {hint}")]);
            }
        }
        table.render()
    };
    Ok(Answer::fine(text).ending(exit))
}

/// A row for each notifier, checked side by side without telling anybody, and one if a secret lies open.
pub async fn checks(config: &Config) -> Vec<Check> {
    let notifiers = connect::notifiers(config);
    let check = |notifier: Box<dyn Notifier>| async move {
        let name = format!("notify {}", notifier.name());
        match tokio::time::timeout(CHECK, notifier.check()).await {
            Ok(Ok(seen)) => Check::new(name, Verdict::Pass, seen),
            Ok(Err(e)) => Check::new(name, Verdict::Fail, e.to_string()).hint(e.hint),
            Err(_) => Check::new(name, Verdict::Fail, "no answer in time").hint("check the network and the disk"),
        }
    };
    let mut rows = join_all(notifiers.into_iter().map(check)).await;
    rows.extend(open_secret(config));
    rows
}

fn open_secret(config: &Config) -> Option<Check> {
    let file = config.file.as_ref().filter(|_| config.notify.iter().any(|n| n.inline_secret))?;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let shown = file.display();
    (mode & 0o077 != 0).then(|| {
        Check::new("notify secrets", Verdict::Warn, format!("{shown} holds a secret and is open to others"))
            .hint(format!("chmod 600 {shown}; or keep the secret elsewhere: url_env, url_file, routing_key_env"))
    })
}
