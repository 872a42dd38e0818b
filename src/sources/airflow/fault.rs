//! What a reply that is no answer means: a class, the address it concerns, what Airflow said, and which setting or
//! permission to look at. Airflow says what went wrong in `detail`; a proxy before it says it in HTML or by a redirect.

use serde_json::Value;

use super::control;
use super::transport::{Api, Call, Reply, Transport};
use crate::lake::ErrorClass;
use crate::sources::SourceError;

/// Airflow's words are quoted to here. Characters.
const QUOTED: usize = 200;

/// An error that concerns a call.
pub(super) fn of(transport: &dyn Transport, call: &Call, class: ErrorClass, detail: &str) -> SourceError {
    SourceError::new(class, object(transport, call), one_line(&transport.scrub(detail)))
}

/// The address of a call, without its query.
pub(super) fn object(transport: &dyn Transport, call: &Call) -> String {
    format!("{}{}{}", transport.base(), call.api.prefix(), call.path)
}

/// Nothing, if the reply is an answer; else why not.
pub(super) fn judge(transport: &dyn Transport, call: &Call, reply: &Reply) -> Result<(), SourceError> {
    let error = |class, detail: &str, hint: String| SourceError { hint, ..of(transport, call, class, detail) };
    let said = said(reply);
    let detail =
        if said.is_empty() { format!("HTTP {}", reply.status) } else { format!("HTTP {}: {said}", reply.status) };
    match reply.status {
        200..=299 if is_page(reply) => Err(page(transport, call, reply)),
        200..=299 => Ok(()),
        300..=399 => Err(elsewhere(transport, call, reply)),
        _ if no_login(reply) => {
            let (class, hint) = transport.refused();
            Err(error(class, &detail, hint))
        }
        // 2.x may say so to a wrong password too, and then without a word of its own.
        403 if call.api == Api::V1 && said == "Forbidden" => Err(error(
            ErrorClass::Denied,
            &detail,
            format!(
                "check airflow.user and its password, or airflow.token; if they are right, ask for \"{}\" in a role of that user",
                permission(call)
            ),
        )),
        403 => Err(error(
            ErrorClass::Denied,
            &detail,
            format!("ask for \"{}\" in a role of the user that airflow.user or the token names", permission(call)),
        )),
        409 => Err(error(
            ErrorClass::Conflict,
            &detail,
            "there is such a run already, or one for that date: clear it, or choose another date".to_owned(),
        )),
        404 | 410 => Err(error(
            ErrorClass::NotFound,
            &detail,
            "it may have been removed, or the user may not see it; of every path: check airflow.url".to_owned(),
        )),
        429 => Err(error(
            ErrorClass::Throttled,
            &detail,
            "wait: Airflow, or the proxy before it, asked for fewer requests".to_owned(),
        )),
        405 | 406 | 501 => Err(error(
            ErrorClass::Unsupported,
            &detail,
            "this version of Airflow, or the proxy before it, cannot do it".to_owned(),
        )),
        408 | 425 | 500..=599 => Err(error(
            ErrorClass::Unreachable,
            &detail,
            "look at the log of the web server (2.x) or API server (3.x) and at its database; then press R".to_owned(),
        )),
        _ => Err(error(
            ErrorClass::Malformed,
            &detail,
            "Airflow did not understand the request: lakeward doctor says which version answers".to_owned(),
        )),
    }
}

/// The body as JSON.
pub(super) fn json(transport: &dyn Transport, call: &Call, reply: &Reply) -> Result<Value, SourceError> {
    let error = |detail: &str| SourceError {
        hint: "check that airflow.url is that of an Airflow and not of another service".to_owned(),
        ..of(transport, call, ErrorClass::Malformed, detail)
    };
    if reply.cut {
        return Err(error(&format!("the answer is larger than {} MiB", call.most >> 20)));
    }
    serde_json::from_slice(&reply.bytes).map_err(|e| {
        // The error's own text has no part of the answer; a mere position says enough.
        error(&format!("no JSON, at line {} column {}", e.line(), e.column()))
    })
}

