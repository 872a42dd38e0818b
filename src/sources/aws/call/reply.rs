//! What a service answered: a value, or an error by its code. AWS JSON, AWS Query and REST name errors in different
//! places; what a code means is `lake::aws::fault`'s.

use serde_json::{Map, Value};

use super::Protocol;
use super::retry::Failed;
use crate::lake::ErrorClass;
use crate::lake::aws::Asked;

/// An answer as it came.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header that names an error.
    pub error: Option<String>,
    /// The id of the request there.
    pub id: Option<String>,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// What was asked for, or why there is none of it. Errors of these codes are answers, too.
    pub fn value(&self, protocol: Protocol, answers: &[&str], asked: &Asked<'_>) -> Result<Value, Failed> {
        let read = match protocol {
            Protocol::Query { .. } => self.leaves(),
            Protocol::Json { .. } | Protocol::Rest => self.json(),
        };
        if self.status < 400 {
            // A service does not send elsewhere; what stands in its way may.
            let what = "the reply is not the service's: is something else at this endpoint, or in between?";
            return read.filter(|_| self.status < 300).ok_or_else(|| asked.unreadable(what).into());
        }
        let said = |names: &[&str]| {
            let value = read.as_ref()?;
            names.iter().find_map(|name| value.get(*name)?.as_str()).map(str::to_owned)
        };
        let code = self.error.clone().or_else(|| said(&["__type", "Code", "code"])).unwrap_or_default();
        if let Some(value) = read.as_ref().filter(|_| answers.contains(&short_code(&code))) {
            return Ok(value.clone());
        }
        let message = said(&["message", "Message", "errorMessage"]);
        let error = asked.replied(self.status, short_code(&code), message.as_deref());
        let again = error.class == ErrorClass::Throttled || self.status >= 500;
        Err(Failed { error, again })
    }

    fn json(&self) -> Option<Value> {
        match self.bytes.as_slice() {
            [] => Some(Value::Object(Map::new())),
            bytes => serde_json::from_slice(bytes).ok().filter(Value::is_object),
        }
    }

    /// The texts of a reply of AWS Query, JSON or XML, by their names alone; the first of a name counts.
    fn leaves(&self) -> Option<Value> {
        let mut leaves = Map::new();
        match self.json().filter(|_| !self.bytes.is_empty()) {
            Some(value) => leaves_of_json(&value, &mut leaves),
            None => leaves_of_xml(std::str::from_utf8(&self.bytes).ok()?, &mut leaves)?,
        }
        Some(Value::Object(leaves))
    }
}

/// `com.amazon.coral.availability#ThrottlingException:http://…` is a `ThrottlingException`.
fn short_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

fn leaves_of_json(value: &Value, leaves: &mut Map<String, Value>) {
    for (name, inside) in value.as_object().into_iter().flatten() {
        match inside {
            Value::Object(_) => leaves_of_json(inside, leaves),
            Value::String(_) if !leaves.contains_key(name) => {
                leaves.insert(name.clone(), inside.clone());
            }
            _ => {}
        }
    }
}

/// Elements that hold text alone. None if it is no XML: it neither has elements nor ends as they do. No entity but XML's
/// own five is known, and nothing is nested here, so that no document can make it work long. The value of a map's entry
/// has the name that its key is.
fn leaves_of_xml(text: &str, leaves: &mut Map<String, Value>) -> Option<()> {
    let mut rest = text;
    let mut elements = 0;
    let mut key = None;
    while let Some((_, from)) = rest.split_once('<') {
        let (tag, after) = from.split_once('>')?;
        rest = after;
        let name = tag.split_whitespace().next().unwrap_or_default();
        if name.starts_with(['/', '?', '!']) || tag.ends_with('/') {
            continue;
        }
        elements += 1;
        let (content, end) = after.split_once('<')?;
        let ended = end.strip_prefix('/').and_then(|end| end.split_once('>'));
        if ended.is_none_or(|(closed, _)| closed.trim() != name) {
            continue;
        }
        let value = unescaped(content.trim());
        if name == "key" {
            key = Some(value);
            continue;
        }
        let name = if name == "value" { key.take() } else { None }.unwrap_or_else(|| name.to_owned());
        leaves.entry(name).or_insert(Value::String(value));
    }
    (elements > 0 && text.trim_end().ends_with('>')).then_some(())
}

