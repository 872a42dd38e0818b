//! The commands of the quarantine. Writing itself is in `writes.rs`.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::args::{Keeping, Quarantine, QuarantinePlan, QuarantineStep, Writing};
use super::config::duration;
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, ago, count, size, thousands, time};
use super::writes;
use crate::model::moves::{MoveId, Plan, QuarantineState, ReasonCode, Step};
use crate::model::text::escape;
use crate::ops::moves::Proven;
use crate::ops::{GateError, Keep, Quarantine as Known, Session, WriteEffect};

/// A larger file is no plan. 256 MiB: some 400,000 objects.
const LARGEST_PLAN: u64 = 256 << 20;

/// Runs one of them.
pub async fn run(
    command: &Quarantine,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    match command {
        Quarantine::Plan(args) => plan(args, session, now).await,
        Quarantine::Apply { file, writing } => writes::apply(session, read(file)?, writing, as_json).await,
        Quarantine::List => list(session, as_json, now).await,
        Quarantine::Show { id } => show(session, &MoveId(id.clone()), as_json, now).await,
        Quarantine::Release(step) => moved(session, Step::Release, step, Keep::default(), as_json, now).await,
        Quarantine::Archive { step, keep } => moved(session, Step::Archive, step, kept(keep, now)?, as_json, now).await,
        Quarantine::Undo(step) => moved(session, Step::Undo, step, Keep::default(), as_json, now).await,
        Quarantine::Investigate(step) => marked(session, Step::Investigate, step, as_json).await,
        Quarantine::Resolve(step) => marked(session, Step::Resolve, step, as_json).await,
        Quarantine::Resume { id, writing } => resume(session, id.as_deref(), writing, as_json).await,
    }
}

async fn plan(args: &QuarantinePlan, session: &Session, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let reason = ReasonCode::parse(&args.reason).map_err(|e| CliError::Usage {
        message: e.to_string(),
        hint: "for example --reason schema_violation; --note holds the words".into(),
    })?;
    let mut plans = Vec::new();
    for target in &args.targets {
        plans.push(session.plan_quarantine(target, &reason, args.note.clone(), args.even_incomplete, now).await?);
    }
    let refused: Vec<String> = plans
        .iter()
        .flat_map(|p| &p.refused)
        .map(|r| escape(&format!("lakeward: refused: {r}")).into_owned())
        .collect();
    let exit = if refused.is_empty() { Exit::Fine } else { Exit::NotFine };
    // A plan is a file, not a view: nothing in it is escaped, or it would name other objects.
    let text = match plans.as_slice() {
        [one] => serde_json::to_string_pretty(one),
        all => serde_json::to_string_pretty(all),
    };
    let text = text.map_err(|e| CliError::Failed { message: format!("JSON of the plan: {e}"), hint: None })? + "\n";
    let Some(file) = &args.out else { return Ok(Answer { text, notes: refused, exit }) };
    std::fs::write(file, text).map_err(|e| CliError::file(file, &e))?;
    let next = match exit {
        Exit::Fine => format!("next: lakeward quarantine apply {}\n", escape(&file.display().to_string())),
        _ => String::new(),
    };
    let text = plans.iter().map(writes::summary).collect::<String>() + &next;
    Ok(Answer { text, notes: refused, exit })
}

/// Reads a plan, or several.
fn read(file: &Path) -> Result<Vec<Plan>, CliError> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().take(LARGEST_PLAN).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|f| f.take(LARGEST_PLAN).read_to_string(&mut text)),
    };
    read.map_err(|e| CliError::file(file, &e))?;
    let plans = match text.trim_start().starts_with('[') {
        true => serde_json::from_str::<Vec<Plan>>(&text),
        false => serde_json::from_str::<Plan>(&text).map(|one| vec![one]),
    };
    let plans = plans.map_err(|e| CliError::Usage {
        message: format!("{}: not a plan: {e}", file.display()),
        hint: "a file that lakeward quarantine plan --out FILE wrote".into(),
    })?;
    if plans.is_empty() {
        return Err(CliError::Usage { message: format!("{}: no plan", file.display()), hint: String::new() });
    }
    Ok(plans)
}

async fn moved(
    session: &Session,
    step: Step,
    args: &QuarantineStep,
    keep: Keep,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let plan = session.plan_step(&MoveId(args.id.clone()), step, args.note.clone(), keep, now).await?;
    writes::apply(session, vec![plan], &args.writing, as_json).await
}

async fn marked(session: &Session, step: Step, args: &QuarantineStep, as_json: bool) -> Result<Answer, CliError> {
    let known = session.quarantine(&MoveId(args.id.clone())).await?;
    let effect = WriteEffect::Mark { id: known.id.clone(), step, note: args.note.clone() };
    let asked = format!("{} {}, which is {}\n", step.word(), escape(&known.path), known.state);
    writes::mark(session, effect, known.objects, &asked, &args.writing, as_json).await
}

