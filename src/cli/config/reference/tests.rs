#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The reference against the parser's own messages, the resolving, the template and the page in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::file::Document;
use super::super::resolve::resolve;
use super::super::{Config, Places, TEMPLATE, Vars};
use super::*;
use crate::cli::args::Global;
use crate::cli::connect::vocabulary;

fn made() -> Reference {
    reference(&vocabulary()).unwrap()
}

fn entry(reference: &Reference, name: &str) -> Entry {
    reference.tables.iter().flat_map(|table| &table.keys).find(|key| key.name == name).expect(name).clone()
}

fn read(text: &str, global: &Global, vars: Vars) -> Config {
    let document = Document::parse(Path::new("config.toml"), text.to_owned()).unwrap();
    resolve(Some(document), |_| Ok(None), global, &vars, &Places::default(), Path::new(""), &vocabulary()).unwrap()
}

#[test]
fn the_page_in_the_repository_is_what_the_program_prints() {
    let page = markdown(&made());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(page == kept, "cargo run -- init --reference > docs/configuration.md\n{}", first_difference(&kept, &page));
}

fn first_difference(kept: &str, page: &str) -> String {
    let lines = || kept.lines().map(Some).chain(std::iter::repeat(None)).zip(page.lines());
    let at = lines().position(|(kept, made)| kept != Some(made));
    at.and_then(|at| lines().nth(at)).map_or_else(|| "it has lines more".to_owned(), |lines| format!("{lines:?}"))
}