fn unescaped(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    const JSON: Protocol = Protocol::Json { version: "1.0", target: "X" };
    const QUERY: Protocol = Protocol::Query { version: "2011-06-15" };

    fn read(
        protocol: Protocol,
        status: u16,
        error: Option<&str>,
        body: &str,
    ) -> Result<Value, (ErrorClass, bool, String)> {
        let asked = Asked { permission: "x:Y", object: "x:/y".into(), profile: None };
        let reply = Reply { status, error: error.map(str::to_owned), id: None, bytes: body.into() };
        reply
            .value(protocol, &["Taken"], &asked)
            .map_err(|failed| (failed.error.class, failed.again, failed.error.detail))
    }

    #[test]
    fn errors_are_named_in_many_places() {
        let xml = "<ErrorResponse xmlns=\"x\">\n <Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>a &lt;b&gt; &amp;amp;</Message></Error></ErrorResponse>";
        for (protocol, status, header, body, class, again, detail) in [
            (
                JSON,
                400,
                None,
                r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}"#,
                ErrorClass::Throttled,
                true,
                "ThrottlingException: Rate exceeded",
            ),
            (
                JSON,
                400,
                Some("AccessDeniedException:http://internal.amazon.com/x"),
                r#"{"Message":"no"}"#,
                ErrorClass::Denied,
                false,
                "AccessDeniedException: no",
            ),
            (
                JSON,
                400,
                None,
                r#"{"__type":"ExpiredTokenException","message":"old"}"#,
                ErrorClass::Expired,
                false,
                "ExpiredTokenException: old",
            ),
            (
                Protocol::Rest,
                404,
                None,
                r#"{"code":"ResourceNotFoundException","message":"gone"}"#,
                ErrorClass::NotFound,
                false,
                "ResourceNotFoundException: gone",
            ),
            (JSON, 500, None, "", ErrorClass::Unreachable, true, "HTTP 500"),
            (JSON, 503, None, "<html>busy</html>", ErrorClass::Throttled, true, "HTTP 503"),
            (JSON, 502, None, "{", ErrorClass::Unreachable, true, "HTTP 502"),
            (QUERY, 403, None, xml, ErrorClass::Expired, false, "ExpiredToken: a <b> &amp;"),
            (
                QUERY,
                400,
                None,
                r#"{"Error":{"Code":"Throttling","Message":"slow","Type":"Sender"},"RequestId":"1"}"#,
                ErrorClass::Throttled,
                true,
                "Throttling: slow",
            ),
        ] {
            assert_eq!(read(protocol, status, header, body), Err((class, again, detail.to_owned())), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        assert_eq!(read(JSON, 200, None, ""), Ok(json!({})));
        assert_eq!(read(JSON, 302, None, "{}").unwrap_err().0, ErrorClass::Malformed);
        assert_eq!(read(Protocol::Rest, 400, Some("Taken"), r#"{"a":1}"#), Ok(json!({ "a": 1 })));
        assert_eq!(read(Protocol::Rest, 400, Some("Taken"), "<html>").unwrap_err().0, ErrorClass::Malformed);
        for (protocol, body) in [
            (JSON, "<html>login</html>"),
            (JSON, "[1]"),
            (JSON, "{\"a\":"),
            (QUERY, "welcome"),
            (QUERY, "<a><b>"),
            (QUERY, "\u{feff}"),
            (QUERY, ""),
        ] {
            let error = read(protocol, 200, None, body).unwrap_err();
            assert_eq!((error.0, error.1), (ErrorClass::Malformed, false), "{body}");
        }
    }

    #[test]
    fn both_forms_of_an_identity_are_read() {
        let xml = "<?xml version=\"1.0\"?><GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\n<Arn>arn:aws:sts::1:assumed-role/a/b</Arn><UserId>AROA:b</UserId><Account>1</Account><Empty/></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n";
        let as_json = r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"1","Arn":"arn:aws:sts::1:assumed-role/a/b","UserId":"AROA:b"},"ResponseMetadata":{"RequestId":"r"}}}"#;
        for body in [xml, as_json] {
            let value = read(QUERY, 200, None, body).unwrap();
            let expected =
                json!({"Arn": "arn:aws:sts::1:assumed-role/a/b", "UserId": "AROA:b", "Account": "1", "RequestId": "r"});
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn entries_of_a_map_are_named_by_their_keys() {
        let xml = "<R><Attributes><entry><key>Policy</key><value>{&quot;a&quot;:1}</value></entry>\n<entry> <key>SubscriptionsConfirmed</key>\n<value>3</value></entry></Attributes><value>alone</value></R>";
        let as_json = r#"{"R":{"Attributes":{"Policy":"{\"a\":1}","SubscriptionsConfirmed":"3"},"value":"alone"}}"#;
        for body in [xml, as_json] {
            let expected = json!({"Policy": "{\"a\":1}", "SubscriptionsConfirmed": "3", "value": "alone"});
            assert_eq!(read(QUERY, 200, None, body).unwrap(), expected, "{body}");
        }
    }
}
