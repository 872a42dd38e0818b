//! A lake on S3 or a store that speaks its API. Credentials, regions and retries are the SDK's; ranges, conditions
//! and the words of errors are made the port's here.

mod bulk;
mod connect;
mod copy;
mod multipart;
mod place;
mod reply;
mod streamed;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::builders::HeadObjectFluentBuilder;
use aws_sdk_s3::types::{ChecksumMode, EncodingType};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use tokio::sync::OnceCell;

use super::aws::Asked;
use super::counters::Counters;
use super::error::{ErrorClass, LakeError};
use super::{
    ByteRange, Condition, CopyRequest, ETag, Fetched, Key, Lake, LakeWriter, ListPage, ListRequest, ObjectDetail,
    ObjectMeta, Pieces, Placing, Written,
};
use reply::{etag, parse_content_range, quoted, time};

pub use connect::S3Settings;

/// Bodies below this are copied out of the connection's buffer. 64 KiB.
const SMALL: usize = 64 << 10;

/// A bucket, or a prefix in one.
#[derive(Debug)]
pub struct S3Lake {
    settings: S3Settings,
    url: String,
    /// Made by the first request: reading profiles and asking instance roles must not delay the first frame.
    client: OnceCell<Client>,
    counters: Arc<Counters>,
}

impl S3Lake {
    /// A lake with these settings. Sends nothing and reads nothing yet.
    pub fn connect(settings: S3Settings) -> Self {
        let prefix = settings.prefix.trim_matches('/').to_owned();
        let url = match prefix.as_str() {
            "" => format!("s3://{}", settings.bucket),
            prefix => format!("s3://{}/{prefix}", settings.bucket),
        };
        let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
        Self { settings: S3Settings { prefix, ..settings }, url, client: OnceCell::new(), counters: Arc::default() }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| connect::client(&self.settings)).await
    }

    /// The key in the bucket.
    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.settings.prefix)
    }

    /// The key in the lake; `None` for what lies outside its prefix (a store that ignores the prefix asked for).
    fn own<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(self.settings.prefix.as_str())
    }

    /// The account that the bucket must belong to, on every request.
    fn owner(&self) -> Option<String> {
        self.settings.expected_bucket_owner.clone()
    }

    async fn head_of(&self, key: &Key) -> HeadObjectFluentBuilder {
        let client = self.client().await;
        self.counters.head();
        self.counters.about(key.as_str());
        client
            .head_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(key.as_str()))
    }

    fn asked(&self, permission: &'static str, key: &str) -> Asked<'_> {
        self.settings.access.asked(permission, self.uri(key))
    }

    /// No bytes of an object, and which object they are not of.
    async fn nothing_of(&self, key: &Key, at: Option<u64>, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let meta = self.head(key).await?;
        if if_match.is_some_and(|seen| *seen != meta.etag) {
            return Err(LakeError::new(ErrorClass::Conflict, self.uri(&key.0), "the object changed meanwhile"));
        }
        let offset = at.unwrap_or(meta.size).min(meta.size);
        Ok(Fetched { bytes: Bytes::new(), offset, size: meta.size, etag: meta.etag, modified: meta.modified })
    }

    /// A text of a reply that was asked for URL-encoded, since XML cannot carry every character that keys can.
    fn decoded(&self, text: &str, encoding: Option<&EncodingType>) -> Result<String, LakeError> {
        if encoding != Some(&EncodingType::Url) {
            return Ok(text.to_owned());
        }
        let text = text.replace('+', " ");
        percent_decode_str(&text)
            .decode_utf8()
            .map(|t| t.into_owned())
            .map_err(|_| LakeError::new(ErrorClass::Malformed, self.uri(&text), "a key that is not UTF-8"))
    }

    fn page(&self, out: aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output) -> Result<ListPage, LakeError> {
        let decode = |text: &str| self.decoded(text, out.encoding_type());
        let mut page =
            ListPage { continuation: out.next_continuation_token().map(str::to_owned), ..ListPage::default() };
        for object in out.contents() {
            let key = decode(object.key().unwrap_or_default())?;
            let Some(own) = self.own(&key) else { continue };
            page.objects.push(ObjectMeta {
                key: Key::from(own),
                size: u64::try_from(object.size().unwrap_or_default()).unwrap_or_default(),
                etag: etag(object.e_tag()),
                modified: time(object.last_modified()),
                storage_class: reply::storage_class(object.storage_class().map(|class| class.as_str())),
            });
        }
        for prefix in out.common_prefixes() {
            let prefix = decode(prefix.prefix().unwrap_or_default())?;
            page.prefixes.extend(self.own(&prefix).map(str::to_owned));
        }
        Ok(page)
    }
}

