#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The configuration as a whole: faults with their lines, precedence with its sources.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::cli::args::Global;

fn vocabulary() -> Vocabulary {
    let key = |key: &str, run: &str| match (key, run) {
        ("q", "quit") => Ok(()),
        _ => Err(format!("no key {key:?} or no command {run:?}")),
    };
    Vocabulary { themes: &["dark", "light", "mono", "colour-safe"], key }
}

/// A user with a configuration file, a folder for lakes, and nothing else.
struct User {
    dir: TempDir,
    vars: Vec<(String, String)>,
}

impl User {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), config).unwrap();
        fs::create_dir(dir.path().join("lake")).unwrap();
        Self { dir, vars: Vec::new() }
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    fn lake_file(self, text: &str) -> Self {
        fs::write(self.dir.path().join("lake/lakeward.toml"), text).unwrap();
        self
    }

    fn load(&self, global: &Global) -> Result<Config, ConfigError> {
        let places = Places { config: Some(self.dir.path().to_owned()), ..Places::default() };
        load(global, &self.vars.iter().cloned().collect(), &places, self.dir.path(), &vocabulary())
    }
}

fn on_folder() -> Global {
    Global { lake: Some("lake".into()), ..Global::default() }
}

fn on(env: &str) -> Global {
    Global { env: Some(env.into()), ..Global::default() }
}

/// The value and the end of the source that `doctor` would show.
fn seen(config: &Config, name: &str) -> (String, String) {
    let value = config.values.iter().find(|v| v.name == name).unwrap();
    let source = value.source.to_string();
    (value.value.clone(), source.rsplit('/').next().unwrap().to_owned())
}

const AWS: &str = "[environments.prod]\nkind = \"aws\"\nlake = \"s3://acme\"\n";

