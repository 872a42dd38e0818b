//! `[emr]` and `[cloudwatch]`: services of AWS beside the lake. Each is asked where its table stands, by who asks the
//! lake; the endpoint of the lake's store is not theirs.

use toml::Spanned;

use super::check;
use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::Ledger;
use super::target::LakeTarget;
use crate::lake::aws::Access;
use crate::sources::aws::cloudwatch::CloudWatchSettings;
use crate::sources::aws::emr::EmrSettings;

/// EMR Serverless.
pub fn emr(
    layers: &Layers<'_>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Option<EmrSettings>, ConfigError> {
    let Some((document, table)) = layers.documents().find_map(|d| Some((d, d.tables.emr.as_ref()?))) else {
        return Ok(None);
    };
    let access = access(document, "emr.endpoint_url", table.endpoint_url.as_ref(), lake, ledger)?;
    Ok(Some(EmrSettings { access, applications: table.applications.clone() }))
}

/// Alarms and metrics.
pub fn cloudwatch(
    layers: &Layers<'_>,
    lake: Option<&LakeTarget>,
    ledger: &mut Ledger,
) -> Result<Option<CloudWatchSettings>, ConfigError> {
    let Some((document, table)) = layers.documents().find_map(|d| Some((d, d.tables.cloudwatch.as_ref()?))) else {
        return Ok(None);
    };
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
