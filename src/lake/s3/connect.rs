//! The client: where the bucket is, who asks, how long to wait.

use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

/// Tries of one request, the first included; each pause up to twice the one before, with jitter. Not the SDK's adaptive
/// mode: one that was throttled from rest begins again at a request in many seconds. Who sends many requests at once
/// sends fewer when the store asks for it.
const ATTEMPTS: u32 = 4;
/// The longest pause before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A store that takes no connection for this long is unreachable.
const CONNECT: Duration = Duration::from_secs(3);
/// Silence after a request.
const READ: Duration = Duration::from_secs(15);
/// One try in all; a page of a listing or a preview's range is far below it. Large writes get more: [`patient`].
const ATTEMPT: Duration = Duration::from_secs(30);
/// A body that is sent slower than this, in bytes a second, is given up: 64 KiB.
pub(super) const SENT: u64 = 64 << 10;
/// A store that copies or completes slower than this, in bytes a second, is given up: 16 MiB.
pub(super) const COPIED: u64 = 16 << 20;
/// Where stores that have no regions are said to be.
const NO_REGION: &str = "us-east-1";

/// How to reach a lake on S3. What is unset is found by the SDK's own chain: variables, profiles, SSO,
/// `credential_process`, web identity, container and instance roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// The lake's root in it; empty for the bucket itself.
    pub prefix: String,
    /// The region.
    pub region: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// Another endpoint than AWS's own.
    pub endpoint_url: Option<String>,
    /// Bucket in the path instead of the host name.
    pub path_style: bool,
    /// Send checksums only where the API requires them: some stores refuse the newer ones.
    pub checksums_when_required: bool,
    /// Sign nothing.
    pub anonymous: bool,
    /// The account that the bucket must belong to; every request to another one's is denied.
    pub expected_bucket_owner: Option<String>,
}

/// Makes the client: reads profiles, sends nothing but what a region or role needs.
pub(super) async fn client(settings: &S3Settings) -> Client {
    let region = RegionProviderChain::first_try(settings.region.clone().map(Region::new))
        .or_default_provider()
        .or_else(Region::from_static(NO_REGION));
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).operation_attempt_timeout(ATTEMPT).build();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .retry_config(retries)
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build());
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &settings.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if settings.anonymous {
        loader = loader.no_credentials();
    }
    let shared = loader.load().await;
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
