//! The signed caller: against moto in each protocol, and against a fake for all that goes wrong.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use chrono::{Duration, Utc};
use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::sources::SourceError;
use lakeward::sources::aws::call::{Caller, Protocol, Service};
use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::support::fake_aws::{refusal, signed};
use crate::support::http_server::{Answer, HttpServer};
use crate::support::s3_server;

const SECRETS: Service = Service {
    host: "secretsmanager",
    signs: "secretsmanager",
    protocol: Protocol::Json { version: "1.1", target: "secretsmanager" },
    home: None,
};
const STS: Service =
    Service { host: "sts", signs: "sts", protocol: Protocol::Query { version: "2011-06-15" }, home: None };
const EMR: Service = Service { host: "emr-serverless", signs: "emr-serverless", protocol: Protocol::Rest, home: None };

fn calling(service: Service, config: &SdkConfig) -> Caller {
    Caller::with_config(Access { profile: Some("oncall".into()), ..Access::default() }, service, config)
}

async fn secret(caller: &Caller) -> Result<Value, SourceError> {
    let asked = caller.asked("secretsmanager:DescribeSecret", "secretsmanager:/crm");
    caller.ask(&asked, "DescribeSecret", &json!({ "SecretId": "crm" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_answers_in_each_protocol() {
    let server = s3_server::Server::start();
    let config = signed(server.endpoint()).await;
    let sts = calling(STS, &config);
    let who = sts.ask(&sts.asked("sts:GetCallerIdentity", "sts"), "GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!(who["Account"], "123456789012");
    assert!(who["Arn"].as_str().unwrap().starts_with("arn:aws:sts::123456789012:"), "{who}");
    let skew = sts.skew().expect("moto says the time");
    assert!(skew.abs() < Duration::seconds(60), "{skew}");

    let secrets = calling(SECRETS, &config);
    let error = secret(&secrets).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (ErrorClass::NotFound, "secretsmanager:/crm"), "{error}");
    let asked = secrets.asked("secretsmanager:CreateSecret", "secretsmanager:/crm");
    let given =
        json!({ "Name": "crm", "SecretString": "HUNTER2", "ClientRequestToken": "0123456789012345678901234567890123" });
    secrets.ask(&asked, "CreateSecret", &given).await.unwrap();
    let standing = secret(&secrets).await.unwrap();
    assert!(standing["Name"] == "crm" && !standing.to_string().contains("HUNTER2"), "{standing}");

    let emr = calling(EMR, &config);
    let asked = emr.asked("emr-serverless:ListApplications", "emr-serverless:/applications");
    let found = emr.rest(&asked, reqwest::Method::GET, "/applications?maxResults=5", None, &[]).await.unwrap();
    assert_eq!(found["applications"], json!([]));
}

/// A server that gives these answers, and the account on it.
async fn answering(answers: impl IntoIterator<Item = Answer>) -> (HttpServer, Caller) {
    let server = HttpServer::start(answers);
    let caller = calling(SECRETS, &signed(&server.url("")).await);
    (server, caller)
}

#[tokio::test]
async fn a_request_is_what_the_protocol_says() {
    let date = (Utc::now() + Duration::minutes(10)).format("%a, %d %b %Y %H:%M:%S GMT");
    let headers = format!("Date: {date}\r\nContent-Type: application/x-amz-json-1.1\r\n");
    let (server, caller) = answering([Answer::Reply(200, headers, r#"{"Name":"crm"}"#.into())]).await;
    assert_eq!(secret(&caller).await.unwrap(), json!({ "Name": "crm" }));
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    assert_eq!(request.json(), json!({ "SecretId": "crm" }));
    let header = |name: &str| request.headers.iter().find_map(|h| h.strip_prefix(name)).unwrap_or("none").to_owned();
    assert_eq!(header("x-amz-target: "), "secretsmanager.describesecret");
    assert_eq!(header("content-type: "), "application/x-amz-json-1.1");
    let signature = header("authorization: ");
    assert!(signature.contains("/us-east-1/secretsmanager/aws4_request"), "{signature}");
    let skew = caller.skew().unwrap() - Duration::minutes(10);
    assert!(skew.abs() < Duration::seconds(30), "ten minutes ahead, and {skew}");
}

#[tokio::test]
async fn what_is_busy_is_asked_again_and_what_says_no_is_not() {
    let well = || Answer::of(200, "{}");
    let slow = || refusal(400, "ThrottlingException");
    for (answers, requests, class) in [
        (vec![slow(), well()], 2, None),
        (vec![refusal(500, "InternalFailure"), refusal(503, "ServiceUnavailable"), well()], 3, None),
        (vec![slow(), slow(), slow(), well()], 3, Some(ErrorClass::Throttled)),
        (vec![refusal(400, "AccessDeniedException"), well()], 1, Some(ErrorClass::Denied)),
        (vec![refusal(400, "ResourceNotFoundException"), well()], 1, Some(ErrorClass::NotFound)),
        (vec![refusal(400, "InvalidSignatureException"), well()], 1, Some(ErrorClass::Denied)),
        (vec![Answer::of(200, "<html>sign in</html>"), well()], 1, Some(ErrorClass::Malformed)),
        (vec![Answer::of(200, "{\"Name\":"), well()], 1, Some(ErrorClass::Malformed)),
        (vec![Answer::with(302, "Location: http://127.0.0.1:9/"), well()], 1, Some(ErrorClass::Malformed)),
        (vec![Answer::of(200, &" ".repeat(13 << 20)), well()], 1, Some(ErrorClass::Malformed)),
    ] {
        let shown: String = format!("{answers:?}").chars().take(200).collect();
        let (server, caller) = answering(answers).await;
        let answer = secret(&caller).await;
        assert_eq!(answer.as_ref().err().map(|e| e.class), class, "{shown}: {answer:?}");
        assert_eq!(server.requests().len(), requests, "{shown}");
        let error = answer.err().unwrap_or_else(|| SourceError::new(ErrorClass::Denied, "secretsmanager:/crm", ""));
        assert!(error.object == "secretsmanager:/crm" && !error.hint.is_empty(), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_unreachable() {
    let config = signed("http://127.0.0.1:9").await;
    let error = secret(&calling(SECRETS, &config)).await.unwrap_err();
    assert_eq!((error.class, error.detail.as_str()), (ErrorClass::Unreachable, "the connection is refused"));
    let (server, caller) = answering([Answer::Hang]).await;
    {
        let mut asking = pin!(secret(&caller));
        while server.requests().is_empty() {
            assert!(futures::poll!(asking.as_mut()).is_pending());
            yield_now().await;
        }
    }
    // Given up, it does not hold up who goes on.
    assert_eq!(secret(&caller).await.unwrap_err().class, ErrorClass::Malformed, "200 without JSON");
}

/// Gives other credentials each time.
#[derive(Debug, Default, Clone)]
struct Renewing(Arc<AtomicU32>);

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let token = Some(format!("token-{n}"));
        let given = Credentials::new(format!("KEY{n}"), "secret", token, None, "test");
        future::ProvideCredentials::ready(Ok(given))
    }
}

#[tokio::test]
async fn credentials_that_ran_out_are_renewed_without_a_restart() {
    let server =
        HttpServer::answering(|request| match request.headers.iter().any(|h| h == "x-amz-security-token: token-0") {
            true => refusal(400, "ExpiredTokenException"),
            false => Answer::of(200, "{}"),
        });
    let config = signed(&server.url("")).await.into_builder();
    let config = config.credentials_provider(SharedCredentialsProvider::new(Renewing::default())).build();
    let caller = calling(SECRETS, &config);
    secret(&caller).await.unwrap();
    secret(&caller).await.unwrap();
    assert_eq!(server.requests().len(), 3, "the second call goes with what the first one got");

    let server = HttpServer::answering(|_| refusal(403, "ExpiredTokenException"));
    let caller = calling(SECRETS, &signed(&server.url("")).await);
    let error = secret(&caller).await.unwrap_err();
    assert_eq!((error.class, server.requests().len()), (ErrorClass::Expired, 2));
    assert!(error.hint.contains("aws sso login --profile oncall"), "{}", error.hint);
}
