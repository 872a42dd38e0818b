//! What an AWS service, or a store that speaks S3, said went wrong: a class, the object, one short line, what to do.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

use crate::lake::{ErrorClass, LakeError};

/// What was asked for, to name it when it fails.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The IAM action that the request needs.
    pub permission: &'static str,
    /// Full address, or an ARN.
    pub object: String,
    /// Whose credentials they are that may have to be renewed.
    pub profile: Option<&'a str>,
}

impl Asked<'_> {
    /// The error of a request.
    pub fn failed<E>(&self, error: &SdkError<E>) -> LakeError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        tracing::debug!(object = %self.object, request = error.as_service_error().and_then(|e| e.meta().request_id()), "{}", chain(error));
        match error {
            SdkError::ServiceError(reply) => {
                let status = reply.raw().status().as_u16();
                let (code, message) = (reply.err().code().unwrap_or_default(), reply.err().message());
                if status < 300 && code.is_empty() {
                    let detail = format!("the reply cannot be read: {}", short(&innermost(error)));
                    return self.error(ErrorClass::Malformed, detail, None);
                }
                // A copy that fails late has begun its reply with 200.
                let status = if status < 300 { status_of(code) } else { status };
                self.answered(status, code, message, reply.raw().headers().get("x-amz-bucket-region"))
            }
            SdkError::TimeoutError(_) => self.error(ErrorClass::Unreachable, "no answer in time".into(), None),
            other => self.unanswered(&chain(other)),
        }
    }

    /// The error of one object in a reply about many: a code, words, no status of its own.
    pub fn said(&self, code: &str, message: Option<&str>) -> LakeError {
        self.answered(status_of(code), code, message, None)
    }

    /// The error of a reply of a service that is asked without its SDK.
    pub fn replied(&self, status: u16, code: &str, message: Option<&str>) -> LakeError {
        self.answered(status, code, message, None)
    }

    /// The error of a request that got no reply: no credentials, no name, no connection.
    pub fn without_reply(&self, error: &(dyn Error + 'static)) -> LakeError {
        self.unanswered(&chain(error))
    }

    /// The error of what did not come in time.
    pub fn late(&self, detail: &str) -> LakeError {
        self.error(ErrorClass::Unreachable, detail.to_owned(), None)
    }

    /// The error of a reply that makes no sense.
    pub fn unreadable(&self, detail: &str) -> LakeError {
        self.error(ErrorClass::Malformed, short(detail), None)
    }

    /// The error of a body that ended early.
    pub fn broken_off(&self, error: &(dyn Error + 'static)) -> LakeError {
        self.error(ErrorClass::Unreachable, format!("the reply broke off: {}", short(&innermost(error))), None)
    }

    fn answered(&self, status: u16, code: &str, message: Option<&str>, region: Option<&str>) -> LakeError {
        let said = match (code, message) {
            ("", None) => format!("HTTP {status}"),
            ("", Some(message)) => format!("HTTP {status}: {}", short(message)),
            (code, None) => format!("{code} (HTTP {status})"),
            (code, Some(message)) => format!("{code}: {}", short(message)),
        };
        let (class, hint) = match (status, code) {
            // Before the codes that it shares with credentials that are wrong.
            (_, code) if is_of_clock(code, message) => {
                (ErrorClass::Denied, Some("this machine's clock is off: set it, then try again".to_owned()))
            }
            (_, "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired") => {
                (ErrorClass::Expired, Some(self.renewal()))
            }
            (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "InvalidToken"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException",
            ) => (
                ErrorClass::Denied,
                Some("these credentials are not of this service: check --profile and the endpoint".into()),
            ),
            (_, "InvalidObjectState" | "ObjectNotInActiveTierError") => {
                (ErrorClass::Unsupported, Some("the object is archived: restore it first".into()))
            }
            (400 | 403, code) if is_of_key(code, message) => (
                ErrorClass::Denied,
                Some("kms:Decrypt on the key of what is read and kms:GenerateDataKey on that of what is written are needed, and both keys enabled".into()),
            ),
            (403, _) if has(message, &["object lock", "legal hold", "wormprotected"]) => (
                ErrorClass::Denied,
                Some("it is locked: it can go when its retention ends or its legal hold is lifted".into()),
            ),
            (301 | 307 | 308, _) | (_, "PermanentRedirect" | "AuthorizationHeaderMalformed") => {
                let hint = match region {
                    Some(region) => format!("the bucket is in {region}: --region {region}"),
                    None => "the bucket is in another region: --region NAME".to_owned(),
                };
                (ErrorClass::Unreachable, Some(hint))
            }
            (429, _)
            | (
                _,
                "SlowDown"
                | "Throttling"
                | "ThrottlingException"
                | "Throttled"
                | "ThrottledException"
                | "TooManyRequestsException"
                | "LimitExceededException"
                | "RequestLimitExceeded",
            ) => (ErrorClass::Throttled, None),
            (401 | 403, _) | (_, "AccessDeniedException" | "AccessDenied" | "AuthorizationError") => (
                ErrorClass::Denied,
                Some(format!("{} is needed on it, or another profile (--profile)", self.permission)),
            ),
            // An older service, or what is asked for cannot do it.
            (_, "UnknownOperationException" | "InvalidOperationException") => (ErrorClass::Unsupported, None),
            (_, "NoSuchBucket") => (ErrorClass::NotFound, Some("check the bucket's name and the account".into())),
            (404, "NoSuchKey" | "NoSuchVersion" | "") => (ErrorClass::NotFound, None),
            (404, _) | (_, "ResourceNotFoundException" | "EntityNotFoundException" | "NotFoundException") => {
                (ErrorClass::NotFound, Some("check its name, the account and the region".into()))
            }
            (409 | 412, _) => (ErrorClass::Conflict, None),
            (503, _) => (ErrorClass::Throttled, None),
            (501 | 405, _) => (ErrorClass::Unsupported, None),
            (500..=599, _) => (ErrorClass::Unreachable, Some("it has trouble of its own: try again".into())),
            _ => (ErrorClass::Malformed, None),
        };
        self.error(class, said, hint)
    }

    /// No reply, or none that could be read: no credentials, no name, no connection.
    fn unanswered(&self, chain: &str) -> LakeError {
        let has = |words: &[&str]| words.iter().any(|w| chain.to_lowercase().contains(w));
        let expired = ["token has expired", "sso token", "cached sso", "expired and cannot be refreshed"];
        if has(&expired) {
            return self.error(ErrorClass::Expired, "the SSO session has expired".into(), Some(self.renewal()));
        }
        if has(&["credential", "identity"]) {
            let what = "no usable credentials were found".to_owned();
            let hint = "set --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID; for SSO: aws sso login".to_owned();
            return self.error(ErrorClass::Expired, what, Some(hint));
        }
        let what = if has(&["dns", "lookup", "name or service"]) {
            "its host name does not resolve"
        } else if has(&["refused"]) {
            "the connection is refused"
        } else if has(&["certificate", "tls"]) {
            "the TLS connection is refused"
        } else if has(&["timed out", "timeout"]) {
            "no answer in time"
        } else {
            return self.error(ErrorClass::Unreachable, short(chain), None);
        };
        self.error(ErrorClass::Unreachable, what.to_owned(), None)
    }

    fn renewal(&self) -> String {
        match self.profile {
            Some(profile) => format!("renew the credentials: aws sso login --profile {profile}"),
            None => "renew the credentials (aws sso login, or your own way)".to_owned(),
        }
    }

    fn error(&self, class: ErrorClass, detail: String, hint: Option<String>) -> LakeError {
        let error = LakeError::new(class, self.object.clone(), detail);
        LakeError { hint: hint.unwrap_or_else(|| error.hint.clone()), ..error }
    }
}

/// Whether a conditional write met another one (409), and may be sent again.
pub fn met_another<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(is_of_another)
}