async fn resume(session: &Session, id: Option<&str>, writing: &Writing, as_json: bool) -> Result<Answer, CliError> {
    let ids = match id {
        Some(id) => {
            let id = MoveId(id.to_owned());
            match session.quarantine(&id).await {
                Ok(known) => vec![known.unfinished.unwrap_or(id)],
                // Begun here, and the lake does not know of it.
                Err(GateError::Unknown(_)) => vec![id],
                Err(e) => return Err(e.into()),
            }
        }
        None => session.unfinished().await?,
    };
    if ids.is_empty() {
        let text = if as_json { output::json(&Vec::<Value>::new())? } else { "nothing was interrupted\n".to_owned() };
        return Ok(Answer::fine(text));
    }
    writes::resume(session, ids, writing, as_json).await
}

/// How archived objects are kept.
pub fn kept(args: &Keeping, now: DateTime<Utc>) -> Result<Keep, CliError> {
    let retain_until = match &args.retain {
        None => None,
        Some(text) => Some(
            now + duration::parse(text).ok_or_else(|| CliError::Usage {
                message: format!("--retain {text}: not a time"),
                hint: format!("a time: {}", duration::ALLOWED),
            })?,
        ),
    };
    Ok(Keep { storage_class: args.storage_class.clone(), retain_until })
}

async fn list(session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let all = session.quarantines().await?;
    if as_json {
        return Ok(Answer::fine(output::json(&all.iter().map(AsRef::as_ref).collect::<Vec<&Known>>())?));
    }
    if all.is_empty() {
        return Ok(Answer::fine("no quarantines\n".to_owned()));
    }
    let mut table = Table::new(&[
        ("state", Side::Left),
        ("dataset", Side::Left),
        ("date", Side::Left),
        ("reason", Side::Left),
        ("objects", Side::Right),
        ("size", Side::Right),
        ("rows", Side::Right),
        ("age", Side::Right),
        ("by", Side::Left),
        ("id", Side::Left),
    ]);
    for q in &all {
        table.row([
            q.state.word(),
            q.dataset.as_str(),
            &q.date.map_or_else(|| "-".to_owned(), |d| d.to_string()),
            q.reason.as_str(),
            &thousands(q.objects),
            &size(q.bytes),
            &count(q.rows),
            &ago(q.moved_at, now),
            &q.actor,
            &q.id.0,
        ]);
    }
    let open = all.iter().filter(|q| q.state.is_open()).count();
    Ok(Answer::fine(format!("{}{}, {open} open\n", table.render(), quarantines(all.len()))))
}

async fn show(session: &Session, id: &MoveId, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let known = session.quarantine(id).await?;
    let plan = session.manifest(id).await?;
    let proofs = session.proofs(&plan.id).await?.map(|v| v.objects).unwrap_or_default();
    if as_json {
        let mut tree = output::tree(&known)?;
        if let Value::Object(fields) = &mut tree {
            fields.insert("source".into(), json!(known.source));
            fields.insert("moved_at".into(), json!(known.moved_at));
            fields.insert("history".into(), output::tree(&known.history)?);
            fields.insert("unfinished".into(), json!(known.unfinished));
            fields.insert("plan".into(), output::tree(&plan)?);
            fields.insert("proofs".into(), output::tree(&proofs)?);
        }
        return Ok(Answer::fine(output::json(&tree)?));
    }
    Ok(Answer::fine(sheet(&known, &plan, &proofs, now)))
}

fn sheet(known: &Known, plan: &Plan, proofs: &[Proven], now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("id", known.id.0.clone()),
        ("state", known.state.word().to_owned()),
        ("dataset", known.dataset.to_string()),
        ("date", known.date.map_or_else(|| "-".to_owned(), |d| d.to_string())),
        ("reason", known.reason.to_string()),
        ("note", known.note.clone().unwrap_or_else(|| "-".to_owned())),
        ("from", known.source.clone()),
        ("lies at", known.path.clone()),
        ("holds", format!("{} objects, {}, {} rows", thousands(known.objects), size(known.bytes), count(known.rows))),
    ] {
        let _ = writeln!(text, "{name:<10}{}", escape(&value));
    }
    if known.state == QuarantineState::Interrupted {
        let id = &known.id;
        let _ = writeln!(text, "next      lakeward quarantine resume {id}, or lakeward quarantine undo {id}");
    }
    let _ = writeln!(text, "history");
    for event in &known.history {
        let note = event.note.as_deref().map(|n| format!(": {}", escape(n))).unwrap_or_default();
        let _ = writeln!(text, "  {}  {} by {}{note}", time(event.at, now), event.state, escape(&event.actor));
    }
    let _ = writeln!(text, "objects");
    for object in &plan.objects {
        let proof = proofs.iter().find(|p| p.target == object.target).map_or("not proven yet", |p| &p.checksum);
        let _ = writeln!(text, "  {}  {}  {}", escape(&object.target), size(object.size), escape(proof));
    }
    text
}
fn quarantines(n: usize) -> String {
    if n == 1 { "1 quarantine".to_owned() } else { format!("{n} quarantines") }
}
