//! The signature of a request, by the SDK's own signer:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::error::Error;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::Request;

/// What a signature is good for.
pub(super) struct Scope<'a> {
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
    /// Five minutes from then.
    pub now: SystemTime,
}

/// The headers that sign a request to this address.
pub(super) fn headers(
    request: &Request,
    url: &str,
    credentials: Credentials,
    scope: &Scope<'_>,
) -> Result<Vec<(String, String)>, Box<dyn Error + Send + Sync>> {
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(scope.now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let given = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let signable = SignableRequest::new(request.method.as_str(), url, given, SignableBody::Bytes(&request.body))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use reqwest::Method;

    use super::*;

    /// Signed the same by botocore 1.44.5 (`SigV4Auth`), of these headers with these credentials at this time.
    #[test]
    fn a_request_is_signed_as_others_sign_it() {
        let json = Request {
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms".to_owned()),
            ],
            body: b"{\"MaxRecords\":100}".to_vec(),
            answers: &[],
        };
        let rest =
            Request { method: Method::GET, path: String::new(), headers: Vec::new(), body: Vec::new(), answers: &[] };
        let at = "https://monitoring.eu-central-1.amazonaws.com/";
        let path = "https://api.eu-central-1.amazonaws.com/environments/a%20b/x%3Ay?b=2&a=1%2F2";
        for (request, url, service, token, signature) in [
            (&json, at, "monitoring", None, "368b9035af7dc730e9b9e5f61b4c0600792606d0a22002573fd29ca1b3a1ce23"),
            (
                &json,
                at,
                "monitoring",
                Some("TOKEN"),
                "90fa43c2919fdbdc9c1a086d2a5da702be6895a41f81897d971b12b003e8e836",
            ),
            (&rest, path, "airflow", None, "d12cc17029ade4be54c0c9b52271d8c5fd9019fc463ce268c378816c5b63e37c"),
        ] {
            let credentials = Credentials::new("AKIDEXAMPLE", "SECRETEXAMPLE", token.map(str::to_owned), None, "test");
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
            let scope = Scope { region: "eu-central-1", service, now };
            let signed = headers(request, url, credentials, &scope).unwrap();
            let of = |name: &str| signed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let authorization = of("authorization").unwrap();
            assert!(authorization.ends_with(&format!("Signature={signature}")), "{url}: {authorization}");
            assert_eq!(of("x-amz-security-token"), token);
        }
    }
}
