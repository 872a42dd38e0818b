//! A fake of the AWS services that moto does not play well enough: EMR Serverless with runs that fail, have attempts
//! and change; log events with late ones and Insights; alarms and metrics that age. Its answers are written from the
//! API references, and it counts what it is asked and in how many rounds.

pub mod emr;
pub mod events;
pub mod live_tail;
pub mod metrics;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lakeward::lake::aws::Access;

use self::emr::Emr;
use self::events::Events;
use self::metrics::Metrics;
use super::http_server::{Answer, HttpServer, Received};

/// When nothing more comes for so long, all that waits was asked side by side.
const QUIET: Duration = Duration::from_millis(150);

/// What goes wrong, and with which requests.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Part of the path, or of the header that names the action.
    pub of: &'static str,
    /// The answer.
    pub answer: Answer,
    /// How many requests.
    pub times: usize,
}

/// All that the fake knows.
#[derive(Debug, Default)]
pub struct Account {
    pub emr: Emr,
    pub events: Events,
    pub metrics: Metrics,
    pub faults: Vec<Fault>,
}

/// Holds requests until no more come, so that those that wait for each other can be told from those that do not.
#[derive(Debug, Default)]
pub struct Rounds {
    state: Mutex<(usize, Option<Instant>)>,
    turned: Condvar,
}

impl Rounds {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Until the round that this request belongs to is over.
    pub fn wait(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let round = state.0;
        state.1 = Some(Instant::now());
        while state.0 == round {
            let quiet = state.1.map_or(QUIET, |last| last.elapsed());
            if quiet >= QUIET {
                state.0 += 1;
                self.turned.notify_all();
                return;
            }
            let waited = self.turned.wait_timeout(state, QUIET - quiet);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A running fake.
#[derive(Debug)]
pub struct FakeAws {
    server: HttpServer,
    account: Arc<Mutex<Account>>,
    rounds: Option<Arc<Rounds>>,
}

impl FakeAws {
    /// Starts one.
    pub fn start(account: Account) -> Self {
        Self::started(account, None)
    }

    /// Starts one that answers in rounds and counts them.
    pub fn in_rounds(account: Account) -> Self {
        Self::started(account, Some(Arc::default()))
    }

    fn started(account: Account, rounds: Option<Arc<Rounds>>) -> Self {
        let account = Arc::new(Mutex::new(account));
        let (known, gate) = (Arc::clone(&account), rounds.clone());
        let server = HttpServer::answering(move |request| {
            if let Some(gate) = &gate {
                gate.wait();
            }
            answer(&mut known.lock().unwrap_or_else(PoisonError::into_inner), request)
        });
        Self { server, account, rounds }
    }

    /// What it knows, to change it.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next requests of a kind fail.
    pub fn fail(&self, of: &'static str, answer: Answer, times: usize) {
        self.account().faults.push(Fault { of, answer, times });
    }

    /// The paths of the requests so far that hold this; of log requests, the action.
    pub fn asked(&self, of: &str) -> Vec<String> {
        self.server.requests().iter().map(name).filter(|name| name.contains(of)).collect()
    }

    /// What the requests of a kind asked for.
    pub fn told(&self, of: &str) -> Vec<serde_json::Value> {
        let requests = self.server.requests();
        requests.iter().filter(|request| name(request).contains(of)).map(Received::json).collect()
    }

    /// How many times it was asked and had to answer before it was asked more.
    pub fn rounds(&self) -> usize {
        self.rounds.as_ref().expect("a fake that counts rounds").count()
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// An account on it.
    pub async fn config(&self) -> SdkConfig {
        signed(&self.server.url("")).await
    }
}

/// An account on a server that believes any signature. Unlike S3, these services are never asked without one, and
/// moto finds by it which of them is meant. All else is as for use.
pub async fn signed(endpoint: &str) -> SdkConfig {
    let region = Some("us-east-1".into());
    let access = Access { region, endpoint_url: Some(endpoint.into()), ..Access::default() };
    let credentials = Credentials::new("test", "test", None, None, "test");
    let provider = SharedCredentialsProvider::new(credentials);
    access.load().await.into_builder().credentials_provider(provider).build()
}

/// What a service says when it refuses, in the protocol of both.
pub fn refusal(status: u16, code: &str) -> Answer {
    let body = format!(r#"{{"__type":"{code}","message":"words of {code}","Message":"words of {code}"}}"#);
    Answer::Reply(status, format!("x-amzn-ErrorType: {code}\r\nContent-Type: application/json\r\n"), body)
}

fn name(request: &Received) -> String {
    let target = request.headers.iter().find_map(|h| h.strip_prefix("x-amz-target:"));
    target.map_or_else(|| request.path.clone(), |target| target.trim().to_owned())
}

fn answer(account: &mut Account, request: &Received) -> Answer {
    let name = name(request);
    if let Some(fault) = account.faults.iter_mut().find(|fault| fault.times > 0 && name.contains(fault.of)) {
        fault.times -= 1;
        return fault.answer.clone();
    }
    match name.split_once('.') {
        Some(("logs_20140328", action)) => account.events.answer(action, &request.json()),
        Some(("graniteserviceversion20100801", action)) => account.metrics.answer(action, &request.json()),
        _ => account.emr.answer(request),
    }
}