#[test]
fn every_fault_names_its_line_and_what_is_allowed() {
    for (text, place, fault, allowed) in [
        ("\nnonsense = 1", ":2", "unknown key `nonsense`", "`thresholds`"),
        ("[thresholds]\ndlq_rows = 5", ":2", "unknown key `dlq_rows`", "`dlq_rows_warning`"),
        ("[thresholds]\n\ndlq_rows_warning = \"5\"", ":3", "wrong type: string \"5\"", "a whole number"),
        ("[thresholds]\ndlq_rows_warning = -5", ":2", "`-5`", "a whole number"),
        ("[thresholds]\nno_data = \"1 hour\"", ":2", "\"1 hour\"", "\"5m\""),
        ("[thresholds]\nno_data = 60", ":2", "`60`", "\"5m\""),
        ("[thresholds]\nno_data = \"0s\"", ":2", "no_data is zero", "more than 0"),
        ("[thresholds]\ndlq_rows_warning = 1000", ":2", "1000 is not under", "smaller"),
        ("[thresholds]\ndlq_rows_critical = 100", ":2", "100 is not under", "smaller"),
        ("[thresholds]\ndlq_rows_critical = 5\ndlq_rows_warning = 7", ":3", "7 is not under", "smaller"),
        ("[prefixes]\nquarantine = \"_errors/q\"", ":2", "overlap", "none begins"),
        ("[prefixes]\nerrors = \"_archive\"", ":2", "overlap", "none begins"),
        ("[prefixes]\nerrors = \"../x\"", ":2", "not a place inside", "relative"),
        ("[prefixes]\nerrors = \"/x\"", ":2", "not a place inside", "relative"),
        ("[prefixes]\nerrors = \"\"", ":2", "not a place inside", "relative"),
        ("[[datasets]]\nname = \"a\"\n[[datasets]]\nname = \"a\"", ":4", "`a` is there twice", "one [[datasets]]"),
        ("[[datasets]]\nlayer = \"bronze\"", ":1", "missing key `name`", "has it"),
        ("[[datasets]]\nname = \"a\"\nlayer = \"iron\"", ":3", "unknown value `iron`", "`silver`"),
        ("[[datasets]]\nname = \"/a\"", ":2", "is not a dataset", "dt="),
        ("[[datasets]]\nname = \"a\"\ncontract = \"../c\"", ":3", "not a place inside", "relative"),
        ("[[datasets]]\nname = \"a\"\ncontract = \"glue:b\"", ":3", "no schema of a registry", "glue:REGISTRY/SCHEMA"),
        ("[[datasets]]\nname = \"a\"\nmax_age = \"soon\"", ":3", "\"soon\"", "\"5m\""),
        ("[[categories]]\npattern = \"(\"\ncategory = \"network\"", ":2", "no regular expression", "regex"),
        ("[[categories]]\npattern = \"x\"\ncategory = \"net\"", ":3", "unknown value `net`", "`network`"),
        ("personal_columns = \"email\"", ":1", "wrong type", "a list"),
        ("[console]\ntheme = \"pink\"", ":2", "unknown theme `pink`", "colour-safe"),
        ("[console]\ntheme = \"./pink.toml\"", ":2", "is not there", "colour-safe"),
        ("[console]\nascii = \"yes\"", ":2", "wrong type", "a boolean"),
        ("[console]\nosc52 = \"on\"", ":2", "unknown console.osc52 `on`", "tmux"),
        ("[console.keys]\nq = \"quit\"\nx = \"explode\"", ":3", "no command \"explode\"", "COMMAND"),
        ("environment = \"prod\"", ":1", "no environment `prod`", "[environments.NAME]"),
        ("environment = \"dev\"\n[environments.prod]\nkind = \"aws\"\nlake = \"s3://b\"", ":1", "`dev`", "prod"),
        ("[environments.p]\nkind = \"aws\"\nlake = \"folder\"", ":3", "is a folder", "s3://bucket"),
        ("[environments.p]\nkind = \"local\"\nlake = \"s3://b\"", ":3", "of kind local", "a folder"),
        ("[environments.p]\nkind = \"azure\"\nlake = \"s3://b\"", ":2", "unknown value `azure`", "`aws` or `local`"),
        ("[environments.p]\nkind = \"aws\"\nlake = \"gs://b\"", ":3", "`gs://b`", "s3://bucket"),
        ("[environments.p]\nlake = \"s3://b\"", ":1", "missing key `kind`", "has it"),
        ("[environments.p]\nkind = \"aws\"\nlake = \"s3://b\"\naccent = \"puce\"", ":4", "accent `puce`", "magenta"),
        ("[airflow]\nuser = \"ann\"", ":1", "airflow.url is missing", "a browser"),
        ("[airflow]\nurl = \"ftp://a.example.com\"", ":2", "not an address of http", "https://airflow"),
        ("[airflow]\nurl = \"http://a\"\nuser = \"ann\"", ":3", "user without a password", "password_env"),
        ("[airflow]\nurl = \"http://a\"\npassword_env = \"P\"", ":3", "without airflow.user", "password_file"),
        (
            "[airflow]\nurl = \"http://a\"\nuser = \"ann\"\npassword_env = \"P\"\ntoken_env = \"T\"",
            ":3",
            "and a user or a password besides",
            "or neither",
        ),
        (
            "[airflow]\nurl = \"http://a\"\ntoken_env = \"T\"\ntoken_file = \"f\"",
            ":4",
            "airflow.token is there twice",
            "token_env",
        ),
        ("[airflow]\nmwaa = \"a/b\"", ":2", "no name of an environment", "80 characters"),
        ("[airflow]\nmwaa = \"a\"\nurl = \"http://a\"", ":3", "airflow.mwaa, and how", "the login"),
        ("[cloudwatch]\nalarm_prefix = \"\"", ":2", "alarm_prefix is empty", "leave it out"),
        ("[cloudwatch]\nendpoint_url = \"monitoring\"", ":2", "not an http address", "https://host"),
        ("[cloudwatch]\nprefix = \"x\"", ":2", "unknown key `prefix`", "`alarm_prefix`"),
        ("[[notify]]\nkind = \"mail\"", ":2", "unknown value `mail`", "`pagerduty`"),
        ("[[notify]]\nname = \"a\"", ":1", "missing key `kind`", "has it"),
        ("[[notify]]\nkind = \"slack\"", ":2", "notify.url is missing", "url_env"),
        (
            "[[notify]]\nkind = \"slack\"\nurl_env = \"A\"\nurl_file = \"f\"",
            ":4",
            "notify.url is there twice",
            "url_env",
        ),
        ("[[notify]]\nkind = \"slack\"\nurl = \"\"", ":3", "notify.url is empty", "url_env"),
        ("[[notify]]\nkind = \"slack\"\nurl = \"http://h.example.com/s\"", ":3", "the secret to the network", "https"),
        ("[[notify]]\nkind = \"slack\"\n\npath = \"f\"", ":4", "notify.path with kind slack", "url_file"),
        ("[[notify]]\nkind = \"pagerduty\"", ":2", "notify.routing_key is missing", "routing_key_env"),
        (
            "[[notify]]\nkind = \"pagerduty\"\nrouting_key_env = \"A\"\nendpoint_url = \"http://h.example.com\"",
            ":4",
            "notify.endpoint_url: http would show",
            "events.eu.pagerduty.com",
        ),
        ("[[notify]]\nkind = \"sns\"", ":2", "notify.topic_arn is missing", "topic_arn"),
        ("[[notify]]\nkind = \"sns\"\ntopic_arn = \"alerts\"", ":3", "`alerts` is no topic", "arn:aws:sns:REGION"),
        ("[[notify]]\nkind = \"file\"", ":2", "notify.path is missing", "path"),
        ("[[notify]]\nkind = \"file\"\npath = \"f\"\non = []", ":4", "notify.on is empty", "\"undo\""),
        ("[[notify]]\nkind = \"file\"\npath = \"f\"\non = [\"test\"]", ":4", "unknown value `test`", "`undo`"),
        ("[[notify]]\nkind = \"file\"\npath = \"f\"\ntemplate = \"{datset}\"", ":4", "`{datset}`", "{dataset}"),
        (
            "[[notify]]\nkind = \"file\"\npath = \"f\"\nenvironments = [\"dev\"]",
            ":4",
            "no `dev`",
            "[environments.NAME]",
        ),
        (
            "[[notify]]\nkind = \"file\"\npath = \"f\"\n[[notify]]\nkind = \"file\"\npath = \"g\"",
            ":4",
            "two notifiers named `file`",
            "a `name`",
        ),
        ("a = 1\na = 2", ":2", "duplicate key", "each key once"),
        ("a = \n", ":1", "", ""),
    ] {
        let user = User::new(text);
        // A lake that the file does not name leaves every other value of it in force.
        let global = if text.contains("puce") { on("p") } else { on_folder() };
        let error = user.load(&global).expect_err(text);
        let line = error.to_string();
        assert!(error.place.ends_with(&format!("config.toml{place}")), "{text}\n{line}");
        assert!(error.fault.contains(fault) && error.allowed.contains(allowed), "{text}\n{line}");
        assert!(!line.contains('\n') && !error.allowed.is_empty(), "{text}\n{line}");
    }
}

