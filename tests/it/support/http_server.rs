//! A web server on loopback that writes down what it is sent and answers as it is told: what a webhook's other end
//! does on a good day and on a bad one.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What to answer a request that posts something.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status, headers as they are sent, and a body.
    Reply(u16, String, String),
    /// Nothing, and the connection stays open.
    Hang,
    /// Nothing, and the connection is closed: a reply that is lost.
    Lost,
    /// Headers as they are sent, and a body over time.
    Stream(String, Body),
}

/// A body that is sent in parts, for as long as somebody has more of it.
#[derive(Debug, Clone)]
pub struct Body {
    /// The parts; an empty one cuts the connection, and the end of them ends the body.
    pub parts: Arc<Mutex<Receiver<Vec<u8>>>>,
    /// Whether the other end has closed the connection.
    pub closed: Arc<AtomicBool>,
}

impl Answer {
    /// A status and a body.
    pub fn of(status: u16, body: &str) -> Self {
        Self::Reply(status, String::new(), body.to_owned())
    }

    /// A status with one header.
    pub fn with(status: u16, header: &str) -> Self {
        Self::Reply(status, format!("{header}\r\n"), String::new())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST`, `HEAD`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header lines, in lower case.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// What answers a request; it may block.
type Respond = dyn Fn(&Received) -> Answer + Send + Sync;

#[derive(Default)]
struct Record {
    requests: Vec<Received>,
    answers: VecDeque<Answer>,
    /// Answers everything, if there is one.
    respond: Option<Arc<Respond>>,
    /// Connections that get no answer are kept open.
    hanging: Vec<TcpStream>,
}

/// A running server; it lives as long as the process.
pub struct HttpServer {
    address: String,
    record: Arc<Mutex<Record>>,
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl HttpServer {
    /// Starts one that gives these answers in turn, then 200 to everything. `HEAD` is answered 404 and uses up none.
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with(Record { answers: answers.into_iter().collect(), ..Record::default() })
    }

    /// Starts one that asks `respond` for every answer.
    pub fn answering(respond: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Record { respond: Some(Arc::new(respond)), ..Record::default() })
    }

    fn with(record: Record) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let record = Arc::new(Mutex::new(record));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away amid a request is no fault of the server.
                thread::spawn(move || serve(stream, &shared).unwrap_or_default());
            }
        });
        Self { address, record }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://127.0.0.1:PORT` and a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was sent so far.
    pub fn requests(&self) -> Vec<Received> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }
}

fn serve(stream: TcpStream, record: &Mutex<Record>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(()); // somebody looked whether it listens
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        headers.push(header.trim().to_lowercase());
    }
    let length = headers.iter().find_map(|h| h.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let received = Received { method, path, headers, body };
    let (respond, answer) = {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        let is_head = received.method == "HEAD";
        let answer = if is_head { Some(Answer::of(404, "")) } else { record.answers.pop_front() };
        record.requests.push(received.clone());
        (record.respond.clone(), answer.unwrap_or_else(|| Answer::of(200, "ok")))
    };
    // Outside of the lock: it may wait for other requests.
    let answer = respond.map_or(answer, |respond| respond(&received));
    match answer {
        Answer::Lost => drop(stream),
        Answer::Hang => record.lock().unwrap_or_else(PoisonError::into_inner).hanging.push(stream),
        Answer::Stream(headers, body) => {
            let (mut end, closed) = (stream.try_clone()?, Arc::clone(&body.closed));
            thread::spawn(move || {
                while end.read(&mut [0]).is_ok_and(|read| read > 0) {}
                closed.store(true, Ordering::SeqCst);
            });
            send(stream, &headers, &body)?;
        }
        Answer::Reply(status, headers, body) => {
            let mut stream = stream;
            let head = format!(
                "HTTP/1.1 {status} Told\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
        }
    }
    Ok(())
}

fn send(mut stream: TcpStream, headers: &str, body: &Body) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let parts = body.parts.lock().unwrap_or_else(PoisonError::into_inner);
    while let Ok(part) = parts.recv() {
        if part.is_empty() {
            return stream.shutdown(std::net::Shutdown::Both);
        }
        stream.write_all(format!("{:x}\r\n", part.len()).as_bytes())?;
        stream.write_all(&[&part, &b"\r\n"[..]].concat())?;
    }
    stream.write_all(b"0\r\n\r\n")
}
