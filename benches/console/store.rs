//! A store for the bench: an S3 listing of 100,000 objects (33,334 DLQ entries in 100 datasets) computed and not
//! stored, each reply after a delay; or a store that takes connections and never answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What rows and reasons are here.
const BODY: &[u8] = b"{\"error_type\":\"schema_validation\",\"error_message\":\"Column 'email' expected string, got null\",\"row_count\":1}";
/// Keys in a page, as on S3.
const PAGE: usize = 1000;

/// Starts the store; its endpoint, and the count of keys listed so far.
pub fn serve(keys: Vec<String>, delay: Duration) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (keys, listed) = (Arc::new(keys), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&listed);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (keys, count) = (Arc::clone(&keys), Arc::clone(&count));
            std::thread::spawn(move || converse(stream, &keys, delay, &count));
        }
    });
    (endpoint, listed)
}

/// An endpoint that takes connections and never answers.
pub fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let kept: Vec<_> = listener.incoming().collect();
        drop(kept);
    });
    endpoint
}

/// 100,002 keys: 100 datasets, 334 dates each (the last a few fewer), three objects a date.
pub fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    for entry in 0..33_334 {
        let (dataset, day) = (entry / 334, entry % 334);
        let date = format!("{:04}-{:02}-{:02}", 2025, day / 28 + 1, day % 28 + 1);
        for file in ["_SUCCESS", "error_reasons.json", "rejected_rows.json"] {
            keys.push(format!("_errors/team{:02}/set{:02}/dt={date}/{file}", dataset / 10, dataset % 10));
        }
    }
    keys.sort();
    keys
}

fn converse(stream: TcpStream, keys: &[String], delay: Duration, listed: &AtomicU64) {
    stream.set_nodelay(true).ok();
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        std::thread::sleep(delay);
        let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let reply = reply(&target, keys, listed);
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

fn reply(target: &str, keys: &[String], listed: &AtomicU64) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if query.contains("list-type=2") {
        let page = page(query, keys, listed);
        return http("application/xml", "", page.as_bytes());
    }
    let body: &[u8] = if path.ends_with(".json") { BODY } else { b"" };
    http("application/octet-stream", "ETag: \"e\"\r\n", body)
}

fn http(kind: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn page(query: &str, keys: &[String], listed: &AtomicU64) -> String {
    let value = |name: &str| {
        let raw = query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
        raw.unwrap_or_default().replace("%2F", "/").replace("%3D", "=")
    };
    let (prefix, delimited, after) = (value("prefix"), !value("delimiter").is_empty(), value("continuation-token"));
    let from = keys.partition_point(|k| k.as_str() < prefix.as_str() || k.as_str() <= after.as_str());
    let under = || keys[from..].iter().take_while(|k| k.starts_with(&prefix));
    let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name>");
    if delimited {
        let mut levels: Vec<&str> =
            under().filter_map(|k| k[prefix.len()..].split_once('/').map(|(level, _)| level)).collect();
        levels.dedup();
        for level in levels {
            xml += &format!("<CommonPrefixes><Prefix>{prefix}{level}/</Prefix></CommonPrefixes>");
        }
        return xml + "<IsTruncated>false</IsTruncated></ListBucketResult>";
    }
    let mut last = "";
    for key in under().take(PAGE) {
        last = key;
        xml += &format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-22T10:00:00.000Z</LastModified><ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>{}</Size></Contents>",
            if key.ends_with("json") { BODY.len() } else { 0 }
        );
        listed.fetch_add(1, Ordering::Relaxed);
    }
    if under().nth(PAGE).is_some() {
        xml += &format!("<NextContinuationToken>{last}</NextContinuationToken><IsTruncated>true</IsTruncated>");
    }
    xml + "</ListBucketResult>"
}