/// The codes of that.
pub fn is_of_another(code: &str) -> bool {
    matches!(code, "ConditionalRequestConflict" | "OperationAborted")
}

/// The status that a code has where it comes without one.
fn status_of(code: &str) -> u16 {
    match code {
        "AccessDenied" | "AllAccessDisabled" | "MethodNotAllowed" => 403,
        "NoSuchKey" | "NoSuchVersion" | "NoSuchBucket" | "NoSuchUpload" => 404,
        "ConditionalRequestConflict" | "OperationAborted" => 409,
        "PreconditionFailed" => 412,
        "InternalError" => 500,
        "NotImplemented" => 501,
        "SlowDown" | "ServiceUnavailable" | "Busy" => 503,
        "RequestTimeout" => 504,
        _ => 400,
    }
}

/// Whether an error is about this machine's clock. S3 has a code of its own; other services use that of a signature that
/// is wrong, and say in words that its time is.
fn is_of_clock(code: &str, message: Option<&str>) -> bool {
    let of_signature = matches!(code, "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired");
    matches!(code, "RequestTimeTooSkewed" | "RequestInTheFuture")
        || of_signature && has(message, &["signature expired", "signature not yet current"])
}

/// Whether an error is about a KMS key: by its code, or by the permission its words name.
fn is_of_key(code: &str, message: Option<&str>) -> bool {
    code.starts_with("KMS") || code == "AccessDenied" && has(message, &["kms:", "ciphertext refers to a customer"])
}