#[test]
fn faults_of_flags_and_variables_name_them() {
    let flag = |f: fn(&mut Global)| {
        let mut global = Global::default();
        f(&mut global);
        User::new(AWS).load(&global).unwrap_err().place
    };
    assert_eq!(flag(|g| g.env = Some("dev".into())), "--env");
    assert_eq!(flag(|g| g.lake = Some("gs://b".into())), "--lake");
    assert_eq!(flag(|g| (g.env, g.lake) = (Some("prod".into()), Some("folder".into()))), "--lake");
    assert_eq!(flag(|g| g.theme = Some("pink".into())), "--theme");
    assert!(flag(|g| g.config = Some("missing.toml".into())).ends_with("missing.toml"));
    for (name, value) in [("LAKEWARD_ENV", "dev"), ("LAKEWARD_LAKE", "gs://b"), ("LAKEWARD_THEME", "pink")] {
        assert_eq!(User::new(AWS).var(name, value).load(&Global::default()).unwrap_err().place, name);
    }
}

#[test]
fn a_value_comes_from_the_strongest_place() {
    let text = "[thresholds]\ndlq_rows_warning = 50\ndlq_rows_critical = 500\n[console]\ntheme = \"light\"\n";
    let own = "[thresholds]\ndlq_rows_warning = 70\n";
    let user = User::new(text).lake_file(own);
    let config = user.load(&on_folder()).unwrap();
    assert_eq!(seen(&config, "lake").1, "--lake");
    assert_eq!(seen(&config, "thresholds.dlq_rows_warning"), ("70".into(), "lakeward.toml:2".into()));
    assert_eq!(seen(&config, "thresholds.dlq_rows_critical"), ("500".into(), "config.toml:3".into()));
    assert_eq!(seen(&config, "thresholds.no_data"), ("1h".into(), "default".into()));
    assert_eq!(seen(&config, "console.theme"), ("light".into(), "config.toml:5".into()));
    assert_eq!(config.settings.thresholds.dlq_rows_warning, 70);
    let user = user.var("NO_COLOR", "1");
    assert_eq!(seen(&user.load(&on_folder()).unwrap(), "console.theme"), ("mono".into(), "NO_COLOR".into()));
    let user = user.var("LAKEWARD_THEME", "colour-safe");
    assert_eq!(seen(&user.load(&on_folder()).unwrap(), "console.theme").1, "LAKEWARD_THEME");
    let flags = Global { theme: Some("dark".into()), ..on_folder() };
    assert_eq!(seen(&user.load(&flags).unwrap(), "console.theme"), ("dark".into(), "--theme".into()));
}

