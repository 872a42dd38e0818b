//! `[emr]`, `[cloudwatch]` and `[airflow]`: the services beside the lake. The environment's own table of each is taken
//! instead of the common one; the endpoint of the lake's store is not theirs.

use serde::Deserialize;
use toml::Spanned;

use super::documented::documented;
use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::secret::{Given, SecretText, Ways};
use super::source::Ledger;
use super::tables::EnvironmentTable;
use super::target::LakeTarget;
use super::{Places, Vars, check};
use crate::lake::aws::Access;
use crate::sources::airflow::{AirflowSettings, Login, MwaaSettings};
use crate::sources::aws::cloudwatch::CloudWatchSettings;
use crate::sources::aws::emr::EmrSettings;

documented! {
/// `[emr]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct EmrTable {
    /// Names or ids of applications; default: all that are not terminated
    #[serde(default)]
    pub applications: Vec<String>,
    /// Where EMR Serverless answers; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
}
}

documented! {
/// `[airflow]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct AirflowTable {
    /// Where an Airflow of one's own answers: it or `mwaa` is needed
    pub url: Option<Spanned<String>>,
    /// Instead, an environment of Amazon's managed Airflow; the account's credentials are the login
    pub mwaa: Option<Spanned<String>>,
    /// Where the service MWAA answers; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
    /// Who logs in, with one of the passwords; 3.x exchanges it for a token; default: nobody logs in
    pub user: Option<Spanned<String>>,
    /// The password itself, better elsewhere; no screen and no log shows it
    pub password: Option<Spanned<SecretText>>,
    /// The environment variable that holds the password
    pub password_env: Option<Spanned<String>>,
    /// The file that holds the password; relative to this one
    pub password_file: Option<Spanned<String>>,
    /// Instead of user and password, a bearer token itself, better elsewhere
    pub token: Option<Spanned<SecretText>>,
    /// The environment variable that holds the token
    pub token_env: Option<Spanned<String>>,
    /// The file that holds the token; relative to this one
    pub token_file: Option<Spanned<String>>,
    /// Whether its certificate is verified; if not, anybody may answer
    pub verify: Option<Spanned<bool>>,
}
}

documented! {
/// `[cloudwatch]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct CloudWatchTable {
    /// Only alarms whose names begin with this; default: all of them
    pub alarm_prefix: Option<Spanned<String>>,
    /// Where CloudWatch answers; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
}
}

/// The chosen environment's table and its file.
pub(super) type Own<'a> = Option<(&'a Document, &'a EnvironmentTable)>;

/// An Airflow as it is configured.
#[derive(Debug, Clone)]
pub enum AirflowConfig {
    /// One of one's own.
    Own(OwnAirflow),
    /// An environment of MWAA.
    Managed(MwaaSettings),
}

/// An Airflow of one's own.
#[derive(Debug, Clone)]
pub struct OwnAirflow {
    /// As a browser has it; judged.
    pub url: String,
    /// How to log in, or why that cannot be known.
    pub login: Result<Login, String>,
    /// Whether its certificate is verified.
    pub verify: bool,
}

impl OwnAirflow {
    /// The settings of its client, or why there are none.
    pub fn settings(&self) -> Result<AirflowSettings, String> {
        let login = self.login.clone()?;
        Ok(AirflowSettings { verify: self.verify, ..AirflowSettings::new(self.url.clone(), login) })
    }
}

/// EMR Serverless is asked where its table stands, by who asks the lake.
pub(super) fn emr(
    layers: &Layers<'_>,
    own: Own<'_>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Option<EmrSettings>, ConfigError> {
    let own = own.and_then(|(d, t)| Some((d, t.emr.as_ref()?)));
    let common = || layers.documents().find_map(|d| Some((d, d.tables.emr.as_ref()?)));
    let Some((document, table)) = own.or_else(common) else { return Ok(None) };
    let access = access(document, "emr.endpoint_url", table.endpoint_url.as_ref(), lake, ledger)?;
    Ok(Some(EmrSettings { access, applications: table.applications.clone() }))
}

/// Alarms and metrics are asked for where their table stands, by who asks the lake.
pub(super) fn cloudwatch(
    layers: &Layers<'_>,
    own: Own<'_>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Option<CloudWatchSettings>, ConfigError> {
    let own = own.and_then(|(d, t)| Some((d, t.cloudwatch.as_ref()?)));
    let common = || layers.documents().find_map(|d| Some((d, d.tables.cloudwatch.as_ref()?)));
    let Some((document, table)) = own.or_else(common) else { return Ok(None) };
    let access = access(document, "cloudwatch.endpoint_url", table.endpoint_url.as_ref(), lake, ledger)?;
    let prefix = document.maybe(table.alarm_prefix.as_ref());
    if let Some(prefix) = &prefix
        && !(1..=255).contains(&prefix.value.chars().count())
    {
        let place = prefix.source.to_string();
        let fault = "cloudwatch.alarm_prefix is empty or too long";
        return Err(ConfigError::new(place, fault, "1 to 255 characters; leave it out for all alarms"));
    }
    let alarm_prefix = ledger.pick_optional("cloudwatch.alarm_prefix", [prefix]).value;
    Ok(Some(CloudWatchSettings { access, alarm_prefix }))
}

