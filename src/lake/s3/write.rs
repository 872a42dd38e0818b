//! Puts and deletes of one object, each under its condition, whatever the store is doing at the same time.

use std::time::Duration;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;

use super::place::{Placed, placed};
use super::reply::{self, quoted};
use super::{S3Lake, bulk, connect};
use crate::lake::aws::fault::met_another;
use crate::lake::aws::jittered;
use crate::lake::{Condition, ETag, ErrorClass, Key, Lake, LakeError, Placing, Written};

/// Pauses before a write that met another one is sent again, under the same condition.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400)];

impl S3Lake {
    /// A placing in the SDK's types; what S3 cannot be asked for is an error of the object.
    pub(super) fn placed(&self, key: &Key, placing: &Placing) -> Result<Placed, LakeError> {
        Placed::new(placing).map_err(|fault| LakeError::new(ErrorClass::Unsupported, self.uri(key.as_str()), fault))
    }

    /// A put; with a checksum of this algorithm, or the SDK's own choice.
    pub(super) async fn put_as(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
        checksum: Option<ChecksumAlgorithm>,
    ) -> Result<Written, LakeError> {
        let placed = self.placed(key, placing)?;
        let (absent, matches) = headers(condition);
        let client = self.client().await;
        let send = || async {
            self.counters.write();
            let request = client
                .put_object()
                .bucket(&self.settings.bucket)
                .set_expected_bucket_owner(self.owner())
                .key(self.full(key.as_str()))
                .body(ByteStream::from(bytes.clone()))
                .set_checksum_algorithm(checksum.clone())
                .set_if_none_match(absent.clone())
                .set_if_match(matches.clone());
            let patient = connect::patient(bytes.len() as u64, connect::SENT);
            placed!(request, placed.clone()).customize().config_override(patient).send().await
        };
        let out: PutObjectOutput =
            settled(send).await.map_err(|e| self.asked("s3:PutObject", key.as_str()).failed(&e))?;
        Ok(reply::put(&out))
    }

    pub(super) async fn delete_one(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        let client = self.client().await;
        let request = client
            .delete_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(key.as_str()))
            .set_if_match(if_match.map(quoted));
        let send = || {
            self.counters.write();
            request.clone().send()
        };
        let permission = if if_match.is_some() { bulk::PERMISSION } else { "s3:DeleteObject" };
        settled(send).await.map_err(|e| self.asked(permission, key.as_str()).failed(&e))?;
        Ok(())
    }
}

/// `If-None-Match` and `If-Match`.
pub(super) fn headers(condition: Option<Condition>) -> (Option<String>, Option<String>) {
    match condition {
        None => (None, None),
        Some(Condition::Absent) => (Some("*".to_owned()), None),
        Some(Condition::Matches(tag)) => (None, Some(quoted(&tag))),
    }
}

/// Sends a write, and again while the store says that it met another one: the condition then decides anew.
pub(super) async fn settled<T, E, F>(mut send: impl FnMut() -> F) -> Result<T, SdkError<E>>
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        match send().await {
            Err(e) if met_another(&e) => match pauses.next() {
                Some(pause) => jittered(pause).await,
                None => return Err(e),
            },
            answer => return answer,
        }
    }
}

/// The pauses between whole attempts at what cannot be sent again by itself.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    PAUSES.into_iter()
}