/// Whether the login, and not what was asked for, is refused: 3.x says 403 to a token that it did not make.
pub(super) fn no_login(reply: &Reply) -> bool {
    reply.status == 401 || (reply.status == 403 && said(reply) == "Invalid JWT token")
}

/// A redirect, which is not followed: whoever answers must not choose who gets the login.
fn elsewhere(transport: &dyn Transport, call: &Call, reply: &Reply) -> SourceError {
    // A query may hold a token or the state of a login.
    let to = reply.location.as_deref().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let path = to.to_lowercase();
    let login = ["login", "signin", "sign-in", "sign_in", "oauth", "authorize", "saml", "sso"];
    if login.iter().any(|word| path.contains(word)) {
        let (class, hint) = transport.refused();
        let detail = format!("HTTP {}: it sends one to a login page", reply.status);
        return SourceError { hint, ..of(transport, call, class, &detail) };
    }
    let detail = format!("HTTP {}: it sends one elsewhere, which is not followed: {to}", reply.status);
    let error = of(transport, call, ErrorClass::Unsupported, &detail);
    SourceError { hint: "set airflow.url to the final address".to_owned(), ..error }
}

/// HTML where data should be: a login page of Airflow or of a proxy, or another service altogether.
fn page(transport: &dyn Transport, call: &Call, reply: &Reply) -> SourceError {
    let text = String::from_utf8_lossy(reply.bytes.get(..16 << 10).unwrap_or(&reply.bytes)).to_lowercase();
    if ["type=\"password\"", "type='password'", "log in", "sign in", "login"].iter().any(|w| text.contains(w)) {
        let (class, hint) = transport.refused();
        return SourceError { hint, ..of(transport, call, class, "a login page instead of data") };
    }
    SourceError {
        hint: "check airflow.url: the address answers with a web page, which Airflow's API never does".to_owned(),
        ..of(transport, call, ErrorClass::Malformed, "a web page instead of data")
    }
}

/// A log may begin like a page: what says that it is text or JSON is believed.
fn is_page(reply: &Reply) -> bool {
    let start = reply.bytes.trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|s| s.eq_ignore_ascii_case(with));
    match reply.kind.as_str() {
        "text/html" | "application/xhtml+xml" => true,
        "" | "application/octet-stream" => begins(b"<!doctype") || begins(b"<html"),
        _ => false,
    }
}

/// What Airflow says went wrong: `detail` of either API, or a bare text that is not HTML.
fn said(reply: &Reply) -> String {
    if is_page(reply) {
        return String::new();
    }
    let Ok(value) = serde_json::from_slice::<Value>(&reply.bytes) else {
        return one_line(&String::from_utf8_lossy(&reply.bytes));
    };
    for key in ["detail", "title", "error", "message"] {
        match value.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => return one_line(text),
            // 3.x lists what is wrong with a request.
            Some(Value::Array(faults)) => {
                let words = faults.iter().filter_map(|f| f.get("msg").and_then(Value::as_str));
                return one_line(&words.collect::<Vec<_>>().join("; "));
            }
            Some(Value::Object(inner)) => {
                if let Some(text) = ["message", "reason"].iter().find_map(|k| inner.get(*k).and_then(Value::as_str)) {
                    return one_line(text);
                }
            }
            _ => {}
        }
    }
    String::new()
}

/// What the docs of Airflow's roles call it:
/// <https://airflow.apache.org/docs/apache-airflow-providers-fab/stable/auth-manager/access-control.html>.
pub(super) fn permission(call: &Call) -> &'static str {
    if call.writes {
        return control::permission(call);
    }
    let path = call.path.as_str();
    if path.contains("/logs/") {
        "can read on Task Logs"
    } else if path.contains("/taskInstances") {
        "can read on Task Instances"
    } else if path.contains("/dagRuns") {
        "can read on DAG Runs"
    } else if path.starts_with("/importErrors") {
        "can read on ImportError"
    } else {
        "can read on DAGs"
    }
}

/// One line of at most 200 characters.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}
