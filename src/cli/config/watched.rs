//! `[[secrets]]`: the credentials of sources that are watched, by what their store tells of them beside their values;
//! and `[glue]`: where schemas are asked for. Both are matters of the account, but for secrets whose standing lies on the
//! lake: only the configuration file names them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::documented::documented;
use super::duration::DurationText;
use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::Ledger;
use super::target::LakeTarget;
use super::{check, thresholds};
use crate::lake::aws::Access;
use crate::model::dataset::{Dataset, DatasetSettings};
use crate::model::run::JobName;
use crate::model::secret::WatchedSecret;
use crate::ops::LakeSettings;
use crate::sources::contracts::REGISTRY;
use crate::sources::local;

/// The longest name or address of a secret:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>.
const LONGEST: usize = 2048;

documented! {
/// `[[secrets]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct SecretTable {
    /// Its name or its ARN
    pub name: Spanned<String>,
    /// The datasets that cannot be loaded without it
    #[serde(default)]
    pub datasets: Vec<String>,
    /// The jobs that read it
    #[serde(default)]
    pub jobs: Vec<String>,
    /// Not rotated or changed for longer than this is a warning; default: no limit
    pub max_age: Option<Spanned<DurationText>>,
    /// Whether its standing is read at `_secrets/NAME/secret.json` of the lake, and Secrets Manager is not asked
    #[serde(default)]
    pub on_lake: bool,
    /// Where Secrets Manager answers; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
}
}

documented! {
/// `[glue]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct GlueTable {
    /// Where the Glue Schema Registry answers; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
}
}

/// Who asks the services of AWS: as the lake is asked, but for its own endpoint, and never without a signature.
pub fn account(lake: Option<&LakeTarget>) -> Access {
    let base = match lake {
        Some(LakeTarget::S3(s3)) => s3.access.clone(),
        _ => Access::default(),
    };
    Access { endpoint_url: None, anonymous: false, ..base }
}

/// Watches what both files name, the configuration file's before one of the same name; tells who asks a store for it,
/// nobody if none is to be asked.
pub fn all_secrets(
    layers: &Layers<'_>,
    account: &Access,
    settings: &mut LakeSettings,
    ledger: &mut Ledger,
) -> Result<Option<Access>, ConfigError> {
    let mut read =
        |document: Option<&Document>| document.map_or(Ok(Default::default()), |d| secrets(d, account, ledger));
    let (own, (named, access)) = (read(layers.own)?.0, read(layers.file)?);
    let others = own.into_iter().filter(|own: &WatchedSecret| !named.iter().any(|secret| secret.name == own.name));
    settings.secrets = others.collect::<Vec<_>>();
    settings.secrets.extend(named);
    Ok(access)
}

/// What is watched, and who asks for it; nobody if nothing is.
fn secrets(
    document: &Document,
    account: &Access,
    ledger: &mut Ledger,
) -> Result<(Vec<WatchedSecret>, Option<Access>), ConfigError> {
    let mut all = Vec::new();
    let mut seen = BTreeMap::new();
    let mut endpoint: Option<String> = None;
    for entry in &document.tables.secrets {
        let table = entry.get_ref();
        let name = table.name.get_ref();
        let sound = !name.is_empty() && name.len() <= LONGEST && name.bytes().all(|b| b.is_ascii_graphic());
        if !sound {
            let allowed = "a secret's name or ARN, such as \"prod/crm/api\"";
            return Err(document.fault(&table.name, "secrets.name is no name of a secret", allowed));
        }
        let source = document.source(&table.name.span());
        if let Some(earlier) = seen.insert(name.clone(), source.clone()) {
            let fault = format!("secret `{name}` is there twice, first at {earlier}");
            return Err(document.fault(&table.name, fault, "one [[secrets]] table for each name"));
        }
        if table.on_lake && local::secrets::key(name).is_none() {
            let allowed = "names such as \"prod/crm/api\", without `.` or `..` between slashes";
            return Err(document.fault(&table.name, "secrets.name is no name of an object", allowed));
        }
        if let Some(named) = document.maybe(table.endpoint_url.as_ref()) {
            check::endpoint(&named)?;
            if table.on_lake {
                let fault = "secrets.endpoint_url of a secret whose standing lies on the lake";
                return Err(ConfigError::new(named.source.to_string(), fault, "one of on_lake and endpoint_url"));
            }
            if endpoint.as_ref().is_some_and(|known| *known != named.value) {
                let fault = "secrets.endpoint_url differs from that of another secret";
                return Err(ConfigError::new(named.source.to_string(), fault, "the same one for all secrets"));
            }
            endpoint = Some(named.value);
        }
        ledger.note("secrets", name.clone(), source);
        all.push(watched(document, table)?);
    }
    let asked = all.iter().any(|secret: &WatchedSecret| !secret.on_lake);
    let access = asked.then(|| Access { endpoint_url: endpoint, ..account.clone() });
    Ok((all, access))
}

