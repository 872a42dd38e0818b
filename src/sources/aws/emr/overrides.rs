//! `configurationOverrides` as JSON, in the spelling of the service's own requests: what a run had is kept and sent
//! again with it, and a configuration may hold one. A name that is not known here is an error: what would be left out
//! of a run must not be left out in silence.
//!
//! <https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ConfigurationOverrides.html>

use std::collections::{BTreeMap, HashMap};

use aws_sdk_emrserverless::types::{
    CloudWatchLoggingConfiguration, Configuration, ConfigurationOverrides, DiskEncryptionConfiguration,
    ManagedPersistenceMonitoringConfiguration, MonitoringConfiguration, PrometheusMonitoringConfiguration,
    S3MonitoringConfiguration,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Texts = BTreeMap<String, String>;

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_configuration: Option<Vec<Classified>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitoring_configuration: Option<Monitoring>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_encryption_configuration: Option<Disk>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Classified {
    classification: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    properties: Option<Texts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configurations: Option<Vec<Classified>>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Monitoring {
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_monitoring_configuration: Option<S3>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_persistence_monitoring_configuration: Option<Managed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logging_configuration: Option<CloudWatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prometheus_monitoring_configuration: Option<Prometheus>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct S3 {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_key_arn: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Managed {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_key_arn: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CloudWatch {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream_name_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_types: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Prometheus {
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_write_url: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Disk {
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_key_arn: Option<String>,
}

/// The JSON of what a run had.
pub fn written(overrides: &ConfigurationOverrides) -> Value {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let monitoring = overrides.monitoring_configuration().map(|all| Monitoring {
        s3_monitoring_configuration: all
            .s3_monitoring_configuration()
            .map(|s3| S3 { log_uri: text(s3.log_uri()), encryption_key_arn: text(s3.encryption_key_arn()) }),
        managed_persistence_monitoring_configuration: all
            .managed_persistence_monitoring_configuration()
            .map(|m| Managed { enabled: m.enabled(), encryption_key_arn: text(m.encryption_key_arn()) }),
        cloud_watch_logging_configuration: all.cloud_watch_logging_configuration().map(|logs| CloudWatch {
            enabled: logs.enabled(),
            log_group_name: text(logs.log_group_name()),
            log_stream_name_prefix: text(logs.log_stream_name_prefix()),
            encryption_key_arn: text(logs.encryption_key_arn()),
            log_types: logs.log_types().map(|all| all.iter().map(|(n, v)| (n.clone(), v.clone())).collect()),
        }),
        prometheus_monitoring_configuration: all
            .prometheus_monitoring_configuration()
            .map(|p| Prometheus { remote_write_url: text(p.remote_write_url()) }),
    });
    let disk = overrides.disk_encryption_configuration().map(|disk| Disk {
        encryption_context: disk.encryption_context().map(sorted),
        encryption_key_arn: text(disk.encryption_key_arn()),
    });
    let all = Overrides {
        application_configuration: overrides.application_configuration.as_deref().map(classified),
        monitoring_configuration: monitoring,
        disk_encryption_configuration: disk,
    };
    serde_json::to_value(all).unwrap_or_default()
}

/// The overrides of a JSON; the error is what in it is none.
pub fn read(value: &Value) -> Result<ConfigurationOverrides, String> {
    let wrong = |e: serde_json::Error| format!("configurationOverrides: {e}");
    let all = Overrides::deserialize(value).map_err(wrong)?;
    let monitoring = all.monitoring_configuration.map(|all| {
        let s3 = all.s3_monitoring_configuration.map(|s3| {
            let made = S3MonitoringConfiguration::builder().set_log_uri(s3.log_uri);
            made.set_encryption_key_arn(s3.encryption_key_arn).build()
        });
        let managed = all.managed_persistence_monitoring_configuration.map(|m| {
            let made = ManagedPersistenceMonitoringConfiguration::builder().set_enabled(m.enabled);
            made.set_encryption_key_arn(m.encryption_key_arn).build()
        });
        let logs = all.cloud_watch_logging_configuration.map(|logs| {
            CloudWatchLoggingConfiguration::builder()
                .enabled(logs.enabled)
                .set_log_group_name(logs.log_group_name)
                .set_log_stream_name_prefix(logs.log_stream_name_prefix)
                .set_encryption_key_arn(logs.encryption_key_arn)
                .set_log_types(logs.log_types.map(|all| all.into_iter().collect()))
                .build()
        });
        let prometheus = all.prometheus_monitoring_configuration;
        let prometheus = prometheus
            .map(|p| PrometheusMonitoringConfiguration::builder().set_remote_write_url(p.remote_write_url).build());
        Ok::<_, String>(
            MonitoringConfiguration::builder()
                .set_s3_monitoring_configuration(s3)
                .set_managed_persistence_monitoring_configuration(managed)
                .set_cloud_watch_logging_configuration(logs.transpose().map_err(|e| e.to_string())?)
                .set_prometheus_monitoring_configuration(prometheus)
                .build(),
        )
    });
    let disk = all.disk_encryption_configuration.map(|disk| {
        let made = DiskEncryptionConfiguration::builder().set_encryption_key_arn(disk.encryption_key_arn);
        made.set_encryption_context(disk.encryption_context.map(|all| all.into_iter().collect())).build()
    });
    Ok(ConfigurationOverrides::builder()
        .set_application_configuration(all.application_configuration.map(configurations).transpose()?)
        .set_monitoring_configuration(monitoring.transpose()?)
        .set_disk_encryption_configuration(disk)
        .build())
}

/// The SDK loses the order of a reply's properties.
fn sorted(texts: &HashMap<String, String>) -> Texts {
    texts.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn classified(all: &[Configuration]) -> Vec<Classified> {
    let one = |one: &Configuration| Classified {
        classification: one.classification().to_owned(),
        properties: one.properties().map(sorted),
        configurations: one.configurations.as_deref().map(classified),
    };
    all.iter().map(one).collect()
}

fn configurations(all: Vec<Classified>) -> Result<Vec<Configuration>, String> {
    let one = |one: Classified| {
        Configuration::builder()
            .classification(one.classification)
            .set_properties(one.properties.map(|all| all.into_iter().collect()))
            .set_configurations(one.configurations.map(configurations).transpose()?)
            .build()
            .map_err(|e| e.to_string())
    };
    all.into_iter().map(one).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_written() {
        for value in [
            json!({}),
            json!({
                "applicationConfiguration": [{
                    "classification": "spark-defaults",
                    "properties": { "a": "1", "b": "2" },
                    "configurations": [{ "classification": "x" }],
                }],
                "monitoringConfiguration": {
                    "s3MonitoringConfiguration": { "logUri": "s3://b/logs/", "encryptionKeyArn": "k" },
                    "managedPersistenceMonitoringConfiguration": { "enabled": false },
                    "cloudWatchLoggingConfiguration": {
                        "enabled": true, "logGroupName": "g", "logTypes": { "SPARK_DRIVER": ["STDOUT"] },
                    },
                    "prometheusMonitoringConfiguration": { "remoteWriteUrl": "https://x" },
                },
                "diskEncryptionConfiguration": { "encryptionContext": { "a": "b" }, "encryptionKeyArn": "k" },
            }),
        ] {
            assert_eq!(written(&read(&value).unwrap()), value);
        }
    }

    #[test]
    fn what_is_not_known_is_not_left_out_in_silence() {
        let error = read(&json!({ "monitoringConfiguration": { "newThing": {} } })).unwrap_err();
        assert!(error.contains("newThing"), "{error}");
    }
}
