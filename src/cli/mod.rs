//! The command line: arguments, configuration, tables, JSON, exit codes; wires everything together.

mod alerts;
pub mod args;
mod audit;
mod backfill;
pub mod config;
pub mod connect;
mod dags;
mod dlq;
mod doctor;
mod driving;
pub mod exit;
mod incident;
mod init;
mod jobs;
mod log;
mod logs;
mod notify;
mod output;
mod quarantine;
mod redrive;
mod repair;
mod retrying;
mod rows;
mod runbook;
mod shell;
mod sources;
mod stats;
mod table;
mod target;
mod triage;
mod verify;
mod writes;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use clap::Parser;

use args::{Cli, Command, Dlq, Global, Notify};
use config::{Config, ConfigError, Places, Vars, outside};
use exit::{CliError, Exit};
use output::Answer;
use target::Target;

use crate::ops::{BLOCKING_THREADS, Session};

/// The program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version go to standard output with 0, wrong usage to standard error with 2. A closed pipe
        // is nobody's fault.
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage } else { Exit::Fine }.into();
        }
    };
    let surroundings = Surroundings {
        vars: Vars::of_process(),
        places: Places::of_user(),
        here: std::env::current_dir().unwrap_or_default(),
    };
    match run(&cli, &surroundings) {
        Ok(exit) => exit.into(),
        Err(e) => {
            output::complain(&e.lines());
            e.exit().into()
        }
    }
}

/// What the process was started in.
struct Surroundings {
    vars: Vars,
    places: Places,
    here: PathBuf,
}

impl Surroundings {
    fn config(&self, global: &Global) -> Result<Config, ConfigError> {
        config::load(global, &self.vars, &self.places, &self.here, &connect::vocabulary())
    }
}

fn run(cli: &Cli, around: &Surroundings) -> Result<Exit, CliError> {
    let global = &cli.global;
    match &cli.command {
        None => console(global, around),
        Some(Command::Demo { write }) => demo(global, around, write.as_deref()),
        Some(Command::Init { reference: true, .. }) => finish(init::reference(global.json)?),
        Some(Command::Init { force, out, .. }) => {
            let named = out.clone().or_else(|| global.config.clone());
            let named = named.or_else(|| outside::CONFIG.of(&around.vars).map(|said| PathBuf::from(said.value)));
            let file = named.map(|f| around.here.join(f)).or_else(|| around.places.config_file());
            let file = file.ok_or_else(|| CliError::Failed {
                message: "configuration: no home directory to write it to".into(),
                hint: Some("--out FILE says where".into()),
            })?;
            finish(init::run(&file, *force, global.json)?)
        }
        Some(Command::Completions { shell }) => finish(shell::completions(*shell)?),
        Some(Command::Man) => finish(shell::manual()?),
        Some(command) => {
            log(around);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .max_blocking_threads(BLOCKING_THREADS)
                .enable_all()
                .build()
                .map_err(|e| CliError::Failed { message: format!("threads: {e}"), hint: None })?;
            let ended = runtime.block_on(async {
                tokio::select! {
                    biased;
                    // Dropping the command cancels its requests. One that writes stops at a boundary of its own.
                    pressed = tokio::signal::ctrl_c(), if !command.writes() => match pressed {
                        Ok(()) => Err(CliError::Interrupted),
                        Err(e) => Err(CliError::Failed { message: format!("signals: {e}"), hint: None }),
                    },
                    done = command_on_lake(command, global, around) => done,
                }
            });
            // A read that blocks its thread must not hold up the end.
            runtime.shutdown_background();
            finish(ended?)
        }
    }
}

