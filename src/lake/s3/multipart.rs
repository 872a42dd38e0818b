//! Copies in parts, for what one request cannot copy and for stores whose one request keeps no condition: each
//! part is pinned to the source, and the completion keeps the target's condition.

use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, EncodingType, MultipartUpload,
};
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::copy::{PERMISSION, mode_allows};
use super::place::placed;
use super::reply::{self, quoted};
use super::write::{headers, pauses};
use super::{S3Lake, connect};
use crate::lake::aws::fault::met_another;
use crate::lake::aws::jittered;
use crate::lake::{Condition, CopyRequest, ErrorClass, Lake, LakeError, Placing, Written};

const MIB: u64 = 1 << 20;
/// The least that is copied as one part, if the object has as much.
const PART: u64 = 64 * MIB;
/// S3's limits: parts of an upload, bytes of one part.
const PARTS: u64 = 10_000;
const PART_LIMIT: u64 = 5 << 30;
/// A completion may take minutes, however small the object.
const LONG: u64 = 4 << 30;
/// Parts copied at once.
const AT_ONCE: usize = 4;

/// Why an upload was not completed, and whether it met another write: then all of it may be done again.
pub(super) struct Failure {
    pub(super) error: LakeError,
    met_another: bool,
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        Self { error, met_another: false }
    }
}

impl S3Lake {
    pub(super) async fn copy_in_parts(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        let client = self.client().await;
        self.counters.head();
        // The store carries nothing along to an upload: what it is to carry is asked for. Not pinned, since each part
        // is, and since the probe must see whether the store keeps that.
        let head = client
            .head_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(request.source.as_str()))
            .set_version_id(request.source_version.clone())
            .checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|e| self.asked("s3:GetObject", request.source.as_str()).failed(&e))?;
        let detail = reply::detail(&request.source, &head);
        let placing = self.carried(request, detail.attributes, detail.tags).await?;
        let algorithm = algorithm(detail.checksum.as_ref().map(|c| c.algorithm.as_str()));
        let algorithm = mode_allows(self).then_some(algorithm);
        let mut pauses = pauses();
        loop {
            match self.upload(request, &placing, algorithm.clone()).await {
                Ok(written) => return Ok(written),
                Err(failure) => match pauses.next().filter(|_| failure.met_another) {
                    Some(pause) => jittered(pause).await,
                    None => return Err(failure.error),
                },
            }
        }
    }

    /// One upload from its begin to its completion; given up if any of it fails.
    async fn upload(
        &self,
        request: &CopyRequest,
        placing: &Placing,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Written, Failure> {
        let target = request.target.as_str();
        let kind = algorithm.as_ref().map(|_| ChecksumType::FullObject);
        let client = self.client().await;
        self.counters.write();
        let create = client
            .create_multipart_upload()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(target))
            .set_checksum_type(kind.clone())
            .set_checksum_algorithm(algorithm);
        let created = placed!(create, self.placed(&request.target, placing)?)
            .send()
            .await
            .map_err(|e| self.asked(PERMISSION, target).failed(&e))?;
        let Some(id) = created.upload_id() else {
            let fault = "the store began an upload and gave it no id";
            return Err(LakeError::new(ErrorClass::Malformed, self.uri(target), fault).into());
        };
        let done = match self.parts(request, id).await {
            Ok(parts) => self.complete(target, request.size, request.condition.clone(), id, parts, kind).await,
            Err(error) => Err(error.into()),
        };
        if done.is_err() {
            // As good as it can be done; what stays is found by `abandon_uploads`.
            if let Err(error) = self.abort(&self.full(target), id).await {
                tracing::debug!("an upload stays open: {error}");
            }
        }
        done
    }

    async fn parts(&self, request: &CopyRequest, id: &str) -> Result<Vec<CompletedPart>, LakeError> {
        let spans = spans(request.size);
        let whole = spans.len() == 1;
        // A part that fails ends the rest: the stream is dropped with what is under way.
        let copies = iter(spans).map(|(number, span)| async move {
            // A range is refused for objects below 5 MiB.
            let range = (!whole).then(|| format!("bytes={}-{}", span.start, span.end - 1));
            self.part(request, id, number, range).await
        });
        let mut parts: Vec<CompletedPart> = copies.buffer_unordered(AT_ONCE).try_collect().await?;
        parts.sort_by_key(CompletedPart::part_number);
        Ok(parts)
    }

    async fn part(
        &self,
        request: &CopyRequest,
        id: &str,
        number: i32,
        range: Option<String>,
    ) -> Result<CompletedPart, LakeError> {
        let client = self.client().await;
        self.counters.write();
        let out: UploadPartCopyOutput = client
            .upload_part_copy()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .set_expected_source_bucket_owner(self.owner())
            .key(self.full(request.target.as_str()))
            .upload_id(id)
            .part_number(number)
            .copy_source(self.copy_source(request))
            .copy_source_if_match(quoted(&request.source_etag))
            .set_copy_source_range(range)
            .customize()
            .config_override(connect::patient(request.size.min(PART_LIMIT), connect::COPIED))
            .send()
            .await
            .map_err(|e| self.asked(PERMISSION, request.target.as_str()).failed(&e))?;
        let Some(part) = out.copy_part_result() else {
            let uri = self.uri(request.target.as_str());
            return Err(LakeError::new(ErrorClass::Malformed, uri, "the store copied a part and told nothing of it"));
        };
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag().map(str::to_owned))
            .set_checksum_crc64_nvme(part.checksum_crc64_nvme().map(str::to_owned))
            .set_checksum_crc32(part.checksum_crc32().map(str::to_owned))
            .set_checksum_crc32_c(part.checksum_crc32_c().map(str::to_owned))
            .build())
    }

    pub(super) async fn complete(
        &self,
        target: &str,
        size: u64,
        condition: Option<Condition>,
        id: &str,
        parts: Vec<CompletedPart>,
        kind: Option<ChecksumType>,
    ) -> Result<Written, Failure> {
        let (absent, matches) = headers(condition);
        let client = self.client().await;
        self.counters.write();
        let out = client
            .complete_multipart_upload()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(target))
            .upload_id(id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .set_checksum_type(kind)
            .set_mpu_object_size(i64::try_from(size).ok())
            .set_if_none_match(absent)
            .set_if_match(matches)
            .customize()
            .config_override(connect::patient(size.max(LONG), connect::COPIED))
            .send()
            .await;
        out.map(|out| reply::completed(&out))
            .map_err(|e| Failure { error: self.asked(PERMISSION, target).failed(&e), met_another: met_another(&e) })
    }

    pub(super) async fn abort(&self, full_key: &str, id: &str) -> Result<(), LakeError> {
        let client = self.client().await;
        self.counters.write();
        client
            .abort_multipart_upload()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(full_key)
            .upload_id(id)
            .send()
            .await
            .map_err(|e| {
                let own = self.own(full_key).unwrap_or(full_key);
                self.asked("s3:AbortMultipartUpload", own).failed(&e)
            })?;
        Ok(())
    }

    pub(super) async fn abort_uploads(&self, prefix: &str) -> Result<u64, LakeError> {
        let client = self.client().await;
        let (mut aborted, mut key_marker, mut id_marker) = (0, None, None);
        loop {
            self.counters.list();
            let page = client
                .list_multipart_uploads()
                .bucket(&self.settings.bucket)
                .set_expected_bucket_owner(self.owner())
                .prefix(self.full(prefix))
                .encoding_type(EncodingType::Url)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(|e| self.asked("s3:ListBucketMultipartUploads", prefix).failed(&e))?;
            for upload in page.uploads() {
                let MultipartUpload { key: Some(key), upload_id: Some(id), .. } = upload else { continue };
                let key = self.decoded(key, page.encoding_type())?;
                if !key.starts_with(&self.full(prefix)) {
                    continue; // of a store that ignores the prefix
                }
                match self.abort(&key, id).await {
                    Ok(()) => aborted += 1,
                    Err(e) if e.class == ErrorClass::NotFound => {} // completed or aborted meanwhile
                    Err(e) => return Err(e),
                }
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(aborted);
            }
            let key = page.next_key_marker().map(|key| self.decoded(key, page.encoding_type())).transpose()?;
            (key_marker, id_marker) = (key, page.next_upload_id_marker().map(str::to_owned));
        }
    }
}

