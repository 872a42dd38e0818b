//! The two ends of the port behave alike: the demo as a folder and as an S3 bucket gives equal answers.

use serde_json::Value;

use crate::support::program::{Run, lakeward, lakeward_with};
use crate::support::s3_server;

struct Both {
    folder: tempfile::TempDir,
    bucket: String,
    endpoint: String,
}

impl Both {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let demo = folder.path().join("demo");
        let written = lakeward(&["demo", "--write", demo.to_str().expect("a path")]);
        assert_eq!(written.code, 0, "{written:?}");
        let server = s3_server::shared();
        let bucket = server.bucket_of(&demo).await;
        Self { folder, bucket, endpoint: server.endpoint().to_owned() }
    }

    fn folder(&self, arguments: &[&str]) -> Run {
        let lake = self.folder.path().join("demo").display().to_string();
        lakeward(&[&["--lake", &lake], arguments].concat())
    }

    /// The lake's own `lakeward.toml` belongs to a folder; on S3 the same file is named by `--config`.
    fn s3(&self, arguments: &[&str]) -> Run {
        let config = self.folder.path().join("demo/lakeward.toml").display().to_string();
        let lake = format!("s3://{}", self.bucket);
        let before = ["--lake", &lake, "--endpoint-url", &self.endpoint, "--config", &config];
        lakeward_with(&[&before, arguments].concat(), &[])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_and_previews_are_equal() {
    let both = Both::new().await;
    let list = ["dlq", "list", "--json"];
    let (folder, s3) = (both.folder(&list), both.s3(&list));
    assert_eq!((folder.code, s3.code), (0, 0), "{folder:?} {s3:?}");
    assert_eq!(folder.json(), s3.json());
    let entries = folder.json();
    let entries = entries.as_array().expect("array");
    assert!(entries.len() > 10);
    for path in entries.iter().filter(|e| e["format"] != "none").filter_map(|e| e["path"].as_str()) {
        for command in ["preview", "schema", "profile"] {
            let arguments = ["dlq", command, path, "--json"];
            let (folder, s3) = (both.folder(&arguments), both.s3(&arguments));
            assert_eq!((folder.code, s3.code), (0, 0), "{command} {path}: {folder:?} {s3:?}");
            assert_eq!(no_addresses(folder.json()), no_addresses(s3.json()), "{command} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_equal_but_for_addresses_and_upload_times() {
    let both = Both::new().await;
    let (folder, s3) = (both.folder(&["alerts", "--json"]), both.s3(&["alerts", "--json"]));
    assert_eq!(folder.code, 3, "critical alerts are open: {folder:?}");
    let folder_root = both.folder.path().join("demo").canonicalize().expect("the demo");
    let roots = [format!("file://{}/", folder_root.display()), format!("s3://{}/", both.bucket)];
    let comparable = |run: Run| -> Vec<Value> {
        let mut alerts = run.json().as_array().cloned().expect("array");
        // An upload makes old objects new: what rests on an object's age cannot be equal.
        alerts.retain(|a| a["rule"] != "no_data" && a["rule"] != "incomplete_entry");
        for alert in &mut alerts {
            alert["since"] = Value::Null;
            // The age of a secret in seconds grows between the two questions.
            if alert["rule"] == "secret" {
                alert["value"] = Value::Null;
            }
            for evidence in alert["evidence"].as_array_mut().expect("evidence") {
                evidence["observed_at"] = Value::Null;
                for field in ["uri", "detail"] {
                    let text = evidence[field].as_str().expect("a text").to_owned();
                    evidence[field] = roots.iter().fold(text, |text, root| text.replace(root, "")).into();
                }
            }
        }
        alerts.sort_by_key(|a| a["key"].to_string());
        alerts
    };
    let (folder, s3) = (comparable(folder), comparable(s3));
    assert!(!folder.is_empty());
    assert_eq!(folder, s3);
}

fn no_addresses(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.remove("uri");
        if let Some(contract) = object.get_mut("contract").and_then(Value::as_object_mut) {
            contract.remove("uri");
        }
    }
    value
}
