//! What may be said outside of the files: the flag and the environment variables of a value, which the resolving asks
//! and `lakeward init --reference` lists.

use super::Vars;
use super::source::{Source, Sourced};

/// One value and who else may say it.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    /// The key of the file that says the same; `None` if none does.
    pub key: Option<&'static str>,
    /// What it is, where no key says so.
    pub about: &'static str,
    /// The flag, stronger than the variables; empty if there is none.
    pub flag: &'static str,
    /// The variables, strongest first.
    pub vars: &'static [&'static str],
}

const fn of_key(key: &'static str, flag: &'static str, vars: &'static [&'static str]) -> Outside {
    Outside { key: Some(key), about: "", flag, vars }
}

/// Which environment.
pub const ENVIRONMENT: Outside = of_key("environment", "--env", &["LAKEWARD_ENV"]);
/// Which lake.
pub const LAKE: Outside = of_key("environments.NAME.lake", "--lake", &["LAKEWARD_LAKE"]);
/// AWS's region.
pub const REGION: Outside =
    of_key("environments.NAME.region", "--region", &["LAKEWARD_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]);
/// AWS's profile.
pub const PROFILE: Outside = of_key("environments.NAME.profile", "--profile", &["LAKEWARD_PROFILE", "AWS_PROFILE"]);
/// Where the store answers.
pub const ENDPOINT_URL: Outside = of_key(
    "environments.NAME.endpoint_url",
    "--endpoint-url",
    &["LAKEWARD_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
);
/// The theme.
pub const THEME: Outside = of_key("console.theme", "--theme", &["LAKEWARD_THEME"]);
/// The theme `mono`, by a convention of all programs: <https://no-color.org>.
pub const NO_COLOR: Outside = of_key("console.theme", "--no-color", &["NO_COLOR"]);
/// Which file.
pub const CONFIG: Outside =
    Outside { key: None, about: "The configuration file", flag: "--config", vars: &["LAKEWARD_CONFIG"] };
/// Whether anything is changed.
pub const READ_ONLY: Outside = Outside {
    key: None,
    about: "Change nothing, whatever is asked; the variable with any value but 0",
    flag: "--read-only",
    vars: &["LAKEWARD_READ_ONLY"],
};

/// What the log takes.
pub const LOG: Outside = Outside {
    key: None,
    about: "What is written to lakeward.log under the XDG state directory: warn, info, lakeward=debug, …",
    flag: "",
    vars: &["LAKEWARD_LOG"],
};

/// All of them.
pub const ALL: [Outside; 10] =
    [ENVIRONMENT, LAKE, REGION, PROFILE, ENDPOINT_URL, THEME, NO_COLOR, CONFIG, READ_ONLY, LOG];

impl Outside {
    /// The flag as a source.
    pub const fn flag(&self) -> Source {
        Source::Flag(self.flag)
    }

    /// What the flag says.
    pub fn flagged(&self, flag: &Option<String>) -> Option<Sourced<String>> {
        flag.clone().map(|value| Sourced { value, source: self.flag() })
    }

    /// What the strongest variable that is set says.
    pub fn of(&self, vars: &Vars) -> Option<Sourced<String>> {
        self.vars
            .iter()
            .find_map(|name| vars.get(name).map(|v| Sourced { value: v.to_owned(), source: Source::Env(name) }))
    }

    /// What is said, strongest first.
    pub fn said(&self, flag: &Option<String>, vars: &Vars) -> Vec<Option<Sourced<String>>> {
        vec![self.flagged(flag), self.of(vars)]
    }
}
