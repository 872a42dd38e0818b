//! The policies in `iam/`: they grant each action that the code names, and what the program asks S3 for on the wire; that
//! for reading grants nothing that changes anything.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::support::program::{Run, lakeward, lakeward_with};
use crate::support::s3_server::{self, Request};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The actions that a policy allows.
fn granted(policy: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("iam").join(policy)).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert!(statements.iter().all(|s| s["Sid"].is_string()), "{text}");
    let allowed = statements.iter().filter(|s| s["Effect"] == "Allow");
    let actions = allowed.flat_map(|s| s["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// Both policies: an operator has both.
fn of_operators() -> BTreeSet<String> {
    granted("read-only.json").union(&granted("operator.json")).cloned().collect()
}

fn sources(folder: &Path, found: &mut BTreeSet<String>, action: &Regex) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found, action);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(action.captures_iter(&text).map(|c| c[1].to_owned()));
        }
    }
}

#[test]
fn every_action_that_the_code_names_is_granted() {
    let services = "s3|logs|emr-serverless|cloudwatch|secretsmanager|glue|sts|health|airflow|athena|sns|iam|kms";
    // A name of its own, in camel case: an address such as glue:registry is none.
    let action = Regex::new(&format!(r"\b((?:{services}):[A-Z][a-z]+[A-Z][A-Za-z]*)")).unwrap();
    let mut named = BTreeSet::new();
    sources(&root().join("src"), &mut named, &action);
    assert!(named.len() > 25, "{named:?}");
    let missing: Vec<&String> = named.iter().filter(|action| !of_operators().contains(*action)).collect();
    assert!(missing.is_empty(), "no policy grants {missing:?}");
}

#[test]
fn the_policy_for_reading_changes_nothing() {
    // Queries and live tails are asked and paid for; they are the only ones of these that begin anything.
    let reads = Regex::new(
        r"^[a-z0-9-]+:(Get|List|Describe|Filter|Decrypt$|InvokeRestApi$|StartQuery|StopQuery|StartLiveTail$)",
    )
    .unwrap();
    let changes: Vec<String> = granted("read-only.json").into_iter().filter(|action| !reads.is_match(action)).collect();
    assert!(changes.is_empty(), "{changes:?}");
}

/// What a request to S3 takes:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
fn action(request: &Request) -> &'static str {
    let has = |name: &str| request.query.split('&').any(|part| part.split('=').next() == Some(name));
    let in_bucket = request.path.trim_matches('/').contains('/');
    match (request.method.as_str(), in_bucket) {
        ("GET", false) if has("versioning") => "s3:GetBucketVersioning",
        ("GET", false) if has("object-lock") => "s3:GetBucketObjectLockConfiguration",
        ("GET", false) if has("uploads") => "s3:ListBucketMultipartUploads",
        ("GET" | "HEAD", false) => "s3:ListBucket",
        ("POST", false) if has("delete") => "s3:DeleteObject",
        ("GET", true) if has("tagging") => "s3:GetObjectTagging",
        ("GET", true) if has("uploadId") => "s3:ListMultipartUploadParts",
        ("GET" | "HEAD", true) => "s3:GetObject",
        ("PUT", true) if has("tagging") => "s3:PutObjectTagging",
        ("PUT", true) if has("retention") => "s3:PutObjectRetention",
        ("PUT" | "POST", true) => "s3:PutObject",
        ("DELETE", true) if has("uploadId") => "s3:AbortMultipartUpload",
        ("DELETE", true) => "s3:DeleteObject",
        _ => panic!("no action is known for {request:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_asks_of_s3_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let written = lakeward(&["demo", "--write", demo.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{written:?}");
    let server = s3_server::shared();
    let bucket = server.bucket_of(&demo).await;
    let lake = format!("s3://{bucket}");
    let config = demo.join("lakeward.toml").display().to_string();
    let run = |arguments: &[&str]| -> Run {
        let before = ["--lake", &lake, "--endpoint-url", server.endpoint(), "--config", &config];
        lakeward_with(&[&before, arguments].concat(), &[])
    };
    let asked = async |since: usize| -> BTreeSet<String> {
        let all = server.requests_of(&bucket).await;
        all.iter().skip(since).map(|request| action(request).to_owned()).collect()
    };
    let filled = server.requests_of(&bucket).await.len();
    let alerts = run(&["alerts", "--json"]).json();
    let is_its = |a: &&Value| a["rule"] == "dlq_rows" && a["dataset"] == "finance/fx_rates";
    let alert = alerts.as_array().unwrap().iter().find(is_its).unwrap().clone();
    let target = format!("finance/fx_rates/dt={}", alert["date"].as_str().unwrap());
    for looks in [
        vec!["dlq", "list"],
        vec!["dlq", "preview", &target],
        vec!["dlq", "schema", &target],
        vec!["dlq", "check", &target],
        vec!["quarantine", "list"],
        vec!["quarantine", "plan", &target, "--reason", "upstream_source"],
        vec!["jobs", "list"],
        vec!["runbook", "show", "network"],
        vec!["incident", "list"],
        vec!["--read-only", "doctor"],
    ] {
        assert!(run(&looks).code != 2, "{looks:?}");
    }
    let (reads, reading) = (asked(filled).await, granted("read-only.json"));
    assert!(reads.contains("s3:ListBucket") && reads.contains("s3:GetObject"), "{reads:?}");
    assert!(reads.is_subset(&reading), "not granted: {:?}", reads.difference(&reading).collect::<Vec<_>>());

    let looked = server.requests_of(&bucket).await.len();
    let plan = folder.path().join("plan.json").display().to_string();
    let done = |arguments: &[&str]| {
        let run = run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        run
    };
    done(&["quarantine", "plan", &target, "--reason", "upstream_source", "--out", &plan]);
    let names = std::fs::read_to_string(&plan).unwrap();
    let objects = serde_json::from_str::<Value>(&names).unwrap()["objects"].as_array().unwrap().len().to_string();
    done(&["quarantine", "apply", &plan, "--confirm", &objects, "--arm", "a test"]);
    let id = run(&["quarantine", "list", "--json"]).json()[0]["id"].as_str().unwrap().to_owned();
    done(&["quarantine", "release", &id, "--confirm", &objects, "--arm", "a test"]);
    done(&["incident", "open", "--alert", alert["key"].as_str().unwrap()]);
    done(&["dlq", "repair", &target, "--confirm", "2", "--arm", "a test"]);
    let (writes, allowed) = (asked(looked).await, of_operators());
    assert!(writes.contains("s3:PutObject") && writes.contains("s3:DeleteObject"), "{writes:?}");
    assert!(writes.is_subset(&allowed), "not granted: {:?}", writes.difference(&allowed).collect::<Vec<_>>());
}
