//! A real Airflow on loopback (`tests/python/airflow_server.py`), of the version that a pinned file names. It ends
//! when this process does, however that ends: it holds the other side of a pipe.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lakeward::sources::airflow::{Api, Login};
use lakeward::sources::notify::Secret;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::python;

/// A running Airflow.
pub struct Server {
    child: Child,
    api: Api,
    url: String,
}

impl Server {
    /// Starts one. Blocking: half a minute, and minutes if its environment has to be made first.
    pub fn start(api: Api) -> Self {
        let number = if api == Api::V1 { 2 } else { 3 };
        let python = python::environment(&format!("airflow{number}.txt"));
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("airflow{number}-{}", std::process::id()));
        fs::remove_dir_all(&home).ok();
        // Of its own: Python writes what it compiled beside the DAGs.
        let dags = home.join("dags");
        fs::create_dir_all(&dags).unwrap();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/airflow/dags")).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                fs::copy(&file, dags.join(file.file_name().unwrap())).unwrap();
            }
        }
        let said = home.with_extension("log");
        let mut child = Command::new(python)
            .arg(python::folder().join("airflow_server.py"))
            .args([&home, &dags])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .expect("the virtual environment's Python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port: Option<u16> = line.strip_prefix("READY ").and_then(|port| port.trim().parse().ok());
        let Some(port) = port else {
            drop(child.stdin.take());
            panic!("airflow_server.py: {line}{}", fs::read_to_string(&said).unwrap_or_default());
        };
        fs::remove_file(&said).ok();
        Self { child, api, url: format!("http://127.0.0.1:{port}") }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its user.
    pub fn login(&self, password: &str) -> Login {
        Login::Basic { user: "admin".to_owned(), password: Secret::new(password) }
    }

    /// Begins a run of a DAG: not by the client under test, which only reads.
    pub async fn trigger(&self, dag: &str) {
        let body = if self.api == Api::V1 { json!({}) } else { json!({ "logical_date": null }) };
        let (status, text) = self.asked().send("POST", &format!("/dags/{dag}/dagRuns"), &[], Some(&body)).await;
        assert_eq!(status, 200, "{dag}: {text}");
    }

    /// A way to ask it beside the client under test.
    pub fn asked(&self) -> Asked {
        Asked { api: self.api, url: self.url.clone() }
    }
}

/// An Airflow that is asked directly.
pub struct Asked {
    api: Api,
    url: String,
}

impl Asked {
    /// Status and body. The path is one below the API's prefix.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> (u16, String) {
        let client = Client::builder().no_proxy().build().unwrap();
        let mut url = Url::parse(&format!("{}{}{path}", self.url, self.api.prefix())).unwrap();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = client.request(method.parse().unwrap(), url).header("Accept", "application/json");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let request = match self.api {
            Api::V1 => request.basic_auth("admin", Some("lakeward-test")),
            Api::V2 => {
                let login = r#"{"username": "admin", "password": "lakeward-test"}"#;
                let login = client
                    .post(format!("{}/auth/token", self.url))
                    .header("Content-Type", "application/json")
                    .body(login);
                let reply = login.send().await.unwrap().text().await.unwrap();
                let token: Value = serde_json::from_str(&reply).unwrap();
                request.bearer_auth(token["access_token"].as_str().unwrap())
            }
        };
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