fn finish(answer: Answer) -> Result<Exit, CliError> {
    let printed = output::print(&answer.text);
    output::complain(&answer.notes);
    match printed {
        // Whoever closed the pipe still gets the verdict.
        Err(CliError::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(answer.exit),
        printed => printed.map(|()| answer.exit),
    }
}

/// A command that looks at the lake.
async fn command_on_lake(command: &Command, global: &Global, around: &Surroundings) -> Result<Answer, CliError> {
    let config = around.config(global)?;
    if let Command::Doctor = command {
        let session = config.lake.as_ref().and_then(|_| connect::session(&config).ok());
        let lake = session.as_ref().map(|s| s.lake().as_ref());
        let answer = doctor::run(&config, lake, &around.vars, &around.places, global.json).await?;
        return Ok(with_stats(answer, global, session.as_ref()));
    }
    if let Command::Notify(Notify::Test(args)) = command {
        return notify::test(&config, args, &around.vars, global.json).await;
    }
    let session = connect::session(&config)?;
    let now = Utc::now();
    let answer = match command {
        Command::Alerts { act: Some(act), .. } => triage::run(act, &session, global.json, now).await,
        Command::Alerts { severity, act: None } => {
            alerts::run(&session, severity.map(Into::into), global.json, now).await
        }
        Command::Dlq(dlq) => on_dlq(dlq, &session, global.json, now).await,
        Command::Quarantine(command) => quarantine::run(command, &session, global.json, now).await,
        Command::Jobs(command) => jobs::run(command, &session, global.json, now).await,
        Command::Dags(command) => dags::run(command, &session, global.json, now).await,
        Command::Logs(command) => logs::run(command, &session, global.json, now).await,
        Command::Runbook(command) => runbook::run(command, &session, global.json, now).await,
        Command::Backfill(command) => backfill::run(command, &session, global.json, now).await,
        Command::Incident(command) => incident::run(command, &session, global.json, now).await,
        Command::Verify(args) => verify::run(args, &session, global.json, now).await,
        Command::Audit { days } => audit::run(&session, *days, global.json, now).await,
        Command::Doctor
        | Command::Notify(_)
        | Command::Demo { .. }
        | Command::Init { .. }
        | Command::Completions { .. }
        | Command::Man => Ok(Answer::fine(String::new())),
    };
    match answer {
        Ok(answer) => Ok(with_stats(answer, global, Some(&session))),
        Err(e) => {
            // What a failure cost is asked for, too.
            output::complain(&with_stats(Answer::fine(String::new()), global, Some(&session)).notes);
            Err(e)
        }
    }
}

async fn on_dlq(dlq: &Dlq, session: &Session, json: bool, now: chrono::DateTime<Utc>) -> Result<Answer, CliError> {
    let target = match dlq {
        Dlq::List { dataset } => return dlq::list(session, dataset.as_deref(), json, now).await,
        Dlq::Redrive { target, reason, writing } => {
            return redrive::run(session, target, reason.clone(), writing, json, now).await;
        }
        Dlq::Archive { target, note, keep, writing } => {
            let keep = quarantine::kept(keep, now)?;
            let plan = session.plan_entry_archive(target, note.clone(), keep, now).await?;
            return writes::apply(session, vec![plan], writing, json).await;
        }
        Dlq::Check { target } => return repair::check(session, target, json).await,
        Dlq::Repair(args) => return repair::run(session, args, json, now).await,
        Dlq::Show { target } | Dlq::Schema { target } => target,
        Dlq::Preview(preview) => &preview.target,
        Dlq::Profile(profile) => &profile.target,
    };
    let Target(path) = Target::parse(target, &session.settings().prefixes, session.lake().url())?;
    let entry = session.locate(&path).await?;
    match dlq {
        Dlq::Preview(args) => rows::preview(session, &entry, args, json).await,
        Dlq::Profile(args) => rows::profile(session, &entry, args, json).await,
        Dlq::Schema { .. } => rows::schema(session, &entry, json).await,
        Dlq::Show { .. }
        | Dlq::List { .. }
        | Dlq::Archive { .. }
        | Dlq::Check { .. }
        | Dlq::Repair(_)
        | Dlq::Redrive { .. } => {
            let redrives = session.redrives_of(&entry).await?;
            dlq::show(&entry, &redrives, &session.lake().uri(&entry.path.0), json, now)
        }
    }
}

fn with_stats(mut answer: Answer, global: &Global, session: Option<&Session>) -> Answer {
    if let (true, Some(session)) = (global.stats, session) {
        answer.notes.push(stats::line(session.lake().counters().read(), global.json));
    }
    answer
}

fn log(around: &Surroundings) {
    if let Some(file) = around.places.log_file() {
        // Nothing depends on the log, and the terminal is not its place: `doctor` tells of it.
        let _ = log::start(&file, outside::LOG.of(&around.vars).as_ref().map(|said| said.value.as_str()));
    }
}

/// The console on the configured lake.
fn console(global: &Global, around: &Surroundings) -> Result<Exit, CliError> {
    if global.json {
        return Err(usage("the console prints no JSON", "lakeward alerts --json, lakeward dlq list --json"));
    }
    needs_terminal(around)?;
    let config = around.config(global)?;
    let session = connect::session(&config)?;
    log(around);
    open_console(session, &config, global)
}

fn open_console(session: Session, config: &Config, global: &Global) -> Result<Exit, CliError> {
    let session = Arc::new(session);
    let exit = connect::console(&session, config)?;
    if global.stats {
        let lake = stats::line(session.lake().counters().read(), global.json);
        output::complain(&[lake, stats::rate(session.steady().as_ref())]);
    }
    Ok(exit)
}

/// Writes the demo, and opens the console on it unless only the writing was asked for.
fn demo(global: &Global, around: &Surroundings, write: Option<&Path>) -> Result<Exit, CliError> {
    if global.lake.is_some() || global.env.is_some() {
        return Err(usage("demo has a lake of its own", "leave out --lake and --env; --write DIR says where it lies"));
    }
    if let Some(folder) = write {
        connect::write_demo(&around.here.join(folder))?;
        let shown = folder.display().to_string();
        let text = if global.json {
            output::json(&serde_json::json!({ "written": shown }))?
        } else {
            format!("wrote a lake with live incidents; next: lakeward --lake {}\n", crate::model::text::escape(&shown))
        };
        return finish(Answer::fine(text));
    }
    if global.json {
        return Err(usage(
            "the console prints no JSON",
            "lakeward demo --write DIR, then lakeward --lake DIR alerts --json",
        ));
    }
    needs_terminal(around)?;
    let place = DemoPlace::new()?;
    connect::write_demo(&place.0)?;
    let global = Global { lake: Some(place.0.display().to_string()), ..global.clone() };
    let mut config = around.config(&global)?;
    // What is moved there is nobody's concern: no pager rings for it.
    config.notify.clear();
    log(around);
    open_console(connect::session(&config)?, &config, &global)
}

/// A folder of this process alone, gone at its end.
struct DemoPlace(PathBuf);

impl DemoPlace {
    fn new() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let place = std::env::temp_dir().join(format!("lakeward-demo-{}", std::process::id()));
        // A leftover of an earlier process with this id may go; somebody else's cannot be removed.
        let _ = std::fs::remove_dir_all(&place);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&place);
        made.map_err(|e| CliError::file(&place, &e))?;
        Ok(Self(place))
    }
}

impl Drop for DemoPlace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn usage(message: &str, hint: &str) -> CliError {
    CliError::Usage { message: message.to_owned(), hint: hint.to_owned() }
}

/// The console needs a terminal that can move its cursor.
fn needs_terminal(around: &Surroundings) -> Result<(), CliError> {
    let hint = "use lakeward alerts --json";
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(usage("the console needs a terminal on standard input and output", hint));
    }
    match around.vars.get("TERM") {
        None | Some("dumb") => Err(usage("the console cannot draw on this terminal: TERM is unset or dumb", hint)),
        Some(_) => Ok(()),
    }
}