#[test]
fn the_region_follows_the_same_order() {
    let user = User::new(&format!("{AWS}region = \"file\"\n"));
    let region = |user: &User, global: &Global| seen(&user.load(global).unwrap(), "region");
    assert_eq!(region(&user, &on("prod")), ("file".into(), "config.toml:4".into()));
    let user = user.var("AWS_DEFAULT_REGION", "c");
    assert_eq!(region(&user, &on("prod")).1, "AWS_DEFAULT_REGION");
    let user = user.var("AWS_REGION", "b");
    assert_eq!(region(&user, &on("prod")).1, "AWS_REGION");
    let user = user.var("LAKEWARD_REGION", "a");
    assert_eq!(region(&user, &on("prod")).1, "LAKEWARD_REGION");
    let flags = Global { region: Some("flag".into()), ..on("prod") };
    assert_eq!(region(&user, &flags), ("flag".into(), "--region".into()));
}

#[test]
fn the_owner_of_a_bucket_is_an_account() {
    let owner = |text: &str| User::new(&format!("{AWS}expected_bucket_owner = {text}\n")).load(&on("prod"));
    assert_eq!(seen(&owner("\"111122223333\"").unwrap(), "expected_bucket_owner").1, "config.toml:4");
    let Some(LakeTarget::S3(s3)) = owner("\"111122223333\"").unwrap().lake else { panic!("no lake on S3") };
    assert_eq!(s3.expected_bucket_owner.as_deref(), Some("111122223333"));
    for wrong in ["\"12\"", "\"arn:aws:iam::1\"", "111122223333"] {
        let error = owner(wrong).unwrap_err();
        assert!(error.place.ends_with("config.toml:4") && !error.allowed.is_empty(), "{wrong}: {error}");
    }
}

#[test]
fn an_endpoint_with_a_password_is_refused_and_not_repeated() {
    for (url, sound) in [
        ("https://s3.internal:9000", true),
        ("http://127.0.0.1:5000/", true),
        ("https://ana:secret@s3.internal", false),
        ("ana:secret@s3.internal", false),
        ("https://", false),
    ] {
        let global = Global { endpoint_url: Some(url.into()), ..on("prod") };
        match User::new(AWS).load(&global) {
            Ok(config) => assert!(sound && matches!(config.lake, Some(LakeTarget::S3(s3)) if s3.path_style), "{url}"),
            Err(e) => assert!(!sound && e.place == "--endpoint-url" && !e.to_string().contains("secret"), "{e}"),
        }
    }
}

