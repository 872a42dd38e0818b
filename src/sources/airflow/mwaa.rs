//! Amazon's managed Airflow, asked through AWS: `InvokeRestApi` takes a call of Airflow's own API, and who asks is proved
//! by the account's credentials. It needs Airflow 2.4.3 or later, gives JSON alone, and no more than 6 MB in 10 s.
//!
//! <https://docs.aws.amazon.com/mwaa/latest/userguide/access-mwaa-apache-airflow-rest-api.html>

use async_trait::async_trait;
use aws_config::SdkConfig;
use serde_json::{Map, Value, json};

use super::transport::{Call, Method, Reply, Transport};
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;
use crate::sources::aws::call::{Caller, Protocol, Service};

/// The IAM action that is needed.
pub const ACTION: &str = "airflow:InvokeRestApi";

/// The part of MWAA that an environment answers for.
const SERVICE: Service = Service { host: "env.airflow", signs: "airflow", protocol: Protocol::Rest, home: None };

/// Errors that hold what Airflow itself answered.
const ANSWERS: [&str; 2] = ["RestApiClientException", "RestApiServerException"];

/// Which environment, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MwaaSettings {
    /// The environment's name: letters, digits, `-`, `_` and `.`.
    pub environment: String,
    /// Who asks, and where.
    pub access: Access,
}

impl MwaaSettings {
    /// Whether an environment may be called so:
    /// <https://docs.aws.amazon.com/mwaa/latest/API/API_CreateEnvironment.html>.
    pub fn is_name(name: &str) -> bool {
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        name.len() <= 80 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(of_name)
    }
}

/// The way to an environment of MWAA.
#[derive(Debug)]
pub struct Mwaa {
    caller: Caller,
    environment: String,
    base: String,
}

impl Mwaa {
    /// Asks nobody yet.
    pub fn new(settings: MwaaSettings) -> Self {
        Self::over(Caller::new(settings.access, SERVICE), settings.environment)
    }

    /// With an account that was found already.
    pub fn with_config(settings: MwaaSettings, config: &SdkConfig) -> Self {
        Self::over(Caller::with_config(settings.access, SERVICE, config), settings.environment)
    }

    fn over(caller: Caller, environment: String) -> Self {
        Self { caller, base: format!("mwaa://{environment}"), environment }
    }
}

#[async_trait]
impl Transport for Mwaa {
    fn base(&self) -> &str {
        &self.base
    }

    async fn send(&self, call: &Call) -> Result<Reply, SourceError> {
        let asked = self.caller.asked(ACTION, format!("{}{}", self.base, call.path));
        let path = format!("/restapi/{}", self.environment);
        let (method, input) = (reqwest::Method::POST, input(call));
        let answer = match call.writes {
            true => self.caller.rest_once(&asked, method, &path, Some(&input), &ANSWERS).await?,
            false => self.caller.rest(&asked, method, &path, Some(&input), &ANSWERS).await?,
        };
        reply(&answer, call.most).ok_or_else(|| asked.unreadable("a reply without Airflow's status"))
    }

    fn refused(&self) -> (ErrorClass, String) {
        let name = &self.environment;
        let hint =
            format!("grant {ACTION} on role/{name}/Viewer: the last part is the role that Airflow gives who asks");
        (ErrorClass::Denied, hint)
    }

    fn requests(&self) -> u64 {
        self.caller.requests()
    }

    /// The credentials are in no header that Airflow sees.
    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn input(call: &Call) -> Value {
    let method = match call.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
    };
    let mut input = json!({ "Path": call.path, "Method": method });
    let mut query = Map::new();
    for (name, value) in &call.query {
        match query.get_mut(*name) {
            None => drop(query.insert((*name).to_owned(), json!(value))),
            Some(Value::Array(all)) => all.push(json!(value)),
            // A name that stands twice has a list of values.
            Some(first) => *first = json!([first.clone(), value]),
        }
    }
    if !query.is_empty() {
        input["QueryParameters"] = Value::Object(query);
    }
    if let Some(body) = &call.body {
        input["Body"] = body.clone();
    }
    input
}

/// What Airflow answered; none if it does not say so.
fn reply(answer: &Value, most: usize) -> Option<Reply> {
    let status = answer.get("RestApiStatusCode")?.as_u64().and_then(|status| u16::try_from(status).ok())?;
    let mut bytes = match answer.get("RestApiResponse") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(value) => value.to_string().into_bytes(),
    };
    let cut = bytes.len() > most;
    bytes.truncate(most);
    let is_json = serde_json::from_slice::<Value>(&bytes).is_ok();
    let kind = if is_json { "application/json" } else { "text/plain" };
    Some(Reply { status, kind: kind.to_owned(), bytes, cut, location: None })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::transport::Api;
    use super::*;

    #[test]
    fn a_call_is_put_into_its_envelope() {
        let query = vec![("limit", "5".to_owned()), ("state", "failed".to_owned()), ("state", "queued".to_owned())];
        let call = Call { query, ..Call::get(Api::V2, "/dags/a%2Fb/dagRuns".to_owned()) };
        let expected = json!({
            "Path": "/dags/a%2Fb/dagRuns", "Method": "GET",
            "QueryParameters": { "limit": "5", "state": ["failed", "queued"] },
        });
        assert_eq!(input(&call), expected);
        let body = Some(json!({ "page_limit": 5 }));
        let call = Call { method: Method::Post, body, ..Call::get(Api::V1, "/dags/~/dagRuns/list".to_owned()) };
        assert_eq!(input(&call)["Body"], json!({ "page_limit": 5 }));
        assert_eq!(input(&call).get("QueryParameters"), None);
    }

    #[test]
    fn what_airflow_said_is_taken_out_of_it() {
        for (answer, status, kind, text) in [
            (json!({ "RestApiStatusCode": 200, "RestApiResponse": { "a": 1 } }), 200, "application/json", r#"{"a":1}"#),
            (
                json!({ "RestApiStatusCode": 200, "RestApiResponse": "{\"a\":1}" }),
                200,
                "application/json",
                r#"{"a":1}"#,
            ),
            (json!({ "RestApiStatusCode": 200, "RestApiResponse": "INFO - x" }), 200, "text/plain", "INFO - x"),
            (
                json!({ "RestApiStatusCode": 404, "RestApiResponse": { "detail": "no" } }),
                404,
                "application/json",
                r#"{"detail":"no"}"#,
            ),
            (json!({ "RestApiStatusCode": 204 }), 204, "text/plain", ""),
        ] {
            let reply = reply(&answer, 100).unwrap();
            assert_eq!((reply.status, reply.kind.as_str(), reply.bytes.as_slice()), (status, kind, text.as_bytes()));
        }
        let long = json!({ "RestApiStatusCode": 200, "RestApiResponse": "abcdef" });
        let cut = reply(&long, 4).unwrap();
        assert_eq!((cut.bytes.as_slice(), cut.cut), (b"abcd".as_slice(), true));
        for broken in [json!({}), json!({ "RestApiStatusCode": "200" }), json!({ "RestApiStatusCode": 99_999 })] {
            assert_eq!(reply(&broken, 100), None, "{broken}");
        }
    }

    #[test]
    fn a_name_is_part_of_a_path_and_no_path() {
        for (name, fits) in [("prod-airflow_2.x", true), ("", false), ("1a", false), ("a/b", false), ("a b", false)] {
            assert_eq!(MwaaSettings::is_name(name), fits, "{name}");
        }
        assert!(!MwaaSettings::is_name(&"a".repeat(81)));
    }
}
