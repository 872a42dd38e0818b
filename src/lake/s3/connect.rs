//! The client: where the bucket is, who asks, how long to wait.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use crate::lake::aws::{ATTEMPT, Access, READ};

/// A body that is sent slower than this, in bytes a second, is given up: 64 KiB.
pub(super) const SENT: u64 = 64 << 10;
/// A store that copies or completes slower than this, in bytes a second, is given up: 16 MiB.
pub(super) const COPIED: u64 = 16 << 20;
/// How to reach a lake on S3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// The lake's root in it; empty for the bucket itself.
    pub prefix: String,
    /// Who asks, and where.
    pub access: Access,
    /// Bucket in the path instead of the host name.
    pub path_style: bool,
    /// Send checksums only where the API requires them: some stores refuse the newer ones.
    pub checksums_when_required: bool,
    /// The account that the bucket must belong to; every request to another one's is denied.
    pub expected_bucket_owner: Option<String>,
}

/// Makes the client: reads profiles, sends nothing but what a region or role needs.
pub(super) async fn client(settings: &S3Settings) -> Client {
    let shared = settings.access.load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(settings.path_style);
    if settings.checksums_when_required {
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Client::from_conf(config.build())
}

/// What one request is sent with that takes as long as its bytes do at this pace.
pub(super) fn patient(bytes: u64, pace: u64) -> aws_sdk_s3::config::Builder {
    let longer = Duration::from_secs(bytes / pace);
    let timeouts =
        TimeoutConfig::builder().read_timeout(READ + longer).operation_attempt_timeout(ATTEMPT + longer).build();
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts)
}
