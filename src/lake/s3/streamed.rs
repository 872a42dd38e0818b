//! An object written from pieces as they come: one put where they are few, else an upload whose completion keeps the
//! condition. What is held is one part.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::copy::mode_allows;
use super::{S3Lake, connect};
use crate::lake::{Condition, ErrorClass, Key, Lake, LakeError, Pieces, Placing, Written};

/// Bytes of a part in the beginning; S3's least is 5 MiB.
const PART: usize = 8 << 20;
/// After so many parts they grow by [`PART`], so that S3's 10,000 parts hold 430 GiB.
const ALIKE: i32 = 1000;
/// What is needed to write parts.
const PERMISSION: &str = "s3:PutObject";

/// Pieces gathered to parts.
struct Parts {
    pieces: Pieces,
    left: BytesMut,
    ended: bool,
}

impl Parts {
    /// The next part, of this size but for the last one; none after it.
    async fn next(&mut self, size: usize) -> Result<Option<Bytes>, LakeError> {
        while !self.ended && self.left.len() < size {
            match self.pieces.next().await {
                Some(piece) => self.left.extend_from_slice(&piece?),
                None => self.ended = true,
            }
        }
        let length = size.min(self.left.len());
        Ok((length > 0).then(|| self.left.split_to(length).freeze()))
    }
}

impl S3Lake {
    pub(super) async fn put_pieces(
        &self,
        key: &Key,
        pieces: Pieces,
        condition: Option<Condition>,
    ) -> Result<Written, LakeError> {
        let mut parts = Parts { pieces, left: BytesMut::new(), ended: false };
        let first = parts.next(PART).await?.unwrap_or_default();
        if parts.ended && parts.left.is_empty() {
            return self.put_as(key, first, condition, &Placing::default(), None).await;
        }
        let target = key.as_str();
        let algorithm = mode_allows(self).then_some(ChecksumAlgorithm::Crc32);
        let kind = algorithm.as_ref().map(|_| ChecksumType::FullObject);
        let client = self.client().await;
        self.counters.write();
        let created = client
            .create_multipart_upload()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(target))
            .set_checksum_type(kind.clone())
            .set_checksum_algorithm(algorithm.clone())
            .send()
            .await
            .map_err(|e| self.asked(PERMISSION, target).failed(&e))?;
        let Some(id) = created.upload_id() else {
            let fault = "the store began an upload and gave it no id";
            return Err(LakeError::new(ErrorClass::Malformed, self.uri(target), fault));
        };
        let done = match self.send_parts(target, id, first, &mut parts, algorithm).await {
            Ok((sent, size)) => self.complete(target, size, condition, id, sent, kind).await.map_err(|f| f.error),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // As good as it can be done; what stays is found by `abandon_uploads`.
            if let Err(error) = self.abort(&self.full(target), id).await {
                tracing::debug!("an upload stays open: {error}");
            }
        }
        done
    }

    /// One part after the other: the next one is gathered meanwhile by whoever sends the pieces.
    async fn send_parts(
        &self,
        target: &str,
        id: &str,
        first: Bytes,
        parts: &mut Parts,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<(Vec<CompletedPart>, u64), LakeError> {
        let (mut sent, mut size, mut part) = (Vec::new(), 0, first);
        for number in 1.. {
            size += part.len() as u64;
            sent.push(self.send_part(target, id, number, part, algorithm.clone()).await?);
            let grown = PART * usize::try_from(number / ALIKE + 1).unwrap_or(1);
            match parts.next(grown).await? {
                Some(next) => part = next,
                None => break,
            }
        }
        Ok((sent, size))
    }

    async fn send_part(
        &self,
        target: &str,
        id: &str,
        number: i32,
        part: Bytes,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<CompletedPart, LakeError> {
        let client = self.client().await;
        self.counters.write();
        let patient = connect::patient(part.len() as u64, connect::SENT);
        let out = client
            .upload_part()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(target))
            .upload_id(id)
            .part_number(number)
            .set_checksum_algorithm(algorithm)
            .body(ByteStream::from(part))
            .customize()
            .config_override(patient)
            .send()
            .await
            .map_err(|e| self.asked(PERMISSION, target).failed(&e))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(out.e_tag().map(str::to_owned))
            .set_checksum_crc64_nvme(out.checksum_crc64_nvme().map(str::to_owned))
            .set_checksum_crc32(out.checksum_crc32().map(str::to_owned))
            .set_checksum_crc32_c(out.checksum_crc32_c().map(str::to_owned))
            .build())
    }
}
