//! A real S3 API on loopback (`tests/python/s3_server.py`: moto, with a record of its traffic and faults on
//! demand). It ends when this process does, however that ends: it holds the other side of a pipe.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lakeward::lake::aws::Access;
use lakeward::lake::s3::S3Settings;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::python;

/// What stands for itself in a path; everything else is percent-encoded.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const PUBLIC: &[u8] =
    br#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// One request as the server recorded it.
#[derive(Debug, Clone, Deserialize)]
#[expect(dead_code, reason = "all of it is shown when a test fails")]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Decoded: `/bucket/key`.
    pub path: String,
    /// As sent.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The operation, of services that speak JSON.
    pub target: Option<String>,
    /// The answer's status; `None` while it is under way.
    pub status: Option<u16>,
    /// Length of the answer's body.
    pub bytes: u64,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    endpoint: String,
    buckets: AtomicU32,
}

/// The one that the tests of this process share. Faults are for a server of one's own: [`Server::start`].
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

impl Server {
    /// Starts one. Blocking, about a second.
    pub fn start() -> Self {
        let python = python::interpreter();
        let n = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("s3_server-{}-{n}.log", std::process::id()));
        let mut child = Command::new(python)
            .arg(python::folder().join("s3_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the virtual environment's Python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("its output")).read_line(&mut line).expect("its first line");
        let said = fs::read_to_string(&log).unwrap_or_default();
        let port: u16 = line
            .strip_prefix("PORT ")
            .and_then(|port| port.trim().parse().ok())
            .unwrap_or_else(|| panic!("s3_server.py began with {line:?}, not with its port:\n{said}"));
        fs::remove_file(&log).ok();
        let address = format!("127.0.0.1:{port}");
        Self { child, endpoint: format!("http://{address}"), address, buckets: AtomicU32::new(0) }
    }

    /// The address to give as `--endpoint-url`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How to reach one of its buckets.
    pub fn anonymous(&self, bucket: &str) -> S3Settings {
        anonymous(&self.endpoint, bucket)
    }

    /// A new, empty bucket. Anyone may use it: tests cannot set the variables that sign a request in-process.
    pub async fn bucket(&self) -> String {
        let name = format!("lake-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        self.exchange("PUT", &format!("/{name}"), b"");
        self.exchange("PUT", &format!("/{name}?policy"), PUBLIC);
        name
    }

    /// A new bucket that holds the files of a folder, key for key.
    pub async fn bucket_of(&self, folder: &Path) -> String {
        let bucket = self.bucket().await;
        let mut files = BTreeMap::new();
        gather(folder, "", &mut files);
        for (key, bytes) in files {
            self.fill(&bucket, &key, &bytes);
        }
        bucket
    }

    /// What a bucket was asked so far, in order of arrival; its filling by [`Server::bucket_of`] included.
    pub async fn requests_of(&self, bucket: &str) -> Vec<Request> {
        let all = self.requests();
        let (itself, inside) = (format!("/{bucket}"), format!("/{bucket}/"));
        all.into_iter().filter(|r| r.path == itself || r.path.starts_with(&inside)).collect()
    }

    /// The operations of services that speak JSON that it was asked for, in order of arrival.
    pub fn operations(&self) -> Vec<String> {
        self.requests().into_iter().filter_map(|request| request.target).collect()
    }

    fn requests(&self) -> Vec<Request> {
        let answer = self.exchange("GET", "/_control/requests", b"");
        serde_json::from_slice(&answer).expect("the record of requests")
    }

    /// Writes an object.
    pub fn fill(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.exchange("PUT", &format!("/{bucket}/{}", utf8_percent_encode(key, IN_PATH)), bytes);
    }

    /// The bytes of an object; none if there is none. Only for bodies that fit into one reply.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let listed =
            self.exchange("GET", &format!("/{bucket}?list-type=2&prefix={}", utf8_percent_encode(key, IN_PATH)), b"");
        let there = String::from_utf8_lossy(&listed).contains(&format!("<Key>{key}</Key>"));
        there.then(|| self.exchange("GET", &format!("/{bucket}/{}", utf8_percent_encode(key, IN_PATH)), b""))
    }

    /// Keeps old versions in a bucket from now on.
    pub fn keep_versions(&self, bucket: &str) {
        let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.exchange("PUT", &format!("/{bucket}?versioning"), on);
    }

    /// Begins an upload that nobody ends.
    pub fn begin_upload(&self, bucket: &str, key: &str) {
        self.exchange("POST", &format!("/{bucket}/{}?uploads", utf8_percent_encode(key, IN_PATH)), b"");
    }

    /// Tells the server what to do to later requests: `deny?prefix=P&list=1`, `throttle?count=N`, `delay?ms=N` and
    /// more: its own docstring lists them.
    pub async fn control(&self, what: &str) {
        self.exchange("POST", &format!("/_control/{what}"), b"");
    }

    /// Asks another service of the same server (`sns`, `sqs`) in the query protocol. It finds the service by the
    /// scope of the credentials, and believes any signature.
    pub fn query(&self, service: &str, form: &str) -> String {
        let scope = format!("Credential=test/20260101/us-east-1/{service}/aws4_request");
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        let answer = self.exchange_with("POST", "/", &headers, form.as_bytes());
        String::from_utf8(answer).expect("UTF-8")
    }

    /// Asks another service of the same server (`secretsmanager`, `glue`) in the JSON protocol.
    pub fn json(&self, service: &str, target: &str, input: &Value) -> Value {
        let scope = format!("Credential=test/20260101/us-east-1/{service}/aws4_request");
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n\
             X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        let answer = self.exchange_with("POST", "/", &headers, input.to_string().as_bytes());
        serde_json::from_slice(&answer).unwrap_or(Value::Null)
    }

    /// Posts JSON to a path of the server's own.
    pub fn post(&self, path: &str, body: &Value) {
        self.exchange_with("POST", path, "Content-Type: application/json\r\n", body.to_string().as_bytes());
    }

    /// One HTTP request, not by the client under test: what it fills in must not rest on what it checks.
    fn exchange(&self, method: &str, target: &str, body: &[u8]) -> Vec<u8> {
        self.exchange_with(method, target, "", body)
    }

    fn exchange_with(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).expect("the S3 server listens");
        let (host, length) = (&self.address, body.len());
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("the S3 server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the S3 server answers");
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an HTTP answer");
        let status = answer.get(9..12).unwrap_or_default();
        let shown = String::from_utf8_lossy(&answer);
        assert!(matches!(status, b"200" | b"201" | b"204"), "{method} {target}: {shown}");
        answer.split_off(end + 4)
    }
}

/// How to reach a bucket without signing.
pub fn anonymous(endpoint: &str, bucket: &str) -> S3Settings {
    S3Settings {
        bucket: bucket.into(),
        access: Access {
            region: Some("us-east-1".into()),
            endpoint_url: Some(endpoint.into()),
            anonymous: true,
            ..Access::default()
        },
        path_style: true,
        ..S3Settings::default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let key = format!("{prefix}{name}");
        if entry.path().is_dir() {
            gather(&entry.path(), &format!("{key}/"), files);
        } else {
            files.insert(key, fs::read(entry.path()).expect("a file"));
        }
    }
}