#[async_trait]
impl Lake for S3Lake {
    fn url(&self) -> &str {
        &self.url
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
        let client = self.client().await;
        self.counters.list();
        self.counters.about(&request.prefix);
        let out = client
            .list_objects_v2()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .prefix(self.full(&request.prefix))
            .set_delimiter(request.delimited.then(|| "/".to_owned()))
            .set_continuation_token(request.continuation.clone())
            .set_max_keys(request.max.and_then(|max| i32::try_from(max).ok()))
            // XML cannot carry control characters; keys can.
            .encoding_type(EncodingType::Url)
            .send()
            .await
            .map_err(|e| self.asked("s3:ListBucket", &request.prefix).failed(&e))?;
        self.page(out)
    }

    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let header = match &range {
            ByteRange::Whole => None,
            ByteRange::Span(span) if span.start >= span.end => {
                return self.nothing_of(key, Some(span.start), if_match).await;
            }
            ByteRange::Span(span) => Some(format!("bytes={}-{}", span.start, span.end - 1)),
            ByteRange::Suffix(0) => return self.nothing_of(key, None, if_match).await,
            ByteRange::Suffix(length) => Some(format!("bytes=-{length}")),
        };
        let asked = self.asked("s3:GetObject", key.as_str());
        let client = self.client().await;
        let level = self.counters.get();
        self.counters.about(key.as_str());
        let sent = client
            .get_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(key.as_str()))
            .set_range(header)
            .set_if_match(if_match.map(quoted))
            .send()
            .await;
        let out = match sent {
            // The range lies past the end: no bytes, as a folder answers.
            Err(e) if e.raw_response().is_some_and(|r| r.status().as_u16() == 416) => {
                let at = match range {
                    ByteRange::Span(span) => Some(span.start),
                    _ => None,
                };
                return self.nothing_of(key, at, if_match).await;
            }
            sent => sent.map_err(|e| asked.failed(&e))?,
        };
        let (tag, modified) = (etag(out.e_tag()), time(out.last_modified()));
        let content_range = out.content_range().and_then(parse_content_range);
        let body = out.body.collect().await.map_err(|e| asked.broken_off(&e))?.into_bytes();
        self.counters.received(level, body.len() as u64);
        // A small body is a slice of the connection's buffer and would keep all of that alive.
        let body = if body.len() < SMALL { Bytes::copy_from_slice(&body) } else { body };
        if let Some((offset, size)) = content_range {
            return Ok(Fetched { bytes: body, offset, size, etag: tag, modified });
        }
        // A store that ignores ranges sends everything.
        let size = body.len() as u64;
        let span = range.within(size);
        let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
        let bytes = body.slice(cut(span.start)..cut(span.end));
        Ok(Fetched { bytes, offset: span.start, size, etag: tag, modified })
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        let out =
            self.head_of(key).await.send().await.map_err(|e| self.asked("s3:GetObject", key.as_str()).failed(&e))?;
        Ok(reply::meta(key, &out))
    }

    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
        let out = self
            .head_of(key)
            .await
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|e| self.asked("s3:GetObject", key.as_str()).failed(&e))?;
        Ok(reply::detail(key, &out))
    }

    async fn tags(&self, key: &Key, version: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        let client = self.client().await;
        self.counters.head();
        let out = client
            .get_object_tagging()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(key.as_str()))
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
            .map_err(|e| self.asked("s3:GetObjectTagging", key.as_str()).failed(&e))?;
        Ok(out.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

#[async_trait]
impl LakeWriter for S3Lake {
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError> {
        self.put_as(key, bytes, condition, &Placing::default(), None).await.map(|written| written.etag)
    }

    async fn put_with(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
    ) -> Result<Written, LakeError> {
        self.put_as(key, bytes, condition, placing, None).await
    }

    async fn put_stream(&self, key: &Key, pieces: Pieces, condition: Option<Condition>) -> Result<Written, LakeError> {
        self.put_pieces(key, pieces, condition).await
    }

    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.delete_one(key, if_match).await
    }

    async fn delete_all(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>> {
        self.delete_many(objects).await
    }

    async fn copy(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        self.copy_as(request).await
    }

    async fn abandon_uploads(&self, prefix: &str) -> Result<u64, LakeError> {
        self.abort_uploads(prefix).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_part_of_the_address_and_not_of_the_keys() {
        let lake =
            S3Lake::connect(S3Settings { bucket: "b".into(), prefix: "/team/lake/".into(), ..S3Settings::default() });
        assert_eq!(lake.url(), "s3://b/team/lake");
        assert_eq!(lake.full("_errors/x"), "team/lake/_errors/x");
        assert_eq!(lake.own("team/lake/_errors/x"), Some("_errors/x"));
        assert_eq!(lake.own("team/lakes/_errors/x"), None);
    }
}
