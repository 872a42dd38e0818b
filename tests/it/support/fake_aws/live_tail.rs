//! Live tails as CloudWatch Logs streams them: frames of `application/vnd.amazon.eventstream`, sent when the test says
//! so. <https://smithy.io/2.0/aws/amazon-eventstream.html>

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::http_server::{Answer, Body};

/// The end of a live tail that tells.
#[derive(Debug)]
pub struct LiveTail {
    parts: Sender<Vec<u8>>,
    closed: Arc<AtomicBool>,
}

impl LiveTail {
    /// One, and the answer that it is.
    pub fn new() -> (Self, Answer) {
        let (parts, received) = channel();
        let closed = Arc::new(AtomicBool::new(false));
        let body = Body { parts: Arc::new(Mutex::new(received)), closed: Arc::clone(&closed) };
        let headers = "Content-Type: application/vnd.amazon.eventstream\r\n".to_owned();
        (Self { parts, closed }, Answer::Stream(headers, body))
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: Vec<u8>) {
        self.parts.send(bytes).unwrap_or_default(); // who is gone hears nothing
    }

    /// Begins.
    pub fn begin(&self) {
        self.send(frame("event", "initial-response", "{}"));
        self.send(frame("event", "sessionStart", r#"{"sessionId":"s","requestId":"r"}"#));
    }

    /// Tells of events: stream, time in milliseconds, message.
    pub fn tell(&self, events: &[(String, i64, String)], sampled: bool) {
        self.send(update(events, sampled));
    }

    /// Ends with an exception.
    pub fn fail(&self, exception: &str) {
        self.send(frame("exception", exception, &json!({ "message": format!("words of {exception}") }).to_string()));
    }

    /// Cuts the connection.
    pub fn cut(&self) {
        self.send(Vec::new());
    }

    /// Whether the other end has gone.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// The frame of an update.
pub fn update(events: &[(String, i64, String)], sampled: bool) -> Vec<u8> {
    let event = |(stream, at, message): &(String, i64, String)| json!({ "logStreamName": stream, "logGroupIdentifier": "123456789012:/aws/emr-serverless", "timestamp": at, "ingestionTime": at, "message": message });
    let results: Vec<Value> = events.iter().map(event).collect();
    let update = json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": results });
    frame("event", "sessionUpdate", &update.to_string())
}

/// The frame of an update that is none.
pub fn unreadable() -> Vec<u8> {
    frame("event", "sessionUpdate", "{\"sessionResults\":[{")
}

/// A frame: lengths and their CRC, headers, payload, CRC of all that.
fn frame(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let named = if kind == "exception" { ":exception-type" } else { ":event-type" };
    let mut headers = Vec::new();
    for (header, value) in [(":message-type", kind), (named, name), (":content-type", "application/json")] {
        headers.push(u8::try_from(header.len()).expect("a short name"));
        headers.extend(header.as_bytes());
        headers.push(7); // a text
        headers.extend(u16::try_from(value.len()).expect("a short value").to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("a small frame").to_be_bytes();
    let mut frame = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    frame.extend(crc(&frame));
    frame.extend(headers);
    frame.extend(payload.as_bytes());
    frame.extend(crc(&frame));
    frame
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}