fn watched(document: &Document, table: &SecretTable) -> Result<WatchedSecret, ConfigError> {
    let max_age = document.maybe(table.max_age.as_ref()).map(|s| s.map(|DurationText(d)| d));
    if let Some(limit) = &max_age {
        thresholds::positive("secrets.max_age", limit)?;
    }
    Ok(WatchedSecret {
        name: table.name.get_ref().clone(),
        datasets: table.datasets.iter().map(|name| Dataset(name.as_str().into())).collect(),
        jobs: table.jobs.iter().map(|name| JobName(name.as_str().into())).collect(),
        max_age: max_age.map(|s| s.value),
        on_lake: table.on_lake,
    })
}

/// Who asks the Glue Schema Registry; nobody if no contract lies there.
pub fn glue(
    document: Option<&Document>,
    datasets: &[DatasetSettings],
    account: &Access,
    ledger: &mut Ledger,
) -> Result<Option<Access>, ConfigError> {
    let table = document.and_then(|d| Some((d, d.tables.glue.as_ref()?.get_ref())));
    let endpoint = table.and_then(|(d, table)| d.maybe(table.endpoint_url.as_ref()));
    if let Some(named) = &endpoint {
        check::endpoint(named)?;
    }
    let used = datasets.iter().any(|d| d.contract.as_ref().is_some_and(|c| c.starts_with(REGISTRY)));
    if !used {
        return Ok(None);
    }
    let endpoint_url = ledger.pick_optional("glue.endpoint_url", [endpoint]).value;
    Ok(Some(Access { endpoint_url, ..account.clone() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use chrono::Duration;

    use super::*;

    fn read(text: &str) -> Result<(Vec<WatchedSecret>, Option<Access>), ConfigError> {
        let document = Document::parse(Path::new("config.toml"), text.to_owned())?;
        let account = Access { region: Some("eu-central-1".into()), ..Access::default() };
        secrets(&document, &account, &mut Ledger::default())
    }

    #[test]
    fn secrets_are_watched_for_those_who_need_them() {
        let text = "[[secrets]]\nname = \"prod/crm/api\"\ndatasets = [\"crm/contacts\"]\njobs = [\"crm\"]\nmax_age = \"90d\"\n\
                    endpoint_url = \"https://sm.internal\"\n[[secrets]]\nname = \"arn:aws:secretsmanager:x:1:secret:y\"\n";
        let (watched, access) = read(text).unwrap();
        let access = access.unwrap();
        assert_eq!(
            (access.region.as_deref(), access.endpoint_url.as_deref()),
            (Some("eu-central-1"), Some("https://sm.internal"))
        );
        assert_eq!(watched.len(), 2);
        assert_eq!((watched[0].max_age, watched[1].max_age), (Some(Duration::days(90)), None));
        assert_eq!((watched[0].datasets[0].as_str(), &*watched[0].jobs[0].0), ("crm/contacts", "crm"));
        assert_eq!(read("").unwrap(), (Vec::new(), None), "nobody asks for nothing");
        let (watched, access) = read("[[secrets]]\nname = \"fx/api\"\non_lake = true\n").unwrap();
        assert!(watched[0].on_lake && access.is_none(), "no account is asked for what lies on the lake");
    }

    #[test]
    fn faults_name_their_line() {
        for (text, place, fault) in [
            ("[[secrets]]\nname = \"\"", ":2", "no name of a secret"),
            ("[[secrets]]\nname = \"a b\"", ":2", "no name of a secret"),
            ("[[secrets]]\nname = \"a\"\n[[secrets]]\nname = \"a\"", ":4", "there twice"),
            ("[[secrets]]\nname = \"a\"\nmax_age = \"0s\"", ":3", "max_age is zero"),
            ("[[secrets]]\nname = \"a\"\nendpoint_url = \"sm\"", ":3", "not an http address"),
            ("[[secrets]]\nname = \"../a\"\non_lake = true", ":2", "no name of an object"),
            ("[[secrets]]\nname = \"a\"\non_lake = true\nendpoint_url = \"http://x\"", ":4", "lies on the lake"),
            (
                "[[secrets]]\nname = \"a\"\nendpoint_url = \"http://a\"\n[[secrets]]\nname = \"b\"\nendpoint_url = \"http://b\"",
                ":6",
                "differs",
            ),
            ("[[secrets]]\nname = \"a\"\nvalue = \"HUNTER2\"", ":3", "unknown key `value`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.place.ends_with(place) && error.fault.contains(fault), "{text}: {error}");
            assert!(!error.to_string().contains("HUNTER2"), "{error}");
        }
    }
}