/// The algorithm of the copy: that of the source where it can be one over the whole object, to compare the two.
fn algorithm(of_source: Option<&str>) -> ChecksumAlgorithm {
    match of_source {
        Some("CRC32") => ChecksumAlgorithm::Crc32,
        Some("CRC32C") => ChecksumAlgorithm::Crc32C,
        _ => ChecksumAlgorithm::Crc64Nvme,
    }
}

/// The parts of an object of this size: their numbers, from 1, and their bytes.
fn spans(size: u64) -> Vec<(i32, std::ops::Range<u64>)> {
    let step = size.div_ceil(PARTS).next_multiple_of(MIB).clamp(PART, PART_LIMIT);
    let starts = (0..size.div_ceil(step)).map(|n| n * step);
    (1..).zip(starts).map(|(number, start)| (number, start..size.min(start + step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_an_object_within_the_limits() {
        let sizes = [1, MIB, PART - 1, PART, PART + 1, 3 * PART + 7, (5 << 30) + 1, PARTS * PART, PARTS * PART + 1];
        for size in sizes.into_iter().chain([6 << 40, 48 << 40]) {
            let spans = spans(size);
            assert!(spans.len() as u64 <= PARTS, "{size}");
            let mut next = 0;
            for (n, (number, span)) in spans.iter().enumerate() {
                assert_eq!((*number, span.start), (n as i32 + 1, next), "{size}");
                let length = span.end - span.start;
                assert!(length <= PART_LIMIT && (length >= PART || span.end == size), "{size}: {span:?}");
                next = span.end;
            }
            assert_eq!(next, size);
        }
        assert_eq!(spans(PART).len(), 1);
        assert_eq!(spans(PART + 1).len(), 2);
    }

    #[test]
    fn a_copy_has_the_algorithm_of_its_source_where_that_can_be_whole() {
        for (source, want) in [(None, "CRC64NVME"), (Some("SHA256"), "CRC64NVME"), (Some("CRC32C"), "CRC32C")] {
            assert_eq!(algorithm(source).as_str(), want);
        }
    }
}