#[test]
fn lake_and_environment_are_one_choice() {
    let two = format!(
        "environment = \"prod\"\n{AWS}protected = false\n[environments.box]\nkind = \"local\"\nlake = \"lake\"\n"
    );
    let chosen = |user: &User, global: &Global| {
        let config = user.load(global).unwrap();
        (config.environment.clone(), config.lake.map(|l| l.shown()).unwrap_or_default(), config.protected.value)
    };
    let user = User::new(&two);
    let folder = user.dir.path().join("lake").display().to_string();
    let prod = (Some("prod".into()), "s3://acme".into(), false);
    assert_eq!(chosen(&user, &Global::default()), prod);
    assert_eq!(chosen(&user, &on("box")), (Some("box".into()), folder.clone(), false));
    // A lake by its address is the environment of that address, with its protection; another one has its own.
    let by = |lake: &str| Global { lake: Some(lake.into()), ..Global::default() };
    assert_eq!(chosen(&user, &by("s3://acme/")), prod);
    assert_eq!(chosen(&user, &by("s3://other")), (None, "s3://other".into(), true));
    assert_eq!(chosen(&user, &by("lake")), (Some("box".into()), folder, false));
    // A forgotten variable does not redirect a flag.
    let user = user.var("LAKEWARD_LAKE", "s3://stale");
    assert_eq!(chosen(&user, &on("prod")), prod);
    assert_eq!(chosen(&user, &Global::default()).1, "s3://stale");
}

#[test]
fn a_lake_cannot_unmask_nor_name_environments() {
    let user = User::new("personal_columns = [\"email\"]\n[[datasets]]\nname = \"a\"\npersonal_columns = [\"x\"]\n");
    let own = "personal_columns = [\"phone\"]\n[[datasets]]\nname = \"a\"\npersonal_columns = []\n";
    let user = user.lake_file(own);
    let settings = user.load(&on_folder()).unwrap().settings;
    let a = crate::model::dataset::Dataset("a".into());
    for column in ["EMAIL", "phone", "x"] {
        assert!(settings.is_personal(&a, column), "{column}");
    }
    let error = user.lake_file(AWS).load(&on_folder()).unwrap_err();
    assert!(error.place.contains("lakeward.toml:"), "{error}");
}

#[test]
fn a_lake_cannot_choose_who_is_told() {
    let user = User::new("").lake_file("\n[[notify]]\nkind = \"file\"\npath = \"/tmp/x\"\n");
    let error = user.load(&on_folder()).unwrap_err();
    assert!(error.place.ends_with("lakeward.toml:2") && error.fault.contains("`notify`"), "{error}");
    // Nor does it choose where the account's signed requests go.
    let folder = "[runbooks]\nfolder = \"/\"\n"; // nor what is read on this machine
    for own in ["[glue]\nendpoint_url = \"http://x\"\n", "\n[[secrets]]\nname = \"a\"\n", folder] {
        let error = User::new("").lake_file(own).load(&on_folder()).unwrap_err();
        assert!(error.fault.contains("in a lake's own file") && error.place.contains("lakeward.toml"), "{error}");
    }
}

#[test]
fn secrets_are_fetched_and_never_shown() {
    let secret = "https://hooks.example.com/services/SECRETSECRET";
    let tables = "[[notify]]\nname = \"a\"\nkind = \"slack\"\nurl = \"URL\"\n\
                  [[notify]]\nname = \"b\"\nkind = \"slack\"\nurl_env = \"HOOK\"\non = [\"undo\", \"release\"]\n\
                  [[notify]]\nname = \"c\"\nkind = \"slack\"\nurl_file = \"hook\"\n\
                  [[notify]]\nname = \"d\"\nkind = \"slack\"\nurl_env = \"UNSET\"\n\
                  [[notify]]\nname = \"e\"\nkind = \"pagerduty\"\nrouting_key_file = \"missing\"\n";
    let user = User::new(&tables.replace("URL", secret)).var("HOOK", secret);
    fs::write(user.dir.path().join("hook"), format!("{secret}\n")).unwrap();
    let config = user.load(&on_folder()).unwrap();
    let given = config.notify.iter().map(|n| match &n.end {
        NotifierEnd::Webhook { url: given } | NotifierEnd::PagerDuty { routing_key: given, .. } => given.clone(),
        NotifierEnd::Sns(_) | NotifierEnd::File(_) => unreachable!("not configured"),
    });
    let given: Vec<_> = given.collect();
    assert!(given[..3].iter().all(|g| g.as_ref().unwrap().expose() == secret), "{given:?}");
    assert_eq!(given[3].as_ref().unwrap_err(), "the variable UNSET is not set");
    assert!(given[4].as_ref().unwrap_err().contains("missing: No such file"), "{given:?}");
    let (shown, source) = seen(&config, "notify.b");
    assert_eq!((shown.as_str(), source.as_str()), ("slack: url of variable HOOK; on release, undo", "config.toml:5"));
    assert!(!format!("{config:?}{:?}", config.values).contains("SECRET"));
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for text in [
        "[[notify]]\nkind = \"pagerduty\"\nrouting_key = 1234567890",
        "[[notify]]\nkind = \"pagerduty\"\nrouting_key = 1234567890.5",
        "[[notify]]\nkind = \"slack\"\nurl = \"ftp://1234567890\"",
        "[[notify]]\nkind = \"slack\"\nurl = \"1234567890\"",
        "[[notify]]\nkind = \"slack\"\nurl = \"https://h/1234567890",
    ] {
        let error = User::new(text).load(&on_folder()).unwrap_err();
        assert!(error.place.ends_with("config.toml:3") && !error.to_string().contains("12345"), "{error}");
    }
}