/// The keys of a table, as the parser itself tells them to somebody who misspells one.
fn told_by_the_parser(header: &str) -> BTreeSet<String> {
    let text = format!("{header}\nno_such_key = 1\n");
    let error = Document::parse(Path::new("config.toml"), text).unwrap_err();
    assert!(error.fault.contains("no_such_key"), "{header}: {error}");
    error.allowed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_that_the_parser_takes_is_there_and_no_other() {
    let reference = made();
    let of = |section: &Section| section.keys.iter().map(|key| key.key.to_owned()).collect::<BTreeSet<_>>();
    let mut seen = 0;
    for section in &reference.tables {
        let header = match section.table.as_str() {
            "[jobs.emr]" => "[[jobs]]\nname = \"a\"\n[jobs.emr]",
            table => table,
        };
        let mut told = told_by_the_parser(header);
        if header.is_empty() {
            // Above all tables the parser names the tables too: each has a section of its own.
            let tables: BTreeSet<String> = reference.tables.iter().map(|section| bare(&section.table)).collect();
            told.retain(|name| !tables.contains(name));
        }
        assert_eq!(of(section), told, "{header}");
        seen += told.len();
    }
    assert!(seen > 120, "{seen}");
}

/// `environments` of `[environments.NAME]`.
fn bare(table: &str) -> String {
    table.trim_matches(['[', ']']).trim_end_matches(".NAME").to_owned()
}

#[test]
fn every_key_has_its_line_and_every_number_its_unit() {
    for key in made().tables.iter().flat_map(|table| &table.keys) {
        assert!(key.about.len() > 5 && !key.about.ends_with('.') && !key.allowed.is_empty(), "{key:?}");
        let number = key.allowed.contains("number") && !key.allowed.contains("with s, m");
        assert!(!number || key.unit.is_some(), "{key:?}");
    }
}

#[test]
fn what_is_needed_and_what_is_allowed_is_what_the_parser_says() {
    let reference = made();
    let needed: Vec<_> =
        reference.tables.iter().flat_map(|t| &t.keys).filter(|k| k.required).map(|k| &*k.name).collect();
    for name in
        ["environments.NAME.kind", "environments.NAME.lake", "datasets.name", "categories.pattern", "notify.kind"]
    {
        assert!(needed.contains(&name), "{name}: {needed:?}");
    }
    for name in ["environment", "jobs.dataset", "airflow.url", "thresholds.no_data", "jobs.logical_date"] {
        assert!(!needed.contains(&name), "{name}");
    }
    for (name, allowed) in [
        ("environments.NAME.kind", "aws, local"),
        ("environments.NAME.lake", "s3://bucket[/prefix], a folder, or file:///folder"),
        ("environments.NAME.accent", "red, green, yellow, blue, magenta, cyan, white"),
        ("environments.NAME.protected", "true or false"),
        ("environments.NAME.emr", "a table: the keys of [emr]"),
        ("jobs.emr", "a table: the keys of [jobs.emr]"),
        ("prefixes.errors", "a relative path such as \"_errors/\""),
        ("thresholds.failure_rate", "from 0 to 1"),
        ("thresholds.failure_samples", "a whole number, 0 or more"),
        ("console.theme", "dark, light, mono, colour-safe, or the path of a theme file"),
        ("console.osc52", "auto, raw, tmux, off"),
        ("console.refresh", "a whole number with s, m, h or d"),
        ("jobs.command", "a line for the shell"),
        ("jobs.called", "a list of strings"),
        ("consumers.output", "s3://bucket/prefix/"),
        ("airflow.endpoint_url", "http://host[:port]"),
        ("notify.endpoint_url", "http://host[:port]"),
        ("notify.environments", "names that have an [environments.NAME] table"),
        ("datasets.job", "the name of a [[jobs]] table"),
        ("consumers.athena", "SELECT or WITH"),
        ("retry.tries", "1 to 20"),
        ("notify.on", "\"quarantine\""),
        ("notify.template", "{dataset}"),
        ("airflow.password", "a string"),
    ] {
        let found = entry(&reference, name).allowed;
        assert!(found.contains(allowed), "{name}: {found}");
    }
}

/// Written out as a file, the defaults change nothing.
#[test]
fn the_defaults_are_those_in_force() {
    let reference = made();
    let environment = "[environments.NAME]\nkind = \"aws\"\nlake = \"s3://bucket\"\n";
    let plain = read(environment, &Global::default(), Vars::default());
    let (mut said, mut count) = (environment.to_owned(), 0);
    let mut top = String::new();
    let tables = reference.tables.iter().filter(|t| !t.table.starts_with("[[") && t.table != "[airflow]");
    for table in tables {
        let mut lines = String::new();
        for key in &table.keys {
            let Some(default) = &key.default else { continue };
            let bare = matches!(default.as_str(), "true" | "false") || default.parse::<f64>().is_ok();
            let value = match key.key {
                "prefixes" => {
                    format!("[{}]", default.split(", ").map(|p| format!("{p:?}")).collect::<Vec<_>>().join(", "))
                }
                _ if bare => default.clone(),
                _ => format!("{default:?}"),
            };
            lines.push_str(&format!("{} = {value}\n", key.key));
            count += 1;
        }
        match table.table.as_str() {
            "" => top = lines,
            "[environments.NAME]" => said.push_str(&lines),
            header if !lines.is_empty() => said.push_str(&format!("{header}\n{lines}")),
            _ => {}
        }
    }
    let written = read(&format!("{top}{said}"), &Global::default(), Vars::default());
    let values =
        |config: &Config| config.values.iter().map(|v| (v.name.clone(), v.value.clone())).collect::<BTreeMap<_, _>>();
    assert_eq!(values(&plain), values(&written), "{said}");
    assert!(count > 25, "{count}");
    assert_eq!(entry(&reference, "thresholds.no_data").default.as_deref(), Some("1h"));
    assert_eq!(entry(&reference, "consumers.min_rows").default.as_deref(), Some("1"));
    assert_eq!(
        entry(&reference, "notify.on").default.as_deref(),
        Some("quarantine, release, archive, undo, interrupted")
    );
    let protected = entry(&reference, "environments.NAME.protected");
    assert_eq!(protected.otherwise.as_deref(), Some("true on S3, false in a folder"));
}

#[test]
fn each_variable_and_flag_decides() {
    let environment = "[environments.NAME]\nkind = \"aws\"\nlake = \"s3://bucket\"\n";
    for outside in outside::ALL.iter().filter(|outside| !matches!(outside.flag, "--config" | "")) {
        let value = match outside.flag {
            "--env" => "NAME",
            "--lake" => "s3://other",
            "--endpoint-url" => "http://127.0.0.1:1",
            "--theme" => "light",
            _ => "1",
        };
        for variable in outside.vars {
            let vars = Vars::from_iter([((*variable).to_owned(), value.to_owned())]);
            let config = read(environment, &Global::default(), vars);
            assert!(config.values.iter().any(|v| v.source.to_string() == **variable), "{variable}");
        }
        let words = ["lakeward", outside.flag, value];
        let words = if matches!(outside.flag, "--no-color" | "--read-only") { &words[..2] } else { &words[..] };
        let global = <crate::cli::args::Cli as clap::Parser>::try_parse_from(words).unwrap().global;
        let config = read(environment, &global, Vars::default());
        assert!(config.values.iter().any(|v| v.source.to_string() == outside.flag), "{}", outside.flag);
    }
    let reference = made();
    let region = entry(&reference, "environments.NAME.region");
    assert_eq!(
        (region.flags, region.variables),
        (vec!["--region"], vec!["LAKEWARD_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"])
    );
    assert_eq!(reference.beside.len(), 3);
}

#[test]
fn what_a_lake_may_not_say_is_marked() {
    let reference = made();
    for (name, may) in [
        ("thresholds.no_data", true),
        ("datasets.name", true),
        ("jobs.command", true),
        ("emr.applications", true),
        ("console.theme", true),
        ("consumers.output", true),
        ("emr.endpoint_url", false),
        ("verify.athena_endpoint_url", false),
        ("consumers.athena", false),
        ("runbooks.folder", false),
        ("environment", false),
        ("environments.NAME.lake", false),
        ("airflow.url", false),
        ("secrets.name", true),
        ("secrets.endpoint_url", false),
        ("glue.endpoint_url", false),
        ("notify.kind", false),
    ] {
        assert_eq!(entry(&reference, name).in_lake_file, may, "{name}");
    }
}

#[test]
fn the_template_speaks_of_every_key() {
    for key in made().tables.iter().flat_map(|table| &table.keys) {
        let spoken = TEMPLATE.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == key.key);
        assert!(spoken, "{} is nowhere in the template", key.name);
    }
}
