//! What the headers and fields of S3's replies become in the port's words.

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::types::{ChecksumType, ObjectLockEventHold, ObjectLockLegalHoldStatus};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::lake::{Attributes, Checksum, ETag, Encryption, Key, ObjectDetail, ObjectMeta, Written};

/// The checksums of a reply, the stronger and the usual first. They are fields of their own in each type.
macro_rules! checksums {
    ($reply:expr) => {
        [
            ("CRC64NVME", $reply.checksum_crc64_nvme()),
            ("SHA256", $reply.checksum_sha256()),
            ("CRC32C", $reply.checksum_crc32_c()),
            ("CRC32", $reply.checksum_crc32()),
            ("SHA1", $reply.checksum_sha1()),
            ("SHA512", $reply.checksum_sha512()),
            ("MD5", $reply.checksum_md5()),
            ("XXHASH64", $reply.checksum_xxhash64()),
            ("XXHASH3", $reply.checksum_xxhash3()),
            ("XXHASH128", $reply.checksum_xxhash128()),
        ]
    };
}

/// Headers and user metadata of a reply that has them.
macro_rules! attributes {
    ($reply:expr) => {
        Attributes {
            content_type: $reply.content_type().map(str::to_owned),
            content_encoding: $reply.content_encoding().map(str::to_owned),
            content_disposition: $reply.content_disposition().map(str::to_owned),
            content_language: $reply.content_language().map(str::to_owned),
            cache_control: $reply.cache_control().map(str::to_owned),
            expires: $reply.expires_string().map(str::to_owned),
            user: $reply.metadata().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    };
}

pub(super) fn quoted(tag: &ETag) -> String {
    format!("\"{}\"", tag.0)
}

/// Some stores send tags without quotes.
pub(super) fn etag(tag: Option<&str>) -> ETag {
    ETag(tag.unwrap_or_default().trim_matches('"').to_owned())
}

pub(super) fn time(time: Option<&aws_sdk_s3::primitives::DateTime>) -> DateTime<Utc> {
    time.and_then(|t| DateTime::from_timestamp(t.secs(), t.subsec_nanos())).unwrap_or(DateTime::UNIX_EPOCH)
}

/// `None` for the standard class, which some replies name and others do not.
pub(super) fn storage_class(class: Option<&str>) -> Option<String> {
    class.filter(|class| *class != "STANDARD").map(str::to_owned)
}

/// Offset and whole size of `bytes 0-99/1234`.
pub(super) fn parse_content_range(header: &str) -> Option<(u64, u64)> {
    let (span, size) = header.strip_prefix("bytes ")?.split_once('/')?;
    Some((span.split_once('-')?.0.trim().parse().ok()?, size.trim().parse().ok()?))
}

pub(super) fn meta(key: &Key, out: &HeadObjectOutput) -> ObjectMeta {
    ObjectMeta {
        key: key.clone(),
        size: u64::try_from(out.content_length().unwrap_or_default()).unwrap_or_default(),
        etag: etag(out.e_tag()),
        modified: time(out.last_modified()),
        storage_class: storage_class(out.storage_class().map(|class| class.as_str())),
    }
}

pub(super) fn detail(key: &Key, out: &HeadObjectOutput) -> ObjectDetail {
    let encryption = match (out.sse_customer_algorithm(), out.server_side_encryption()) {
        (Some(_), _) => Some(Encryption { kind: "SSE-C".to_owned(), key: None }),
        (None, Some(kind)) => {
            Some(Encryption { kind: kind.as_str().to_owned(), key: out.ssekms_key_id().map(str::to_owned) })
        }
        (None, None) => None,
    };
    ObjectDetail {
        meta: meta(key, out),
        version: out.version_id().map(str::to_owned),
        checksum: whole(out.checksum_type(), out.e_tag(), &checksums!(out)),
        attributes: attributes!(out),
        tags: u32::try_from(out.tag_count().unwrap_or_default()).unwrap_or_default(),
        encryption,
        lock: lock(out),
        // `ongoing-request="true"` while it is being restored.
        restored: out.restore().is_some_and(|restore| restore.contains("ongoing-request=\"false\"")),
    }
}

/// What keeps the object from being deleted, in words.
fn lock(out: &HeadObjectOutput) -> Option<String> {
    let retention = out.object_lock_mode().map(|mode| {
        let mode = mode.as_str().to_lowercase();
        match out.object_lock_retain_until_date() {
            Some(until) => {
                let until = time(Some(until)).to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("{mode} retention until {until}")
            }
            None => format!("{mode} retention"),
        }
    });
    let legal = out.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
    let event = out.object_lock_event_hold() == Some(&ObjectLockEventHold::On);
    let holds = [legal.then(|| "legal hold".to_owned()), event.then(|| "event hold".to_owned())];
    let words: Vec<String> = retention.into_iter().chain(holds.into_iter().flatten()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The checksum over a whole object. One made of its parts depends on how it was cut, and is none.
fn whole(kind: Option<&ChecksumType>, tag: Option<&str>, all: &[(&str, Option<&str>)]) -> Option<Checksum> {
    let (algorithm, value) = all.iter().find_map(|(algorithm, value)| Some((*algorithm, (*value)?)))?;
    let whole = match kind {
        Some(kind) => *kind == ChecksumType::FullObject,
        // Not every store says which: `…-3` is of three parts, and so may be any of an object of parts, but the one
        // algorithm that is never of parts.
        None => !value.contains('-') && (algorithm == "CRC64NVME" || !etag(tag).0.contains('-')),
    };
    whole.then(|| Checksum { algorithm: algorithm.to_owned(), value: value.to_owned() })
}

pub(super) fn put(out: &PutObjectOutput) -> Written {
    Written {
        etag: etag(out.e_tag()),
        version: out.version_id().map(str::to_owned),
        checksum: whole(out.checksum_type(), out.e_tag(), &checksums!(out)),
    }
}

pub(super) fn copied(out: &CopyObjectOutput) -> Written {
    let result = out.copy_object_result();
    Written {
        etag: etag(result.and_then(|r| r.e_tag())),
        version: out.version_id().map(str::to_owned),
        checksum: result.and_then(|r| whole(r.checksum_type(), r.e_tag(), &checksums!(r))),
    }
}

pub(super) fn completed(out: &CompleteMultipartUploadOutput) -> Written {
    Written {
        etag: etag(out.e_tag()),
        version: out.version_id().map(str::to_owned),
        checksum: whole(out.checksum_type(), out.e_tag(), &checksums!(out)),
    }
}

/// What a read says of the object beyond its bytes: attributes, how many tags, a checksum.
pub(super) fn of_read(out: &GetObjectOutput) -> (Attributes, u32, Option<Checksum>) {
    let tags = u32::try_from(out.tag_count().unwrap_or_default()).unwrap_or_default();
    (attributes!(out), tags, whole(out.checksum_type(), out.e_tag(), &checksums!(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 5-9/100"), Some((5, 100)));
        assert_eq!(parse_content_range("bytes 5-9/*"), None);
        assert_eq!(parse_content_range("items 5-9/100"), None);
        assert_eq!(parse_content_range("bytes */100"), None);
    }

    #[test]
    fn a_checksum_of_parts_is_none() {
        use ChecksumType::{Composite, FullObject};
        let table = [
            (Some(FullObject), "\"e-2\"", "CRC32", "AAAA", true),
            (Some(Composite), "\"e-2\"", "CRC32", "AAAA-2", false),
            (Some(Composite), "\"e-2\"", "CRC32", "AAAA", false),
            (None, "\"e\"", "CRC32", "AAAA", true),
            (None, "\"e-2\"", "CRC32", "AAAA", false),
            (None, "\"e-2\"", "SHA256", "AAAA-2", false),
            (None, "\"e-2\"", "CRC64NVME", "AAAA", true),
        ];
        for (kind, tag, algorithm, value, want) in table {
            let found = whole(kind.as_ref(), Some(tag), &[("SHA1", None), (algorithm, Some(value))]);
            assert_eq!(found.is_some(), want, "{kind:?} {tag} {algorithm} {value}");
        }
        assert_eq!(whole(None, None, &[("SHA1", None)]), None);
    }

    #[test]
    fn locks_are_told_in_words() {
        use aws_sdk_s3::primitives::DateTime;
        use aws_sdk_s3::types::ObjectLockMode::Governance;
        let until = DateTime::from_secs(1_800_000_000);
        let head = HeadObjectOutput::builder;
        assert_eq!(lock(&head().build()), None);
        assert_eq!(lock(&head().object_lock_legal_hold_status(ObjectLockLegalHoldStatus::Off).build()), None);
        let both = head()
            .object_lock_mode(Governance)
            .object_lock_retain_until_date(until)
            .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
        let words = lock(&both.build());
        assert_eq!(words.as_deref(), Some("governance retention until 2027-01-15T08:00:00Z, legal hold"));
    }
}