#[test]
fn a_notifier_speaks_where_it_is_meant_to() {
    let file = "kind = \"file\"\npath = \"notices\"\n";
    let text = format!("{AWS}[[notify]]\nname = \"all\"\n{file}[[notify]]\n{file}environments = [\"prod\"]\n");
    let user = User::new(&text);
    let names = |global: &Global| {
        let config = user.load(global).unwrap();
        config.notify.into_iter().map(|n| n.about.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&on("prod")), ["all", "file"]);
    assert_eq!(names(&on_folder()), ["all"]);
    assert!(seen(&user.load(&on_folder()).unwrap(), "notify.file").0.ends_with("not in this environment"));
}

#[test]
fn category_rules_of_the_files_come_first() {
    let rule = |p: &str| format!("[[categories]]\npattern = \"{p}\"\ncategory = \"network\"\n");
    let built_in = crate::cli::connect::builtin_categories().len();
    let patterns = |text: &str| {
        let user = User::new(text).lake_file(&rule("own"));
        let all = user.load(&on_folder()).unwrap().settings.categories;
        (all.iter().take(2).map(|r| r.pattern.as_str().to_owned()).collect::<Vec<_>>(), all.len() - 2)
    };
    assert_eq!(patterns(&rule("mine")), (vec!["own".into(), "mine".into()], built_in));
    let without = format!("default_categories = false\n{}", rule("mine"));
    assert_eq!(patterns(&without).1, 0);
}

#[test]
fn the_template_is_a_configuration_and_so_is_each_line_it_offers() {
    let config = User::new(TEMPLATE).load(&Global::default()).unwrap();
    assert_eq!((config.environment.as_deref(), config.protected.value), (Some("aws"), true));
    // Uncommenting every offer must give keys that are known, of the right type. `theme`, `ascii` and the like
    // say their defaults, so the whole stays sound; the key bound is another vocabulary's.
    let offered = TEMPLATE.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(k, _)| !k.contains(' ')) => rest,
        _ => line,
    });
    let all = offered.filter(|l| !l.contains("ctrl-r")).collect::<Vec<_>>().join("\n");
    let config = User::new(&all).load(&on("aws")).unwrap();
    assert_eq!((config.settings.datasets.len(), config.notify.len()), (1, 4));
    assert_eq!(config.settings.thresholds, crate::model::rules::Thresholds::default());
    assert_eq!(config.settings.prefixes, crate::lake::path::Prefixes::default());
}

#[test]
fn nothing_configured_is_no_fault_until_a_lake_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places { config: Some(dir.path().join("none")), ..Places::default() };
    let config = load(&Global::default(), &Vars::default(), &places, dir.path(), &vocabulary()).unwrap();
    assert!(config.lake().unwrap_err().to_string().contains("lakeward init"));
}

#[test]
fn bytes_that_are_no_text_name_their_line_and_a_folder_is_no_file() {
    let user = User::new("");
    let file = user.dir.path().join("config.toml");
    fs::write(&file, b"a = 1\n\xff").unwrap();
    assert!(user.load(&on_folder()).unwrap_err().place.ends_with(":2"));
    let folder = Global { config: Some(user.dir.path().to_owned()), ..on_folder() };
    assert!(user.load(&folder).unwrap_err().fault.contains("not a file"));
}

