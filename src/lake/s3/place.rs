//! A placing as the fields of a request: the same in a put, a copy and the begin of an upload.

use std::collections::HashMap;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ObjectLockMode, ServerSideEncryption, StorageClass};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::lake::Placing;

/// What stands for itself in the tagging header, a query of its own.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A placing in the SDK's types.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_disposition: Option<String>,
    pub content_language: Option<String>,
    pub cache_control: Option<String>,
    pub expires: Option<DateTime>,
    pub metadata: Option<HashMap<String, String>>,
    pub tagging: Option<String>,
    pub storage_class: Option<StorageClass>,
    pub encryption: Option<ServerSideEncryption>,
    pub key: Option<String>,
    pub lock_mode: Option<ObjectLockMode>,
    pub lock_until: Option<DateTime>,
}

impl Placed {
    /// What a placing asks for, or what of it S3 cannot be asked for.
    pub(super) fn new(placing: &Placing) -> Result<Self, String> {
        let attributes = placing.attributes.clone();
        let expires = match attributes.expires {
            None => None,
            Some(text) => match DateTime::from_str(&text, DateTimeFormat::HttpDate) {
                Ok(date) => Some(date),
                // Left out it would be lost in silence.
                Err(_) => return Err(format!("its Expires header is no date and cannot be written: {text}")),
            },
        };
        if let Some((name, _)) = attributes.user.iter().find(|(name, value)| !is_header(name, value)) {
            return Err(format!("its metadata {name} cannot be sent in a header: visible ASCII only"));
        }
        let encryption = placing.encryption.as_ref();
        if encryption.is_some_and(|e| e.kind == "SSE-C") {
            return Err("SSE-C needs the customer's own key, which is not known here".to_owned());
        }
        Ok(Self {
            content_type: attributes.content_type,
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            expires,
            metadata: (!attributes.user.is_empty()).then(|| attributes.user.into_iter().collect()),
            tagging: placing.tags.as_deref().filter(|tags| !tags.is_empty()).map(tagging),
            storage_class: placing.storage_class.as_deref().map(StorageClass::from),
            encryption: encryption.map(|e| ServerSideEncryption::from(e.kind.as_str())),
            key: encryption.and_then(|e| e.key.clone()),
            lock_mode: placing.retain_until.map(|_| ObjectLockMode::Governance),
            lock_until: placing.retain_until.map(|until| DateTime::from_secs(until.timestamp())),
        })
    }
}

/// The request with all that the placing asks for.
macro_rules! placed {
    ($request:expr, $placed:expr) => {{
        let placed: $crate::lake::s3::place::Placed = $placed;
        $request
            .set_content_type(placed.content_type)
            .set_content_encoding(placed.content_encoding)
            .set_content_disposition(placed.content_disposition)
            .set_content_language(placed.content_language)
            .set_cache_control(placed.cache_control)
            .set_expires(placed.expires)
            .set_metadata(placed.metadata)
            .set_tagging(placed.tagging)
            .set_storage_class(placed.storage_class)
            .set_server_side_encryption(placed.encryption)
            .set_ssekms_key_id(placed.key)
            .set_object_lock_mode(placed.lock_mode)
            .set_object_lock_retain_until_date(placed.lock_until)
    }};
}
pub(super) use placed;

fn tagging(tags: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
    tags.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// Whether a name and a value can be those of a header: the SDK refuses others with less clear words.
fn is_header(name: &str, value: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(in_name) && value.bytes().all(|b| b == b'\t' || matches!(b, b' '..=b'~'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::lake::{Attributes, Encryption};

    #[test]
    fn tags_are_a_query() {
        let tags = [("team".to_owned(), "a b&c=d".to_owned()), ("\u{e9}+".to_owned(), String::new())];
        assert_eq!(tagging(&tags), "team=a%20b%26c%3Dd&%C3%A9%2B=");
        assert_eq!(tagging(&[]), "");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_not_left_out() {
        let of = |attributes| Placing { attributes, ..Placing::default() };
        let expires = |text: &str| of(Attributes { expires: Some(text.into()), ..Attributes::default() });
        assert!(Placed::new(&expires("Thu, 01 Dec 1994 16:00:00 GMT")).unwrap().expires.is_some());
        assert!(Placed::new(&expires("0")).unwrap_err().contains("Expires"));
        let user = |name: &str, value: &str| {
            of(Attributes { user: [(name.to_owned(), value.to_owned())].into(), ..Attributes::default() })
        };
        assert!(Placed::new(&user("origin", "=?UTF-8?B?w6k=?=")).is_ok());
        assert!(Placed::new(&user("origin", "two\nlines")).unwrap_err().contains("origin"));
        assert!(Placed::new(&user("a b", "x")).is_err());
        assert!(Placed::new(&user("origin", "\u{e9}")).is_err());
        let encryption = Some(Encryption { kind: "SSE-C".into(), key: None });
        assert!(Placed::new(&Placing { encryption, ..Placing::default() }).is_err());
    }
}