fn has(message: Option<&str>, words: &[&str]) -> bool {
    message.map(str::to_lowercase).is_some_and(|message| words.iter().any(|word| message.contains(word)))
}

/// The error and all that caused it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// One line of at most 200 characters.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, code: &str) -> LakeError {
        let asked = Asked { permission: "s3:GetObject", object: "s3://b/k".into(), profile: Some("oncall") };
        asked.answered(status, code, Some("words\nof the store"), Some("eu-west-1"))
    }

    #[test]
    fn replies_have_a_class_and_a_way_out() {
        for (status, code, class, hint) in [
            (403, "AccessDenied", ErrorClass::Denied, "s3:GetObject"),
            (400, "ExpiredToken", ErrorClass::Expired, "aws sso login --profile oncall"),
            (403, "RequestTimeTooSkewed", ErrorClass::Denied, "clock"),
            (404, "NoSuchKey", ErrorClass::NotFound, ""),
            (404, "NoSuchBucket", ErrorClass::NotFound, "bucket's name"),
            (412, "PreconditionFailed", ErrorClass::Conflict, ""),
            (409, "ConditionalRequestConflict", ErrorClass::Conflict, ""),
            (503, "SlowDown", ErrorClass::Throttled, "fewer requests"),
            (301, "PermanentRedirect", ErrorClass::Unreachable, "--region eu-west-1"),
            (501, "NotImplemented", ErrorClass::Unsupported, ""),
            (500, "InternalError", ErrorClass::Unreachable, "try again"),
            (400, "AccessDeniedException", ErrorClass::Denied, "s3:GetObject"),
            (400, "ResourceNotFoundException", ErrorClass::NotFound, "region"),
            (400, "ThrottlingException", ErrorClass::Throttled, "fewer requests"),
            (400, "UnrecognizedClientException", ErrorClass::Denied, "--profile"),
            (403, "AuthorizationError", ErrorClass::Denied, "s3:GetObject"),
            (400, "InvalidParameter", ErrorClass::Malformed, ""),
            (404, "UnknownOperationException", ErrorClass::Unsupported, ""),
        ] {
            let error = answered(status, code);
            assert_eq!(error.class, class, "{code}");
            assert!(error.hint.contains(hint), "{code}: {}", error.hint);
            assert_eq!(error.detail, format!("{code}: words of the store"));
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_apart_from_credentials_that_are_wrong() {
        let asked = Asked { permission: "logs:FilterLogEvents", object: "logs:/a".into(), profile: Some("oncall") };
        let early =
            "Signature expired: 20261125T020000Z is now earlier than 20261125T021000Z (20261125T021500Z - 5 min.)";
        let late = "Signature not yet current: 20261125T040000Z is still later than 20261125T023500Z";
        let wrong = "The request signature we calculated does not match the signature you provided.";
        let told = "The security token included in the request is expired";
        for (status, code, message, class, hint) in [
            (400, "InvalidSignatureException", early, ErrorClass::Denied, "clock"),
            (400, "InvalidSignatureException", late, ErrorClass::Denied, "clock"),
            (403, "SignatureDoesNotMatch", early, ErrorClass::Denied, "clock"),
            (403, "RequestInTheFuture", "", ErrorClass::Denied, "clock"),
            (400, "InvalidSignatureException", wrong, ErrorClass::Denied, "--profile"),
            (403, "SignatureDoesNotMatch", wrong, ErrorClass::Denied, "--profile"),
            (400, "ExpiredTokenException", told, ErrorClass::Expired, "aws sso login --profile oncall"),
        ] {
            let error = asked.replied(status, code, Some(message));
            assert_eq!(error.class, class, "{code}: {message}");
            assert!(error.hint.contains(hint), "{code}: {message}: {}", error.hint);
        }
    }

    #[test]
    fn keys_locks_and_archives_are_told_apart_from_a_missing_permission() {
        let asked = Asked { permission: "s3:DeleteObject", object: "s3://b/k".into(), profile: None };
        let not_authorized = "User: u is not authorized to perform: kms:GenerateDataKey on resource: arn";
        for (status, code, message, class, hint) in [
            (403, "AccessDenied", not_authorized, ErrorClass::Denied, "kms:Decrypt"),
            (400, "KMS.DisabledException", "k is disabled", ErrorClass::Denied, "kms:GenerateDataKey"),
            (
                403,
                "AccessDenied",
                "Access Denied because object protected by object lock.",
                ErrorClass::Denied,
                "locked",
            ),
            (403, "AccessDenied", "Access Denied", ErrorClass::Denied, "s3:DeleteObject"),
            (403, "InvalidObjectState", "archived", ErrorClass::Unsupported, "restore"),
            (403, "ObjectNotInActiveTierError", "archived", ErrorClass::Unsupported, "restore"),
        ] {
            let error = asked.answered(status, code, Some(message), None);
            assert_eq!(error.class, class, "{code}: {message}");
            assert!(error.hint.contains(hint), "{code}: {}", error.hint);
        }
    }

    #[test]
    fn a_code_without_a_status_has_its_class() {
        let asked = Asked { permission: "s3:DeleteObject", object: "s3://b/k".into(), profile: None };
        for (code, class) in [
            ("AccessDenied", ErrorClass::Denied),
            ("PreconditionFailed", ErrorClass::Conflict),
            ("NoSuchKey", ErrorClass::NotFound),
            ("InternalError", ErrorClass::Unreachable),
            ("SlowDown", ErrorClass::Throttled),
            ("ExpiredToken", ErrorClass::Expired),
            ("NotImplemented", ErrorClass::Unsupported),
            ("", ErrorClass::Malformed),
        ] {
            assert_eq!(asked.said(code, Some("words")).class, class, "{code}");
        }
    }

    #[test]
    fn silence_has_a_class_and_a_way_out() {
        let asked = Asked { permission: "s3:ListBucket", object: "s3://b".into(), profile: None };
        for (chain, class) in [
            ("dispatch failure: io error: dns error: failed to lookup address", ErrorClass::Unreachable),
            ("dispatch failure: Connection refused (os error 111)", ErrorClass::Unreachable),
            ("the SSO token has expired and cannot be refreshed", ErrorClass::Expired),
            ("the credential provider was not enabled", ErrorClass::Expired),
        ] {
            assert_eq!(asked.unanswered(chain).class, class, "{chain}");
        }
    }
}