#[test]
fn each_environment_may_have_its_own_airflow_and_the_secret_stays_unseen() {
    let config = format!(
        "{AWS}airflow = {{ url = \"https://prod.example.com\", user = \"ann\", password_env = \"P\" }}\n\
         [environments.test]\nkind = \"local\"\nlake = \"lake\"\n\
         [airflow]\nurl = \"http://127.0.0.1:8080\"\nverify = false\n"
    );
    let user = User::new(&config).var("P", "SECRETSECRET");
    let prod = user.load(&on("prod")).unwrap();
    let Some(AirflowConfig::Own(airflow)) = &prod.airflow else { panic!("{:?}", prod.airflow) };
    assert_eq!((airflow.url.as_str(), airflow.verify), ("https://prod.example.com", true));
    assert!(airflow.settings().is_ok());
    assert!(!format!("{prod:?}").contains("SECRET"));
    assert_eq!(seen(&prod, "airflow login").0, "ann, password of variable P");
    let test = user.load(&on("test")).unwrap();
    let Some(AirflowConfig::Own(airflow)) = &test.airflow else { panic!("{:?}", test.airflow) };
    assert_eq!((airflow.url.as_str(), airflow.verify), ("http://127.0.0.1:8080", false));
    // A secret that is not there is no fault of the file: commands that need no Airflow go on.
    let without = User::new(&config).load(&on("prod")).unwrap();
    let Some(AirflowConfig::Own(airflow)) = without.airflow else { panic!("{:?}", without.airflow) };
    assert_eq!(airflow.settings().unwrap_err(), "the variable P is not set");
}

#[test]
fn an_environment_of_mwaa_is_asked_by_who_asks_the_lake() {
    let config = format!("{AWS}profile = \"oncall\"\nairflow = {{ mwaa = \"prod-airflow\" }}\n");
    let prod = User::new(&config).load(&on("prod")).unwrap();
    let Some(AirflowConfig::Managed(mwaa)) = &prod.airflow else { panic!("{:?}", prod.airflow) };
    assert_eq!((mwaa.environment.as_str(), mwaa.access.profile.as_deref()), ("prod-airflow", Some("oncall")));
    assert_eq!(seen(&prod, "airflow.mwaa").0, "prod-airflow");
}

#[test]
fn a_lake_cannot_name_an_airflow_to_log_in_to() {
    let error =
        User::new("").lake_file("\n[airflow]\nurl = \"https://evil.example.com\"").load(&on_folder()).unwrap_err();
    assert!(error.to_string().contains("lakeward.toml:2"), "{error}");
}

#[test]
fn services_are_asked_where_their_tables_stand_by_who_asks_the_lake() {
    let environment = "[environments.a]\nkind = \"aws\"\nlake = \"s3://b\"\nprofile = \"oncall\"\nregion = \"eu-central-1\"\n\
                       endpoint_url = \"https://s3.internal\"\nanonymous = true\n";
    let config = User::new(environment).load(&on("a")).unwrap();
    assert_eq!((config.cloudwatch, config.emr.is_none()), (None, true));
    let tables = "[cloudwatch]\nalarm_prefix = \"lake-\"\nendpoint_url = \"http://127.0.0.1:4566\"\n[emr]\n";
    let config = User::new(&format!("{environment}{tables}")).load(&on("a")).unwrap();
    let found = config.cloudwatch.clone().unwrap();
    assert_eq!(found.alarm_prefix.as_deref(), Some("lake-"));
    assert_eq!(found.access.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
    assert_eq!(config.emr.as_ref().and_then(|emr| emr.access.endpoint_url.clone()), None, "not the store's");
    for access in [&found.access, &config.emr.as_ref().unwrap().access] {
        assert_eq!((access.profile.as_deref(), access.anonymous), (Some("oncall"), false));
    }
    assert!(seen(&config, "cloudwatch.alarm_prefix").1.ends_with("config.toml:9"));

    let own = User::new("").lake_file("[cloudwatch]\n").load(&on_folder()).unwrap();
    assert_eq!(own.cloudwatch, Some(CloudWatchSettings::default()));
}