/// Who asks the lake, at another endpoint.
fn access(
    document: &Document,
    name: &str,
    endpoint: Option<&Spanned<String>>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Access, ConfigError> {
    let endpoint = document.maybe(endpoint);
    if let Some(endpoint) = &endpoint {
        check::endpoint(endpoint)?;
    }
    let endpoint_url = ledger.pick_optional(name, [endpoint]).value;
    let base = match lake {
        Some(LakeTarget::S3(s3)) => s3.access.clone(),
        _ => Access::default(),
    };
    Ok(Access { endpoint_url, anonymous: false, ..base })
}

/// Airflow is asked where its table stands.
pub(super) fn airflow(
    file: Option<&Document>,
    own: Own<'_>,
    vars: &Vars,
    places: &Places,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Option<AirflowConfig>, ConfigError> {
    let own = own.and_then(|(d, t)| Some((d, t.airflow.as_ref()?)));
    let common = || file.and_then(|d| Some((d, d.tables.airflow.as_ref()?)));
    let Some((document, spanned)) = own.or_else(common) else { return Ok(None) };
    let table = spanned.get_ref();
    if let Some(name) = &table.mwaa {
        return mwaa(document, table, name, lake, ledger).map(|found| Some(AirflowConfig::Managed(found)));
    }
    let Some(url) = &table.url else {
        return Err(document.fault(
            spanned,
            "airflow.url is missing",
            "the address that a browser opens; or mwaa, the name of an environment",
        ));
    };
    AirflowSettings::new(url.get_ref(), Login::None).judge().map_err(|e| {
        // The hint tells what to do; here it is said what would be right.
        let allowed = e.hint.strip_prefix("set airflow.url to ").unwrap_or(&e.hint);
        document.fault(url, format!("airflow.url: {}", e.detail), allowed)
    })?;
    let (login, shown) = login(document, table, vars, places)?;
    ledger.note("airflow.url", url.get_ref().trim().to_owned(), document.source(&url.span()));
    ledger.note("airflow login", shown, document.source(&spanned.span()));
    let verify = ledger.pick("airflow.verify", [document.maybe(table.verify.as_ref())], true).value;
    Ok(Some(AirflowConfig::Own(OwnAirflow { url: url.get_ref().clone(), login, verify })))
}

/// An environment of MWAA, asked by who asks the lake.
fn mwaa(
    document: &Document,
    t: &AirflowTable,
    name: &Spanned<String>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<MwaaSettings, ConfigError> {
    let own = [&t.url, &t.user, &t.password_env, &t.password_file, &t.token_env, &t.token_file];
    let own = own.into_iter().flatten().map(Spanned::span);
    let secrets = [&t.password, &t.token].into_iter().flatten().map(Spanned::span);
    if let Some(at) = own.chain(secrets).chain(t.verify.as_ref().map(Spanned::span)).next() {
        let allowed = "airflow.mwaa alone: the account's credentials are the login";
        let place = document.source(&at).to_string();
        return Err(ConfigError::new(place, "airflow.mwaa, and how an Airflow of one's own is asked", allowed));
    }
    if !MwaaSettings::is_name(name.get_ref()) {
        let allowed = "a letter, then letters, digits, `-`, `_` and `.`; 80 characters at most";
        return Err(document.fault(name, "airflow.mwaa is no name of an environment", allowed));
    }
    let access = access(document, "airflow.endpoint_url", t.endpoint_url.as_ref(), lake, ledger)?;
    ledger.note("airflow.mwaa", name.get_ref().clone(), document.source(&name.span()));
    Ok(MwaaSettings { environment: name.get_ref().clone(), access })
}

/// A name with its password, a token, or nothing.
fn login(
    document: &Document,
    t: &AirflowTable,
    vars: &Vars,
    places: &Places,
) -> Result<(Result<Login, String>, String), ConfigError> {
    let ways = |key, value, env, file| Ways { table: "airflow", key, value, env, file };
    let passwords = ways("password", t.password.as_ref(), t.password_env.as_ref(), t.password_file.as_ref());
    let tokens = ways("token", t.token.as_ref(), t.token_env.as_ref(), t.token_file.as_ref());
    let password: Option<(Given, String)> = passwords.read(document, vars, places)?;
    let token = tokens.read(document, vars, places)?;
    let at = [&t.user].into_iter().flatten().map(|u| u.span());
    let at = at.chain(passwords.span()).chain(tokens.span()).next().unwrap_or_default();
    let fault = |what: &str| {
        let allowed = "user and one of password_env, password_file; or one of token_env, token_file; or neither";
        Err(ConfigError::new(document.source(&at).to_string(), what, allowed))
    };
    match (t.user.as_ref().map(|u| u.get_ref().clone()), password, token) {
        (None, None, None) => Ok((Ok(Login::None), "none".to_owned())),
        (None, None, Some((token, shown))) => Ok((token.map(Login::Token), shown)),
        (Some(user), Some((password, shown)), None) => {
            let shown = format!("{user}, {shown}");
            Ok((password.map(|password| Login::Basic { user, password }), shown))
        }
        (Some(_), None, None) => fault("airflow.user without a password"),
        (None, Some(_), None) => fault("a password without airflow.user"),
        (_, _, Some(_)) => fault("airflow has a token, and a user or a password besides"),
    }
}
