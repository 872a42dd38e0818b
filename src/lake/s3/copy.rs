//! Copies: inside the store in one request, or read and written through this process. Copies in parts are in
//! `multipart.rs`.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective, TaggingDirective};

use super::place::placed;
use super::reply::{self, etag, quoted};
use super::write::{headers, settled};
use super::{S3Lake, connect};
use crate::lake::address::url_encoded;
use crate::lake::{
    Attributes, CopyRequest, CopyWay, ErrorClass, Lake, LakeError, Placing, SERVER_LIMIT, THROUGH_LIMIT, Written,
};

/// What a copy needs.
pub(super) const PERMISSION: &str =
    "s3:PutObject (and s3:GetObject on its source; for tags s3:GetObjectTagging and s3:PutObjectTagging)";

impl S3Lake {
    pub(super) async fn copy_as(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        let refused = |class, fault: &str| Err(LakeError::new(class, self.uri(request.source.as_str()), fault));
        if request.source == request.target {
            return refused(ErrorClass::Malformed, "a copy of it onto itself");
        }
        match request.way {
            CopyWay::Server if request.size > SERVER_LIMIT => {
                refused(ErrorClass::Unsupported, "larger than 5 GiB: too large for one copy request")
            }
            CopyWay::Server => self.copy_inside(request).await,
            CopyWay::Multipart if request.size == 0 => {
                refused(ErrorClass::Unsupported, "an empty object has no parts to copy")
            }
            CopyWay::Multipart => self.copy_in_parts(request).await,
            CopyWay::Through if request.size > THROUGH_LIMIT => {
                refused(ErrorClass::Unsupported, "larger than 8 MiB: too large to copy through this machine")
            }
            CopyWay::Through => self.copy_through(request).await,
        }
    }

    /// `x-amz-copy-source`.
    pub(super) fn copy_source(&self, request: &CopyRequest) -> String {
        let key = url_encoded(&self.full(request.source.as_str()));
        let source = format!("{}/{key}", self.settings.bucket);
        match &request.source_version {
            Some(version) => format!("{source}?versionId={}", url_encoded(version)),
            None => source,
        }
    }

    async fn copy_inside(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        let (absent, matches) = headers(request.condition.clone());
        let client = self.client().await;
        // No checksum algorithm: the store takes that of the source, or adds its own. Another one could not be compared.
        let mut copy = client
            .copy_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .set_expected_source_bucket_owner(self.owner())
            .key(self.full(request.target.as_str()))
            .copy_source(self.copy_source(request))
            .copy_source_if_match(quoted(&request.source_etag))
            .set_if_none_match(absent)
            .set_if_match(matches);
        if let Some(placing) = &request.placing {
            copy = placed!(copy, self.placed(&request.target, placing)?)
                .metadata_directive(MetadataDirective::Replace)
                .set_tagging_directive(placing.tags.as_ref().map(|_| TaggingDirective::Replace));
        }
        let send = || {
            self.counters.write();
            let patient = connect::patient(request.size, connect::COPIED);
            copy.clone().customize().config_override(patient).send()
        };
        let out = settled(send).await.map_err(|e| self.asked(PERMISSION, request.target.as_str()).failed(&e))?;
        Ok(reply::copied(&out))
    }

    async fn copy_through(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        let source = request.source.as_str();
        let changed = |fault: &str| LakeError::new(ErrorClass::Conflict, self.uri(source), fault);
        let asked = self.asked("s3:GetObject", source);
        let client = self.client().await;
        let level = self.counters.get();
        let mode = (!self.settings.checksums_when_required).then_some(ChecksumMode::Enabled);
        let mut out = client
            .get_object()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(self.full(source))
            .set_version_id(request.source_version.clone())
            .if_match(quoted(&request.source_etag))
            .set_checksum_mode(mode)
            .send()
            .await
            .map_err(|e| asked.failed(&e))?;
        // A store that ignores the condition sends what is there now.
        if etag(out.e_tag()) != request.source_etag {
            return Err(changed("it is not the object that was seen"));
        }
        if out.content_length().is_some_and(|length| u64::try_from(length) != Ok(request.size)) {
            return Err(changed("it is not of the size that was seen"));
        }
        let body = std::mem::take(&mut out.body).collect().await.map_err(|e| asked.broken_off(&e))?.into_bytes();
        self.counters.received(level, body.len() as u64);
        if body.len() as u64 != request.size {
            return Err(LakeError::new(ErrorClass::Unreachable, self.uri(source), "the reply broke off"));
        }
        let (attributes, tags, checksum) = reply::of_read(&out);
        let placing = self.carried(request, attributes, tags).await?;
        // In the source's algorithm, so that the two can be compared.
        let algorithm = checksum.filter(|_| mode_allows(self)).and_then(|checksum| computed(&checksum.algorithm));
        self.put_as(&request.target, body, request.condition.clone(), &placing, algorithm).await
    }

    /// What a target is to be like where the store carries nothing along: what was asked for, and of the source
    /// whatever nothing was said of.
    pub(super) async fn carried(
        &self,
        request: &CopyRequest,
        attributes: Attributes,
        tags: u32,
    ) -> Result<Placing, LakeError> {
        let asked = request.placing.clone();
        let placing = asked.unwrap_or_else(|| Placing { attributes, ..Placing::default() });
        if placing.tags.is_some() || tags == 0 {
            return Ok(placing);
        }
        let tags = self.tags(&request.source, request.source_version.as_deref()).await?;
        Ok(Placing { tags: Some(tags), ..placing })
    }
}

/// An algorithm, if the SDK can compute it; with others it would send none.
fn computed(algorithm: &str) -> Option<ChecksumAlgorithm> {
    use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
    [Crc32, Crc32C, Crc64Nvme, Sha1, Sha256].into_iter().find(|known| known.as_str() == algorithm)
}

/// Whether checksums may be sent where the API does not require them.
pub(super) fn mode_allows(lake: &S3Lake) -> bool {
    !lake.settings.checksums_when_required
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::ETag;
    use crate::lake::s3::S3Settings;

    #[test]
    fn a_source_is_a_url_without_its_scheme() {
        let settings = S3Settings { bucket: "b".into(), prefix: "team a".into(), ..S3Settings::default() };
        let lake = S3Lake::connect(settings);
        let mut request = CopyRequest::new("dt=1/a+b?c \u{e9}", ETag("e".into()), 1, "t");
        assert_eq!(lake.copy_source(&request), "b/team%20a/dt=1/a%2Bb%3Fc%20%C3%A9");
        request.source_version = Some("v.1_A+".into());
        assert_eq!(lake.copy_source(&request), "b/team%20a/dt=1/a%2Bb%3Fc%20%C3%A9?versionId=v.1_A%2B");
    }
}
